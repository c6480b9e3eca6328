// SPDX-License-Identifier: BSD-3-Clause
//
// Snapshots, merges, and random histories of several replicas.

#include "snapshot.hpp"

#include "parts.hpp"
#include "state.hpp"
#include "test_support.hpp"

#include <ais/testing/part_exchange.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>

namespace ais::ckpt {
namespace {

Attributes kept(std::int64_t retention, std::uint32_t flags = wr_all_replicas) {
    Attributes attributes = attributes_of(flags);
    attributes.retention = retention;
    return attributes;
}

Image image_of(const State& state) {
    auto restored = restore(as_bytes(save(state.image())));
    EXPECT_TRUE(restored) << (restored ? "" : restored.error().text);
    return restored.take();
}

// Both sides had {1, 2, 3}; now each has its own ring.
struct Divided {
    State state;
    Divided(std::uint64_t ring, const Nodes& members) {
        configure(state, AIS_CONFIGURATION_REGULAR, ring, members);
    }
};

std::string bytes_in(const State& state, const HandleId& who, std::string_view id) {
    const Checkpoint* checkpoint = state.find(who);
    return checkpoint == nullptr ? "(closed)" : text_of(*checkpoint, id);
}

State& filled(State& state) {
    configure(state, AIS_CONFIGURATION_REGULAR, 4, {1, 2});
    const HandleId one{1, 5, 1};
    const HandleId two{2, 6, 1};
    const HandleId weak{2, 6, 2};
    state.open(one, create_of(1, "alpha", kept(5)), 11);
    state.create(one, data_of("s", std::string(100, 'x')), 900, 12);
    state.create(one, data_of("", "generated"), time_end, 13);
    state.open(two, open_of(1, "alpha", open_read | open_write), 14);
    state.begin(two, {Kind::write, time_end, {{"s", 0, 4}}}, 15);
    state.piece(two, {1, 0, 0, as_bytes("AB")}, 15);
    state.open(weak, create_of(2, "weak", kept(0, wr_active_replica_weak | collocated)), 16);
    state.set_active(weak);
    state.create(weak, data_of("w", "0123"), time_end, 16);
    state.begin(weak, {Kind::write, time_end, {{"w", 0, 4}}}, 16);
    state.piece(weak, {2, 0, 0, as_bytes("AB")}, 16);
    state.open({1, 5, 3}, create_of(3, "gone", kept(7)), 17);
    state.unlink("gone");
    state.open({1, 5, 4}, create_of(4, "waits", kept(7)), 17);
    state.close({1, 5, 4});
    return state;
}

TEST(Snapshot, restored_state_saves_the_same_bytes) {
    State state;
    const std::string bytes = save(filled(state).image());
    const auto restored = restore(as_bytes(bytes));
    ASSERT_TRUE(restored) << restored.error().text;
    EXPECT_EQ(save(*restored), bytes);
    EXPECT_EQ(restored->checkpoints.size(), 4U);
}

TEST(Snapshot, restored_state_goes_on_as_the_original) {
    State state;
    filled(state);
    State other;
    configure(other, AIS_CONFIGURATION_REGULAR, 4, {1, 2});
    other.replace(image_of(state));
    for (State* each : {&state, &other}) {
        each->piece({2, 6, 1}, {1, 0, 2, as_bytes("CD")}, 20);
        EXPECT_EQ(each->finish({2, 6, 1}, 20).error, Error::ok);
        each->depart(2, 6);
        EXPECT_EQ(each->open({1, 5, 9}, create_of(9, "next", kept(0)), 21), Error::ok);
    }
    EXPECT_EQ(save(other.image()), save(state.image()));
    EXPECT_EQ(other.bytes_used(), state.bytes_used());
    EXPECT_EQ(other.all_timers().size(), state.all_timers().size());
}

TEST(Snapshot, large_sections_are_handed_out_uncopied) {
    State state;
    configure(state, AIS_CONFIGURATION_REGULAR, 4, {1});
    state.open({1, 1, 1}, create_of(1, "a", attributes_of(wr_all_replicas, 2, 1U << 20)), 1);
    state.create({1, 1, 1}, data_of("s", std::string(1U << 20, 'x')), time_end, 1);
    const char* there = state.find({1, 1, 1})->find("s")->bytes->data();
    bool seen = false;
    save(state.image(),
         [&](Bytes piece) { seen = seen || reinterpret_cast<const char*>(piece.data()) == there; });
    EXPECT_TRUE(seen);
}

TEST(Snapshot, broken_bytes_are_refused_and_never_fatal) {
    State state;
    const std::string good = save(filled(state).image());
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

struct MergeTest : testing::Test {
    // {1, 2} and {3}, each with a checkpoint "a" of its own.
    MergeTest() : big(8, {1, 2}), small(12, {3}) {}

    void create_both(const Attributes& of_big, const Attributes& of_small) {
        big.state.open(one, create_of(1, "a", of_big), 1);
        big.state.create(one, data_of("s", "big"), time_end, 1);
        small.state.open(three, create_of(1, "a", of_small), 1);
        small.state.create(three, data_of("s", "small"), time_end, 1);
    }
    void merge_them() {
        for (int order = 0; order < 2; ++order) {
            State merged;
            configure(big.state, AIS_CONFIGURATION_REGULAR, 16, {1, 2, 3});
            configure(small.state, AIS_CONFIGURATION_REGULAR, 16, {1, 2, 3});
            std::vector<Component> components;
            components.push_back({{1, 2}, image_of(big.state)});
            components.push_back({{3}, image_of(small.state)});
            if (order == 1) {
                std::swap(components[0], components[1]);
            }
            const Nodes nodes{1, 2, 3};
            result[order].replace(merge(std::move(components), nodes));
        }
        EXPECT_EQ(save(result[0].image()), save(result[1].image()));
    }

    const HandleId one{1, 5, 1};
    const HandleId two{2, 5, 1};
    const HandleId three{3, 9, 1};
    Divided big;
    Divided small;
    State result[2];
};

TEST_F(MergeTest, larger_component_is_believed_and_the_other_goes_over) {
    create_both(kept(0), kept(0));
    merge_them();
    EXPECT_EQ(bytes_in(result[0], one, "s"), "big");
    EXPECT_EQ(bytes_in(result[0], three, "s"), "big");
    EXPECT_EQ(result[0].find(one)->openers, 2U);
}

TEST_F(MergeTest, handle_of_a_loser_with_other_attributes_is_closed) {
    create_both(kept(0), attributes_of(wr_active_replica));
    merge_them();
    EXPECT_EQ(bytes_in(result[0], one, "s"), "big");
    EXPECT_FALSE(result[0].has(three));
    EXPECT_EQ(result[0].image().checkpoints.size(), 1U);
}

TEST_F(MergeTest, names_of_one_side_only_are_there_afterwards) {
    big.state.open(one, create_of(1, "b", kept(0)), 1);
    small.state.open(three, create_of(1, "c", kept(9)), 1);
    small.state.close(three);
    merge_them();
    EXPECT_EQ(result[0].open(two, open_of(1, "b"), 1), Error::ok);
    EXPECT_EQ(result[0].open(three, open_of(1, "c"), 1), Error::ok);
}

TEST_F(MergeTest, equal_size_is_decided_by_the_lowest_member) {
    std::vector<Component> components;
    for (const ais_node_id node : {4U, 2U}) {
        State state;
        configure(state, AIS_CONFIGURATION_REGULAR, 4 + node, {node});
        state.open({node, 1, 1}, create_of(1, "a", kept(0)), 1);
        state.create({node, 1, 1}, data_of("s", std::to_string(node)), time_end, 1);
        components.push_back({{node}, image_of(state)});
    }
    State merged;
    const Nodes nodes{2, 4};
    merged.replace(merge(std::move(components), nodes));
    EXPECT_EQ(bytes_in(merged, {4, 1, 1}, "s"), "2");
}

TEST_F(MergeTest, one_object_that_both_sides_changed_is_that_of_the_larger_one) {
    // Made before the division: the same object on both sides.
    State before;
    configure(before, AIS_CONFIGURATION_REGULAR, 4, {1, 2, 3});
    before.open(one, create_of(1, "a", kept(1000)), 1);
    before.open(three, open_of(1, "a"), 1);
    before.create(one, data_of("s", "before"), time_end, 1);
    big.state.replace(image_of(before));
    small.state.replace(image_of(before));
    configure(big.state, AIS_CONFIGURATION_TRANSITIONAL, 4, {1, 2}, {3});
    configure(big.state, AIS_CONFIGURATION_REGULAR, 8, {1, 2});
    configure(small.state, AIS_CONFIGURATION_TRANSITIONAL, 4, {3}, {1, 2});
    configure(small.state, AIS_CONFIGURATION_REGULAR, 12, {3});
    big.state.overwrite(one, data_of("s", "big"), 1);
    small.state.overwrite(three, data_of("s", "small"), 1);
    big.state.close(one);  // nobody has it open there: it waits for its end
    const auto waiting = big.state.all_timers();
    ASSERT_EQ(waiting.size(), 1U);
    merge_them();
    EXPECT_EQ(bytes_in(result[0], three, "s"), "big");
    EXPECT_EQ(result[0].find(three)->openers, 1U);
    EXPECT_FALSE(result[0].expire(waiting[0].timer));
}

TEST_F(MergeTest, timers_of_the_two_sides_are_never_taken_for_each_other) {
    State before;
    configure(before, AIS_CONFIGURATION_REGULAR, 4, {1, 2, 3});
    before.open(one, create_of(1, "a", kept(1000)), 1);
    before.open(three, open_of(1, "a"), 1);
    big.state.replace(image_of(before));
    small.state.replace(image_of(before));
    configure(big.state, AIS_CONFIGURATION_REGULAR, 8, {1, 2});
    configure(small.state, AIS_CONFIGURATION_REGULAR, 12, {3});
    big.state.close(one);
    small.state.close(three);
    const Expire of_big = big.state.all_timers().at(0).timer;
    const Expire of_small = small.state.all_timers().at(0).timer;
    merge_them();
    EXPECT_FALSE(result[0].expire(of_small));
    EXPECT_TRUE(result[0].expire(of_big));
}

TEST_F(MergeTest, each_component_speaks_for_its_own_nodes_only) {
    create_both(kept(0), kept(0));
    small.state.open(two, create_of(1, "stale", kept(0)), 1);  // a handle of a node elsewhere
    merge_them();
    EXPECT_FALSE(result[0].has(two));
    EXPECT_EQ(result[0].open({1, 1, 8}, open_of(8, "stale"), 1), Error::not_exist);
}

TEST_F(MergeTest, large_write_that_was_under_way_goes_on) {
    create_both(kept(0), kept(0));
    small.state.begin(three, {Kind::overwrite, time_end, {{"s", 0, 4}}}, 1);
    small.state.piece(three, {1, 0, 0, as_bytes("ab")}, 1);
    merge_them();
    result[0].piece(three, {1, 0, 2, as_bytes("cd")}, 1);
    EXPECT_EQ(result[0].finish(three, 1).error, Error::ok);
    EXPECT_EQ(bytes_in(result[0], one, "s"), "abcd");
}

// Several replicas with the same messages, partitions and merges in between, and
// a model: names and texts per component.
class History {
  public:
    explicit History(std::uint32_t seed) : random_(seed) {
        for (ais_node_id node = 1; node <= node_count; ++node) {
            states_.emplace_back();
            configure(states_.back(), AIS_CONFIGURATION_REGULAR, ++ring_ * 4, {node});
            components_.push_back({node});
        }
    }
    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            const std::uint32_t what = below(20);
            Nodes& component = components_[below(static_cast<std::uint32_t>(components_.size()))];
            if (what < 16) {
                operation(component);
            } else if (what < 18 && component.size() > 1) {
                split(component);
            } else if (components_.size() > 1) {
                join();
            }
            check();
            if (testing::Test::HasFatalFailure()) {
                return;
            }
        }
    }

