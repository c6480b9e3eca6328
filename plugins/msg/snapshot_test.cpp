// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::msg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t second = 1'000'000'000;

Stored stored(std::uint32_t node,
              std::uint64_t number,
              bool is_taken = false,
              std::uint8_t priority = 0,
              std::uint64_t start = 1) {
    Message message;
    message.priority = priority;
    message.data = as_bytes("data");
    Appender out;
    message.encode_head(out);
    out.bytes(message.data);
    return {{node, start, number}, std::make_shared<const std::string>(out.take()), 0, 4, is_taken};
}

QueueImage queue(OpenId id, std::string name, OpenId owner = {}) {
    QueueImage one;
    one.id = id;
    one.name = std::move(name);
    one.attributes = {creation_persistent, {100, 100, 100, 100}, 0};
    one.thresholds = {one.attributes.sizes, one.attributes.sizes};
    one.owner = owner;
    one.closed_at = owner.node != 0 ? 0 : 5;
    return one;
}

QueueImage with(QueueImage one, std::vector<Stored> messages) {
    for (Stored& message : messages) {
        Message decoded;
        EXPECT_TRUE(Message::decode(as_bytes(*message.bytes), decoded));
        one.areas[decoded.priority].push_back(std::move(message));
    }
    return one;
}
QueueImage consumed(QueueImage one, std::uint32_t node, std::uint64_t number) {
    one.removed[{1, node, 0}] = number;
    return one;
}

Image merged(const std::vector<Component>& components, const std::vector<ais_node_id>& nodes) {
    std::vector<Component> read;
    for (const Component& one : components) {
        auto restored = restore(as_bytes(save(one.image)));
        EXPECT_TRUE(restored) << (restored ? "" : restored.error().text);
        read.push_back({one.members, restored ? restored.take() : Image()});
    }
    Image result = merge(std::move(read), nodes);
    const auto again = restore(as_bytes(save(result)));
    EXPECT_TRUE(again) << (again ? "" : again.error().text);
    return result;
}

Component component(std::vector<QueueImage> queues, std::vector<ais_node_id> members) {
    Component one;
    one.image.queues = std::move(queues);
    one.members = std::move(members);
    return one;
}

// "name id@owner: node.number…", a star at what is taken.
std::vector<std::string> lines(const Image& image) {
    std::vector<std::string> out;
    for (const QueueImage& one : image.queues) {
        std::string line = one.name + (one.is_unlinked ? "(unlinked)" : "") + " " +
                           std::to_string(one.id.node) + "." + std::to_string(one.id.number);
        if (one.owner.node != 0) {
            line += "@" + std::to_string(one.owner.node) + "." + std::to_string(one.owner.number);
        }
        line += ":";
        for (const auto& area : one.areas) {
            for (const Stored& message : area) {
                line += " " + std::to_string(message.id.node) + "." +
                        std::to_string(message.id.number) + (message.is_taken ? "*" : "");
            }
        }
        out.push_back(line);
    }
    return out;
}

TEST(MsgSnapshot, comes_back_as_it_was) {
    Image image;
    image.clock = 9;
    image.time_of_day = 8;
    QueueImage first = with(queue({1, 1}, "q", {1, 4}), {stored(1, 1, true), stored(2, 2)});
    first.removed[{3, 2, 1}] = 4;
    first.reached = 2;
    QueueImage second_queue = queue({1, 2}, "r");
    second_queue.attributes = {0, {1, 2, 3, 4}, 5 * second};
    second_queue.thresholds = {};
    second_queue.deadline = 77;
    image.queues = {first, second_queue};
    image.groups = {{"g", Policy::broadcast, 6, {{{1, 2}, 6}, {{1, 1}, 0}}}};
    image.requests = {{(1ULL << 32) | 1, 10}};
    image.refused = {{1, 1, 3}, {2, 1, 1}};
    const std::string bytes = save(image);
    const auto again = restore(as_bytes(bytes));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(save(*again), bytes);
}

