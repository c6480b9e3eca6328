// SPDX-License-Identifier: BSD-3-Clause
//
// Nothing is lost and nothing is counted twice.

#include "wire.hpp"

#include <ais/codec.hpp>
#include <ais/testing/fake_host.hpp>

#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_counter;

namespace {

std::string add(std::string_view name, std::int64_t amount) {
    ais::Appender body;
    body.text(name);
    body.i64(amount);
    return body.take();
}

class Cluster : public ::testing::Test {
  protected:
    std::uint64_t ask_add(ais::FakeClient& client, std::int64_t amount) {
        return client.request(1, add("apples", amount));
    }
    std::int64_t get(ais::FakeHost& host) {
        auto& client = host.connect();
        ais::Appender body;
        body.text("apples");
        client.request(2, std::string_view(body.take()));
        return value(client.take_response());
    }
    static std::int64_t value(const ais::FakeResponse& response) {
        EXPECT_EQ(response.error, counter::ok);
        return ais::Reader(ais::as_bytes(response.body)).i64();
    }

    ais::FakeBus bus_;
    ais::FakeHost& one_ = bus_.add(1, ais_plugin_counter);
    ais::FakeHost& two_ = bus_.add(2, ais_plugin_counter);
    ais::FakeHost& three_ = bus_.add(3, ais_plugin_counter);
};

TEST_F(Cluster, adds_in_one_order_and_answers_who_asked) {
    bus_.form({1, 2, 3});
    auto& a = one_.connect();
    auto& b = two_.connect();
    ask_add(a, 5);
    ask_add(b, -2);
    ask_add(a, 7);
    EXPECT_TRUE(a.responses.empty());
    bus_.run();
    EXPECT_EQ(value(a.take_response()), 5);
    EXPECT_EQ(value(b.take_response()), 3);
    EXPECT_EQ(value(a.take_response()), 10);
    EXPECT_EQ(get(three_), 10);
    EXPECT_EQ(one_.save(), two_.save());
    EXPECT_EQ(b.notifications.size(), 3U);
}

TEST_F(Cluster, merges_partitions_that_counted_on) {
    bus_.form({1, 2, 3});
    ask_add(one_.connect(), 100);
    bus_.run();
    bus_.partition({{1}, {2, 3}});
    ask_add(one_.connect(), 1);
    ask_add(two_.connect(), 10);
    ask_add(three_.connect(), 20);
    bus_.run();
    EXPECT_EQ(get(one_), 101);
    EXPECT_EQ(get(two_), 130);
    bus_.form({1, 2, 3});
    EXPECT_EQ(get(one_), 131);
    EXPECT_EQ(one_.save(), two_.save());
    EXPECT_EQ(one_.save(), three_.save());
}

TEST_F(Cluster, keeps_what_a_dead_node_added_and_what_it_adds_in_its_next_life) {
    bus_.form({1, 2, 3});
    ask_add(one_.connect(), 4);
    ask_add(one_.connect(), 4);
    bus_.run();
    bus_.crash(1);
    EXPECT_EQ(get(two_), 8);
    // It comes back, counts by itself first, and then meets the others.
    auto& again = bus_.add(1, ais_plugin_counter);
    bus_.form({1});
    ask_add(again.connect(), 1);
    bus_.run();
    bus_.form({1, 2, 3});
    EXPECT_EQ(get(again), 9);
    EXPECT_EQ(get(three_), 9);
}

TEST_F(Cluster, refuses_nonsense) {
    bus_.form({1});
    auto& client = one_.connect();
    client.request(1, "x");
    client.request(9, add("apples", 1));
    client.request(1, add("", 1));
    client.request(1, add(std::string(64, 'n'), 1));
    client.request(2, add("apples", 1));
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(client.take_response().error, counter::invalid) << i;
    }
    one_.deliver(1, 1, "garbage");
    EXPECT_EQ(get(one_), 0);
    for (const char* bytes :
         {"x", "\x01\x00\x00\x00", "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff"}) {
        EXPECT_EQ(one_.restore(bytes), AIS_ERR_CORRUPT);
    }
    EXPECT_TRUE(one_.complaints().empty());
}

// Another build takes over while an addition is on its way: its client hears of it.
TEST_F(Cluster, is_replaced_while_clients_wait) {
    bus_.form({1, 2, 3});
    auto& client = one_.connect();
    ask_add(client, 5);
    bus_.run();
    EXPECT_EQ(value(client.take_response()), 5);
    ask_add(client, 2);
    EXPECT_EQ(one_.replace(ais_plugin_counter), AIS_OK);
    bus_.run();
    EXPECT_EQ(value(client.take_response()), 7);
    ask_add(client, 1);
    bus_.run();
    EXPECT_EQ(value(client.take_response()), 8);
    EXPECT_EQ(client.notifications.size(), 3U);
    EXPECT_EQ(one_.save(), two_.save());
}

}  // namespace
