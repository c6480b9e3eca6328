// SPDX-License-Identifier: BSD-3-Clause

#include "test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::lck {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LckState : public testing::Test, public TestState {};

TEST_F(LckState, opens_what_is_there_and_creates_only_when_asked) {
    EXPECT_EQ(state.open(1, {1, 1, 0, 0, "r"}), State::Opened::not_exist);
    EXPECT_EQ(open(1, 1, "r"), State::Opened::ok);
    EXPECT_EQ(state.open(2, {1, 1, 0, 0, "r"}), State::Opened::ok);
    close(1, {1});
    close(2, {1});
    EXPECT_EQ(state.open(1, {2, 1, 0, 0, "r"}), State::Opened::not_exist)
        << "it went with the last close";
    EXPECT_TRUE(state.resources().empty());
}

TEST_F(LckState, grants_readers_together_and_writers_alone) {
    open(1, 1, "r");
    open(2, 1, "r");
    open(3, 1, "r");
    lock(1, 10, 1, pr);
    lock(2, 10, 1, pr);
    lock(3, 10, 1, ex, 0, 7);
    EXPECT_THAT(take(),
                ElementsAre("1.10 granted",
                            "2.10 granted",
                            "1.10 held pr, 7 wants ex",
                            "2.10 held pr, 7 wants ex"));
    EXPECT_EQ(unlock(1, 10), State::Unlocked::granted);
    EXPECT_THAT(take(), IsEmpty()) << "the other reader is still there";
    EXPECT_EQ(unlock(2, 10), State::Unlocked::granted);
    EXPECT_THAT(take(), ElementsAre("3.10 granted"));
    EXPECT_EQ(unlock(3, 10), State::Unlocked::granted);
    EXPECT_EQ(unlock(3, 10), State::Unlocked::not_exist);
    EXPECT_EQ(state.lock_count(), 0U);
}

TEST_F(LckState, serves_strictly_in_the_order_of_arrival) {
    for (std::uint64_t n = 1; n <= 6; ++n) {
        open(static_cast<ais_node_id>(n), 1, "r");
    }
    lock(1, 10, 1, pr);
    lock(2, 10, 1, ex);
    lock(3, 10, 1, pr);  // behind a writer: else writers starve
    lock(4, 10, 1, pr);
    lock(5, 10, 1, ex);
    lock(6, 10, 1, pr);
    take();
    unlock(1, 10);
    EXPECT_EQ(take().front(), "2.10 granted");
    unlock(2, 10);
    const auto readers = take();
    EXPECT_EQ(readers[0], "3.10 granted");
    EXPECT_EQ(readers[1], "4.10 granted");
    EXPECT_EQ(std::count(readers.begin(), readers.end(), "6.10 granted"), 0);
    unlock(3, 10);
    unlock(4, 10);
    EXPECT_EQ(take().front(), "5.10 granted");
    unlock(5, 10);
    EXPECT_THAT(take(), ElementsAre("6.10 granted"));
}

TEST_F(LckState, lets_a_reader_read_again_though_a_writer_waits_for_it) {
    open(1, 1, "r");
    open(2, 1, "r");
    lock(1, 10, 1, pr);
    lock(2, 10, 1, ex);
    take();
    lock(1, 11, 1, pr);
    EXPECT_THAT(take(), ElementsAre("1.11 granted", "1.11 held pr, 0 wants ex"));
    unlock(1, 10);
    EXPECT_THAT(take(), IsEmpty());
    unlock(1, 11);
    EXPECT_THAT(take(), ElementsAre("2.10 granted"));
}

TEST_F(LckState, decides_at_once_what_must_not_wait) {
    open(1, 1, "r");
    open(2, 1, "r");
    lock(1, 10, 1, ex);
    lock(2, 10, 1, ex, flag_no_queue);
    lock(1, 11, 1, ex);
    EXPECT_THAT(take(), ElementsAre("1.10 granted", "2.10 not queued", "1.11 duplicate"));
    EXPECT_EQ(unlock(2, 10), State::Unlocked::not_exist);
    EXPECT_EQ(unlock(1, 11), State::Unlocked::not_exist);
    EXPECT_EQ(state.lock_count(), 1U);
}

TEST_F(LckState, drops_a_request_that_is_unlocked_or_timed_out_and_serves_those_behind_it) {
    open(1, 1, "r");
    open(2, 1, "r");
    open(3, 1, "r");
    lock(1, 10, 1, pr);
    lock(2, 10, 1, ex);
    lock(3, 10, 1, pr);
    take();
    EXPECT_TRUE(expire(2, 10));
    EXPECT_THAT(take(), ElementsAre("3.10 granted"));
    EXPECT_FALSE(expire(2, 10));
    EXPECT_FALSE(expire(3, 10)) << "it was granted before";
    lock(2, 11, 1, ex);
    lock(2, 12, 1, pr);
    EXPECT_EQ(unlock(2, 11), State::Unlocked::queued);
    EXPECT_EQ(unlock(2, 12), State::Unlocked::granted);
}

