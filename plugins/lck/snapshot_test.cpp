// SPDX-License-Identifier: BSD-3-Clause

#include "test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::lck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two components of one cluster that go on for themselves and come together.
class LckMerge : public testing::Test {
  protected:
    LckMerge() {
        for (TestState* side : {&left, &right}) {
            side->open(1, 1, "r");
            side->open(2, 1, "r");
            side->open(3, 1, "r");
            side->open(4, 1, "r");
        }
    }
    void part(std::vector<ais_node_id> on_left, std::vector<ais_node_id> on_right) {
        members_left = std::move(on_left);
        members_right = std::move(on_right);
        left.form(members_left, members_right);
        right.ring = left.ring - 4;
        right.form(members_right, members_left);
        left.serve();
        right.serve();
        left.take();
        right.take();
    }
    void join() {
        const std::string a = save(left.state.image());
        const std::string b = save(right.state.image());
        std::vector<ais_node_id> all = members_left;
        all.insert(all.end(), members_right.begin(), members_right.end());
        std::sort(all.begin(), all.end());
        right.ring = left.ring = std::max(left.ring, right.ring);
        left.form(all);
        right.form(all);
        for (TestState* side : {&left, &right}) {
            const SavedState states[] = {
                {side == &left, members_left.front(), members_left, as_bytes(a)},
                {side == &right, members_right.front(), members_right, as_bytes(b)}};
            auto merged = merge(states, all);
            ASSERT_TRUE(merged) << merged.error().text;
            side->replace(*merged, true);
        }
        EXPECT_EQ(save(left.state.image()), save(right.state.image()));
    }
    TestState left{1};
    TestState right{4};
    std::vector<ais_node_id> members_left;
    std::vector<ais_node_id> members_right;
};

TEST_F(LckMerge, keeps_the_lock_of_the_component_with_more_nodes) {
    part({1, 2}, {3, 4, 5});
    left.lock(1, 10, 1, ex);
    right.lock(4, 10, 1, ex);
    EXPECT_NE(left.fence(1, 10), right.fence(4, 10)) << "two sides never issue one number";
    const Fence both = std::max(left.fence(1, 10), right.fence(4, 10));
    left.take();
    right.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 lost"));
    EXPECT_THAT(right.take(), IsEmpty());
    EXPECT_EQ(left.unlock(1, 10), State::Unlocked::not_exist);
    EXPECT_GT(left.fence(4, 10), both) << "a guard that has seen the loser takes the winner";
}

TEST_F(LckMerge, keeps_the_lock_of_the_lower_node_among_equals) {
    part({1, 2}, {3, 4});
    left.lock(1, 10, 1, ex);
    right.lock(4, 10, 1, pr);
    join();
    EXPECT_THAT(right.take(), ElementsAre("4.10 granted", "4.10 lost"));
    EXPECT_EQ(left.fence(4, 10), Fence{});
    EXPECT_NE(left.fence(1, 10), Fence{});
}

TEST_F(LckMerge, keeps_what_is_not_in_conflict) {
    left.lock(1, 9, 1, pr);
    right.lock(1, 9, 1, pr);
    part({1, 2}, {3, 4});
    left.lock(2, 10, 1, pr);
    right.lock(4, 10, 1, pr);
    right.open(4, 2, "s");
    right.lock(4, 11, 2, ex);
    join();
    for (const auto& [node, number] : {std::pair(1, 9), {2, 10}, {4, 10}, {4, 11}}) {
        EXPECT_NE(left.fence(static_cast<ais_node_id>(node), static_cast<std::uint64_t>(number)),
                  Fence{})
            << node << "." << number;
    }
}

