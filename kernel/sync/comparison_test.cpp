// SPDX-License-Identifier: BSD-3-Clause
//
// The comparison: when, of what, and who differs; alone, and among Barriers on the bus.

#include "sync/comparison.hpp"

#include "base/mark.hpp"
#include "sync/test_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const totem::RingId ring{4, NodeId(1), 7};
constexpr Instant begun(seconds(100));

totem::Members members(std::initializer_list<ais_node_id> ids) {
    totem::Members all;
    for (const ais_node_id id : ids) {
        all.insert(NodeId(id));
    }
    return all;
}

Compared answer(std::uint64_t number, std::uint64_t digest) {
    return {ring, number, {{1, false, digest, 10}}};
}

// Two members have answered what was asked.
void answered(Comparison& comparison, const Compare& compare) {
    ASSERT_TRUE(comparison.on_compare(NodeId(1), compare));
    comparison.on_no_answer(NodeId(1));
    comparison.on_no_answer(NodeId(2));
    ASSERT_TRUE(comparison.is_over());
    static_cast<void>(comparison.judge());
}

TEST(Comparison, is_asked_for_by_the_lowest_member_at_each_interval) {
    Comparison one(seconds(60));
    Comparison two(seconds(60));
    for (Comparison* each : {&one, &two}) {
        EXPECT_FALSE(each->ask(begun, NodeId(1), {1, 2})) << "no ring";
        each->begin(ring, members({1, 2}));
    }
    EXPECT_FALSE(one.ask(begun, NodeId(1), {1, 2}));
    EXPECT_EQ(one.deadline(), begun + seconds(60));
    EXPECT_FALSE(two.ask(begun, NodeId(2), {1, 2}));
    EXPECT_FALSE(two.deadline()) << "it is not its business";
    EXPECT_FALSE(one.ask(begun + seconds(60) - milliseconds(1), NodeId(1), {1, 2}));
    const auto asked = one.ask(begun + seconds(60), NodeId(1), {1, 2});
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->ring, ring);
    EXPECT_EQ(asked->number, 1u);
    EXPECT_THAT(asked->services, ElementsAre(1, 2));
    EXPECT_FALSE(one.ask(begun + seconds(60), NodeId(1), {1, 2}));
    answered(one, *asked);
    EXPECT_EQ(one.ask(begun + seconds(120), NodeId(1), {1, 2})->number, 2u);
    EXPECT_FALSE(two.ask(begun + seconds(120), NodeId(2), {1, 2}));
}

TEST(Comparison, is_not_asked_for_alone_or_with_interval_zero_or_without_services) {
    Comparison alone(seconds(1));
    alone.begin(ring, members({1}));
    EXPECT_FALSE(alone.ask(begun, NodeId(1), {1}));
    EXPECT_FALSE(alone.deadline());
    Comparison never(Duration::zero());
    never.begin(ring, members({1, 2}));
    EXPECT_FALSE(never.ask(begun, NodeId(1), {1}));
    EXPECT_FALSE(never.ask(begun + seconds(1000000), NodeId(1), {1}));
    EXPECT_FALSE(never.deadline());
    Comparison nothing(seconds(1));
    nothing.begin(ring, members({1, 2}));
    EXPECT_FALSE(nothing.ask(begun, NodeId(1), {}));
    EXPECT_FALSE(nothing.ask(begun + seconds(1), NodeId(1), {}));
}

TEST(Comparison, waits_for_the_answers_of_the_last_one_but_not_for_ever) {
    Comparison comparison(seconds(1));
    comparison.begin(ring, members({1, 2}));
    static_cast<void>(comparison.ask(begun, NodeId(1), {1}));
    const auto first = comparison.ask(begun + seconds(1), NodeId(1), {1});
    ASSERT_TRUE(first);
    EXPECT_MARK("comparison.waits_for_the_last_one", {
        EXPECT_FALSE(comparison.ask(begun + seconds(2), NodeId(1), {1})) << "not even delivered";
    });
    ASSERT_TRUE(comparison.on_compare(NodeId(1), *first));
    EXPECT_TRUE(comparison.on_compared(NodeId(1), answer(1, 5)));
    EXPECT_FALSE(comparison.ask(begun + seconds(3), NodeId(1), {1})) << "one answer is missing";
    EXPECT_TRUE(comparison.on_compared(NodeId(2), answer(1, 5)));
    static_cast<void>(comparison.judge());
    EXPECT_TRUE(comparison.ask(begun + seconds(4), NodeId(1), {1}));
    unsigned put_off = 0;
    while (!comparison.ask(begun + seconds(5 + put_off), NodeId(1), {1}) && put_off < 100) {
        ++put_off;
    }
    EXPECT_EQ(put_off, Comparison::put_off_max) << "a member that never answers";
}

