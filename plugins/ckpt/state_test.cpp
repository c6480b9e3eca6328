// SPDX-License-Identifier: BSD-3-Clause
//
// Checkpoints by name, handles, retention, expiration, large writes and
// configurations, without a host.

#include "state.hpp"

#include "test_support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::ckpt {
namespace {

const HandleId one{1, 5, 1};
const HandleId two{2, 5, 1};
const HandleId three{3, 9, 4};

Attributes kept(std::int64_t retention, std::uint32_t flags = wr_all_replicas) {
    Attributes attributes = attributes_of(flags);
    attributes.retention = retention;
    return attributes;
}

struct StateTest : testing::Test {
    StateTest() { configure(state, AIS_CONFIGURATION_REGULAR, 4, {1, 2, 3}); }

    Error open(const HandleId& who,
               std::string_view name,
               std::uint32_t flags = open_read | open_write) {
        return state.open(who, open_of(who.number, name, flags), 1);
    }
    Error create(const HandleId& who, std::string_view name, const Attributes& attributes) {
        return state.open(who, create_of(who.number, name, attributes), 1);
    }
    Error write(const HandleId& who, const std::vector<Data>& all) {
        return state.write(who, all, 2).error;
    }
    Expire retention_timer() {
        const auto all = state.all_timers();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? Expire{} : all[0].timer;
    }
    State state;
};

TEST_F(StateTest, name_opens_what_another_has_created) {
    EXPECT_EQ(open(one, "a"), Error::not_exist);
    EXPECT_EQ(create(one, "a", kept(0)), Error::ok);
    EXPECT_EQ(open(two, "a"), Error::ok);
    EXPECT_EQ(state.find(one), state.find(two));
    EXPECT_EQ(state.find(one)->openers, 2U);
    EXPECT_EQ(create(three, "a", attributes_of(wr_all_replicas, 11)), Error::exist);
    EXPECT_EQ(create(three, "a", kept(77)), Error::ok);
    EXPECT_EQ(state.find(three)->attributes.retention, 0);
}

TEST_F(StateTest, client_has_so_many_handles_and_no_more) {
    create({1, 1, 0}, "a", kept(0));
    for (std::uint32_t number = 1; number < opens_max; ++number) {
        ASSERT_EQ(open({1, 1, number}, "a"), Error::ok) << number;
    }
    const HandleId beyond{1, 1, opens_max};
    EXPECT_EQ(open(beyond, "a"), Error::no_resources);
    EXPECT_EQ(create(beyond, "b", kept(0)), Error::no_resources);
    EXPECT_EQ(open({1, 2, 1}, "a"), Error::ok);  // another client of the node
    EXPECT_EQ(state.close({1, 1, 7}), Error::ok);
    EXPECT_EQ(open(beyond, "a"), Error::ok);
    state.depart(1, 1);
    EXPECT_EQ(open(beyond, "a"), Error::ok);
}

TEST_F(StateTest, handle_can_be_opened_once) {
    create(one, "a", kept(0));
    EXPECT_EQ(create(one, "b", kept(0)), Error::invalid_param);
    EXPECT_EQ(state.close(one), Error::ok);
    EXPECT_EQ(state.close(one), Error::bad_handle);
}

TEST_F(StateTest, without_retention_it_ends_with_the_last_close) {
    create(one, "a", kept(0));
    open(two, "a");
    state.close(one);
    EXPECT_EQ(open(three, "a"), Error::ok);
    state.close(two);
    state.close(three);
    EXPECT_EQ(open(one, "a"), Error::not_exist);
    EXPECT_TRUE(state.image().checkpoints.empty());
}

TEST_F(StateTest, retention_begins_with_the_last_close_and_stops_with_an_open) {
    create(one, "a", kept(1000));
    EXPECT_TRUE(state.take_timer_changes().empty());
    state.close(one);
    const auto started = state.take_timer_changes();
    ASSERT_EQ(started.size(), 1U);
    EXPECT_EQ(started[0].duration, 1000);
    EXPECT_EQ(open(two, "a"), Error::ok);
    const auto stopped = state.take_timer_changes();
    ASSERT_EQ(stopped.size(), 1U);
    EXPECT_EQ(stopped[0].duration, time_end);
    EXPECT_FALSE(state.expire(started[0].timer));
    state.close(two);
    EXPECT_FALSE(state.expire(started[0].timer));  // of the earlier close
    EXPECT_TRUE(state.expire(state.take_timer_changes()[0].timer));
    EXPECT_EQ(open(one, "a"), Error::not_exist);
}

TEST_F(StateTest, expiry_does_not_hit_what_was_made_anew_under_the_name) {
    create(one, "a", kept(1000));
    state.close(one);
    const Expire old = retention_timer();
    EXPECT_EQ(state.unlink("a"), Error::ok);
    create(one, "a", kept(1000));
    state.close(one);
    EXPECT_FALSE(state.expire(old));
    EXPECT_EQ(open(two, "a"), Error::ok);
}

TEST_F(StateTest, unlinked_one_lives_as_long_as_its_handles) {
    create(one, "a", kept(time_end));
    ASSERT_EQ(state.create(one, data_of("s", "old"), time_end, 1).error, Error::ok);
    EXPECT_EQ(state.unlink("a"), Error::ok);
    EXPECT_EQ(state.unlink("a"), Error::not_exist);
    EXPECT_EQ(open(two, "a"), Error::not_exist);
    EXPECT_EQ(create(two, "a", attributes_of(wr_active_replica)), Error::ok);
    EXPECT_EQ(text_of(*state.find(one), "s"), "old");
    EXPECT_EQ(text_of(*state.find(two), "s"), "(none)");
    EXPECT_EQ(state.set_retention(one, 5), Error::bad_operation);
    EXPECT_EQ(state.set_retention(two, 5), Error::ok);
    state.close(one);
    EXPECT_EQ(state.image().checkpoints.size(), 1U);
}

TEST_F(StateTest, retention_can_be_changed_while_it_is_open) {
    create(one, "a", kept(1000));
    EXPECT_EQ(state.set_retention(one, 7), Error::ok);
    state.close(one);
    EXPECT_EQ(state.take_timer_changes()[0].duration, 7);
}

TEST_F(StateTest, writes_need_a_handle_that_may_write) {
    create(one, "a", kept(0));
    open(two, "a", open_read);
    EXPECT_EQ(state.create(two, data_of("s", ""), time_end, 1).error, Error::access);
    EXPECT_EQ(state.create(one, data_of("s", ""), time_end, 1).error, Error::ok);
    EXPECT_EQ(write(two, {data_of("s", "x")}), Error::access);
    EXPECT_EQ(state.overwrite(two, data_of("s", "x"), 1).error, Error::access);
    EXPECT_EQ(state.remove(two, "s").error, Error::access);
    EXPECT_EQ(state.set_expiration(two, "s", 5, 1).error, Error::access);
    EXPECT_EQ(state.set_active(two), Error::access);
    EXPECT_EQ(state.check_synchronize(two), Error::access);
    EXPECT_EQ(write(three, {data_of("s", "x")}), Error::bad_handle);
}

TEST_F(StateTest, active_replica_is_for_collocated_asynchronous_ones) {
    create(one, "sync", kept(0));
    EXPECT_EQ(state.set_active(one), Error::bad_operation);
    EXPECT_EQ(state.check_synchronize(one), Error::bad_operation);
    const HandleId other{1, 5, 2};
    create(other, "async", kept(0, wr_active_replica));
    EXPECT_EQ(state.set_active(other), Error::bad_operation);
    EXPECT_EQ(state.check_synchronize(other), Error::ok);
    create(two, "collocated", kept(0, wr_active_replica | collocated));
    EXPECT_EQ(state.create(two, data_of("s", ""), time_end, 1).error, Error::not_exist);
    EXPECT_EQ(state.check_synchronize(two), Error::not_exist);
    EXPECT_EQ(state.set_active(two), Error::ok);
    EXPECT_EQ(state.create(two, data_of("s", ""), time_end, 1).error, Error::ok);
    // Its node goes: nobody answers until another is set.
    open(three, "collocated");
    configure(state, AIS_CONFIGURATION_TRANSITIONAL, 4, {1, 3}, {2});
    EXPECT_EQ(write(three, {data_of("s", "x")}), Error::ok);
    configure(state, AIS_CONFIGURATION_REGULAR, 8, {1, 3});
    EXPECT_EQ(write(three, {data_of("s", "x")}), Error::not_exist);
    EXPECT_EQ(state.set_active(three), Error::ok);
    EXPECT_EQ(write(three, {data_of("s", "x")}), Error::ok);
}

TEST_F(StateTest, section_expires_by_its_generation) {
    create(one, "a", kept(0));
    EXPECT_EQ(state.create(one, data_of("s", "x"), 500, 600).error, Error::invalid_param);
    EXPECT_EQ(state.create(one, data_of("s", "x"), 600, 600).error, Error::invalid_param);
    EXPECT_EQ(state.create(one, data_of("s", "x"), 700, 600).error, Error::ok);
    const auto started = state.take_timer_changes();
    ASSERT_EQ(started.size(), 1U);
    EXPECT_EQ(started[0].duration, 100);
    EXPECT_EQ(state.set_expiration(one, "s", 900, 650).error, Error::ok);
    const auto again = state.take_timer_changes();
    EXPECT_EQ(again[0].duration, 250);
    EXPECT_FALSE(state.expire(started[0].timer));
    state.remove(one, "s");
    state.create(one, data_of("s", "y"), 900, 650);
    EXPECT_FALSE(state.expire(again[0].timer));
    EXPECT_EQ(text_of(*state.find(one), "s"), "y");
    state.take_timer_changes();
    const auto now = state.all_timers();
    ASSERT_EQ(now.size(), 1U);
    EXPECT_TRUE(state.expire(now[0].timer));
    EXPECT_EQ(state.find(one)->status().sections, 0U);
    EXPECT_EQ(state.bytes_used(), 0U);
}

TEST_F(StateTest, expiry_of_never_stops_the_timer) {
    create(one, "a", kept(0));
    state.create(one, data_of("s", "x"), 700, 600);
    state.set_expiration(one, "s", time_end, 650);
    EXPECT_TRUE(state.all_timers().empty());
}

TEST_F(StateTest, client_that_departs_closes_all_its_handles) {
    create(one, "a", kept(0));
    create({1, 5, 2}, "b", kept(0));
    create({1, 6, 1}, "c", kept(0));
    state.depart(1, 5);
    EXPECT_EQ(open(two, "a"), Error::not_exist);
    EXPECT_EQ(open(two, "b"), Error::not_exist);
    EXPECT_EQ(open(two, "c"), Error::ok);
}

TEST_F(StateTest, node_that_leaves_closes_its_handles_at_the_regular_configuration) {
    create(one, "a", kept(1000));
    open(two, "a");
    state.close(one);
    configure(state, AIS_CONFIGURATION_TRANSITIONAL, 4, {1, 3}, {2});
    EXPECT_EQ(state.find(two)->openers, 1U);
    configure(state, AIS_CONFIGURATION_REGULAR, 8, {1, 3});
    EXPECT_FALSE(state.has(two));
    EXPECT_EQ(state.take_timer_changes().size(), 1U);
}

TEST_F(StateTest, node_that_left_and_came_back_at_once_has_lost_its_handles) {
    create(one, "a", kept(1000));
    open(two, "a");
    configure(state, AIS_CONFIGURATION_TRANSITIONAL, 4, {1, 3}, {2});
    configure(state, AIS_CONFIGURATION_REGULAR, 8, {1, 2, 3});
    EXPECT_FALSE(state.has(two));
    EXPECT_TRUE(state.has(one));
}

TEST_F(StateTest, objects_are_never_named_twice) {
    create(one, "a", kept(0));
    state.close(one);
    create(one, "a", kept(0));
    EXPECT_EQ(state.image().checkpoints.begin()->first.count, 1U);
    create(two, "b", kept(0));
    configure(state, AIS_CONFIGURATION_REGULAR, 8, {1, 2, 3});
    create(three, "c", kept(0));
    EXPECT_EQ(state.image().checkpoints.rbegin()->first.ring_seq, 8U);
    EXPECT_EQ(state.image().checkpoints.rbegin()->first.count, 0U);
}

// Found by the simulator, seed 2008320: each side delivers what was left of the old ring, an open
// of its own among it, and a merge took the two objects for one.
TEST_F(StateTest, sides_of_a_ring_that_has_split_name_their_objects_and_timers_apart) {
    State other;
    configure(other, AIS_CONFIGURATION_REGULAR, 4, {1, 2, 3});
    configure(state, AIS_CONFIGURATION_TRANSITIONAL, 4, {1, 3}, {2});
    configure(other, AIS_CONFIGURATION_TRANSITIONAL, 4, {2}, {1, 3});
    create(one, "a", kept(1000));
    state.close(one);
    Open wanted;
    wanted.flags = open_read | open_write | open_create;
    wanted.name = "b";
    wanted.has_attributes = true;
    wanted.attributes = kept(1000);
    ASSERT_EQ(other.open(two, wanted, 0), Error::ok);
    ASSERT_EQ(other.close(two), Error::ok);
    const auto& [here, a] = *state.image().checkpoints.begin();
    const auto& [there, b] = *other.image().checkpoints.begin();
    EXPECT_NE(here, there);
    EXPECT_NE(a.generation, b.generation);
    EXPECT_NE(a.generation, 0U);
    EXPECT_NE(b.generation, 0U);
}

// Large writes.
struct TransferTest : StateTest {
    void prepare(std::uint32_t flags) {
        create(one, "a", kept(1000, flags));
        state.create(one, data_of("s", "0123456789"), time_end, 1);
        state.create(one, data_of("t", "abcdefghij"), time_end, 1);
    }
    void piece(std::uint32_t element, std::uint64_t offset, std::string_view text) {
        state.piece(one, {1, element, offset, as_bytes(text)}, 9);
    }
    std::string text(std::string_view id) { return text_of(*state.find(one), id); }
};

TEST_F(TransferTest, takes_effect_at_the_last_message) {
    prepare(wr_all_replicas);
    state.begin(one, {Kind::write, time_end, {{"s", 5, 8}, {"t", 0, 2}}}, 9);
    piece(0, 0, "AAAA");
    piece(0, 4, "BBBB");
    piece(1, 0, "CC");
    EXPECT_EQ(text("s"), "0123456789");
    EXPECT_EQ(state.bytes_used(), 30U);
    EXPECT_EQ(state.finish(one, 9).error, Error::ok);
    EXPECT_EQ(text("s"), "01234AAAABBBB");
    EXPECT_EQ(text("t"), "CCcdefghij");
    EXPECT_EQ(state.bytes_used(), 23U);
    EXPECT_EQ(state.find(one)->find("s")->last_update, 9);
    EXPECT_EQ(state.finish(one, 9).error, Error::invalid_param);
}

TEST_F(TransferTest, overwrites_and_creates) {
    prepare(wr_all_replicas);
    state.begin(one, {Kind::overwrite, time_end, {{"s", 0, 4}}}, 9);
    piece(0, 0, "long");
    EXPECT_EQ(state.finish(one, 9).error, Error::ok);
    EXPECT_EQ(text("s"), "long");
    state.begin(one, {Kind::create, 100, {{"", 0, 3}}}, 9);
    piece(0, 0, "new");
    const Outcome created = state.finish(one, 50);
    EXPECT_EQ(created.error, Error::ok);
    EXPECT_EQ(text(created.id), "new");
    EXPECT_EQ(state.all_timers().size(), 1U);
}

TEST_F(TransferTest, refused_as_a_whole_with_the_index) {
    prepare(wr_all_replicas);
    state.begin(one, {Kind::write, time_end, {{"s", 0, 2}, {"nobody", 0, 2}}}, 9);
    piece(0, 0, "xx");
    piece(1, 0, "xx");
    const Outcome outcome = state.finish(one, 9);
    EXPECT_EQ(outcome.error, Error::not_exist);
    EXPECT_EQ(outcome.index, 1U);
    EXPECT_EQ(text("s"), "0123456789");
    EXPECT_EQ(state.bytes_used(), 20U);
}

TEST_F(TransferTest, with_a_missing_or_wrong_piece_is_refused) {
    prepare(wr_all_replicas);
    state.begin(one, {Kind::write, time_end, {{"s", 0, 4}}}, 9);
    piece(0, 0, "xx");
    EXPECT_EQ(state.finish(one, 9).error, Error::invalid_param);
    state.begin(one, {Kind::write, time_end, {{"s", 0, 4}}}, 9);
    piece(0, 2, "xx");
    piece(1, 0, "xx");
    piece(0, 0, "xxxxx");
    EXPECT_EQ(state.finish(one, 9).error, Error::invalid_param);
    EXPECT_EQ(text("s"), "0123456789");
    EXPECT_EQ(state.bytes_used(), 20U);
}

TEST_F(TransferTest, given_up_by_close_death_or_a_new_one_leaves_nothing) {
    prepare(wr_all_replicas);
    open(two, "a");
    for (int how = 0; how < 4; ++how) {
        if (!state.has(one)) {
            open(one, "a");
        }
        state.begin(one, {Kind::write, time_end, {{"s", 0, 4}}}, 9);
        piece(0, 0, "xx");
        EXPECT_EQ(state.bytes_used(), 22U);
        if (how == 0) {
            state.begin(one, {Kind::write, time_end, {{"s", 0, 4}}}, 9);
        } else if (how == 1) {
            state.close(one);
        } else if (how == 2) {
            state.depart(1, 5);
        } else {
            configure(state, AIS_CONFIGURATION_TRANSITIONAL, 4, {2, 3}, {1});
            configure(state, AIS_CONFIGURATION_REGULAR, 8, {2, 3});
        }
        EXPECT_EQ(state.bytes_used(), 20U) << how;
    }
    EXPECT_EQ(text_of(*state.find(two), "s"), "0123456789");
    EXPECT_EQ(state.find(two)->find("s")->state, SectionState::valid);
}

TEST_F(TransferTest, weak_one_that_is_cut_off_leaves_corrupted_sections) {
    prepare(wr_active_replica_weak);
    open(two, "a");
    state.begin(one, {Kind::write, time_end, {{"s", 0, 4}, {"t", 0, 4}}}, 9);
    piece(0, 0, "xx");
    EXPECT_EQ(text("s"), "xx23456789");
    state.depart(1, 5);
    EXPECT_EQ(state.find(two)->find("s")->state, SectionState::corrupted);
    EXPECT_EQ(state.find(two)->find("t")->state, SectionState::valid);
    // A write does not heal it, an overwrite does.
    state.write(two, std::vector<Data>{data_of("s", "y")}, 1);
    EXPECT_EQ(state.find(two)->find("s")->state, SectionState::corrupted);
    state.overwrite(two, data_of("s", "whole"), 1);
    EXPECT_EQ(state.find(two)->find("s")->state, SectionState::valid);
}

TEST_F(TransferTest, weak_one_that_ends_well_is_valid) {
    prepare(wr_active_replica_weak);
    state.begin(one, {Kind::overwrite, time_end, {{"s", 0, 4}}}, 9);
    piece(0, 0, "xx");
    piece(0, 2, "yy");
    EXPECT_EQ(state.finish(one, 9).error, Error::ok);
    EXPECT_EQ(text("s"), "xxyy");
    EXPECT_EQ(state.find(one)->find("s")->state, SectionState::valid);
}

TEST_F(TransferTest, weak_one_whose_section_is_deleted_meanwhile_says_so) {
    prepare(wr_active_replica_weak);
    state.begin(one, {Kind::write, time_end, {{"t", 0, 1}, {"s", 0, 4}}}, 9);
    piece(0, 0, "x");
    state.remove(one, "s");
    piece(1, 0, "xx");
    const Outcome outcome = state.finish(one, 9);
    EXPECT_EQ(outcome.error, Error::not_exist);
    EXPECT_EQ(outcome.index, 1U);
    EXPECT_EQ(state.find(one)->find("t")->state, SectionState::corrupted);
}

TEST_F(TransferTest, plan_that_is_too_large_takes_no_memory) {
    prepare(wr_all_replicas);
    state.begin(one, {Kind::write, time_end, {{"s", 0, std::uint64_t{1} << 50}}}, 9);
    piece(0, 0, "xx");
    EXPECT_EQ(state.bytes_used(), 20U);
    EXPECT_EQ(state.finish(one, 9).error, Error::invalid_param);
}

}  // namespace
}  // namespace ais::ckpt
