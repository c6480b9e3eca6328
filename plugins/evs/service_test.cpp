// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on the SDK's in-memory cluster.

#include "service.hpp"

#include "include/evs.h"

#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

extern "C" const struct ais_plugin ais_plugin_evs;

namespace ais::evs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string hello() {
    Appender out;
    Hello().encode(out);
    return out.take();
}

// Keys of one letter each, with their number in front.
std::string groups(const std::string& letters) {
    Appender out;
    out.u32(static_cast<std::uint32_t>(letters.size()));
    for (const char letter : letters) {
        out.bytes(as_bytes(letter + std::string(key_size - 1, '\0')));
    }
    return out.take();
}

std::string list(const std::vector<std::uint32_t>& nodes) {
    std::string text;
    for (const std::uint32_t node : nodes) {
        text += (text.empty() ? "" : ",") + std::to_string(node);
    }
    return text;
}

// A program of one node.
struct Program {
    explicit Program(FakeHost& host) : client(host.connect(hello())) { heard(); }

    std::int32_t join(const std::string& letters) { return ask(RequestKind::join, letters); }
    std::int32_t leave(const std::string& letters) { return ask(RequestKind::leave, letters); }
    void say(const std::string& letters, std::string_view text, bool is_safe = false) {
        client.send(static_cast<std::uint16_t>(is_safe ? RequestKind::groups_safe
                                                       : RequestKind::groups_agreed),
                    groups(letters) + std::string(text));
    }
    void say_joined(std::string_view text) {
        client.send(static_cast<std::uint16_t>(RequestKind::joined_agreed), text);
    }
    // "2:hello" is a message of node 2, "[1,2 -3 +2]" a configuration.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client.notifications.empty()) {
            const FakeNotification event = client.take_notification();
            if (event.kind == static_cast<std::uint16_t>(EventKind::message)) {
                Reader in(as_bytes(event.body));
                const DeliveryHead head = DeliveryHead::decode(in);
                lines.push_back(std::to_string(head.node) + ":" + std::string(as_text(in.rest())));
            } else {
                ConfigurationEvent now;
                EXPECT_TRUE(ConfigurationEvent::decode(as_bytes(event.body), now));
                lines.push_back("[" + list(now.members) + " -" + list(now.left) + " +" +
                                list(now.joined) + "]");
            }
        }
        return lines;
    }

    FakeClient& client;

  private:
    std::int32_t ask(RequestKind kind, const std::string& letters) {
        client.request(static_cast<std::uint16_t>(kind), groups(letters));
        return client.take_response().error;
    }
};

class Service : public testing::Test {
  protected:
    Service() {
        for (const ais_node_id node : {1, 2, 3}) {
            hosts.push_back(&bus.add(node, ais_plugin_evs));
        }
        bus.form({1, 2, 3});
    }
    ~Service() override {
        for (const FakeHost* host : hosts) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }
    FakeHost& at(ais_node_id node) { return *hosts[node - 1]; }

    FakeBus bus;
    std::vector<FakeHost*> hosts;
};

TEST_F(Service, messages_go_to_those_who_hear_the_group_whoever_sends) {
    Program a(at(1));
    Program b(at(2));
    Program same_node(at(1));
    EXPECT_EQ(a.join("xy"), EVS_OK);
    b.say("x", "one");
    b.say("xy", "both");
    b.say("z", "nobody");
    b.say("y", "safe", true);
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("2:one", "2:both", "2:safe"));
    EXPECT_THAT(b.heard(), IsEmpty());
    EXPECT_THAT(same_node.heard(), IsEmpty());
}

TEST_F(Service, what_is_sent_to_the_joined_groups_comes_back_to_the_sender) {
    Program a(at(1));
    Program b(at(3));
    a.say_joined("to nobody");
    EXPECT_EQ(at(1).queued(), 0U);
    EXPECT_EQ(a.join("xx"), EVS_OK);
    EXPECT_EQ(b.join("x"), EVS_OK);
    a.say_joined("hello");
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("1:hello"));
    EXPECT_THAT(b.heard(), ElementsAre("1:hello"));
}