TEST_F(LckState, frees_what_a_process_had_when_it_goes_all_at_once) {
    open(1, 1, "r", 1);
    open(1, 2, "r", 1);
    open(2, 1, "r");
    lock(1, 10, 1, pr);
    lock(2, 10, 1, ex);
    lock(1, 11, 2, pr);
    lock(1, 12, 2, pr);
    take();
    close(1, {1, 2});
    EXPECT_THAT(take(), ElementsAre("2.10 granted"));
    EXPECT_EQ(state.lock_count(), 1U);
}

TEST_F(LckState, keeps_an_orphan_until_it_is_purged) {
    open(1, 1, "r");
    lock(1, 10, 1, ex, flag_orphan);
    close(1, {1});
    EXPECT_EQ(state.open(2, {1, 1, 0, 0, "r"}), State::Opened::ok) << "it is still there";
    take();
    lock(2, 10, 1, ex);
    lock(2, 11, 1, ex, flag_orphan);
    lock(2, 12, 1, ex, flag_no_queue | flag_orphan);
    EXPECT_THAT(take(), ElementsAre("2.11 orphaned", "2.12 not queued"))
        << "and no callback for an orphan";
    EXPECT_EQ(unlock(1, 10), State::Unlocked::not_exist) << "it belongs to nobody";
    EXPECT_TRUE(purge(2, 1));
    EXPECT_THAT(take(), ElementsAre("2.10 granted"));
    EXPECT_TRUE(purge(2, 1)) << "there is none";
    EXPECT_EQ(state.lock_count(), 1U) << "a lock that somebody has is left alone";
    EXPECT_FALSE(purge(2, 99));
}

TEST_F(LckState, tells_a_waiting_request_of_an_orphan_that_comes_in_its_way) {
    open(1, 1, "r");
    open(2, 1, "r");
    lock(1, 10, 1, ex, flag_orphan);
    lock(2, 10, 1, ex, flag_orphan);
    lock(2, 11, 1, pr);
    take();
    close(1, {1});
    EXPECT_THAT(take(), ElementsAre("2.10 orphaned")) << "and the other one waits for a purge";
}

TEST_F(LckState, finds_an_owner_that_waits_for_itself) {
    open(1, 1, "r", 1);
    open(1, 2, "r", 1);
    open(1, 3, "r", 3);
    lock(1, 10, 1, ex);
    lock(1, 11, 1, pr);
    lock(1, 12, 2, ex);
    lock(1, 13, 2, pr);
    lock(1, 14, 3, ex);
    EXPECT_THAT(take(),
                ElementsAre("1.10 granted",
                            "1.11 deadlock",
                            "1.12 deadlock",
                            "1.13 deadlock",
                            "1.10 held ex, 0 wants ex"))
        << "another process of the node is another owner";
    unlock(1, 10);
    unlock(1, 14);
    lock(1, 20, 1, pr);
    lock(1, 21, 1, ex);
    EXPECT_EQ(take().back(), "1.21 deadlock") << "there is no conversion";
}

TEST_F(LckState, finds_circles_over_resources_and_nodes) {
    for (ais_node_id node = 1; node <= 3; ++node) {
        open(node, 1, "a", 1);
        open(node, 2, "b", 1);
        open(node, 3, "c", 1);
        lock(node, 10, node, ex);
    }
    take();
    lock(1, 11, 2, ex);
    lock(2, 11, 3, pr);
    EXPECT_THAT(take(), ElementsAre("2.10 held ex, 0 wants ex", "3.10 held ex, 0 wants pr"));
    lock(3, 11, 1, ex);
    EXPECT_THAT(take(), ElementsAre("3.11 deadlock"));
    unlock(3, 10);
    EXPECT_THAT(take(), ElementsAre("2.11 granted"));
}

TEST_F(LckState, finds_circles_that_go_through_a_queue) {
    for (ais_node_id node = 1; node <= 3; ++node) {
        open(node, 1, "a", 1);
        open(node, 2, "b", 1);
    }
    lock(1, 10, 1, pr);
    lock(2, 10, 2, ex);
    lock(3, 10, 1, ex);  // waits for 1
    lock(2, 11, 1, pr);  // waits for 3, which is before it
    take();
    lock(3, 11, 2, pr);
    EXPECT_THAT(take(), ElementsAre("3.11 deadlock"));
    lock(1, 11, 2, pr);
    EXPECT_THAT(take(), ElementsAre("1.11 deadlock"));
}

TEST_F(LckState, tells_who_is_granted_of_those_who_wait_still) {
    for (ais_node_id node = 1; node <= 4; ++node) {
        open(node, 1, "r");
    }
    lock(1, 10, 1, ex, 0, 1);
    lock(2, 10, 1, ex, 0, 2);
    lock(3, 10, 1, pr, 0, 3);
    lock(4, 10, 1, ex, 0, 4);
    EXPECT_THAT(take(),
                ElementsAre("1.10 granted",
                            "1.10 held ex, 2 wants ex",
                            "1.10 held ex, 3 wants pr",
                            "1.10 held ex, 4 wants ex"));
    unlock(1, 10);
    EXPECT_THAT(
        take(),
        ElementsAre("2.10 granted", "2.10 held ex, 3 wants pr", "2.10 held ex, 4 wants ex"));
    unlock(2, 10);
    EXPECT_THAT(take(), ElementsAre("3.10 granted", "3.10 held pr, 4 wants ex"));
}

