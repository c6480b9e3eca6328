// SPDX-License-Identifier: BSD-3-Clause
//
// Groups as a whole: two of them, a payload at a time; and the promise that
// nothing is allocated per message, checked by counting operator new.

#include "group/groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

extern std::uint64_t allocations;  // counting_new.cpp

namespace ais::group {
namespace {

using ::testing::ElementsAre;
using totem::Guarantee;

struct Recorder final : Receiver {
    void on_message(NodeId, std::uint16_t service, std::uint16_t, Bytes body) override {
        ++count;
        bytes += body.size();
        if (keep) {
            lines.push_back(std::to_string(service) + ":" + std::string(as_text(body)));
        }
    }
    bool takes_pieces(std::uint16_t) const override { return wants_pieces; }
    void on_pieces(NodeId sender,
                   std::uint16_t service,
                   std::uint16_t kind,
                   std::span<const ais_bytes> pieces) override {
        std::string body;
        for (const ais_bytes& piece : pieces) {
            bytes += keep ? 0 : piece.size;
            body += keep ? as_text(piece) : std::string_view();
        }
        on_message(sender, service, kind, as_bytes(body));
    }
    bool wants_pieces = false;
    bool keep = true;
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> lines;
};

struct CountingLog final : Log {
    void write(Level, std::string_view, std::string_view id, std::string_view) override {
        ids.emplace_back(id);
    }
    bool wants(Level, std::string_view) const override { return true; }
    std::vector<std::string> ids;
};

totem::Configuration configuration(totem::Configuration::Kind kind) {
    totem::Configuration now;
    now.kind = kind;
    return now;
}

class TwoGroups : public ::testing::Test {
  protected:
    TwoGroups() {
        sender_.set_payload_max(1400);
        sender_.set_gate(true);
    }

    static ais_status send(Groups& from,
                           std::string_view body,
                           Lane lane = Lane::ordinary,
                           std::uint16_t service = 3) {
        const ais_bytes parts[] = {to_abi(body)};
        return from.multicast(lane, service, 1, Guarantee::agreed, parts);
    }
    bool carry() {
        std::vector<std::uint8_t>& room = log_of_ring_[++seq_ % log_of_ring_.size()];
        if (seq_ > log_of_ring_.size()) {
            receiver_.before_free(seq_ - log_of_ring_.size());
        }
        Guarantee guarantee = Guarantee::agreed;
        const std::size_t size = sender_.take(room, guarantee);
        if (size > 0) {
            deliver(Bytes(room).first(size));
        }
        return size > 0;
    }
    void deliver(Bytes payload) {
        receiver_.on_deliver({NodeId(1), totem::RingId{}, seq_, Guarantee::agreed, payload});
    }
    void configure(totem::Configuration::Kind kind) {
        const auto now = configuration(kind);
        sender_.on_configure(now);
        receiver_.on_configure(now);
    }

