# SPDX-License-Identifier: BSD-3-Clause
# Tests.  ais_add_test(NAME group_test LABEL unit SOURCES a_test.cpp … LINK ais::group)
# makes one GoogleTest program; each TEST in it is a test of ctest, so `ctest -R Packer` works.  With AIS_TEST_EACH off
# each suite is one (ais_suites.cmake), which takes less time, since a suite is set up once.
option(AIS_TEST_EACH "a test of ctest for each TEST, and not for each suite" ON)

if(AIS_TESTS)
    enable_testing()
    find_package(GTest REQUIRED)
    include(GoogleTest)
    add_library(ais_test_main STATIC ${CMAKE_CURRENT_LIST_DIR}/../tests/main/main.cpp)
    target_link_libraries(ais_test_main PUBLIC GTest::gtest GTest::gmock)
endif()

# What the tests of a label need: `ninja unit_tests`.
function(ais_test_needs label)
    if(NOT TARGET ${label}_tests)
        add_custom_target(${label}_tests)
    endif()
    foreach(word IN LISTS ARGN)
        string(REGEX REPLACE "^\\$<TARGET_FILE:(.*)>$" "\\1" word "${word}")
        if(TARGET ${word})
            add_dependencies(${label}_tests ${word})
        endif()
    endforeach()
endfunction()

function(ais_add_test)
    cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT" "SOURCES;LINK;ENVIRONMENT" ${ARGN})
    if(NOT AIS_TESTS)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} ais_test_main GTest::gtest GTest::gmock)
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    ais_test_needs(${arg_LABEL} ${arg_NAME})
    if(AIS_TEST_EACH)
        gtest_discover_tests(${arg_NAME}
            DISCOVERY_MODE PRE_TEST
            TEST_PREFIX ${arg_LABEL}.
            WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
            PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
    else()
        set(list ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}_suites.cmake)
        file(WRITE ${list} "set(NAME \"${arg_NAME}\")
set(PROGRAM \"${CMAKE_BINARY_DIR}/tests/${arg_NAME}\")
set(FOLDER \"${CMAKE_CURRENT_SOURCE_DIR}\")
set(LABEL \"${arg_LABEL}\")
set(TIMEOUT ${arg_TIMEOUT})
set(ENVIRONMENT \"${arg_ENVIRONMENT}\")
include(\"${CMAKE_SOURCE_DIR}/cmake/ais_suites.cmake\")
")
        set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list})
    endif()
endfunction()

# ais_add_script_test(NAME x LABEL process COMMAND …): exit 0 passes, exit 77 skips with the printed reason.
# SECONDS says about how long it takes, if that is long: the longest begin first.
function(ais_add_script_test)
    cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT;SECONDS" "COMMAND;ENVIRONMENT" ${ARGN})
    if(NOT AIS_TESTS)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    if(NOT arg_SECONDS)
        set(arg_SECONDS 0)
    endif()
    ais_test_needs(${arg_LABEL} ${arg_COMMAND})
    add_test(NAME ${arg_LABEL}.${arg_NAME} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${arg_LABEL}.${arg_NAME} PROPERTIES
        LABELS "${arg_LABEL}" COST ${arg_SECONDS} TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
