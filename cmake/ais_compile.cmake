# SPDX-License-Identifier: BSD-3-Clause
# Compiler settings that hold for every target of the tree.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "build type" FORCE)
endif()

# Everything that runs from the build tree lies in three folders, as it will when installed.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(AIS_PLUGIN_BUILD_DIR ${CMAKE_BINARY_DIR}/plugins)
set(AIS_PLUGIN_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/ais/plugins)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(AIS_WERROR)
    add_compile_options(-Werror)
endif()
# Why: out of a precompiled header g++ 12 warns about std::string's own code, here and there.  A build without
# has these warnings, and it is the one that is made every day.
if(AIS_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    foreach(warning IN ITEMS array-bounds stringop-overread stringop-overflow restrict maybe-uninitialized)
        add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-${warning}>)
    endforeach()
endif()
# A plugin that is replaced at run time must not be pinned by STB_GNU_UNIQUE symbols
# (docs/abi/plugin_abi.md).  clang never emits them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
endif()
if(AIS_SANITIZE)
    # Why: with sanitizers g++ 12 takes std::regex's own std::function for uninitialized.
    add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
    add_compile_options(-fsanitize=${AIS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=${AIS_SANITIZE})
endif()
# A fuzzer steers by the branches of the code it feeds, not only of its own.
if(AIS_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(AIS_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
find_program(AIS_CCACHE ccache)
if(AIS_CCACHE AND NOT AIS_PCH)
    set(CMAKE_C_COMPILER_LAUNCHER ${AIS_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${AIS_CCACHE})
endif()

# All targets of a folder and of those below it.
function(ais_targets_below directory result)
    get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
    get_property(folders DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
    foreach(folder IN LISTS folders)
        ais_targets_below(${folder} more)
        list(APPEND targets ${more})
    endforeach()
    set(${result} ${targets} PARENT_SCOPE)
endfunction()