TEST(MsgSnapshot, refuses_what_is_cut_off_or_longer) {
    Image image;
    image.queues = {with(queue({1, 1}, "q", {1, 1}), {stored(1, 1)})};
    image.groups = {{"g", Policy::round_robin, 1, {{{1, 1}, 1}}}};
    const std::string bytes = save(image);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(restore(as_bytes(bytes).first(size)));
    }
    EXPECT_FALSE(restore(as_bytes(bytes + "x")));
}

TEST(MsgSnapshot, refuses_a_state_that_cannot_be) {
    const auto refused = [](Image image) { return !restore(as_bytes(save(image))).ok(); };
    Image image;
    image.queues = {queue({1, 2}, "q"), queue({1, 1}, "r")};
    EXPECT_TRUE(refused(image));  // order
    image.queues = {queue({1, 1}, "q"), queue({1, 2}, "q")};
    EXPECT_TRUE(refused(image));  // a name twice
    image.queues = {queue({1, 1}, "q", {1, 1}), queue({1, 2}, "r", {1, 1})};
    EXPECT_TRUE(refused(image));  // an open twice
    image.queues = {with(queue({1, 1}, "q"), {stored(1, 1, true)})};
    EXPECT_TRUE(refused(image));  // taken by nobody
    image.queues = {with(queue({1, 1}, "q"), {stored(1, 1), stored(1, 1)})};
    EXPECT_TRUE(refused(image));  // a message twice
    image.queues = {queue({1, 1}, "q")};
    image.queues[0].is_unlinked = true;
    EXPECT_TRUE(refused(image));  // unlinked and closed
    image.queues = {queue({1, 1}, "q")};
    image.groups = {{"q", Policy::round_robin, 0, {}}};
    EXPECT_TRUE(refused(image));  // queue and group
    image.groups = {{"g", Policy::round_robin, 0, {{{1, 7}, 0}}}};
    EXPECT_TRUE(refused(image));  // no such member
    image.groups = {{"g", Policy::round_robin, 0, {{{1, 1}, 0}, {{1, 1}, 0}}}};
    EXPECT_TRUE(refused(image));  // twice
    image.groups.clear();
    EXPECT_FALSE(refused(image));
}

