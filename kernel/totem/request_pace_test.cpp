// SPDX-License-Identifier: BSD-3-Clause

#include "totem/request_pace.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RequestPaceTest : public ::testing::Test {
  protected:
    // A request at `visit` that is answered after `took`.
    void answered(Duration took) {
        MessageLog::Trace one;
        RequestPace::note_request(one, 1, now);
        pace.on_answer(one, now + took);
    }
    // Asked `times`, the last time at visit 10, now.
    void asked(std::uint32_t times) {
        trace = {};
        for (std::uint32_t i = 1; i <= times; ++i) {
            EXPECT_EQ(RequestPace::note_request(trace, 10, now), i > 1);
        }
    }
    [[nodiscard]] bool due(std::uint64_t visit, Duration after) const {
        return pace.is_due(trace, visit, now + after, usual, milliseconds(100));
    }

    RequestPace pace;
    Estimate usual;
    MessageLog::Trace trace;
    Instant now{seconds(1)};
};

TEST_F(RequestPaceTest, lets_a_first_request_pass_at_once) {
    EXPECT_TRUE(due(1, Duration::zero()));
}

TEST_F(RequestPaceTest, wants_two_visits_even_if_nothing_was_measured) {
    asked(1);
    EXPECT_FALSE(due(11, seconds(1)));
    EXPECT_TRUE(due(12, Duration::zero()));
}

TEST_F(RequestPaceTest, goes_by_the_rotation_until_an_answer_was_measured) {
    usual.add(milliseconds(10));  // deviation 5: bound 30
    asked(1);
    EXPECT_FALSE(due(20, milliseconds(29)));
    EXPECT_TRUE(due(20, milliseconds(30)));
    answered(milliseconds(2));  // 1: bound 6
    EXPECT_FALSE(due(20, milliseconds(5)));
    EXPECT_TRUE(due(20, milliseconds(6)));
}

TEST_F(RequestPaceTest, waits_twice_as_long_with_the_second_repeat) {
    answered(milliseconds(2));
    asked(2);
    EXPECT_FALSE(due(20, milliseconds(11)));
    EXPECT_TRUE(due(20, milliseconds(12)));
    asked(9);
    EXPECT_TRUE(due(20, milliseconds(12)));
}

TEST_F(RequestPaceTest, is_not_slowed_down_without_limit) {
    answered(seconds(3));
    asked(1);
    EXPECT_FALSE(due(20, milliseconds(99)));
    EXPECT_TRUE(due(20, milliseconds(100)));
}

TEST_F(RequestPaceTest, does_not_learn_from_what_was_asked_for_twice) {
    answered(milliseconds(2));
    asked(2);
    pace.on_answer(trace, now + seconds(1));
    EXPECT_EQ(pace.answer_time().mean(), milliseconds(2));
}

}  // namespace
}  // namespace ais::totem
