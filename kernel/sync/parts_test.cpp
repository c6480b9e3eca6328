// SPDX-License-Identifier: BSD-3-Clause
//
// Services in parts, case by case, among real Groups on a bus (test_bus.hpp): a
// word is in the part that is named after its first letter.

#include "base/mark.hpp"
#include "sync/barrier.hpp"
#include "sync/messages.hpp"
#include "sync/test_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ais::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Replica& add(TestBus& bus, std::uint32_t id, std::set<std::string> words) {
    TestNode& node = bus.add(id);
    node.sees_configurations = false;
    node.replicas[1].in_parts = true;
    node.replicas[1].words = std::move(words);
    return node.replicas[1];
}

TEST(Parts, only_those_that_differ_are_sent_and_merged) {
    TestBus bus;
    add(bus, 1, {"apple", "banana", "cherry"});
    add(bus, 2, {"apple", "blueberry", "date"});
    bus.configure({1, 2});
    EXPECT_MARK("sync.equal_part_moves_nothing", bus.run(1));
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_THAT(bus[1].replicas[1].words,
                ElementsAre("apple", "banana", "blueberry", "cherry", "date"));
    EXPECT_THAT(bus[1].replicas[1].parts_saved, ElementsAre("b", "c"));
    EXPECT_THAT(bus[2].replicas[1].parts_saved, ElementsAre("b", "d"));
    for (const std::uint32_t id : {1, 2}) {
        EXPECT_EQ(bus[id].replicas[1].parts_merged.size(), 3u) << "b, c, d";
        EXPECT_EQ(bus[id].replicas[1].merges, 1u);
        EXPECT_EQ(bus[id].saves, 0u);
    }
}

TEST(Parts, of_three_components_each_version_is_sent_once) {
    TestBus bus;
    add(bus, 1, {"apple"});
    add(bus, 2, {"apple", "avocado"});
    add(bus, 3, {"apple"});
    bus.configure({1, 2, 3});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2, 3}));
    EXPECT_THAT(bus[1].replicas[1].parts_saved, ElementsAre("a"));
    EXPECT_THAT(bus[2].replicas[1].parts_saved, ElementsAre("a"));
    EXPECT_THAT(bus[3].replicas[1].parts_saved, IsEmpty()) << "node 1 has sent the same";
}

TEST(Parts, equal_ones_everywhere_move_nothing_but_the_service_hears_of_it) {
    TestBus bus;
    add(bus, 1, {"apple", "banana"});
    add(bus, 2, {"apple", "banana"});
    bus.configure({1, 2});
    EXPECT_MARK("sync.equal_state_moves_nothing", bus.run(1));
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_sent, 0u);
    EXPECT_EQ(bus[2].replicas[1].merges, 1u);
    EXPECT_EQ(bus[2].replicas[1].components, 2u);
}

TEST(Parts, of_a_service_that_some_have_in_one_piece_go_in_one_piece) {
    TestBus bus;
    add(bus, 1, {"apple"});
    add(bus, 2, {"banana"}).in_parts = false;
    bus.configure({1, 2});
    bus.run(1);
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_THAT(bus[1].replicas[1].words, ElementsAre("apple", "banana"));
    EXPECT_THAT(bus[1].replicas[1].parts_saved, IsEmpty());
}

TEST(Parts, go_on_with_the_next_holder_when_one_breaks_the_rules) {
    TestBus bus;
    add(bus, 1, {"apple", "banana"});
    add(bus, 2, {});
    bus.configure({1, 2});
    bus.run(1);
    add(bus, 3, {"cherry"});
    bus.configure({1, 2, 3});
    bus.tamper = [](NodeId sender, std::vector<std::uint8_t>& payload) {
        const std::size_t at = as_text(Bytes(payload)).find("banana");
        if (sender == NodeId(1) && at != std::string_view::npos) {
            payload[at] ^= 1;
        }
    };
    EXPECT_MARK("sync.excludes_who_breaks_the_rules", bus.run(1));
    EXPECT_THAT(bus[1].stopped, HasSubstr("refused by all"));
    EXPECT_THAT(bus[3].barrier.describe(), HasSubstr("waiting for the done of 1"));
    EXPECT_EQ(bus[3].replicas[1].prepared.size(), 3u);
    EXPECT_THAT(bus[3].replicas[1].words, ElementsAre("cherry")) << "nothing shows yet";
    bus.configure({2, 3});
    EXPECT_EQ(bus[3].replicas[1].aborts, 1u);
    bus.run(2);
    EXPECT_TRUE(bus.is_equal({2, 3}));
}

TEST(Parts, larger_than_the_lane_go_in_several_goes) {
    TestBus bus;
    std::set<std::string> words;
    for (char c = 'a'; c < 'a' + 12; ++c) {
        words.insert(std::string(1U << 20, c));
    }
    add(bus, 1, words);
    add(bus, 2, {});
    bus.configure({1, 2});
    EXPECT_MARK("sync.waits_for_lane", {
        for (int i = 0; i < 8; ++i) {
            bus.step(1);
            bus[1].barrier.pump();
        }
        bus.run(1);
    });
    EXPECT_TRUE(bus.is_equal({1, 2}));
    EXPECT_EQ(bus[1].barrier.stats().snapshot_bytes_merged, 0u) << "it has them";
    EXPECT_GT(bus[2].barrier.stats().snapshot_bytes_merged, 12U << 20);
}

// A third node joins after every possible number of payloads; then a node leaves likewise.
TEST(Parts, go_on_after_an_abort_at_every_step) {
    for (const bool joins : {true, false}) {
        for (std::size_t steps = 0;; ++steps) {
            TestBus bus;
            add(bus, 1, {std::string(5000, 'a'), "banana"});
            add(bus, 2, {std::string(3000, 'b'), "cherry"});
            add(bus, 3, {"date"});
            bus.configure({1, 2});
            if (!joins) {
                bus.run(1);
                bus.configure({1, 2, 3});
            }
            bool is_over = false;
            for (std::size_t i = 0; i < steps && !is_over; ++i) {
                is_over = !bus.step(1);
            }
            const bool was_synced = bus[2].barrier.is_synced();
            bus.configure(joins ? std::vector<std::uint32_t>{1, 2, 3}
                                : std::vector<std::uint32_t>{2, 3});
            bus.run(2);
            ASSERT_TRUE(bus.is_equal(joins ? std::vector<std::uint32_t>{1, 2, 3}
                                           : std::vector<std::uint32_t>{2, 3}))
                << "after " << steps << " steps";
            ASSERT_EQ(bus[2].replicas[1].words.size(), 5u);
            ASSERT_EQ(bus[2].barrier.stats().aborted, was_synced ? 0u : 1u);
            ASSERT_FALSE(bus[2].replicas[1].is_merging);
            if (is_over) {
                ASSERT_GT(steps, 6u);
                break;
            }
        }
    }
}

TEST(Parts, that_cannot_be_merged_stop_the_node_and_nobody_else_has_changed) {
    TestBus bus;
    add(bus, 1, {"apple"});
    add(bus, 2, {"banana"});
    bus[2].fails_to_merge = true;
    bus.configure({1, 2});
    bus.run(1);
    EXPECT_THAT(bus[2].stopped, HasSubstr("merging a part"));
    EXPECT_FALSE(bus[1].barrier.is_synced());
    EXPECT_THAT(bus[1].replicas[1].words, ElementsAre("apple"));
}

}  // namespace
}  // namespace ais::sync
