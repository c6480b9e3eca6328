// SPDX-License-Identifier: BSD-3-Clause

#include "links/mode.hpp"

#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ais::links {
namespace {

FaultMonitor::Choice each(LinkSet links) {
    return {links, true};
}

TEST(BestMode, takes_the_lowest_link_that_works) {
    const auto mode = make_best();
    EXPECT_EQ(mode->choose(each(0b111)), 0b001);
    EXPECT_EQ(mode->choose(each(0b110)), 0b010);
    EXPECT_EQ(mode->choose(each(0b111)), 0b001);
}

TEST(PassiveMode, takes_turns_among_the_links_that_work) {
    const auto mode = make_passive();
    EXPECT_EQ(mode->choose(each(0b101)), 0b001);
    EXPECT_EQ(mode->choose(each(0b101)), 0b100);
    EXPECT_EQ(mode->choose(each(0b101)), 0b001);
    EXPECT_EQ(mode->choose(each(0b100)), 0b100);
    EXPECT_EQ(mode->choose(each(0b111)), 0b001);
}

TEST(ActiveMode, takes_all_links_that_work) {
    const auto mode = make_active();
    EXPECT_EQ(mode->choose(each(0b101)), 0b101);
}

// Whatever works and whatever mode: never nothing, never a link that was not given, and all of
// them if no one alone is enough.
TEST(AnyMode, chooses_among_what_it_is_given) {
    for (const auto& mode : {make_best(), make_passive(), make_active()}) {
        Prng chance(3);
        for (int i = 0; i < 10000; ++i) {
            const auto links = static_cast<LinkSet>(1 + chance.below(255));
            const bool each_reaches = chance.below(2) == 0;
            const LinkSet chosen = mode->choose({links, each_reaches});
            ASSERT_NE(chosen, 0);
            ASSERT_EQ(chosen & ~links, 0);
            if (!each_reaches) {
                ASSERT_EQ(chosen, links);
            }
        }
    }
}

TEST(PassiveMode, spreads_evenly_whatever_works) {
    const auto mode = make_passive();
    for (unsigned links = 1; links < 256; ++links) {
        std::array<int, links_max> taken{};
        const int rounds = 8 * std::popcount(links);
        for (int i = 0; i < rounds; ++i) {
            ++taken[lowest(mode->choose(each(static_cast<LinkSet>(links))))];
        }
        for (totem::LinkId link = 0; link < links_max; ++link) {
            EXPECT_EQ(taken[link], has(static_cast<LinkSet>(links), link) ? 8 : 0) << links;
        }
    }
}

}  // namespace
}  // namespace ais::links
