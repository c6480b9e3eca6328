# SPDX-License-Identifier: BSD-3-Clause
# Tests.  ais_add_test(NAME group_test LABEL unit SOURCES a_test.cpp … LINK ais::group)
# makes one GoogleTest program; each TEST in it is a test of ctest, so `ctest -R Packer` works.

if(AIS_TESTS)
    enable_testing()
    find_package(GTest REQUIRED)
    include(GoogleTest)
endif()

function(ais_add_test)
    cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT" "SOURCES;LINK;ENVIRONMENT" ${ARGN})
    if(NOT AIS_TESTS)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    gtest_discover_tests(${arg_NAME}
        DISCOVERY_MODE PRE_TEST
        TEST_PREFIX ${arg_LABEL}.
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
        PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()

# ais_add_script_test(NAME x LABEL process COMMAND …): exit 0 passes, exit 77 skips with the printed reason.
function(ais_add_script_test)
    cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT" "COMMAND;ENVIRONMENT" ${ARGN})
    if(NOT AIS_TESTS)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_test(NAME ${arg_LABEL}.${arg_NAME} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${arg_LABEL}.${arg_NAME} PROPERTIES
        LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()

# ais_add_fuzz(NAME packet_fuzz SOURCES packet_fuzz.cpp LINK ais::totem CORPUS dir): a libFuzzer
# program (clang, AIS_FUZZ) and a 5 s smoke run in ctest.
if(AIS_FUZZ)
    add_custom_target(fuzzers)
endif()

function(ais_add_fuzz)
    cmake_parse_arguments(arg "" "NAME;CORPUS" "SOURCES;LINK" ${ARGN})
    if(NOT AIS_FUZZ)
        return()
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_compile_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK})
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    add_dependencies(fuzzers ${arg_NAME})
    set(work ${CMAKE_BINARY_DIR}/fuzz/${arg_NAME}.corpus)
    file(MAKE_DIRECTORY ${work})
    add_test(NAME fuzz.${arg_NAME}
        COMMAND ${arg_NAME} -max_total_time=5 -timeout=5 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 ${work} ${arg_CORPUS})
    set_tests_properties(fuzz.${arg_NAME} PROPERTIES LABELS fuzz TIMEOUT 60)
endfunction()
