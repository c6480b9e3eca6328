// SPDX-License-Identifier: BSD-3-Clause
//
// The timers of a node.

#include "retention.hpp"

#include <gtest/gtest.h>

namespace ais::ckpt {
namespace {

Expire timer_of(std::uint64_t object, std::uint64_t generation) {
    return {{{1, 1, 1, object}, false, {}}, generation, time_end};
}
TimerChange start_of(std::uint64_t object, std::uint64_t generation, std::int64_t duration) {
    return {timer_of(object, generation), duration};
}

TEST(Deadlines, come_in_order_and_once) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, 30), 100);
    deadlines.apply(start_of(2, 2, 10), 100);
    EXPECT_EQ(deadlines.next(), 110);
    EXPECT_TRUE(deadlines.take_due(109).empty());
    const auto due = deadlines.take_due(110);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].generation, 2U);
    EXPECT_TRUE(deadlines.take_due(110).empty());
    EXPECT_EQ(deadlines.next(), 130);
}

TEST(Deadlines, one_that_was_told_stays_until_it_is_stopped) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, 10), 0);
    EXPECT_EQ(deadlines.take_due(10).size(), 1U);
    EXPECT_EQ(deadlines.size(), 1U);
    deadlines.tell_again();
    EXPECT_EQ(deadlines.take_due(10).size(), 1U);
    deadlines.apply(start_of(1, 0, time_end), 10);
    deadlines.tell_again();
    EXPECT_TRUE(deadlines.take_due(100).empty());
    EXPECT_EQ(deadlines.size(), 0U);
}

TEST(Deadlines, new_start_of_a_timer_takes_the_place_of_the_old_one) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, 10), 0);
    deadlines.apply(start_of(1, 2, 50), 0);
    EXPECT_EQ(deadlines.next(), 50);
    EXPECT_EQ(deadlines.size(), 1U);
}

TEST(Deadlines, those_that_go_on_after_a_merge_keep_their_time) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, 100), 0);
    deadlines.apply(start_of(2, 2, 100), 0);
    deadlines.apply(start_of(3, 3, 100), 0);
    // 1 goes on, 2 is another one now, 3 is gone.
    deadlines.replace({start_of(1, 1, 100), start_of(2, 9, 100)}, 60);
    const auto all = deadlines.remaining(60);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].left, 40);
    EXPECT_EQ(all[1].left, 100);
}

TEST(Deadlines, word_of_another_node_brings_the_end_nearer_and_never_further) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, 100), 0);
    deadlines.shorten({timer_of(1, 1), 20}, 10);
    EXPECT_EQ(deadlines.next(), 30);
    deadlines.shorten({timer_of(1, 1), 90}, 10);
    EXPECT_EQ(deadlines.next(), 30);
    deadlines.shorten({timer_of(1, 2), 1}, 10);  // another generation
    deadlines.shorten({timer_of(7, 1), 1}, 10);  // unknown
    EXPECT_EQ(deadlines.next(), 30);
}

TEST(Deadlines, durations_beyond_the_clock_do_not_overflow) {
    Deadlines deadlines;
    deadlines.apply(start_of(1, 1, time_end - 1), 1000);
    EXPECT_EQ(deadlines.next(), time_end);
}

}  // namespace
}  // namespace ais::ckpt
