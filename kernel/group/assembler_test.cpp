// SPDX-License-Identifier: BSD-3-Clause

#include "group/assembler.hpp"

#include "base/mark.hpp"
#include "group/chunk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

namespace ais::group {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t message_max = 1000;
constexpr NodeId alice{1};
constexpr NodeId bob{2};

struct Recorder final : Receiver {
    void on_message(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) override {
        lines.push_back(std::to_string(sender.value()) + ":" + std::to_string(service) + "/" +
                        std::to_string(kind) + ":" + std::string(as_text(body)));
        last_data = body.data();
    }
    bool takes_pieces(std::uint16_t) const override { return wants_pieces; }
    void on_pieces(NodeId sender,
                   std::uint16_t service,
                   std::uint16_t kind,
                   std::span<const ais_bytes> pieces) override {
        std::string text;
        for (const ais_bytes& piece : pieces) {
            text += (text.empty() ? "" : "|") + std::string(as_text(piece));
            last_data = piece.data;
        }
        on_message(sender, service, kind, as_bytes(text));
        last_data = pieces.back().data;
        count = pieces.size();
    }
    bool wants_pieces = false;
    std::size_t count = 0;  // of the last one that came in pieces
    std::vector<std::string> lines;
    const std::uint8_t* last_data = nullptr;
};

std::string bytes_of(std::initializer_list<int> octets, std::string_view data = {}) {
    std::string out;
    for (int octet : octets) {
        out.push_back(static_cast<char>(octet));
    }
    return out.append(data);
}

std::string whole(std::string_view data, int lane = 0) {
    return bytes_of({0x03 | lane, static_cast<int>(data.size()), 0, 5, 0, 6, 0}, data);
}
std::string first(std::string_view data, std::size_t total, int lane = 0) {
    return bytes_of({0x01 | lane,
                     static_cast<int>(data.size()),
                     0,
                     5,
                     0,
                     7,
                     0,
                     static_cast<int>(total & 0xff),
                     static_cast<int>(total >> 8 & 0xff),
                     static_cast<int>(total >> 16 & 0xff),
                     0},
                    data);
}
std::string middle(std::string_view data, int lane = 0) {
    return bytes_of({lane, static_cast<int>(data.size()), 0}, data);
}
std::string last(std::string_view data, int lane = 0) {
    return bytes_of({0x02 | lane, static_cast<int>(data.size()), 0}, data);
}

class AnAssembler : public ::testing::Test {
  protected:
    // As the engine's log: payloads stay until they are forgotten.
    bool feed(NodeId sender, const std::string& payload) {
        log_.push_back(payload);
        return assembler_.on_payload(sender, log_.size(), as_bytes(log_.back()));
    }
    void forget_to(totem::Seq last) {
        assembler_.before_free(last);
        for (totem::Seq seq = 1; seq <= last; ++seq) {
            log_[seq - 1].assign(log_[seq - 1].size(), '?');
        }
    }

    std::deque<std::string> log_;

