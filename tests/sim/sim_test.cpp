// SPDX-License-Identifier: BSD-3-Clause
//
// The judge is judged: each checker finds the history that breaks its
// property, and equal seeds give equal runs.

#include "sim/checker/history.hpp"
#include "sim/story.hpp"

#include <gtest/gtest.h>

namespace ais::sim {
namespace {

using totem::Members;

const LifeId a{NodeId(1), 11};
const LifeId b{NodeId(2), 22};
const RingId first{4, NodeId(1), 1};
const RingId second{8, NodeId(1), 1};

class Tale {
  public:
    Tale() {
        history.start(a);
        history.start(b);
    }

    Tale& regular(LifeId life, const RingId& ring, const Members& members, const Members& joined) {
        Configuration now;
        now.kind = Configuration::Kind::regular;
        now.ring = ring;
        now.members = members;
        now.joined = joined;
        for (std::size_t i = 0; i < members.size(); ++i) {
            now.previous[i] = ring == first ? RingId{} : first;
        }
        history.configure(life, next(), now);
        return *this;
    }
    Tale& transitional(LifeId life, const Members& members, const Members& left) {
        Configuration now;
        now.kind = Configuration::Kind::transitional;
        now.ring = first;
        now.members = members;
        now.left = left;
        history.configure(life, next(), now);
        return *this;
    }
    Tale& send(LifeId life, std::uint64_t number, Guarantee guarantee = Guarantee::agreed) {
        history.send(life, next(), {life, number}, guarantee);
        return *this;
    }
    Tale& deliver(LifeId life,
                  LifeId from,
                  std::uint64_t number,
                  Seq seq,
                  Guarantee guarantee = Guarantee::agreed) {
        history.deliver(life, next(), {from, number}, guarantee, first, seq);
        return *this;
    }
    // Both in the first ring.
    Tale& together() { return regular(a, first, both, both).regular(b, first, both, both); }
    // Both go on to the second ring.
    Tale& move(LifeId life) { return transitional(life, both, {}).regular(life, second, both, {}); }

    // The properties that this history breaks.
    std::string broken() {
        std::string names;
        std::string last;
        for (const std::string& text : check_all(history).texts) {
            const std::string name = text.substr(0, text.find(':'));
            if (name != last) {
                names += (names.empty() ? "" : ", ") + name;
                last = name;
            }
        }
        return names;
    }

    Instant next() { return clock += std::chrono::milliseconds(1); }

    const Members both{NodeId(1), NodeId(2)};
    Instant clock{};
    History history;
};

TEST(Checker, accepts_a_good_history) {
    Tale tale;
    tale.together().send(a, 1).deliver(a, a, 1, 1).deliver(b, a, 1, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "");
}

TEST(Checker, finds_a_message_that_nobody_sent) {
    Tale tale;
    tale.together().deliver(a, a, 1, 1).deliver(b, a, 1, 1);
    EXPECT_EQ(tale.broken(), "basic delivery");
}

TEST(Checker, finds_a_second_delivery) {
    Tale tale;
    tale.together().send(a, 1).deliver(b, a, 1, 1).deliver(a, a, 1, 1).deliver(a, a, 1, 2);
    EXPECT_TRUE(tale.broken().starts_with("basic delivery, agreed order"));
}

TEST(Checker, finds_a_ring_without_a_transitional_configuration) {
    Tale tale;
    tale.together().move(a).regular(b, second, tale.both, {});
    EXPECT_EQ(tale.broken(), "configuration changes");
}

TEST(Checker, finds_different_company) {
    Tale tale;
    tale.together().move(a).transitional(b, Members{NodeId(2)}, Members{NodeId(1)});
    tale.regular(b, second, tale.both, Members{NodeId(1)});
    EXPECT_EQ(tale.broken(), "configuration changes");
}

TEST(Checker, finds_two_orders) {
    Tale tale;
    tale.together().send(a, 1).send(b, 1);
    tale.deliver(a, a, 1, 1).deliver(a, b, 1, 2).deliver(b, b, 1, 1).deliver(b, a, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order");
}

TEST(Checker, finds_a_gap) {
    Tale tale;
    tale.together().send(a, 1).send(b, 1);
    tale.deliver(a, a, 1, 1).deliver(a, b, 1, 2).deliver(b, b, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order, liveness");
}

TEST(Checker, finds_a_sender_without_its_message) {
    Tale tale;
    tale.together().send(a, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "self delivery");
}

TEST(Checker, finds_different_sets_before_the_same_ring) {
    Tale tale;
    tale.together().send(a, 1).deliver(a, a, 1, 1).move(a).move(b);
    EXPECT_EQ(tale.broken(), "failure atomicity");
}

TEST(Checker, finds_a_broken_promise) {
    Tale tale;
    const Members only_a{NodeId(1)};
    const Members only_b{NodeId(2)};
    const RingId other{12, NodeId(2), 1};
    tale.together().send(a, 1, Guarantee::safe).deliver(a, a, 1, 1, Guarantee::safe);
    tale.transitional(a, only_a, only_b).regular(a, second, only_a, {});
    tale.transitional(b, only_b, only_a).regular(b, other, only_b, {});
    EXPECT_EQ(tale.broken(), "safe delivery, liveness");
}

TEST(Checker, finds_an_effect_without_its_cause) {
    Tale tale;
    tale.together().send(a, 1).deliver(b, a, 1, 1).send(b, 1);
    tale.deliver(a, b, 1, 2).deliver(b, b, 1, 2);
    EXPECT_EQ(tale.broken(), "agreed order, causality, liveness");
}

TEST(Checker, finds_a_hole_left_by_a_member) {
    Tale tale;
    tale.together().send(a, 1).send(a, 2).deliver(a, a, 1, 1).deliver(a, a, 2, 2);
    tale.transitional(a, tale.both, {}).transitional(b, tale.both, {}).deliver(b, a, 2, 2);
    EXPECT_TRUE(tale.broken().find("no holes") != std::string::npos);
}

TEST(Checker, finds_who_is_left_in_limbo) {
    Tale tale;
    tale.together().move(a);
    EXPECT_EQ(tale.broken(), "liveness");
}

TEST(Checker, finds_a_change_without_a_cause) {
    Tale tale;
    tale.together().move(a).move(b);
    tale.history.had_faults = false;
    EXPECT_EQ(tale.broken(), "stability");
}

TEST(Story, is_the_same_for_the_same_seed) {
    for (const std::uint64_t seed : {3u, 14u, 15u}) {
        Story story;
        story.seed = seed;
        story.length = std::chrono::seconds(5);
        const Outcome once = tell(story);
        const Outcome again = tell(story);
        EXPECT_EQ(once.about, again.about);
        EXPECT_EQ(once.digest, again.digest);
        EXPECT_TRUE(once.violations.texts.empty());
        story.seed = seed + 1;
        EXPECT_NE(once.digest, tell(story).digest);
    }
}

}  // namespace
}  // namespace ais::sim
