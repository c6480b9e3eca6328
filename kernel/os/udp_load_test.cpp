// SPDX-License-Identifier: BSD-3-Clause
//
// Real sockets on 127.0.0.0/8 and ::1.  Nodes are told apart by address with
// IPv4 and by port with IPv6, which has one loopback address only.

#include "os/udp.hpp"

#include "base/mark.hpp"
#include "os/address_system.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/folder_test.hpp"
#include "os/loop.hpp"
#include "os/udp_sender.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace ais::os {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using totem::Traffic;

// Each test is a process of its own, and several run side by side.
const auto base_port = static_cast<std::uint16_t>(25001 + 10 * (::getpid() % 3000));

// Every datagram of the tests begins with its sender's node id.
class Node final : public DatagramSink {
  public:
    void on_received(totem::LinkId link, MutableBytes datagram) override {
        EXPECT_EQ(link, 3);
        sources.emplace_back(transport->source());
        transport->learn(NodeId(datagram[0]));
        got.emplace_back(as_text(datagram));
    }
    void on_hint(totem::LinkId link, NodeId node, totem::Hint what) override {
        EXPECT_EQ(link, 3);
        hints.emplace_back(node, what);
    }
    std::unique_ptr<UdpTransport> transport;
    std::vector<std::pair<NodeId, totem::Hint>> hints;
    std::vector<std::string> got;
    std::vector<std::string> sources;
};

class Udp : public testing::Test {
  protected:
    static UdpConfig config(std::uint8_t node,
                            const std::string& address,
                            std::uint16_t port = base_port) {
        UdpConfig config;
        config.link = 3;
        config.self = NodeId(node);
        auto chosen = choose_interface(*parse_address(address), *list_interfaces());
        EXPECT_TRUE(chosen.ok()) << chosen.error().text;
        config.interface = *chosen;
        config.port = port;
        return config;
    }
    // Nodes 1 … count on 127.0.0.1 …, each with the whole list.
    std::vector<UdpConfig> cluster(std::uint8_t count) {
        std::vector<UdpConfig> configs;
        for (std::uint8_t node = 1; node <= count; ++node) {
            configs.push_back(config(node, "127.0.0." + std::to_string(node)));
            for (std::uint8_t other = 1; other <= count; ++other) {
                configs.back().peers.push_back(
                    {NodeId(), *parse_address("127.0.0." + std::to_string(other))});
            }
        }
        return configs;
    }
    Node& start(const UdpConfig& wish) {
        auto opened = UdpTransport::open(wish, loop, loop, log);
        EXPECT_TRUE(opened.ok()) << opened.error().text;
        nodes.push_back(std::make_unique<Node>());
        nodes.back()->transport = opened.take();
        nodes.back()->transport->start(*nodes.back());
        return *nodes.back();
    }
    // Turns of the loop until `node` has so many datagrams, or 5 s are over.
    void await(const Node& node, std::size_t count) {
        const Instant limit = monotonic_now() + 5s;
        while (node.got.size() < count && monotonic_now() < limit) {
            loop.run_once(10ms);
        }
        EXPECT_EQ(node.got.size(), count);
    }
    void idle() {
        for (int i = 0; i < 5; ++i) {
            loop.run_once(2ms);
        }
    }
    static std::string message(std::uint8_t node, std::size_t number, std::size_t size) {
        std::string text(size, static_cast<char>('a' + number % 26));
        text[0] = static_cast<char>(node);
        text.replace(1, 4, std::to_string(1000 + number));
        return text;
    }
    // `count` datagrams of `size` and a shorter one, sent as one batch.
    static std::vector<std::string> send_batch(Node& from,
                                               std::uint8_t node,
                                               std::optional<NodeId> to,
                                               std::size_t count,
                                               std::size_t size) {
        std::vector<std::string> sent;
        std::string batch;
        for (std::size_t i = 0; i <= count; ++i) {
            sent.push_back(message(node, i, i == count ? size / 2 : size));
            batch += sent.back();
        }
        from.transport->send(to, Traffic::data, as_bytes(batch), size);
        return sent;
    }

    Loop loop;
    KeptLines log;
    std::vector<std::unique_ptr<Node>> nodes;
};

class UdpOffload : public Udp, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(, UdpOffload, testing::Bool(), [](const auto& one) {
    return one.param ? "with_offload" : "without_offload";
});

