// SPDX-License-Identifier: BSD-3-Clause

#include "links/links.hpp"

#include "base/mark.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::links {
namespace {

using totem::Traffic;

// Envelope of the tests: 'A' 'S', sender, check byte (0 good, else the fault).
class FakeSeal final : public Seal {
  public:
    [[nodiscard]] std::size_t overhead() const override { return 4; }
    [[nodiscard]] std::string_view cipher() const override { return "fake"; }
    bool seal(Bytes plain, MutableBytes out) override {
        if (is_broken) {
            return false;
        }
        EXPECT_EQ(out.size(), plain.size() + overhead());
        out[0] = 'A';
        out[1] = 'S';
        out[2] = 1;
        out[3] = 0;
        copy_bytes(out.data() + 4, plain);
        return true;
    }
    bool open(MutableBytes datagram, Opened& opened, ais_crypto_fault& fault) override {
        if (datagram.size() < 4) {
            fault.cause = AIS_FAULT_MALFORMED;
            return false;
        }
        if (datagram[3] != 0) {
            fault.cause = datagram[3];
            return false;
        }
        opened.sender = NodeId(datagram[2]);
        opened.plain = datagram.subspan(4);
        return true;
    }
    bool open_to(MutableBytes datagram,
                 MutableBytes to,
                 Opened& opened,
                 ais_crypto_fault& fault) override {
        if (!open(datagram, opened, fault)) {
            return false;
        }
        if (to.size() >= opened.plain.size()) {
            copy_bytes(to.data(), opened.plain);
            opened.plain = to.first(opened.plain.size());
        }
        return true;
    }
    bool is_broken = false;
};

struct Sent {
    std::optional<NodeId> to;
    Traffic traffic;
    std::vector<std::size_t> sizes;  // of the datagrams, split as a transport does
    std::string text;                // payloads, one after the other
};

class FakeTransport final : public Transport {
  public:
    void send(std::optional<NodeId> to,
              Traffic traffic,
              Bytes batch,
              std::size_t segment) override {
        Sent entry{to, traffic, {}, {}};
        while (!batch.empty()) {
            const auto size = std::min(segment, batch.size());
            entry.sizes.push_back(size);
            entry.text += as_text(batch.subspan(4, size - 4));
            batch = batch.subspan(size);
        }
        sent.push_back(std::move(entry));
    }
    [[nodiscard]] std::string_view address_of(NodeId) const override { return {}; }
    void learn(NodeId node) override { learned.push_back(node); }
    [[nodiscard]] std::string_view source() const override { return "10.0.0.9:5405"; }
    std::vector<Sent> sent;
    std::vector<NodeId> learned;
};

class Got final : public Receiver {
  public:
    void on_datagram(totem::LinkId, NodeId sender, Bytes plain) override {
        all.emplace_back(sender, std::string(as_text(plain)));
        has_landed = plain.data() == place.data();
    }
    [[nodiscard]] MutableBytes landing() override { return place; }
    std::vector<std::uint8_t> place;
    bool has_landed = false;  // the last one
    std::vector<std::pair<NodeId, std::string>> all;
};

class Lines final : public Log {
  public:
    void write(Level, std::string_view, std::string_view id, std::string_view text) override {
        all.push_back(std::string(id) + " " + std::string(text));
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    std::vector<std::string> all;
};

class SingleLink : public testing::Test {
  protected:
    void data(std::string_view text, std::optional<NodeId> to = {}) {
        links->transmit({to, Traffic::data, as_bytes(text)});
    }
    void receive(std::vector<std::uint8_t> bytes, std::string_view from = {}) {
        links->on_received(Instant{}, 0, bytes, from);
    }
    FakeSeal seal;
    FakeTransport transport;
    Got got;
    Lines log;
    std::unique_ptr<Links> links = make_single(seal, transport, got, log, NodeId(1), 2000);
};

TEST_F(SingleLink, opens_to_where_the_receiver_keeps_it) {
    got.place.resize(5);
    receive({'A', 'S', 2, 0, 'h', 'e', 'l', 'l', 'o'});
    EXPECT_TRUE(got.has_landed);
    receive({'A', 'S', 2, 0, 'l', 'o', 'n', 'g', 'e', 'r'});
    EXPECT_FALSE(got.has_landed);
    using One = std::pair<NodeId, std::string>;
    EXPECT_EQ(got.all, (std::vector<One>{{NodeId(2), "hello"}, {NodeId(2), "longer"}}));
}

TEST_F(SingleLink, equal_datagrams_share_a_batch_until_flush) {
    data("aaaa");
    data("bbbb");
    data("cccc");
    EXPECT_TRUE(transport.sent.empty());
    links->flush();
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].sizes, (std::vector<std::size_t>{8, 8, 8}));
    EXPECT_EQ(transport.sent[0].text, "aaaabbbbcccc");
    EXPECT_EQ(transport.sent[0].to, std::nullopt);
    links->flush();
    EXPECT_EQ(transport.sent.size(), 1U);  // nothing was left
}

TEST_F(SingleLink, a_shorter_datagram_ends_its_batch) {
    data("aaaa");
    EXPECT_MARK("links.short_datagram_ends_batch", data("bb"));
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].sizes, (std::vector<std::size_t>{8, 6}));
    data("cccc");
    links->flush();
    EXPECT_EQ(transport.sent[1].text, "cccc");
}

