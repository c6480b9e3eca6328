// SPDX-License-Identifier: BSD-3-Clause
//
// The exchange, case by case, among real Groups on a bus (test_bus.hpp).

#include "sync/barrier.hpp"

#include "base/mark.hpp"
#include "sync/messages.hpp"
#include "sync/test_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<NodeId> nodes(std::initializer_list<std::uint32_t> ids) {
    std::vector<NodeId> out;
    for (const std::uint32_t id : ids) {
        out.emplace_back(id);
    }
    return out;
}

TEST(Barrier, opens_for_a_node_alone_without_moving_anything) {
    TestBus bus;
    bus.add(1);
    EXPECT_FALSE(bus[1].barrier.is_synced());
    EXPECT_EQ(bus[1].barrier.describe(), "no ring yet");
    bus.configure({1});
    EXPECT_FALSE(bus[1].barrier.is_synced());
    EXPECT_MARK("sync.one_component", bus.run(1));
    EXPECT_TRUE(bus[1].barrier.is_synced());
    EXPECT_TRUE(bus[1].groups.gate_is_open());
    EXPECT_EQ(bus[1].saves, 1u) << "for the digest";
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_sent, 0u);
    EXPECT_EQ(bus[1].barrier.stats().exchanges, 0u);
}

TEST(Barrier, makes_two_fresh_nodes_equal) {
    TestBus bus;
    bus.add(1).replicas[1].words = {"one"};
    bus.add(2).replicas[1].words = {"two"};
    bus.configure({1, 2});
    EXPECT_THAT(bus[1].barrier.describe(), HasSubstr("waiting for the hellos of 1 2"));
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].replicas[1].words.count("one") + bus[1].replicas[1].words.count("two"), 2u);
    for (const std::uint32_t id : {1, 2}) {
        EXPECT_EQ(bus[id].saves, 2u) << "for the digest, and to send it";
        EXPECT_THAT(bus[id].replicas[1].merged_from, ElementsAre(nodes({1, 2})));
        EXPECT_EQ(bus[id].replicas[1].own_states, 1u);
        EXPECT_EQ(bus[id].barrier.stats().exchanges, 1u);
    }
}

TEST(Barrier, lets_a_late_joiner_have_the_state_of_the_others) {
    TestBus bus;
    bus.add(1);
    bus.add(2);
    bus.configure({1, 2});
    bus.run(1);
    bus[2].say(1, "old news");
    bus.run(1);
    bus.add(3);
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
    EXPECT_EQ(bus[3].replicas[1].words.count("old news"), 1u);
    EXPECT_THAT(bus[3].replicas[1].merged_from, ElementsAre(nodes({1, 3})))
        << "one saver per component";
    EXPECT_GT(bus[1].barrier.stats().snapshot_bytes_sent, 0u);
}

TEST(Barrier, merges_three_partitions_in_the_same_order_everywhere) {
    TestBus bus;
    for (std::uint32_t id = 1; id <= 6; ++id) {
        bus.add(id);
    }
    for (const auto& part : std::vector<std::vector<std::uint32_t>>{{1, 6}, {2, 4}, {3, 5}}) {
        bus.configure(part);
        bus.run(part[0]);
        bus[part[0]].say(1, "of " + std::to_string(part[0]));
        bus.run(part[0]);
    }
    bus.configure({1, 2, 3, 4, 5, 6});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3, 4, 5, 6}));
    for (std::uint32_t id = 1; id <= 6; ++id) {
        EXPECT_THAT(bus[id].replicas[1].merged_from.back(), nodes({1, 2, 3})) << id;
    }
    for (const char* word : {"of 1", "of 2", "of 3"}) {
        EXPECT_EQ(bus[5].replicas[1].words.count(word), 1u);
    }
}

TEST(Barrier, opens_at_once_when_nodes_only_left) {
    TestBus bus;
    for (std::uint32_t id = 1; id <= 3; ++id) {
        bus.add(id);
    }
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_MARK("sync.opens_at_once", bus.configure({1, 3}));
    EXPECT_TRUE(bus.is_equal({1, 3}));
    EXPECT_EQ(bus[1].groups.backlog(), 0u) << "not even hellos";
    bus.configure({2});
    EXPECT_TRUE(bus.is_equal({2}));
    bus.configure({1, 2, 3});
    EXPECT_FALSE(bus[1].barrier.is_synced());
    bus.run(1);
    EXPECT_THAT(bus[3].replicas[1].merged_from.back(), nodes({1, 2}));
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
}

