// SPDX-License-Identifier: BSD-3-Clause
//
// A state cut into parts and put together again, by itself and in random histories of several
// replicas, which must come to the same state as by snapshots.

#include "parts.hpp"

#include "snapshot.hpp"
#include "state.hpp"

#include <ais/testing/part_exchange.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace ais::msg {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Nodes = std::vector<ais_node_id>;

std::string encoded(std::string_view data, std::uint8_t priority) {
    Message message;
    message.priority = priority;
    Appender out;
    message.encode_head(out);
    out.bytes(as_bytes(data));
    return out.take();
}

Stored stored(std::uint64_t number,
              std::string_view data = "data",
              std::uint8_t priority = 0,
              bool is_taken = false) {
    return {{1, 1, number},
            std::make_shared<const std::string>(encoded(data, priority)),
            0,
            data.size(),
            is_taken};
}

QueueImage queue(std::uint64_t number, std::vector<Stored> messages = {}) {
    QueueImage one;
    one.id = {1, number};
    one.name = "q" + std::to_string(number);
    one.attributes = {creation_persistent, {1U << 20, 1U << 20, 1U << 20, 1U << 20}, 0};
    one.thresholds = {one.attributes.sizes, one.attributes.sizes};
    one.owner = {1, number};
    one.areas[0] = std::move(messages);
    return one;
}

Image everything() {
    Image image;
    image.clock = 9;
    image.time_of_day = 8;
    image.queues = {queue(1, {stored(4), stored(2, "large enough", 0, true), stored(3, "")}),
                    queue(2)};
    image.queues[0].areas[2] = {stored(9, "nine", 2), stored(1, "one", 2)};
    image.queues[0].removed[{3, 2, 1}] = 4;
    image.queues[0].reached = 2;
    image.queues[1].areas[0] = {stored(4)};  // a broadcast
    image.queues[1].owner = {};
    image.queues[1].closed_at = 5;
    image.groups = {{"g", Policy::broadcast, 6, {{{1, 2}, 6}, {{1, 1}, 0}}},
                    {"h", Policy::round_robin, 0, {}}};
    image.requests = {{(1ULL << 32) | 1, 10}, {(1ULL << 32) | 2, 11}};
    image.refused = {{1, 1, 3}, {2, 1, 1}};
    return image;
}

std::string bytes_of(const Parts& parts, std::string_view name) {
    std::string bytes;
    EXPECT_TRUE(parts.save(name, [&](Bytes piece) { bytes.append(as_text(piece)); }));
    return bytes;
}

std::map<std::string, std::string> cut(Parts& parts, const Image& image) {
    std::map<std::string, std::string> all;
    for (const auto& [name, listed] : parts.list(image)) {
        all[name] = bytes_of(parts, name);
        EXPECT_NE(listed.digest, 0U);
    }
    return all;
}

bool take(Parts& parts, std::string_view name, std::string_view bytes) {
    const PartState state{.bytes = as_bytes(bytes)};
    return parts.take(name, {&state, 1});
}

// Of one component that sends all.
std::optional<Image> joined(Parts& parts, const std::map<std::string, std::string>& all) {
    parts.forget();
    parts.begin(1);
    for (const auto& [name, bytes] : all) {
        if (!take(parts, name, bytes)) {
            return std::nullopt;
        }
    }
    return parts.image_of(0);
}

std::string kinds_of(const std::vector<std::string>& names) {
    std::string kinds;
    for (const std::string& name : names) {
        kinds += name[0];
    }
    std::sort(kinds.begin(), kinds.end());
    return kinds;
}

TEST(MsgParts, come_back_as_they_were) {
    for (const std::size_t run : {std::size_t{1}, std::size_t{1} << 20}) {
        Parts parts(run, 30);
        const auto all = cut(parts, everything());
        const auto again = joined(parts, all);
        ASSERT_TRUE(again);
        EXPECT_EQ(save(*again), save(everything()));
    }
}

TEST(MsgParts, of_nothing_are_a_header) {
    Parts parts;
    EXPECT_EQ(cut(parts, {}).size(), 1U);
    EXPECT_FALSE(parts.has_changes());
}

