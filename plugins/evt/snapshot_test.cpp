// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::evt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t all = flag_publisher | flag_subscriber | flag_create;

Kept kept(std::uint64_t id, std::uint64_t deadline) {
    Event event;
    event.id = id;
    event.retention = 1;
    Appender out;
    event.encode_head(out);
    return {std::make_shared<const std::string>(out.take()), id, deadline};
}

Image::Part part(OpenId id, std::string name, std::vector<OpenId> opens, bool is_unlinked = false) {
    Image::Part one;
    one.id = id;
    one.name = std::move(name);
    one.is_unlinked = is_unlinked;
    for (const OpenId open : opens) {
        one.opens.emplace_back(open, all);
    }
    return one;
}

struct Component {
    Image image;
    std::vector<ais_node_id> members;
};

Image merged(const std::vector<Component>& components, const std::vector<ais_node_id>& nodes) {
    std::vector<std::string> saved;
    std::vector<SavedState> states;
    for (const Component& one : components) {
        saved.push_back(save(one.image));
    }
    for (std::size_t i = 0; i < components.size(); ++i) {
        states.push_back(
            {i == 0, components[i].members[0], components[i].members, as_bytes(saved[i])});
    }
    auto result = merge(states, nodes);
    EXPECT_TRUE(result) << (result ? "" : result.error().text);
    return result ? result.take() : Image{};
}

std::vector<std::string> lines(const Image& image) {
    std::vector<std::string> out;
    for (const Image::Part& one : image.channels) {
        std::string line = one.name + (one.is_unlinked ? "(unlinked)" : "") + " " +
                           std::to_string(one.id.node) + "." + std::to_string(one.id.number) + ":";
        for (const auto& [id, flags] : one.opens) {
            line += " " + std::to_string(id.node) + "." + std::to_string(id.number);
        }
        for (const Kept& event : one.kept) {
            line += " #" + std::to_string(event.id);
            if (event.deadline != no_deadline) {
                line += "@" + std::to_string(event.deadline);
            }
        }
        out.push_back(line);
    }
    return out;
}

TEST(EvtSnapshot, comes_back_as_it_was_and_is_the_same_bytes_again) {
    Image image;
    image.clock = 77;
    image.last_ids = {{1, 5000}, {3, 6000}};
    image.cleared = {{4000, 99}};
    image.channels = {part({1, 1}, "c", {{1, 1}, {2, 9}}), part({2, 3}, "c", {{2, 3}}, true)};
    image.channels[0].kept = {kept(2002, 80), kept(2001, no_deadline)};
    const std::string saved = save(image);
    const auto back = restore(as_bytes(saved));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(save(*back), saved);
    EXPECT_THAT(lines(*back), ElementsAre("c 1.1: 1.1 2.9 #2002@80 #2001", "c(unlinked) 2.3: 2.3"));
}

TEST(EvtSnapshot, refuses_every_truncation_and_survives_every_changed_byte) {
    Image image;
    image.last_ids = {{1, 5000}};
    image.cleared = {{4000, 99}};
    image.channels = {part({1, 1}, "c", {{1, 1}, {2, 9}})};
    image.channels[0].kept = {kept(2002, 80)};
    const std::string saved = save(image);
    for (std::size_t size = 0; size < saved.size(); ++size) {
        EXPECT_FALSE(restore(as_bytes(saved).first(size))) << size;
    }
    EXPECT_FALSE(restore(as_bytes(saved + "x")));
    for (std::size_t i = 0; i < saved.size(); ++i) {
        std::string changed = saved;
        changed[i] = static_cast<char>(changed[i] ^ 0x81);
        if (const auto back = restore(as_bytes(changed))) {
            EXPECT_EQ(save(*back), changed) << "what is accepted is canonical, byte " << i;
        }
    }
}

TEST(EvtSnapshot, unites_channels_of_one_name_under_the_lowest_id) {
    Component left{{}, {1, 2}};
    left.image.channels = {part({2, 5}, "c", {{1, 7}, {2, 5}})};
    Component right{{}, {3}};
    right.image.channels = {part({3, 1}, "c", {{3, 1}}), part({3, 2}, "d", {})};
    EXPECT_THAT(lines(merged({left, right}, {1, 2, 3})),
                ElementsAre("c 2.5: 1.7 2.5 3.1", "d 3.2:"));
    EXPECT_THAT(lines(merged({right, left}, {1, 2, 3})),
                ElementsAre("c 2.5: 1.7 2.5 3.1", "d 3.2:"));
}

