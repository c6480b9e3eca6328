// SPDX-License-Identifier: BSD-3-Clause

#include "base/mark.hpp"
#include "totem/packet.hpp"
#include "totem/testing/tiny_cluster.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::microseconds;
using testing::TinyCluster;

class Stay : public ::testing::Test {
  protected:
    explicit Stay(const Config& config = TinyCluster::small()) : cluster(3, config) {}

    void SetUp() override {
        ASSERT_TRUE(cluster.form());
        cluster.run(500);
    }

    TinyCluster::Node& node(std::size_t number) { return cluster[number - 1]; }
    const Stats& stats(std::size_t number) { return node(number).engine->stats(); }

    void send(std::size_t number, Guarantee guarantee = Guarantee::agreed) {
        node(number).waiting = 1;
        node(number).next_guarantee = guarantee;
        node(number).engine->wake(cluster.now, node(number));
    }

    // Until node `number` has delivered what it sends now; how many tokens passed it meanwhile.
    std::uint64_t call(std::size_t number, Guarantee guarantee = Guarantee::agreed) {
        const auto tokens = stats(number).tokens;
        node(number).last_sender = NodeId();
        send(number, guarantee);
        for (int i = 0; i < 1000 && node(number).last_sender != node(number).id; ++i) {
            cluster.run(1);
        }
        EXPECT_EQ(node(number).last_sender, node(number).id);
        return stats(number).tokens - tokens;
    }

    void be_silent(std::size_t number) {
        const auto tokens = stats(number).tokens;
        while (stats(number).tokens < tokens + 4) {
            cluster.run(1);
        }
    }

    // A program that calls again as soon as it has its answer, until the token stays for it.
    void call_until_it_stays(std::size_t number) {
        for (int i = 0; i < 10 && stats(number).stays == 0; ++i) {
            call(number);
        }
        ASSERT_GT(stats(number).stays, 0u);
    }

    TinyCluster cluster;
};

TEST_F(Stay, lone_sender_needs_no_rotation) {
    call_until_it_stays(2);
    const auto before = stats(2).sent_staying;
    for (int i = 0; i < 5; ++i) {
        EXPECT_MARK("stay.goes_on", EXPECT_EQ(call(2), 0u));
    }
    EXPECT_EQ(stats(2).sent_staying, before + 5);
    cluster.run(100);
    for (const auto& each : cluster.nodes) {
        EXPECT_EQ(each->delivered, node(2).delivered);
    }
}

TEST_F(Stay, token_leaves_when_the_program_is_silent) {
    call_until_it_stays(2);
    const auto tokens = stats(3).tokens;
    const Instant begin = cluster.now;
    while (stats(3).tokens == tokens) {
        cluster.run(1);
    }
    EXPECT_LE(cluster.now - begin, std::chrono::milliseconds(1));
}

TEST_F(Stay, token_leaves_after_a_while_though_the_program_goes_on) {
    call_until_it_stays(2);
    const auto tokens = stats(3).tokens;
    const Instant begin = cluster.now;
    while (stats(3).tokens == tokens) {
        call(2);
        cluster.now += microseconds(100);
    }
    EXPECT_LE(cluster.now - begin, TinyCluster::small().stay_max + std::chrono::milliseconds(1));
    // Or when it has sent what one visit may.
    EXPECT_EQ(stats(2).sent_staying, TinyCluster::small().max_messages - 1);
}

TEST_F(Stay, other_sender_is_given_the_token_at_once) {
    call_until_it_stays(2);
    call(2);
    while (!cluster.wire.empty()) {
        cluster.step();  // node 3 has seen the message, and that the token stays
    }
    const auto delivered = node(1).delivered;
    const Instant begin = cluster.now;
    EXPECT_MARK("operational.stay_cancelled", {
        send(3);
        while (!cluster.wire.empty() && node(1).delivered == delivered) {
            cluster.step();
        }
    });
    EXPECT_EQ(node(1).last_sender, NodeId(3));
    EXPECT_LE(cluster.now - begin, microseconds(50));  // three datagrams on this wire
}