    Recorder received_;
    Assembler assembler_{message_max, received_};
};

TEST_F(AnAssembler, hands_up_whole_messages_as_views_of_the_payload) {
    EXPECT_TRUE(feed(alice, whole("hello") + whole("") + whole("world")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/6:hello", "1:5/6:", "1:5/6:world"));
    EXPECT_EQ(received_.last_data, as_bytes(log_.back()).last(5).data());
}

TEST_F(AnAssembler, hands_up_pieces_as_views_of_their_payloads) {
    received_.wants_pieces = true;
    EXPECT_TRUE(feed(alice, whole("whole") + first("ab", 6)));
    EXPECT_TRUE(feed(alice, middle("cd")));
    EXPECT_TRUE(feed(alice, last("ef") + first("12", 4)));
    EXPECT_EQ(received_.last_data, as_bytes(log_.back()).subspan(3).data());
    EXPECT_TRUE(feed(alice, last("34")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/6:whole", "1:5/7:ab|cd|ef", "1:5/7:12|34"));
}

TEST_F(AnAssembler, copies_pieces_that_the_log_is_about_to_forget) {
    received_.wants_pieces = true;
    EXPECT_TRUE(feed(alice, first("ab", 8)));
    EXPECT_TRUE(feed(bob, first("12", 4)));
    EXPECT_TRUE(feed(alice, middle("cd")));
    forget_to(1);
    EXPECT_TRUE(feed(alice, middle("ef")));
    forget_to(3);
    forget_to(3);
    EXPECT_MARK("assembler.hands_up_pieces_and_what_the_log_forgot",
                EXPECT_TRUE(feed(alice, last("gh"))));
    EXPECT_TRUE(feed(bob, last("34")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/7:abcd|ef|gh", "2:5/7:12|34"));
}

TEST_F(AnAssembler, joins_pieces_for_who_wants_a_message_in_one_at_its_end) {
    received_.wants_pieces = true;
    EXPECT_TRUE(feed(alice, first("ab", 6)));
    forget_to(1);
    EXPECT_TRUE(feed(alice, middle("cd")));
    received_.wants_pieces = false;  // the service was replaced by a build without
    EXPECT_TRUE(feed(alice, last("ef")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/7:abcdef"));
}

TEST_F(AnAssembler, bounds_the_pieces_of_a_message) {
    constexpr std::size_t total = 4 * Receiver::pieces_max;
    Assembler assembler{total, received_};
    received_.wants_pieces = true;
    std::string payload = first("x", total);
    for (std::size_t i = 2; i < total; ++i) {
        payload += middle("x");
    }
    payload += last("x");
    EXPECT_MARK("assembler.keeps_more_pieces_than_a_list_has",
                EXPECT_TRUE(assembler.on_payload(alice, 1, as_bytes(payload))));
    ASSERT_EQ(received_.lines.size(), 1U);
    EXPECT_EQ(std::count(received_.lines[0].begin(), received_.lines[0].end(), 'x'), total);
    EXPECT_LE(received_.count, Receiver::pieces_max);
}

TEST_F(AnAssembler, joins_fragments_and_orders_by_the_last_one) {
    EXPECT_TRUE(feed(alice, first("ab", 6)));
    EXPECT_TRUE(feed(bob, first("12", 4)));
    EXPECT_TRUE(feed(alice, middle("cd")));
    EXPECT_TRUE(feed(bob, last("34") + whole("bob")));
    EXPECT_THAT(received_.lines, ElementsAre("2:5/7:1234", "2:5/6:bob"));
    EXPECT_TRUE(feed(alice, last("ef") + whole("alice")));
    EXPECT_THAT(received_.lines,
                ElementsAre("2:5/7:1234", "2:5/6:bob", "1:5/7:abcdef", "1:5/6:alice"));
}

TEST_F(AnAssembler, keeps_the_two_lanes_of_a_sender_apart) {
    EXPECT_TRUE(feed(alice, first("ab", 4)));
    EXPECT_TRUE(
        feed(alice, whole("kernel", chunk::flag_kernel) + first("KE", 4, chunk::flag_kernel)));
    EXPECT_TRUE(feed(alice, last("cd")));
    EXPECT_TRUE(feed(alice, last("RN", chunk::flag_kernel)));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/6:kernel", "1:5/7:abcd", "1:5/7:KERN"));
}

TEST_F(AnAssembler, ignores_padding_whatever_is_in_it) {
    EXPECT_TRUE(feed(alice, whole("a") + bytes_of({0x80, 3, 9, 9, 0xff})));
    EXPECT_TRUE(feed(alice, bytes_of({0x80})));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/6:a"));
}

TEST_F(AnAssembler, drops_partials_and_takes_their_messages_from_the_start_again) {
    EXPECT_TRUE(feed(alice, first("ab", 4)));
    EXPECT_TRUE(feed(bob, first("12", 4)));
    EXPECT_EQ(assembler_.drop_partials(), 2u);
    EXPECT_EQ(assembler_.drop_partials(), 0u);
    EXPECT_TRUE(feed(alice, first("abc", 4)));
    EXPECT_TRUE(feed(alice, last("d")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/7:abcd"));
}

TEST_F(AnAssembler, takes_a_message_of_exactly_the_limit_and_none_above) {
    std::string body(message_max, 'm');
    EXPECT_TRUE(feed(alice, first(body.substr(0, 200), message_max)));
    for (std::size_t at = 200; at < 800; at += 200) {
        EXPECT_TRUE(feed(alice, middle(body.substr(at, 200))));
    }
    EXPECT_TRUE(feed(alice, last(body.substr(800))));
    ASSERT_THAT(received_.lines, ElementsAre("1:5/7:" + body));
    EXPECT_FALSE(feed(alice, first("x", message_max + 1)));
    std::string large(7 + message_max + 1, 'w');
    const std::string header =
        bytes_of({0x03, (message_max + 1) & 0xff, (message_max + 1) >> 8, 5, 0, 6, 0});
    EXPECT_FALSE(feed(alice, large.replace(0, header.size(), header)));
    EXPECT_EQ(received_.lines.size(), 1u);
}

TEST_F(AnAssembler, refuses_what_the_grammar_does_not_have) {
    EXPECT_FALSE(feed(alice, bytes_of({0x08, 0, 0}))) << "unknown bit";
    EXPECT_FALSE(feed(alice, bytes_of({0x83, 0, 0, 1, 0, 1, 0}))) << "padding with other bits";
    EXPECT_FALSE(feed(alice, bytes_of({0x03}))) << "cut header";
    EXPECT_FALSE(feed(alice, bytes_of({0x03, 5, 0, 1, 0, 1, 0}, "abcd"))) << "cut data";
    EXPECT_FALSE(feed(alice, middle("a"))) << "middle without first";
    EXPECT_FALSE(feed(alice, last("a"))) << "last without first";
    EXPECT_FALSE(feed(alice, first("", 4))) << "empty first fragment";
    EXPECT_FALSE(feed(alice, first("abcd", 4))) << "first that is all";
    EXPECT_FALSE(feed(alice, first("abcde", 4))) << "first beyond its total";
    EXPECT_THAT(received_.lines, IsEmpty());
}

TEST_F(AnAssembler, refuses_fragments_that_do_not_add_up_and_drops_the_message) {
    for (const std::string& bad :
         {middle(""), middle("cd"), middle("cdefg"), last(""), last("c"), last("cde")}) {
        EXPECT_TRUE(feed(alice, first("ab", 4)));
        EXPECT_FALSE(feed(alice, bad));
        EXPECT_FALSE(feed(alice, last("cd"))) << "the message is gone";
    }
    EXPECT_TRUE(feed(alice, first("ab", 4)));
    EXPECT_MARK("assembler.refuses_chunk_out_of_place", EXPECT_FALSE(feed(alice, first("ab", 4))));
    EXPECT_TRUE(feed(alice, first("ab", 4)));
    EXPECT_FALSE(feed(alice, whole("x"))) << "a whole message inside an open one of its lane";
    EXPECT_THAT(received_.lines, IsEmpty());
}

TEST_F(AnAssembler, hands_up_what_precedes_a_fault_and_drops_the_rest) {
    EXPECT_FALSE(feed(alice, whole("good") + bytes_of({0x40}) + whole("lost")));
    EXPECT_TRUE(feed(bob, whole("other")));
    EXPECT_THAT(received_.lines, ElementsAre("1:5/6:good", "2:5/6:other"));
}

TEST_F(AnAssembler, bounds_the_senders_it_remembers) {
    for (std::uint32_t node = 1; node <= AIS_NODES_MAX; ++node) {
        EXPECT_TRUE(feed(NodeId(node), first("ab", 4)));
    }
    EXPECT_FALSE(feed(NodeId(AIS_NODES_MAX + 1), first("ab", 4)));
    EXPECT_EQ(assembler_.drop_partials(), std::size_t(AIS_NODES_MAX));
}

}  // namespace
}  // namespace ais::group