TEST(Barrier, lets_the_lowest_member_that_has_the_service_save_it) {
    TestBus bus;
    bus.add(1, {});
    bus.add(2, {1, 9});
    bus.add(3, {1, 9});
    bus.add(4, {9});
    bus.configure({1, 2, 3});
    bus.run(1);
    bus[1].saves = bus[2].saves = bus[3].saves = 0;
    bus.configure({1, 2, 3, 4});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3, 4}));
    EXPECT_EQ(bus[1].saves, 0u);
    EXPECT_EQ(bus[2].saves, 4u) << "digests of two, and both sent";
    EXPECT_EQ(bus[3].saves, 3u) << "digests of two, and one for a merge of what is equal";
    EXPECT_EQ(bus[4].saves, 2u) << "one digest, and it is sent";
    EXPECT_THAT(bus[3].replicas[1].merged_from.back(), nodes({2}));
    EXPECT_THAT(bus[3].replicas[9].merged_from.back(), nodes({2, 4}));
    EXPECT_THAT(bus[4].replicas[9].merged_from.back(), nodes({2, 4}));
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_merged, 0u)
        << "a node without services merges nothing";
}

TEST(Barrier, opens_where_no_node_has_any_service) {
    TestBus bus;
    bus.add(1, {});
    bus.add(2, {});
    bus.configure({1, 2});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
}

TEST(Barrier, moves_a_large_snapshot_through_a_lane_that_is_smaller) {
    TestBus bus;
    const std::string large(20U << 20, 'L');
    bus.add(1).replicas[1].words = {large, "small"};
    bus.add(2).replicas[1].words = {"two"};
    EXPECT_MARK("sync.waits_for_lane", {
        bus.configure({1, 2});
        bus.run(1);
    });
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[2].replicas[1].words.count(large), 1u);
    EXPECT_GT(bus[1].barrier.stats().snapshot_bytes_sent, large.size());
    EXPECT_GT(bus[2].barrier.stats().snapshot_bytes_merged, large.size());
}

TEST(Barrier, delivers_what_was_said_before_and_during_the_exchange_once_and_after_the_merge) {
    TestBus bus;
    bus.add(1);
    bus.add(2).replicas[1].words = {std::string(300000, 'x')};
    bus[1].say(1, "before the ring");
    bus.configure({1, 2});
    bus[2].say(1, "before the hellos");
    for (int i = 0; i < 20; ++i) {
        bus.step(1);
        bus[1].say(1, "during " + std::to_string(i));
    }
    EXPECT_FALSE(bus[1].barrier.is_synced());
    EXPECT_THAT(bus[1].delivered, IsEmpty());
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].delivered.size(), 22u);
    EXPECT_EQ(bus[1].delivered, bus[2].delivered);
    EXPECT_FALSE(bus[1].delivered_unsynced || bus[2].delivered_unsynced);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(
            std::count(
                bus[2].delivered.begin(), bus[2].delivered.end(), "during " + std::to_string(i)),
            1);
    }
}

// A third node joins after every possible number of payloads.
TEST(Barrier, goes_on_after_an_abort_at_every_step) {
    for (std::size_t steps = 0;; ++steps) {
        TestBus bus;
        bus.add(1, {1, 2}).replicas[2].words = {std::string(5000, 'a')};
        bus.add(2, {1, 2}).replicas[1].words = {std::string(3000, 'b')};
        bus.add(3, {1, 2}).replicas[2].words = {"three"};
        bus.configure({1, 2});
        bus[2].say(1, "waits");
        bool is_over = false;
        for (std::size_t i = 0; i < steps && !is_over; ++i) {
            is_over = !bus.step(1);
        }
        const bool was_synced = bus[1].barrier.is_synced();
        bus.configure({1, 2, 3});
        EXPECT_EQ(bus[1].barrier.stats().aborted, was_synced ? 0u : 1u);
        bus.run(1);
        ASSERT_TRUE(bus.is_equal({1, 2, 3})) << "after " << steps << " steps";
        EXPECT_EQ(bus[1].replicas[1].merged_from.back(),
                  was_synced ? nodes({1, 3}) : nodes({1, 2, 3}));
        EXPECT_EQ(bus[3].replicas[1].words.count("waits"), 1u);
        EXPECT_EQ(bus[1].delivered, std::vector<std::string>{"waits"});
        if (is_over) {
            ASSERT_GT(steps, 8u);
            break;
        }
    }
}

