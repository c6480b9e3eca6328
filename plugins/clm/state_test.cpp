// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include "snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace ais::clm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Nodes = std::vector<ais_node_id>;

Facts facts_of(std::uint32_t node) {
    return {node, 1, "10.0.0." + std::to_string(node), "n" + std::to_string(node), "", node * 100};
}

// "3: 1 2+ 4-": view 3, node 1 as before, 2 joined, 4 left; ! is reconfigured.
std::string text(const ViewReport& report) {
    std::string line = std::to_string(report.number) + ":";
    for (const Item& item : report.items) {
        const char* sign[] = {"?", "", "+", "-", "!"};
        line += " " + std::to_string(item.member.facts.node) +
                sign[static_cast<std::uint32_t>(item.change)];
    }
    return line;
}

struct Ring {
    ais_configuration abi{};
    Nodes members;
    Nodes left;
    Ring(std::uint32_t kind, Nodes with, Nodes without)
        : members(std::move(with)), left(std::move(without)) {
        abi.struct_size = sizeof abi;
        abi.kind = kind;
        abi.members = members.data();
        abi.member_count = static_cast<std::uint32_t>(members.size());
        abi.left = left.data();
        abi.left_count = static_cast<std::uint32_t>(left.size());
    }
};

// A transitional configuration in which these leave, then a regular one.
std::string go(State& state, const Nodes& left, const Nodes& members) {
    std::string said;
    if (const auto report =
            state.configure(Ring(AIS_CONFIGURATION_TRANSITIONAL, {state.self()}, left).abi)) {
        said += text(*report) + ";";
    }
    if (const auto report = state.configure(Ring(AIS_CONFIGURATION_REGULAR, members, {}).abi)) {
        said += text(*report);
    }
    return said;
}

struct Component {
    Nodes members;
    std::string bytes;
};

std::vector<std::string> merge_all(State& state, const std::vector<Component>& components) {
    std::vector<SavedState> states;
    for (const Component& one : components) {
        states.push_back({false, one.members.front(), one.members, as_bytes(one.bytes)});
    }
    const auto merged = merge(states, state.nodes());
    EXPECT_TRUE(merged) << merged.error().text;
    std::vector<std::string> said;
    for (const ViewReport& report : state.replace(*merged)) {
        said.push_back(text(report));
    }
    return said;
}

std::string saved(const State& state) {
    return save(state.surviving());
}

TEST(State, begins_with_this_node_alone_in_view_one) {
    const State state(facts_of(5));
    EXPECT_EQ(text(state.report()), "1: 5");
    EXPECT_EQ(state.find(5)->facts, facts_of(5));
    EXPECT_EQ(state.find(4), nullptr);
}

TEST(State, first_configuration_of_this_node_alone_is_no_change) {
    State state(facts_of(5));
    EXPECT_EQ(go(state, {}, {5}), "");
    EXPECT_EQ(state.view().number, 1U);
}

TEST(State, newcomers_are_members_with_the_merge_and_all_agree) {
    State one(facts_of(1));
    State two(facts_of(2));
    EXPECT_EQ(go(one, {}, {1, 2}), "");
    EXPECT_EQ(go(two, {}, {1, 2}), "");
    const std::vector<Component> both = {{{1}, saved(one)}, {{2}, saved(two)}};
    EXPECT_THAT(merge_all(one, both), ElementsAre("2: 1 2+"));
    EXPECT_THAT(merge_all(two, both), ElementsAre("2: 1+ 2"));
    EXPECT_EQ(one.view(), two.view());
    EXPECT_EQ(one.find(2)->initial_view, 2U);
    EXPECT_EQ(one.find(1)->initial_view, 1U);
}

class Three : public testing::Test {
  protected:
    Three() {
        View view{7, {}};
        for (const ais_node_id node : {1, 2, 3}) {
            view.members.emplace(node, Member{facts_of(node), 4});
        }
        for (const ais_node_id node : {1, 2, 3}) {
            states.push_back(std::make_unique<State>(facts_of(node)));
            go(*states.back(), {}, {1, 2, 3});
            states.back()->replace(view);
        }
    }
    State& at(ais_node_id node) { return *states[node - 1]; }
    std::vector<std::unique_ptr<State>> states;
};

TEST_F(Three, who_leaves_is_told_at_the_regular_configuration) {
    EXPECT_EQ(go(at(1), {3}, {1, 2}), "8: 1 2 3-");
    EXPECT_EQ(go(at(2), {3}, {1, 2}), "8: 1 2 3-");
    EXPECT_EQ(at(1).view(), at(2).view());
}

