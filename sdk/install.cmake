# SPDX-License-Identifier: BSD-3-Clause
# What a third party gets: `cmake --install BUILD --component sdk --prefix DIR` installs this alone.
#
# Client headers go to include/ais/sdk/client, with include/ais/sdk on the path, so that they are included as
# "client/connection.hpp" here and there, and a client library moves in or out of the tree unchanged.

include(CMakePackageConfigHelpers)

set(AIS_SDK_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/AisSdk)
set(AIS_SDK_GENERATED ${CMAKE_CURRENT_BINARY_DIR}/package)

install(DIRECTORY include/ais DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

set(AIS_SDK_HAS_CLIENT OFF)
if(TARGET ais_client)
    set(AIS_SDK_HAS_CLIENT ON)
    install(TARGETS ais_client ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
    install(FILES client/ais.hpp client/ais_library.hpp client/connection.hpp client/dispatch.hpp client/library.hpp
        client/process_mark.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ais/sdk/client COMPONENT sdk)
endif()

configure_package_config_file(AisSdkConfig.cmake.in ${AIS_SDK_GENERATED}/AisSdkConfig.cmake
    INSTALL_DESTINATION ${AIS_SDK_CMAKE_DIR}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR AIS_SDK_CMAKE_DIR)
# The C++ layer is source: a plugin that builds today builds with any later 0.x or 1.x.
write_basic_package_version_file(${AIS_SDK_GENERATED}/AisSdkConfigVersion.cmake
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion)
install(FILES ${AIS_SDK_GENERATED}/AisSdkConfig.cmake ${AIS_SDK_GENERATED}/AisSdkConfigVersion.cmake plugin.map
    DESTINATION ${AIS_SDK_CMAKE_DIR} COMPONENT sdk)

configure_file(ais-sdk.pc.in ${AIS_SDK_GENERATED}/ais-sdk.pc @ONLY)
install(FILES ${AIS_SDK_GENERATED}/ais-sdk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)

set(AIS_SDK_DATA_DIR ${CMAKE_INSTALL_DATADIR}/ais-sdk)
install(DIRECTORY template examples DESTINATION ${AIS_SDK_DATA_DIR} COMPONENT sdk)
install(FILES README.md DESTINATION ${AIS_SDK_DATA_DIR} COMPONENT sdk)
install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/new-plugin DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME ais-new-plugin
    COMPONENT sdk)
install(FILES man/ais-plugin.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT sdk)
install(FILES man/ais-service.3 man/ais-host.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT sdk)
