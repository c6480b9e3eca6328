// SPDX-License-Identifier: BSD-3-Clause
//
// The Totem single-ring protocol: Amir, Moser, Melliar-Smith, Agarwal,
// Ciarfella, TOCS 13(4), 1995; and its accelerated form: Babay, Amir, ICDCS 2016.

#include "paper/stage.hpp"

#include <gtest/gtest.h>

namespace ais::paper {
namespace {

using totem::PacketType;

// TOCS section 4: only the holder of the token sends, and the token goes around in the order of
// ids.
TEST(Totem, passes_the_token_to_the_next_higher_id_and_from_the_highest_to_the_lowest) {
    Stage stage(3);
    std::size_t tokens = 0;
    stage.on_datagram = [&](NodeId from, NodeId to, PacketType type, Bytes) {
        if (type == PacketType::token) {
            EXPECT_EQ(to, node(from.value() % 3 + 1));
            ++tokens;
        }
        return false;
    };
    stage.send(2, Guarantee::safe, "a");
    stage.advance(milliseconds(20));
    EXPECT_GE(tokens, 6u);
}

// TOCS section 4: the token carries requests, and what was lost is sent again.
TEST(Totem, sends_a_lost_message_again_when_the_token_asks_for_it) {
    Stage stage(3);
    bool was_lost = false;
    stage.on_datagram = [&](NodeId, NodeId to, PacketType type, Bytes) {
        const bool lose = type == PacketType::data && to == node(3) && !was_lost;
        was_lost = was_lost || lose;
        return lose;
    };
    stage.send(1, Guarantee::agreed, "a");
    stage.advance(milliseconds(20));
    EXPECT_TRUE(was_lost);
    EXPECT_EQ(stage.seen[node(3)], "a");
    std::uint64_t repeated = 0;
    for (std::size_t i = 1; i <= 3; ++i) {
        repeated += stage.world.engine(node(i))->stats().retransmitted;
    }
    EXPECT_EQ(repeated, 1u);
}

// TOCS section 4: agreed delivery needs no more than the messages before.
TEST(Totem, delivers_an_agreed_message_before_the_token_has_gone_around) {
    Stage stage(3);
    std::size_t visits = 0;
    stage.send(1, Guarantee::agreed, "agreed");
    stage.on_datagram = [&](NodeId, NodeId, PacketType type, Bytes) {
        visits += type == PacketType::token ? 1 : 0;
        return false;
    };
    while (stage.seen[node(2)].empty() && visits < 20) {
        stage.advance(std::chrono::microseconds(10));
    }
    EXPECT_LE(visits, 2u);
}

// TOCS section 4: safe delivery needs two visits of the token at each node.
TEST(Totem, delivers_a_safe_message_after_the_second_visit_of_the_token) {
    Stage stage(3);
    std::size_t tokens = 0;
    stage.on_datagram = [&](NodeId, NodeId, PacketType type, Bytes) {
        tokens += type == PacketType::token ? 1 : 0;
        return false;
    };
    stage.send(1, Guarantee::safe, "safe");
    while (stage.seen[node(1)].empty() && tokens < 50) {
        stage.advance(std::chrono::microseconds(10));
    }
    EXPECT_GE(tokens, 3u);  // back at the sender with everybody's aru, and once more
    EXPECT_LE(tokens, 9u);
}

// TOCS section 4: the token is sent again until there is proof that it got on.
TEST(Totem, sends_a_lost_token_again_without_a_change_of_the_ring) {
    Stage stage(3);
    int losses = 1;
    stage.on_datagram = [&](NodeId, NodeId, PacketType type, Bytes) {
        return type == PacketType::token && losses-- > 0;
    };
    stage.send(2, Guarantee::safe, "a");
    stage.advance(seconds(1));
    EXPECT_EQ(stage.seen[node(1)], "a");
}

// TOCS section 5.1: a ring is formed on exactly the set that its members announced.
TEST(Totem, forms_a_ring_only_of_those_who_agree) {
    Stage stage(3);
    // 3 hears nobody: the others may not take it in, whatever it says.
    for (const std::size_t other : {1, 2}) {
        stage.world.network().cut(node(other), node(3));
    }
    stage.advance(seconds(3));
    EXPECT_EQ(stage.world.engine(node(1))->configuration().members, (Members{node(1), node(2)}));
    EXPECT_EQ(stage.world.engine(node(2))->configuration().members, (Members{node(1), node(2)}));
}

// TOCS section 5.2: ring numbers grow, and the highest that any member knows counts.
TEST(Totem, gives_a_new_ring_a_number_above_those_of_all_its_members) {
    Stage stage(3);
    stage.world.crash(node(1));
    for (int i = 0; i < 3; ++i) {
        stage.world.crash(node(3));
        stage.advance(seconds(1));
        stage.world.start(node(3));
        stage.advance(seconds(1));
    }
    const auto before = stage.world.engine(node(2))->configuration().ring.seq;
    stage.world.start(node(1), true);  // the lowest names the ring, and knows no number
    stage.advance(seconds(1));
    EXPECT_EQ(stage.world.engine(node(2))->configuration().members.size(), 3u);
    EXPECT_EQ(stage.world.engine(node(2))->configuration().ring.representative, node(1));
    EXPECT_EQ(stage.world.engine(node(2))->configuration().ring.seq, before + 4);
}

// TOCS section 5.3: no message of an application is sent in Recovery.
TEST(Totem, sends_in_recovery_only_what_belongs_to_old_rings) {
    Stage stage(3);
    std::set<std::uint64_t> in_recovery;
    stage.on_datagram = [&](NodeId from, NodeId, PacketType type, Bytes datagram) {
        totem::Message message;
        if (type == PacketType::data &&
            decode(datagram.subspan(totem::PacketHeader::size), message) &&
            !stage.world.engine(from)->is_operational()) {
            EXPECT_TRUE(message.encapsulated);
            in_recovery.insert(message.seq);
        }
        return type == PacketType::data && !message.encapsulated;
    };
    stage.send(1, Guarantee::agreed, "old");
    stage.advance(milliseconds(3));
    stage.world.crash(node(3));
    for (int i = 0; i < 40; ++i) {
        stage.send(2, Guarantee::agreed, "new");
        stage.advance(milliseconds(10));
    }
    EXPECT_FALSE(in_recovery.empty());
}

// ICDCS 2016, section III: the token goes before the last messages of a visit.
TEST(AcceleratedRing, passes_the_token_before_the_tail) {
    Stage stage(3, 2);
    std::string order;
    stage.on_datagram = [&](NodeId from, NodeId to, PacketType type, Bytes) {
        if (from == node(2) && to == node(3)) {
            order += type == PacketType::data ? 'm' : type == PacketType::token ? 't' : '-';
        }
        return false;
    };
    for (int i = 0; i < 5; ++i) {
        stage.send(2, Guarantee::agreed, "a");
    }
    stage.advance(milliseconds(20));
    EXPECT_NE(order.find("mmmtmm"), std::string::npos) << order;
}

// ICDCS 2016, section III-A: what may still be on its way is not asked for.
TEST(AcceleratedRing, requests_nothing_that_only_this_round_has_brought) {
    Stage stage(3, 64);
    for (int i = 0; i < 50; ++i) {
        for (std::size_t from = 1; from <= 3; ++from) {
            stage.send(from, Guarantee::agreed, "a");
        }
        stage.advance(milliseconds(1));
    }
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(stage.world.engine(node(i))->stats().requested, 0u);
    }
}

}  // namespace
}  // namespace ais::paper