TEST_P(UdpOffload, a_batch_to_all_arrives_whole_and_in_order_at_each) {
    auto configs = cluster(3);
    for (auto& one : configs) {
        one.offload = GetParam();
        start(one);
    }
    const auto sent = send_batch(*nodes[0], 1, std::nullopt, 40, 1400);
    await(*nodes[1], sent.size());
    await(*nodes[2], sent.size());
    EXPECT_EQ(nodes[1]->got, sent);
    EXPECT_EQ(nodes[2]->got, sent);
    EXPECT_TRUE(nodes[0]->got.empty());
    EXPECT_EQ(nodes[0]->transport->stats().sent, 2 * sent.size());
    EXPECT_EQ(nodes[0]->transport->is_offload_on(), GetParam());
    if (GetParam()) {
        // One call for both receivers, and the buffer came in one piece.
        EXPECT_EQ(nodes[0]->transport->stats().send_calls, 1U);
        EXPECT_LE(nodes[1]->transport->stats().receive_calls, 3U);
    }
}

TEST_P(UdpOffload, ipv6_works_alike) {
    const auto host = list_interfaces();
    if (!choose_interface(*parse_address("::1"), *host)) {
        GTEST_SKIP() << "no ::1 on this host";
    }
    for (std::uint8_t node = 1; node <= 2; ++node) {
        auto one = config(node, "::1", static_cast<std::uint16_t>(base_port + 2 * node));
        one.offload = GetParam();
        one.peers = {{NodeId(static_cast<std::uint32_t>(3 - node)),
                      parse_address("::1")->with_port(
                          static_cast<std::uint16_t>(base_port + 2 * (3 - node)))}};
        start(one);
    }
    const auto sent = send_batch(*nodes[0], 1, NodeId(2), 30, 1432);
    await(*nodes[1], sent.size());
    EXPECT_EQ(nodes[1]->got, sent);
    EXPECT_EQ(nodes[1]->sources[0], "[::1]:" + std::to_string(base_port + 2));
}

TEST_P(UdpOffload, batches_of_many_sizes_are_split_where_they_were_joined) {
    auto configs = cluster(2);
    for (auto& one : configs) {
        one.offload = GetParam();
        start(one);
    }
    std::vector<std::string> all;
    for (const std::size_t size : {10U, 11U, 100U, 999U, 1472U}) {
        const auto sent = send_batch(*nodes[0], 1, std::nullopt, 20, size);
        all.insert(all.end(), sent.begin(), sent.end());
    }
    await(*nodes[1], all.size());
    EXPECT_EQ(nodes[1]->got, all);
}

TEST_F(Udp, tells_of_a_closed_port_and_loses_nothing_for_others) {
    auto configs = cluster(3);
    for (auto& entry : configs) {
        entry.peers[1].node = NodeId(2);
        entry.peers[2].node = NodeId(3);
    }
    Node& one = start(configs[0]);
    Node& three = start(configs[2]);
    const std::string bytes = message(1, 0, 100);
    // Nobody is node 2; the error that this leaves behind may not cost node 3 its token.
    one.transport->send(NodeId(2), Traffic::token, as_bytes(bytes), bytes.size());
    one.transport->send(NodeId(3), Traffic::token, as_bytes(bytes), bytes.size());
    await(three, 1);
    const Instant limit = monotonic_now() + 5s;
    while (one.hints.empty() && monotonic_now() < limit) {
        loop.run_once(10ms);
    }
    ASSERT_FALSE(one.hints.empty());
    EXPECT_EQ(one.hints[0], std::pair(NodeId(2), totem::Hint::refused));
    EXPECT_GE(one.transport->stats().network_errors, 1U);
    EXPECT_EQ(one.transport->control_address(NodeId(3)),
              parse_address("127.0.0.3")->with_port(static_cast<std::uint16_t>(base_port - 1)));
    EXPECT_TRUE(one.transport->knows_host(*parse_address("127.0.0.3")));
    EXPECT_FALSE(one.transport->knows_host(*parse_address("127.0.0.4")));
}

