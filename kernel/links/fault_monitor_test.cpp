// SPDX-License-Identifier: BSD-3-Clause

#include "links/fault_monitor.hpp"

#include "base/prng.hpp"

#include <gtest/gtest.h>

namespace ais::links {
namespace {

using namespace std::chrono_literals;
using Cause = PathChange::Cause;

const NodeId self(1);
const NodeId peer(2);
const NodeId third(3);
constexpr LinkSet both = 0b11;

// Node 1 with two links, and what peers say each step.
class TwoLinks : public testing::Test {
  protected:
    TwoLinks() { monitor.on_members({self, peer}); }
    // One step in which `node` was heard on `heard` and says that it hears us on `hears_us`.
    void hear(NodeId node, LinkSet heard, LinkSet hears_us) {
        for (totem::LinkId link = 0; link < links_max; ++link) {
            if (has(heard, link)) {
                monitor.on_hello(now, link, node, hears_us);
            }
        }
    }
    void step() {
        monitor.step(now);
        now += config.step();
    }
    void steps(int count, LinkSet heard, LinkSet hears_us) {
        for (int i = 0; i < count; ++i) {
            hear(peer, heard, hears_us);
            step();
        }
    }
    // Steps until the state is reached.
    int steps_until(PathState state, totem::LinkId link, LinkSet heard, LinkSet hears_us) {
        for (int i = 1; i < 10000; ++i) {
            steps(1, heard, hears_us);
            if (monitor.state(peer, link) == state) {
                return i;
            }
        }
        return -1;
    }
    MonitorConfig config;
    FaultMonitor monitor{self, both, config};
    Instant now{100s};
};

TEST_F(TwoLinks, carry_data_on_all_until_hellos_say_which_work) {
    EXPECT_EQ(monitor.to_all().links, both);
    EXPECT_FALSE(monitor.to_all().each_reaches);
    steps(1, 0b01, 0b01);
    EXPECT_EQ(monitor.state(peer, 0), PathState::up);
    EXPECT_EQ(monitor.state(peer, 1), PathState::untried);
    EXPECT_EQ(monitor.to_all().links, 0b01);
    steps(1, both, both);
    EXPECT_EQ(monitor.to_all().links, both);
    EXPECT_TRUE(monitor.to_all().each_reaches);
    EXPECT_TRUE(monitor.changes().empty());  // a first meeting is no news
}

TEST_F(TwoLinks, one_of_which_is_silent_fall_within_the_budget) {
    steps(5, both, both);
    const Instant cut = now;
    steps_until(PathState::down, 1, 0b01, both);
    EXPECT_LE(now - cut, config.silence + config.threshold * config.step() + config.step());
    ASSERT_EQ(monitor.changes().size(), 1U);
    EXPECT_EQ(monitor.changes()[0].link, 1);
    EXPECT_EQ(monitor.changes()[0].node, peer);
    EXPECT_EQ(monitor.changes()[0].cause, Cause::silent);
    EXPECT_EQ(monitor.to_all().links, 0b01);
    EXPECT_EQ(monitor.state(peer, 0), PathState::up);
}

TEST_F(TwoLinks, one_of_which_does_not_carry_what_we_send_fall_too) {
    steps(5, both, both);
    EXPECT_GT(steps_until(PathState::down, 1, both, 0b01), 0);
    ASSERT_EQ(monitor.changes().size(), 1U);
    EXPECT_EQ(monitor.changes()[0].cause, Cause::deaf);
    EXPECT_EQ(monitor.to_all().links, 0b01);
}

TEST_F(TwoLinks, of_a_dead_peer_are_not_to_blame) {
    steps(5, both, both);
    steps(1000, 0, 0);
    EXPECT_EQ(monitor.state(peer, 0), PathState::up);
    EXPECT_EQ(monitor.state(peer, 1), PathState::up);
    EXPECT_TRUE(monitor.changes().empty());
}

TEST_F(TwoLinks, of_a_peer_that_does_not_hear_us_yet_are_not_to_blame) {
    steps(5, both, both);
    steps(100, both, 0);  // it has restarted
    EXPECT_TRUE(monitor.changes().empty());
}

TEST_F(TwoLinks, survive_sporadic_loss) {
    Prng chance(11);
    steps(5, both, both);
    for (int i = 0; i < 20000; ++i) {  // 1000 s with 5 % of hellos lost on each link
        LinkSet heard = both;
        heard = chance.below(100) < 5 ? without(heard, 0) : heard;
        heard = chance.below(100) < 5 ? without(heard, 1) : heard;
        steps(1, heard, both);
    }
    EXPECT_TRUE(monitor.changes().empty());
}

TEST_F(TwoLinks, come_back_after_so_many_good_steps_in_a_row) {
    steps(5, both, both);
    steps_until(PathState::down, 1, 0b01, both);
    monitor.changes().clear();
    steps(static_cast<int>(config.good_min) - 1, both, both);
    EXPECT_EQ(monitor.state(peer, 1), PathState::probation);
    EXPECT_EQ(monitor.to_all().links, 0b01);
    steps(3, 0b01, 0b01);  // bad again: the count begins anew
    EXPECT_EQ(monitor.state(peer, 1), PathState::down);
    EXPECT_EQ(steps_until(PathState::up, 1, both, both), static_cast<int>(config.good_min));
    ASSERT_EQ(monitor.changes().size(), 1U);
    EXPECT_EQ(monitor.changes()[0].cause, Cause::good);
    EXPECT_EQ(monitor.to_all().links, both);
}

TEST_F(TwoLinks, have_to_prove_themselves_twice_as_long_after_each_fall) {
    steps(5, both, both);
    std::uint32_t expected = config.good_min;
    for (int fall = 0; fall < 10; ++fall) {
        steps_until(PathState::down, 1, 0b01, both);
        EXPECT_EQ(monitor.needed(peer, 1), expected);
        // (Steps on probation begin when the silence is over.)
        EXPECT_EQ(steps_until(PathState::up, 1, both, both), static_cast<int>(expected));
        expected = std::min(2 * expected, config.good_max);
    }
    EXPECT_EQ(expected, config.good_max);
    // For long nothing: trusted again.
    steps(static_cast<int>(config.steady / config.step()), both, both);
    steps_until(PathState::down, 1, 0b01, both);
    EXPECT_EQ(monitor.needed(peer, 1), config.good_min);
}

TEST_F(TwoLinks, fall_at_once_when_our_interface_goes_down) {
    steps(5, both, both);
    monitor.on_interface(now, 0, false);
    EXPECT_EQ(monitor.state(peer, 0), PathState::down);
    EXPECT_EQ(monitor.to_all().links, 0b10);
    EXPECT_EQ(monitor.interfaces(), 0b10);
    ASSERT_EQ(monitor.changes().size(), 1U);
    EXPECT_EQ(monitor.changes()[0].cause, Cause::interface);
    monitor.on_interface(now, 0, true);
    EXPECT_EQ(monitor.interfaces(), both);
    EXPECT_EQ(monitor.to_all().links, 0b10);  // not before probation
    EXPECT_EQ(steps_until(PathState::up, 0, both, both), static_cast<int>(config.good_min));
}

TEST_F(TwoLinks, are_both_needed_when_neither_reaches_all) {
    monitor.on_members({self, peer, third});
    for (int i = 0; i < 30; ++i) {
        hear(peer, i < 5 ? both : 0b01, i < 5 ? both : 0b01);
        hear(third, i < 5 ? both : 0b10, i < 5 ? both : 0b10);
        step();
    }
    EXPECT_EQ(monitor.to_all().links, both);
    EXPECT_FALSE(monitor.to_all().each_reaches);
    EXPECT_EQ(monitor.to(peer).links, 0b01);
    EXPECT_EQ(monitor.to(third).links, 0b10);
    EXPECT_TRUE(monitor.to(third).each_reaches);
}

TEST_F(TwoLinks, are_all_tried_for_a_member_that_sends_no_hellos) {
    monitor.on_members({self, peer, third});
    steps(30, both, both);
    EXPECT_EQ(monitor.to_all().links, both);
    EXPECT_FALSE(monitor.to_all().each_reaches);
    EXPECT_FALSE(monitor.to(third).each_reaches);
}

TEST_F(TwoLinks, say_in_a_hello_who_is_heard_where) {
    hear(peer, 0b10, 0);
    hear(third, both, 0);
    Hello hello;
    monitor.fill(now, hello);
    EXPECT_EQ(hello.count, 2);
    EXPECT_EQ(hello.hears(peer), 0b10);
    EXPECT_EQ(hello.hears(third), both);
    now += config.silence + 1ms;
    monitor.fill(now, hello);
    EXPECT_EQ(hello.count, 0);
}

TEST_F(TwoLinks, forget_who_is_no_member_and_silent) {
    hear(third, both, both);
    steps(2, both, both);
    now += config.forget;
    steps(1, both, both);
    EXPECT_EQ(monitor.peers(), std::vector<NodeId>{peer});
}

// Random cuts, one-way cuts, deaths and interfaces: there is always something to send on while an
// interface is up, what is up was heard, and when all heals everything comes back within its bound.
TEST(FaultMonitorProperty, always_has_a_way_and_comes_back) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Prng chance(seed);
        const MonitorConfig config;
        constexpr LinkSet all = 0b111;
        FaultMonitor monitor(self, all, config);
        monitor.on_members({self, peer, third});
        Instant now(10s);
        std::array<LinkSet, 2> in{all, all};
        std::array<LinkSet, 2> out{all, all};
        for (int i = 0; i < 4000; ++i) {
            if (chance.below(40) == 0) {
                const auto who = chance.below(2);
                in[who] = static_cast<LinkSet>(chance.below(8));
                out[who] = chance.below(2) == 0 ? in[who] : static_cast<LinkSet>(chance.below(8));
            }
            if (chance.below(100) == 0) {
                monitor.on_interface(
                    now, static_cast<totem::LinkId>(chance.below(3)), chance.below(2) == 0);
            }
            for (std::size_t who = 0; who < 2; ++who) {
                for (totem::LinkId link = 0; link < 3; ++link) {
                    if (has(static_cast<LinkSet>(in[who] & monitor.interfaces()), link)) {
                        monitor.on_hello(now, link, who == 0 ? peer : third, out[who]);
                    }
                }
            }
            monitor.step(now);
            now += config.step();
            const FaultMonitor::Choice choice = monitor.to_all();
            ASSERT_EQ(choice.links & ~monitor.interfaces(), 0);
            ASSERT_EQ(choice.links == 0, monitor.interfaces() == 0);
            if (choice.each_reaches) {
                for (totem::LinkId link = 0; link < 3; ++link) {
                    if (has(choice.links, link)) {
                        ASSERT_EQ(monitor.state(peer, link), PathState::up);
                        ASSERT_EQ(monitor.state(third, link), PathState::up);
                    }
                }
            }
        }
        for (totem::LinkId link = 0; link < 3; ++link) {
            monitor.on_interface(now, link, true);
        }
        for (std::uint32_t i = 0; i <= config.good_max; ++i) {
            for (totem::LinkId link = 0; link < 3; ++link) {
                monitor.on_hello(now, link, peer, all);
                monitor.on_hello(now, link, third, all);
            }
            monitor.step(now);
            now += config.step();
        }
        EXPECT_EQ(monitor.to_all().links, all) << seed;
        EXPECT_TRUE(monitor.to_all().each_reaches) << seed;
    }
}

}  // namespace
}  // namespace ais::links
