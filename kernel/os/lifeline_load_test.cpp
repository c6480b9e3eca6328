// SPDX-License-Identifier: BSD-3-Clause
//
// Lifelines between nodes on 127.0.0.1, .2, …, all on one loop.

#include "os/lifeline.hpp"

#include "base/mark.hpp"
#include "os/address_system.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/loop.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace ais::os {
namespace {

using namespace std::chrono_literals;
using totem::Members;

bool is_free(std::uint16_t port) {
    for (const char* text : {"127.0.0.1", "127.0.0.2", "127.0.0.3"}) {
        const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        ::inet_pton(AF_INET, text, &to.sin_addr);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
            return false;
        }
    }
    return true;
}

// Below those that the system gives to clients.
std::uint16_t find_port() {
    auto port = static_cast<std::uint16_t>(25003 + 10 * (::getpid() % 700));
    while (!is_free(port)) {
        port = static_cast<std::uint16_t>(port + 1);
    }
    return port;
}

const std::uint16_t port = find_port();

Address address_of(NodeId node) {
    return parse_address("127.0.0." + std::to_string(node.value()))->with_port(port);
}

class LifelineTest : public ::testing::Test {
  protected:
    struct Node {
        std::vector<NodeId> ended;
        std::unique_ptr<Lifelines> lines;
    };

    std::unique_ptr<Node> start(std::uint32_t id) {
        auto node = std::make_unique<Node>();
        node->lines = std::make_unique<Lifelines>(
            NodeId(id),
            loop,
            loop,
            [](NodeId peer) { return address_of(peer); },
            [](const Address& from) { return from.bytes[3] < 10; },
            [at = node.get()](NodeId peer) { at->ended.push_back(peer); });
        const auto opened = node->lines->open(address_of(NodeId(id)));
        EXPECT_TRUE(opened.ok()) << opened.error().text;
        return node;
    }

    template <typename Done>
    bool await(Done done) {
        const Instant limit = monotonic_now() + 5s;
        while (!done() && monotonic_now() < limit) {
            loop.run_once(10ms);
        }
        return done();
    }

    Loop loop;
};

TEST_F(LifelineTest, tells_each_peer_when_a_node_ends_and_only_then) {
    const Members all{NodeId(1), NodeId(2), NodeId(3)};
    auto one = start(1);
    auto two = start(2);
    auto three = start(3);
    for (auto* node : {&one, &two, &three}) {
        (*node)->lines->keep(all);
    }
    ASSERT_TRUE(await([&] {
        return one->lines->accepted() == 2 && two->lines->accepted() == 2 &&
               three->lines->accepted() == 2;
    }));
    EXPECT_EQ(one->lines->held(), 2U);
    EXPECT_TRUE(one->ended.empty() && two->ended.empty() && three->ended.empty());

    three.reset();
    ASSERT_TRUE(await([&] { return !one->ended.empty() && !two->ended.empty(); }));
    EXPECT_EQ(one->ended, std::vector{NodeId(3)});
    EXPECT_EQ(two->ended, std::vector{NodeId(3)});
    EXPECT_EQ(one->lines->held(), 1U);
}

TEST_F(LifelineTest, is_quiet_when_a_member_is_no_longer_one) {
    auto one = start(1);
    auto two = start(2);
    one->lines->keep(Members{NodeId(1), NodeId(2)});
    two->lines->keep(Members{NodeId(1), NodeId(2)});
    ASSERT_TRUE(await([&] { return one->lines->accepted() == 1 && two->lines->accepted() == 1; }));
    one->lines->keep(Members{NodeId(1)});
    two->lines->keep(Members{NodeId(2)});
    ASSERT_TRUE(await([&] { return one->lines->accepted() == 0 && two->lines->accepted() == 0; }));
    EXPECT_TRUE(one->ended.empty() && two->ended.empty());
}

TEST_F(LifelineTest, does_not_take_a_peer_that_is_not_there_for_one_that_ended) {
    auto one = start(1);
    one->lines->keep(Members{NodeId(1), NodeId(2)});
    // Refused at once; the next attempt finds node 2.
    ASSERT_TRUE(await([&] { return one->lines->held() == 0; }));
    auto two = start(2);
    ASSERT_TRUE(await([&] { return two->lines->accepted() == 1; }));
    EXPECT_TRUE(one->ended.empty());
}

TEST_F(LifelineTest, turns_strangers_and_talkers_away) {
    auto one = start(1);
    const auto connect_from = [&](const char* host) {
        Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_storage name{};
        socklen_t size = to_sockaddr(*parse_address(host), name);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
        size = to_sockaddr(address_of(NodeId(1)), name);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
        return fd;
    };
    const Descriptor stranger = connect_from("127.0.0.77");
    const auto before = mark_count("lifeline.refuses_stranger");
    ASSERT_TRUE(await([&] { return mark_count("lifeline.refuses_stranger") > before; }));
    EXPECT_EQ(one->lines->accepted(), 0U);

    const Descriptor talker = connect_from("127.0.0.5");
    ASSERT_TRUE(await([&] { return one->lines->accepted() == 1; }));
    ASSERT_EQ(::send(talker.get(), "x", 1, MSG_NOSIGNAL), 1);
    ASSERT_TRUE(await([&] { return one->lines->accepted() == 0; }));
    EXPECT_TRUE(one->ended.empty());
}

}  // namespace
}  // namespace ais::os
