// SPDX-License-Identifier: BSD-3-Clause

#include "totem/detector.hpp"

#include "base/mark.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ais::totem {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Kind = Detector::Action::Kind;
using Standing = Detector::Standing;

const NodeId self(1);
const NodeId peer(3);
const Members ring{NodeId(1), NodeId(2), NodeId(3), NodeId(4)};

// Runs the detector's clock and notes what it wants.
class DetectorTest : public ::testing::Test {
  protected:
    DetectorTest() { detector.track(ring); }

    void run(Duration by) {
        const Instant end = now + by;
        while (true) {
            while (auto action = detector.next(now)) {
                actions.push_back(*action);
            }
            const auto at = detector.deadline();
            if (!at || *at > end) {
                now = end;
                return;
            }
            now = std::max(now, *at);
        }
    }

    std::size_t count(Kind kind) const {
        std::size_t found = 0;
        for (const auto& action : actions) {
            found += action.kind == kind ? 1 : 0;
        }
        return found;
    }

    Detector detector{self};
    DetectionTiming timing = detector.timing();
    Instant now{std::chrono::seconds(10)};
    std::vector<Detector::Action> actions;
};

TEST_F(DetectorTest, wants_nothing_while_nobody_is_doubted) {
    run(std::chrono::seconds(10));
    EXPECT_TRUE(actions.empty());
    EXPECT_FALSE(detector.deadline());
    EXPECT_EQ(detector.standing(peer), Standing::alive);
}

TEST_F(DetectorTest, probes_then_asks_others_then_excludes) {
    detector.doubt(now, peer);
    run(timing.probe - microseconds(1));
    EXPECT_EQ(detector.standing(peer), Standing::doubted);
    EXPECT_GE(count(Kind::probe), 3u);
    EXPECT_EQ(count(Kind::ask_others), 0u);

    run(milliseconds(1));
    EXPECT_EQ(detector.standing(peer), Standing::suspected);
    EXPECT_EQ(count(Kind::ask_others), 1u);

    // The others answer, the peer does not.
    detector.on_heard(now, NodeId(2), 0);
    detector.on_heard(now, NodeId(4), 0);
    run(timing.suspect);
    ASSERT_EQ(count(Kind::exclude), 1u);
    EXPECT_EQ(actions.back().peers, Members{peer});
    EXPECT_FALSE(actions.back().is_certain);
    EXPECT_EQ(detector.standing(peer), Standing::excluded);
    EXPECT_FALSE(detector.deadline());
}

TEST_F(DetectorTest, is_satisfied_by_an_answer_and_measures_the_round_trip) {
    detector.doubt(now, peer);
    run(Duration::zero());
    ASSERT_EQ(actions.size(), 1u);
    now += microseconds(300);
    EXPECT_FALSE(detector.on_answer(now, peer, 0, actions[0].id + 1));
    EXPECT_TRUE(detector.on_answer(now, peer, 0, actions[0].id));
    EXPECT_EQ(detector.standing(peer), Standing::alive);
    EXPECT_EQ(detector.round_trip(peer), microseconds(300));
    EXPECT_FALSE(detector.deadline());
}

TEST_F(DetectorTest, gives_more_time_to_one_that_is_heard_or_vouched_for_but_no_eternity) {
    detector.doubt(now, peer);
    run(timing.probe + milliseconds(1));
    detector.on_vouched(peer);
    EXPECT_MARK("detector.gives_time_to_one_that_is_heard", run(timing.suspect));
    EXPECT_EQ(detector.standing(peer), Standing::suspected);
    detector.on_heard(now, peer, 0);
    run(timing.suspect);
    EXPECT_EQ(detector.standing(peer), Standing::excluded);
    EXPECT_EQ(actions.back().why, "it is heard, but does not answer");
}

TEST_F(DetectorTest, excludes_at_once_whoever_was_asked_too_and_is_as_silent) {
    detector.doubt(now, peer);
    run(timing.probe + milliseconds(1));
    detector.on_heard(now, NodeId(2), 0);
    run(timing.suspect);
    ASSERT_EQ(count(Kind::exclude), 1u);
    EXPECT_EQ(actions.back().peers, (Members{peer, NodeId(4)}));
}

