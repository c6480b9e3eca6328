// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::msg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::uint64_t request_id = 1ULL << 32 | 5;  // of node 1

class MsgState : public testing::Test {
  protected:
    MsgState() { form({1, 2, 3}); }

    void part(const std::vector<ais_node_id>& left) {
        ais_configuration now{};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_TRANSITIONAL;
        now.left = left.data();
        now.left_count = static_cast<std::uint32_t>(left.size());
        state.configure(now);
    }
    void form(const std::vector<ais_node_id>& nodes, const std::vector<ais_node_id>& left = {}) {
        part(left);
        ais_configuration now{};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_REGULAR;
        now.members = nodes.data();
        now.member_count = static_cast<std::uint32_t>(nodes.size());
        state.configure(now);
    }
    static Attributes attributes(std::uint64_t size = 1000,
                                 std::int64_t retention = 0,
                                 bool is_persistent = false) {
        return {is_persistent ? creation_persistent : 0, {size, size, size, size}, retention};
    }
    SaAisErrorT create(ais_node_id node,
                       std::uint64_t number,
                       std::string_view name,
                       Attributes wanted = attributes()) {
        return state.open(node, {number, flag_create, wanted, name});
    }
    SaAisErrorT open(ais_node_id node,
                     std::uint64_t number,
                     std::string_view name,
                     std::uint32_t flags = 0) {
        return state.open(node, {number, flags, {}, name});
    }
    SaAisErrorT send(std::string_view to,
                     std::string_view data,
                     std::uint8_t priority = 3,
                     ais_node_id node = 1,
                     std::uint64_t sender_id = 0,
                     std::uint64_t capacity = any_size) {
        Message message;
        message.priority = priority;
        message.data = as_bytes(data);
        Appender bytes;
        message.encode_head(bytes);
        bytes.bytes(message.data);
        const SendMessage wanted{7, ++last_, sender_id, capacity, to, bytes.written()};
        return state.send(node, wanted, message, is_behind_hole).error;
    }
    // What a queue holds, highest priority first; what is taken has a star.
    std::vector<std::string> content(std::string_view name) {
        std::vector<std::string> lines;
        const Queue* queue = state.find_queue(name);
        if (queue == nullptr) {
            return {"no queue"};
        }
        for (const auto& area : queue->areas()) {
            for (const auto& [place, stored] : area) {
                Message message;
                EXPECT_TRUE(Message::decode(as_bytes(*stored.bytes), message));
                lines.push_back(std::string(as_text(message.data)) + (stored.is_taken ? "*" : ""));
            }
        }
        return lines;
    }
    [[nodiscard]] MessageId id(std::uint64_t number, ais_node_id node = 1) const {
        return {node, 7, number};
    }

    State state{1};
    bool is_behind_hole = false;
    std::uint64_t last_ = 0;
};