TEST_F(LckState, gives_numbers_that_only_grow) {
    open(1, 1, "r");
    open(2, 1, "r");
    for (std::uint64_t n = 10; n < 20; ++n) {
        lock(1, n, 1, ex);
        unlock(1, n);
    }
    form({2, 3, 4}, {1});
    serve();
    lock(2, 10, 1, ex);
    form({1, 2, 3, 4});
    serve();
    unlock(2, 10);
    lock(2, 11, 1, ex);
    ASSERT_EQ(fences.size(), 12U);
    EXPECT_TRUE(std::is_sorted(fences.begin(), fences.end()));
    EXPECT_EQ(std::adjacent_find(fences.begin(), fences.end()), fences.end());
    EXPECT_EQ(fences[0], (Fence{4U << 16, (std::uint64_t{1} << 48) + 1})) << "ring 4 of node 1";
}

TEST_F(LckState, has_the_whole_representative_in_its_numbers) {
    form({0xfedc1234});
    serve();
    open(0xfedc1234, 1, "r");
    lock(0xfedc1234, 10, 1, ex);
    EXPECT_EQ(fences.back().high, (ring << 16) | 0xfedc);
    EXPECT_EQ(fences.back().low >> 48, 0x1234U);
}

TEST_F(LckState, grants_nothing_between_two_rings) {
    open(1, 1, "r");
    open(2, 1, "r");
    open(3, 1, "s");
    lock(1, 10, 1, ex);
    lock(2, 10, 1, ex);
    take();
    transitional({1});
    lock(3, 10, 1, ex);
    lock(3, 11, 1, pr, flag_no_queue);
    EXPECT_THAT(take(), IsEmpty());
    form({2, 3}, {1});
    EXPECT_THAT(take(), IsEmpty()) << "replicas may still differ";
    serve();
    EXPECT_THAT(take(), ElementsAre("2.10 granted", "3.10 granted", "3.11 not queued"));
}

TEST_F(LckState, frees_or_orphans_what_a_node_had_that_left) {
    open(1, 1, "r");
    open(1, 2, "o");
    open(2, 1, "r");
    lock(1, 10, 1, ex);
    lock(1, 11, 2, ex, flag_orphan);
    lock(2, 10, 1, pr);
    take();
    form({2, 3}, {1});
    serve();
    EXPECT_THAT(take(), ElementsAre("2.10 granted"));
    EXPECT_EQ(state.resources().at("o")->orphans, 1U);
    EXPECT_EQ(state.open_count(), 1U);
}

TEST_F(LckState, grants_nothing_where_it_is_not_primary_and_takes_away_what_was_granted) {
    open(1, 1, "r");
    open(2, 1, "r");
    lock(1, 10, 1, ex);
    lock(2, 10, 1, ex);
    take();
    is_primary = false;
    form({1, 2}, {3, 4, 5, 6, 7, 8, 9});
    EXPECT_THAT(take(), ElementsAre("1.10 lost"));
    serve();
    lock(2, 11, 1, pr, flag_no_queue);
    EXPECT_THAT(take(), ElementsAre("2.11 not queued"));
    EXPECT_EQ(unlock(1, 10), State::Unlocked::not_exist);
    is_primary = true;
    form({1, 2, 3, 4, 5, 6, 7, 8, 9});
    serve();
    EXPECT_THAT(take(), ElementsAre("2.10 granted")) << "who waited is still there";
}

TEST_F(LckState, says_when_the_cluster_has_no_more_locks) {
    open(1, 1, "r");
    for (std::uint64_t n = 0; n < locks_max; ++n) {
        lock(1, 10 + n, 1, pr);
    }
    take();
    lock(1, 5, 1, pr);
    EXPECT_THAT(take(), ElementsAre("1.5 no more"));
    unlock(1, 10);
    lock(1, 5, 1, pr);
    EXPECT_THAT(take(), ElementsAre("1.5 granted"));
}

TEST_F(LckState, has_so_many_resources_and_no_more) {
    for (std::uint64_t n = 0; n < resources_max; ++n) {
        ASSERT_EQ(open(1, n + 1, "r" + std::to_string(n)), State::Opened::ok);
    }
    EXPECT_EQ(open(2, 1, "another"), State::Opened::no_resources);
    EXPECT_EQ(open(2, 2, "r0"), State::Opened::ok) << "of what is there it says nothing";
}

TEST_F(LckState, refuses_requests_of_an_open_that_is_closed) {
    open(1, 1, "r");
    close(1, {1});
    EXPECT_FALSE(lock(1, 10, 1, ex));
    EXPECT_THAT(take(), IsEmpty());
}

}  // namespace
}  // namespace ais::lck