// A member leaves after every possible number of payloads.
TEST(Barrier, goes_on_after_a_saver_died_at_every_step) {
    for (std::size_t steps = 0;; ++steps) {
        TestBus bus;
        for (std::uint32_t id = 1; id <= 4; ++id) {
            bus.add(id).replicas[1].words = {std::to_string(id) + std::string(3000, 'b')};
        }
        bus.configure({1, 3});
        bus.run(1);
        bus.configure({2, 4});
        bus.run(2);
        bus.configure({1, 2, 3, 4});
        bool is_over = false;
        for (std::size_t i = 0; i < steps && !is_over; ++i) {
            is_over = !bus.step(1);
        }
        bus.configure({2, 3, 4});
        bus.run(2);
        ASSERT_TRUE(bus.is_equal({2, 3, 4})) << "after " << steps << " steps";
        EXPECT_EQ(bus[4].replicas[1].words.count("1" + std::string(3000, 'b')), 1u);
        if (is_over) {
            ASSERT_GT(steps, 8u);
            break;
        }
    }
}

TEST(Barrier, does_not_take_two_for_equal_that_left_one_ring_in_different_company) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2, 3, 8, 9}) {
        bus.add(id).sees_configurations = false;
    }
    bus.configure({1, 2, 3});
    bus.run(1);
    bus[1].say(1, "last words");
    EXPECT_TRUE(bus.step(1, {1, 2}));  // in the transitional configuration {1,2}: 3 has gone
    bus.configure({1, 2, 9});          // and neither side ends its exchange
    bus.configure({3, 8});
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_EQ(bus[3].replicas[1].words.count("last words"), 1u);
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
    EXPECT_THAT(bus[2].replicas[1].merged_from.back(), nodes({1, 3})) << "1 and 2 stayed together";
}

TEST(Barrier, does_not_take_two_for_equal_that_saw_other_configurations_while_unsynced) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2, 8, 9}) {
        bus.add(id);
    }
    bus.configure({1, 2});
    bus.run(1);
    bus.configure({1, 2, 9});  // together, not ended
    bus.configure({1, 9});     // not ended
    bus.configure({2, 8});     // not ended
    bus.configure({1, 2});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_THAT(bus[2].replicas[1].merged_from.back(), nodes({1, 2}));
}

TEST(Barrier, moves_nothing_between_those_who_stayed_together_through_an_aborted_exchange) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2, 9}) {
        bus.add(id);
    }
    bus.configure({1, 2});
    bus.run(1);
    const std::uint64_t sent = bus[1].barrier.stats().snapshot_bytes_sent;
    bus.configure({1, 2, 9});
    bus.step(1);
    bus.configure({1, 2});
    EXPECT_FALSE(bus[1].barrier.is_synced()) << "hellos show it, the configuration does not";
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_sent, sent);
}

TEST(Barrier, merges_in_the_transitional_configuration_if_the_last_done_comes_there) {
    TestBus bus;
    bus.add(1).replicas[1].words = {"one"};
    bus.add(2).replicas[1].words = {"two"};
    bus.add(3).replicas[1].words = {"three"};
    bus.configure({1, 2, 3});
    // Three hellos, three snapshots and two of three dones are with all ...
    for (const std::uint32_t id : {1, 2, 3, 1, 2, 3, 2, 3}) {
        bus.step(id, {1, 2, 3});
    }
    EXPECT_THAT(bus[1].barrier.describe(), HasSubstr("waiting for the done of 1;"));
    EXPECT_EQ(bus[1].replicas[1].merges, 0u);
    // ... and the last one comes to those who go on together.
    bus.step(1, {1, 2});
    EXPECT_TRUE(bus[1].barrier.is_synced());
    EXPECT_FALSE(bus[3].barrier.is_synced());
    bus.configure({1, 2});
    EXPECT_TRUE(bus.is_equal({1, 2}));
    bus.configure({3});
    bus.run(3);
    bus[3].say(1, "alone");
    bus.run(3);
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
    EXPECT_EQ(bus[1].replicas[1].words.count("alone"), 1u);
}