TEST_F(Udp, more_than_an_offloaded_message_may_carry_goes_in_several) {
    auto configs = cluster(2);
    start(configs[0]);
    start(configs[1]);
    const auto sent = send_batch(*nodes[0], 1, std::nullopt, 150, 1000);
    await(*nodes[1], sent.size());
    EXPECT_EQ(nodes[1]->got, sent);
    EXPECT_TRUE(nodes[0]->transport->is_offload_on());
}

TEST_F(Udp, a_node_is_found_at_the_address_it_was_heard_from) {
    auto configs = cluster(2);
    Node& a = start(configs[0]);
    Node& b = start(configs[1]);
    a.transport->send(NodeId(2), Traffic::token, as_bytes("\x01token"), 6);
    EXPECT_EQ(a.transport->stats().dropped_unknown, 1U);  // nobody has heard node 2 yet
    EXPECT_EQ(a.transport->address_of(NodeId(2)), "");
    EXPECT_EQ(a.transport->address_of(NodeId(1)), "127.0.0.1");

    b.transport->send(std::nullopt, Traffic::control, as_bytes("\x02join"), 5);
    await(a, 1);
    EXPECT_EQ(a.transport->address_of(NodeId(2)), "127.0.0.2");
    EXPECT_EQ(a.sources[0], "127.0.0.2:" + std::to_string(base_port - 1));
    a.transport->send(NodeId(2), Traffic::token, as_bytes("\x01token"), 6);
    a.transport->send(NodeId(2),
                      Traffic::data,
                      as_bytes("\x01"
                               "data"),
                      5);
    await(b, 2);
    EXPECT_EQ(log.count("UDP-005"), 2U);  // one line at each node
}

TEST_F(Udp, a_node_not_in_the_list_is_answered_once_it_is_known) {
    Node& a = start(config(1, "127.0.0.1"));
    auto listed = config(2, "127.0.0.2");
    listed.peers = {{NodeId(), *parse_address("127.0.0.1")}};
    Node& b = start(listed);
    a.transport->send(std::nullopt,
                      Traffic::data,
                      as_bytes("\x01"
                               "lost"),
                      5);
    b.transport->send(std::nullopt,
                      Traffic::data,
                      as_bytes("\x02"
                               "hi"),
                      3);
    await(a, 1);
    a.transport->send(std::nullopt,
                      Traffic::data,
                      as_bytes("\x01"
                               "hello"),
                      6);
    await(b, 1);
    EXPECT_EQ(b.got[0], "\x01hello");
}

TEST_F(Udp, sockets_follow_an_address_that_changes) {
    auto configs = cluster(2);
    for (auto& one : configs) {
        start(one);
    }
    auto moved = configs[0].interface;
    moved.address = *parse_address("127.0.0.77");
    ASSERT_TRUE(nodes[0]->transport->rebind(moved).ok());
    EXPECT_EQ(nodes[0]->transport->address_of(NodeId(1)), "127.0.0.77");
    send_batch(*nodes[0], 1, std::nullopt, 1, 100);
    await(*nodes[1], 2);
    EXPECT_EQ(nodes[1]->transport->address_of(NodeId(1)), "127.0.0.77");
    send_batch(*nodes[1], 2, NodeId(1), 1, 100);  // to where it was heard
    await(*nodes[0], 2);
    EXPECT_EQ(nodes[0]->transport->stats().rebinds, 1U);
}

TEST_F(Udp, a_link_without_an_address_drops_until_it_gets_one) {
    auto configs = cluster(2);
    start(configs[1]);
    const auto there = configs[0].interface;
    configs[0].interface = Interface();
    Node& node = start(configs[0]);
    EXPECT_FALSE(node.transport->is_open());
    send_batch(node, 1, std::nullopt, 2, 100);
    EXPECT_EQ(node.transport->stats().dropped_closed, 3U);
    ASSERT_TRUE(node.transport->rebind(there).ok());
    EXPECT_TRUE(node.transport->is_open());
    send_batch(node, 1, std::nullopt, 1, 100);
    await(*nodes[0], 2);
}

TEST_F(Udp, a_rebind_that_the_system_refuses_closes_the_link_and_can_be_repeated) {
    start(config(1, "127.0.0.1"));
    auto nowhere = config(1, "127.0.0.1").interface;
    nowhere.address = *parse_address("192.0.2.1");
    const auto refused = nodes[0]->transport->rebind(nowhere);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().text, HasSubstr("this host has no such address"));
    EXPECT_FALSE(nodes[0]->transport->is_open());
    EXPECT_TRUE(nodes[0]->transport->rebind(config(1, "127.0.0.1").interface).ok());
}