TEST(Comparison, asks_more_rarely_for_what_is_large) {
    Comparison comparison(seconds(1));
    comparison.note_size(2, 3 * Comparison::bytes_per_round);
    comparison.begin(ring, members({1, 2}));
    static_cast<void>(comparison.ask(begun, NodeId(1), {1, 2}));
    std::vector<std::size_t> asked;
    const auto go_on = [&] {
        for (int round = 1; round <= 9; ++round) {
            const auto compare = comparison.ask(begun + seconds(round), NodeId(1), {1, 2});
            ASSERT_TRUE(compare);
            asked.push_back(compare->services.size());
            answered(comparison, *compare);
        }
    };
    EXPECT_MARK("comparison.spares_what_is_large", go_on());
    EXPECT_THAT(asked, ElementsAre(2, 1, 1, 1, 2, 1, 1, 1, 2));
}

TEST(Comparison, tells_who_differs_when_all_have_answered) {
    Comparison comparison(seconds(1));
    comparison.begin(ring, members({1, 2, 3}));
    ASSERT_TRUE(comparison.on_compare(NodeId(1), {ring, 1, {1}}));
    EXPECT_TRUE(comparison.on_compared(NodeId(1), answer(1, 5)));
    EXPECT_TRUE(comparison.on_compared(NodeId(3), answer(1, 6)));
    EXPECT_FALSE(comparison.is_over());
    EXPECT_TRUE(comparison.on_compared(NodeId(2), answer(1, 6)));
    ASSERT_TRUE(comparison.is_over());
    const auto diverged = comparison.judge();
    ASSERT_EQ(diverged.size(), 1u);
    EXPECT_EQ(diverged[0].node, NodeId(1)) << "the others are more";
    EXPECT_EQ(diverged[0].digest, 5u);
    EXPECT_EQ(diverged[0].right, 6u);
    EXPECT_FALSE(comparison.is_over()) << "once";
    EXPECT_FALSE(comparison.on_compared(NodeId(2), answer(1, 6))) << "nobody waits for it";
}

TEST(Comparison, believes_the_lower_one_of_two) {
    Comparison comparison(seconds(1));
    comparison.begin(ring, members({4, 9}));
    ASSERT_TRUE(comparison.on_compare(NodeId(4), {ring, 1, {1}}));
    EXPECT_TRUE(comparison.on_compared(NodeId(9), answer(1, 1)));
    EXPECT_TRUE(comparison.on_compared(NodeId(4), answer(1, 2)));
    const auto diverged = comparison.judge();
    ASSERT_EQ(diverged.size(), 1u);
    EXPECT_EQ(diverged[0].node, NodeId(9));
}

TEST(Comparison, takes_who_has_not_the_service_and_who_talks_nonsense_for_nobody) {
    Comparison comparison(seconds(1));
    comparison.begin(ring, members({1, 2, 3}));
    ASSERT_TRUE(comparison.on_compare(NodeId(1), {ring, 1, {1}}));
    EXPECT_TRUE(comparison.on_compared(NodeId(1), answer(1, 5)));
    EXPECT_TRUE(comparison.on_compared(NodeId(2), {ring, 1, {}}));
    comparison.on_no_answer(NodeId(7));
    EXPECT_FALSE(comparison.is_over());
    comparison.on_no_answer(NodeId(3));
    ASSERT_TRUE(comparison.is_over());
    EXPECT_THAT(comparison.judge(), IsEmpty());
}

