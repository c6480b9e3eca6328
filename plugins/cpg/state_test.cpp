// SPDX-License-Identifier: BSD-3-Clause
//
// The groups: joins, leaves, configurations, snapshots and merges, without a host.

#include "state.hpp"

#include "snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

namespace ais::cpg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Nodes = std::vector<ais_node_id>;

struct Who {
    ais_node_id node;
    std::uint32_t pid;
    std::uint32_t seat;
    std::uint32_t instance = 0x100;
};

std::optional<Change> join(State& state, const Who& who, std::string_view group) {
    return state.join(who.node, {who.seat, who.instance, who.pid, as_bytes(group)});
}
std::optional<Change> leave(State& state, const Who& who, Reason reason = Reason::leave) {
    return state.leave(who.node, {who.seat, who.instance, reason});
}

std::vector<Change> configure(State& state,
                              std::uint32_t kind,
                              const Nodes& members,
                              const Nodes& joined,
                              const Nodes& left) {
    const ais_configuration now = {sizeof(ais_configuration),
                                   kind,
                                   {4, members.front(), 1},
                                   members.data(),
                                   joined.data(),
                                   left.data(),
                                   static_cast<std::uint32_t>(members.size()),
                                   static_cast<std::uint32_t>(joined.size()),
                                   static_cast<std::uint32_t>(left.size()),
                                   0};
    return state.configure(now);
}
// `from`: who moves together with us; `to`: the new ring.
std::vector<Change> move(State& state, const Nodes& from, const Nodes& left, const Nodes& to) {
    EXPECT_THAT(configure(state, AIS_CONFIGURATION_TRANSITIONAL, from, {}, left), IsEmpty());
    Nodes joined;
    std::set_difference(to.begin(), to.end(), from.begin(), from.end(), std::back_inserter(joined));
    return configure(state, AIS_CONFIGURATION_REGULAR, to, joined, {});
}

struct Saved {
    Nodes component;
    std::string bytes;
};
Result<Membership> merged_of(const std::vector<Saved>& saved, const Nodes& nodes) {
    std::vector<SavedState> states;
    for (const Saved& one : saved) {
        states.push_back({false, one.component.front(), one.component, as_bytes(one.bytes)});
    }
    return merge(states, nodes);
}
std::vector<Process> members_of(const State& state, std::string_view group) {
    const Group* found = state.find(group);
    return found == nullptr ? std::vector<Process>()
                            : State::page(*found, {0, 1000000, {}}).members;
}
std::uint64_t digest_of_all(const std::vector<Process>& members) {
    std::uint64_t sum = 0;
    for (const Process& member : members) {
        sum += digest_of(member.node, member.pid);
    }
    return sum;
}
std::string bytes_of(const State& state) {
    return save(state.membership());
}

const Who a{1, 10, 0};
const Who b{2, 20, 0};
const Who c{3, 30, 0};

TEST(State, joiner_is_member_and_joined_in_its_own_change) {
    State state(1);
    const auto change = join(state, a, "g");
    ASSERT_TRUE(change);
    EXPECT_EQ(change->group, "g");
    EXPECT_THAT(members_of(state, "g"), ElementsAre(Process{1, 10, Reason::none}));
    EXPECT_EQ(change->digest, digest_of(1, 10));
    EXPECT_THAT(change->joined, ElementsAre(Process{1, 10, Reason::join}));
    EXPECT_THAT(change->left, IsEmpty());
    EXPECT_THAT(change->audience, ElementsAre(LocalSeat{0, 0x100}));
    EXPECT_EQ(change->newcomer, (LocalSeat{0, 0x100}));
}

TEST(State, members_are_ordered_by_node_and_pid_whatever_order_they_join_in) {
    State state(2);
    join(state, {3, 5, 0}, "g");
    join(state, {1, 900, 0}, "g");
    join(state, {1, 8, 1}, "g");
    const auto change = join(state, {2, 1, 0}, "g");
    ASSERT_TRUE(change);
    EXPECT_THAT(members_of(state, "g"),
                ElementsAre(Process{1, 8, Reason::none},
                            Process{1, 900, Reason::none},
                            Process{2, 1, Reason::none},
                            Process{3, 5, Reason::none}));
    EXPECT_THAT(change->audience, ElementsAre(LocalSeat{0, 0x100}));
}