TEST_F(Three, leave_and_join_at_once_are_one_report) {
    State four(facts_of(4));
    go(four, {}, {1, 2, 4});
    EXPECT_EQ(go(at(1), {3}, {1, 2, 4}), "");
    EXPECT_EQ(go(at(2), {3}, {1, 2, 4}), "");
    EXPECT_EQ(saved(at(1)), saved(at(2)));
    const std::vector<Component> both = {{{1, 2}, saved(at(1))}, {{4}, saved(four)}};
    EXPECT_THAT(merge_all(at(1), both), ElementsAre("9: 1 2 3- 4+"));
    EXPECT_THAT(merge_all(at(2), both), ElementsAre("9: 1 2 3- 4+"));
    EXPECT_THAT(merge_all(four, both), ElementsAre("9: 1+ 2+ 4"));
    EXPECT_EQ(at(1).view(), four.view());
    EXPECT_EQ(at(1).find(4)->initial_view, 9U);
    EXPECT_EQ(at(1).find(2)->initial_view, 4U);
}

TEST_F(Three, node_that_left_and_is_back_is_told_as_left_then_joined) {
    State again(facts_of(3));
    go(again, {}, {1, 2, 3});
    EXPECT_EQ(go(at(1), {3}, {1, 2, 3}), "");
    const std::vector<Component> both = {{{1, 2}, saved(at(1))}, {{3}, saved(again)}};
    EXPECT_THAT(merge_all(at(1), both), ElementsAre("8: 1 2 3-", "9: 1 2 3+"));
    EXPECT_THAT(merge_all(again, both), ElementsAre("9: 1+ 2+ 3"));
    EXPECT_EQ(at(1).find(3)->initial_view, 9U);
}

TEST_F(Three, division_and_merge_end_in_one_view_above_both) {
    EXPECT_EQ(go(at(1), {3}, {1, 2}), "8: 1 2 3-");
    EXPECT_EQ(go(at(2), {3}, {1, 2}), "8: 1 2 3-");
    EXPECT_EQ(go(at(3), {1, 2}, {3}), "8: 1- 2- 3");
    for (const ais_node_id node : {1, 2, 3}) {
        EXPECT_EQ(go(at(node), {}, {1, 2, 3}), "");
    }
    const std::vector<Component> both = {{{1, 2}, saved(at(1))}, {{3}, saved(at(3))}};
    EXPECT_THAT(merge_all(at(1), both), ElementsAre("9: 1 2 3+"));
    EXPECT_THAT(merge_all(at(2), both), ElementsAre("9: 1 2 3+"));
    EXPECT_THAT(merge_all(at(3), both), ElementsAre("9: 1+ 2+ 3"));
    EXPECT_EQ(at(1).view(), at(3).view());
    EXPECT_EQ(at(3).find(1)->initial_view, 4U);  // of the larger side: it stayed
    EXPECT_EQ(at(3).find(3)->initial_view, 9U);
}

TEST_F(Three, exchange_that_is_cut_off_leaves_no_trace) {
    EXPECT_EQ(go(at(1), {}, {1, 2, 3, 4}), "");
    EXPECT_EQ(go(at(1), {4}, {1, 2, 3}), "");
    EXPECT_EQ(text(at(1).report()), "7: 1 2 3");
    // Two attempts, with a node that goes for good in between.
    EXPECT_EQ(go(at(1), {}, {1, 2, 3, 4}), "");
    EXPECT_EQ(go(at(1), {3, 4}, {1, 2}), "8: 1 2 3-");
}

TEST_F(Three, saved_state_that_is_put_back_is_the_same_and_nothing_to_tell) {
    EXPECT_THAT(merge_all(at(1), {{{1, 2, 3}, saved(at(1))}}), IsEmpty());
    EXPECT_EQ(at(1).view().number, 7U);
    State fresh(facts_of(1));
    const auto restored = restore(as_bytes(saved(at(2))));
    ASSERT_TRUE(restored);
    fresh.replace(*restored);
    EXPECT_EQ(fresh.view(), at(1).view());
}

TEST_F(Three, new_facts_of_a_member_are_a_reconfiguration) {
    Facts moved = facts_of(2);
    moved.address = "10.9.9.9";
    const auto report = at(1).facts(2, moved);
    ASSERT_TRUE(report);
    EXPECT_EQ(text(*report), "8: 1 2! 3");
    EXPECT_EQ(at(1).facts(2, moved), std::nullopt);        // nothing new
    EXPECT_EQ(at(1).facts(3, facts_of(2)), std::nullopt);  // not about the sender
    EXPECT_EQ(at(1).facts(9, facts_of(9)), std::nullopt);  // no member
    EXPECT_EQ(at(1).find(2)->facts.address, "10.9.9.9");
}

