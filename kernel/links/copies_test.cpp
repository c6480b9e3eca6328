// SPDX-License-Identifier: BSD-3-Clause

#include "links/copies.hpp"

#include "base/mark.hpp"
#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace ais::links {
namespace {

Stamp stamp(std::uint32_t node, std::uint64_t counter, std::uint8_t life = 1) {
    Stamp made;
    made.sender = NodeId(node);
    made.boot.fill(life);
    made.counter = counter;
    return made;
}

TEST(CopiesOfDatagrams, are_known_once_one_was_opened) {
    Copies copies;
    EXPECT_FALSE(copies.is_copy(stamp(2, 7), 0));  // not opened: a claim
    EXPECT_FALSE(copies.is_copy(stamp(2, 7), 1));
    copies.note(stamp(2, 7), 0);
    EXPECT_TRUE(copies.is_copy(stamp(2, 7), 1));
    EXPECT_TRUE(copies.is_copy(stamp(2, 7), 5));
    EXPECT_FALSE(copies.is_copy(stamp(3, 7), 1));
    EXPECT_FALSE(copies.is_copy(stamp(2, 8), 1));
}

TEST(CopiesOfDatagrams, are_no_copies_the_second_time_on_one_link) {
    Copies copies;
    copies.note(stamp(2, 7), 0);
    EXPECT_FALSE(copies.is_copy(stamp(2, 7), 0));  // a replay: the seal will say so
    EXPECT_TRUE(copies.is_copy(stamp(2, 7), 1));
    EXPECT_FALSE(copies.is_copy(stamp(2, 7), 1));
}

TEST(CopiesOfDatagrams, belong_to_one_life_of_the_sender) {
    Copies copies;
    copies.note(stamp(2, 7, 1), 0);
    EXPECT_FALSE(copies.is_copy(stamp(2, 7, 2), 1));
    copies.note(stamp(2, 1, 2), 0);
    EXPECT_FALSE(copies.is_copy(stamp(2, 7, 1), 1));
    EXPECT_FALSE(copies.is_copy(stamp(2, 7, 2), 1));
    EXPECT_TRUE(copies.is_copy(stamp(2, 1, 2), 1));
}

TEST(CopiesOfDatagrams, are_forgotten_behind_the_window) {
    Copies copies;
    copies.note(stamp(2, 7), 0);
    copies.note(stamp(2, 7 + Copies::window), 0);
    EXPECT_FALSE(copies.is_copy(stamp(2, 7), 1));
    EXPECT_FALSE(copies.is_copy(stamp(2, 8), 1));  // a place that was cleared
    copies.note(stamp(2, 1), 0);                   // older than the window: ignored
    EXPECT_TRUE(copies.is_copy(stamp(2, 7 + Copies::window), 1));
}

TEST(CopiesOfDatagrams, have_room_for_the_senders_of_the_largest_ring) {
    Copies copies;
    for (std::uint32_t node = 1; node <= Copies::senders_max; ++node) {
        copies.note(stamp(node, 1), 0);
    }
    EXPECT_MARK("copies.forgets_a_sender", copies.note(stamp(1000, 1), 0));
    EXPECT_TRUE(copies.is_copy(stamp(1000, 1), 1));
    EXPECT_TRUE(copies.is_copy(stamp(2, 1), 1));
}

// Against the obvious implementation: a set per sender.
TEST(CopiesOfDatagrams, agree_with_sets_under_random_traffic) {
    Prng chance(7);
    Copies copies;
    std::map<std::uint64_t, std::set<int>> seen;
    std::uint64_t top = 1;
    int found = 0;
    for (int i = 0; i < 200000; ++i) {
        top += chance.below(3);
        const std::uint64_t counter = top - std::min<std::uint64_t>(top - 1, chance.below(5000));
        const auto link = static_cast<totem::LinkId>(chance.below(3));
        auto& links = seen[counter];
        const std::uint64_t highest = seen.rbegin()->first;
        const bool in_window = highest - counter < Copies::window;
        const bool expected = in_window && !links.empty() && links.count(link) == 0;
        ASSERT_EQ(copies.is_copy(stamp(2, counter), link), expected) << i;
        found += expected ? 1 : 0;
        if (!expected && in_window) {
            copies.note(stamp(2, counter), link);
        }
        if (in_window) {
            links.insert(link);
        } else if (links.empty()) {
            seen.erase(counter);
        }
    }
    EXPECT_GT(found, 1000);
}

}  // namespace
}  // namespace ais::links