TEST(MsgParts, have_the_bytes_of_a_broadcast_once) {
    Image image;
    for (std::uint64_t i = 1; i <= 5; ++i) {
        image.queues.push_back(queue(i, {stored(1, std::string(70000, 'x'))}));
    }
    Parts parts;
    std::size_t large = 0;
    for (const auto& [name, bytes] : cut(parts, image)) {
        large += name[0] == 'D' ? 1 : 0;
    }
    EXPECT_EQ(large, 1U);
    const auto again = joined(parts, cut(parts, image));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->queues[0].areas[0][0].bytes, again->queues[4].areas[0][0].bytes);
}

TEST(MsgParts, have_a_bound_whatever_is_in_a_bucket) {
    Image image;
    std::vector<Stored> messages;
    for (std::uint64_t i = 1; i <= 20000; ++i) {
        messages.push_back(stored(i, std::string(i % 100, 'x')));
    }
    image.queues = {queue(1, std::move(messages))};
    Parts parts(150, 100);
    std::size_t runs = 0;
    const auto all = cut(parts, image);
    for (const auto& [name, bytes] : all) {
        EXPECT_LE(bytes.size(), 400U) << name[0];
        runs += name[0] == 'P' && name[4] != 0 ? 1 : 0;
    }
    EXPECT_GT(runs, 100U);
    const auto again = joined(parts, all);
    ASSERT_TRUE(again);
    EXPECT_EQ(save(*again), save(image));
}

TEST(MsgParts, move_what_differs_and_nothing_else) {
    std::vector<Stored> messages;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        messages.push_back(stored(i, std::string(1000, 'x')));
    }
    const auto moves = [&](auto change) {
        Image one;
        one.queues = {queue(1, messages), queue(2, messages)};
        Image two = one;
        change(two);
        std::map<ais_node_id, Parts> parts;
        parts.emplace(1, Parts());
        parts.emplace(2, Parts());
        std::mt19937 random(1);
        const auto moved = exchange_parts(
            {{1}, {2}}, parts, [&](ais_node_id node) { return node == 1 ? one : two; }, random);
        EXPECT_TRUE(moved.is_well);
        for (auto& [node, mine] : parts) {
            EXPECT_EQ(save(mine.image_of(0).value()), save(one));
            EXPECT_EQ(save(mine.image_of(1).value()), save(two));
        }
        return kinds_of(moved.names);
    };
    EXPECT_EQ(moves([](Image&) {}), "");
    EXPECT_EQ(moves([](Image& image) { image.clock = 1; }), "H");
    EXPECT_EQ(moves([](Image& image) { image.queues[0].areas[0][500].is_taken = true; }), "P");
    // It is in the other queue still, so its bytes stay: its own place goes, and that of the next
    // changes.
    EXPECT_EQ(moves([](Image& image) {
                  image.queues[0].areas[0].erase(image.queues[0].areas[0].begin());
              }),
              "PP");
    EXPECT_EQ(moves([](Image& image) { image.queues[1].areas[0].push_back(stored(5000)); }), "BP");
    EXPECT_EQ(moves([](Image& image) {
                  image.queues[1].areas[0].push_back(stored(5000, std::string(1U << 20, 'y')));
              }),
              "DP");
    EXPECT_EQ(moves([](Image& image) { image.requests[1] = 2; }), "R");
    EXPECT_EQ(moves([](Image& image) {
                  image.groups.push_back({"g", Policy::broadcast, 0, {}});
              }),
              "G");
    EXPECT_EQ(moves([](Image& image) { image.queues[1].closings = 7; }), "Q");
}

// A member whose numbers are not its own: the same on all nodes, and nobody stops.
TEST(MsgParts, tell_messages_apart_that_have_one_id) {
    Image image;
    image.queues = {queue(1, {stored(1, "one")}), queue(2, {stored(1, "another", 0)})};
    image.queues[1].areas[1] = {stored(2, "two", 1)};
    Parts parts;
    const auto again = joined(parts, cut(parts, image));
    ASSERT_TRUE(again);
    EXPECT_EQ(save(*again), save(image));
}

