// SPDX-License-Identifier: BSD-3-Clause
//
// The list that a library keeps: it follows from changes, stays as it was for who looks at it, and
// what does not follow is found.

#include "view.hpp"

#include "state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ais::cpg {
namespace {

using Heard = View::Heard;
using testing::ElementsAre;
using testing::IsEmpty;

std::string text_of(const Addresses& list) {
    std::string out;
    for (const cpg_address& one : list) {
        out += (out.empty() ? "" : " ") + std::to_string(one.nodeid) + ":" +
               std::to_string(one.pid) + "/" + std::to_string(one.reason);
    }
    return out;
}

Process member(std::uint32_t pid, Reason reason = Reason::none) {
    return {1, pid, reason};
}

std::uint64_t digest_of_pids(std::initializer_list<std::uint32_t> pids) {
    std::uint64_t sum = 0;
    for (const std::uint32_t pid : pids) {
        sum += digest_of(1, pid);
    }
    return sum;
}

class Viewed : public testing::Test {
  protected:
    // A member of {1:10, 1:20, 1:30}.
    void SetUp() override {
        EXPECT_EQ(hear({1,
                        ChangeEvent::whole,
                        digest_of_pids({10, 20, 30}),
                        {member(10), member(20), member(30)},
                        {},
                        {member(20, Reason::join)}}),
                  Heard::change);
    }
    Heard hear(const ChangeEvent& event) { return view.hear(event, told); }