  private:
    static constexpr std::uint32_t node_count = 4;

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    State& state(ais_node_id node) { return states_[node - 1]; }

    template <typename Operation>
    void on_all(const Nodes& component, Operation operation) {
        Error first = Error::ok;
        for (std::size_t i = 0; i < component.size(); ++i) {
            const Error error = operation(state(component[i]));
            if (i == 0) {
                first = error;
            }
            ASSERT_EQ(error, first);
        }
    }

    void operation(const Nodes& component) {
        const ais_node_id node = component[below(static_cast<std::uint32_t>(component.size()))];
        const HandleId who{node, 1 + below(2), 1 + below(3)};
        const std::string name(1, static_cast<char>('a' + below(3)));
        const std::string id(1, static_cast<char>('s' + below(3)));
        const std::string text(below(20), static_cast<char>('A' + below(26)));
        const std::uint32_t kinds[] = {
            wr_all_replicas, wr_active_replica_weak, wr_active_replica | collocated};
        const Attributes attributes = kept(below(2) * 100, kinds[below(3)]);
        const std::int64_t stamp = ++clock_;
        const std::int64_t expiration = below(2) == 0 ? time_end : clock_ + 100;
        const std::uint32_t offset = below(5);
        const Plan plan{Kind::write, time_end, {{id, 0, 6}}};
        const std::uint32_t what = below(13);
        on_all(component, [&](State& at) {
            switch (what) {
                case 0:
                case 1:
                    return at.open(who, create_of(who.number, name, attributes), stamp);
                case 2:
                    return at.close(who);
                case 3:
                    return at.unlink(name);
                case 4:
                    at.depart(who.node, who.connection);
                    return Error::ok;
                case 5:
                case 6:
                    return at.create(who, data_of(id, text), expiration, stamp).error;
                case 7:
                    return at.write(who, std::vector<Data>{data_of(id, text, offset)}, stamp).error;
                case 8:
                    return at.overwrite(who, data_of(id, text), stamp).error;
                case 9:
                    return at.set_active(who);
                case 10:
                    at.begin(who, plan, stamp);
                    at.piece(who, {who.number, 0, 0, as_bytes("abc")}, stamp);
                    return Error::ok;
                case 11:
                    at.piece(who, {who.number, 0, 3, as_bytes("def")}, stamp);
                    return at.finish(who, stamp).error;
                default: {
                    const auto timers = at.all_timers();
                    return timers.empty() || at.expire(timers[stamp % timers.size()].timer)
                               ? Error::ok
                               : Error::library;
                }
            }
        });
    }

