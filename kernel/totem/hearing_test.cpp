// SPDX-License-Identifier: BSD-3-Clause

#include "totem/hearing.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::milliseconds;

constexpr Duration window = milliseconds(100);
const Instant start{std::chrono::seconds(10)};
const RingId ring{24, NodeId(1), 77};
const NodeId a(1);
const NodeId b(2);
const NodeId c(3);
const Members all{a, b, c};

// A join of `from` for all, of a node that has heard `heard`.
Join join_of(NodeId from, const Members& heard, Instant now = start) {
    Hearing ears(from, window);
    for (const NodeId node : heard) {
        ears.hear(node, now);
    }
    Join join;
    join.processors = all;
    ears.tell(join, ring, now);
    return join;
}

TEST(Hearing, is_whole_when_each_has_said_that_it_hears_all) {
    Hearing ears(a, window);
    ears.take(b, join_of(b, {a, c}), start);
    EXPECT_FALSE(ears.is_whole(all));
    EXPECT_TRUE(ears.is_whole(Members{a, b}));
    ears.take(c, join_of(c, {b}), start);
    EXPECT_FALSE(ears.is_whole(all));
    ears.take(c, join_of(c, {a, b}), start + milliseconds(1));
    EXPECT_TRUE(ears.is_whole(all));
    EXPECT_TRUE(ears.hears_all(all, start));
    EXPECT_FALSE(ears.hears_all(all, start + milliseconds(102)));
}

TEST(Hearing, takes_a_join_without_rows_for_one_that_hears_all) {
    Hearing ears(a, window);
    Join old;
    old.processors = Members{a, b};
    ears.take(b, old, start);
    EXPECT_TRUE(ears.is_whole(Members{a, b}));
}

TEST(Hearing, passes_rows_on_to_those_who_do_not_hear) {
    // b has heard a and c, and what a hears; c has never heard a.
    Hearing of_b(b, window);
    of_b.take(a, join_of(a, {b}), start);
    of_b.take(c, join_of(c, {b}), start);
    Join from_b;
    from_b.processors = all;
    of_b.tell(from_b, ring, start + milliseconds(20));
    Hearing of_c(c, window);
    of_c.take(b, from_b, start + milliseconds(20));
    const Reachability table =
        of_c.table(all, RingId{}, Duration::zero(), start + milliseconds(20));
    EXPECT_TRUE(table.rows[0].is_known);
    EXPECT_EQ(table.rows[0].ring, ring);
    EXPECT_TRUE(table.is_whole(0, 1));
    EXPECT_TRUE(table.is_whole(1, 2));
    EXPECT_FALSE(table.hears(0, 2));
    EXPECT_FALSE(table.hears(2, 0));
    // What was 20 ms old when it came grows older here.
    const Instant later = start + milliseconds(101);
    EXPECT_FALSE(of_c.table(all, RingId{}, Duration::zero(), later).rows[0].is_known);
    EXPECT_TRUE(of_c.table(all, RingId{}, milliseconds(500), later).rows[0].is_known);
}

TEST(Hearing, keeps_the_newest_row) {
    Hearing ears(a, window);
    ears.take(c, join_of(c, {a, b}), start + milliseconds(50));
    // b passes on what c said before.
    Hearing of_b(b, window);
    of_b.take(c, join_of(c, {}), start);
    Join from_b;
    from_b.processors = all;
    of_b.tell(from_b, ring, start + milliseconds(60));
    ears.take(b, from_b, start + milliseconds(60));
    EXPECT_TRUE(ears.is_whole(Members{a, c}));
}

TEST(Hearing, keeps_its_rows_when_more_nodes_come) {
    Hearing ears(a, window);
    Join join;
    join.processors = Members{a, c};
    Hearing of_c(c, window);
    of_c.hear(a, start);
    of_c.tell(join, ring, start);
    ears.take(c, join, start);
    ears.hear(b, start);  // gets a place before c
    EXPECT_TRUE(ears.is_whole(Members{a, c}));
    EXPECT_FALSE(ears.is_whole(all));
}

TEST(Hearing, notes_who_goes_without_us) {
    Hearing ears(a, window);
    Join join = join_of(c, {b});
    ears.take(c, join, start);
    EXPECT_FALSE(ears.table(all, ring, Duration::zero(), start).rows[2].company.is_valid());
    join.failed = Members{a};
    ears.take(c, join, start);
    const Reachability table = ears.table(all, ring, Duration::zero(), start);
    EXPECT_EQ(table.rows[1].company, b);
    EXPECT_EQ(table.rows[2].company, b);
}

TEST(Hearing, forgets_who_says_goodbye) {
    Hearing ears(a, window);
    ears.take(b, join_of(b, {a}), start);
    ears.forget(b);
    EXPECT_FALSE(ears.hears_all(Members{a, b}, start));
    EXPECT_FALSE(ears.table(all, ring, Duration::zero(), start).rows[1].is_known);
}

TEST(Hearing, goes_on_when_more_nodes_were_here_than_fit) {
    Hearing ears(a, window);
    for (ais_node_id id = 1; id <= 400; ++id) {
        ears.hear(NodeId(id), start);
    }
    Join join;
    join.processors = Members{a, NodeId(350)};
    ears.tell(join, ring, start);
    EXPECT_TRUE(join.hearing.rows[0].is_there);
}

}  // namespace
}  // namespace ais::totem
