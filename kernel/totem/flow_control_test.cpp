// SPDX-License-Identifier: BSD-3-Clause

#include "totem/flow_control.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace ais::totem {
namespace {

// Messages per rotation of saturated nodes, after the start.
double saturated(std::size_t nodes, std::uint32_t window, std::uint32_t max_messages) {
    std::vector<FlowControl> flows(nodes);
    for (FlowControl& flow : flows) {
        flow.reset(window, max_messages);
    }
    Token token;
    std::uint64_t sum = 0;
    for (int rotation = 0; rotation < 110; ++rotation) {
        std::uint32_t sent = 0;
        for (FlowControl& flow : flows) {
            const std::uint32_t allowed = flow.allowed(token, 1000);
            flow.account(token, allowed, 1000);
            sent += allowed;
        }
        EXPECT_EQ(token.fcc, sent);
        sum += rotation >= 10 ? sent : 0;
    }
    return static_cast<double>(sum) / 100;
}

TEST(FlowControl, fills_the_window_that_openais_left_open) {
    // openais: 37.5, 41.7 and 44.6.
    EXPECT_NEAR(saturated(3, 50, 17), 50, 1);
    EXPECT_DOUBLE_EQ(saturated(5, 50, 17), 50);
    EXPECT_NEAR(saturated(8, 50, 17), 50, 1);
}

// One node of 64 has one message more than the others, and nobody's share is whole.
TEST(FlowControl, loses_nothing_of_shares_that_are_not_whole) {
    std::vector<FlowControl> flows(64);
    for (FlowControl& flow : flows) {
        flow.reset(128, 64);
    }
    Token token;
    std::uint64_t sum = 0;
    for (int rotation = 0; rotation < 110; ++rotation) {
        for (std::size_t i = 0; i < flows.size(); ++i) {
            const std::uint64_t backlog = i == 0 ? 1001 : 1000;
            const std::uint32_t allowed = flows[i].allowed(token, backlog);
            flows[i].account(token, allowed, backlog);
            sum += rotation >= 10 ? allowed : 0;
        }
    }
    EXPECT_NEAR(static_cast<double>(sum) / 100, 128, 1);
}

TEST(FlowControl, gives_a_single_sender_its_maximum) {
    FlowControl flow;
    flow.reset(50, 17);
    Token token;
    for (int visit = 0; visit < 5; ++visit) {
        EXPECT_EQ(flow.allowed(token, 1000), 17u);
        flow.account(token, 17, 1000);
    }
}

TEST(FlowControl, shares_by_backlog) {
    FlowControl flow;
    flow.reset(100, 100);
    Token token;
    token.backlog = 300;  // of others
    EXPECT_EQ(flow.allowed(token, 100), 25u);
    EXPECT_EQ(flow.allowed(token, 0), 100u);  // for retransmissions
}

TEST(FlowControl, sends_half_after_a_lost_token_and_slowly_more) {
    FlowControl flow;
    flow.reset(100, 100);
    Token token;
    flow.account(token, 80, 1000);
    flow.note_lost_token();
    EXPECT_EQ(flow.allowed(token, 1000), 40u);
    flow.note_lost_token();  // once more, the same visit
    EXPECT_EQ(flow.allowed(token, 1000), 40u);
    for (int visit = 0; visit < 10; ++visit) {
        flow.account(token, 40, 1000);
    }
    EXPECT_EQ(flow.allowed(token, 1000), 60u);
    for (int visit = 0; visit < 100; ++visit) {
        flow.account(token, 0, 0);
    }
    flow.note_lost_token();  // it was not our data
    EXPECT_EQ(flow.allowed(token, 1000), 100u);
}

TEST(FlowControl, starves_nobody) {
    FlowControl flow;
    flow.reset(10, 10);
    Token token;
    token.fcc = 10;
    token.backlog = 1000000;
    EXPECT_EQ(flow.allowed(token, 1), 1u);
}

TEST(FlowControl, survives_nonsense_in_the_token) {
    FlowControl flow;
    flow.reset(10, 10);
    Token token;
    flow.account(token, 5, 7);
    token.fcc = 0;
    token.backlog = 0;
    EXPECT_EQ(flow.allowed(token, 3), 10u);
    flow.account(token, 2, 3);
    EXPECT_EQ(token.fcc, 2u);
    EXPECT_EQ(token.backlog, 3u);
    token.fcc = token.backlog = std::numeric_limits<std::uint32_t>::max();
    flow.account(token, 10, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(token.fcc, std::numeric_limits<std::uint32_t>::max());
}

}  // namespace
}  // namespace ais::totem