TEST(EvtSnapshot, believes_a_component_about_its_own_nodes_only) {
    Component left{{}, {1, 2}};
    left.image.channels = {part({1, 1}, "c", {{1, 1}, {3, 4}})};
    Component right{{}, {3}};
    right.image.channels = {part({1, 1}, "c", {{1, 1}, {2, 2}, {3, 9}})};
    EXPECT_THAT(lines(merged({left, right}, {1, 3})), ElementsAre("c 1.1: 1.1 3.9"));
}

TEST(EvtSnapshot, lets_active_beat_unlinked) {
    // Left has unlinked the channel and made a new one of its name; right knows nothing of it.
    Component left{{}, {1, 2}};
    left.image.channels = {part({1, 1}, "c", {{1, 1}}, true), part({2, 8}, "c", {{2, 8}})};
    Component right{{}, {3}};
    right.image.channels = {part({1, 1}, "c", {{3, 3}})};
    EXPECT_THAT(lines(merged({left, right}, {1, 2, 3})), ElementsAre("c 1.1: 1.1 2.8 3.3"));
    EXPECT_THAT(lines(merged({right, left}, {1, 2, 3})), ElementsAre("c 1.1: 1.1 2.8 3.3"));
}

TEST(EvtSnapshot, joins_groups_that_turn_out_to_be_one_late) {
    // A name in the first, another id in the second, and the third says that both are one.
    Component a{{}, {1}};
    a.image.channels = {part({1, 1}, "c", {{1, 1}}, true), part({1, 2}, "c", {{1, 2}})};
    Component b{{}, {2}};
    b.image.channels = {part({1, 1}, "c", {{2, 1}})};
    Component c{{}, {3}};
    c.image.channels = {part({3, 1}, "c", {{3, 1}})};
    for (const auto& order : std::vector<std::vector<Component>>{{a, b, c}, {c, a, b}, {b, c, a}}) {
        EXPECT_THAT(lines(merged(order, {1, 2, 3})), ElementsAre("c 1.1: 1.1 1.2 2.1 3.1"));
    }
}

TEST(EvtSnapshot, drops_an_unlinked_channel_that_nobody_here_has) {
    Component left{{}, {1}};
    left.image.channels = {part({2, 1}, "c", {{2, 1}}, true)};
    EXPECT_THAT(lines(merged({left}, {1})), IsEmpty());
}

// Seed 40012: after a live replacement the cleared event of one node was remembered until another
// time.
TEST(EvtSnapshot, puts_back_what_is_overdue_as_it_was) {
    Component all_of_it{{}, {1, 2}};
    all_of_it.image.clock = 3000;
    all_of_it.image.cleared.emplace(2001, 2909);
    all_of_it.image.channels.push_back(part({1, 1}, "c", {{1, 1}}));
    all_of_it.image.channels.back().kept.push_back(kept(2002, 2800));
    const Image image = merged({all_of_it}, {1, 2});
    EXPECT_EQ(save(image), save(all_of_it.image));
}

TEST(EvtSnapshot, has_each_kept_event_once_with_the_longest_time_that_is_left) {
    Component left{{}, {1}};
    left.image.clock = 100;
    left.image.channels = {part({1, 1}, "c", {})};
    left.image.channels[0].kept = {kept(2001, 150), kept(2002, no_deadline), kept(2005, 130)};
    Component right{{}, {2}};
    right.image.clock = 1000;
    right.image.channels = {part({1, 1}, "c", {})};
    right.image.channels[0].kept = {kept(2001, 1020), kept(2003, 1005), kept(2005, 1200)};
    EXPECT_THAT(lines(merged({left, right}, {1, 2})),
                ElementsAre("c 1.1: #2001@1050 #2002 #2005@1200 #2003@1005"));
}

TEST(EvtSnapshot, does_not_bring_back_what_one_side_has_cleared) {
    Component left{{}, {1}};
    left.image.cleared = {{2001, 50}};
    left.image.channels = {part({1, 1}, "c", {})};
    Component right{{}, {2}};
    right.image.clock = 10;
    right.image.channels = {part({1, 1}, "c", {})};
    right.image.channels[0].kept = {kept(2001, 60), kept(2002, 60)};
    const Image image = merged({left, right}, {1, 2});
    EXPECT_THAT(lines(image), ElementsAre("c 1.1: #2002@60"));
    EXPECT_EQ(image.cleared.at(2001), 60U) << "carried over to the clock of the merged state";
}

}  // namespace
}  // namespace ais::evt