TEST_F(LckMerge, makes_the_loser_wait_behind_no_one_and_serves_the_queues_in_order) {
    part({1, 2, 3}, {4, 5});
    left.lock(1, 10, 1, ex);
    left.lock(2, 10, 1, ex, 0, 22);
    right.lock(4, 10, 1, ex);
    right.lock(4, 11, 1, ex, flag_no_queue);
    right.open(5, 1, "r");
    right.lock(5, 10, 1, pr, 0, 55);
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 held ex, 55 wants pr"))
        << "the new waiter, and not the old one again";
    left.unlock(1, 10);
    EXPECT_THAT(left.take(), ElementsAre("2.10 granted", "2.10 held ex, 55 wants pr"));
    left.unlock(2, 10);
    EXPECT_THAT(left.take(), ElementsAre("5.10 granted"));
}

// Found by the simulator (workload lck, seeds 130, 270, 312).
TEST_F(LckMerge, puts_what_is_granted_before_what_waits) {
    part({1, 2, 3}, {4, 5});
    right.lock(4, 10, 1, ex);
    left.transitional();
    left.lock(1, 10, 1, ex, 0, 7);
    left.take();
    right.take();
    join();
    EXPECT_THAT(right.take(), ElementsAre("4.10 held ex, 7 wants ex"));
    const Image image = left.state.image();
    EXPECT_EQ(image.resources[0].locks[0].id, (Id{4, 10}));
    EXPECT_EQ(image.resources[0].locks[1].id, (Id{1, 10}));
}

TEST_F(LckMerge, gives_an_orphan_back_to_its_holder_who_was_on_the_other_side) {
    left.lock(4, 10, 1, ex, flag_orphan);
    right.lock(4, 10, 1, ex, flag_orphan);
    part({1, 2, 3}, {4});
    ASSERT_EQ(left.state.resources().at("r")->orphans, 1U);
    right.take();
    join();
    EXPECT_THAT(right.take(), IsEmpty());
    EXPECT_EQ(left.state.resources().at("r")->orphans, 0U);
    EXPECT_EQ(left.unlock(4, 10), State::Unlocked::granted);
}

TEST_F(LckMerge, lets_the_lock_win_that_followed_a_purge_on_the_greater_side) {
    left.lock(4, 10, 1, ex, flag_orphan);
    right.lock(4, 10, 1, ex, flag_orphan);
    part({1, 2, 3}, {4});
    left.purge(1, 1);
    left.lock(1, 10, 1, ex);
    right.take();
    join();
    EXPECT_THAT(right.take(), ElementsAre("4.10 lost"));
    EXPECT_NE(right.fence(1, 10), Fence{});
}

TEST_F(LckMerge, takes_a_lock_that_was_overtaken_by_one_given_back_on_the_other_side) {
    left.lock(1, 10, 1, ex);
    right.lock(1, 10, 1, ex);
    left.lock(2, 11, 1, pr);  // waits
    right.lock(2, 11, 1, pr);
    part({1, 2, 5}, {3, 4});
    right.ring = left.ring + 4;
    right.form({3, 4}, {});
    right.serve();
    right.lock(4, 10, 1, ex);
    right.unlock(4, 10);
    EXPECT_GT(right.fences.back(), left.fence(1, 10));
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 lost", "2.11 granted"))
        << "though its side is the greater one: a guard has seen the other";
}

TEST_F(LckMerge, takes_a_reader_only_if_a_writer_was_there) {
    for (const Mode mode : {pr, ex}) {
        const std::string name = mode == pr ? "s" : "t";
        const std::uint64_t number = mode == pr ? 2 : 3;
        for (TestState* side : {&left, &right}) {
            side->open(1, number, name);
            side->open(4, number, name);
            side->lock(1, 20 + number, number, pr);
        }
    }
    part({1, 2, 5}, {3, 4});
    right.ring = left.ring + 4;
    right.form({3, 4}, {});
    right.serve();
    right.lock(4, 22, 2, pr);
    right.unlock(4, 22);
    right.lock(4, 23, 3, ex);
    right.unlock(4, 23);
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.23 lost"));
}

TEST_F(LckMerge, remembers_the_past_of_a_resource_that_is_gone) {
    for (TestState* side : {&left, &right}) {
        side->open(1, 2, "s");
        side->lock(1, 10, 2, ex);
    }
    part({1, 2, 5}, {3, 4});
    right.ring = left.ring + 4;
    right.form({3, 4}, {});
    right.serve();
    right.open(4, 2, "s");
    right.lock(4, 10, 2, ex);
    right.close(4, {2});
    ASSERT_FALSE(right.state.resources().contains("s"));
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 lost"));
}

