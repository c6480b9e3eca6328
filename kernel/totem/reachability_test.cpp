// SPDX-License-Identifier: BSD-3-Clause

#include "totem/reachability.hpp"

#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace ais::totem {
namespace {

NodeId node(std::size_t id) {
    return NodeId(static_cast<ais_node_id>(id));
}

// Nodes 1 to n, all of which hear all.
Reachability whole(std::size_t n) {
    Reachability table;
    for (std::size_t id = 1; id <= n; ++id) {
        table.nodes.insert(node(id));
    }
    for (std::size_t i = 0; i < n; ++i) {
        table.rows[i].is_known = true;
        for (std::size_t j = 0; j < n; ++j) {
            table.rows[i].hears.set(j);
        }
    }
    return table;
}

// `to` does not hear `from` any more; ids.
void cut(Reachability& table, std::size_t from, std::size_t to) {
    table.rows[*table.nodes.index_of(node(to))].hears.reset(*table.nodes.index_of(node(from)));
}

void cut_both(Reachability& table, std::size_t a, std::size_t b) {
    cut(table, a, b);
    cut(table, b, a);
}

std::string groups_of(const Reachability& table) {
    const Groups groups = separate(table);
    std::ostringstream to;
    for (std::size_t i = 0; i < table.nodes.size(); ++i) {
        if (groups.of[i] == i) {
            to << groups.members_of(table.nodes, i);
        }
    }
    return to.str();
}

TEST(Reachability, keeps_together_who_all_hear_one_another) {
    EXPECT_EQ(groups_of(whole(5)), "{1,2,3,4,5}");
    EXPECT_EQ(groups_of(whole(1)), "{1}");
}

TEST(Reachability, leaves_out_one_end_of_a_path_that_works_in_one_direction) {
    Reachability table = whole(5);
    cut(table, 1, 2);
    EXPECT_EQ(groups_of(table), "{1,3,4,5}{2}");
}

TEST(Reachability, leaves_out_one_end_of_a_path_that_works_in_no_direction) {
    Reachability table = whole(3);
    cut_both(table, 2, 3);
    EXPECT_EQ(groups_of(table), "{1,2}{3}");
}

TEST(Reachability, prefers_the_ring_that_is_there) {
    Reachability table = whole(5);
    cut(table, 1, 2);
    for (std::size_t i = 1; i < 5; ++i) {
        table.rows[i].ring = RingId{8, node(2), 7};
    }
    table.rows[0].ring = RingId{8, node(1), 7};
    EXPECT_EQ(groups_of(table), "{1}{2,3,4,5}");
}

TEST(Reachability, prefers_size_to_the_ring_that_is_there) {
    Reachability table = whole(5);
    cut_both(table, 1, 4);
    cut_both(table, 1, 5);
    cut_both(table, 2, 5);
    for (const std::size_t i : {0U, 1U, 2U}) {
        table.rows[i].ring = RingId{8, node(1), 7};
    }
    EXPECT_EQ(groups_of(table), "{1,2,3}{4,5}");  // 2,3,4 is as large, but new
    cut_both(table, 1, 3);
    EXPECT_EQ(groups_of(table), "{1}{2,3,4}{5}");
}

TEST(Reachability, parts_a_chain) {
    Reachability table = whole(3);
    cut_both(table, 1, 3);
    EXPECT_EQ(groups_of(table), "{1,2}{3}");
}

TEST(Reachability, parts_a_star) {
    Reachability table = whole(5);
    for (std::size_t a = 2; a <= 5; ++a) {
        for (std::size_t b = a + 1; b <= 5; ++b) {
            cut_both(table, a, b);
        }
    }
    EXPECT_EQ(groups_of(table), "{1,2}{3}{4}{5}");
}

TEST(Reachability, parts_a_ring_of_which_each_edge_is_missing) {
    Reachability table = whole(6);
    for (std::size_t a = 1; a <= 6; ++a) {
        cut_both(table, a, a % 6 + 1);
    }
    EXPECT_EQ(groups_of(table), "{1,3,5}{2,4,6}");
}

TEST(Reachability, leaves_the_silent_alone) {
    Reachability table = whole(4);
    table.rows[1].is_known = false;
    EXPECT_EQ(groups_of(table), "{1,3,4}{2}");
}

TEST(Reachability, parts_a_split_network_of_128_nodes) {
    Reachability table = whole(128);
    for (std::size_t a = 1; a <= 128; ++a) {
        for (std::size_t b = 1; b <= 128; ++b) {
            if (a % 2 != b % 2) {
                cut(table, a, b);
            }
        }
    }
    const Groups groups = separate(table);
    EXPECT_EQ(groups.members_of(table.nodes, 0).size(), 64U);
    EXPECT_EQ(groups.members_of(table.nodes, 1).size(), 64U);
}

TEST(Reachability, loses_one_node_for_each_of_64_separate_broken_edges) {
    Reachability table = whole(128);
    for (std::size_t a = 1; a <= 128; a += 2) {
        cut(table, a, a + 1);
    }
    const Groups groups = separate(table);
    const Members best = groups.members_of(table.nodes, 0);
    EXPECT_EQ(best.size(), 64U);
    for (std::size_t a = 1; a <= 128; a += 2) {
        EXPECT_TRUE(best.contains(node(a)));
    }
}

Reachability random_table(Prng& prng, std::size_t n, std::uint64_t cut_percent) {
    Reachability table = whole(n);
    for (std::size_t a = 1; a <= n; ++a) {
        table.rows[a - 1].is_known = !prng.chance(1, 20);
        table.rows[a - 1].ring = RingId{4 + 4 * prng.below(2), node(1), 1};
        for (std::size_t b = 1; b <= n; ++b) {
            if (a != b && prng.chance(cut_percent, 100)) {
                cut(table, a, b);
            }
        }
    }
    return table;
}

// The first group, by looking at every set.
std::size_t largest_by_trying_all(const Reachability& table) {
    std::size_t largest = 0;
    for (std::uint32_t set = 1; set < 1U << table.nodes.size(); ++set) {
        bool fits = true;
        for (std::size_t a = 0; a < table.nodes.size() && fits; ++a) {
            fits = (set >> a & 1) == 0 || table.rows[a].is_known;
            for (std::size_t b = 0; b < a && fits; ++b) {
                fits = (set >> a & 1) == 0 || (set >> b & 1) == 0 || table.is_whole(a, b);
            }
        }
        largest = fits ? std::max<std::size_t>(largest, NodeBits(set).count()) : largest;
    }
    return largest;
}

TEST(Reachability, finds_the_largest_group_and_only_whole_ones) {
    Prng prng(5);
    for (int run = 0; run < 400; ++run) {
        const std::size_t n = 1 + prng.below(9);
        const Reachability table = random_table(prng, n, prng.below(60));
        const Groups groups = separate(table);
        std::size_t largest = 0;
        for (std::size_t a = 0; a < n; ++a) {
            if (!table.rows[a].is_known) {
                EXPECT_EQ(groups.members_of(table.nodes, a).size(), 1U);
                continue;
            }
            largest = std::max(largest, groups.members_of(table.nodes, a).size());
            for (std::size_t b = 0; b < n; ++b) {
                EXPECT_TRUE(groups.of[a] != groups.of[b] || table.is_whole(a, b));
            }
        }
        EXPECT_EQ(largest, largest_by_trying_all(table));
    }
}

// Whatever is missing, the answer comes: it would not without the limit of steps.
TEST(Reachability, ends_on_any_table_of_128_nodes) {
    Prng prng(6);
    for (const std::uint64_t percent : {1U, 5U, 15U, 30U, 60U, 95U}) {
        const Reachability table = random_table(prng, 128, percent);
        const Groups groups = separate(table);
        for (std::size_t a = 0; a < 128; ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                EXPECT_TRUE(groups.of[a] != groups.of[b] || table.is_whole(a, b));
            }
        }
    }
}

}  // namespace
}  // namespace ais::totem
