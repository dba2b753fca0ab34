# Program, libraries, headers, a pkg-config file and a CMake package.
include(CMakePackageConfigHelpers)
install(TARGETS vitrain RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS vitrain_shared vitrain_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/vitrain DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
configure_file(cmake/vitrain.pc.in vitrain.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vitrain.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(cmake/vitrain-config.cmake.in vitrain-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vitrain
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(vitrain-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vitrain-config.cmake ${PROJECT_BINARY_DIR}/vitrain-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vitrain)