TEST(Barrier, stops_a_node_that_cannot_save_and_lets_the_others_go_on) {
    TestBus bus;
    bus.add(1).fails_to_save = true;
    bus.add(2);
    bus.add(3);
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_THAT(bus[1].stopped, HasSubstr("saving"));
    EXPECT_EQ(bus[1].barrier.describe().substr(0, 25), "this replica has diverged");
    EXPECT_FALSE(bus[2].barrier.is_synced());
    bus.configure({2, 3});
    bus.run(2);
    EXPECT_TRUE(bus.is_equal({2, 3}));
}

TEST(Barrier, stops_a_node_that_cannot_merge_and_never_opens_it_again) {
    TestBus bus;
    bus.add(1);
    bus.add(2).fails_to_merge = true;
    bus.configure({1, 2});
    bus.run(1);
    EXPECT_TRUE(bus[1].barrier.is_synced());
    EXPECT_THAT(bus[2].stopped, HasSubstr("merging 2 states"));
    EXPECT_FALSE(bus[2].groups.gate_is_open());
    bus.configure({2});
    bus.run(2);
    EXPECT_FALSE(bus[2].barrier.is_synced());
}

// A member that breaks the rules is replaced; nobody waits for the next configuration.
TEST(Barrier, has_another_holder_send_what_came_damaged) {
    TestBus bus;
    bus.add(1).replicas[1].words = {"abcdefgh"};
    bus.add(2);
    bus.configure({1, 2});
    bus.run(1);
    bus.add(3, {});
    bus.add(4).replicas[1].words = {"of four"};
    bus.tamper = [](NodeId sender, std::vector<std::uint8_t>& payload) {
        const std::string_view text = as_text(Bytes(payload));
        const std::size_t at = text.find("abcdefgh");
        if (sender == NodeId(1) && at != std::string_view::npos) {
            payload[at] ^= 1;
        }
    };
    bus.configure({1, 2, 3, 4});
    EXPECT_MARK("sync.excludes_who_breaks_the_rules", bus.run(1));
    EXPECT_THAT(bus[1].stopped, HasSubstr("refused by all"));
    for (const std::uint32_t id : {2, 3, 4}) {
        EXPECT_THAT(bus[id].stopped, IsEmpty()) << id;
    }
    EXPECT_FALSE(bus[2].barrier.is_synced()) << "the done of node 1 is missing, and it leaves";
    bus.tamper = nullptr;
    bus.configure({2, 3, 4});
    bus.run(2);
    EXPECT_TRUE(bus.is_equal({2, 3, 4}));
    EXPECT_EQ(bus[4].replicas[1].words.count("abcdefgh"), 1u);
}

TEST(Barrier, stops_the_replica_that_is_in_the_minority) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2, 3}) {
        bus.add(id);
    }
    bus.configure({1, 2, 3});
    bus.run(1);
    bus[1].replicas[1].words.insert("nobody else has this");
    bus.add(4);
    bus.configure({1, 2, 3, 4});
    EXPECT_MARK("sync.diverged_replica_stops", bus.run(1));
    EXPECT_THAT(bus[1].stopped, HasSubstr("digest"));
    EXPECT_THAT(bus[2].stopped, IsEmpty());
    bus.configure({2, 3, 4});
    bus.run(2);
    EXPECT_TRUE(bus.is_equal({2, 3, 4}));
    EXPECT_EQ(bus[4].replicas[1].words.count("nobody else has this"), 0u);
}

TEST(Barrier, finds_a_diverged_replica_even_if_nothing_has_to_be_exchanged) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2, 9}) {
        bus.add(id);
    }
    bus.configure({1, 2});
    bus.run(1);
    bus.configure({1, 2, 9});
    bus[2].replicas[1].words.insert("odd");
    bus.configure({1, 2});  // unsynced, together
    bus.run(1);
    EXPECT_THAT(bus[2].stopped, HasSubstr("digest")) << "of two the lower member is right";
    EXPECT_TRUE(bus[1].barrier.is_synced());
}