TEST(Comparison, takes_no_question_of_others_and_no_answer_to_another_question) {
    Comparison comparison(seconds(1));
    EXPECT_FALSE(comparison.on_compare(NodeId(1), {totem::RingId{}, 1, {1}})) << "no ring";
    comparison.begin(ring, members({1, 2}));
    EXPECT_FALSE(comparison.on_compare(NodeId(2), {ring, 1, {1}}));
    EXPECT_FALSE(comparison.on_compared(NodeId(1), answer(0, 5))) << "nothing was asked";
    ASSERT_TRUE(comparison.on_compare(NodeId(1), {ring, 2, {1}}));
    EXPECT_FALSE(comparison.on_compare(NodeId(1), {ring, 2, {1}})) << "again";
    EXPECT_FALSE(comparison.on_compared(NodeId(1), answer(3, 5))) << "of the future";
    EXPECT_FALSE(comparison.on_compared(NodeId(3), answer(2, 5))) << "no member";
    EXPECT_FALSE(comparison.on_compared(NodeId(2), {ring, 2, {{8, false, 5, 5}}}));
    EXPECT_TRUE(comparison.on_compared(NodeId(2), answer(2, 5)));
    EXPECT_FALSE(comparison.on_compared(NodeId(2), answer(2, 5))) << "twice";
    ASSERT_TRUE(comparison.on_compare(NodeId(1), {ring, 3, {1}})) << "ends the one before";
    bool was_right = false;
    EXPECT_MARK("comparison.ignores_a_late_answer",
                was_right = comparison.on_compared(NodeId(1), answer(2, 5)));
    EXPECT_TRUE(was_right);
    EXPECT_TRUE(comparison.on_compared(NodeId(2), answer(3, 5)));
    EXPECT_TRUE(comparison.on_compared(NodeId(1), answer(3, 5)));
    EXPECT_TRUE(comparison.is_over());
}

// Barriers that compare every second.
struct Comparing {
    explicit Comparing(std::uint32_t count) {
        bus.compare = seconds(1);
        for (std::uint32_t id = 1; id <= count; ++id) {
            bus.add(id, {1, 2}).replicas[2].in_parts = true;
            all.push_back(id);
        }
        bus.configure(all);
        bus.run(1);
        for (const std::uint32_t id : all) {
            bus[id].replicas[1].words.insert("plum");
            bus[id].replicas[2].words.insert("cherry");
        }
        bus.advance(milliseconds(1));
    }
    std::size_t comparisons(std::uint32_t id) { return bus[id].barrier.stats().comparisons; }
    TestBus bus;
    std::vector<std::uint32_t> all;
};

TEST(Barrier, compares_replicas_that_are_equal_and_nobody_notices) {
    Comparing three(3);
    EXPECT_EQ(three.bus.run(1), 0u);
    three.bus.advance(seconds(1));
    EXPECT_EQ(three.bus.run(1), 4u) << "one question, three answers";
    for (const std::uint32_t id : three.all) {
        EXPECT_EQ(three.comparisons(id), 1u);
    }
    EXPECT_TRUE(three.bus.is_equal({1, 2, 3}));
    three.bus[2].say(1, "word");
    three.bus.advance(seconds(1));
    three.bus.run(1);
    EXPECT_EQ(three.comparisons(3), 2u);
    EXPECT_TRUE(three.bus.is_equal({1, 2, 3}));
}

TEST(Barrier, stops_a_replica_that_has_gone_astray_though_nobody_joins) {
    for (const auto service : {std::uint16_t{1}, std::uint16_t{2}}) {
        Comparing three(3);
        three.bus[1].replicas[service].words.insert("poison");
        three.bus.run(1);
        EXPECT_TRUE(three.bus[1].stopped.empty());
        three.bus.advance(seconds(1));
        three.bus.run(1);
        EXPECT_THAT(three.bus[1].stopped, HasSubstr("not what the other members"));
        EXPECT_TRUE(three.bus.is_equal({2, 3})) << service;
        three.bus.configure({2, 3});
        EXPECT_TRUE(three.bus.is_equal({2, 3}));
        three.bus.advance(milliseconds(1));
        three.bus.advance(seconds(1));
        three.bus.run(2);
        EXPECT_EQ(three.comparisons(3), 2u) << "node 2 asks now";
        EXPECT_TRUE(three.bus.is_equal({2, 3}));
    }
}

TEST(Barrier, drops_a_comparison_when_the_ring_changes_in_its_middle) {
    for (std::size_t steps = 0; steps <= 4; ++steps) {
        Comparing three(3);
        three.bus.advance(seconds(1));
        for (std::size_t i = 0; i < steps; ++i) {
            ASSERT_TRUE(three.bus.step(1));
        }
        three.bus.add(4, {1, 2});
        three.bus[4].replicas[2].in_parts = true;
        three.bus.configure({1, 2, 3, 4});
        three.bus.run(1);
        EXPECT_TRUE(three.bus.is_equal({1, 2, 3, 4})) << steps;
    }
}

TEST(Barrier, answers_a_comparison_with_a_stop_if_it_cannot_save) {
    Comparing two(2);
    two.bus.advance(seconds(1));
    two.bus[2].fails_to_save = true;
    two.bus.run(1);
    EXPECT_THAT(two.bus[2].stopped, HasSubstr("saving its state failed"));
    EXPECT_TRUE(two.bus[1].stopped.empty());
}

}  // namespace
}  // namespace ais::sync