TEST_F(Service, messages_go_with_the_guarantee_that_was_asked_for) {
    Program a(at(1));
    EXPECT_EQ(a.join("x"), EVS_OK);
    for (const auto kind : {RequestKind::joined_safe, RequestKind::joined_agreed}) {
        a.client.send(static_cast<std::uint16_t>(kind), "joined");
        EXPECT_EQ(at(1).last_guarantee(),
                  kind == RequestKind::joined_safe ? AIS_GUARANTEE_SAFE : AIS_GUARANTEE_AGREED);
    }
    for (const bool is_safe : {true, false}) {
        a.say("x", "groups", is_safe);
        EXPECT_EQ(at(1).last_guarantee(), is_safe ? AIS_GUARANTEE_SAFE : AIS_GUARANTEE_AGREED);
    }
    bus.run();
    EXPECT_EQ(a.heard().size(), 4U);
}

TEST_F(Service, joining_holds_from_the_delivery_on) {
    Program a(at(1));
    Program b(at(2));
    b.say("x", "queued before the join");
    EXPECT_EQ(a.join("x"), EVS_OK);
    bus.run();
    EXPECT_THAT(a.heard(), ElementsAre("2:queued before the join"));
    b.say("x", "queued before the leave");
    EXPECT_EQ(a.leave("x"), EVS_OK);
    bus.run();
    EXPECT_THAT(a.heard(), IsEmpty());
    EXPECT_EQ(a.leave("x"), EVS_ERR_NOT_EXIST);
    EXPECT_EQ(a.join(std::string(50, 'x')), EVS_OK);
    EXPECT_EQ(a.join("y"), EVS_ERR_TOO_MANY_GROUPS);
}

TEST_F(Service, new_client_hears_the_last_regular_configuration_first) {
    FakeClient& client = at(2).connect(hello());
    ASSERT_EQ(client.notifications.size(), 1U);
    ConfigurationEvent now;
    ASSERT_TRUE(ConfigurationEvent::decode(as_bytes(client.notifications[0].body), now));
    EXPECT_EQ(list(now.members), "1,2,3");
    EXPECT_EQ(list(now.joined), "1,3");
    EXPECT_THAT(now.left, IsEmpty());
}

TEST_F(Service, each_change_is_a_transitional_and_then_a_regular_configuration) {
    Program a(at(1));
    bus.crash(3);
    EXPECT_THAT(a.heard(), ElementsAre("[1,2 -3 +]", "[1,2 - +]"));
    bus.partition({{1}, {2}});
    EXPECT_THAT(a.heard(), ElementsAre("[1 -2 +]", "[1 - +]"));
    bus.form({1, 2});
    EXPECT_THAT(a.heard(), ElementsAre("[1 - +]", "[1,2 - +2]"));
}

TEST_F(Service, messages_and_configurations_have_one_order) {
    Program a(at(1));
    Program b(at(2));
    Program c(at(3));
    a.join("x");
    b.join("x");
    for (int i = 0; i < 5; ++i) {
        a.say("x", "a" + std::to_string(i));
        b.say("x", "b" + std::to_string(i));
        c.say("x", "c" + std::to_string(i));
    }
    bus.step();
    bus.step();
    bus.step();
    bus.crash(3);
    bus.run();
    const auto told = a.heard();
    EXPECT_EQ(told, b.heard());
    EXPECT_EQ(told[3], "[1,2 -3 +]");
    EXPECT_EQ(told.size(), 13U);  // 1 of c, 10 of the others, 2 configurations
}