TEST(Barrier, moves_nothing_for_a_service_whose_state_is_equal_everywhere) {
    TestBus bus;
    for (const std::uint32_t id : {1, 2}) {
        bus.add(id, {1, 2}).sees_configurations = false;
        bus[id].replicas[1].words = {"the same"};
    }
    bus[2].replicas[2].words = {"different"};
    bus.configure({1, 2});
    EXPECT_MARK("sync.equal_state_moves_nothing", bus.run(1));
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_sent, 0u);
    EXPECT_EQ(bus[2].barrier.stats().snapshot_bytes_sent, 13u);
    EXPECT_THAT(bus[1].replicas[1].merged_from, ElementsAre(nodes({1, 2})))
        << "told all the same that components came together";
}

TEST(Barrier, takes_digests_of_large_states_in_several_turns) {
    TestBus bus;
    bus.add(1, {1, 2, 3});
    bus.add(2);
    for (std::uint16_t service = 1; service <= 3; ++service) {
        bus[1].replicas[service].words = {std::string(9U << 20, 'x')};
    }
    EXPECT_MARK("sync.takes_digests_in_several_turns", bus.configure({1, 2}));
    EXPECT_EQ(bus[1].saves, 1u);
    EXPECT_TRUE(bus[1].barrier.pump());
    EXPECT_FALSE(bus[1].barrier.pump());
    EXPECT_EQ(bus[1].saves, 3u);
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
}

class StrangeMessages : public ::testing::Test {
  protected:
    StrangeMessages() {
        for (const std::uint32_t id : {1, 2, 3}) {
            bus.add(id).replicas[1].words = {std::string(100, static_cast<char>('a' + id))};
        }
        bus.configure({2, 3});
        bus.run(2);
        bus.configure({1, 2, 3});
    }
    void tell(NodeId from, Kind kind, const std::string& bytes) {
        for (const std::uint32_t id : {1, 2, 3}) {
            bus[id].barrier.on_message(from, static_cast<std::uint16_t>(kind), as_bytes(bytes));
        }
    }
    // Of service 1, stream 0 is node 1's and stream 1 is that of nodes 2 and 3.
    std::string chunk(std::uint32_t stream,
                      std::uint32_t index,
                      std::uint64_t total,
                      std::size_t size,
                      std::uint64_t digest = 1) {
        return encode_header({bus[1].ring, stream, index, total, digest, {}}) +
               std::string(size, 'c');
    }
    void hellos() {
        for (const std::uint32_t id : {1, 2, 3}) {
            bus.step(id, {1, 2, 3});
        }
    }
    [[nodiscard]] bool counted(std::size_t wanted) {
        return bus[1].barrier.describe().find("malformed " + std::to_string(wanted)) !=
               std::string::npos;
    }

    TestBus bus;
};

TEST_F(StrangeMessages, that_nobody_waits_for_are_counted_and_do_not_disturb) {
    tell(NodeId(1), static_cast<Kind>(7), "");
    tell(NodeId(5), Kind::hello, encode(Hello{bus[1].ring, {4}, {}}));  // no member
    tell(NodeId(1), Kind::chunk, chunk(1, 0, 1, 1));                    // too early
    tell(NodeId(1), Kind::done, encode(Done{bus[1].ring}));             // too early
    EXPECT_TRUE(counted(4)) << bus[1].barrier.describe();
    hellos();
    tell(NodeId(1), Kind::hello, encode(Hello{bus[1].ring, {4}, {}}));  // again
    tell(NodeId(2), Kind::chunk, chunk(0, 0, 1, 1));                    // of node 1's stream
    EXPECT_TRUE(counted(6)) << bus[1].barrier.describe();
    EXPECT_MARK("sync.ignores_other_ring",
                tell(NodeId(1), Kind::hello, encode(Hello{{1, NodeId(9), 9}, {4}, {}})));
    EXPECT_TRUE(counted(6));
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
    tell(NodeId(1), Kind::chunk, chunk(1, 0, 1, 1));  // too late
    EXPECT_TRUE(counted(7)) << bus[1].barrier.describe();
}