TEST_F(Udp, data_goes_to_members_and_to_whom_was_heard_since_and_control_to_all) {
    auto configs = cluster(3);
    for (auto& one : configs) {
        start(one);
    }
    for (std::uint8_t node = 2; node <= 3; ++node) {
        send_batch(*nodes[node - 1U], node, std::nullopt, 0, 100);
    }
    await(*nodes[0], 2);
    nodes[0]->transport->on_members({NodeId(1), NodeId(2)});
    const auto sent = [&] { return nodes[0]->transport->stats().sent; };
    const auto before = sent();
    send_batch(*nodes[0], 1, std::nullopt, 0, 100);
    EXPECT_EQ(sent(), before + 1);
    nodes[0]->transport->send(std::nullopt, Traffic::control, as_bytes("join"), 4);
    EXPECT_EQ(sent(), before + 3);
    // Node 3 speaks again: it may be in the ring that is being formed.
    const auto got = nodes[0]->got.size();
    send_batch(*nodes[2], 3, std::nullopt, 0, 100);
    await(*nodes[0], got + 1);
    send_batch(*nodes[0], 1, std::nullopt, 0, 100);
    EXPECT_EQ(sent(), before + 5);
}

TEST_F(Udp, a_list_read_again_changes_where_control_goes) {
    auto configs = cluster(2);
    start(configs[0]);
    start(config(3, "127.0.0.3"));
    ASSERT_TRUE(nodes[0]
                    ->transport
                    ->reconfigure({{NodeId(1), *parse_address("127.0.0.1")},
                                   {NodeId(3), *parse_address("127.0.0.3")}})
                    .ok());
    const std::string text("\1oin");
    nodes[0]->transport->send(std::nullopt, Traffic::control, as_bytes(text), text.size());
    await(*nodes[1], 1);
    EXPECT_EQ(nodes[0]->transport->stats().sent, 1U);  // none to 127.0.0.2
}

TEST_F(Udp, a_token_is_handed_up_after_the_data_that_came_before_it) {
    auto configs = cluster(2);
    Node& a = start(configs[0]);
    Node& b = start(configs[1]);
    b.transport->send(std::nullopt, Traffic::control, as_bytes("\x02join"), 5);
    await(a, 1);
    for (int round = 0; round < 20; ++round) {
        b.got.clear();
        std::vector<std::string> sent;
        for (int batch = 0; batch < 5; ++batch) {
            const auto part = send_batch(a, 1, std::nullopt, 30, 1200);
            sent.insert(sent.end(), part.begin(), part.end());
        }
        a.transport->send(NodeId(2), Traffic::token, as_bytes("\x01token"), 6);
        sent.emplace_back("\x01token");
        await(b, sent.size());
        ASSERT_EQ(b.got, sent);
    }
}

TEST_F(Udp, the_token_has_a_socket_of_its_own) {
    auto configs = cluster(2);
    Node& a = start(configs[0]);
    Node& b = start(configs[1]);
    b.transport->send(std::nullopt,
                      Traffic::data,
                      as_bytes("\x02"
                               "data"),
                      5);
    await(a, 1);
    b.transport->send(std::nullopt,
                      Traffic::control,
                      as_bytes("\x02"
                               "join"),
                      5);
    await(a, 2);
    EXPECT_EQ(a.sources[0], "127.0.0.2:" + std::to_string(base_port));
    EXPECT_EQ(a.sources[1], "127.0.0.2:" + std::to_string(base_port - 1));
}

TEST_F(Udp, what_is_too_long_is_counted_and_dropped) {
    auto configs = cluster(2);
    configs[1].datagram_max = 100;
    Node& a = start(configs[0]);
    Node& b = start(configs[1]);
    EXPECT_MARK("udp.drops_too_long", {
        a.transport->send(std::nullopt, Traffic::data, as_bytes(message(1, 0, 101)), 101);
        a.transport->send(std::nullopt, Traffic::data, as_bytes(message(1, 1, 100)), 100);
        await(b, 1);
    });
    EXPECT_EQ(b.got[0], message(1, 1, 100));
    EXPECT_EQ(b.transport->stats().too_long, 1U);
}

