# SPDX-License-Identifier: BSD-3-Clause
# Read by ctest, once for each GoogleTest program of a build with AIS_TEST_EACH=OFF: makes a test of each suite of it,
# LABEL.PROGRAM.Suite.  What a suite sets up (a cluster of executives) is then set up once, and not for each of its tests.
#
# Instances called Seeds/… are random histories, long and independent: each of them is a test, LABEL.PROGRAM.Seeds/Suite.name/1.
#
# Given: NAME, PROGRAM, FOLDER (to run in), LABEL, TIMEOUT (of one test), ENVIRONMENT.

function(ais_suite_test name filter cost)
    add_test("${LABEL}.${NAME}.${name}" "${PROGRAM}" "--gtest_filter=${filter}")
    # Why five times: a suite is bounded as a whole, and few of its tests are long.
    math(EXPR timeout "${TIMEOUT} * 5")
    set_tests_properties("${LABEL}.${NAME}.${name}" PROPERTIES
        LABELS "${LABEL}" WORKING_DIRECTORY "${FOLDER}" TIMEOUT ${timeout} COST ${cost} ENVIRONMENT "${ENVIRONMENT}")
endfunction()

function(ais_suites)
    execute_process(COMMAND "${PROGRAM}" --gtest_list_tests
        WORKING_DIRECTORY "${FOLDER}" OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        ais_suite_test(cannot_list_its_tests "*" 0)  # fails, and says why
        return()
    endif()
    # Comments show values of parameters, which may have any character.
    string(REGEX REPLACE "[ \t]*#[^\n]*" "" output "${output}")
    string(REPLACE "\n" ";" lines "${output}")
    set(suites "")
    foreach(line IN LISTS lines)
        if(line MATCHES "^  (.+)$")
            string(REGEX REPLACE "[^A-Za-z0-9]" "_" key "${suite}")
            math(EXPR count_${key} "${count_${key}} + 1")
            if(suite MATCHES "^Seeds/")
                ais_suite_test("${suite}.${CMAKE_MATCH_1}" "${suite}.${CMAKE_MATCH_1}" 5)
            endif()
        elseif(line MATCHES "^([^ ]+)\\.$")
            set(suite "${CMAKE_MATCH_1}")
            list(APPEND suites "${suite}")
        endif()
    endforeach()
    list(FILTER suites EXCLUDE REGEX "^Seeds/")
    foreach(suite IN LISTS suites)
        string(REGEX REPLACE "[^A-Za-z0-9]" "_" key "${suite}")
        # The largest begin first.
        ais_suite_test("${suite}" "${suite}.*" ${count_${key}})
    endforeach()
endfunction()

ais_suites()