    // What the engine keeps, a few of its datagrams.
    std::vector<std::vector<std::uint8_t>> log_of_ring_{
        100, std::vector<std::uint8_t>(1400, std::uint8_t{0})};
    totem::Seq seq_ = 0;
    Recorder nobody_;
    Recorder received_;
    CountingLog log_;
    Groups sender_{Limits{}, nobody_, null_log()};
    Groups receiver_{Limits{}, received_, log_};
};

TEST_F(TwoGroups, carry_messages_of_any_size) {
    const std::string large(1U << 20, 'l');
    send(sender_, "small");
    send(sender_, large);
    EXPECT_EQ(sender_.backlog(), (large.size() + 5 + 14 + 1399) / 1400);
    while (carry()) {
    }
    EXPECT_EQ(sender_.backlog(), 0u);
    EXPECT_THAT(received_.lines, ElementsAre("3:small", "3:" + large));
    EXPECT_EQ(sender_.stats().sent_messages, 2u);
    EXPECT_GT(sender_.stats().sent_fragments, 700u);
    EXPECT_EQ(receiver_.stats().delivered_messages, 2u);
    EXPECT_EQ(receiver_.stats().delivered_bytes, large.size() + 5);
}

TEST_F(TwoGroups, know_whether_what_is_handed_up_is_behind_a_hole) {
    EXPECT_FALSE(receiver_.is_behind_hole());
    receiver_.on_deliver({NodeId(1), totem::RingId{}, 3, Guarantee::agreed, {}, true});
    EXPECT_TRUE(receiver_.is_behind_hole());
    configure(totem::Configuration::Kind::regular);
    EXPECT_FALSE(receiver_.is_behind_hole());
}

TEST_F(TwoGroups, close_the_gate_at_a_regular_configuration_only) {
    EXPECT_FALSE(Groups(Limits{}, nobody_, null_log()).gate_is_open())
        << "closed before the first ring";
    configure(totem::Configuration::Kind::transitional);
    EXPECT_TRUE(sender_.gate_is_open());
    configure(totem::Configuration::Kind::regular);
    EXPECT_FALSE(sender_.gate_is_open());
    send(sender_, "ordinary");
    EXPECT_EQ(sender_.backlog(), 0u);
    EXPECT_FALSE(carry());
    send(sender_, "kernel", Lane::kernel, 0);
    EXPECT_EQ(sender_.backlog(), 1u);
    EXPECT_TRUE(carry());
    sender_.set_gate(true);
    EXPECT_TRUE(carry());
    EXPECT_THAT(received_.lines, ElementsAre("0:kernel", "3:ordinary"));
}

TEST_F(TwoGroups,
       finish_a_partly_received_message_of_a_node_that_left_before_the_regular_configuration) {
    const std::string body(2000, 'x');
    send(sender_, body);
    EXPECT_TRUE(carry());
    configure(totem::Configuration::Kind::transitional);
    EXPECT_TRUE(carry());
    EXPECT_EQ(received_.count, 1u);
    EXPECT_EQ(receiver_.stats().dropped_partial, 0u);
}

TEST_F(TwoGroups, begin_a_partly_sent_message_again_in_the_new_ring) {
    send(sender_, std::string(2000, 'x'));
    EXPECT_TRUE(carry());
    configure(totem::Configuration::Kind::regular);
    EXPECT_EQ(receiver_.stats().dropped_partial, 1u);
    sender_.set_gate(true);
    while (carry()) {
    }
    EXPECT_THAT(received_.lines, ElementsAre("3:" + std::string(2000, 'x')));
    EXPECT_EQ(receiver_.stats().malformed, 0u);
}

TEST_F(TwoGroups, forget_the_kernel_lane_at_a_regular_configuration) {
    send(sender_, std::string(2000, 'k'), Lane::kernel, 0);
    EXPECT_TRUE(carry());
    configure(totem::Configuration::Kind::regular);
    EXPECT_EQ(sender_.backlog(), 0u);
    send(sender_, "new", Lane::kernel, 0);
    EXPECT_TRUE(carry());
    EXPECT_THAT(received_.lines, ElementsAre("0:new"));
}

TEST_F(TwoGroups, ask_clients_for_no_more_than_some_visits_send) {
    const std::string body(1000, 'x');
    std::size_t asked = 0;
    while (sender_.has_room()) {
        ASSERT_EQ(send(sender_, body), AIS_OK);
        asked += body.size();
    }
    EXPECT_GE(asked, std::size_t{1} << 20);
    EXPECT_LT(asked, (std::size_t{1} << 20) + 2 * body.size());
    EXPECT_EQ(send(sender_, body), AIS_OK) << "a service may say more";
    while (carry()) {
    }
    EXPECT_TRUE(sender_.has_room());
}

TEST_F(TwoGroups, take_messages_of_any_size_until_the_lane_is_full) {
    const std::string body(sender_.limits().message_max, 'x');
    std::size_t sent = 0;
    while (send(sender_, body) == AIS_OK) {
        sent += body.size();
    }
    EXPECT_GT(sent + body.size(), sender_.limits().queue_max - 1000);
    EXPECT_FALSE(sender_.has_room());
    EXPECT_EQ(send(sender_, "a small one still fits"), AIS_OK);
    EXPECT_EQ(send(sender_, body + "x"), AIS_ERR_TOO_BIG);
    while (carry()) {
    }
    EXPECT_TRUE(sender_.has_room());
}

TEST_F(TwoGroups, count_malformed_payloads_and_log_them_ever_more_rarely) {
    const std::uint8_t bad[] = {0x40};
    for (int i = 0; i < 100; ++i) {
        deliver(bad);
    }
    EXPECT_EQ(receiver_.stats().malformed, 100u);
    EXPECT_EQ(log_.ids, std::vector<std::string>(7, "GROUP-001"));
}

TEST_F(TwoGroups, allocate_nothing_in_steady_state) {
    received_.keep = false;
    const std::string small(64, 's');
    const std::string medium(5000, 'm');
    const std::string large(900000, 'l');
    const auto round = [&] {
        for (int i = 0; i < 200; ++i) {
            send(sender_, small);
        }
        send(sender_, medium);
        send(sender_, large);
        while (carry()) {
        }
    };
    round();
    const std::uint64_t before = allocations;
    for (int i = 0; i < 20; ++i) {
        round();
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(received_.count, 21u * 202u);
    received_.wants_pieces = true;
    round();
    const std::uint64_t before_pieces = allocations;
    for (int i = 0; i < 20; ++i) {
        round();
    }
    EXPECT_EQ(allocations, before_pieces);
    EXPECT_EQ(received_.bytes, 42u * (200 * small.size() + medium.size() + large.size()));
}

TEST_F(TwoGroups, hand_up_pieces_that_the_log_forgets_meanwhile) {
    received_.wants_pieces = true;
    std::string large;
    while (large.size() < 500000) {
        large += std::to_string(large.size()) + " ";
    }
    send(sender_, large);
    send(sender_, "small");
    while (carry()) {
    }
    EXPECT_THAT(received_.lines, ElementsAre("3:" + large, "3:small"));
}

}  // namespace
}  // namespace ais::group