TEST_F(Three, each_way_of_tracking_gets_its_items) {
    const ViewReport report{8,
                            2,
                            {{Change::none, {facts_of(1), 1}},
                             {Change::joined, {facts_of(2), 8}},
                             {Change::left, {facts_of(3), 2}}}};
    EXPECT_EQ(text(*select(report, TrackRequest::changes, 1)), "8: 1 2+ 3-");
    EXPECT_EQ(text(*select(report, TrackRequest::changes_only, 1)), "8: 2+ 3-");
    EXPECT_EQ(text(*select(report, TrackRequest::changes | TrackRequest::local, 2)), "8: 2+");
    EXPECT_EQ(select(report, TrackRequest::changes | TrackRequest::local, 1), std::nullopt);
}

TEST(Snapshot, that_is_not_canonical_is_refused_by_name) {
    View view{5, {{1, {facts_of(1), 1}}, {2, {facts_of(2), 5}}}};
    const std::string good = save(view);
    ASSERT_TRUE(restore(as_bytes(good)));
    EXPECT_EQ(*restore(as_bytes(good)), view);
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(restore(as_bytes(good.substr(0, cut)))) << cut;
    }
    EXPECT_FALSE(restore(as_bytes(good + "x")));
    view.members.at(2).initial_view = 6;
    EXPECT_THAT(restore(as_bytes(save(view))).error().text, testing::HasSubstr("future"));
    view.number = 0;
    EXPECT_FALSE(restore(as_bytes(save(view))));
}

TEST(Snapshot, two_components_with_one_node_are_refused) {
    const std::string bytes = save(View{5, {{1, {facts_of(1), 1}}}});
    const Nodes one{1};
    const SavedState states[] = {{true, 1, one, as_bytes(bytes)}, {false, 1, one, as_bytes(bytes)}};
    EXPECT_FALSE(merge(states, {}));
    EXPECT_FALSE(merge({}, {}));
}

// Random divisions and merges of five nodes.  Whatever happens: nodes that are together have one
// view, with exactly them in it, and every node's numbers grow.
TEST(State, stays_one_and_grows_through_random_histories) {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        std::map<ais_node_id, std::unique_ptr<State>> states;
        std::map<ais_node_id, Nodes> with;  // the component of each
        std::map<ais_node_id, std::uint64_t> last;
        for (ais_node_id node = 1; node <= 5; ++node) {
            states[node] = std::make_unique<State>(facts_of(node));
            with[node] = {node};
            go(*states[node], {}, {node});
        }
        for (int step = 0; step < 30; ++step) {
            if (random() % 4 == 0) {  // one starts anew
                const ais_node_id node = static_cast<ais_node_id>(1 + random() % 5);
                states[node] = std::make_unique<State>(facts_of(node));
                with[node] = {node};
                last[node] = 0;
            }
            Nodes ring;
            for (ais_node_id node = 1; node <= 5; ++node) {
                if (random() % 2 == 0) {
                    ring.push_back(node);
                }
            }
            std::map<Nodes, std::string> components;
            std::map<ais_node_id, Nodes> next;
            for (const ais_node_id node : ring) {
                Nodes together;
                Nodes left;
                for (const ais_node_id other : with[node]) {
                    const bool stays = std::binary_search(ring.begin(), ring.end(), other) &&
                                       with[other] == with[node];
                    (stays ? together : left).push_back(other);
                }
                next[node] = together;
                go(*states[node], left, ring);
                components[together] = saved(*states[node]);
            }
            const bool is_cut_off = random() % 5 == 0;
            for (const ais_node_id node : ring) {
                with[node] = next[node];
                if (components.size() > 1 && !is_cut_off) {
                    std::vector<Component> list;
                    for (const auto& [members, bytes] : components) {
                        list.push_back({members, bytes});
                    }
                    merge_all(*states[node], list);
                    with[node] = ring;
                }
                const View& view = states[node]->view();
                ASSERT_GE(view.number, last[node]) << seed;
                last[node] = view.number;
                if (components.size() == 1 || !is_cut_off) {
                    ASSERT_EQ(view, states[ring.front()]->view()) << seed;
                    ASSERT_EQ(view.members.size(), ring.size()) << seed;
                }
            }
            // Those who were left behind go on alone in this test.
            for (ais_node_id node = 1; node <= 5; ++node) {
                if (!std::binary_search(ring.begin(), ring.end(), node)) {
                    Nodes left = with[node];
                    std::erase(left, node);
                    with[node] = {node};
                    go(*states[node], left, {node});
                    ASSERT_EQ(states[node]->view().members.size(), 1U) << seed;
                }
            }
        }
    }
}

}  // namespace
}  // namespace ais::clm
