// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::evt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t second = 1'000'000'000;

std::string encoded(std::uint64_t id, std::int64_t retention, std::string_view data = {}) {
    Event event;
    event.id = id;
    event.retention = retention;
    Appender out;
    event.encode_head(out);
    out.bytes(as_bytes(data));
    return out.take();
}

class EvtState : public testing::Test {
  protected:
    EvtState() { form({1, 2, 3}); }

    void form(const std::vector<ais_node_id>& nodes, const std::vector<ais_node_id>& left = {}) {
        ais_configuration now{};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_TRANSITIONAL;
        now.left = left.data();
        now.left_count = static_cast<std::uint32_t>(left.size());
        state.configure(now);
        now = {};
        now.struct_size = sizeof now;
        now.kind = AIS_CONFIGURATION_REGULAR;
        now.members = nodes.data();
        now.member_count = static_cast<std::uint32_t>(nodes.size());
        state.configure(now);
    }
    State::Opened open(ais_node_id node,
                       std::uint64_t number,
                       std::string_view name,
                       std::uint32_t flags) {
        return state.open(node, {number, 0, flags, name});
    }
    const Channel* publish(ais_node_id node,
                           std::uint64_t number,
                           std::uint64_t id,
                           std::int64_t retention = 0) {
        const std::string bytes = encoded(id, retention);
        Event event;
        EXPECT_TRUE(Event::decode(as_bytes(bytes), event));
        return state.publish(node, number, event, as_bytes(bytes));
    }
    std::vector<std::uint64_t> kept(std::string_view name) {
        std::vector<std::uint64_t> ids;
        for (const auto& [id, channel] : state.channels()) {
            if (channel->name == name) {
                for (const auto& [place, event] : channel->kept) {
                    ids.push_back(event.id);
                }
            }
        }
        return ids;
    }

    State state{1};
    static constexpr std::uint32_t all = flag_publisher | flag_subscriber | flag_create;
};

TEST_F(EvtState, opens_what_is_there_and_creates_only_when_asked) {
    EXPECT_EQ(open(1, 1, "c", flag_subscriber), State::Opened::not_exist);
    EXPECT_EQ(open(2, 1, "c", flag_create | flag_publisher), State::Opened::ok);
    EXPECT_EQ(open(1, 2, "c", flag_subscriber), State::Opened::ok);
    EXPECT_EQ(open(1, 3, "c", all), State::Opened::ok);
    EXPECT_EQ(state.channel_count(), 1U);
    EXPECT_EQ(state.channel_of({1, 2}), state.channel_of({2, 1}));
    EXPECT_THAT(state.channel_of({1, 2})->local_opens, ElementsAre(2, 3));
}

TEST_F(EvtState, has_no_more_channels_than_its_limit_unlinked_ones_included) {
    for (std::size_t i = 1; i <= channels_max; ++i) {
        ASSERT_EQ(open(2, i, "c" + std::to_string(i), all), State::Opened::ok);
    }
    const std::uint64_t more = channels_max + 1;
    EXPECT_EQ(open(1, more, "one more", all), State::Opened::no_resources);
    EXPECT_EQ(open(1, more, "c7", all), State::Opened::ok) << "it is there already";
    ASSERT_TRUE(state.unlink("c7"));
    EXPECT_EQ(open(1, more + 1, "one more", all), State::Opened::no_resources);
    state.close(1, more);
    state.close(2, 7);
    EXPECT_EQ(open(1, more + 1, "one more", all), State::Opened::ok);
}

TEST_F(EvtState, keeps_a_channel_that_nobody_has_open_until_it_is_unlinked) {
    open(1, 1, "c", all);
    state.close(1, 1);
    EXPECT_EQ(open(2, 1, "c", flag_subscriber), State::Opened::ok);
    state.close(2, 1);
    EXPECT_TRUE(state.unlink("c"));
    EXPECT_FALSE(state.unlink("c"));
    EXPECT_EQ(state.channel_count(), 0U);
}

TEST_F(EvtState, lets_those_who_have_an_unlinked_channel_open_go_on_among_themselves) {
    open(1, 1, "c", all);
    open(2, 1, "c", all);
    const Channel* old = state.channel_of({1, 1});
    ASSERT_TRUE(state.unlink("c"));
    EXPECT_EQ(open(3, 1, "c", flag_subscriber), State::Opened::not_exist);
    EXPECT_EQ(open(3, 2, "c", all), State::Opened::ok);
    EXPECT_NE(state.channel_of({3, 2}), old);
    EXPECT_EQ(publish(1, 1, 2001, second), old);
    EXPECT_EQ(state.kept_count(), 1U);
    state.close(1, 1);
    state.close(2, 1);
    EXPECT_EQ(state.channel_count(), 1U);
    EXPECT_EQ(state.kept_count(), 0U) << "its events went with it";
}