// Whatever node 2 breaks, node 3 takes over its stream; and node 2 stops.
TEST_F(StrangeMessages, of_a_holder_make_the_next_one_send) {
    const std::string broken[] = {
        "short",
        chunk(99, 0, 1, 1),                 // there is no such stream
        chunk(1, 0, 1, 1),                  // not the announced digest
        chunk(1, 1, 70000, 70000 - 65536),  // not the first one
        chunk(1, 0, 70000, 65535),          // not full
    };
    for (const std::string& bytes : broken) {
        TestBus fresh;
        std::swap(bus, fresh);
        for (const std::uint32_t id : {1, 2, 3}) {
            bus.add(id).replicas[1].words = {std::string(100, static_cast<char>('a' + id))};
        }
        bus.configure({2, 3});
        bus.run(2);
        bus.configure({1, 2, 3});
        hellos();
        bus[2].groups.on_configure({});  // what it would have sent is lost
        EXPECT_MARK("sync.excludes_who_breaks_the_rules", tell(NodeId(2), Kind::chunk, bytes));
        EXPECT_THAT(bus[2].stopped, HasSubstr("refused by all"));
        for (const std::uint32_t id : {1, 3}) {
            bus[id].barrier.pump();
        }
        bus.run(1);
        EXPECT_THAT(bus[1].barrier.describe(), HasSubstr("waiting for the done of 2"));
        EXPECT_MARK("sync.ignores_excluded_sender",
                    bus[1].barrier.on_message(NodeId(2), 2, as_bytes(bytes)));
        bus.configure({1, 3});
        bus.run(1);
        EXPECT_TRUE(bus.is_equal({1, 3}));
        EXPECT_EQ(bus[1].replicas[1].words.count(std::string(100, 'c')), 1u);
    }
}

TEST_F(StrangeMessages, of_the_only_holder_end_its_stream) {
    hellos();
    EXPECT_MARK("sync.gives_up_a_stream_without_holder", tell(NodeId(1), Kind::chunk, "short"));
    EXPECT_THAT(bus[1].stopped, HasSubstr("refused by all"));
    // A foreign build would not stop but say that it is done.
    for (const std::uint32_t id : {2, 3}) {
        bus[id].barrier.on_message(NodeId(1), 3, as_bytes(encode(Done{bus[1].ring})));
    }
    for (const std::uint32_t id : {2, 3}) {
        while (bus.step(id, {2, 3})) {
        }
    }
    EXPECT_TRUE(bus[2].barrier.is_synced() && bus[3].barrier.is_synced());
    EXPECT_EQ(bus[2].replicas[1].words, bus[3].replicas[1].words);
    EXPECT_THAT(bus[2].replicas[1].merged_from.back(), nodes({2}));
}

TEST_F(StrangeMessages, instead_of_a_hello_count_as_a_member_with_nothing) {
    tell(NodeId(1), Kind::hello, "?");
    EXPECT_THAT(bus[1].stopped, HasSubstr("refused by all"));
    for (const std::uint32_t id : {2, 3, 2, 3}) {
        bus.step(id, {2, 3});
    }
    for (const std::uint32_t id : {2, 3}) {
        bus[id].barrier.on_message(NodeId(1), 3, as_bytes("?"));
    }
    for (const std::uint32_t id : {2, 3, 2, 3, 2, 3}) {
        bus.step(id, {2, 3});
    }
    EXPECT_TRUE(bus[2].barrier.is_synced() && bus[3].barrier.is_synced());
    EXPECT_EQ(bus[2].replicas[1].words, bus[3].replicas[1].words);
}

TEST_F(StrangeMessages, of_a_saver_cannot_change_what_it_announced) {
    hellos();
    bus[1].groups.on_configure({});
    const std::uint64_t digest = [&] {
        std::string bytes;
        EXPECT_EQ(bus[1].save(1, bytes), AIS_OK);
        return digest_of(as_bytes(bytes));
    }();
    const std::string first = chunk(0, 0, 1U << 20, 65536, digest);
    for (const std::uint32_t id : {2, 3}) {
        bus[id].barrier.on_message(NodeId(1), 2, as_bytes(first));
    }
    EXPECT_THAT(bus[2].barrier.describe(),
                HasSubstr("service 1 from node 1: 65536 of 1048576 bytes"));
    const std::string longer = chunk(0, 1, 2U << 20, 65536, digest);
    for (const std::uint32_t id : {2, 3}) {
        EXPECT_MARK("sync.excludes_who_breaks_the_rules",
                    bus[id].barrier.on_message(NodeId(1), 2, as_bytes(longer)));
    }
}

}  // namespace
}  // namespace ais::sync
