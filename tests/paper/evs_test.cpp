// SPDX-License-Identifier: BSD-3-Clause
//
// Extended virtual synchrony: Moser, Amir, Melliar-Smith, Agarwal, ICDCS 1994.

#include "base/mark.hpp"
#include "paper/stage.hpp"

#include <gtest/gtest.h>

namespace ais::paper {
namespace {

const std::vector<std::string> nothing;

// Section 3, specification 2: each side of a split goes on, from the same old configuration.
TEST(Evs, delivers_the_transitional_configuration_before_the_regular_one) {
    Stage stage(4);
    stage.world.network().partition({Members{node(1), node(2)}, Members{node(3), node(4)}});
    stage.advance(seconds(2));
    EXPECT_EQ(stage.seen[node(1)], "T{1,2} R{1,2}");
    EXPECT_EQ(stage.seen[node(4)], "T{3,4} R{3,4}");
}

// Section 3, specification 3: self-delivery.
TEST(Evs, delivers_a_members_own_message_though_no_other_has_it) {
    Stage stage(2);
    stage.on_datagram = [](NodeId, NodeId, totem::PacketType type, Bytes) {
        return type == totem::PacketType::data;
    };
    stage.send(1, Guarantee::safe, "mine");
    stage.advance(milliseconds(20));
    stage.world.crash(node(2));
    stage.on_datagram = nullptr;
    stage.advance(seconds(2));
    EXPECT_EQ(stage.seen[node(1)], "T{1} mine R{1}");
    EXPECT_EQ(stage.broken(), nothing);
}

// Section 3, specification 4: failure atomicity.
TEST(Evs, makes_those_who_move_together_deliver_the_same) {
    Stage stage(3);
    stage.on_datagram = [](NodeId, NodeId to, totem::PacketType type, Bytes) {
        return type == totem::PacketType::data && to == node(2);
    };
    stage.send(3, Guarantee::agreed, "last");
    stage.advance(milliseconds(5));
    stage.world.crash(node(3));
    stage.on_datagram = nullptr;
    stage.advance(seconds(2));
    EXPECT_EQ(stage.seen[node(1)], "last T{1,2} R{1,2}");
    EXPECT_EQ(stage.seen[node(2)], "last T{1,2} R{1,2}");
    EXPECT_EQ(stage.broken(), nothing);
}

// Section 3, specification 5: causality holds over what a member has seen.
TEST(Evs, delivers_a_cause_before_its_effect) {
    Stage stage(3);
    stage.on_datagram = [](NodeId from, NodeId to, totem::PacketType type, Bytes) {
        return type == totem::PacketType::data && from == node(1) && to == node(3);
    };
    stage.send(1, Guarantee::agreed, "cause");
    stage.advance(milliseconds(5));
    ASSERT_EQ(stage.seen[node(2)], "cause");
    stage.send(2, Guarantee::agreed, "effect");
    stage.advance(milliseconds(30));
    stage.on_datagram = nullptr;
    stage.advance(milliseconds(100));
    EXPECT_EQ(stage.seen[node(3)], "cause effect");
}

// Section 3, specification 6.3: behind a hole only what cannot depend on the lost message.
TEST(Evs, does_not_deliver_behind_a_hole_what_may_depend_on_it) {
    Stage stage(3);
    // Nobody gets what 2 sends; 3 sends behind it, and then both are gone.
    stage.on_datagram = [](NodeId from, NodeId, totem::PacketType type, Bytes) {
        return type == totem::PacketType::data && from == node(2);
    };
    stage.send(2, Guarantee::agreed, "lost");
    stage.advance(milliseconds(2));
    stage.send(3, Guarantee::agreed, "behind");
    stage.send(1, Guarantee::agreed, "own");
    stage.advance(milliseconds(4));
    stage.world.crash(node(2));
    stage.world.crash(node(3));
    EXPECT_MARK("delivery.drops_behind_hole", stage.advance(seconds(2)));
    EXPECT_EQ(stage.seen[node(1)], "T{1} ?own R{1}");
    EXPECT_EQ(stage.broken(), nothing);
}

// Section 3, specification 7: a safe message that some may lack waits for the
// transitional configuration, in which it is safe.
TEST(Evs, delivers_a_safe_message_in_the_configuration_all_of_which_has_it) {
    Stage stage(3);
    stage.on_datagram = [](NodeId, NodeId to, totem::PacketType type, Bytes) {
        return type == totem::PacketType::data && to == node(3);
    };
    stage.send(1, Guarantee::safe, "promise");
    stage.advance(milliseconds(30));
    EXPECT_EQ(stage.seen[node(1)], "");
    stage.world.crash(node(3));
    stage.advance(seconds(2));
    EXPECT_EQ(stage.seen[node(1)], "T{1,2} promise R{1,2}");
    EXPECT_EQ(stage.seen[node(2)], "T{1,2} promise R{1,2}");
    EXPECT_EQ(stage.broken(), nothing);
}

// Section 2: a process that recovers keeps its name, and components merge.
TEST(Evs, merges_components_into_one_regular_configuration) {
    Stage stage(3);
    stage.world.network().partition({Members{node(1)}, Members{node(2), node(3)}});
    stage.advance(seconds(2));
    stage.world.network().heal();
    stage.advance(seconds(2));
    EXPECT_EQ(stage.seen[node(1)], "T{1} R{1} T{1} R{1,2,3}");
    EXPECT_EQ(stage.seen[node(2)], "T{2,3} R{2,3} T{2,3} R{1,2,3}");
    EXPECT_EQ(stage.broken(), nothing);
}

}  // namespace
}  // namespace ais::paper
