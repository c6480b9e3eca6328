# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the header-only layer.  (tests/ and not beside the headers, which are installed.)

ais_add_test(NAME sdk_test LABEL unit
    SOURCES tests/service_test.cpp tests/backends_test.cpp tests/handle_table_test.cpp tests/fake_host_test.cpp
    LINK ais::sdk_testing)