TEST_F(SingleLink, a_longer_datagram_starts_the_next_batch) {
    data("aa");
    data("bbbb");
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].text, "aa");
    links->flush();
    EXPECT_EQ(transport.sent[1].text, "bbbb");
}

TEST_F(SingleLink, another_receiver_starts_the_next_batch) {
    data("aaaa");
    data("bbbb", NodeId(2));
    data("cccc", NodeId(2));
    data("dddd", NodeId(3));
    links->flush();
    ASSERT_EQ(transport.sent.size(), 3U);
    EXPECT_EQ(transport.sent[1].to, NodeId(2));
    EXPECT_EQ(transport.sent[1].text, "bbbbcccc");
    EXPECT_EQ(transport.sent[2].to, NodeId(3));
}

TEST_F(SingleLink, a_token_goes_out_after_everything_before_it) {
    data("aaaa");
    links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    data("bbbb");
    links->transmit({std::nullopt, Traffic::control, as_bytes("join")});
    ASSERT_EQ(transport.sent.size(), 4U);
    EXPECT_EQ(transport.sent[0].text, "aaaa");
    EXPECT_EQ(transport.sent[1].text, "token");
    EXPECT_EQ(transport.sent[1].traffic, Traffic::token);
    EXPECT_EQ(transport.sent[1].to, NodeId(2));
    EXPECT_EQ(transport.sent[2].text, "bbbb");
    EXPECT_EQ(transport.sent[3].traffic, Traffic::control);
}

TEST_F(SingleLink, a_join_of_a_large_ring_may_be_longer_than_data) {
    const std::string join(totem::control_datagram_max, 'j');
    links->transmit({std::nullopt, Traffic::control, as_bytes(join)});
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].text, join);
}

TEST_F(SingleLink, a_batch_has_at_most_64_segments) {
    for (int i = 0; i < 65; ++i) {
        data("abcd");
    }
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].sizes.size(), 64U);
    links->flush();
    EXPECT_EQ(transport.sent[1].sizes.size(), 1U);
    EXPECT_EQ(links->stats(0).sent_datagrams, 65U);
    EXPECT_EQ(links->stats(0).batches, 2U);
}

TEST_F(SingleLink, a_batch_has_at_most_60000_bytes) {
    const std::string text(1996, 'x');  // 2000 sealed
    for (int i = 0; i < 31; ++i) {
        data(text);
    }
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].sizes.size(), 30U);
}

TEST_F(SingleLink, a_datagram_larger_than_a_batch_still_goes_out) {
    auto jumbo = make_single(seal, transport, got, log, NodeId(1), 64000);
    const std::string text(64000, 'x');
    jumbo->transmit({std::nullopt, Traffic::data, as_bytes(text)});
    jumbo->transmit({std::nullopt, Traffic::data, as_bytes(text)});
    jumbo->flush();
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_EQ(transport.sent[1].sizes, (std::vector<std::size_t>{64004}));
}

TEST_F(SingleLink, what_opens_is_learned_and_handed_up) {
    receive({'A', 'S', 2, 0, 'h', 'i'});
    ASSERT_EQ(got.all.size(), 1U);
    EXPECT_EQ(got.all[0], std::make_pair(NodeId(2), std::string("hi")));
    EXPECT_EQ(transport.learned, std::vector<NodeId>{NodeId(2)});
    EXPECT_EQ(links->stats(0).received_datagrams, 1U);
    EXPECT_EQ(links->stats(0).received_bytes, 6U);
}

TEST_F(SingleLink, what_comes_under_our_own_name_is_dropped_and_told_once) {
    EXPECT_MARK("links.drops_own_copy", receive({'A', 'S', 1, 0, 'h', 'i'}));
    receive({'A', 'S', 1, 0, 'h', 'i'});
    EXPECT_TRUE(got.all.empty());
    EXPECT_TRUE(transport.learned.empty());
    EXPECT_EQ(log.all.size(), 1U);
    EXPECT_EQ(links->stats(0).own_copies, 2U);
}

TEST_F(SingleLink, what_does_not_open_is_counted_and_named_and_not_learned) {
    for (std::uint8_t cause = 1; cause <= 6; ++cause) {
        receive({'A', 'S', 2, cause});
        EXPECT_EQ(links->stats(0).faults[cause], 1U);
    }
    receive({'A', 'S', 2, 77}, "10.0.0.3:1");
    EXPECT_EQ(links->stats(0).faults[0], 1U);
    EXPECT_TRUE(got.all.empty());
    EXPECT_TRUE(transport.learned.empty());
    ASSERT_EQ(log.all.size(), 7U);
    for (const auto& line : log.all) {
        EXPECT_NE(line.find("Invalid digest"), std::string::npos) << line;
    }
    EXPECT_NE(log.all[0].find("10.0.0.9:5405"), std::string::npos) << log.all[0];
    EXPECT_NE(log.all[6].find("10.0.0.3:1"), std::string::npos) << log.all[6];
}

TEST_F(SingleLink, nothing_is_sent_that_could_not_be_sealed) {
    data("aaaa");
    seal.is_broken = true;
    data("bbbb");
    links->transmit({NodeId(2), Traffic::token, as_bytes("token")});
    EXPECT_EQ(links->stats(0).seal_failures, 2U);
    EXPECT_EQ(log.all.size(), 1U);
    seal.is_broken = false;
    data("cccc");
    links->flush();
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_EQ(transport.sent[0].text, "aaaa");
    EXPECT_EQ(transport.sent[1].text, "cccc");
}

}  // namespace
}  // namespace ais::links
