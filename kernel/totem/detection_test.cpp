// SPDX-License-Identifier: BSD-3-Clause

#include "base/mark.hpp"
#include "totem/detector.hpp"
#include "totem/packet.hpp"
#include "totem/testing/tiny_cluster.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

using std::chrono::milliseconds;
using testing::TinyCluster;

PacketType type_of(const TinyCluster::Datagram& datagram) {
    PacketHeader header;
    EXPECT_EQ(decode(as_bytes(datagram.bytes), header), Verdict::ok);
    return header.type;
}

// A cluster in which one node hears nothing and says nothing any more.
class DetectionTest : public ::testing::Test {
  protected:
    void form(std::size_t count, const Config& config = TinyCluster::small()) {
        cluster.emplace(count, config);
        ASSERT_TRUE(cluster->form());
        cluster->run(2000);
    }

    // Like TinyCluster::run, without node `dead`, until `done` or for a second.
    template <typename Done>
    Duration run_without(std::size_t dead, Done done) {
        const Instant begin = cluster->now;
        while (!done() && cluster->now - begin < std::chrono::seconds(2)) {
            if (cluster->wire.empty()) {
                Instant next = cluster->now + milliseconds(10);
                for (std::size_t i = 0; i < cluster->nodes.size(); ++i) {
                    const auto at = (*cluster)[i].engine->deadline();
                    if (i != dead && at) {
                        next = std::min(next, *at);
                    }
                }
                cluster->now = std::max(cluster->now, next);
            } else {
                const auto datagram = cluster->wire.front();
                cluster->wire.pop_front();
                cluster->now += std::chrono::microseconds(10);
                for (std::size_t i = 0; i < cluster->nodes.size(); ++i) {
                    auto& node = (*cluster)[i];
                    if (i != dead && node.id != datagram.from &&
                        (!datagram.to || *datagram.to == node.id)) {
                        node.engine->receive(
                            cluster->now, 0, datagram.from, as_bytes(datagram.bytes), node);
                    }
                }
            }
            for (std::size_t i = 0; i < cluster->nodes.size(); ++i) {
                if (i != dead) {
                    (*cluster)[i].engine->expire(cluster->now, (*cluster)[i]);
                }
            }
        }
        return cluster->now - begin;
    }

    bool is_ring_of(std::size_t at, const Members& members) {
        return (*cluster)[at].engine->is_operational() &&
               (*cluster)[at].engine->configuration().members == members;
    }

    std::optional<TinyCluster> cluster;
};

TEST_F(DetectionTest, leaves_out_a_silent_node_within_detection_time) {
    form(4);
    const Members left{NodeId(1), NodeId(2), NodeId(4)};
    Duration took{};
    EXPECT_MARK("detection.excludes",
                took = run_without(2, [&] { return is_ring_of(0, left) && is_ring_of(3, left); }));
    EXPECT_TRUE(is_ring_of(1, left));
    EXPECT_LT(took, milliseconds(500));
    EXPECT_EQ((*cluster)[0].engine->stats().token_losses, 0u);
    EXPECT_EQ((*cluster)[0].engine->why_left(NodeId(3)), "another node gave it up");
    EXPECT_EQ((*cluster)[1].engine->why_left(NodeId(3)), "it does not answer");
}

TEST_F(DetectionTest, is_alone_at_once_when_the_only_other_node_has_ended) {
    form(2);
    auto& survivor = (*cluster)[0];
    for (int i = 0; i < 3; ++i) {
        survivor.engine->hint(cluster->now, NodeId(2), 0, Hint::refused, survivor);
        cluster->now += milliseconds(4);
        survivor.engine->expire(cluster->now, survivor);
    }
    EXPECT_TRUE(is_ring_of(0, Members{NodeId(1)}));
    EXPECT_EQ(survivor.engine->why_left(NodeId(2)), "its executive has ended");
}

TEST_F(DetectionTest, is_not_misled_by_a_hint_about_a_living_node) {
    form(3);
    auto& node = (*cluster)[0];
    node.engine->hint(cluster->now, NodeId(2), 0, Hint::refused, node);
    node.engine->hint(cluster->now, NodeId(3), 0, Hint::closed, node);
    node.engine->hint(cluster->now, NodeId(), 0, Hint::link_down, node);
    node.engine->hint(cluster->now, NodeId(77), 0, Hint::refused, node);
    cluster->run(3000);
    EXPECT_EQ(node.engine->stats().hints, 4u);
    EXPECT_GE(node.engine->stats().probes_sent, 2u);
    EXPECT_EQ(node.engine->stats().exclusions, 0u);
    EXPECT_EQ(node.engine->stats().rings, 1u);
}