TEST_F(LckMerge, takes_what_it_cannot_know_to_have_been_alone) {
    for (TestState* side : {&left, &right}) {
        side->open(1, 2, "s");
        side->lock(1, 10, 2, ex);
    }
    part({1, 2, 5}, {3, 4});
    right.ring = left.ring + 4;
    right.form({3, 4}, {});
    right.serve();
    for (std::uint64_t n = 100; n <= 100 + past_max; ++n) {
        right.open(4, n, "gone-" + std::to_string(n));
        right.lock(4, n, n, ex);
        right.close(4, {n});
    }
    EXPECT_EQ(right.state.image().past.size(), past_max);
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 lost"));
    EXPECT_EQ(left.state.image().past.size(), past_max);
}

TEST_F(LckMerge, keeps_a_lock_when_others_gave_back_theirs_before_it) {
    for (TestState* side : {&left, &right}) {
        side->lock(2, 9, 1, ex);
        side->unlock(2, 9);
        side->lock(1, 10, 1, ex);
    }
    part({1, 2}, {3, 4, 5});
    left.take();
    join();
    EXPECT_THAT(left.take(), IsEmpty());
    EXPECT_NE(left.fence(1, 10), Fence{});
    part({1, 2}, {3, 4, 5});
    join();
    EXPECT_NE(left.fence(1, 10), Fence{}) << "nor with the number of a merge";
}

// 4 holds it since before 3's grant, and has a number of a later merge than 1's when it gives it
// back.
TEST_F(LckMerge, is_overtaken_by_the_number_that_was_used_last) {
    right.lock(4, 10, 1, ex);
    left.lock(4, 10, 1, ex);
    part({1, 2, 5}, {3, 4});
    left.lock(1, 10, 1, ex);
    right.form({3, 4, 6});
    Image image = right.state.image();
    right.ring = left.ring + 8;
    right.form({3, 4});
    right.replace(image, true);
    ASSERT_GT(right.fence(4, 10), left.fence(1, 10));
    right.unlock(4, 10);
    left.take();
    join();
    EXPECT_THAT(left.take(), ElementsAre("1.10 lost"));
}

TEST_F(LckMerge, does_not_bring_back_an_orphan_that_was_purged) {
    for (TestState* side : {&left, &right}) {
        side->lock(1, 10, 1, ex, flag_orphan);
        side->close(1, {1});
    }
    part({1, 2, 5}, {3, 4});
    ASSERT_EQ(right.state.resources().at("r")->orphans, 1U);
    right.purge(4, 1);
    join();
    EXPECT_EQ(left.state.resources().at("r")->orphans, 0U);
    left.lock(2, 10, 1, ex);
    EXPECT_NE(left.fence(2, 10), Fence{});
}

TEST_F(LckMerge, keeps_an_orphan_of_one_side_that_the_other_did_not_know) {
    part({1, 2, 5}, {3, 4});
    left.lock(1, 10, 1, ex, flag_orphan);
    left.close(1, {1});
    right.purge(4, 1);
    join();
    EXPECT_EQ(left.state.resources().at("r")->orphans, 1U);
}

TEST_F(LckMerge, forgets_the_purge_of_an_orphan_whose_holder_lives) {
    for (TestState* side : {&left, &right}) {
        side->lock(4, 10, 1, ex, flag_orphan);
    }
    part({1, 2, 3}, {4});
    left.purge(1, 1);
    join();
    EXPECT_NE(left.fence(4, 10), Fence{});
    EXPECT_THAT(left.state.image().purged, IsEmpty());
    left.close(4, {1});
    EXPECT_EQ(left.state.resources().at("r")->orphans, 1U);
}

