# Kernels are compiled once per instruction set and chosen at run time: a file src/compute/cpu/*_<isa>.c gets the flags of
# its suffix. On other architectures than x86-64 only the portable ones are built.
set(VITRAIN_ISA_avx2 -mavx2 -mfma)
set(VITRAIN_ISA_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512)
set(VITRAIN_ISA_avx512_bf16 ${VITRAIN_ISA_avx512} -mavx512bf16)
set(VITRAIN_ISA_avx512_amx ${VITRAIN_ISA_avx512_bf16} -mamx-tile -mamx-bf16)

foreach(isa avx2 avx512 avx512_bf16 avx512_amx)
  file(GLOB isa_sources CONFIGURE_DEPENDS src/*/*_${isa}.c src/*/*/*_${isa}.c)
  foreach(source IN LISTS isa_sources)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${VITRAIN_ISA_${isa}}")
    else()
      set_source_files_properties(${source} PROPERTIES HEADER_FILE_ONLY ON)
    endif()
  endforeach()
endforeach()
