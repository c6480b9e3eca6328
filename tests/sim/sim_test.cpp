// SPDX-License-Identifier: BSD-3-Clause
//
// Equal seeds give equal runs.

#include "sim/story.hpp"

#include <gtest/gtest.h>

namespace ais::sim {
namespace {

TEST(Story, is_the_same_for_the_same_seed) {
    for (const std::uint64_t seed : {3u, 14u, 15u}) {
        Story story;
        story.seed = seed;
        story.length = std::chrono::seconds(5);
        const Outcome once = tell(story);
        const Outcome again = tell(story);
        EXPECT_EQ(once.about, again.about);
        EXPECT_EQ(once.digest, again.digest);
        EXPECT_TRUE(once.violations.texts.empty());
        story.seed = seed + 1;
        EXPECT_NE(once.digest, tell(story).digest);
    }
}

}  // namespace
}  // namespace ais::sim