TEST_F(Service, members_are_told) {
    Program a(at(2));
    a.client.request(static_cast<std::uint16_t>(RequestKind::membership));
    const FakeResponse response = a.client.take_response();
    EXPECT_EQ(response.error, EVS_OK);
    Reader in(as_bytes(response.body));
    EXPECT_EQ(in.u32(), 3U);
    EXPECT_EQ(in.u32(), 1U);
}

TEST_F(Service, client_that_is_gone_hears_nothing_and_its_messages_are_delivered) {
    Program a(at(1));
    Program b(at(1));
    a.join("x");
    b.join("x");
    a.say("x", "last words");
    a.client.close();
    bus.run();
    EXPECT_THAT(b.heard(), ElementsAre("1:last words"));
    EXPECT_THAT(at(1).dump(), testing::HasSubstr("clients 1, groups heard here 1"));
}

TEST_F(Service, another_build_goes_on_with_what_clients_hear) {
    Program one(at(1));
    Program other(at(1));
    one.join("xxy");
    other.join("z");
    const auto handover = at(1).offer<ais_service_handover_v1>(AIS_SERVICE_HANDOVER_INTERFACE);
    ASSERT_NE(handover.save_local, nullptr);
    std::string saved;
    const ais_writer writer = {sizeof(ais_writer), 0, &saved, [](void* to, ais_bytes bytes) {
                                   static_cast<std::string*>(to)->append(as_text(bytes));
                                   return ais_status{AIS_OK};
                               }};
    ais_conn* conns[] = {one.client.conn(), other.client.conn()};
    ASSERT_EQ(handover.save_local(at(1).self(), conns, 2, &writer), AIS_OK);
    for (std::size_t cut = 0; cut < saved.size(); ++cut) {
        const auto part = std::string_view(saved).substr(0, cut);
        ASSERT_EQ(handover.restore_local(at(1).self(), conns, 2, to_abi(part), "0"),
                  AIS_ERR_CORRUPT);
    }
    // The other build is this one again, and the conns have changed places.
    std::swap(conns[0], conns[1]);
    ASSERT_EQ(handover.restore_local(at(1).self(), conns, 2, to_abi(saved), "0"), AIS_OK);
    one.say("yz", "hello");
    bus.run();
    EXPECT_THAT(one.heard(), ElementsAre("1:hello"));
    EXPECT_THAT(other.heard(), ElementsAre("1:hello"));
    EXPECT_EQ(other.leave("xx"), EVS_OK);
    EXPECT_EQ(other.leave("x"), EVS_ERR_NOT_EXIST);
}

TEST_F(Service, message_that_cannot_be_queued_does_not_vanish_in_silence) {
    Program a(at(1));
    at(1).set_message_max(100);
    a.say("x", std::string(200, 'm'));
    EXPECT_EQ(a.client.disconnected(), "its message could not be queued");
    EXPECT_TRUE(at(1).logged("ERROR EVS-003"));
}

TEST_F(Service, broken_bytes_cut_a_client_off_and_are_counted_of_a_node) {
    for (const auto kind :
         {RequestKind::join, RequestKind::leave, RequestKind::groups_agreed, RequestKind(99)}) {
        Program a(at(1));
        a.client.request(static_cast<std::uint16_t>(kind), "xx");
        EXPECT_EQ(a.client.disconnected(), "a request that does not decode");
    }
    EXPECT_TRUE(at(1).logged("WARNING EVS-002"));
    at(1).deliver(2, 1, "xx");
    at(1).deliver(2, 9, "");
    EXPECT_TRUE(at(1).logged("WARNING EVS-001 node 2"));
    EXPECT_THAT(at(1).dump(), testing::HasSubstr("malformed 2"));
    EXPECT_EQ(at(1).connect("??").open_status, AIS_ERR_CORRUPT);
    Appender later;
    later.u32(wire_version + 1);
    EXPECT_EQ(at(1).connect(later.take()).open_status, AIS_ERR_UNSUPPORTED);
}

}  // namespace
}  // namespace ais::evs
