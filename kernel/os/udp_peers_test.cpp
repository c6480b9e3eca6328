// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp_peers.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

Address at(const std::string& host) {
    return parse_address(host)->with_port(5405);
}

class Peers : public testing::Test {
  protected:
    UdpPeers peers{NodeId(1), at("10.0.0.1")};
};

TEST_F(Peers, our_own_address_in_the_list_is_left_out) {
    EXPECT_TRUE(peers.configure(NodeId(), at("10.0.0.1")));
    EXPECT_TRUE(peers.configure(NodeId(1), at("10.0.0.9")));
    EXPECT_FALSE(peers.learn(NodeId(1), at("10.0.0.8")));
    EXPECT_TRUE(peers.all().empty());
}

TEST_F(Peers, a_configured_address_gets_its_node_when_it_is_heard) {
    peers.configure(NodeId(), at("10.0.0.2"));
    EXPECT_EQ(peers.find(NodeId(2)), nullptr);
    EXPECT_TRUE(peers.learn(NodeId(2), at("10.0.0.2")));
    ASSERT_NE(peers.find(NodeId(2)), nullptr);
    EXPECT_EQ(peers.find(NodeId(2))->host, "10.0.0.2");
    EXPECT_EQ(peers.all().size(), 1U);
    EXPECT_FALSE(peers.learn(NodeId(2), at("10.0.0.2")));  // nothing new
}

TEST_F(Peers, a_node_that_moves_is_found_at_its_new_address) {
    peers.learn(NodeId(2), at("10.0.0.2"));
    EXPECT_TRUE(peers.learn(NodeId(2), at("10.0.0.22")));
    EXPECT_EQ(peers.find(NodeId(2))->address, at("10.0.0.22"));
    EXPECT_EQ(peers.all().size(), 1U);
}

TEST_F(Peers, a_configured_address_stays_when_its_node_moves_away) {
    peers.configure(NodeId(2), at("10.0.0.2"));
    peers.learn(NodeId(2), at("10.0.0.22"));
    EXPECT_EQ(peers.all().size(), 2U);
    EXPECT_EQ(peers.configured(), 1U);
    EXPECT_EQ(peers.find(NodeId(2))->address, at("10.0.0.22"));
    peers.learn(NodeId(2), at("10.0.0.2"));
    EXPECT_EQ(peers.all().size(), 1U);
    EXPECT_EQ(peers.find(NodeId(2))->address, at("10.0.0.2"));
}

TEST_F(Peers, an_address_belongs_to_the_node_heard_last) {
    peers.learn(NodeId(2), at("10.0.0.2"));
    peers.learn(NodeId(3), at("10.0.0.2"));
    EXPECT_EQ(peers.find(NodeId(2)), nullptr);
    EXPECT_EQ(peers.find(NodeId(3))->address, at("10.0.0.2"));
    EXPECT_EQ(peers.all().size(), 1U);
}

TEST_F(Peers, our_own_new_address_is_nobody_elses) {
    peers.learn(NodeId(2), at("10.0.0.2"));
    peers.learn(NodeId(3), at("10.0.0.3"));
    peers.set_own(at("10.0.0.2"));
    EXPECT_EQ(peers.find(NodeId(2)), nullptr);
    EXPECT_NE(peers.find(NodeId(3)), nullptr);
    EXPECT_TRUE(peers.configure(NodeId(), at("10.0.0.1")));  // ours no more: anybody may get it
    EXPECT_EQ(peers.all().size(), 2U);
}

TEST_F(Peers, a_list_read_again_keeps_members_and_who_was_learned_elsewhere) {
    peers.configure(NodeId(2), at("10.0.0.2"));
    peers.configure(NodeId(3), at("10.0.0.3"));
    peers.configure(NodeId(4), at("10.0.0.4"));
    peers.learn(NodeId(5), at("10.0.0.55"));
    peers.forget_others({at("10.0.0.2")}, {NodeId(1), NodeId(3)});
    EXPECT_NE(peers.find(NodeId(2)), nullptr);
    EXPECT_NE(peers.find(NodeId(3)), nullptr);  // in the ring
    EXPECT_EQ(peers.find(NodeId(4)), nullptr);
    EXPECT_NE(peers.find(NodeId(5)), nullptr);
    EXPECT_EQ(peers.configured(), 0U);
    peers.configure(NodeId(2), at("10.0.0.2"));
    EXPECT_EQ(peers.configured(), 1U);
    EXPECT_EQ(peers.all().size(), 3U);
}

TEST_F(Peers, a_configured_address_of_a_node_known_elsewhere_is_tried_too) {
    peers.learn(NodeId(2), at("10.0.0.22"));
    peers.configure(NodeId(2), at("10.0.0.2"));
    EXPECT_EQ(peers.find(NodeId(2))->address, at("10.0.0.22"));
    EXPECT_EQ(peers.all().size(), 2U);
}

TEST_F(Peers, a_full_list_drops_learned_ones_and_keeps_configured_ones) {
    peers.configure(NodeId(), at("10.0.0.2"));
    for (std::uint32_t node = 2; node < 2 + 2 * UdpPeers::peers_max; ++node) {
        EXPECT_TRUE(peers.learn(
            NodeId(node),
            at("10.1." + std::to_string(node / 200) + '.' + std::to_string(node % 200 + 1))));
    }
    EXPECT_EQ(peers.all().size(), UdpPeers::peers_max);
    EXPECT_EQ(peers.configured(), 1U);
    EXPECT_NE(peers.find(NodeId(static_cast<std::uint32_t>(1 + 2 * UdpPeers::peers_max))), nullptr);
}

TEST_F(Peers, more_configured_addresses_than_fit_are_refused) {
    for (std::size_t i = 0; i < UdpPeers::peers_max; ++i) {
        EXPECT_TRUE(peers.configure(
            NodeId(), at("10.2." + std::to_string(i / 200) + '.' + std::to_string(i % 200 + 1))));
    }
    EXPECT_FALSE(peers.configure(NodeId(), at("10.3.0.1")));
    EXPECT_FALSE(peers.learn(NodeId(9), at("10.3.0.1")));
    EXPECT_EQ(peers.find(NodeId(9)), nullptr);
}

}  // namespace
}  // namespace ais::os