TEST(MsgMerge, has_every_message_of_all_sides_once) {
    const auto both = [](std::vector<Stored> messages, OpenId owner) {
        return with(queue({1, 1}, "q", owner), std::move(messages));
    };
    const Image image = merged({component({both({stored(1, 1), stored(1, 2)}, {})}, {1, 2}),
                                component({both({stored(1, 1), stored(3, 1)}, {})}, {3})},
                               {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 1.1 1.2 3.1"));
}

TEST(MsgMerge, does_not_bring_back_what_was_consumed_on_a_side) {
    // Side 1 has consumed 1.1 and 1.2 and has got 1.3; side 3 still has the first two, and one of
    // its own.
    const Image image = merged(
        {component({consumed(with(queue({1, 1}, "q"), {stored(1, 3)}), 1, 2)}, {1, 2}),
         component({with(queue({1, 1}, "q"), {stored(1, 1), stored(1, 2), stored(3, 1)})}, {3})},
        {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 1.3 3.1"));
}

TEST(MsgMerge, keeps_what_is_below_the_mark_and_still_listed) {
    // 1.2 was got by one thread while another has 1.1 in its hand.
    const Image image =
        merged({component({consumed(with(queue({1, 1}, "q", {1, 9}), {stored(1, 1, true)}), 1, 2)},
                          {1, 2}),
                component({with(queue({1, 1}, "q"), {stored(1, 1), stored(1, 2)})}, {3})},
               {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1@1.9: 1.1*"));
}

TEST(MsgMerge, a_mark_of_another_life_of_the_sender_says_nothing) {
    // Node 3 has sent 3.1 in its first life, which side 1 has never seen.
    const Image image =
        merged({component({consumed(queue({1, 1}, "q"), 3, 5)}, {1, 2}),
                component({with(queue({1, 1}, "q"), {stored(3, 1, false, 0, 7)})}, {4})},
               {1, 2, 4});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 3.1"));
}

TEST(MsgMerge, what_a_side_has_refused_when_they_parted_it_has_not_consumed) {
    Component one = component({consumed(queue({1, 1}, "q"), 3, 5)}, {1, 2});
    one.image.refused = {{3, 1, 4}};
    const Image image = merged(
        {one, component({with(queue({1, 1}, "q"), {stored(3, 3), stored(3, 4)})}, {3})}, {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 3.4"));
    // It is there now, and can be consumed.
    EXPECT_THAT(image.refused, IsEmpty());
}

TEST(MsgMerge, what_one_side_has_refused_another_may_have_consumed) {
    Component one = component({queue({1, 1}, "q")}, {1});
    one.image.refused = {{3, 1, 4}};
    const Component two = component({consumed(queue({1, 1}, "q"), 3, 4)}, {2});
    const Image image = merged({one, two}, {1, 2});
    EXPECT_THAT(image.refused, IsEmpty());
    const Component three = component({with(queue({1, 1}, "q"), {stored(3, 4)})}, {3});
    EXPECT_THAT(lines(merged({{{1, 2}, image}, three}, {1, 2, 3})), ElementsAre("q 1.1:"));
}

TEST(MsgMerge, keeps_the_order_of_one_sender_and_priority) {
    // Side 1 lacks 3.1, since it has never met node 3 before.
    const Image image = merged(
        {component({with(queue({1, 1}, "q"), {stored(3, 2), stored(1, 1)})}, {1, 2}),
         component({with(queue({1, 1}, "q"), {stored(3, 1), stored(3, 2), stored(3, 3)})}, {3})},
        {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 3.1 1.1 3.2 3.3"));
}

TEST(MsgMerge, the_larger_side_keeps_a_queue_that_both_have_open) {
    const auto side = [](OpenId owner, std::vector<Stored> messages, auto members) {
        return component({with(queue({1, 1}, "q", owner), std::move(messages))}, members);
    };
    const Component small = side({1, 9}, {stored(1, 1, true)}, std::vector<ais_node_id>{1});
    const Component large = side({2, 9}, {stored(2, 1, true)}, std::vector<ais_node_id>{2, 3});
    EXPECT_THAT(lines(merged({small, large}, {1, 2, 3})), ElementsAre("q 1.1@2.9: 1.1 2.1*"));
    // Of equal ones that with the lowest member.
    const Component equal = side({2, 9}, {}, std::vector<ais_node_id>{2});
    EXPECT_THAT(lines(merged({small, equal}, {1, 2})), ElementsAre("q 1.1@1.9: 1.1*"));
}

TEST(MsgMerge, a_queue_open_on_the_smaller_side_only_stays_open) {
    const Image image = merged(
        {component({queue({1, 1}, "q")}, {1, 2}), component({queue({1, 1}, "q", {3, 4})}, {3})},
        {1, 2, 3});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1@3.4:"));
    EXPECT_EQ(image.queues[0].closed_at, 0);
}

TEST(MsgMerge, queues_of_one_name_are_one_with_the_attributes_of_the_larger_side) {
    QueueImage other = with(queue({3, 1}, "q"), {stored(3, 1)});
    other.attributes.sizes = {7, 7, 7, 7};
    other.thresholds = {other.attributes.sizes, other.attributes.sizes};
    const Image image = merged(
        {component({with(queue({1, 1}, "q"), {stored(1, 1)})}, {1}), component({other}, {3, 4})},
        {1, 3, 4});
    EXPECT_THAT(lines(image), ElementsAre("q 1.1: 1.1 3.1"));
    EXPECT_EQ(image.queues[0].attributes.sizes[0], 7U);
}

TEST(MsgMerge, what_is_unlinked_on_one_side_only_is_not_unlinked) {
    QueueImage unlinked = queue({1, 1}, "q", {1, 1});
    unlinked.is_unlinked = true;
    EXPECT_THAT(
        lines(merged({component({unlinked}, {1}), component({queue({1, 1}, "q")}, {2})}, {1, 2})),
        ElementsAre("q 1.1@1.1:"));
    // Even if the side had made another of the name: all of them are one again.
    EXPECT_THAT(lines(merged({component({unlinked, queue({1, 2}, "q", {1, 2})}, {1}),
                              component({queue({1, 1}, "q")}, {2})},
                             {1, 2})),
                ElementsAre("q 1.1@1.2:"));
    EXPECT_THAT(lines(merged({component({unlinked}, {1}), component({}, {2})}, {1, 2})),
                ElementsAre("q(unlinked) 1.1@1.1:"));
}

TEST(MsgMerge, the_longer_rest_of_a_retention_counts) {
    const auto side = [](std::uint64_t clock, std::uint64_t deadline, ais_node_id node) {
        QueueImage one = queue({1, 1}, "q");
        one.attributes.flags = 0;
        one.attributes.retention = 50;
        one.deadline = deadline;
        Component component_of_one = component({one}, {node});
        component_of_one.image.clock = clock;
        return component_of_one;
    };
    // 20 are left on side 1, 40 on side 2.
    const Image image = merged({side(100, 120, 1), side(10, 50, 2)}, {1, 2});
    EXPECT_EQ(image.clock, 100U);
    EXPECT_EQ(image.queues[0].deadline, 140U);
    EXPECT_EQ(image.queues[0].closings, 1U);  // a word about the closing of a side is void
}

TEST(MsgMerge, groups_have_the_members_of_all_sides) {
    Component one = component({queue({1, 1}, "a"), queue({1, 2}, "b")}, {1});
    one.image.groups = {{"g", Policy::broadcast, 3, {{{1, 2}, 3}, {{1, 1}, 1}}}};
    Component two = component({queue({1, 1}, "a"), queue({2, 1}, "c")}, {2, 3});
    two.image.groups = {{"g", Policy::round_robin, 5, {{{1, 1}, 5}, {{2, 1}, 2}}}};
    const Image image = merged({one, two}, {1, 2, 3});
    ASSERT_EQ(image.groups.size(), 1U);
    EXPECT_EQ(image.groups[0].policy, Policy::round_robin);
    EXPECT_EQ(image.groups[0].turns, 5U);
    std::vector<std::string> members;
    for (const Group::Member& member : image.groups[0].members) {
        members.push_back(std::to_string(member.queue.node) + "." +
                          std::to_string(member.queue.number) + " turn " +
                          std::to_string(member.turn));
    }
    EXPECT_THAT(members, ElementsAre("1.2 turn 3", "1.1 turn 5", "2.1 turn 2"));
}

TEST(MsgMerge, a_name_of_a_queue_and_a_group_is_the_queue) {
    Component one = component({}, {1});
    one.image.groups = {{"q", Policy::broadcast, 0, {}}};
    const Image image = merged({one, component({queue({2, 1}, "q")}, {2})}, {1, 2});
    EXPECT_THAT(lines(image), ElementsAre("q 2.1:"));
    EXPECT_THAT(image.groups, IsEmpty());
}

TEST(MsgMerge, each_side_speaks_for_its_own_requests) {
    const auto id = [](std::uint64_t node) { return node << 32 | 1; };
    Component one = component({}, {1});
    one.image.requests = {{id(1), 10}, {id(2), 10}};
    Component two = component({}, {2});
    two.image.requests = {{id(2), 10}, {id(3), 10}};
    EXPECT_THAT(merged({one, two}, {1, 2}).requests,
                ElementsAre(testing::Pair(id(1), 10), testing::Pair(id(2), 10)));
}

}  // namespace
}  // namespace ais::msg