    View view;
    Told told;
};

TEST_F(Viewed, begins_with_a_whole_list) {
    EXPECT_EQ(text_of(told.members()), "1:10/0 1:20/0 1:30/0");
    EXPECT_EQ(text_of(told.joined()), "1:20/1");
    EXPECT_THAT(told.left(), IsEmpty());
}

TEST_F(Viewed, follows_joins_and_leaves) {
    EXPECT_EQ(hear({1, 0, digest_of_pids({10, 15, 20, 30}), {}, {}, {member(15, Reason::join)}}),
              Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:10/0 1:15/0 1:20/0 1:30/0");
    EXPECT_EQ(text_of(told.joined()), "1:15/1");
    EXPECT_EQ(hear({1, 0, digest_of_pids({15, 20, 30}), {}, {member(10, Reason::leave)}, {}}),
              Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:15/0 1:20/0 1:30/0");
    EXPECT_EQ(text_of(told.left()), "1:10/2");
    EXPECT_THAT(told.joined(), IsEmpty());
}

TEST_F(Viewed, follows_many_at_once_and_who_left_and_is_back) {
    EXPECT_EQ(hear({1,
                    0,
                    digest_of_pids({5, 20, 40}),
                    {},
                    {member(10, Reason::node_down),
                     member(20, Reason::node_down),
                     member(30, Reason::node_down)},
                    {member(5, Reason::node_up),
                     member(20, Reason::node_up),
                     member(40, Reason::node_up)}}),
              Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:5/0 1:20/0 1:40/0");
    EXPECT_EQ(text_of(told.left()), "1:10/3 1:20/3 1:30/3");
    EXPECT_EQ(text_of(told.joined()), "1:5/4 1:20/4 1:40/4");
}

TEST_F(Viewed, ends_empty_with_the_own_leave_and_begins_anew) {
    EXPECT_EQ(
        hear({1,
              0,
              0,
              {},
              {member(10, Reason::leave), member(20, Reason::leave), member(30, Reason::leave)},
              {}}),
        Heard::change);
    EXPECT_THAT(told.members(), IsEmpty());
    EXPECT_EQ(hear({2,
                    ChangeEvent::whole,
                    digest_of_pids({7}),
                    {member(7)},
                    {},
                    {member(7, Reason::join)}}),
              Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:7/0");
}

TEST_F(Viewed, part_is_nothing_until_the_last_is_there) {
    const std::uint64_t digest = digest_of_pids({1, 2, 3});
    constexpr std::uint32_t whole = ChangeEvent::whole;
    constexpr std::uint32_t more = ChangeEvent::more;
    EXPECT_EQ(hear({2, whole | more, digest, {member(1)}, {}, {}}), Heard::part);
    EXPECT_EQ(hear({2, whole | more, digest, {member(2), member(3)}, {}, {}}), Heard::part);
    EXPECT_EQ(hear({2, whole, digest, {}, {}, {member(3, Reason::join)}}), Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:1/0 1:2/0 1:3/0");
    EXPECT_EQ(text_of(told.joined()), "1:3/1");
    EXPECT_EQ(hear({2, more, 0, {}, {member(1, Reason::node_down)}, {}}), Heard::part);
    EXPECT_EQ(hear({2, 0, digest_of_pids({2, 9}), {}, {member(3, Reason::node_down)}, {member(9)}}),
              Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:2/0 1:9/0");
    EXPECT_EQ(text_of(told.left()), "1:1/3 1:3/3");
}

TEST_F(Viewed, list_that_somebody_looks_at_stays_as_it_was) {
    Told next;
    EXPECT_EQ(
        view.hear({1, 0, digest_of_pids({10, 30}), {}, {member(20, Reason::leave)}, {}}, next),
        Heard::change);
    EXPECT_EQ(text_of(told.members()), "1:10/0 1:20/0 1:30/0");
    EXPECT_EQ(text_of(next.members()), "1:10/0 1:30/0");
    const cpg_address* where = next.members().data();
    next.let_go();
    EXPECT_EQ(view.hear({1, 0, digest_of_pids({10}), {}, {member(30, Reason::leave)}, {}}, next),
              Heard::change);
    EXPECT_EQ(next.members().data(), where);  // nobody looked: changed in place
    EXPECT_EQ(text_of(told.members()), "1:10/0 1:20/0 1:30/0");
}

TEST_F(Viewed, list_outlives_the_view) {
    Told kept;
    {
        View short_lived;
        EXPECT_EQ(short_lived.hear(
                      {1, ChangeEvent::whole, digest_of_pids({3}), {member(3)}, {}, {}}, kept),
                  Heard::change);
    }
    EXPECT_EQ(text_of(kept.members()), "1:3/0");
}

TEST_F(Viewed, what_does_not_follow_is_broken) {
    const std::uint64_t with_40 = digest_of_pids({10, 20, 30, 40});
    const std::uint64_t without_20 = digest_of_pids({10, 30});
    const std::uint64_t all = digest_of_pids({10, 20, 30});
    const ChangeEvent bad[] = {
        // One was missed before, or it is another's.
        {1, 0, with_40 + 1, {}, {}, {member(40)}},
        {2, 0, with_40, {}, {}, {member(40)}},
        // Who is a member joins; who is none leaves; alone and among others.
        {1, 0, all + digest_of(1, 20), {}, {}, {member(20)}},
        {1, 0, all - digest_of(1, 40), {}, {member(40)}, {}},
        {1, 0, with_40 + digest_of(1, 20), {}, {}, {member(20), member(40)}},
        {1, 0, without_20 - digest_of(1, 40), {}, {member(20), member(40)}, {}},
        // Out of order, or twice.
        {1, 0, with_40 + digest_of(1, 50), {}, {}, {member(50), member(40)}},
        {1, 0, without_20 - digest_of(1, 20), {}, {member(20), member(20)}, {}},
        {3, ChangeEvent::whole, digest_of_pids({1, 2}), {member(2), member(1)}, {}, {}},
        {3, ChangeEvent::whole, digest_of_pids({1, 2}), {member(1)}, {}, {}},
    };
    for (const ChangeEvent& event : bad) {
        View fresh;
        Told last;
        ASSERT_EQ(fresh.hear({1,
                              ChangeEvent::whole,
                              all,
                              {member(10), member(20), member(30)},
                              {},
                              {member(20, Reason::join)}},
                             last),
                  Heard::change);
        EXPECT_EQ(fresh.hear(event, last), Heard::broken) << &event - bad;
    }
    // A list that was announced as one, and then not.
    EXPECT_EQ(hear({1, ChangeEvent::more | ChangeEvent::whole, 0, {member(40)}, {}, {}}),
              Heard::part);
    EXPECT_EQ(hear({1, 0, without_20, {}, {member(20)}, {}}), Heard::broken);
}

TEST(View, of_who_was_never_brought_in_is_broken) {
    View view;
    Told told;
    EXPECT_EQ(view.hear({1, 0, digest_of_pids({10}), {}, {}, {member(10)}}, told), Heard::broken);
}

// Against the state itself: whatever happens to a group, its newest member can follow it, with
// events of every size.
TEST(View, is_the_group_of_the_state_through_random_histories) {
    for (std::uint32_t seed = 1; seed <= 30; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&random](std::uint32_t n) {
            return static_cast<std::uint32_t>(random() % n);
        };
        State state(1);
        View view;
        const auto follow = [&](const std::optional<Change>& change, bool is_first) {
            if (!change) {
                return;
            }
            Told told;
            Heard heard = Heard::part;
            const Group* group = state.find("g");
            for (const std::string& event :
                 change->encode(is_first ? group : nullptr, below(200))) {
                ASSERT_EQ(heard, Heard::part);
                const std::string bytes = std::string("\5\0\0\0", 4) + event;
                ChangeEvent decoded;
                ASSERT_TRUE(ChangeEvent::decode(as_bytes(bytes), decoded));
                heard = view.hear(decoded, told);
            }
            ASSERT_EQ(heard, Heard::change) << "seed " << seed;
            ASSERT_NE(group, nullptr);
            Addresses expected;
            for (const Member& one : group->members) {
                expected.push_back({one.node, one.pid, 0});
            }
            ASSERT_EQ(text_of(told.members()), text_of(expected)) << "seed " << seed;
        };
        const auto join = [&](std::uint32_t node, std::uint32_t pid) {
            return state.join(node, {pid, 0x100, pid, as_bytes("g")});
        };
        follow(join(1, 0), true);
        for (int step = 0; step < 200; ++step) {
            const std::uint32_t node = 1 + below(3);
            const std::uint32_t pid = 1 + below(40);
            if (below(10) != 0) {
                follow(below(3) != 0 ? join(node, pid)
                                     : state.leave(node, {pid, 0x100, Reason::leave}),
                       false);
                continue;
            }
            // The two others go, and come back with others than before.
            Membership merged = state.membership();
            std::erase_if(merged["g"], [&](const Member& one) { return one.node != 1; });
            for (std::uint32_t at = 0; at < 30; ++at) {
                if (below(2) == 0) {
                    const std::uint32_t seat = 1 + at % 15;
                    merged["g"].push_back({2 + at / 15, seat, seat, 0x100U << below(2)});
                }
            }
            for (const Change& change : state.replace(merged)) {
                follow(change, false);
            }
        }
    }
}

}  // namespace
}  // namespace ais::cpg
