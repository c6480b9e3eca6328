# SPDX-License-Identifier: BSD-3-Clause
# A plugin folder is built by one call:
#
#   ais_add_plugin(cpg
#       SERVICE  service.cpp state.cpp snapshot.cpp     # → plugins/cpg.so, and ais::plugin_cpg (static, for
#                                                       #   unit tests and the simulator: AIS_STATIC_PLUGIN)
#       LINK     PkgConfig::SODIUM                      # libraries the service side needs
#       CLIENT   client.cpp                             # → a client library per CLIENT_NAMES
#       CLIENT_NAMES cpg                                # libcpg.so; every name after the first is a link to it
#       CLIENT_VERSION 4.0.0                            # the soname is the first number
#       CLIENT_MAP client.map                           # exported symbols, and nothing else
#       HEADERS  include/cpg.h                          # installed as <openais/…>
#       MAN      man/cpg.7 man/cpg.3                    # mdoc; MLINKS are read from the .Nm lines of section 3
#       TESTS    state_test.cpp wire_test.cpp)          # label unit, linked with the static plugin
#
# Public headers are reachable in the build tree as <openais/NAME.h> through ais::public_headers.

set(AIS_PUBLIC_INCLUDE_DIR ${CMAKE_BINARY_DIR}/include)
add_library(ais_public_headers INTERFACE)
add_library(ais::public_headers ALIAS ais_public_headers)
target_include_directories(ais_public_headers INTERFACE ${AIS_PUBLIC_INCLUDE_DIR})
define_property(GLOBAL PROPERTY AIS_CLIENT_LIBRARIES BRIEF_DOCS "client libraries of all plugins")
define_property(GLOBAL PROPERTY AIS_PLUGINS BRIEF_DOCS "names of all plugins of the tree")

# Installed as <openais/NAME.h>, and reachable so in the build tree.
function(ais_add_public_headers)
    file(MAKE_DIRECTORY ${AIS_PUBLIC_INCLUDE_DIR}/openais)
    foreach(header IN LISTS ARGN)
        get_filename_component(file ${header} NAME)
        file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${header} ${AIS_PUBLIC_INCLUDE_DIR}/openais/${file} SYMBOLIC)
        install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/openais)
    endforeach()
endfunction()

function(ais_install_man)
    foreach(page IN LISTS ARGN)
        get_filename_component(page ${page} ABSOLUTE)
        string(REGEX MATCH "[0-9]$" section ${page})
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
        if(section STREQUAL "3")
            ais_install_man_links(${page})
        endif()
    endforeach()
endfunction()