TEST_F(Stay, what_is_in_vain_is_tried_less_often) {
    for (int i = 0; i < 40; ++i) {
        call(2);
        be_silent(2);
    }
    EXPECT_GE(stats(2).stays, 2u);
    EXPECT_LE(stats(2).stays, 8u);
    const auto before = stats(2).sent_staying;
    for (int i = 0; i < 200 && stats(2).sent_staying < before + 5; ++i) {
        call(2);  // and is tried again when that changes
    }
    EXPECT_EQ(stats(2).sent_staying, before + 5);
}

TEST_F(Stay, not_while_another_sends) {
    call(2);
    call(3);
    const auto stays = stats(2).stays + stats(3).stays;
    for (int i = 0; i < 20; ++i) {
        call(2);
        call(3);
    }
    EXPECT_EQ(stats(2).stays + stats(3).stays, stays);
}

TEST_F(Stay, not_for_safe_messages) {
    for (int i = 0; i < 20; ++i) {
        call(2, Guarantee::safe);
    }
    EXPECT_EQ(stats(2).stays, 0u);
}

TEST_F(Stay, ends_for_a_safe_message) {
    call_until_it_stays(2);
    const Instant begin = cluster.now;
    EXPECT_GT(call(2, Guarantee::safe), 0u);
    call(2);  // and the others hear in time that it is safe
    while (node(1).delivered < node(2).delivered) {
        cluster.run(1);
    }
    EXPECT_LE(cluster.now - begin, microseconds(300));
}

TEST_F(Stay, not_for_many_messages) {
    for (int i = 0; i < 20; ++i) {
        node(2).waiting = 3;
        node(2).engine->wake(cluster.now, node(2));
        cluster.run(20);
    }
    EXPECT_EQ(stats(2).stays, 0u);
}

TEST_F(Stay, sends_a_burst_at_once_and_leaves) {
    call_until_it_stays(2);
    const auto delivered = node(3).delivered;
    node(2).waiting = 4;
    node(2).engine->wake(cluster.now, node(2));
    EXPECT_EQ(node(2).waiting, 0u);
    while (!cluster.wire.empty() && node(3).delivered < delivered + 4) {
        cluster.step();
    }
    EXPECT_EQ(node(3).delivered, delivered + 4);
    EXPECT_EQ(node(2).engine->stats().sent_staying, 4u);
}

// The window of a ring is for a visit however long it lasts.
TEST_F(Stay, sends_no_more_than_a_visit_may) {
    call_until_it_stays(2);
    node(2).waiting = 100;
    const auto before = stats(2).sent;
    node(2).engine->wake(cluster.now, node(2));
    EXPECT_LE(stats(2).sent - before, TinyCluster::small().max_messages);
    cluster.run(300);
    EXPECT_EQ(node(2).waiting, 0u);
    EXPECT_EQ(node(1).delivered, node(2).delivered);
}

TEST_F(Stay, lost_message_is_asked_for_after_it) {
    call_until_it_stays(2);
    while (!cluster.wire.empty()) {
        cluster.step();
    }
    send(2);
    ASSERT_FALSE(cluster.wire.empty());
    cluster.wire.clear();  // nobody gets it
    cluster.run(300);
    EXPECT_EQ(node(1).delivered, node(2).delivered);
    EXPECT_EQ(node(3).delivered, node(2).delivered);
}

class StayNever : public Stay {
  protected:
    StayNever()
        : Stay([] {
              Config config = TinyCluster::small();
              config.stay_max = Duration::zero();
              return config;
          }()) {}
};

TEST_F(StayNever, is_the_original_protocol) {
    for (int i = 0; i < 20; ++i) {
        EXPECT_GT(call(2), 0u);
    }
    EXPECT_EQ(stats(2).stays, 0u);
}

}  // namespace
}  // namespace ais::totem
