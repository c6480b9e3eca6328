// SPDX-License-Identifier: BSD-3-Clause
//
// The judge is judged: each checker finds the history that breaks its
// property, and accepts the one beside it that does not.

#include "sim/checker/tale.hpp"

#include <gtest/gtest.h>

namespace ais::sim {
namespace {

TEST(Checker, accepts_a_good_history) {
    Tale tale;
    tale.together().send(a, 1).deliver(a, a, 1, 1).deliver(b, a, 1, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, finds_a_message_that_nobody_sent) {
    Tale tale;
    tale.together().deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    EXPECT_EQ(tale.broken(), "basic delivery");
}

TEST(Checker, finds_a_second_delivery) {
    Tale tale;
    tale.together().send(a, 1).deliver(b, a, 1, 1).deliver(a, a, 1, 1).deliver(a, a, 1, 2);
    EXPECT_TRUE(tale.broken().starts_with("basic delivery, agreed order"));
}

TEST(Checker, finds_a_ring_without_a_transitional_configuration) {
    Tale tale;
    tale.together().move(a).regular(b, second, tale.both, {});
    EXPECT_EQ(tale.broken(), "configuration order");
}

TEST(Checker, finds_different_company) {
    Tale tale;
    tale.together().move(a).transitional(b, Members{NodeId(2)}, Members{NodeId(1)});
    tale.regular(b, second, tale.both, Members{NodeId(1)});
    EXPECT_EQ(tale.broken(), "configuration order");
}

TEST(Checker, finds_two_orders) {
    Tale tale;
    tale.together().send(a, 1).send(b, 1);
    tale.deliver(a, a, 1, 1).deliver(a, b, 1, 2).deliver(b, b, 1, 1).deliver(b, a, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order, liveness");
}

TEST(Checker, finds_a_gap) {
    Tale tale;
    tale.together().send(a, 1).send(b, 1);
    tale.deliver(a, a, 1, 1).deliver(a, b, 1, 2).deliver(b, b, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order, liveness");
}

TEST(Checker, finds_a_sender_without_its_message) {
    Tale tale;
    tale.together().send(a, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "self delivery");
}

TEST(Checker, finds_different_sets_before_the_same_ring) {
    Tale tale;
    tale.together().send(a, 1).deliver(a, a, 1, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "failure atomicity");
}

TEST(Checker, finds_a_broken_promise) {
    Tale tale;
    const Members only_a{NodeId(1)};
    const Members only_b{NodeId(2)};
    const RingId other{12, NodeId(2), 1};
    tale.together().send(a, 1, Guarantee::safe).deliver(a, a, 1, 1, Guarantee::safe);
    tale.transitional(a, only_a, only_b).regular(a, second, only_a, {});
    tale.transitional(b, only_b, only_a).regular(b, other, only_b, {});
    EXPECT_EQ(tale.broken(), "safe delivery, liveness");
}

TEST(Checker, finds_an_effect_without_its_cause) {
    Tale tale;
    tale.together().send(a, 1).deliver(b, a, 1, 1).send(b, 1);
    tale.deliver(a, b, 1, 2).deliver(b, b, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order, causality, liveness");
}

TEST(Checker, finds_a_hole_left_by_a_member) {
    Tale tale;
    tale.together().send(a, 1).send(a, 2).deliver(a, a, 1, 1).deliver(a, a, 2, 2);
    tale.transitional(a, tale.both, {}).transitional(b, tale.both, {}).deliver(b, a, 2, 2);
    EXPECT_TRUE(tale.broken().find("no holes") != std::string::npos);
}

TEST(Checker, finds_who_is_left_in_limbo) {
    Tale tale;
    tale.together().move(a);
    EXPECT_EQ(tale.broken(), "liveness");
}

TEST(Checker, finds_a_change_without_a_cause) {
    Tale tale;
    tale.together().move(a).move(b);
    tale.history.had_faults = false;
    EXPECT_EQ(tale.broken(), "no change without cause");
}

TEST(Checker, finds_a_message_sent_in_the_name_of_another) {
    Tale tale;
    tale.together();
    tale.history.send(b, tale.next(), {a, 1}, Guarantee::agreed);
    tale.deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    EXPECT_TRUE(tale.broken().starts_with("basic delivery"));
}

TEST(Checker, finds_another_guarantee) {
    Tale tale;
    tale.together().send(a, 1, Guarantee::safe).deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    EXPECT_EQ(tale.broken(), "basic delivery");
}

TEST(Checker, finds_a_delivery_in_another_ring) {
    Tale tale;
    tale.together().send(a, 1).move(a).move(b).deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    EXPECT_EQ(tale.broken(), "basic delivery, agreed order, self delivery");
}

TEST(Checker, finds_a_ring_id_used_twice) {
    Tale tale;
    tale.together();
    tale.history.end(b);
    const LifeId again{NodeId(2), 33};
    tale.history.start(again);
    tale.regular(again, first, tale.both, tale.both);
    EXPECT_EQ(tale.broken(), "configuration order");
}

TEST(Checker, finds_a_ring_with_two_sets_of_members) {
    Tale tale;
    tale.regular(a, first, tale.both, tale.both);
    tale.regular(b, first, Members{NodeId(2)}, Members{NodeId(2)});
    EXPECT_EQ(tale.broken(), "configuration order, liveness");
}

TEST(Checker, finds_a_number_that_falls) {
    Tale tale;
    tale.together();
    for (const LifeId& life : {a, b}) {
        tale.transitional(life, tale.both, {});
        tale.regular(life, RingId{3, NodeId(1), 1}, tale.both, {});
    }
    EXPECT_EQ(tale.broken(), "configuration order");
}

TEST(Checker, finds_a_message_sent_between_configurations) {
    Tale tale;
    tale.together().transitional(a, tale.both, {}).send(a, 1).deliver(a, a, 1, 1);
    tale.transitional(b, tale.both, {}).deliver(b, a, 1, 1);
    tale.regular(a, second, tale.both, {}).regular(b, second, tale.both, {});
    EXPECT_EQ(tale.broken(), "configuration order");
}

TEST(Checker, finds_different_sets_in_the_same_transitional_configuration) {
    Tale tale;
    tale.together().send(a, 1, Guarantee::safe);
    tale.transitional(a, tale.both, {}).deliver(a, a, 1, 1, Guarantee::safe);
    tale.regular(a, second, tale.both, {}).move(b);
    EXPECT_EQ(tale.broken(), "failure atomicity, safe delivery");
}

// Who leaves a ring for different rings may deliver different messages after a hole.
TEST(Checker, accepts_different_ends_of_a_ring_for_those_who_part) {
    Tale tale;
    const Members only_a{NodeId(1)};
    const Members only_b{NodeId(2)};
    tale.together().send(a, 1).send(a, 2).send(b, 1);
    tale.deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    tale.transitional(a, only_a, only_b).deliver(a, a, 2, 2).deliver(a, b, 1, 3);
    tale.regular(a, second, only_a, {});
    tale.transitional(b, only_b, only_a).deliver(b, b, 1, 3);  // without a's second
    tale.regular(b, RingId{12, NodeId(2), 1}, only_b, {});
    tale.history.is_quiet = false;
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, accepts_a_safe_message_that_a_victim_has_not_delivered) {
    Tale tale;
    tale.together().send(a, 1, Guarantee::safe).deliver(a, a, 1, 1, Guarantee::safe);
    tale.history.end(b);
    tale.transitional(a, Members{NodeId(1)}, Members{NodeId(2)});
    tale.regular(a, second, Members{NodeId(1)}, {});
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, finds_a_safe_message_of_a_ring_that_a_member_never_installed) {
    Tale tale;
    tale.regular(a, first, tale.both, tale.both).send(a, 1, Guarantee::safe);
    tale.deliver(a, a, 1, 1, Guarantee::safe);
    tale.history.is_quiet = false;
    EXPECT_EQ(tale.broken(), "");  // it may be about to
    tale.regular(b, second, Members{NodeId(2)}, Members{NodeId(2)});
    EXPECT_EQ(tale.broken(), "safe delivery");
}

TEST(Checker, accepts_that_a_ring_changes_with_a_cause) {
    Tale tale;
    tale.together().move(a).move(b);
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, accepts_one_line_of_primaries) {
    Tale tale;
    tale.together();
    tale.history.quorum(a, true);
    tale.history.quorum(b, true);
    tale.move(a).move(b);
    tale.history.quorum(a, true);
    tale.history.quorum(b, true);
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, finds_two_opinions_about_quorum) {
    Tale tale;
    tale.together();
    tale.history.quorum(a, true);
    tale.history.quorum(b, false);
    EXPECT_EQ(tale.broken(), "primary history");
}

TEST(Checker, finds_primaries_without_a_common_member) {
    Tale tale;
    tale.history.is_quiet = false;
    tale.regular(a, first, Members{NodeId(1)}, Members{NodeId(1)});
    tale.history.quorum(a, true);
    tale.regular(b, RingId{8, NodeId(2), 1}, Members{NodeId(2)}, Members{NodeId(2)});
    EXPECT_EQ(tale.broken(), "");
    tale.history.quorum(b, true);
    EXPECT_EQ(tale.broken(), "primary history");
}

TEST(Checker, finds_two_primaries_of_one_number) {
    Tale tale;
    tale.history.is_quiet = false;
    tale.regular(a, first, Members{NodeId(1)}, Members{NodeId(1)});
    tale.history.quorum(a, true);
    tale.regular(b, RingId{4, NodeId(2), 1}, Members{NodeId(2)}, Members{NodeId(2)});
    tale.history.quorum(b, true);
    EXPECT_EQ(tale.broken(), "primary history");
}

TEST(Checker, finds_different_states) {
    Tale tale;
    tale.together();
    tale.history.state(a, "lck", 7, 0x11);
    tale.history.state(b, "lck", 7, 0x11);
    tale.history.state(b, "lck", 8, 0x22);
    tale.history.state(b, "evt", 7, 0x33);
    EXPECT_EQ(tale.broken(), "");
    tale.history.state(a, "lck", 8, 0x44);
    EXPECT_EQ(tale.broken(), "same state");
}

TEST(Checker, finds_a_message_that_was_accepted_and_forgotten) {
    Tale tale;
    tale.together();
    tale.history.unsent(a, 1);
    EXPECT_EQ(tale.broken(), "liveness");
}

}  // namespace
}  // namespace ais::sim
