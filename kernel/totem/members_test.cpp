// SPDX-License-Identifier: BSD-3-Clause

#include "totem/members.hpp"

#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace ais::totem {
namespace {

// The obviously right, slow version.
using Slow = std::set<NodeId>;

Slow slow(const Members& members) {
    return {members.begin(), members.end()};
}

Members random_members(Prng& prng) {
    Members members;
    for (std::uint64_t i = prng.below(20); i > 0; --i) {
        members.insert(NodeId(static_cast<ais_node_id>(1 + prng.below(25))));
    }
    return members;
}

TEST(Members, agree_with_a_slow_set) {
    Prng prng(7);
    for (int round = 0; round < 3000; ++round) {
        Members a = random_members(prng);
        const Members b = random_members(prng);
        Slow without;
        Slow common;
        Slow all = slow(a);
        bool subset = true;
        for (const NodeId node : a) {
            (b.contains(node) ? common : without).insert(node);
            subset = subset && slow(b).contains(node);
        }
        for (const NodeId node : b) {
            all.insert(node);
        }
        EXPECT_EQ(slow(a.without(b)), without);
        EXPECT_EQ(slow(a.intersection(b)), common);
        EXPECT_EQ(a.is_subset_of(b), subset);
        EXPECT_EQ(a == b, slow(a) == slow(b));
        const NodeId gone(static_cast<ais_node_id>(1 + prng.below(25)));
        Slow rest = slow(a);
        rest.erase(gone);
        Members less = a;
        less.erase(gone);
        EXPECT_EQ(slow(less), rest);
        EXPECT_TRUE(a.merge(b));
        EXPECT_EQ(slow(a), all);
        std::size_t at = 0;
        for (const NodeId node : all) {
            EXPECT_EQ(a[at], node);
            EXPECT_EQ(a.index_of(node), at);
            ++at;
        }
    }
}

TEST(Members, go_round_in_a_ring) {
    const Members members{NodeId(9), NodeId(2), NodeId(5)};
    EXPECT_EQ(members.lowest(), NodeId(2));
    EXPECT_EQ(members.successor_of(NodeId(2)), NodeId(5));
    EXPECT_EQ(members.successor_of(NodeId(5)), NodeId(9));
    EXPECT_EQ(members.successor_of(NodeId(9)), NodeId(2));
    EXPECT_EQ(members.index_of(NodeId(3)), std::nullopt);
}

TEST(Members, refuse_more_than_they_hold) {
    Members members;
    for (ais_node_id id = 1; id <= Members::capacity; ++id) {
        EXPECT_TRUE(members.insert(NodeId(2 * id)));
    }
    EXPECT_FALSE(members.insert(NodeId(3)));
    EXPECT_TRUE(members.insert(NodeId(4)));
    EXPECT_FALSE(members.merge(Members{NodeId(1), NodeId(2)}));
    EXPECT_EQ(members.size(), Members::capacity);
}

TEST(Members, print_as_a_set) {
    std::ostringstream to;
    to << Members{NodeId(3), NodeId(1)} << Members{};
    EXPECT_EQ(to.str(), "{1,3}{}");
}

}  // namespace
}  // namespace ais::totem
