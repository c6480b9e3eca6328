// SPDX-License-Identifier: BSD-3-Clause
//
// Nodes with two links each, on networks that are queues.

#include "links/links.hpp"

#include "base/mark.hpp"
#include "links/clear_seal_test.hpp"
#include "links/hello.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace ais::links {
namespace {

using namespace std::chrono_literals;
using totem::LinkId;
using totem::Traffic;

struct Packet {
    std::optional<NodeId> to;
    Traffic traffic;
    std::vector<std::uint8_t> bytes;
};

class Wire final : public Transport {
  public:
    void send(std::optional<NodeId> to,
              Traffic traffic,
              Bytes batch,
              std::size_t segment) override {
        for (; !batch.empty(); batch = batch.subspan(std::min(segment, batch.size()))) {
            const Bytes one = batch.first(std::min(segment, batch.size()));
            sent.push_back({to, traffic, {one.begin(), one.end()}});
        }
    }
    [[nodiscard]] std::string_view address_of(NodeId) const override { return {}; }
    void learn(NodeId node) override { learned.push_back(node); }
    [[nodiscard]] std::string_view source() const override { return "10.0.0.9:5405"; }
    std::deque<Packet> sent;
    std::vector<NodeId> learned;
};

class Got final : public Receiver {
  public:
    void on_datagram(LinkId, NodeId, Bytes plain) override { all.emplace_back(as_text(plain)); }
    std::vector<std::string> all;
};

class Lines final : public Log {
  public:
    void write(Level, std::string_view, std::string_view id, std::string_view text) override {
        all.push_back(std::string(id) + " " + std::string(text));
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    std::vector<std::string> all;
};

struct Machine {
    Machine(std::uint32_t id, std::unique_ptr<Mode> mode) : self(id), seal(self) {
        const std::array<LinkPort, 2> ports{LinkPort{0, &wires[0]}, LinkPort{1, &wires[1]}};
        links = make_redundant(seal, ports, std::move(mode), {}, got, log, self, 2000);
    }
    void data(std::string_view text, bool is_repeat = false) {
        links->transmit({std::nullopt, Traffic::data, as_bytes(text), is_repeat});
        links->flush();
    }
    // Payloads that went out on a link, hellos left out; forgets them.
    std::vector<std::string> said(LinkId link) {
        std::vector<std::string> texts;
        for (const Packet& packet : wires[link].sent) {
            const Bytes plain = Bytes(packet.bytes).subspan(envelope::header_size);
            if (!is_hello(plain)) {
                texts.emplace_back(as_text(plain));
            }
        }
        wires[link].sent.clear();
        return texts;
    }
    NodeId self;
    ClearSeal seal;
    std::array<Wire, 2> wires;
    Got got;
    Lines log;
    std::unique_ptr<Links> links;
};

using Texts = std::vector<std::string>;

class Pair : public testing::Test {
  protected:
    explicit Pair(std::unique_ptr<Mode> (*mode)() = make_best) : a(1, mode()), b(2, mode()) {
        for (Machine* node : {&a, &b}) {
            totem::Configuration ring;
            ring.members = {NodeId(1), NodeId(2)};
            node->links->on_configuration(ring);
            node->links->start(now);
        }
    }
    void carry(Machine& from, Machine& to) {
        for (LinkId link = 0; link < 2; ++link) {
            while (!from.wires[link].sent.empty()) {
                auto bytes = from.wires[link].sent.front().bytes;
                from.wires[link].sent.pop_front();
                if (!is_cut[link]) {
                    to.links->on_received(now, link, bytes, {});
                }
            }
        }
    }
    void run(Duration time) {
        for (const Instant end = now + time; now < end; now += 10ms) {
            a.links->expire(now);
            b.links->expire(now);
            carry(a, b);
            carry(b, a);
        }
    }
    Instant now{100s};
    std::array<bool, 2> is_cut{};
    Machine a;
    Machine b;
};

class BestPair : public Pair {};
class PassivePair : public Pair {
  protected:
    PassivePair() : Pair(make_passive) {}
};
class ActivePair : public Pair {
  protected:
    ActivePair() : Pair(make_active) {}
};

TEST_F(BestPair, sends_tokens_and_control_on_all_links_and_data_on_the_first) {
    run(200ms);
    a.data("data");
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    a.links->transmit({std::nullopt, Traffic::control, as_bytes("join")});
    EXPECT_EQ(a.said(0), (Texts{"data", "token", "join"}));
    EXPECT_EQ(a.said(1), (Texts{"token", "join"}));
}

TEST_F(BestPair, hands_up_once_what_comes_twice_and_opens_it_once) {
    run(200ms);
    const int before = b.seal.opens;
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    carry(a, b);
    EXPECT_EQ(b.got.all, Texts{"token"});
    EXPECT_EQ(b.seal.opens, before + 1);
    EXPECT_EQ(b.links->stats(1).copies, 1U);
    EXPECT_TRUE(b.log.all.empty());
}

TEST_F(BestPair, tells_of_a_replay_on_the_same_link) {
    run(200ms);
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    auto bytes = a.wires[0].sent.back().bytes;
    carry(a, b);
    b.links->on_received(now, 0, bytes, {});
    EXPECT_EQ(b.got.all.size(), 1U);
    EXPECT_EQ(b.links->stats(0).faults[AIS_FAULT_REPLAY], 1U);
    ASSERT_EQ(b.log.all.size(), 1U);
    EXPECT_NE(b.log.all[0].find("LINK-006"), std::string::npos);
}

TEST_F(BestPair, moves_data_away_from_a_dead_link_and_back) {
    run(500ms);
    is_cut[0] = true;
    run(500ms);
    a.data("while down");
    EXPECT_EQ(a.said(0), Texts{});
    EXPECT_EQ(a.said(1), Texts{"while down"});
    ASSERT_EQ(a.log.all.size(), 1U);
    EXPECT_NE(a.log.all[0].find("LINK-010 link 0 to node 2 is down"), std::string::npos)
        << a.log.all[0];
    is_cut[0] = false;
    run(1s);
    a.data("up again");
    EXPECT_EQ(a.said(0), Texts{"up again"});
    ASSERT_EQ(a.log.all.size(), 2U);
    EXPECT_NE(a.log.all[1].find("LINK-011 link 0 to node 2 is up again"), std::string::npos);
    EXPECT_EQ(a.links->stats(0).falls, 1U);
    EXPECT_EQ(a.links->stats(0).recoveries, 1U);
    EXPECT_EQ(b.log.all.size(), 2U);
}

TEST_F(BestPair, loses_no_token_when_a_link_dies) {
    run(500ms);
    is_cut[0] = true;
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    carry(a, b);
    EXPECT_EQ(b.got.all, Texts{"token"});
}

TEST_F(BestPair, leaves_an_interface_that_is_down_alone) {
    run(500ms);
    a.links->on_interface(now, 0, false);
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    a.data("data");
    EXPECT_EQ(a.said(0), Texts{});
    EXPECT_EQ(a.said(1), (Texts{"token", "data"}));
    EXPECT_TRUE(a.log.all.empty());  // the network tells, with the interface's name
}

TEST_F(PassivePair, takes_turns_batch_by_batch) {
    run(200ms);
    for (const auto* text : {"a", "b", "c", "d"}) {
        a.data(text);
    }
    EXPECT_EQ(a.said(0), (Texts{"a", "c"}));
    EXPECT_EQ(a.said(1), (Texts{"b", "d"}));
}

TEST_F(PassivePair, sends_again_on_every_link) {
    run(200ms);
    a.links->transmit({std::nullopt, Traffic::data, as_bytes("new"), false});
    a.links->transmit({std::nullopt, Traffic::data, as_bytes("old"), true});
    a.links->flush();
    EXPECT_EQ(a.said(0), (Texts{"new", "old"}));
    EXPECT_EQ(a.said(1), Texts{"old"});
}

TEST_F(ActivePair, sends_everything_everywhere_and_delivers_it_once) {
    run(200ms);
    a.data("data");
    carry(a, b);
    EXPECT_EQ(b.got.all, Texts{"data"});
    is_cut[1] = true;
    a.data("more");
    carry(a, b);
    EXPECT_EQ(b.got.all.size(), 2U);
}

TEST_F(BestPair, learns_addresses_on_each_link_from_the_newest_only) {
    run(200ms);
    EXPECT_FALSE(b.wires[0].learned.empty());
    EXPECT_FALSE(b.wires[1].learned.empty());
    a.links->transmit({NodeId(2), Traffic::token, as_bytes("held back")});
    auto old = a.wires[0].sent.back().bytes;
    a.wires[0].sent.clear();
    a.wires[1].sent.clear();
    run(200ms);
    b.wires[0].learned.clear();
    b.links->on_received(now, 0, old, {});
    EXPECT_EQ(b.got.all, Texts{"held back"});  // authentic, not heard before
    EXPECT_TRUE(b.wires[0].learned.empty());   // but not the newest
}

TEST_F(BestPair, tells_of_crossed_cables) {
    run(200ms);
    a.links->expire(now + 1s);
    auto hello = a.wires[0].sent.front().bytes;
    EXPECT_MARK("links.tells_of_crossed_links", b.links->on_received(now, 1, hello, {}));
    ASSERT_EQ(b.log.all.size(), 1U);
    EXPECT_NE(b.log.all[0].find("LINK-012 what node 1 sends on link 0 comes here on link 1"),
              std::string::npos)
        << b.log.all[0];
}

TEST_F(BestPair, counts_a_malformed_hello) {
    run(200ms);
    const std::vector<std::uint8_t> broken{0x4c, 0x4b, 1, 1, 0, 200, 0, 0};
    a.links->transmit({std::nullopt, Traffic::control, Bytes(broken), false});
    EXPECT_MARK("links.drops_malformed_hello", carry(a, b));
    EXPECT_TRUE(b.got.all.empty());
    EXPECT_EQ(b.links->stats(0).faults[AIS_FAULT_MALFORMED], 1U);
}

TEST_F(BestPair, lets_the_other_side_know_at_once_that_it_has_moved) {
    run(200ms);
    b.wires[1].learned.clear();
    a.links->on_moved(1);
    carry(a, b);
    EXPECT_EQ(b.wires[1].learned, std::vector<NodeId>{NodeId(1)});
}

TEST_F(BestPair, describes_each_link) {
    run(200ms);
    a.links->on_interface(now, 1, false);
    const std::string text = a.links->describe();
    EXPECT_NE(text.find("links: 0, 1; rrp_mode none"), std::string::npos) << text;
    EXPECT_NE(text.find("link 0: node 2 up,"), std::string::npos) << text;
    EXPECT_NE(text.find("link 1: interface down; node 2 down,"), std::string::npos) << text;
}

}  // namespace
}  // namespace ais::links
