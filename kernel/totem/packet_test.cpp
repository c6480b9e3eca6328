// SPDX-License-Identifier: BSD-3-Clause

#include "totem/packet.hpp"

#include "base/prng.hpp"
#include "totem/config.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace ais::totem {
namespace {

const RingId ring{24, NodeId(1), 77};

Bytes body(Bytes datagram) {
    return datagram.subspan(PacketHeader::size);
}

Token some_token() {
    Token token;
    token.ring = ring;
    token.token_seq = 9;
    token.seq = 500;
    token.aru = 480;
    token.aru_id = NodeId(3);
    token.fcc = 12;
    token.backlog = 13;
    token.congested = 2;
    token.retrans_flg = true;
    EXPECT_TRUE(token.request(481));
    EXPECT_TRUE(token.request(490));
    EXPECT_TRUE(token.request(600));
    return token;
}

CommitToken some_commit_token() {
    CommitToken token;
    token.ring = ring;
    token.hop = 3;
    token.count = 3;
    for (std::size_t i = 0; i < token.count; ++i) {
        CommitToken::Slot& slot = token.slots[i];
        slot.node = NodeId(static_cast<ais_node_id>(i + 1));
        slot.filled = i < 2;
        slot.received = i == 0;
        slot.window = 100;
        slot.incarnation = 1234567890123 + i;
        slot.old_ring = RingId{20, NodeId(1), 5};
        slot.old_aru = 10;
        slot.old_high = 12;
        slot.high_delivered = 9;
    }
    return token;
}

TEST(Packet, gives_a_token_back_as_it_was) {
    std::array<std::uint8_t, 1000> room{};
    const Token token = some_token();
    const std::size_t size = encode(room, NodeId(7), token);
    ASSERT_GT(size, 0u);
    ASSERT_LE(size, Token::size_max);
    PacketHeader header;
    ASSERT_EQ(decode(Bytes(room).first(size), header), Verdict::ok);
    EXPECT_EQ(header.type, PacketType::token);
    EXPECT_EQ(header.sender, NodeId(7));
    Token back;
    ASSERT_TRUE(decode(body(Bytes(room).first(size)), back));
    EXPECT_EQ(back.ring, token.ring);
    EXPECT_EQ(back.token_seq, 9u);
    EXPECT_EQ(back.seq, 500u);
    EXPECT_EQ(back.aru, 480u);
    EXPECT_EQ(back.aru_id, NodeId(3));
    EXPECT_EQ(back.fcc, 12u);
    EXPECT_EQ(back.backlog, 13u);
    EXPECT_EQ(back.congested, 2u);
    EXPECT_TRUE(back.retrans_flg);
    ASSERT_EQ(back.request_count, 2u);
    EXPECT_EQ(back.requests[0].start, 481u);
    EXPECT_EQ(back.requests[0].bitmap, 1u | (1u << 9));
    EXPECT_EQ(back.requests[1].start, 600u);
}

TEST(Packet, refuses_requests_beyond_the_table) {
    Token token;
    for (Seq seq = 1; seq <= Token::requests_max; ++seq) {
        EXPECT_TRUE(token.request(seq * 100));
    }
    EXPECT_TRUE(token.request(100 + 63));
    EXPECT_FALSE(token.request(100 + 64));
}

TEST(Packet, keeps_requests_of_different_askers_apart) {
    Token token;
    EXPECT_TRUE(token.request(100, 0));
    EXPECT_TRUE(token.request(103, 0));
    EXPECT_TRUE(token.request(101, 2));
    ASSERT_EQ(token.request_count, 2);
    EXPECT_EQ(token.requests[0].asker, 0);
    EXPECT_EQ(token.requests[0].bitmap, 0b1001u);
    EXPECT_EQ(token.requests[1].start, 101u);
    EXPECT_EQ(token.requests[1].asker, 2);
}

TEST(Packet, makes_what_two_ask_for_a_request_of_several_and_leaves_the_rest_alone) {
    Token token;
    EXPECT_TRUE(token.request(100, 0));
    EXPECT_TRUE(token.request(101, 0));
    EXPECT_TRUE(token.request(101, 2));
    ASSERT_EQ(token.request_count, 2);
    EXPECT_EQ(token.requests[0].asker, 0);
    EXPECT_EQ(token.requests[0].bitmap, 1u);
    EXPECT_EQ(token.requests[1].asker, Request::several);
    EXPECT_EQ(token.requests[1].start, 101u);
    // Once more, by either, changes nothing; the last one of a request turns it as a whole.
    EXPECT_TRUE(token.request(101, 0));
    EXPECT_TRUE(token.request(100, 1));
    ASSERT_EQ(token.request_count, 2);
    EXPECT_EQ(token.requests[0].asker, Request::several);
    EXPECT_EQ(token.requests[1].bitmap, 1u);
}

TEST(Packet, shares_a_request_where_the_table_is_full) {
    Token token;
    for (Seq seq = 1; seq <= Token::requests_max; ++seq) {
        EXPECT_TRUE(token.request(seq * 100, 0));
    }
    EXPECT_TRUE(token.request(101, 1));
    EXPECT_EQ(token.request_count, Token::requests_max);
    EXPECT_EQ(token.requests[0].asker, Request::several);
    EXPECT_EQ(token.requests[0].bitmap, 0b11u);
    EXPECT_TRUE(token.request(201, 0));
    EXPECT_TRUE(token.request(200, 1));  // no room to move to
    EXPECT_EQ(token.requests[1].asker, Request::several);
    EXPECT_EQ(token.requests[1].bitmap, 0b11u);
    EXPECT_FALSE(token.request(5000, 1));
}

TEST(Packet, carries_askers_and_takes_a_token_without_them) {
    std::array<std::uint8_t, 1000> room{};
    Token token = some_token();
    const std::size_t plain = encode(room, NodeId(1), token);  // several everywhere
    Token back;
    back.requests[0].asker = 3;
    ASSERT_TRUE(decode(body(Bytes(room).first(plain)), back));
    EXPECT_EQ(back.requests[0].asker, Request::several);

    token.requests[1].asker = 7;
    const std::size_t size = encode(room, NodeId(1), token);
    EXPECT_EQ(size, plain + 4 + 2);
    ASSERT_TRUE(decode(body(Bytes(room).first(size)), back));
    EXPECT_EQ(back.requests[0].asker, Request::several);
    EXPECT_EQ(back.requests[1].asker, 7);
}

TEST(Packet, refuses_askers_that_are_not_as_many_as_requests) {
    std::array<std::uint8_t, 1000> room{};
    Token token = some_token();
    token.requests[0].asker = 1;
    const std::size_t size = encode(room, NodeId(1), token);
    // An element of one byte instead of two.
    room[size - 8] = 5;
    room[size - 4] = 1;
    Token back;
    EXPECT_FALSE(decode(body(Bytes(room).first(size - 1)), back));
}

TEST(Packet, fits_a_full_token_into_the_least_datagram) {
    Token token = some_token();
    token.request_count = Token::requests_max;
    std::array<std::uint8_t, 700> room{};
    EXPECT_EQ(encode(room, NodeId(1), token), PacketHeader::size + 16 + 40 + 16 * 32 + 2);
    token.requests[31].asker = 5;
    EXPECT_EQ(encode(room, NodeId(1), token), PacketHeader::size + 16 + 40 + 16 * 32 + 2 + 4 + 32);
}

TEST(Packet, gives_a_join_back_as_it_was) {
    std::array<std::uint8_t, control_datagram_max> room{};
    Join join;
    join.incarnation = 99;
    join.ring_seq = 28;
    join.processors = Members{NodeId(1), NodeId(2), NodeId(9)};
    join.failed = Members{NodeId(2)};
    join.patience = {.detection_time = std::chrono::milliseconds(500),
                     .token_timeout = std::chrono::seconds(1),
                     .hold_timeout = std::chrono::milliseconds(100)};
    const std::size_t size = encode(room, NodeId(9), join);
    Join back;
    ASSERT_TRUE(decode(body(Bytes(room).first(size)), NodeId(9), back));
    EXPECT_EQ(back.incarnation, 99u);
    EXPECT_EQ(back.ring_seq, 28u);
    EXPECT_FALSE(back.leave);
    EXPECT_EQ(back.processors, join.processors);
    EXPECT_EQ(back.failed, join.failed);
    EXPECT_EQ(back.patience, join.patience);
    // Its sender must be in it, and not have failed unless it leaves.
    EXPECT_FALSE(decode(body(Bytes(room).first(size)), NodeId(4), back));
    EXPECT_FALSE(decode(body(Bytes(room).first(size)), NodeId(2), back));
}

TEST(Packet, refuses_a_patience_without_end) {
    std::array<std::uint8_t, control_datagram_max> room{};
    Join join;
    join.processors = Members{NodeId(1)};
    join.patience.detection_time = std::chrono::milliseconds(500);
    const std::size_t size = encode(room, NodeId(1), join);
    Join back;
    ASSERT_TRUE(decode(body(Bytes(room).first(size)), NodeId(1), back));
    room[size - 9] = 0xff;  // the highest byte of detection_time: more than an hour
    EXPECT_FALSE(decode(body(Bytes(room).first(size)), NodeId(1), back));
}

TEST(Packet, gives_a_probe_back_and_knows_who_may_send_it) {
    std::array<std::uint8_t, 100> room{};
    const Probe probe{
        .ring = ring, .token_seq = 12, .id = 7, .origin = NodeId(1), .subject = NodeId(3)};
    const auto accepts = [&](PacketType type, NodeId sender) {
        const std::size_t size = encode(room, sender, type, probe);
        Probe back;
        return decode(body(Bytes(room).first(size)), type, sender, back) && back.ring == ring &&
               back.token_seq == 12 && back.id == 7 && back.origin == NodeId(1) &&
               back.subject == NodeId(3);
    };
    EXPECT_TRUE(accepts(PacketType::probe, NodeId(1)));
    EXPECT_TRUE(accepts(PacketType::probe, NodeId(2)));  // on behalf of 1
    EXPECT_FALSE(accepts(PacketType::probe, NodeId(3)));
    EXPECT_TRUE(accepts(PacketType::probe_answer, NodeId(3)));
    EXPECT_TRUE(accepts(PacketType::probe_answer, NodeId(2)));  // passed on
    EXPECT_FALSE(accepts(PacketType::probe_answer, NodeId(1)));
    EXPECT_TRUE(accepts(PacketType::probe_request, NodeId(1)));
    EXPECT_FALSE(accepts(PacketType::probe_request, NodeId(2)));
}

TEST(Packet, gives_a_commit_token_back_as_it_was) {
    std::array<std::uint8_t, control_datagram_max> room{};
    const CommitToken token = some_commit_token();
    const std::size_t size = encode(room, NodeId(2), token);
    CommitToken back;
    ASSERT_TRUE(decode(body(Bytes(room).first(size)), back));
    EXPECT_EQ(back.ring, token.ring);
    EXPECT_EQ(back.hop, 3u);
    ASSERT_EQ(back.count, 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(back.slots[i], token.slots[i]);
    }
    EXPECT_FALSE(back.is_filled());
}

TEST(Packet, carries_the_largest_ring_within_the_control_limit) {
    CommitToken token;
    token.ring = ring;
    token.count = Members::capacity;
    Join join;
    for (std::size_t i = 0; i < token.count; ++i) {
        token.slots[i].node = NodeId(static_cast<ais_node_id>(i + 1));
        join.processors.insert(token.slots[i].node);
    }
    std::array<std::uint8_t, control_datagram_max> room{};
    const std::size_t size = encode(room, NodeId(1), token);
    ASSERT_GT(size, 0u);
    CommitToken back;
    EXPECT_TRUE(decode(body(Bytes(room).first(size)), back));
    EXPECT_GT(encode(room, NodeId(1), join), 0u);
}

TEST(Packet, refuses_every_truncation_and_every_tail) {
    std::array<std::uint8_t, control_datagram_max> room{};
    std::vector<std::uint8_t> longer;
    const auto expect_exact = [&](std::size_t size, auto accepts) {
        ASSERT_GT(size, 0u);
        ASSERT_TRUE(accepts(body(Bytes(room).first(size))));
        for (std::size_t cut = PacketHeader::size; cut < size; ++cut) {
            EXPECT_FALSE(accepts(body(Bytes(room).first(cut)))) << cut;
        }
        longer.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
        longer.push_back(0);
        EXPECT_FALSE(accepts(body(longer)));
    };
    expect_exact(encode(room, NodeId(1), some_token()), [](Bytes bytes) {
        Token token;
        return decode(bytes, token);
    });
    expect_exact(encode(room, NodeId(1), some_commit_token()), [](Bytes bytes) {
        CommitToken token;
        return decode(bytes, token);
    });
    Join join;
    join.processors = Members{NodeId(1), NodeId(2)};
    expect_exact(encode(room, NodeId(1), join), [](Bytes bytes) {
        Join back;
        return decode(bytes, NodeId(1), back);
    });
    join.patience.hold_timeout = std::chrono::milliseconds(100);
    expect_exact(encode(room, NodeId(1), join), [](Bytes bytes) {
        Join back;
        return decode(bytes, NodeId(1), back);
    });
    const Probe probe{.ring = ring, .origin = NodeId(1), .subject = NodeId(3)};
    expect_exact(encode(room, NodeId(1), PacketType::probe, probe), [](Bytes bytes) {
        Probe back;
        return decode(bytes, PacketType::probe, NodeId(1), back);
    });
    expect_exact(encode(room, NodeId(1), PacketType::merge_detect, RingNotice{ring}),
                 [](Bytes bytes) {
                     RingNotice notice;
                     return decode(bytes, notice);
                 });
}

TEST(Packet, skips_extensions_that_it_does_not_know) {
    std::vector<std::uint8_t> room(100);
    room.resize(encode(room, NodeId(1), PacketType::hold_cancel, RingNotice{ring}));
    RingNotice notice;
    ASSERT_TRUE(decode(body(room), notice));
    // One element: kind 500, 3 bytes.
    room[room.size() - 2] = 7;
    for (const char byte : {'\xf4', '\1', '\3', '\0', 'a', 'b', 'c'}) {
        room.push_back(static_cast<std::uint8_t>(byte));
    }
    EXPECT_TRUE(decode(body(room), notice));
    room[room.size() - 5] = 4;  // the element claims a byte more than there is
    EXPECT_FALSE(decode(body(room), notice));
}

TEST(Packet, gives_data_back_and_patches_it) {
    std::array<std::uint8_t, 100> room{};
    Message message;
    message.ring = ring;
    message.seq = 12;
    message.originator = NodeId(2);
    message.round = 5;
    message.guarantee = Guarantee::safe;
    message.encapsulated = true;
    encode_data_header(room, NodeId(2), message);
    patch_sender(room, NodeId(8));
    patch_data_header(room, 6, Sending::again);
    PacketHeader header;
    ASSERT_EQ(decode(room, header), Verdict::ok);
    EXPECT_EQ(header.sender, NodeId(8));
    Message back;
    ASSERT_TRUE(decode(body(room), back));
    EXPECT_EQ(back.ring, ring);
    EXPECT_EQ(back.seq, 12u);
    EXPECT_EQ(back.originator, NodeId(2));
    EXPECT_EQ(back.round, 6u);
    EXPECT_EQ(back.guarantee, Guarantee::safe);
    EXPECT_TRUE(back.encapsulated);
    EXPECT_TRUE(back.retransmitted);
    EXPECT_FALSE(back.obliged);
    EXPECT_EQ(back.payload.size(), 100 - data_header_size);
}

TEST(Packet, tells_another_version_from_garbage) {
    std::array<std::uint8_t, 100> room{};
    encode(room, NodeId(1), PacketType::merge_detect, RingNotice{ring});
    PacketHeader header;
    room[2] = 2;
    EXPECT_EQ(decode(room, header), Verdict::wrong_version);
    room[0] ^= 1;
    EXPECT_EQ(decode(room, header), Verdict::malformed);
    EXPECT_EQ(decode(Bytes(room).first(7), header), Verdict::malformed);
}

TEST(Packet, refuses_what_breaks_a_rule) {
    std::array<std::uint8_t, control_datagram_max> room{};
    Token token = some_token();
    token.aru = token.seq + 1;
    Token back;
    EXPECT_FALSE(decode(body(Bytes(room).first(encode(room, NodeId(1), token))), back));

    CommitToken commit = some_commit_token();
    std::swap(commit.slots[0], commit.slots[1]);
    CommitToken commit_back;
    EXPECT_FALSE(decode(body(Bytes(room).first(encode(room, NodeId(1), commit))), commit_back));
    commit = some_commit_token();
    commit.slots[1].old_aru = 13;
    EXPECT_FALSE(decode(body(Bytes(room).first(encode(room, NodeId(1), commit))), commit_back));
    commit = some_commit_token();
    commit.ring.representative = NodeId(2);
    EXPECT_FALSE(decode(body(Bytes(room).first(encode(room, NodeId(1), commit))), commit_back));
}

TEST(Packet, survives_random_bytes) {
    Prng prng(1);
    std::array<std::uint8_t, 300> room{};
    for (int round = 0; round < 20000; ++round) {
        const std::size_t size = prng.below(room.size());
        for (std::size_t i = 0; i < size; ++i) {
            room[i] = static_cast<std::uint8_t>(prng.chance(1, 2) ? 0 : prng.next());
        }
        const Bytes bytes = Bytes(room).first(size);
        Token token;
        Join join;
        CommitToken commit;
        Message message;
        RingNotice notice;
        if (decode(bytes, token)) {
            EXPECT_LE(token.aru, token.seq);
        }
        if (decode(bytes, NodeId(1), join)) {
            EXPECT_TRUE(join.processors.contains(NodeId(1)));
        }
        if (decode(bytes, commit)) {
            EXPECT_LE(commit.count, Members::capacity);
        }
        if (decode(bytes, message)) {
            EXPECT_GT(message.seq, 0u);
        }
        if (decode(bytes, notice)) {
            EXPECT_TRUE(notice.ring.is_valid());
        }
    }
}

}  // namespace
}  // namespace ais::totem
