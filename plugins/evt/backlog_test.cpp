// SPDX-License-Identifier: BSD-3-Clause

#include "backlog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::evt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SharedEvent event(std::string text) {
    return std::make_shared<const std::string>(std::move(text));
}

const Subscriber one{1, 10};
const Subscriber two{1, 20};

// What may be handed over, as text; a notice is "lost 10".
std::vector<std::string> all(Backlog& backlog) {
    std::vector<std::string> lines;
    while (const auto item = backlog.next()) {
        lines.push_back(item->event != nullptr ? *item->event
                                               : "lost " + std::to_string(item->to.subscription));
    }
    return lines;
}

// Until so many wait; those that are not in flight have their number as text.
void fill(Backlog& backlog, std::size_t count, std::uint32_t priority) {
    for (std::size_t i = 1; i <= count; ++i) {
        if (!backlog.pass(priority, 1)) {
            backlog.add(priority, one, event(std::to_string(i)));
        }
    }
    ASSERT_EQ(backlog.waiting(), count);
}

TEST(Backlog, lets_a_client_that_keeps_up_have_events_at_once) {
    Backlog backlog(1000, 500);
    for (int i = 0; i < 10000; ++i) {
        ASSERT_TRUE(backlog.pass(2, 1000));
        ASSERT_TRUE(backlog.consume(2, 1));
    }
    EXPECT_EQ(backlog.waiting(), 0U);
    EXPECT_EQ(backlog.lost(), 0U);
}

TEST(Backlog, keeps_a_bounded_part_of_each_priority_in_flight) {
    Backlog backlog(100000, 1);
    for (std::size_t i = 0; i < Backlog::flight_events; ++i) {
        ASSERT_TRUE(backlog.pass(3, 1));
    }
    EXPECT_FALSE(backlog.pass(3, 1));
    EXPECT_TRUE(backlog.pass(0, 1)) << "another priority has a flight of its own";
    EXPECT_TRUE(backlog.pass(1, 10 * Backlog::flight_bytes)) << "one goes, however large";
    EXPECT_FALSE(backlog.pass(1, 1));
}

TEST(Backlog, hands_over_the_most_urgent_first_when_there_is_room_again) {
    Backlog backlog(1000, 500);
    for (std::uint32_t priority : {3U, 0U}) {
        while (backlog.pass(priority, 1)) {
        }
    }
    backlog.add(3, one, event("low"));
    backlog.add(0, one, event("high 1"));
    backlog.add(0, one, event("high 2"));
    EXPECT_THAT(all(backlog), IsEmpty());
    ASSERT_TRUE(backlog.consume(3, 1));
    ASSERT_TRUE(backlog.consume(0, 2));
    EXPECT_THAT(all(backlog), ElementsAre("high 1", "high 2", "low"));
}

TEST(Backlog, tells_each_loser_once_and_goes_on_when_half_empty) {
    Backlog backlog(8, 4);
    fill(backlog, 8, 2);
    for (int i = 0; i < 5; ++i) {
        backlog.add(2, one, event("gone"));
        backlog.add(2, two, event("gone"));
    }
    EXPECT_EQ(backlog.lost(), 10U);
    EXPECT_THAT(all(backlog), ElementsAre("lost 10", "lost 20"));

    ASSERT_TRUE(backlog.consume(2, 3));
    ASSERT_TRUE(backlog.consume(0, 2));
    EXPECT_EQ(backlog.waiting(), 5U);
    EXPECT_THAT(all(backlog), ElementsAre("5", "6", "7"));
    EXPECT_FALSE(backlog.pass(2, 1)) << "the episode is not over";
    backlog.add(2, one, event("gone"));
    EXPECT_THAT(all(backlog), IsEmpty()) << "and was told of already";

    ASSERT_TRUE(backlog.consume(2, 1));
    EXPECT_THAT(all(backlog), ElementsAre("8"));
    ASSERT_TRUE(backlog.consume(2, 1));
    EXPECT_TRUE(backlog.pass(2, 1));
}

TEST(Backlog, gives_the_place_of_the_newest_of_the_lowest_priority_to_a_higher_one) {
    Backlog backlog(2 * Backlog::flight_events, 1);
    fill(backlog, 2 * Backlog::flight_events - 3, 3);
    backlog.add(3, one, event("first"));
    backlog.add(3, one, event("second"));
    backlog.add(2, one, event("third"));
    backlog.add(1, two, event("urgent"));
    EXPECT_EQ(backlog.lost(), 1U);
    EXPECT_THAT(all(backlog), ElementsAre("lost 10", "urgent", "third"));
    ASSERT_TRUE(backlog.consume(3, 128));
    const std::vector<std::string> rest = all(backlog);
    ASSERT_FALSE(rest.empty());
    EXPECT_EQ(rest.back(), "first") << "the second had to go";
    backlog.add(3, two, event("no better"));
    EXPECT_THAT(all(backlog), ElementsAre("lost 20"));
}

TEST(Backlog, has_something_that_can_give_way_however_small_it_is) {
    for (const std::size_t size : {2U, 3U, 10U, 100U, 255U}) {
        Backlog backlog(size, 1);
        fill(backlog, size, 3);
        backlog.add(0, two, event("urgent"));
        std::vector<std::string> first = all(backlog);
        if (first.size() == 1) {  // no more was to be in flight
            ASSERT_TRUE(backlog.consume(0, 1));
            first.push_back(all(backlog).front());
        }
        EXPECT_THAT(first, ElementsAre("lost 10", "urgent")) << size;
    }
    Backlog smallest(1, 0);
    ASSERT_TRUE(smallest.pass(3, 1)) << "what is in flight cannot be taken back";
    smallest.add(0, two, event("urgent"));
    EXPECT_THAT(all(smallest), ElementsAre("lost 20"));
}

TEST(Backlog, forgets_a_subscription_or_all_of_an_open) {
    Backlog backlog(1000, 500);
    while (backlog.pass(3, 1)) {
    }
    backlog.add(3, one, event("1"));
    backlog.add(3, two, event("2"));
    backlog.add(3, {2, 10}, event("3"));
    backlog.forget(two);
    EXPECT_EQ(backlog.waiting(), Backlog::flight_events + 2);
    backlog.forget(1);
    ASSERT_TRUE(backlog.consume(3, Backlog::flight_events));
    EXPECT_THAT(all(backlog), ElementsAre("3"));
}

TEST(Backlog, does_not_believe_a_client_that_has_dispatched_what_it_never_got) {
    Backlog backlog(1000, 500);
    ASSERT_TRUE(backlog.pass(1, 1));
    EXPECT_FALSE(backlog.consume(0, 1));
    EXPECT_FALSE(backlog.consume(1, 2));
    EXPECT_TRUE(backlog.consume(1, 1));
}

}  // namespace
}  // namespace ais::evt