TEST_F(LckMerge, breaks_circles_that_came_about) {
    for (TestState* side : {&left, &right}) {
        side->open(1, 2, "s", 1);
        side->open(4, 2, "s", 1);
        side->open(4, 3, "t", 1);
        side->open(1, 3, "t", 1);
        side->open(3, 2, "s");
    }
    part({1, 2}, {3, 4, 5});
    // 1 reads s, and waits for t, which 2 has on its side; 4 has t on the other, and waits for s,
    // which 3 reads there.
    left.open(2, 3, "t");
    left.lock(2, 9, 3, ex);
    left.lock(1, 10, 2, pr);
    left.lock(1, 11, 3, ex);
    right.lock(3, 10, 2, pr);
    right.lock(4, 10, 3, ex);
    right.lock(4, 11, 2, ex);
    left.take();
    right.take();
    join();
    const auto said = left.take();
    EXPECT_EQ(std::count(said.begin(), said.end(), "1.11 deadlock"), 1) << "the later one";
    EXPECT_EQ(std::count(said.begin(), said.end(), "4.11 deadlock"), 0);
}

TEST_F(LckMerge, later_grants_are_above_those_of_both_sides) {
    part({1, 2}, {3, 4});
    for (std::uint64_t n = 10; n < 15; ++n) {
        left.lock(1, n, 1, ex);
        left.unlock(1, n);
        right.lock(4, n, 1, ex);
        right.unlock(4, n);
    }
    std::vector<Fence> before = left.fences;
    before.insert(before.end(), right.fences.begin(), right.fences.end());
    std::sort(before.begin(), before.end());
    EXPECT_EQ(std::adjacent_find(before.begin(), before.end()), before.end());
    join();
    left.lock(1, 20, 1, ex);
    EXPECT_GT(left.fences.back(), before.back());
}

TEST(LckSnapshot, comes_back_as_it_was_with_fresh_requests_and_nothing_served) {
    TestState a;
    a.open(1, 1, "r");
    a.open(2, 1, "s");
    a.lock(1, 10, 1, ex, flag_orphan, 5);
    a.transitional();
    a.lock(2, 10, 1, pr);
    const std::string bytes = save(a.state.image());
    const auto image = restore(as_bytes(bytes));
    ASSERT_TRUE(image);
    TestState b;
    b.replace(*image, false);
    EXPECT_THAT(b.take(), IsEmpty());
    EXPECT_EQ(save(b.state.image()), bytes);
    b.serve();
    EXPECT_THAT(b.take(), ElementsAre("2.10 granted"));
}

TEST(LckSnapshot, that_was_cut_off_or_makes_no_sense_is_refused_with_a_reason) {
    TestState a;
    a.open(1, 1, "r");
    a.open(2, 1, "r");
    a.lock(1, 10, 1, pr);
    a.lock(2, 10, 1, pr);
    const Image good = a.state.image();
    const std::string bytes = save(good);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(restore(as_bytes(bytes.substr(0, size)))) << size;
    }
    EXPECT_FALSE(restore(as_bytes(bytes + "x")));
    const auto refusal = [](const Image& image) {
        const auto read = restore(as_bytes(save(image)));
        return read ? std::string("taken") : read.error().text;
    };
    Image bad = good;
    bad.resources[0].locks[1].mode = ex;
    EXPECT_THAT(refusal(bad), HasSubstr("in conflict"));
    bad = good;
    bad.resources[0].locks[1].open = 9;
    EXPECT_THAT(refusal(bad), HasSubstr("has no open"));
    bad = good;
    bad.resources[0].locks[1].kind = Kind::waiting;
    EXPECT_THAT(refusal(bad), HasSubstr("does not decode")) << "with a number";
    bad = good;
    std::swap(bad.resources[0].opens[0], bad.resources[0].opens[1]);
    EXPECT_THAT(refusal(bad), HasSubstr("out of order"));
    bad = good;
    bad.last_place = 1;
    EXPECT_THAT(refusal(bad), HasSubstr("out of order"));
    bad = good;
    bad.resources.push_back(bad.resources[0]);
    EXPECT_THAT(refusal(bad), HasSubstr("twice"));
}

}  // namespace
}  // namespace ais::lck