TEST_F(Udp, foreign_and_empty_datagrams_do_no_harm) {
    Node& a = start(config(1, "127.0.0.1"));
    const Descriptor stranger(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage name{};
    for (const std::uint16_t port : {base_port, static_cast<std::uint16_t>(base_port - 1)}) {
        const auto size = to_sockaddr(parse_address("127.0.0.1")->with_port(port), name);
        ASSERT_EQ(::sendto(stranger.get(), "", 0, 0, reinterpret_cast<sockaddr*>(&name), size), 0);
        ASSERT_EQ(::sendto(stranger.get(), "\x07x", 2, 0, reinterpret_cast<sockaddr*>(&name), size),
                  2);
    }
    await(a, 2);
    EXPECT_EQ(a.got[0], "\x07x");
}

TEST_F(Udp, a_closed_port_is_no_fault) {
    auto configs = cluster(2);
    Node& a = start(configs[0]);
    for (int i = 0; i < 10; ++i) {
        send_batch(a, 1, std::nullopt, 10, 1000);  // nobody is at 127.0.0.2: ICMP says so
        idle();
    }
    Node& b = start(configs[1]);
    const auto sent = send_batch(a, 1, std::nullopt, 10, 1000);
    await(b, sent.size());
    EXPECT_TRUE(a.transport->is_offload_on());
}

TEST_F(Udp, a_network_that_cannot_be_reached_is_counted_and_told_once) {
    auto wish = config(1, "127.0.0.1");
    // Bound to loopback, a packet to another host's address has no way out.
    wish.peers = {{NodeId(2), *parse_address("192.0.2.1")}};
    Node& a = start(wish);
    for (int i = 0; i < 5; ++i) {
        send_batch(a, 1, std::nullopt, 3, 1000);
    }
    EXPECT_EQ(a.transport->stats().dropped_error, 20U);
    EXPECT_EQ(log.count("UDP-004"), 1U);
    EXPECT_TRUE(a.transport->is_offload_on());  // it was not the offload's fault
}

TEST_F(Udp, a_full_receive_buffer_is_counted) {
    auto configs = cluster(2);
    configs[0].receive_buffer = configs[1].receive_buffer = 8192;
    configs[0].offload = configs[1].offload = false;
    Node& a = start(configs[0]);
    Node& b = start(configs[1]);
    EXPECT_LT(b.transport->receive_room(), 65536U);
    for (int i = 0; i < 10; ++i) {
        send_batch(a, 1, std::nullopt, 50, 1400);  // the loop does not run: nobody reads
    }
    idle();
    a.transport->send(std::nullopt,
                      Traffic::data,
                      as_bytes("\x01"
                               "after"),
                      6);
    idle();
    const auto& stats = b.transport->stats();
    EXPECT_GT(stats.overruns, 0U);
    EXPECT_EQ(stats.overruns + stats.received, 511U);
    EXPECT_EQ(log.count("UDP-007"), 1U);
}

TEST_F(Udp, the_room_that_was_granted_is_known) {
    auto wish = config(1, "127.0.0.1");
    wish.receive_buffer = 100000;  // below every system's limit
    EXPECT_GE(start(wish).transport->receive_room(), 100000U);
    EXPECT_EQ(log.count("UDP-001"), 0U);
}

TEST_F(Udp, addresses_that_cannot_work_are_refused_with_the_reason) {
    const auto error_of = [&](const UdpConfig& wish) {
        const auto opened = UdpTransport::open(wish, loop, loop, log);
        return opened.ok() ? std::string() : opened.error().text;
    };
    const auto good = config(1, "127.0.0.1");
    auto wish = good;
    wish.group = *parse_address("10.0.0.1");
    EXPECT_THAT(error_of(wish), HasSubstr("not a multicast address"));
    wish.group = *parse_address("ff05::1");
    EXPECT_THAT(error_of(wish), HasSubstr("one family"));
    wish = good;
    wish.datagram_max = 65508;
    EXPECT_THAT(error_of(wish), HasSubstr("65508"));
    wish = good;
    wish.interface.mtu = 1400;
    EXPECT_THAT(error_of(wish), HasSubstr("netmtu"));
    wish = good;
    wish.port = 1;
    EXPECT_THAT(error_of(wish), HasSubstr("mcastport"));
    wish = good;
    wish.interface.address = *parse_address("192.0.2.7");
    EXPECT_THAT(error_of(wish), HasSubstr("no such address"));
    start(good);
    EXPECT_THAT(error_of(good), HasSubstr("another executive"));
}

class UdpMulticast : public Udp {
  protected:
    // Three nodes on one host; false where the host does not multicast.
    bool start_three(const std::string& network, const std::string& group) {
        for (std::uint8_t node = 1; node <= 3; ++node) {
            auto one = config(node, network + std::to_string(node));
            one.group = *parse_address(group);
            one.datagram_max = 1452;  // fits IPv6 on Ethernet
            auto opened = UdpTransport::open(one, loop, loop, log);
            if (!opened) {
                reason = opened.error().text;
                return false;
            }
            nodes.push_back(std::make_unique<Node>());
            nodes.back()->transport = opened.take();
            nodes.back()->transport->start(*nodes.back());
        }
        nodes[0]->transport->send(std::nullopt, Traffic::control, as_bytes("\x01probe"), 6);
        idle();
        reason = log.all.empty() ? "multicasts do not come back" : log.all.back();
        return !nodes[1]->got.empty();
    }
    std::string reason;
};

TEST_F(UdpMulticast, nodes_of_one_host_hear_each_other_once_and_never_themselves) {
    if (!start_three("127.0.0.", "239.255.42.42")) {
        GTEST_SKIP() << "no multicast on loopback here: " << reason;
    }
    for (auto& node : nodes) {
        node->got.clear();
    }
    const auto sent = send_batch(*nodes[1], 2, std::nullopt, 40, 1400);
    await(*nodes[0], sent.size());
    await(*nodes[2], sent.size());
    idle();
    EXPECT_EQ(nodes[0]->got, sent);
    EXPECT_EQ(nodes[2]->got, sent);
    EXPECT_TRUE(nodes[1]->got.empty());
    EXPECT_GT(nodes[1]->transport->stats().own_copies, 0U);
    // What was learned by multicast is a unicast address.
    nodes[0]->transport->send(NodeId(2), Traffic::token, as_bytes("\x01token"), 6);
    await(*nodes[1], 1);
    EXPECT_EQ(nodes[0]->transport->address_of(NodeId(2)), "127.0.0.2");
}

TEST_F(UdpMulticast, a_token_follows_the_multicasts_before_it) {
    if (!start_three("127.0.0.", "239.255.42.42")) {
        GTEST_SKIP() << "no multicast on loopback here: " << reason;
    }
    nodes[1]->transport->send(std::nullopt, Traffic::control, as_bytes("\x02join"), 5);
    await(*nodes[0], 1);
    for (int round = 0; round < 20; ++round) {
        nodes[1]->got.clear();
        auto sent = send_batch(*nodes[0], 1, std::nullopt, 40, 1400);
        nodes[0]->transport->send(NodeId(2), Traffic::token, as_bytes("\x01token"), 6);
        sent.emplace_back("\x01token");
        await(*nodes[1], sent.size());
        ASSERT_EQ(nodes[1]->got, sent);
    }
}

// In a network namespace of its own, with the addresses of three nodes on one
// side of a virtual cable.
class UdpInterface : public UdpMulticast {
  protected:
    void SetUp() override {
        before_ = Descriptor(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
        is_moved_ = before_.is_open() && ::unshare(CLONE_NEWNET) == 0;
        if (!is_moved_ ||
            std::system("ip link add ais0 type veth peer name ais1 && ip link set lo up &&"
                        "ip link set ais0 up && ip link set ais1 up &&"
                        "for n in 1 2 3; do ip addr add 10.77.0.$n/24 dev ais0 &&"
                        "  ip addr add fd77::$n/64 dev ais0 nodad || exit 1; done") != 0) {
            GTEST_SKIP() << "network namespaces are not permitted here";
        }
    }
    void TearDown() override {
        nodes.clear();
        if (is_moved_) {
            EXPECT_EQ(::setns(before_.get(), CLONE_NEWNET), 0);
        }
    }
    void expect_multicasts_come_once(const std::string& network, const std::string& group) {
        ASSERT_TRUE(start_three(network, group)) << reason;
        for (std::uint8_t node = 1; node <= 3; ++node) {
            nodes[node - 1U]->transport->send(
                std::nullopt,
                Traffic::control,
                as_bytes(std::string(1, static_cast<char>(node)) + "join"),
                5);
        }
        idle();
        EXPECT_EQ(log.count("UDP-006"), 3U);  // each found that it is not alone on this host
        for (auto& node : nodes) {
            node->got.clear();
        }
        const auto sent = send_batch(*nodes[0], 1, std::nullopt, 40, 1300);
        await(*nodes[1], sent.size());
        await(*nodes[2], sent.size());
        idle();
        EXPECT_EQ(nodes[1]->got, sent);
        EXPECT_EQ(nodes[2]->got, sent);
        EXPECT_TRUE(nodes[0]->got.empty());
        EXPECT_GT(nodes[0]->transport->stats().own_copies, 0U);
    }

  private:
    Descriptor before_;
    bool is_moved_ = false;
};

TEST_F(UdpInterface, nodes_of_one_host_hear_each_other_on_a_real_interface) {
    expect_multicasts_come_once("10.77.0.", "239.255.42.42");
}

TEST_F(UdpInterface, ipv6_multicast_works_alike) {
    expect_multicasts_come_once("fd77::", "ff05::4242");
}

TEST_F(UdpInterface, a_link_local_group_works_with_the_interface_as_its_scope) {
    expect_multicasts_come_once("fd77::", "ff02::4242");
}

TEST(UdpSenderOffload, a_socket_that_refuses_it_gets_plain_datagrams_and_one_line) {
    const Descriptor from(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Descriptor to(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int one = 1;  // without checksums the kernel refuses to cut
    ASSERT_EQ(::setsockopt(from.get(), SOL_SOCKET, SO_NO_CHECK, &one, sizeof one), 0);
    UdpTarget target;
    target.size = to_sockaddr(parse_address("127.0.0.1")->with_port(0), target.address);
    ASSERT_EQ(::bind(to.get(), reinterpret_cast<sockaddr*>(&target.address), target.size), 0);
    ASSERT_EQ(::getsockname(to.get(), reinterpret_cast<sockaddr*>(&target.address), &target.size),
              0);

    UdpStats stats;
    int lines = 0;
    UdpSender sender(true, stats, [&](const UdpTarget&, int error, std::size_t lost) {
        EXPECT_NE(error, 0);
        EXPECT_EQ(lost, 0U);
        ++lines;
    });
    const std::string batch(3500, 'x');
    EXPECT_MARK("udp.offload_refused",
                sender.send(from.get(), std::span(&target, 1), as_bytes(batch), 1000));
    sender.send(from.get(), std::span(&target, 1), as_bytes(batch), 1000);
    EXPECT_FALSE(sender.is_offload_on());
    EXPECT_EQ(lines, 1);
    EXPECT_EQ(stats.sent, 8U);
    std::vector<ssize_t> sizes;
    char room[2000];
    for (ssize_t got = 0; (got = ::recv(to.get(), room, sizeof room, MSG_DONTWAIT)) > 0;) {
        sizes.push_back(got);
    }
    EXPECT_EQ(sizes, (std::vector<ssize_t>{1000, 1000, 1000, 500, 1000, 1000, 1000, 500}));
}

TEST(UdpSenderRoom, a_full_send_buffer_is_waited_for_briefly_and_then_drops) {
    // A socket that nobody reads, of a kind that holds back its writer.
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    const Descriptor writer(ends[0]);
    const Descriptor reader(ends[1]);
    UdpStats stats;
    UdpSender sender(false, stats, [](const UdpTarget&, int, std::size_t) { FAIL(); });
    const UdpTarget connected;
    const std::string batch(100000, 'x');
    const Instant before = monotonic_now();
    for (int i = 0; i < 10; ++i) {
        sender.send(writer.get(), std::span(&connected, 1), as_bytes(batch), 1000);
    }
    EXPECT_LT(monotonic_now() - before, 2s);
    EXPECT_GT(stats.waits, 0U);
    EXPECT_GT(stats.dropped_full, 0U);
    EXPECT_EQ(stats.dropped_full + stats.sent, 1000U);
}

}  // namespace
}  // namespace ais::os