TEST_F(MsgState, opens_a_queue_for_one_handle_of_the_cluster) {
    EXPECT_EQ(open(1, 1, "q"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(create(1, 1, "q"), SA_AIS_OK);
    EXPECT_EQ(open(2, 1, "q"), SA_AIS_ERR_BUSY);
    EXPECT_EQ(create(2, 1, "q"), SA_AIS_ERR_BUSY);
    EXPECT_EQ(create(2, 1, "q", attributes(999)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(create(2, 1, "q", attributes(1000, second)), SA_AIS_ERR_EXIST);
    EXPECT_EQ(create(2, 1, "q", attributes(1000, 0, true)), SA_AIS_ERR_EXIST);
}

TEST_F(MsgState, gives_a_name_to_a_queue_or_to_a_group) {
    EXPECT_EQ(create(1, 1, "q"), SA_AIS_OK);
    EXPECT_EQ(state.group_create("q", Policy::broadcast), SA_AIS_ERR_EXIST);
    EXPECT_EQ(state.group_create("g", Policy::broadcast), SA_AIS_OK);
    EXPECT_EQ(state.group_create("g", Policy::round_robin), SA_AIS_ERR_EXIST);
    EXPECT_EQ(create(1, 2, "g"), SA_AIS_ERR_EXIST);
    EXPECT_EQ(open(1, 2, "g"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgState, keeps_messages_by_priority_and_in_order) {
    create(1, 1, "q");
    EXPECT_EQ(send("q", "a", 3), SA_AIS_OK);
    EXPECT_EQ(send("q", "b", 0), SA_AIS_OK);
    EXPECT_EQ(send("q", "c", 3), SA_AIS_OK);
    EXPECT_THAT(content("q"), ElementsAre("b", "a", "c"));
}

TEST_F(MsgState, counts_bytes_by_area) {
    create(1, 1, "q", {0, {100, 0, 100, 100}, 0});
    EXPECT_EQ(send("q", std::string(60, 'x'), 0), SA_AIS_OK);
    EXPECT_EQ(send("q", std::string(60, 'x'), 0), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("q", std::string(40, 'x'), 0), SA_AIS_OK);
    EXPECT_EQ(send("q", "", 0), SA_AIS_OK);
    EXPECT_EQ(send("q", "x", 1), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("q", "", 1), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("other", "x", 1), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(state.find_queue("q")->status(0).used, 100U);
    EXPECT_EQ(state.find_queue("q")->status(0).messages, 3U);
}

TEST_F(MsgState, does_not_count_what_is_taken_and_holds_it_until_it_is_got) {
    create(1, 1, "q", attributes(100));
    send("q", std::string(60, 'x'));
    ASSERT_NE(state.take(1, {1, id(1)}), nullptr);
    EXPECT_EQ(state.take(1, {1, id(1)}), nullptr);
    EXPECT_EQ(state.take(2, {1, id(1)}), nullptr);
    EXPECT_EQ(state.find_queue("q")->status(3).used, 0U);
    EXPECT_EQ(send("q", std::string(60, 'y')), SA_AIS_OK);
    EXPECT_EQ(state.find_queue("q")->message_count(), 2U);
    state.got(1, {1, id(1), "q"});
    EXPECT_EQ(state.find_queue("q")->message_count(), 1U);
}

TEST_F(MsgState, gives_back_what_was_taken_when_its_open_ends) {
    create(2, 1, "q", attributes(1000, second));
    send("q", "a");
    send("q", "b");
    send("q", "c");
    state.take(2, {1, id(1)});
    state.take(2, {1, id(2)});
    state.got(2, {1, id(2), "q"});
    EXPECT_THAT(content("q"), ElementsAre("a*", "c"));
    form({1, 3}, {2});
    EXPECT_THAT(content("q"), ElementsAre("a", "c"));
    EXPECT_EQ(open(3, 1, "q"), SA_AIS_OK);
}

TEST_F(MsgState, empties_a_queue_at_open_when_asked) {
    create(1, 1, "q", attributes(100, second));
    send("q", std::string(100, 'x'));
    state.close(1, 1, 5);
    EXPECT_EQ(open(1, 2, "q", flag_empty), SA_AIS_OK);
    EXPECT_THAT(content("q"), IsEmpty());
    EXPECT_EQ(send("q", std::string(100, 'x')), SA_AIS_OK);
}

TEST_F(MsgState, deletes_a_queue_without_retention_at_its_close) {
    create(1, 1, "q");
    send("q", "x");
    state.close(1, 1, 5);
    EXPECT_EQ(state.find_queue("q"), nullptr);
    EXPECT_EQ(state.stored_bytes(), 0U);
}

TEST_F(MsgState, expires_the_closing_that_is_meant_and_no_other) {
    create(1, 1, "q", attributes(100, second));
    state.close(1, 1, 5);
    EXPECT_EQ(state.find_queue("q")->closed_at, 5);
    const auto first = state.deadlines();
    ASSERT_EQ(first.size(), 1U);
    open(1, 2, "q");
    EXPECT_FALSE(state.needs_ticks());
    EXPECT_EQ(state.find_queue("q")->closed_at, 0);
    const std::vector<Closing> old{first.begin()->first};
    state.expire(old);
    state.close(1, 2, 6);
    state.expire(old);
    ASSERT_NE(state.find_queue("q"), nullptr);
    const std::vector<Closing> now{state.deadlines().begin()->first};
    state.expire(now);
    EXPECT_EQ(state.find_queue("q"), nullptr);
}

TEST_F(MsgState, learns_from_a_tick_when_a_node_has_left) {
    create(2, 1, "q", attributes(100, 0, true));
    form({1, 3}, {2});
    EXPECT_TRUE(state.has_guessed_times());
    EXPECT_NE(state.find_queue("q")->closed_at, 0);
    state.tick(0, 77);
    EXPECT_EQ(state.find_queue("q")->closed_at, 77);
    EXPECT_FALSE(state.needs_ticks());
}

TEST_F(MsgState, unlinks_a_name_and_leaves_the_messages_to_who_has_it_open) {
    create(1, 1, "q", attributes(100, second, true));
    send("q", "x");
    state.group_create("g", Policy::round_robin);
    state.group_insert("g", "q");
    EXPECT_EQ(state.unlink("q"), SA_AIS_OK);
    EXPECT_EQ(state.unlink("q"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(send("q", "y"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(send("g", "y"), SA_AIS_ERR_QUEUE_NOT_AVAILABLE);
    EXPECT_NE(state.take(1, {1, id(1)}), nullptr);
    EXPECT_EQ(create(2, 1, "q"), SA_AIS_OK);
    EXPECT_EQ(state.queues().size(), 2U);
    state.close(1, 1, 5);
    EXPECT_EQ(state.queues().size(), 1U);
    EXPECT_EQ(state.set_retention(2, 1, second), SA_AIS_OK);
    state.unlink("q");
    EXPECT_EQ(state.set_retention(2, 1, second), SA_AIS_ERR_BAD_OPERATION);
}

TEST_F(MsgState, takes_turns_in_a_group) {
    for (std::uint64_t i = 1; i <= 3; ++i) {
        create(1, i, "q" + std::to_string(i), attributes(2));
    }
    state.group_create("g", Policy::round_robin);
    for (const char* queue : {"q1", "q2", "q3"}) {
        EXPECT_EQ(state.group_insert("g", queue), SA_AIS_OK);
    }
    EXPECT_EQ(state.group_insert("g", "q1"), SA_AIS_ERR_EXIST);
    for (const char* data : {"1", "2", "3", "4"}) {
        EXPECT_EQ(send("g", data), SA_AIS_OK);
    }
    EXPECT_THAT(content("q1"), ElementsAre("1", "4"));
    // Its turn is the fifth; the sixth goes on.
    send("q2", "f");
    EXPECT_EQ(send("g", "5"), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("g", "6"), SA_AIS_OK);
    EXPECT_THAT(content("q3"), ElementsAre("3", "6"));
}

TEST_F(MsgState, prefers_local_members_where_the_policy_says_so) {
    create(1, 1, "a1");
    create(1, 2, "a2");
    create(2, 1, "b");
    state.group_create("g", Policy::local_round_robin);
    for (const char* queue : {"a1", "a2", "b"}) {
        state.group_insert("g", queue);
    }
    for (const char* data : {"1", "2", "3"}) {
        send("g", data, 3, 1);
        send("g", data, 3, 2);
    }
    EXPECT_THAT(content("a1"), ElementsAre("1", "3"));
    EXPECT_THAT(content("a2"), ElementsAre("2"));
    EXPECT_THAT(content("b"), ElementsAre("1", "2", "3"));
    // Node 3 has none: among all.
    send("g", "4", 3, 3);
    EXPECT_THAT(content("a2"), ElementsAre("2", "4"));
}

TEST_F(MsgState, finds_the_best_local_queue) {
    create(1, 1, "small", attributes(10));
    create(1, 2, "large", attributes(20));
    create(2, 1, "far", attributes(1000));
    state.group_create("g", Policy::local_best_queue);
    for (const char* queue : {"small", "large", "far"}) {
        state.group_insert("g", queue);
    }
    send("g", std::string(11, '1'));
    send("g", std::string(9, '2'));
    EXPECT_EQ(content("large").size(), 1U);
    EXPECT_EQ(content("small").size(), 1U);
    EXPECT_THAT(content("far"), IsEmpty());
    for (const char* data : {"a", "b", "c"}) {
        EXPECT_EQ(send("g", data, 3, 3), SA_AIS_OK);
    }
    EXPECT_THAT(content("far"), ElementsAre("a"));
}

TEST_F(MsgState, broadcasts_to_all_that_have_room) {
    create(1, 1, "q1", attributes(1));
    create(1, 2, "q2", attributes(2));
    state.group_create("g", Policy::broadcast);
    EXPECT_EQ(send("g", "x"), SA_AIS_ERR_QUEUE_NOT_AVAILABLE);
    state.group_insert("g", "q1");
    state.group_insert("g", "q2");
    EXPECT_EQ(send("g", "x", 3, 1, (1ULL << 32) | 5), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(send("g", "1"), SA_AIS_OK);
    EXPECT_EQ(send("g", "2"), SA_AIS_OK);
    EXPECT_EQ(send("g", "3"), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_THAT(content("q1"), ElementsAre("1"));
    EXPECT_THAT(content("q2"), ElementsAre("1", "2"));
}

TEST_F(MsgState, tells_what_happens_to_groups) {
    create(1, 1, "q");
    state.group_create("g", Policy::round_robin);
    state.group_create("h", Policy::round_robin);
    state.group_insert("g", "q");
    state.group_insert("h", "q");
    auto changes = state.take_changes();
    EXPECT_THAT(changes["g"].added, ElementsAre("q"));
    state.close(1, 1, 5);
    changes = state.take_changes();
    EXPECT_THAT(changes["g"].removed, ElementsAre("q"));
    EXPECT_THAT(changes["h"].removed, ElementsAre("q"));
    EXPECT_EQ(state.group_remove("g", "q"), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(state.group_delete("g"), SA_AIS_OK);
    EXPECT_TRUE(state.take_changes()["g"].is_deleted);
    EXPECT_EQ(state.group_delete("g"), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgState, ends_an_exchange_with_one_reply) {
    create(1, 1, "q");
    const auto sender = [](ais_node_id node, std::uint32_t number) {
        return (std::uint64_t{node} << 32) | number;
    };
    send("q", "x", 3, 1, sender(1, 1), 10);
    send("q", "x", 3, 1, sender(1, 2), 10);
    send("q", "x", 3, 1, sender(1, 3), 10);
    send("q", "x", 3, 2, sender(2, 1), 10);
    EXPECT_EQ(state.reply(sender(1, 1), 10), SA_AIS_OK);
    EXPECT_EQ(state.reply(sender(1, 1), 10), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(state.reply(sender(1, 2), 11), SA_AIS_ERR_NO_SPACE);
    EXPECT_EQ(state.reply(sender(1, 2), 1), SA_AIS_ERR_NOT_EXIST);
    const std::vector<std::uint64_t> ids{sender(1, 3)};
    state.forget(ids);
    EXPECT_EQ(state.reply(sender(1, 3), 1), SA_AIS_ERR_NOT_EXIST);
    form({1, 3}, {2});
    EXPECT_EQ(state.reply(sender(2, 1), 1), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(MsgState, knows_when_a_threshold_is_reached_and_when_there_is_room_again) {
    create(1, 1, "q", attributes(100));
    EXPECT_EQ(state.set_thresholds(1, 1, {{101, 0, 0, 0}, {}}), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(state.set_thresholds(1, 1, {{50, 0, 0, 0}, {60, 0, 0, 0}}), SA_AIS_ERR_INVALID_PARAM);
    EXPECT_EQ(state.set_thresholds(1, 1, {{80, 80, 80, 80}, {40, 40, 40, 40}}), SA_AIS_OK);
    const auto reached = [&] { return static_cast<int>(state.find_queue("q")->reached()); };
    for (int i = 0; i < 4; ++i) {
        send("q", std::string(20, 'x'));
        EXPECT_EQ(reached(), i == 3 ? 8 : 0);
    }
    EXPECT_THAT(state.take_crossed(), ElementsAre(testing::Pair(testing::_, 0)));
    state.take(1, {1, id(1)});
    EXPECT_EQ(reached(), 8);
    EXPECT_FALSE(state.has_crossed());
    state.take(1, {1, id(2)});
    EXPECT_EQ(reached(), 0);
    EXPECT_THAT(state.take_crossed(), ElementsAre(testing::Pair(testing::_, 8)));
    create(1, 3, "r", attributes(100, second));
    send("r", std::string(50, 'x'));
    EXPECT_EQ(state.set_thresholds(1, 3, {{100, 100, 100, 50}, {100, 100, 100, 10}}), SA_AIS_OK);
    EXPECT_TRUE(state.has_crossed());
    state.take_crossed();
    EXPECT_EQ(state.set_thresholds(1, 3, {{100, 100, 100, 40}, {100, 100, 100, 10}}), SA_AIS_OK);
    EXPECT_FALSE(state.has_crossed()) << "it was and is";
}

TEST_F(MsgState, a_group_has_reached_its_capacity_when_all_its_queues_have) {
    create(1, 1, "q", attributes(4));
    create(1, 2, "r", attributes(4));
    state.group_create("g", Policy::round_robin);
    const auto reached = [&] { return int(state.reached(*state.find_group("g"))); };
    EXPECT_EQ(reached(), 0) << "without members there is nothing to reach";
    state.group_insert("g", "q");
    state.group_insert("g", "r");
    EXPECT_THAT(state.take_crossed_groups(), ElementsAre("g"));
    send("q", "1234", 2);
    send("q", "1234", 3);
    EXPECT_EQ(reached(), 0);
    send("r", "1234", 3);
    EXPECT_EQ(reached(), 8);
    EXPECT_THAT(state.take_crossed_groups(), ElementsAre("g"));
    send("r", "", 3);
    EXPECT_THAT(state.take_crossed_groups(), IsEmpty()) << "nothing has changed";
    state.group_remove("g", "r");
    EXPECT_EQ(reached(), 12) << "the one that is left";
    state.close(1, 1, 1);
    EXPECT_EQ(reached(), 0) << "with retention 0 it goes";
    EXPECT_THAT(state.take_crossed_groups(), ElementsAre("g"));
}

TEST_F(MsgState, holds_no_more_than_the_limit_in_all) {
    Attributes large = attributes(area_size_max);
    create(1, 1, "q", large);
    create(1, 2, "r", large);
    const std::string megabyte(message_size_max, 'x');
    SaAisErrorT error = SA_AIS_OK;
    std::size_t sent = 0;
    for (std::uint8_t priority = 0; priority < priorities && error == SA_AIS_OK; ++priority) {
        for (int i = 0; i < 40 && error == SA_AIS_OK; ++i) {
            error = send("q", megabyte, priority);
            error = error == SA_AIS_OK ? send("r", megabyte, priority) : error;
            ++sent;
        }
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_RESOURCES);
    EXPECT_LE(state.stored_bytes(), stored_bytes_max + (1U << 20));
    state.close(1, 1, 1);
    EXPECT_EQ(send("r", "x"), SA_AIS_OK);
}

TEST_F(MsgState, has_so_many_queues_groups_members_and_messages_and_no_more) {
    for (std::uint64_t n = 0; n < queues_max; ++n) {
        ASSERT_EQ(create(1, n + 1, "q" + std::to_string(n)), SA_AIS_OK);
    }
    EXPECT_EQ(create(2, 1, "another"), SA_AIS_ERR_NO_RESOURCES);
    EXPECT_EQ(create(2, 2, "q0"), SA_AIS_ERR_BUSY) << "of what is there it says nothing";
    for (std::uint64_t n = 0; n < groups_max; ++n) {
        ASSERT_EQ(state.group_create("g" + std::to_string(n), Policy::broadcast), SA_AIS_OK);
    }
    EXPECT_EQ(state.group_create("another", Policy::broadcast), SA_AIS_ERR_NO_RESOURCES);
    for (std::uint64_t n = 0; n < members_max; ++n) {
        ASSERT_EQ(state.group_insert("g0", "q" + std::to_string(n)), SA_AIS_OK);
    }
    EXPECT_EQ(state.group_insert("g0", "q" + std::to_string(members_max)), SA_AIS_ERR_NO_RESOURCES);
    // Messages without data fill no area, so their number has a limit of its own.
    for (std::size_t n = 0; n < area_messages_max; ++n) {
        ASSERT_EQ(send("q0", ""), SA_AIS_OK);
    }
    EXPECT_EQ(send("q0", ""), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("q0", "", 2), SA_AIS_OK) << "each area for itself";
}

// As node 2 did in the old ring, if it delivered them there: all have the same before them.
TEST_F(MsgState, decides_as_in_the_old_ring_as_long_as_nothing_is_lost) {
    create(1, 1, "q", attributes(10));
    EXPECT_EQ(send("q", "12345678"), SA_AIS_OK);
    part({2});
    EXPECT_EQ(send("q", "12345", 3, 2), SA_AIS_ERR_QUEUE_FULL);
    EXPECT_EQ(send("q", "1", 3, 2), SA_AIS_OK) << "its sender may have been told, and is gone";
    // Found by seed 7506075 of msg.
    EXPECT_EQ(send("nowhere", "2", 3, 2), SA_AIS_ERR_NOT_EXIST);
    EXPECT_EQ(send("q", "3", 3, 2), SA_AIS_OK);
    form({1, 3}, {2});
    EXPECT_THAT(content("q"), ElementsAre("12345678", "1", "3"));
    EXPECT_THAT(state.image().refused, IsEmpty()) << "nobody has accepted what we have not";
}

// Found by seed 5103881 of msg: who has what was lost may have refused the first and taken the
// second, and hands it out.
TEST_F(MsgState, accepts_nothing_behind_a_hole) {
    create(1, 1, "q");
    create(1, 2, "r");
    state.group_create("g", Policy::round_robin);
    state.group_insert("g", "r");
    part({2});
    EXPECT_EQ(send("q", "1"), SA_AIS_OK);
    is_behind_hole = true;
    EXPECT_EQ(send("q", "2"), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(send("q", "3", 3, 3), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(send("g", "4"), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_EQ(send("nowhere", "5"), SA_AIS_ERR_TRY_AGAIN) << "it may be there elsewhere";
    EXPECT_EQ(send("q", "6", 3, 1, request_id), SA_AIS_ERR_TRY_AGAIN);
    EXPECT_FALSE(state.awaits_reply(request_id));
    is_behind_hole = false;
    form({1, 3}, {2});
    EXPECT_EQ(send("q", "7"), SA_AIS_OK);
    EXPECT_THAT(content("q"), ElementsAre("1", "7"));
    EXPECT_THAT(content("r"), IsEmpty());
    EXPECT_THAT(state.image().refused, ElementsAre(id(2), id(4), id(5), id(6), id(3, 3)))
        << "they are not consumed here";
}

}  // namespace
}  // namespace ais::msg