TEST(MsgParts, that_are_cut_off_or_longer_are_refused) {
    Parts source(1U << 20, 30);
    for (const auto& [name, bytes] : cut(source, everything())) {
        Parts parts(1U << 20, 30);
        parts.begin(1);
        ASSERT_TRUE(take(parts, name, bytes));
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            EXPECT_FALSE(take(parts, name, std::string_view(bytes).substr(0, size)))
                << name[0] << size;
        }
        EXPECT_FALSE(take(parts, name, bytes + "x")) << name[0];
        EXPECT_FALSE(take(parts, name + "x", bytes)) << name[0];
        EXPECT_FALSE(take(parts, "", bytes));
        EXPECT_FALSE(take(parts, "Z" + name.substr(1), bytes)) << name[0];
        const PartState of_nobody{.component = 1, .bytes = as_bytes(bytes)};
        EXPECT_FALSE(parts.take(name, {&of_nobody, 1}));
        const PartState not_here{.is_here = true};
        EXPECT_FALSE(parts.take(name, {&not_here, 1}));
    }
}

TEST(MsgParts, with_a_wrong_bit_are_refused_or_another_state_and_never_fatal) {
    Parts source(1U << 20, 30);
    const auto all = cut(source, everything());
    for (const auto& [name, bytes] : all) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (const int bit : {0, 3, 7}) {
                auto bad = all;
                bad[name][i] = static_cast<char>(bad[name][i] ^ (1 << bit));
                Parts parts(1U << 20, 30);
                if (const auto image = joined(parts, bad)) {
                    EXPECT_TRUE(restore(as_bytes(save(*image)))) << name[0] << i;
                }
            }
        }
    }
}

TEST(MsgParts, that_lack_a_part_do_not_fit_together) {
    Parts source(1, 30);
    const auto all = cut(source, everything());
    for (const auto& [name, bytes] : all) {
        auto some = all;
        some.erase(name);
        Parts parts(1, 30);
        const auto image = joined(parts, some);
        // Without its last message, its marks or a request a state is one as well.
        if (name[0] == 'B' || name[0] == 'D' || name[0] == 'Q') {
            EXPECT_FALSE(image) << name[0];
        } else if (image) {
            EXPECT_TRUE(restore(as_bytes(save(*image))));
        }
    }
}

TEST(MsgParts, of_an_area_that_is_no_chain_do_not_fit_together) {
    Parts parts;
    Image image;
    image.queues = {queue(1, {stored(1), stored(2), stored(3)})};
    Image other = image;
    other.queues[0].areas[0] = {stored(2), stored(1)};  // 2 is the first as well, and 1 follows it
    const auto all = cut(parts, image);
    const auto others = cut(parts, other);
    std::size_t tried = 0;
    for (const auto& [name, bytes] : others) {
        if (name[0] == 'P') {
            auto mixed = all;
            mixed[name] = bytes;
            EXPECT_FALSE(joined(parts, mixed));
            ++tried;
        }
    }
    EXPECT_EQ(tried, 2U);
}

void configure(State& state, std::uint32_t kind, const Nodes& members, const Nodes& left = {}) {
    ais_configuration now{};
    now.struct_size = sizeof now;
    now.kind = kind;
    now.members = members.data();
    now.member_count = static_cast<std::uint32_t>(members.size());
    now.left = left.data();
    now.left_count = static_cast<std::uint32_t>(left.size());
    state.configure(now);
}