TEST_F(DetectorTest, believes_a_closed_port_only_when_a_later_probe_meets_it_too) {
    detector.hint(now, peer, Hint::refused);
    detector.hint(now, peer, Hint::refused);  // of the same datagrams: no second opinion
    run(timing.confirm);
    EXPECT_EQ(detector.standing(peer), Standing::doubted);
    EXPECT_GE(count(Kind::probe), 2u);
    detector.hint(now, peer, Hint::refused);
    run(Duration::zero());
    ASSERT_EQ(count(Kind::exclude), 1u);
    EXPECT_TRUE(actions.back().is_certain);
    EXPECT_EQ(actions.back().peers, Members{peer});
}

TEST_F(DetectorTest, lets_an_answer_refute_a_closed_port) {
    detector.hint(now, peer, Hint::refused);
    run(Duration::zero());
    detector.hint(now, peer, Hint::refused);
    ASSERT_TRUE(detector.on_answer(now, peer, 0, actions[0].id));
    run(std::chrono::seconds(1));
    EXPECT_EQ(count(Kind::exclude), 0u);
    EXPECT_EQ(detector.standing(peer), Standing::alive);
}

TEST_F(DetectorTest, takes_an_unreachable_link_for_a_reason_to_ask_and_no_more) {
    detector.hint(now, peer, Hint::link_down);
    run(timing.probe - milliseconds(1));
    EXPECT_EQ(count(Kind::exclude), 0u);
    EXPECT_EQ(detector.standing(peer), Standing::doubted);
}

TEST_F(DetectorTest, doubts_itself_first_when_it_was_late) {
    detector.doubt(now, peer);
    run(timing.probe + timing.suspect - milliseconds(1));
    ASSERT_EQ(detector.standing(peer), Standing::suspected);
    EXPECT_MARK("detector.doubts_itself_first", detector.on_late_self(now));
    EXPECT_EQ(detector.self_doubt(now), 1u);
    EXPECT_EQ(detector.standing(peer), Standing::doubted);
    // Twice as patient …
    run(2 * timing.probe + timing.suspect);
    EXPECT_EQ(detector.standing(peer), Standing::suspected);
    run(timing.suspect);
    EXPECT_EQ(detector.standing(peer), Standing::excluded);
    // … for a while, and never more than four times.
    for (int i = 0; i < 10; ++i) {
        detector.on_late_self(now);
    }
    EXPECT_EQ(detector.self_doubt(now), 3u);
    EXPECT_EQ(detector.self_doubt(now + timing.health), 2u);
    EXPECT_EQ(detector.self_doubt(now + 3 * timing.health), 0u);
}

TEST_F(DetectorTest, waits_longer_for_a_peer_whose_round_trips_are_long) {
    for (int i = 0; i < 20; ++i) {
        detector.doubt(now, peer);
        run(Duration::zero());
        now += milliseconds(i % 2 == 0 ? 20 : 60);
        ASSERT_TRUE(detector.on_answer(now, peer, 0, actions.back().id));
    }
    detector.doubt(now, peer);
    run(timing.probe + timing.suspect + milliseconds(1));
    EXPECT_EQ(count(Kind::exclude), 0u);
    run(4 * (timing.probe + timing.suspect));
    EXPECT_EQ(count(Kind::exclude), 1u);
}

TEST_F(DetectorTest, keeps_what_it_knows_of_those_who_stay) {
    detector.on_heard(now, NodeId(2), 0);
    detector.on_heard(now, NodeId(4), 1);
    detector.doubt(now, NodeId(4));
    detector.track(Members{NodeId(1), NodeId(4), NodeId(7)});
    EXPECT_EQ(detector.last_heard(NodeId(4)), now);
    EXPECT_EQ(detector.standing(NodeId(4)), Standing::alive);
    EXPECT_FALSE(detector.last_heard(NodeId(2)));
    EXPECT_FALSE(detector.last_heard(NodeId(7)));
    EXPECT_FALSE(detector.deadline());
    detector.track(ring);
    EXPECT_EQ(detector.last_heard(NodeId(4)), now);
    EXPECT_NE(detector.describe(now).find("peer 4 alive, link 1 heard 0 ms ago"),
              std::string::npos);
}

TEST(DetectionTiming, adds_up_to_less_than_detection_time) {
    for (const auto time :
         {milliseconds(50), milliseconds(100), milliseconds(500), milliseconds(3000)}) {
        const auto timing = DetectionTiming::of(time);
        const Duration rest = time / 5;
        EXPECT_LE(2 * rest + timing.late + timing.probe + timing.suspect,
                  time * 8 / 10 + milliseconds(3));
        EXPECT_LT(timing.confirm, timing.probe);
    }
}

}  // namespace
}  // namespace ais::totem
