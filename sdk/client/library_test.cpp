// SPDX-License-Identifier: BSD-3-Clause

#include "client/library.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ais::client {
namespace {

constexpr std::array b1{Version{'B', 1, 1}};
constexpr std::array many{
    Version{'A', 1, 1}, Version{'B', 1, 1}, Version{'B', 3, 2}, Version{'D', 1, 0}};

struct Case {
    Version required;
    bool satisfied;
    Version served;
};

TEST(Version, follows_the_table_of_a_library_with_one_version) {
    for (const Case& c : {
             Case{{'B', 1, 1}, true, {'B', 1, 1}},
             Case{{'B', 1, 0}, true, {'B', 1, 1}},
             Case{{'B', 1, 0xff}, true, {'B', 1, 1}},
             Case{{'B', 0, 0}, false, {'B', 1, 1}},
             Case{{'B', 2, 1}, false, {'B', 1, 1}},
             Case{{'A', 1, 1}, false, {'B', 1, 1}},
             Case{{'C', 1, 1}, false, {'B', 1, 1}},
             Case{{0, 0, 0}, false, {'B', 1, 1}},
         }) {
        Version version = c.required;
        EXPECT_EQ(negotiate(b1, version), c.satisfied);
        EXPECT_EQ(version, c.served);
    }
}

TEST(Version, serves_the_highest_major_of_the_required_release) {
    Version version{'B', 1, 1};
    EXPECT_TRUE(negotiate(many, version));
    EXPECT_EQ(version, (Version{'B', 3, 2}));
}

TEST(Version, offers_the_lowest_release_above_one_that_is_missing) {
    Version version{'C', 1, 1};
    EXPECT_FALSE(negotiate(many, version));
    EXPECT_EQ(version, (Version{'D', 1, 0}));
}

TEST(Version, offers_the_highest_release_to_who_wants_more) {
    Version version{'E', 1, 1};
    EXPECT_FALSE(negotiate(many, version));
    EXPECT_EQ(version, (Version{'D', 1, 0}));
}

}  // namespace
}  // namespace ais::client