TEST(State, process_is_in_a_group_once_whatever_number_of_handles_it_has) {
    State state(1);
    join(state, a, "g");
    EXPECT_FALSE(join(state, {1, 10, 1}, "g"));
    EXPECT_TRUE(join(state, {1, 10, 1}, "h"));
    EXPECT_TRUE(join(state, {2, 10, 1}, "g"));
}

TEST(State, seat_that_is_taken_lets_nobody_else_in) {
    State state(1);
    join(state, a, "g");
    EXPECT_FALSE(join(state, {1, 99, 0, 0x200}, "other"));
    EXPECT_EQ(state.find("other"), nullptr);
}

TEST(State, who_leaves_by_itself_hears_of_it_and_who_dies_does_not) {
    State state(1);
    const Who second{1, 11, 1};
    join(state, a, "g");
    join(state, second, "g");
    const auto left = leave(state, a);
    ASSERT_TRUE(left);
    EXPECT_THAT(left->left, ElementsAre(Process{1, 10, Reason::leave}));
    EXPECT_EQ(left->digest, digest_of(1, 11));
    EXPECT_FALSE(left->newcomer);
    EXPECT_THAT(left->audience, ElementsAre(LocalSeat{0, 0x100}, LocalSeat{1, 0x100}));
    const auto died = leave(state, second, Reason::process_down);
    ASSERT_TRUE(died);
    EXPECT_THAT(died->left, ElementsAre(Process{1, 11, Reason::process_down}));
    EXPECT_EQ(died->digest, 0U);
    EXPECT_THAT(died->audience, IsEmpty());
    EXPECT_EQ(state.group_count(), 0U);
}

TEST(State, leave_of_an_earlier_occupant_of_the_seat_changes_nothing) {
    State state(1);
    join(state, {1, 10, 0, 0x200}, "g");
    EXPECT_FALSE(leave(state, {1, 10, 0, 0x100}));
    EXPECT_FALSE(leave(state, {1, 10, 7, 0x200}));
    EXPECT_FALSE(leave(state, {2, 10, 0, 0x200}));
    EXPECT_EQ(state.member_count(), 1U);
}

TEST(State, message_belongs_to_the_group_in_which_its_sender_is_at_that_moment) {
    State state(2);
    const Who first{1, 10, 5, 0x101};
    const Who again{1, 10, 5, 0x102};
    EXPECT_EQ(state.sender(1, {5, 0x101}).group, nullptr);
    join(state, first, "g");
    ASSERT_NE(state.sender(1, {5, 0x101}).group, nullptr);
    EXPECT_EQ(state.sender(1, {5, 0x101}).group->name, "g");
    EXPECT_EQ(state.sender(1, {5, 0x101}).pid, 10U);
    EXPECT_EQ(state.sender(2, {5, 0x101}).group, nullptr);
    leave(state, first);
    join(state, again, "h");
    EXPECT_EQ(state.sender(1, {5, 0x101}).group, nullptr);
    EXPECT_EQ(state.sender(1, {5, 0x102}).group->name, "h");
    EXPECT_EQ(state.sender(1, {seats_max, 0x102}).group, nullptr);
}

TEST(State, node_down_is_one_change_per_group_with_all_who_were_there) {
    State state(1);
    configure(state, AIS_CONFIGURATION_REGULAR, {1, 2, 3}, {1, 2, 3}, {});
    join(state, a, "g");
    join(state, b, "g");
    join(state, {2, 21, 1}, "g");
    join(state, c, "g");
    join(state, {2, 22, 2}, "h");
    const auto changes = move(state, {1, 3}, {2}, {1, 3});
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].group, "g");
    EXPECT_THAT(changes[0].left,
                ElementsAre(Process{2, 20, Reason::node_down}, Process{2, 21, Reason::node_down}));
    EXPECT_THAT(members_of(state, "g"),
                ElementsAre(Process{1, 10, Reason::none}, Process{3, 30, Reason::none}));
    EXPECT_EQ(changes[0].digest, digest_of(1, 10) + digest_of(3, 30));
    EXPECT_THAT(changes[0].audience, ElementsAre(LocalSeat{0, 0x100}));
    EXPECT_EQ(changes[1].group, "h");
    EXPECT_THAT(changes[1].audience, IsEmpty());
    EXPECT_EQ(state.find("h"), nullptr);
    EXPECT_EQ(state.sender(2, {0, 0x100}).group, nullptr);
}

