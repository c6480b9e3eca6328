// SPDX-License-Identifier: BSD-3-Clause

#include "totem/separation.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Separation::Times times{seconds(1), milliseconds(200), seconds(1), seconds(6)};
const Instant start{seconds(10)};
const NodeId a(1);
const NodeId b(2);
const NodeId c(3);
const Members ours{a, b};

// a, b, c, where a and c do not hear each other.
Reachability chain() {
    Reachability table;
    table.nodes = Members{a, b, c};
    for (std::size_t i = 0; i < 3; ++i) {
        table.rows[i].is_known = true;
        for (std::size_t j = 0; j < 3; ++j) {
            table.rows[i].hears[j] = i == j || i == 1 || j == 1;
        }
    }
    return table;
}

TEST(Separation, holds_off_who_is_behind_a_broken_path) {
    Separation at_b(b, times);
    at_b.install(chain(), ours, start);
    EXPECT_TRUE(at_b.holds_off(c, ours, start));
    EXPECT_TRUE(at_b.holds_off(Members{c}, ours, start));
    EXPECT_FALSE(at_b.holds_off(NodeId(4), ours, start));
    // Without a there is no broken path.
    EXPECT_FALSE(at_b.holds_off(c, Members{b}, start));
}

TEST(Separation, holds_off_the_company_of_who_is_behind_a_broken_path) {
    Separation at_c(c, times);
    at_c.install(chain(), Members{c}, start);
    EXPECT_TRUE(at_c.holds_off(a, Members{c}, start));
    EXPECT_TRUE(at_c.holds_off(b, Members{c}, start));
    EXPECT_TRUE(at_c.holds_off(Members{a, b}, Members{c}, start));
    EXPECT_FALSE(at_c.holds_off(Members{b}, Members{c}, start));  // b calls without a
}

TEST(Separation, names_a_path_that_goes_on_to_hold_off_and_once) {
    Separation at_b(b, times);
    at_b.install(chain(), ours, start);
    EXPECT_FALSE(
        at_b.take_untold(c, ours, start + milliseconds(999)));  // it may be whole after all
    EXPECT_FALSE(at_b.take_untold(NodeId(4), ours, start + seconds(1)));
    EXPECT_FALSE(at_b.take_untold(c, Members{b}, start + seconds(1)));
    const auto path = at_b.take_untold(c, ours, start + seconds(1));
    ASSERT_TRUE(path);
    EXPECT_EQ(path->ours, a);
    EXPECT_EQ(path->theirs, c);
    EXPECT_FALSE(path->is_theirs_deaf);
    EXPECT_FALSE(at_b.take_untold(c, ours, start + seconds(2)));
}

TEST(Separation, names_the_end_that_does_not_hear) {
    Separation at_a(a, times);
    at_a.install(chain(), ours, start);
    at_a.hear(c, start + milliseconds(900));  // a hears c, so it is c that does not hear a
    const auto path = at_a.take_untold(c, ours, start + seconds(1));
    ASSERT_TRUE(path);
    EXPECT_TRUE(path->is_theirs_deaf);
}

TEST(Separation, names_no_path_of_a_node_of_which_one_was_named_until_it_is_back) {
    Separation at_b(b, times);
    at_b.note_told(c);
    at_b.install(chain(), ours, start);
    EXPECT_FALSE(at_b.take_untold(c, ours, start + seconds(1)));
    // Whole, and broken again.
    EXPECT_FALSE(at_b.tell(a, Members{c}, false, start + seconds(2)));
    EXPECT_TRUE(at_b.tell(c, Members{a}, false, start + seconds(2)));
    at_b.install(chain(), ours, start + seconds(3));
    EXPECT_TRUE(at_b.take_untold(c, ours, start + seconds(4)));
    // In our ring, and left out again.
    at_b.install(chain(), Members{a, b, c}, start + seconds(5));
    at_b.install(chain(), ours, start + seconds(6));
    EXPECT_TRUE(at_b.take_untold(c, ours, start + seconds(7)));
}

TEST(Separation, ends_when_both_ends_have_heard_each_other) {
    Separation at_b(b, times);
    at_b.install(chain(), ours, start);
    EXPECT_FALSE(at_b.tell(a, Members{c}, false, start + milliseconds(200)));
    EXPECT_TRUE(at_b.holds_off(c, ours, start));
    EXPECT_TRUE(at_b.tell(c, Members{a}, false, start + milliseconds(300)));
    EXPECT_FALSE(at_b.holds_off(c, ours, start));
}