# man cpg_join: a page of one line for each further .Nm of the NAME section.
function(ais_install_man_links page)
    get_filename_component(file ${page} NAME)
    file(STRINGS ${page} lines REGEX "^\\.(Nm [a-z]|Sh )")
    foreach(line IN LISTS lines)
        if(line MATCHES "^\\.Sh " AND NOT line STREQUAL ".Sh NAME")
            return()
        endif()
        string(REGEX REPLACE "^\\.Nm ([A-Za-z0-9_-]+).*" "\\1" name "${line}")
        if(line MATCHES "^\\.Nm " AND NOT "${name}.3" STREQUAL file)
            file(WRITE ${CMAKE_BINARY_DIR}/man/${name}.3 ".so man3/${file}\n")
            install(FILES ${CMAKE_BINARY_DIR}/man/${name}.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
        endif()
    endforeach()
endfunction()

# libNAME.pc; it finds its prefix from its own place, so that --prefix and a moved tree work.
function(ais_install_pkg_config name version description libs)
    file(RELATIVE_PATH to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
    file(WRITE ${CMAKE_BINARY_DIR}/pkgconfig/lib${name}.pc "prefix=\${pcfiledir}/${to_prefix}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: lib${name}
Description: ${description}
Version: ${version}
Cflags: -I\${includedir}
Libs: -L\${libdir} ${libs}
")
    install(FILES ${CMAKE_BINARY_DIR}/pkgconfig/lib${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# What is installed and runs: the executive, its tools, all plugins and client libraries, without tests.
add_custom_target(product)

function(ais_add_plugin name)
    cmake_parse_arguments(arg "" "CLIENT_VERSION;CLIENT_MAP"
        "SERVICE;LINK;CLIENT;CLIENT_NAMES;HEADERS;MAN;TESTS" ${ARGN})
    set_property(GLOBAL APPEND PROPERTY AIS_PLUGINS ${name})

    ais_add_public_headers(${arg_HEADERS})

    if(arg_SERVICE)
        # All but the manifest is compiled once for both forms of the plugin.
        set(manifest "")
        set(objects "")
        foreach(source IN LISTS arg_SERVICE)
            file(STRINGS ${source} exports REGEX "^AIS_EXPORT_PLUGIN")
            if(exports)
                list(APPEND manifest ${source})
            else()
                list(APPEND objects ${source})
            endif()
        endforeach()
        if(objects)
            add_library(plugin_${name}_objects OBJECT EXCLUDE_FROM_ALL ${objects})
            target_include_directories(plugin_${name}_objects PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
            target_link_libraries(plugin_${name}_objects PRIVATE ais::sdk ais::public_headers ${arg_LINK})
            set(objects $<TARGET_OBJECTS:plugin_${name}_objects>)
        endif()

        add_library(plugin_${name} MODULE ${manifest} ${objects})
        target_include_directories(plugin_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(plugin_${name} PRIVATE ais::sdk ais::public_headers ${arg_LINK})
        # The manifest and nothing else: instantiations of std templates would be exported otherwise.
        target_link_options(plugin_${name} PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/sdk/plugin.map)
        set_target_properties(plugin_${name} PROPERTIES
            PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${AIS_PLUGIN_BUILD_DIR})
        install(TARGETS plugin_${name} DESTINATION ${AIS_PLUGIN_INSTALL_DIR})
        add_dependencies(product plugin_${name})

        add_library(plugin_${name}_static STATIC EXCLUDE_FROM_ALL ${manifest} ${objects})
        add_library(ais::plugin_${name} ALIAS plugin_${name}_static)
        target_compile_definitions(plugin_${name}_static PRIVATE AIS_STATIC_PLUGIN=${name})
        target_include_directories(plugin_${name}_static PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(plugin_${name}_static PUBLIC ais::sdk ais::public_headers ${arg_LINK})
        if(arg_TESTS)
            ais_add_test(NAME plugin_${name}_test LABEL unit SOURCES ${arg_TESTS}
                LINK plugin_${name}_static ais::sdk_testing ais::public_headers)
        endif()
    endif()

    if(arg_CLIENT)
        list(GET arg_CLIENT_NAMES 0 first)
        string(REGEX MATCH "^[0-9]+" soversion ${arg_CLIENT_VERSION})
        set(map ${CMAKE_CURRENT_SOURCE_DIR}/${arg_CLIENT_MAP})
        add_library(client_${first} SHARED ${arg_CLIENT})
        add_library(ais::client_${first} ALIAS client_${first})
        target_include_directories(client_${first} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(client_${first} PRIVATE ais::client PUBLIC ais::public_headers)
        target_link_options(client_${first} PRIVATE -Wl,--version-script=${map} -Wl,--exclude-libs,ALL)
        set_target_properties(client_${first} PROPERTIES
            OUTPUT_NAME ${first} VERSION ${arg_CLIENT_VERSION} SOVERSION ${soversion} LINK_DEPENDS ${map})
        install(TARGETS client_${first} DESTINATION ${CMAKE_INSTALL_LIBDIR})
        add_dependencies(product client_${first})
        ais_install_pkg_config(${first} ${arg_CLIENT_VERSION} "client library of the aisexec service ${name}" -l${first})
        set_property(GLOBAL APPEND PROPERTY AIS_CLIENT_LIBRARIES client_${first})
        list(REMOVE_AT arg_CLIENT_NAMES 0)
        file(MAKE_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
        file(MAKE_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
        foreach(other IN LISTS arg_CLIENT_NAMES)
            file(CREATE_LINK lib${first}.so ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/lib${other}.so SYMBOLIC)
            install(FILES ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/lib${other}.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
        endforeach()
    endif()

    ais_install_man(${arg_MAN})
endfunction()

# libais.so: a linker script that names every client library, so that -lais gives them all.
function(ais_add_client_umbrella)
    get_property(libraries GLOBAL PROPERTY AIS_CLIENT_LIBRARIES)
    set(names "")
    foreach(library IN LISTS libraries)
        get_target_property(name ${library} OUTPUT_NAME)
        string(APPEND names " -l${name}")
    endforeach()
    if(names)
        file(WRITE ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/libais.so "/* all client libraries of aisexec */\nINPUT(${names} )\n")
        install(FILES ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/libais.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
        ais_install_pkg_config(ais ${PROJECT_VERSION} "all client libraries of aisexec" -lais)
    endif()
endfunction()