TEST(State, node_down_takes_all_its_groups_however_many) {
    State state(1);
    configure(state, AIS_CONFIGURATION_REGULAR, {1, 2}, {1, 2}, {});
    constexpr std::uint32_t groups = 1000;
    for (std::uint32_t i = 0; i < groups; ++i) {
        join(state, {2, 20, i}, "g" + std::to_string(i));
    }
    ASSERT_EQ(state.group_count(), groups);
    EXPECT_EQ(move(state, {1}, {2}, {1}).size(), groups);
    EXPECT_EQ(state.group_count(), 0U);
}

TEST(State, last_messages_of_a_node_that_is_going_find_their_group) {
    State state(1);
    configure(state, AIS_CONFIGURATION_REGULAR, {1, 2}, {1, 2}, {});
    join(state, a, "g");
    join(state, b, "g");
    configure(state, AIS_CONFIGURATION_TRANSITIONAL, {1}, {}, {2});
    EXPECT_NE(state.sender(2, {0, 0x100}).group, nullptr);
    const auto changes = configure(state, AIS_CONFIGURATION_REGULAR, {1}, {}, {});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(state.sender(2, {0, 0x100}).group, nullptr);
}

TEST(State, node_that_left_and_is_back_in_the_same_change_is_seen_as_left) {
    State state(1);
    configure(state, AIS_CONFIGURATION_REGULAR, {1, 2}, {1, 2}, {});
    join(state, a, "g");
    join(state, b, "g");
    const auto changes = move(state, {1}, {2}, {1, 2});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_THAT(changes[0].left, ElementsAre(Process{2, 20, Reason::node_down}));

    // It still has its member: the merge brings it as joined.
    State other(2);
    configure(other, AIS_CONFIGURATION_REGULAR, {2}, {2}, {});
    join(other, b, "g");
    const std::string ours = bytes_of(state);
    const std::string theirs = bytes_of(other);
    const auto merged = merged_of({{{1}, ours}, {{2}, theirs}}, state.nodes());
    ASSERT_TRUE(merged);
    const auto joined = state.replace(*merged);
    ASSERT_EQ(joined.size(), 1U);
    EXPECT_THAT(joined[0].joined, ElementsAre(Process{2, 20, Reason::node_up}));
    EXPECT_THAT(joined[0].left, IsEmpty());
}

TEST(State, lowest_node_that_joins_hides_no_departure) {
    // A new node with the lowest id comes in the same change in which another
    // goes; everyone judges by its own transitional configuration.
    State state(3);
    configure(state, AIS_CONFIGURATION_REGULAR, {3, 4}, {3, 4}, {});
    join(state, {3, 1, 0}, "g");
    join(state, {4, 1, 0}, "g");
    const auto changes = move(state, {3}, {4}, {1, 3});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_THAT(changes[0].left, ElementsAre(Process{4, 1, Reason::node_down}));
}

TEST(State, two_hundred_members_are_listed_completely) {
    State state(1);
    std::optional<Change> change;
    for (std::uint32_t i = 0; i < 200; ++i) {
        change = join(state, {1 + i % 3, 1000 + i, i / 3}, "big");
    }
    ASSERT_TRUE(change);
    EXPECT_EQ(members_of(state, "big").size(), 200U);
    EXPECT_EQ(change->joined.size(), 1U);
    configure(state, AIS_CONFIGURATION_REGULAR, {1, 2, 3}, {1, 2, 3}, {});
    const auto changes = move(state, {1}, {2, 3}, {1});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].left.size(), 133U);
    EXPECT_EQ(members_of(state, "big").size(), 67U);
    EXPECT_EQ(changes[0].digest, digest_of_all(members_of(state, "big")));
    EXPECT_EQ(changes[0].audience.size(), 67U);
}

TEST(State, change_of_another_node_has_no_newcomer) {
    State state(1);
    join(state, a, "g");
    const auto change = join(state, b, "g");
    ASSERT_TRUE(change);
    EXPECT_THAT(change->audience, ElementsAre(LocalSeat{0, 0x100}));
    EXPECT_FALSE(change->newcomer);
}

