// SPDX-License-Identifier: BSD-3-Clause

#include "totem/config.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::milliseconds;

// What validate() says about the defaults with one change; empty if nothing.
template <typename Change>
std::string complaint(Change change) {
    Config config;
    change(config);
    const auto result = config.validate();
    return result ? "" : result.error().text;
}

TEST(Config, accepts_its_defaults) {
    EXPECT_TRUE(Config().validate().ok());
}

TEST(Config, names_the_key_and_the_remedy) {
    EXPECT_EQ(complaint([](Config& c) { c.token_retransmit_timeout = milliseconds(600); }),
              "totem: token_retransmit: 600 ms is more than half of token (1000 ms): a lost token "
              "could not be sent again in time; 250 is usual");
    EXPECT_EQ(complaint([](Config& c) { c.consensus_timeout = milliseconds(50); }),
              "totem: consensus: 50 ms leaves no room for three joins; at least 60 would be right");
}

TEST(Config, refuses_relations_that_cannot_work) {
    const auto starts = [](const std::string& text, const char* key) {
        return text.starts_with("totem: " + std::string(key) + ": ");
    };
    EXPECT_TRUE(starts(complaint([](Config& c) { c.hold_timeout = milliseconds(910); }), "token"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.hold_timeout = {}; }), "hold"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.detection_time = milliseconds(49); }),
                       "detection_time"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.join_timeout = {}; }), "join"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.merge_timeout = {}; }), "merge"));
    EXPECT_TRUE(
        starts(complaint([](Config& c) { c.token_retransmit_timeout = {}; }), "token_retransmit"));
    EXPECT_TRUE(
        starts(complaint([](Config& c) { c.fail_to_receive_rotations = 1; }), "fail_recv_const"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.seqno_unchanged_rotations = 1; }),
                       "seqno_unchanged_const"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.window_size = 0; }), "window_size"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.max_messages = 257; }), "max_messages"));
    EXPECT_TRUE(
        starts(complaint([](Config& c) { c.accelerated_window = 257; }), "accelerated_window"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.datagram_max = 500; }), "netmtu"));
    EXPECT_TRUE(starts(complaint([](Config& c) { c.log_slots = 3000; }), "log_slots"));
    EXPECT_TRUE(starts(complaint([](Config& c) {
                           c.window_size = 50;
                           c.max_messages = 17;
                           c.accelerated_window = 0;
                           c.log_slots = 1000;
                       }),
                       "log_slots"));
}

}  // namespace
}  // namespace ais::totem