    void move(ais_node_id node, const Nodes& from, const Nodes& left, const Nodes& to) {
        configure(state(node), AIS_CONFIGURATION_TRANSITIONAL, ring_ * 4, from, left);
        configure(state(node), AIS_CONFIGURATION_REGULAR, ring_ * 4, to);
    }

    void split(Nodes& component) {
        const auto at = 1 + below(static_cast<std::uint32_t>(component.size()) - 1);
        std::shuffle(component.begin(), component.end(), random_);
        Nodes one(component.begin(), component.begin() + at);
        Nodes two(component.begin() + at, component.end());
        std::sort(one.begin(), one.end());
        std::sort(two.begin(), two.end());
        ++ring_;
        for (const ais_node_id node : one) {
            move(node, one, two, one);
        }
        ++ring_;
        for (const ais_node_id node : two) {
            move(node, two, one, two);
        }
        component = one;
        components_.push_back(two);
    }

    void join() {
        const Nodes one = components_.front();
        const Nodes two = components_.back();
        Nodes all = one;
        all.insert(all.end(), two.begin(), two.end());
        std::sort(all.begin(), all.end());
        ++ring_;
        for (const ais_node_id node : all) {
            move(node, std::binary_search(one.begin(), one.end(), node) ? one : two, {}, all);
        }
        const Nodes& winner =
            one.size() > two.size() || (one.size() == two.size() && one < two) ? one : two;
        const auto of_winner = names_of(state(winner.front()));
        const std::string of_one = save(state(one.front()).image());
        const std::string of_two = save(state(two.front()).image());
        const std::string expected = merged_by_snapshots(one, two, of_one, of_two, all);
        if (below(2) == 0) {
            merge_by_parts(one, two, all);
        } else {
            for (const ais_node_id node : all) {
                const bool is_one = std::binary_search(one.begin(), one.end(), node);
                std::vector<Component> components;
                // As the service does it: the own state is taken, not read.
                components.push_back(
                    {one, is_one ? state(node).take_image() : restore(as_bytes(of_one)).take()});
                components.push_back(
                    {two, is_one ? restore(as_bytes(of_two)).take() : state(node).take_image()});
                state(node).replace(merge(std::move(components), all));
            }
        }
        ASSERT_EQ(save(state(all.front()).image()), expected);
        // What the winner had under a name is there, byte by byte.
        const auto merged = names_of(state(all.front()));
        for (const auto& [name, content] : of_winner) {
            const auto found = merged.find(name);
            ASSERT_TRUE(found != merged.end()) << name;
            ASSERT_EQ(found->second, content) << name;
        }
        components_.pop_back();
        components_.front() = all;
    }

