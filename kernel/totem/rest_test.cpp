// SPDX-License-Identifier: BSD-3-Clause
//
// A message now and then on a ring that rests in between, and one datagram lost: each one in turn,
// until the ring rests again.  The next message may not wait for the end of a rest.

#include "base/mark.hpp"
#include "totem/packet.hpp"
#include "totem/testing/tiny_cluster.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

namespace ais::totem {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::TinyCluster;

constexpr std::size_t members = 3;
// On this wire a datagram takes 10 us, so a rotation 30.
constexpr Duration hop = microseconds(10);

class Rest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster.form());
        cluster.run(500);
        rest();
        rings = stats(1).rings;
    }

    void TearDown() override {
        for (std::size_t number = 1; number <= members; ++number) {
            EXPECT_EQ(stats(number).rings, rings);
            EXPECT_EQ(node(number).delivered, node(1).delivered);
        }
    }

    TinyCluster::Node& node(std::size_t number) { return cluster[number - 1]; }
    const Stats& stats(std::size_t number) { return node(number).engine->stats(); }

    bool is_at_rest() {
        return cluster.wire.empty() &&
               node(1).engine->describe().find("held here") != std::string::npos;
    }

    void rest() {
        for (int i = 0; i < 10000 && !is_at_rest(); ++i) {
            advance(microseconds(100));
        }
        ASSERT_TRUE(is_at_rest());
    }

    // Hands over one datagram, or lets the next timer fire that is due by `end`; false: neither.
    // What one receiver gets of a datagram counts as one; those in `lost` get lost.
    bool go_on(Instant end) {
        if (cluster.wire.empty()) {
            Instant next = Instant::max();
            for (const auto& each : cluster.nodes) {
                if (const auto due = each->engine->deadline(); due && each->id != frozen) {
                    next = std::min(next, *due);
                }
            }
            cluster.now = std::max(cluster.now, std::min(next, end));
            expire();
            return next <= end;
        }
        if (cluster.now + hop > end) {
            return false;
        }
        const TinyCluster::Datagram datagram = std::move(cluster.wire.front());
        cluster.wire.pop_front();
        cluster.now += hop;
        for (auto& each : cluster.nodes) {
            if (each->id == datagram.from || (datagram.to && *datagram.to != each->id)) {
                continue;
            }
            if (each->id == frozen) {
                held_up.push_back({datagram.from, each->id, datagram.bytes});
            } else if (!lost.contains(handed++)) {
                each->engine->receive(
                    cluster.now, 0, datagram.from, as_bytes(datagram.bytes), *each);
            }
        }
        expire();
        return true;
    }

    void expire() {
        for (auto& each : cluster.nodes) {
            const auto due = each->engine->deadline();
            if (each->id != frozen && due && *due <= cluster.now) {
                each->engine->expire(cluster.now, *each);
            }
        }
    }

    void advance(Duration by) {
        const Instant end = cluster.now + by;
        while (go_on(end)) {
        }
    }

    // Until all have delivered what `number` says now.
    Duration say(std::size_t number) {
        const std::size_t before = node(1).delivered;
        const Instant begin = cluster.now;
        node(number).waiting = 1;
        node(number).engine->wake(cluster.now, node(number));
        const auto is_delivered = [&] {
            return std::all_of(cluster.nodes.begin(), cluster.nodes.end(), [&](const auto& each) {
                return each->delivered > before;
            });
        };
        while (!is_delivered() && go_on(begin + std::chrono::seconds(2))) {
        }
        EXPECT_TRUE(is_delivered());
        return cluster.now - begin;
    }

    // A message; as soon as the first of these datagrams from then on is lost, another one.
    // Returns how long the slower of the two takes; nothing, if the ring rests before.
    std::optional<Duration> lose(std::size_t sender, const std::set<std::size_t>& numbers) {
        rest();
        handed = 0;
        lost = numbers;
        const Duration first = say(sender);
        while (handed <= *numbers.begin() && !is_at_rest()) {
            go_on(cluster.now + milliseconds(1));
        }
        const bool is_lost = handed > *numbers.begin();
        const Duration second = say(sender);
        lost.clear();
        return is_lost ? std::optional(std::max(first, second)) : std::nullopt;
    }

    std::uint64_t repetitions() {
        std::uint64_t sum = 0;
        for (std::size_t number = 1; number <= members; ++number) {
            sum += stats(number).token_retransmits + stats(number).repetitions_passed_on;
        }
        return sum;
    }

    TinyCluster cluster{members, Config{}};
    std::set<std::size_t> lost;
    std::size_t handed = 0;
    NodeId frozen;
    std::vector<TinyCluster::Datagram> held_up;
    std::uint64_t rings = 0;
};