class LostToken : public DetectionTest {
  protected:
    // The fifth token of node 2 is lost; false: there was none.
    bool lose() {
        form(3);
        (*cluster)[0].waiting = 1000;
        (*cluster)[0].engine->wake(cluster->now, (*cluster)[0]);
        int passed = 0;
        for (int i = 0; i < 1000; ++i) {
            if (is_token_of_2() && ++passed == 5) {
                cluster->wire.pop_front();
                lost = cluster->now;
                tokens = (*cluster)[2].engine->stats().tokens;
                return true;
            }
            if (!cluster->step()) {
                cluster->tick();
            }
        }
        return false;
    }
    bool is_token_of_2() const {
        return !cluster->wire.empty() && type_of(cluster->wire.front()) == PacketType::token &&
               cluster->wire.front().from == NodeId(2);
    }
    // Until node 3 has a token; before node 2 has asked for it, no repetition gets there if
    // `all_are_lost`.
    void run_on(bool all_are_lost) {
        while ((*cluster)[2].engine->stats().tokens == tokens) {
            if (all_are_lost && is_token_of_2() && (*cluster)[1].engine->stats().late_tokens == 0) {
                cluster->wire.pop_front();
            } else if (!cluster->step()) {
                cluster->tick();
            }
        }
    }

    Instant lost;
    std::uint64_t tokens = 0;
};

TEST_F(LostToken, is_sent_again_soon_and_without_a_question) {
    ASSERT_TRUE(lose());
    EXPECT_MARK("token.retransmits", run_on(false));
    EXPECT_LE(cluster->now - lost, milliseconds(3));
    EXPECT_EQ((*cluster)[1].engine->stats().late_tokens, 0u);
}

TEST_F(LostToken, is_sent_again_after_one_question_if_it_is_lost_again) {
    ASSERT_TRUE(lose());
    EXPECT_MARK("detection.repeats_token", run_on(true));
    EXPECT_LT(cluster->now - lost, Config().token_retransmit_timeout);
    EXPECT_EQ((*cluster)[1].engine->stats().late_tokens, 1u);
}

TEST_F(DetectionTest, runs_on_the_patience_of_the_most_patient_member) {
    Config fast = TinyCluster::small();
    fast.detection_time = milliseconds(100);
    fast.hold_timeout = milliseconds(20);
    Config slow = TinyCluster::small();
    slow.detection_time = milliseconds(900);
    slow.hold_timeout = milliseconds(150);
    cluster.emplace(0);
    for (std::size_t i = 1; i <= 3; ++i) {
        const NodeId id(static_cast<ais_node_id>(i));
        cluster->nodes.push_back(std::make_unique<TinyCluster::Node>(*cluster, id));
        auto& node = *cluster->nodes.back();
        Engine::Identity identity;
        identity.self = id;
        identity.incarnation = 1000 + i;
        identity.seed = i;
        node.engine = std::make_unique<Engine>(i == 2 ? slow : fast, identity, node, null_log());
        node.engine->start(cluster->now, node);
    }
    ASSERT_TRUE(cluster->form());
    cluster->run(500);
    for (auto& node : cluster->nodes) {
        EXPECT_NE(node->engine->describe().find("detection 900 ms, hold 150 ms"), std::string::npos)
            << node->engine->describe();
    }
}

TEST_F(DetectionTest, does_not_take_work_of_its_own_making_for_lateness) {
    form(2);
    auto& node = (*cluster)[0];
    // Nothing happens on an idle ring for a while; then clients fall behind.
    auto due = node.engine->deadline();
    for (int i = 0; i < 100 && due &&
                    *due - cluster->now <= 2 * DetectionTiming::of(milliseconds(500)).lateness;
         ++i) {
        cluster->run(1);
        due = node.engine->deadline();
    }
    ASSERT_TRUE(due);
    cluster->wire.clear();
    ASSERT_GT(*due - cluster->now, 2 * DetectionTiming::of(milliseconds(500)).lateness);
    node.engine->set_congested(true);
    cluster->now = *due - milliseconds(1);
    node.engine->expire(cluster->now, node);
    EXPECT_EQ(node.engine->stats().late_wakeups, 0u);
    // The real thing.
    cluster->now = *node.engine->deadline() + milliseconds(60);
    node.engine->expire(cluster->now, node);
    EXPECT_EQ(node.engine->stats().late_wakeups, 1u);
    EXPECT_EQ(node.engine->stats().pauses, 0u);
}

TEST_F(DetectionTest, learns_that_the_next_node_is_on_another_ring) {
    form(2);
    auto& node = (*cluster)[0];
    cluster->wire.clear();
    const auto rings = node.engine->stats().gathers;
    node.engine->hint(cluster->now, NodeId(2), 0, Hint::unreachable, node);
    // Node 1 may hold the token; let it go, and ask once more.
    cluster->now += TinyCluster::small().hold_timeout;
    node.engine->expire(cluster->now, node);
    Probe probe;
    for (const auto& datagram : cluster->wire) {
        if (type_of(datagram) == PacketType::probe) {
            const Bytes bytes = as_bytes(datagram.bytes);
            ASSERT_TRUE(
                decode(bytes.subspan(PacketHeader::size), PacketType::probe, NodeId(1), probe));
        }
    }
    ASSERT_NE(probe.id, 0u);
    probe.ring = RingId{400, NodeId(2), 9};
    std::array<std::uint8_t, 100> room{};
    const std::size_t size = encode(room, NodeId(2), PacketType::probe_answer, probe);
    EXPECT_MARK("detection.successor_is_elsewhere",
                node.engine->receive(cluster->now, 0, NodeId(2), Bytes(room).first(size), node));
    EXPECT_EQ(node.engine->stats().gathers, rings + 1);
}

}  // namespace
}  // namespace ais::totem
