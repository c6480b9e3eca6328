// SPDX-License-Identifier: BSD-3-Clause

#include "sync/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::sync {
namespace {

using ::testing::ElementsAre;

const totem::RingId ring{24, NodeId(1), 77};

Hello hello(std::uint64_t lineage, std::vector<Offer> offers) {
    return {ring, {lineage}, std::move(offers)};
}

TEST(Plan, groups_members_by_lineage_in_the_order_of_their_lowest) {
    const Plan plan = make_plan({{NodeId(1), hello(9, {})},
                                 {NodeId(2), hello(5, {})},
                                 {NodeId(3), hello(9, {})},
                                 {NodeId(4), hello(7, {})}});
    ASSERT_EQ(plan.components.size(), 3u);
    EXPECT_THAT(plan.components[0].members, ElementsAre(1, 3));
    EXPECT_THAT(plan.components[1].members, ElementsAre(2));
    EXPECT_THAT(plan.components[2].members, ElementsAre(4));
    EXPECT_TRUE(plan.services.empty());
}

TEST(Plan, gives_each_component_its_share_and_sees_what_is_equal) {
    const Plan plan = make_plan({{NodeId(1), hello(1, {{7, false, 10, 5}})},
                                 {NodeId(2), hello(1, {{7, false, 10, 5}, {8, true, 3, 0}})},
                                 {NodeId(3), hello(2, {{7, false, 11, 6}, {8, true, 3, 0}})},
                                 {NodeId(4), hello(3, {})}});
    ASSERT_EQ(plan.services.size(), 2u);
    const ServicePlan& seven = plan.services[0];
    ASSERT_EQ(seven.shares.size(), 2u);
    EXPECT_FALSE(seven.is_equal());
    EXPECT_FALSE(seven.in_parts);
    EXPECT_THAT(seven.shares[0].holders, ElementsAre(NodeId(1), NodeId(2)));
    EXPECT_EQ(seven.shares[1].component, 1u);
    EXPECT_EQ(seven.shares[1].digest, 11u);
    EXPECT_TRUE(plan.services[1].in_parts);
    EXPECT_TRUE(plan.services[1].is_equal());
    EXPECT_TRUE(plan.diverged.empty());
}

TEST(Plan, of_a_service_in_two_forms_compares_nothing_and_goes_in_one_piece) {
    const Plan plan = make_plan({{NodeId(1), hello(1, {{7, false, 10, 5}})},
                                 {NodeId(2), hello(1, {{7, true, 99, 5}})},
                                 {NodeId(3), hello(2, {{7, true, 99, 5}})}});
    EXPECT_FALSE(plan.services[0].is_comparable);
    EXPECT_FALSE(plan.services[0].in_parts);
    EXPECT_FALSE(plan.services[0].is_equal());
    EXPECT_THAT(plan.services[0].shares[0].holders, ElementsAre(NodeId(1), NodeId(2)));
    EXPECT_TRUE(plan.diverged.empty());
}

TEST(Plan, says_that_the_smaller_party_has_diverged) {
    const Plan plan = make_plan({{NodeId(1), hello(1, {{7, false, 66, 5}})},
                                 {NodeId(2), hello(1, {{7, false, 10, 5}})},
                                 {NodeId(3), hello(1, {{7, false, 10, 5}})}});
    ASSERT_EQ(plan.diverged.size(), 1u);
    EXPECT_EQ(plan.diverged[0].node, NodeId(1));
    EXPECT_EQ(plan.diverged[0].service, 7);
    EXPECT_EQ(plan.diverged[0].digest, 66u);
    EXPECT_EQ(plan.diverged[0].right, 10u);
    EXPECT_THAT(plan.services[0].shares[0].holders, ElementsAre(NodeId(2), NodeId(3)));
}

TEST(Plan, of_equal_parties_believes_the_one_with_the_lowest_member) {
    const Plan plan = make_plan({{NodeId(1), hello(1, {{7, false, 66, 5}})},
                                 {NodeId(2), hello(1, {{7, false, 10, 5}})},
                                 {NodeId(3), hello(1, {{7, false, 10, 5}})},
                                 {NodeId(4), hello(1, {{7, false, 66, 5}})}});
    ASSERT_EQ(plan.diverged.size(), 2u);
    EXPECT_EQ(plan.diverged[0].node, NodeId(2));
    EXPECT_EQ(plan.diverged[1].node, NodeId(3));
}

}  // namespace
}  // namespace ais::sync