TEST(State, page_of_members_is_what_is_wanted_and_fits) {
    State state(1);
    for (std::uint32_t i = 0; i < 10; ++i) {
        join(state, {1, 100 + i, i}, "g");
    }
    const Group& group = *state.find("g");
    const auto pids = [&group](const MembershipRequest& request, std::size_t bytes_max = page_max) {
        const MembershipPage page = State::page(group, request, bytes_max);
        EXPECT_EQ(page.digest, group.digest);
        EXPECT_EQ(page.total, 10U);
        std::vector<std::uint32_t> list;
        for (const Process& member : page.members) {
            list.push_back(member.pid - 100);
        }
        return list;
    };
    EXPECT_THAT(pids({0, 3, {}}), ElementsAre(0, 1, 2));
    EXPECT_THAT(pids({8, 3, {}}), ElementsAre(8, 9));
    EXPECT_THAT(pids({10, 3, {}}), IsEmpty());
    EXPECT_THAT(pids({0xffffffff, 0xffffffff, {}}), IsEmpty());
    EXPECT_THAT(pids({0, 0, {}}), IsEmpty());
    EXPECT_THAT(pids({4, 9, {}}, MembershipPage::head_size + 2 * 8 + 7), ElementsAre(4, 5));
    EXPECT_THAT(pids({4, 9, {}}, 0), ElementsAre(4));  // one at least, or nobody would get on
}

// What members are told costs what has changed; the list goes to who is new.
TEST(Change, is_as_long_as_what_changed_and_not_as_the_group) {
    State state(1);
    std::optional<Change> change;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        change = join(state, {1, 1000 + i, i}, "big");
    }
    ASSERT_TRUE(change);
    const auto told = change->encode(nullptr, page_max);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(ChangeEvent::number_size + told[0].size(),
              ChangeEvent::head_size + ChangeEvent::process_size);
    const auto to_newcomer = change->encode(state.find("big"), page_max);
    ASSERT_EQ(to_newcomer.size(), 1U);
    EXPECT_EQ(to_newcomer[0].size(), told[0].size() + 1000 * ChangeEvent::member_size);
}

TEST(State, names_are_bytes_with_a_length) {
    State state(1);
    const std::string full(128, 'x');
    const std::string zero("g\0", 2);
    join(state, {1, 1, 0}, full);
    join(state, {1, 1, 1}, zero);
    join(state, {1, 1, 2}, "g");
    EXPECT_EQ(state.group_count(), 3U);
    EXPECT_NE(state.find(full), nullptr);
    EXPECT_NE(state.find(zero), state.find("g"));
}

TEST(Iteration, pages_give_every_entry_once_in_order) {
    State state(1);
    std::vector<Entry> expected;
    for (std::uint32_t i = 0; i < 3000; ++i) {
        const std::string name = "a group with quite a long name, number " + std::to_string(i / 2);
        join(state, {1 + i % 2, 100 + i, i}, name);
        expected.push_back({name, 1 + i % 2, 100 + i});
    }
    std::sort(expected.begin(), expected.end());
    std::vector<Entry> seen;
    IterateRequest request;
    IteratePage page;
    std::size_t pages = 0;
    do {
        page = state.iterate(request);
        seen.insert(seen.end(), page.entries.begin(), page.entries.end());
        request.after = seen.back();
        ++pages;
        Appender bytes;
        page.encode(bytes);
        EXPECT_LE(bytes.size(), page_max);
    } while (page.more);
    EXPECT_EQ(seen, expected);
    EXPECT_GT(pages, 1U);
}

TEST(Iteration, knows_names_only_and_one_group) {
    State state(1);
    join(state, a, "g");
    join(state, b, "g");
    join(state, c, "h");
    EXPECT_THAT(state.iterate({IterationType::name_only, "", {}}).entries,
                ElementsAre(Entry{"g", 0, 0}, Entry{"h", 0, 0}));
    EXPECT_THAT(state.iterate({IterationType::name_only, "", {"g", 0, 0}}).entries,
                ElementsAre(Entry{"h", 0, 0}));
    EXPECT_THAT(state.iterate({IterationType::one_group, "g", {}}).entries,
                ElementsAre(Entry{"g", 1, 10}, Entry{"g", 2, 20}));
    EXPECT_THAT(state.iterate({IterationType::one_group, "g", {"g", 1, 10}}).entries,
                ElementsAre(Entry{"g", 2, 20}));
    EXPECT_THAT(state.iterate({IterationType::one_group, "none", {}}).entries, IsEmpty());
}