TEST_F(EvtState, drops_what_is_published_through_a_closed_open) {
    open(1, 1, "c", all);
    state.close(1, 1);
    EXPECT_EQ(publish(1, 1, 2001, second), nullptr);
    EXPECT_EQ(state.last_id(1), 2001U) << "the id is used all the same";
}

TEST_F(EvtState, keeps_events_that_have_a_retention_until_they_expire_or_are_cleared) {
    open(1, 1, "c", all);
    open(1, 2, "other", all);
    publish(1, 1, 2001);
    publish(1, 1, 2002, 5 * second);
    publish(1, 1, 2003, retention_max);
    EXPECT_THAT(kept("c"), ElementsAre(2002, 2003));
    EXPECT_FALSE(state.clear(1, 2, 2003)) << "it is on another channel";
    EXPECT_TRUE(state.clear(1, 1, 2003));
    EXPECT_FALSE(state.clear(1, 1, 2003));
    const std::uint64_t over[] = {2002, 77};
    state.expire(over);
    EXPECT_THAT(kept("c"), IsEmpty());
    EXPECT_EQ(state.kept_bytes(), 0U);
}

TEST_F(EvtState, never_lets_its_clock_run_ahead_of_a_retention) {
    open(1, 1, "c", all);
    EXPECT_FALSE(state.needs_ticks());
    publish(1, 1, 2001, 5 * second);
    EXPECT_TRUE(state.needs_ticks());
    const std::uint64_t deadline = state.deadlines().at(2001);
    // However late a tick is, it counts as one interval: the clock may only be slow.
    state.tick(60 * second);
    EXPECT_EQ(state.remaining(deadline), std::chrono::seconds(5));
    state.tick(second / 2);
    EXPECT_EQ(state.remaining(deadline), std::chrono::milliseconds(4500));
    for (int i = 0; i < 10; ++i) {
        state.tick(second);
    }
    EXPECT_EQ(state.remaining(deadline), std::chrono::seconds(0));
}

TEST_F(EvtState, closes_what_a_node_had_open_that_left) {
    open(1, 1, "c", all);
    open(2, 1, "c", all);
    open(2, 2, "gone", all);
    publish(2, 1, 2001, second);
    state.unlink("gone");
    form({1, 3}, {2});
    EXPECT_EQ(state.open_count(), 1U);
    EXPECT_EQ(state.channel_count(), 1U) << "nobody has the unlinked one any more";
    EXPECT_THAT(kept("c"), ElementsAre(2001)) << "what it published stays";
    form({1, 2, 3}, {3});
    EXPECT_EQ(state.channel_of({2, 1}), nullptr);
}

TEST_F(EvtState, is_put_back_from_its_image) {
    open(1, 1, "c", all);
    open(2, 1, "d", all);
    publish(1, 1, 2001, second);
    publish(1, 1, 2002, second);
    state.clear(1, 1, 2001);
    const Image image = state.image();
    State other{2};
    const auto gained = other.replace(image);
    ASSERT_EQ(gained.size(), 1U);
    EXPECT_EQ(gained[0].kept->id, 2002U);
    EXPECT_EQ(gained[0].channel->name, "c");
    EXPECT_EQ(other.channel_of({2, 1})->name, "d");
    EXPECT_THAT(other.channel_of({2, 1})->local_opens, ElementsAre(1));
    EXPECT_EQ(other.kept_bytes(), state.kept_bytes());
    EXPECT_EQ(other.deadlines(), state.deadlines());
    EXPECT_THAT(other.replace(image), IsEmpty()) << "it has them already";
}

// Found by the simulator (workload evt, seeds 19, 55, 92).
TEST_F(EvtState, knows_the_name_of_a_channel_beside_an_unlinked_one_of_that_name_after_a_merge) {
    open(1, 9, "c", all);
    ASSERT_TRUE(state.unlink("c"));
    open(1, 1, "c", all);
    const Image image = state.image();
    ASSERT_EQ(image.channels.size(), 2U);
    ASSERT_TRUE(image.channels[1].is_unlinked) << "the unlinked one comes after the other";
    state.replace(image);
    EXPECT_EQ(open(2, 1, "c", flag_subscriber), State::Opened::ok);
    EXPECT_EQ(state.channel_of({2, 1}), state.channel_of({1, 1}));
}

}  // namespace
}  // namespace ais::evt
