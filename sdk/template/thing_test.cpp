// SPDX-License-Identifier: BSD-3-Clause
//
// The whole plugin on several nodes in one process, without an executive.

#include "wire.hpp"

#include <ais/testing/fake_host.hpp>

#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_thing;

namespace {

constexpr auto write = static_cast<std::uint16_t>(thing::Request::write);
constexpr auto read = static_cast<std::uint16_t>(thing::Request::read);

TEST(Thing, tells_every_node_what_one_has_written) {
    ais::FakeBus bus;
    auto& one = bus.add(1, ais_plugin_thing);
    auto& two = bus.add(2, ais_plugin_thing);
    bus.form({1, 2});
    auto& writer = one.connect();
    auto& reader = two.connect();
    const auto serial = writer.request(write, "hello");
    EXPECT_TRUE(writer.responses.empty());  // not before it is delivered
    bus.run();
    EXPECT_EQ(writer.take_response().serial, serial);
    EXPECT_EQ(reader.take_notification().body, "hello");
    reader.request(read);
    EXPECT_EQ(reader.take_response().body, "hello");
    EXPECT_EQ(one.save(), two.save());
    EXPECT_TRUE(one.complaints().empty());
}

TEST(Thing, agrees_on_one_value_when_partitions_heal) {
    ais::FakeBus bus;
    auto& one = bus.add(1, ais_plugin_thing);
    auto& two = bus.add(2, ais_plugin_thing);
    auto& three = bus.add(3, ais_plugin_thing);
    bus.form({1, 2, 3});
    bus.partition({{1}, {2, 3}});
    one.connect().request(write, "minority");
    two.connect().request(write, "once");
    two.connect().request(write, "twice");
    bus.run();
    bus.form({1, 2, 3});
    for (auto* host : {&one, &two, &three}) {
        auto& client = host->connect();
        client.request(read);
        EXPECT_EQ(client.take_response().body, "twice");
    }
}

TEST(Thing, refuses_what_it_does_not_understand) {
    ais::FakeBus bus;
    auto& one = bus.add(1, ais_plugin_thing);
    bus.form({1});
    auto& client = one.connect();
    client.request(99);
    EXPECT_EQ(client.take_response().error, thing::bad_request);
    client.request(write, std::string(thing::value_max + 1, 'x'));
    EXPECT_EQ(client.take_response().error, thing::too_big);
    one.deliver(1, 1, "short");  // a broken message from another node
    EXPECT_EQ(one.restore("no snapshot"), AIS_ERR_CORRUPT);
}

TEST(Thing, forgets_clients_that_are_gone) {
    ais::FakeBus bus;
    auto& one = bus.add(1, ais_plugin_thing);
    bus.form({1});
    auto& client = one.connect();
    client.request(write, "x");
    client.close();
    bus.run();
    EXPECT_TRUE(one.complaints().empty());
}

}  // namespace
