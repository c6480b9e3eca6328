# SPDX-License-Identifier: BSD-3-Clause
# Level 7: the program.
foreach(part IN ITEMS options os unix_server plugin service)
    if(NOT TARGET ais::${part})
        message(STATUS "the executive is not built: kernel/${part} is missing")
        return()
    endif()
endforeach()
find_package(nlohmann_json REQUIRED)
add_executable(aisexec-kernel main.cpp daemon.cpp daemon_control.cpp control.cpp network.cpp configuration.cpp embedded.cpp machine_facts.cpp)
file(RELATIVE_PATH plugins_from_program ${CMAKE_INSTALL_FULL_SBINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/ais/plugins)
target_compile_definitions(aisexec-kernel PRIVATE
    AIS_VERSION="${PROJECT_VERSION}"
    AIS_PLUGIN_DIR="${CMAKE_INSTALL_FULL_LIBDIR}/ais/plugins"
    AIS_PLUGIN_DIR_FROM_PROGRAM="${plugins_from_program}")
target_link_libraries(aisexec-kernel PRIVATE
    ais::options ais::os ais::unix_server ais::plugin ais::service ais::sync ais::ipc ais::group ais::links ais::totem
    ais::config ais::base nlohmann_json::nlohmann_json)
install(TARGETS aisexec-kernel DESTINATION ${CMAKE_INSTALL_SBINDIR})
# The name that openais had.
install(CODE "file(CREATE_LINK aisexec-kernel
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/aisexec\" SYMBOLIC)")