// Why 5 ms: 2 ms until the token, or the hold cancel, is sent again, and a little more while
// rotations that were longer because of the last loss count.
TEST_F(Rest, no_lost_datagram_costs_more_than_some_milliseconds) {
    for (std::size_t sender = 1; sender <= members; ++sender) {
        std::size_t number = 0;
        while (const auto longest = lose(sender, {number})) {
            EXPECT_LE(*longest, milliseconds(5)) << "sender " << sender << ", datagram " << number;
            ++number;
        }
        EXPECT_GT(number, 30 * members);  // all the rotations until the token rests
    }
}

TEST_F(Rest, nor_do_two_lost_datagrams) {
    for (std::size_t sender = 1; sender <= members; ++sender) {
        for (const std::size_t apart : {1U, 2U, 3U, 4U}) {
            std::size_t number = 0;
            while (const auto longest = lose(sender, {number, number + apart})) {
                EXPECT_LE(*longest, milliseconds(12))
                    << "sender " << sender << ", datagram " << number << ", and " << apart
                    << " later";
                ++number;
            }
        }
    }
}

TEST_F(Rest, repetition_goes_round_to_where_the_token_was_lost) {
    say(2);
    // From node 3 back to the representative, which would let it rest.
    const auto is_last_hop = [&] {
        return !cluster.wire.empty() && cluster.wire.front().from == NodeId(3) &&
               cluster.wire.front().to == NodeId(1) &&
               node(1).engine->describe().find(" idle 29 ") != std::string::npos;
    };
    for (int i = 0; i < 1000 && !is_last_hop(); ++i) {
        go_on(cluster.now + milliseconds(1));
    }
    ASSERT_TRUE(is_last_hop());
    cluster.wire.pop_front();
    const Stats before[] = {stats(1), stats(2), stats(3)};
    EXPECT_MARK("token.passes_on_repetition", advance(milliseconds(3)));
    EXPECT_EQ(stats(1).vain_repetitions, before[0].vain_repetitions);
    EXPECT_EQ(stats(1).holds, before[0].holds + 1);
    EXPECT_EQ(stats(1).token_retransmits, before[0].token_retransmits + 1);
    EXPECT_EQ(stats(2).repetitions_passed_on, before[1].repetitions_passed_on + 1);
    EXPECT_EQ(stats(3).repetitions_passed_on, before[2].repetitions_passed_on + 1);
}

// The executive of node 3 has no processor for a while: what is repeated meanwhile is bounded, and
// does not run behind the token for ever.
TEST_F(Rest, repetitions_behind_a_late_token_end) {
    for (const int late : {4, 9, 25, 60}) {
        rest();
        say(1);
        const auto before = repetitions();
        frozen = NodeId(3);
        advance(milliseconds(late));
        frozen = NodeId();
        cluster.wire.insert(cluster.wire.end(), held_up.begin(), held_up.end());
        held_up.clear();
        const auto vain = stats(1).vain_repetitions;
        advance(microseconds(200));
        EXPECT_EQ(stats(1).vain_repetitions, vain + 1) << late;
        const auto after = repetitions();
        EXPECT_LE(after - before, 20u) << late;
        advance(std::chrono::seconds(2));
        EXPECT_EQ(repetitions(), after) << late;
    }
}

}  // namespace
}  // namespace ais::totem
