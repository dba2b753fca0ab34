# Program, libraries, headers, a pkg-config file and a CMake package.
include(CMakePackageConfigHelpers)
install(TARGETS vitrain RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS vitrain_shared vitrain_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/vitrain DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
# The installed tree may be moved, so the pkg-config file finds the prefix from its own place.
file(RELATIVE_PATH VITRAIN_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" VITRAIN_PREFIX_FROM_PKGCONFIG "${VITRAIN_PREFIX_FROM_PKGCONFIG}")
configure_file(cmake/vitrain.pc.in vitrain.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vitrain.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(cmake/vitrain-config.cmake.in vitrain-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vitrain
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(vitrain-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vitrain-config.cmake ${PROJECT_BINARY_DIR}/vitrain-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vitrain)