TEST(Iteration, goes_on_when_the_place_it_stopped_at_is_gone) {
    State state(1);
    join(state, a, "g");
    join(state, c, "h");
    EXPECT_THAT(state.iterate({IterationType::all, "", {"ga", 9, 9}}).entries,
                ElementsAre(Entry{"h", 3, 30}));
}

TEST(Snapshot, equal_states_give_equal_bytes_however_they_came_about) {
    State one(1);
    join(one, a, "g");
    join(one, b, "g");
    join(one, c, "h");
    State two(2);
    join(two, c, "h");
    join(two, {1, 77, 9}, "temporary");
    join(two, b, "g");
    leave(two, {1, 77, 9});
    join(two, a, "g");
    EXPECT_EQ(bytes_of(one), bytes_of(two));
    const auto restored = restore(as_bytes(bytes_of(one)));
    ASSERT_TRUE(restored);
    EXPECT_EQ(*restored, one.membership());
}

TEST(Snapshot, broken_bytes_are_refused_and_never_fatal) {
    State state(1);
    join(state, a, "g");
    join(state, b, "g");
    join(state, c, "h");
    const std::string good = bytes_of(state);
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(restore(as_bytes(good.substr(0, size)))) << size;
    }
    EXPECT_FALSE(restore(as_bytes(good + "x")));
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const int bit : {0, 3, 7}) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
            const auto restored = restore(as_bytes(bad));
            if (restored) {
                // It is another state, but a proper one.
                EXPECT_EQ(save(*restored), bad);
            }
        }
    }
}

TEST(Snapshot, each_component_speaks_for_its_own_nodes_only) {
    // Component {2} still lists a member of node 1 that is gone on node 1's side.
    State left(1);
    join(left, a, "g");
    State right(2);
    join(right, b, "g");
    join(right, {1, 99, 4}, "stale");
    const std::string of_left = bytes_of(left);
    const std::string of_right = bytes_of(right);
    const std::vector<Saved> forwards = {{{1}, of_left}, {{2}, of_right}};
    const std::vector<Saved> backwards = {{{2}, of_right}, {{1}, of_left}};
    const auto merged = merged_of(forwards, {1, 2});
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->size(), 1U);
    EXPECT_EQ(merged->at("g").size(), 2U);
    EXPECT_EQ(*merged_of(backwards, {1, 2}), *merged);
    EXPECT_EQ(merged_of(forwards, {1})->at("g").size(), 1U);
}

TEST(Snapshot, merge_tells_each_side_of_the_other) {
    State state(1);
    join(state, a, "both");
    join(state, {1, 11, 1}, "mine");
    State other(2);
    join(other, b, "both");
    join(other, {2, 21, 1}, "theirs");
    const std::string mine = bytes_of(state);
    const std::string theirs = bytes_of(other);
    const auto merged = merged_of({{{1}, mine}, {{2}, theirs}}, {1, 2});
    ASSERT_TRUE(merged);
    const auto changes = state.replace(*merged);
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].group, "both");
    EXPECT_THAT(changes[0].joined, ElementsAre(Process{2, 20, Reason::node_up}));
    EXPECT_THAT(changes[0].audience, ElementsAre(LocalSeat{0, 0x100}));
    EXPECT_EQ(changes[1].group, "theirs");
    EXPECT_THAT(changes[1].audience, IsEmpty());
    EXPECT_EQ(state.sender(2, {1, 0x100}).group->name, "theirs");
    EXPECT_EQ(state.sender(1, {1, 0x100}).group->name, "mine");
}

TEST(Snapshot, rejoin_in_between_is_seen_as_left_and_joined) {
    State state(1);
    join(state, a, "g");
    join(state, b, "g");
    Membership merged = state.membership();
    merged["g"][1].instance = 0x101;  // node 2's process left and joined again
    const auto changes = state.replace(merged);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_THAT(changes[0].left, ElementsAre(Process{2, 20, Reason::node_down}));
    EXPECT_THAT(changes[0].joined, ElementsAre(Process{2, 20, Reason::node_up}));
    EXPECT_EQ(members_of(state, "g").size(), 2U);
}

