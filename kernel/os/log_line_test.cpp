// SPDX-License-Identifier: BSD-3-Clause

#include "os/log_sinks.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

TEST(LogLine, has_level_id_subsystem_and_text) {
    std::string out;
    append_log_line(out, Level::notice, "totem", "TOTEM-003", "ring 1.24 formed");
    EXPECT_EQ(out, "notice TOTEM-003 [totem] ring 1.24 formed");
}

TEST(LogLine, without_id_has_no_gap) {
    std::string out;
    append_log_line(out, Level::debug, "udp", "", "x");
    EXPECT_EQ(out, "debug [udp] x");
}

TEST(LogLine, every_level_has_a_name_of_its_own) {
    EXPECT_EQ(name_of(Level::error), "error");
    EXPECT_EQ(name_of(Level::warning), "warning");
    EXPECT_EQ(name_of(Level::info), "info");
}

}  // namespace
}  // namespace ais::os
