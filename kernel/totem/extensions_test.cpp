// SPDX-License-Identifier: BSD-3-Clause

#include "totem/extensions.hpp"

#include "base/prng.hpp"
#include "totem/config.hpp"
#include "totem/packet.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ais::totem {
namespace {

const RingId ring_a{24, NodeId(1), 77};
const RingId ring_b{28, NodeId(2), 78};

Join some_join(std::size_t nodes) {
    Join join;
    for (std::size_t i = 1; i <= nodes; ++i) {
        join.processors.insert(NodeId(static_cast<ais_node_id>(i)));
    }
    join.hearing.is_there = true;
    for (std::size_t i = 0; i < nodes; i += 2) {
        HearingRows::Row& row = join.hearing.rows[i];
        row.is_there = true;
        row.age_ms = static_cast<std::uint16_t>(3 * i);
        row.ring = i % 4 == 0 ? ring_a : i % 4 == 2 ? ring_b : RingId{};
        for (std::size_t j = 0; j < nodes; ++j) {
            row.hears[j] = i == 0 || (i + j) % 3 != 0;
        }
    }
    join.heard_across = Members{NodeId(900), NodeId(901)};
    return join;
}

std::vector<std::uint8_t> encoded(const Join& join) {
    std::vector<std::uint8_t> room(control_datagram_max);
    room.resize(encode(room, NodeId(1), join));
    return room;
}

bool accepts(const std::vector<std::uint8_t>& datagram, Join& to) {
    return decode(Bytes(datagram).subspan(PacketHeader::size), NodeId(1), to);
}

TEST(Extensions, give_hearing_rows_back_as_they_were) {
    for (const std::size_t nodes : {1U, 7U, 8U, 9U, 64U, 128U}) {
        const Join join = some_join(nodes);
        Join back;
        ASSERT_TRUE(accepts(encoded(join), back)) << nodes;
        EXPECT_TRUE(back.hearing.is_there);
        EXPECT_EQ(back.heard_across, join.heard_across);
        for (std::size_t i = 0; i < nodes; ++i) {
            const HearingRows::Row& was = join.hearing.rows[i];
            const HearingRows::Row& is = back.hearing.rows[i];
            EXPECT_EQ(is.is_there, was.is_there);
            EXPECT_EQ(is.age_ms, was.age_ms);
            EXPECT_EQ(is.ring, was.ring);
            EXPECT_EQ(is.hears, was.hears);
        }
    }
}

TEST(Extensions, fit_into_a_control_datagram_whatever_they_say) {
    Join join = some_join(128);
    join.failed = join.processors;
    join.failed.erase(NodeId(1));
    for (std::size_t i = 0; i < 128; ++i) {
        HearingRows::Row& row = join.hearing.rows[i];
        row.is_there = true;
        row.ring = RingId{24 + i, NodeId(1), 77};
        row.hears = NodeBits(1);
    }
    join.heard_across.clear();
    for (std::size_t i = 1; i <= 128; ++i) {
        join.heard_across.insert(NodeId(static_cast<ais_node_id>(1000 + i)));
    }
    Join back;
    EXPECT_TRUE(accepts(encoded(join), back));
}

TEST(Extensions, are_refused_when_cut) {
    const std::vector<std::uint8_t> whole = encoded(some_join(9));
    for (std::size_t cut = PacketHeader::size; cut < whole.size(); ++cut) {
        std::vector<std::uint8_t> shorter(whole.begin(),
                                          whole.begin() + static_cast<std::ptrdiff_t>(cut));
        Join back;
        EXPECT_FALSE(accepts(shorter, back)) << cut;
    }
}

bool accepts_hearing(const std::vector<std::uint8_t>& contents) {
    HearingRows rows;
    return decode_hearing(contents, 3, rows);
}

TEST(Extensions, refuse_hearing_that_breaks_a_rule) {
    EXPECT_TRUE(accepts_hearing({0, 0}));
    EXPECT_TRUE(accepts_hearing({0, 1, 2, 255, 0, 0, 0}));
    EXPECT_TRUE(accepts_hearing({0, 1, 2, 255, 0, 0, 1, 7}));
    EXPECT_FALSE(accepts_hearing({0, 1, 3, 255, 0, 0, 0}));     // no such place
    EXPECT_FALSE(accepts_hearing({0, 1, 2, 0, 0, 0, 0}));       // no such ring
    EXPECT_FALSE(accepts_hearing({0, 1, 2, 255, 0, 0, 2}));     // no such form
    EXPECT_FALSE(accepts_hearing({0, 1, 2, 255, 0, 0, 1, 8}));  // a bit beyond the list
    EXPECT_FALSE(accepts_hearing({0, 1, 2, 255, 0, 0, 0, 9}));  // a byte too many
    EXPECT_FALSE(accepts_hearing({0, 2, 1, 255, 0, 0, 0, 1, 255, 0, 0, 0}));  // twice
    EXPECT_FALSE(accepts_hearing({129, 0}));
}

TEST(Extensions, refuse_nodes_that_do_not_ascend) {
    Members nodes;
    EXPECT_TRUE(decode_nodes(std::vector<std::uint8_t>{1, 0, 0, 0, 2, 0, 0, 0}, nodes));
    EXPECT_EQ(nodes, (Members{NodeId(1), NodeId(2)}));
    EXPECT_FALSE(decode_nodes(std::vector<std::uint8_t>{2, 0, 0, 0, 2, 0, 0, 0}, nodes));
    EXPECT_FALSE(decode_nodes(std::vector<std::uint8_t>{0, 0, 0, 0}, nodes));
    EXPECT_FALSE(decode_nodes(std::vector<std::uint8_t>{1, 0, 0, 0, 2}, nodes));
    std::vector<std::uint8_t> many;
    for (std::uint8_t i = 1; i <= 129; ++i) {
        many.insert(many.end(), {i, 0, 0, 0});
    }
    EXPECT_FALSE(decode_nodes(many, nodes));
}

TEST(Extensions, survive_changed_bytes) {
    Prng prng(3);
    const std::vector<std::uint8_t> good = encoded(some_join(9));
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::uint8_t> bad = good;
        for (std::uint64_t changes = 1 + prng.below(4); changes > 0; --changes) {
            bad[34 + prng.below(bad.size() - 34)] = static_cast<std::uint8_t>(prng.next());
        }
        Join back;
        if (accepts(bad, back)) {
            EXPECT_LE(back.heard_across.size(), Members::capacity);
        }
    }
}

}  // namespace
}  // namespace ais::totem