// Four nodes in components that split and come together; all members of a component do the same.
class MsgHistory {
  public:
    explicit MsgHistory(std::uint32_t seed) : random_(seed) {
        for (ais_node_id node = 1; node <= node_count; ++node) {
            configure(states_.emplace_back(node), AIS_CONFIGURATION_REGULAR, {node});
            components_.push_back({node});
        }
    }
    void run(int steps) {
        for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
            const std::uint32_t what = below(20);
            Nodes& component = components_[below(static_cast<std::uint32_t>(components_.size()))];
            if (what < 17) {
                operation(component);
            } else if (what < 18 && component.size() > 1) {
                split(component);
            } else if (components_.size() > 1) {
                join();
            }
            check();
        }
    }
    std::size_t most_messages = 0;

  private:
    static constexpr ais_node_id node_count = 4;

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    State& state(ais_node_id node) { return states_[node - 1]; }

    template <typename Operation>
    void on_all(const Nodes& component, Operation operation) {
        SaAisErrorT first = SA_AIS_OK;
        for (std::size_t i = 0; i < component.size(); ++i) {
            const SaAisErrorT error = operation(state(component[i]));
            first = i == 0 ? error : first;
            ASSERT_EQ(error, first);
        }
    }

    SaAisErrorT send(State& at, ais_node_id node, std::string_view to, std::uint8_t priority) {
        const std::string bytes = encoded(std::string(sequence_ % 50, 'd'), priority);
        Message message;
        EXPECT_TRUE(Message::decode(as_bytes(bytes), message));
        const std::uint64_t reply_to =
            sequence_ % 7 == 0 ? std::uint64_t{node} << 32 | sequence_ : 0;
        return at.send(node, {7, sequence_, reply_to, any_size, to, as_bytes(bytes)}, message)
            .error;
    }

    // What an open may take, or confirm: some message of its queue.
    MessageId any_message(ais_node_id node, OpenId open) {
        const Queue* queue = state(node).queue_of(open);
        if (queue == nullptr || queue->message_count() == 0) {
            return {};
        }
        std::uint32_t wanted = below(static_cast<std::uint32_t>(queue->message_count()));
        for (const auto& area : queue->areas()) {
            for (const auto& [place, message] : area) {
                if (wanted-- == 0) {
                    return message.id;
                }
            }
        }
        return {};
    }

    void operation(const Nodes& component) {
        const ais_node_id node = component[below(static_cast<std::uint32_t>(component.size()))];
        const std::string name(1, static_cast<char>('a' + below(4)));
        const std::string group(1, static_cast<char>('G' + below(2)));
        const std::uint64_t number = 1 + below(4);
        const auto priority = static_cast<std::uint8_t>(below(priorities));
        const Attributes attributes{
            below(2) == 0 ? creation_persistent : 0, {300, 300, 300, 300}, below(2) * 1000};
        const std::uint32_t flags = below(8) == 0 ? flag_create | flag_empty : flag_create;
        const MessageId id = any_message(component.front(), {node, number});
        const std::uint32_t what = below(24);
        const std::uint32_t which = below(3);
        ++sequence_;
        on_all(component, [&](State& at) {
            switch (what) {
                case 0:
                case 1:
                    return at.open(node, {number, flags, attributes, name});
                case 2:
                    at.close(node, number, static_cast<std::int64_t>(sequence_));
                    return SA_AIS_OK;
                case 3:
                    return which == 0 ? at.unlink(name) : SA_AIS_OK;
                case 4:
                    return at.group_create(group, static_cast<Policy>(1 + which));
                case 5:
                    return at.group_insert(group, name);
                case 6:
                    return at.group_remove(group, name);
                case 7:
                    return which == 0 ? at.group_delete(group) : SA_AIS_OK;
                case 8:
                    return send(at, node, group, priority);
                case 9:
                    at.tick(1'000'000'000, static_cast<std::int64_t>(sequence_));
                    return SA_AIS_OK;
                case 10: {
                    std::vector<Closing> closings;
                    for (const auto& [closing, deadline] : at.deadlines()) {
                        closings.push_back(closing);
                    }
                    if (which == 0) {
                        at.expire(closings);
                    }
                    return SA_AIS_OK;
                }
                case 11:
                case 12:
                case 13:
                    return at.take(node, {number, id}) != nullptr ? SA_AIS_OK
                                                                  : SA_AIS_ERR_NOT_EXIST;
                case 14:
                case 15:
                    at.got(node, {number, id, name});
                    return SA_AIS_OK;
                default:
                    return send(at, node, name, priority);
            }
        });
    }

    void move(ais_node_id node, const Nodes& from, const Nodes& left, const Nodes& to) {
        configure(state(node), AIS_CONFIGURATION_TRANSITIONAL, from, left);
        configure(state(node), AIS_CONFIGURATION_REGULAR, to);
    }

    void split(Nodes& component) {
        const auto at = 1 + below(static_cast<std::uint32_t>(component.size()) - 1);
        std::shuffle(component.begin(), component.end(), random_);
        Nodes one(component.begin(), component.begin() + at);
        Nodes two(component.begin() + at, component.end());
        std::sort(one.begin(), one.end());
        std::sort(two.begin(), two.end());
        for (const ais_node_id node : one) {
            configure(state(node), AIS_CONFIGURATION_TRANSITIONAL, one, two);
        }
        // What is refused now is remembered.
        ++sequence_;
        for (const ais_node_id node : one) {
            send(state(node), one.front(), "a", 0);
            configure(state(node), AIS_CONFIGURATION_REGULAR, one);
        }
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
        for (const ais_node_id node : all) {
            move(node, std::binary_search(one.begin(), one.end(), node) ? one : two, {}, all);
        }
        const std::string of_one = save(state(one.front()).image());
        const std::string of_two = save(state(two.front()).image());
        std::vector<Component> components;
        components.push_back({one, restore(as_bytes(of_one)).take()});
        components.push_back({two, restore(as_bytes(of_two)).take()});
        const std::string expected = save(merge(std::move(components), all));
        std::map<ais_node_id, Parts> parts;
        for (const ais_node_id node : all) {
            parts.emplace(node, Parts(100, 25));
        }
        // Sometimes all are restored, so that places have other numbers than where they were lived.
        const bool in_parts = below(4) != 0;
        const auto moved = exchange_parts(
            {one, two}, parts, [&](ais_node_id node) { return state(node).image(); }, random_);
        ASSERT_TRUE(moved.is_well);
        for (const ais_node_id node : all) {
            std::vector<Component> sides;
            for (std::size_t i = 0; i < 2; ++i) {
                auto image = parts.at(node).image_of(i);
                ASSERT_TRUE(image);
                ASSERT_EQ(save(*image), i == 0 ? of_one : of_two);
                sides.push_back({i == 0 ? one : two, std::move(*image)});
            }
            if (in_parts) {
                state(node).replace(merge(std::move(sides), all));
            } else {
                state(node).replace(restore(as_bytes(expected)).take());
            }
            ASSERT_EQ(save(state(node).image()), expected);
        }
        components_.pop_back();
        components_.front() = all;
    }

    void check() {
        for (const Nodes& equal : components_) {
            const std::string bytes = save(state(equal.front()).image());
            const auto restored = restore(as_bytes(bytes));
            ASSERT_TRUE(restored) << restored.error().text;
            Parts first;
            const PartListing listed = first.list(state(equal.front()).image());
            for (const ais_node_id node : equal) {
                ASSERT_EQ(save(state(node).image()), bytes);
                // Equal states have equal parts, however each came about.
                Parts mine;
                const PartListing& others = mine.list(state(node).image());
                ASSERT_EQ(others.size(), listed.size());
                for (const auto& [name, part] : others) {
                    ASSERT_EQ(listed.at(name).digest, part.digest);
                }
            }
            std::size_t messages = 0;
            for (const auto& [id, queue] : state(equal.front()).queues()) {
                messages += queue->message_count();
            }
            most_messages = std::max(most_messages, messages);
        }
    }

    std::mt19937 random_;
    std::deque<State> states_;
    std::vector<Nodes> components_;
    std::uint64_t sequence_ = 0;
};

// In eight parts, which sanitizers make long, and which may run side by side.
class MsgHistories : public testing::TestWithParam<std::uint32_t> {};

TEST_P(MsgHistories, come_to_the_same_in_parts_as_in_snapshots) {
    std::size_t most_messages = 0;
    for (std::uint32_t seed = GetParam(); seed < GetParam() + 5; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        MsgHistory history(seed);
        history.run(400);
        if (testing::Test::HasFatalFailure()) {
            return;
        }
        most_messages = std::max(most_messages, history.most_messages);
    }
    EXPECT_GT(most_messages, 20U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MsgHistories, testing::Range(1U, 41U, 5U));

}  // namespace
}  // namespace ais::msg
