// SPDX-License-Identifier: BSD-3-Clause

#include "os/log_sinks.hpp"

#include "os/folder_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace ais::os {
namespace {

using testing::HasSubstr;
using testing::Not;

LogOptions to_file(const TestDirectory& directory) {
    LogOptions options;
    options.to_stderr = false;
    options.to_file = true;
    options.logfile = directory.file("ais.log");
    return options;
}

TEST(LogFile, a_line_has_time_level_id_subsystem_and_text) {
    const TestDirectory directory;
    {
        auto log = LogSinks::open(to_file(directory));
        ASSERT_TRUE(log.ok());
        AIS_LOG(**log, notice, "totem", "TOTEM-003", "ring ", 7, " formed");
    }
    const std::regex form(
        R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} notice TOTEM-003 \[totem\] ring 7 formed\n)");
    EXPECT_TRUE(std::regex_match(content_of(directory.file("ais.log")), form))
        << content_of(directory.file("ais.log"));
}

TEST(LogFile, is_appended_to_and_has_no_time_if_that_is_off) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.timestamp = false;
    for (const char* text : {"one", "two"}) {
        auto log = LogSinks::open(options);
        ASSERT_TRUE(log.ok());
        (*log)->write(Level::warning, "x", "X-001", text);
    }
    EXPECT_EQ(content_of(directory.file("ais.log")),
              "warning X-001 [x] one\nwarning X-001 [x] two\n");
}

TEST(LogFile, text_from_outside_cannot_forge_lines) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.timestamp = false;
    {
        auto log = LogSinks::open(options);
        ASSERT_TRUE(log.ok());
        (*log)->write(Level::info, "cpg", "CPG-001", "group 'a\nerror X [y] z\r\x1b[2J' %s {}");
    }
    EXPECT_EQ(content_of(directory.file("ais.log")),
              "info CPG-001 [cpg] group 'a\ninfo CPG-001 [cpg] error X [y] z??[2J' %s {}\n");
}

TEST(LogFile, debug_lines_come_only_where_they_are_wanted) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.loggers = {{"totem", true}};
    {
        auto log = LogSinks::open(options);
        ASSERT_TRUE(log.ok());
        EXPECT_TRUE((*log)->wants(Level::debug, "totem"));
        EXPECT_FALSE((*log)->wants(Level::debug, "udp"));
        EXPECT_TRUE((*log)->wants(Level::info, "udp"));
        AIS_LOG(**log, debug, "totem", "", "shown");
        AIS_LOG(**log, debug, "udp", "", "hidden");
    }
    const auto text = content_of(directory.file("ais.log"));
    EXPECT_THAT(text, HasSubstr("debug [totem] shown"));
    EXPECT_THAT(text, Not(HasSubstr("hidden")));
}

TEST(LogFile, a_subsystem_can_be_left_out_of_debug) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.debug = true;
    options.loggers = {{"udp", false}};
    auto log = LogSinks::open(options);
    ASSERT_TRUE(log.ok());
    EXPECT_TRUE((*log)->wants(Level::debug, "totem"));
    EXPECT_FALSE((*log)->wants(Level::debug, "udp"));
}

TEST(LogFile, settings_that_cannot_work_name_their_key) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.logfile = directory.file("no/such/ais.log");
    // spdlog makes missing directories; a file in the place of one stops it.
    ASSERT_TRUE(std::ofstream(directory.file("no")).good());
    auto log = LogSinks::open(options);
    ASSERT_FALSE(log.ok());
    EXPECT_THAT(log.error().text, HasSubstr("logging.logfile"));
    options.logfile.clear();
    EXPECT_THAT(LogSinks::open(options).error().text, HasSubstr("logging.logfile"));
    options = {};
    options.to_syslog = true;
    options.syslog_facility = "kitchen";
    EXPECT_THAT(LogSinks::open(options).error().text, HasSubstr("kitchen"));
}

TEST(LogFile, a_storm_of_lines_loses_the_oldest_and_says_how_many) {
    const TestDirectory directory;
    auto options = to_file(directory);
    options.queue_lines = 64;
    std::uint64_t lost = 0;
    {
        auto log = LogSinks::open(options);
        ASSERT_TRUE(log.ok());
        for (int i = 0; i < 20000; ++i) {
            (*log)->write(Level::info, "x", "X-001", "line " + std::to_string(i));
        }
        lost = (*log)->lost_lines();
    }
    std::istringstream text(content_of(directory.file("ais.log")));
    std::uint64_t written = 0;
    std::string last;
    for (std::string line; std::getline(text, line);) {
        written += line.find("[x] line") != std::string::npos ? 1 : 0;
        last = line;
    }
    EXPECT_THAT(last, HasSubstr("line 19999"));
    EXPECT_GE(written + lost, 20000U);  // a line about lost lines may be lost itself
    EXPECT_LE(written, 20000U);
}

TEST(LogStderr, is_written) {
    testing::internal::CaptureStderr();
    {
        auto log = LogSinks::open({});
        ASSERT_TRUE(log.ok());
        (*log)->write(Level::error, "x", "X-001", "to the terminal");
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("error X-001 [x] to the terminal"));
}

TEST(StartUpLog, goes_straight_to_standard_error) {
    testing::internal::CaptureStderr();
    AIS_LOG(start_up_log(), error, "config", "CFG-001", "no file");
    AIS_LOG(start_up_log(), debug, "config", "", "not this");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "aisexec: error CFG-001 [config] no file\n");
}

}  // namespace
}  // namespace ais::os