    static std::string merged_by_snapshots(const Nodes& one,
                                           const Nodes& two,
                                           const std::string& of_one,
                                           const std::string& of_two,
                                           const Nodes& all) {
        std::vector<Component> components;
        components.push_back({one, restore(as_bytes(of_one)).take()});
        components.push_back({two, restore(as_bytes(of_two)).take()});
        State merged;
        merged.replace(merge(std::move(components), all));
        return save(merged.image());
    }

    void merge_by_parts(const Nodes& one, const Nodes& two, const Nodes& all) {
        std::map<ais_node_id, Parts> parts;
        for (const ais_node_id node : all) {
            // Small enough that sections and writes under way have several chunks.
            parts.emplace(node, Parts(4, 3));
        }
        const auto moved = exchange_parts(
            {one, two},
            parts,
            [&](ais_node_id node) -> const Image& { return state(node).image(); },
            random_);
        ASSERT_TRUE(moved.is_well) << moved.names.back();
        for (const ais_node_id node : all) {
            std::vector<Component> components;
            for (std::size_t i = 0; i < 2; ++i) {
                auto image = parts.at(node).image_of(i);
                ASSERT_TRUE(image);
                components.push_back({i == 0 ? one : two, std::move(*image)});
            }
            state(node).replace(merge(std::move(components), all));
        }
    }