TEST(Separation, needs_both_directions_at_about_the_same_time) {
    Separation at_a(a, times);
    at_a.install(chain(), ours, start);
    at_a.hear(c, start + milliseconds(100));
    at_a.hear(b, start + seconds(2));
    EXPECT_FALSE(at_a.tell(c, Members{b}, false, start + seconds(2)));
    EXPECT_FALSE(at_a.tell(a, Members{}, false, start + seconds(2)));
    EXPECT_TRUE(at_a.holds_off(c, ours, start + seconds(2)));
    at_a.hear(c, start + seconds(3));
    EXPECT_TRUE(at_a.tell(c, Members{a}, false, start + seconds(3)));
    EXPECT_FALSE(at_a.holds_off(c, ours, start + seconds(3)));
}

TEST(Separation, tells_and_asks_at_the_ends_of_the_path) {
    Separation at_a(a, times);
    Separation at_b(b, times);
    at_a.install(chain(), ours, start);
    at_b.install(chain(), ours, start);
    EXPECT_EQ(at_a.apart(false, start), Members{c});
    EXPECT_EQ(at_b.apart(false, start), Members{});
    EXPECT_EQ(at_b.apart(true, start), (Members{a, c}));
}

TEST(Separation, waits_longer_each_time) {
    Separation at_a(a, times);
    Instant now = start;
    const auto mended_after = [&](Duration quiet) {
        at_a.hear(c, now);
        return at_a.tell(c, Members{a}, false, now).has_value() ||
               (at_a.hear(c, now + quiet),
                at_a.tell(c, Members{a}, false, now + quiet).has_value());
    };
    at_a.install(chain(), ours, now);
    EXPECT_TRUE(mended_after(Duration::zero()));
    at_a.install(chain(), ours, now);
    EXPECT_FALSE(mended_after(milliseconds(199)));
    EXPECT_TRUE(mended_after(milliseconds(200)));
    at_a.install(chain(), ours, now);
    EXPECT_FALSE(mended_after(milliseconds(399)));
    EXPECT_TRUE(mended_after(milliseconds(400)));
    for (int again = 0; again < 50; ++again) {
        at_a.install(chain(), ours, now);
        EXPECT_FALSE(mended_after(milliseconds(399)));
        EXPECT_TRUE(mended_after(seconds(1)));
    }
    // A join is proof enough: its sender has waited.
    at_a.install(chain(), ours, now);
    at_a.hear(c, now);
    EXPECT_TRUE(at_a.tell(c, Members{a}, true, now));
    // And it is forgiven after some time.
    now += seconds(9);
    at_a.install(chain(), ours, now);
    EXPECT_TRUE(mended_after(Duration::zero()));
}

TEST(Separation, drops_what_it_hears_nothing_of) {
    Separation at_b(b, times);
    at_b.install(chain(), ours, start);
    at_b.hear(c, start + seconds(5));
    EXPECT_TRUE(at_b.holds_off(c, ours, start + seconds(10)));
    EXPECT_FALSE(at_b.holds_off(c, ours, start + seconds(12)));
}

TEST(Separation, has_nothing_against_the_dead) {
    Reachability table = chain();
    table.rows[2].is_known = false;
    table.rows[0].hears.reset(2);
    table.rows[1].hears.reset(2);
    Separation at_a(a, times);
    at_a.install(table, ours, start);
    EXPECT_FALSE(at_a.holds_off(c, ours, start));
}

TEST(Separation, keeps_within_its_limits) {
    Separation at_one(a, times);
    for (std::size_t round = 0; round < 10; ++round) {
        Reachability table;
        for (std::size_t i = 0; i < 128; ++i) {
            table.nodes.insert(NodeId(static_cast<ais_node_id>(1 + round * 100 + i)));
            table.rows[i].is_known = true;
        }
        at_one.install(table, Members{table.nodes[0], table.nodes[1], table.nodes[2]}, start);
        EXPECT_TRUE(at_one.holds_off(table.nodes[5], Members{table.nodes[0]}, start));
        EXPECT_LE(at_one.apart(true, start).size(), Members::capacity);
    }
}

}  // namespace
}  // namespace ais::totem