// Many nodes with the same messages, partitions and merges in between: after
// each step all replicas of a component are equal, and every replica's indices
// agree with its lists.
TEST(State, replicas_stay_equal_through_random_histories) {
    constexpr std::uint32_t node_count = 4;
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&random](std::uint32_t n) {
            return static_cast<std::uint32_t>(random() % n);
        };
        std::deque<State> states;
        std::vector<std::vector<std::optional<Who>>> seats(node_count);
        std::vector<Nodes> components;
        std::uint32_t next_instance = 0x100;
        for (ais_node_id node = 1; node <= node_count; ++node) {
            states.emplace_back(node);
            configure(states.back(), AIS_CONFIGURATION_REGULAR, {node}, {node}, {});
            seats[node - 1].resize(5);
            components.push_back({node});
        }
        for (int step = 0; step < 300; ++step) {
            const std::uint32_t what = below(20);
            Nodes& component = components[below(static_cast<std::uint32_t>(components.size()))];
            if (what < 12) {
                const ais_node_id node =
                    component[below(static_cast<std::uint32_t>(component.size()))];
                auto& seat = seats[node - 1][below(5)];
                const auto number = static_cast<std::uint32_t>(&seat - seats[node - 1].data());
                if (seat) {
                    const auto reason = below(2) == 0 ? Reason::leave : Reason::process_down;
                    for (const ais_node_id to : component) {
                        ASSERT_TRUE(leave(states[to - 1], *seat, reason));
                    }
                    seat.reset();
                } else {
                    const Who who{node, 100 + below(3), number, next_instance += 0x100};
                    const std::string group(1, static_cast<char>('a' + below(3)));
                    bool entered = false;
                    for (const ais_node_id to : component) {
                        entered = join(states[to - 1], who, group).has_value();
                    }
                    if (entered) {
                        seat = who;
                    }
                }
            } else if (what < 16 && component.size() > 1) {
                // Split in two.
                const auto at = 1 + below(static_cast<std::uint32_t>(component.size()) - 1);
                std::shuffle(component.begin(), component.end(), random);
                Nodes one(component.begin(), component.begin() + at);
                Nodes two(component.begin() + at, component.end());
                std::sort(one.begin(), one.end());
                std::sort(two.begin(), two.end());
                for (const ais_node_id node : one) {
                    move(states[node - 1], one, two, one);
                }
                for (const ais_node_id node : two) {
                    move(states[node - 1], two, one, two);
                }
                component = one;
                components.push_back(two);
            } else if (components.size() > 1) {
                // The last one joins the first.
                const Nodes one = components.front();
                const Nodes two = components.back();
                Nodes all = one;
                all.insert(all.end(), two.begin(), two.end());
                std::sort(all.begin(), all.end());
                const std::string of_one = bytes_of(states[one.front() - 1]);
                const std::string of_two = bytes_of(states[two.front() - 1]);
                const std::vector<Saved> saves = {{one, of_one}, {two, of_two}};
                for (const ais_node_id node : all) {
                    const bool is_one = std::binary_search(one.begin(), one.end(), node);
                    EXPECT_THAT(move(states[node - 1], is_one ? one : two, {}, all), IsEmpty());
                    const auto merged = merged_of(saves, states[node - 1].nodes());
                    ASSERT_TRUE(merged);
                    for (const Change& change : states[node - 1].replace(*merged)) {
                        EXPECT_THAT(change.left, IsEmpty());
                        EXPECT_FALSE(change.joined.empty());
                    }
                }
                components.pop_back();
                components.front() = all;
            }
            for (const Nodes& equal : components) {
                const std::string first = bytes_of(states[equal.front() - 1]);
                for (const ais_node_id node : equal) {
                    ASSERT_EQ(bytes_of(states[node - 1]), first) << "seed " << seed;
                    std::size_t seated = 0;
                    for (const ais_node_id owner : equal) {
                        for (const auto& seat : seats[owner - 1]) {
                            if (seat) {
                                const auto sender =
                                    states[node - 1].sender(owner, {seat->seat, seat->instance});
                                ASSERT_NE(sender.group, nullptr) << "seed " << seed;
                                ASSERT_EQ(sender.pid, seat->pid);
                                ++seated;
                            }
                        }
                    }
                    ASSERT_EQ(states[node - 1].member_count(), seated) << "seed " << seed;
                    for (const char* name : {"a", "b", "c"}) {
                        const Group* group = states[node - 1].find(name);
                        ASSERT_EQ(group != nullptr ? group->digest : 0,
                                  digest_of_all(members_of(states[node - 1], name)))
                            << "seed " << seed;
                    }
                }
            }
        }
    }
}

}  // namespace
}  // namespace ais::cpg