    // Name → all its sections.
    static std::map<std::string, std::string> names_of(const State& state) {
        std::map<std::string, std::string> all;
        for (const auto& [id, checkpoint] : state.image().checkpoints) {
            if (checkpoint.is_linked) {
                std::string content;
                for (const auto& [section, what] : checkpoint.sections) {
                    content += section + "=" + *what.bytes + ";";
                }
                all[checkpoint.name] = content;
            }
        }
        return all;
    }

    void check() {
        for (const Nodes& equal : components_) {
            const State& first = state(equal.front());
            const std::string bytes = save(first.image());
            for (const ais_node_id node : equal) {
                ASSERT_EQ(save(state(node).image()), bytes);
                ASSERT_EQ(state(node).bytes_used(), first.bytes_used());
                ASSERT_EQ(state(node).bytes_kept(), first.bytes_kept());
            }
            // The invariants of state.hpp, as a reader of snapshots checks them.
            const auto restored = restore(as_bytes(bytes));
            ASSERT_TRUE(restored) << restored.error().text;
            std::uint64_t sum = 0;
            std::uint64_t kept_bytes = 0;
            for (const auto& [id, checkpoint] : first.image().checkpoints) {
                sum += checkpoint.used;
                kept_bytes += checkpoint_cost;
                for (const auto& [section, what] : checkpoint.sections) {
                    kept_bytes += section_cost + section.size();
                }
                ASSERT_EQ(checkpoint.openers, restored->checkpoints.at(id).openers);
            }
            for (const auto& [who, opener] : first.image().openers) {
                if (opener.transfer != nullptr) {
                    for (const Blob& blob : opener.transfer->staged) {
                        sum += blob->size();
                    }
                }
            }
            ASSERT_EQ(first.bytes_used(), sum);
            ASSERT_EQ(first.bytes_kept(), kept_bytes);
        }
    }

    std::mt19937 random_;
    std::deque<State> states_;
    std::vector<Nodes> components_;
    std::uint64_t ring_ = 0;
    std::int64_t clock_ = 1000;
};

TEST(Snapshot, replicas_stay_equal_through_random_histories) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        History(seed).run(400);
        if (HasFatalFailure()) {
            return;
        }
    }
}

}  // namespace
}  // namespace ais::ckpt
