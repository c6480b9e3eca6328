# SPDX-License-Identifier: BSD-3-Clause
# Precompiled headers of the standard library and of GoogleTest for every C++ target: a third of a build from
# nothing.  Off unless AIS_PCH is on, since ccache, which helps more on a machine that builds often, does not take
# such objects.  The fuzz preset is always built without: an #include that is missing shows there.
option(AIS_PCH "precompile what most sources include (for one build from nothing, as CI's)" OFF)

set(AIS_PCH_STANDARD <algorithm> <array> <chrono> <cstdint> <cstring> <functional> <map> <memory> <optional> <set>
    <span> <sstream> <string> <string_view> <utility> <vector>)

# Executables and libraries differ in -fPIE and -fPIC, and a precompiled header is of one of them.
function(ais_make_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cpp "int main() {}\n")
    file(WRITE ${CMAKE_BINARY_DIR}/pch/empty_library.cpp "")
    add_executable(ais_pch_program ${CMAKE_BINARY_DIR}/pch/empty.cpp)
    target_precompile_headers(ais_pch_program PRIVATE ${AIS_PCH_STANDARD})
    add_library(ais_pch_library OBJECT ${CMAKE_BINARY_DIR}/pch/empty_library.cpp)
    target_precompile_headers(ais_pch_library PRIVATE ${AIS_PCH_STANDARD})
    if(TARGET GTest::gtest)
        add_executable(ais_pch_test ${CMAKE_BINARY_DIR}/pch/empty.cpp)
        target_link_libraries(ais_pch_test PRIVATE GTest::gtest GTest::gmock)
        target_precompile_headers(ais_pch_test PRIVATE ${AIS_PCH_STANDARD} <gtest/gtest.h> <gmock/gmock.h>)
    endif()
endfunction()

function(ais_use_pch_everywhere)
    ais_targets_below(${CMAKE_SOURCE_DIR} targets)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        get_target_property(sources ${target} SOURCES)
        if(target MATCHES "^ais_pch_" OR NOT "${sources}" MATCHES "\\.cpp")
            continue()
        endif()
        set(c_sources ${sources})
        list(FILTER c_sources INCLUDE REGEX "\\.c$")
        if(c_sources)
            continue()  # CMake 3.25 wants a header of each language then
        endif()
        get_target_property(links ${target} LINK_LIBRARIES)
        if(type STREQUAL "EXECUTABLE" AND "${links}" MATCHES "GTest::")
            target_precompile_headers(${target} REUSE_FROM ais_pch_test)
        elseif(type STREQUAL "EXECUTABLE")
            target_precompile_headers(${target} REUSE_FROM ais_pch_program)
        elseif(type MATCHES "_LIBRARY$" AND NOT type STREQUAL "INTERFACE_LIBRARY")
            target_precompile_headers(${target} REUSE_FROM ais_pch_library)
        endif()
    endforeach()
endfunction()

# After all targets.
function(ais_use_pch)
    if(AIS_PCH)
        ais_make_pch()
        ais_use_pch_everywhere()
    endif()
endfunction()
