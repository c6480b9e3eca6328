// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on the SDK's in-memory cluster.

#include "service.hpp"

#include "include/saClm.h"
#include "snapshot.hpp"

#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

extern "C" const struct ais_plugin ais_plugin_clm;

namespace ais::clm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string hello() {
    Appender out;
    Hello().encode(out);
    return out.take();
}

std::string text(const ViewReport& report) {
    std::string line = std::to_string(report.number) + "/" + std::to_string(report.members) + ":";
    for (const Item& item : report.items) {
        const char* sign[] = {"?", "", "+", "-", "!"};
        line += " " + std::to_string(item.member.facts.node) +
                sign[static_cast<std::uint32_t>(item.change)];
    }
    return line;
}

// A program of one node.
struct Program {
    explicit Program(FakeHost& host) : client(host.connect(hello())) {}

    FakeResponse track(std::uint32_t flags,
                       Answer answer = Answer::none,
                       std::uint32_t capacity = TrackRequest::unlimited,
                       std::uint32_t epoch = 0) {
        Appender body;
        TrackRequest{flags, answer, capacity, epoch}.encode(body);
        client.request(static_cast<std::uint16_t>(RequestKind::track), body.written());
        return client.take_response();
    }
    std::int32_t stop() {
        client.request(static_cast<std::uint16_t>(RequestKind::track_stop));
        return client.take_response().error;
    }
    // What track callbacks would say, the oldest first.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client.notifications.empty()) {
            const FakeNotification event = client.take_notification();
            Reader in(as_bytes(event.body));
            last_epoch = in.u32();
            ViewReport report;
            lines.push_back(ViewReport::decode(in, report) ? text(report) : "broken");
        }
        return lines;
    }

    FakeClient& client;
    std::uint32_t last_epoch = 0;
};

ViewReport view_in(const FakeResponse& response) {
    Reader in(as_bytes(response.body));
    ViewReport report;
    EXPECT_TRUE(ViewReport::decode(in, report));
    return report;
}

class Service : public testing::Test {
  protected:
    Service() {
        for (const ais_node_id node : {1, 2, 3}) {
            hosts.push_back(&bus.add(node, ais_plugin_clm));
        }
        bus.form({1, 2, 3});
        bus.run();
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

TEST_F(Service, nodes_know_each_other_by_name_address_and_start) {
    Program program(at(2));
    const ViewReport view = view_in(program.track(SA_TRACK_CURRENT, Answer::buffer));
    ASSERT_EQ(view.items.size(), 3U);
    const Facts& third = view.items[2].member.facts;
    EXPECT_EQ(third.name, "host3");
    EXPECT_EQ(third.address, "10.0.0.3");
    EXPECT_EQ(third.family, 1U);
    EXPECT_EQ(third.boot_time, FakeHost::wall_clock_epoch + 3);
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Service, snapshot_and_tracking_begin_together) {
    Program program(at(1));
    const FakeResponse now = program.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES, Answer::buffer, 3);
    EXPECT_EQ(text(view_in(now)), "2/3: 1 2 3");
    EXPECT_THAT(program.heard(), IsEmpty());
    bus.crash(3);
    EXPECT_THAT(program.heard(), ElementsAre("3/2: 1 2 3-"));
}

TEST_F(Service, too_small_a_buffer_starts_nothing) {
    Program program(at(1));
    const FakeResponse now = program.track(SA_TRACK_CURRENT | SA_TRACK_CHANGES, Answer::buffer, 2);
    EXPECT_EQ(now.error, SA_AIS_ERR_NO_SPACE);
    Reader in(as_bytes(now.body));
    EXPECT_EQ(in.u32(), 3U);
    bus.crash(3);
    EXPECT_THAT(program.heard(), IsEmpty());
    EXPECT_EQ(program.stop(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Service, current_by_callback_is_one_event_for_each_call) {
    Program program(at(1));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(program.track(SA_TRACK_CURRENT, Answer::callback, 0, 9).error, SA_AIS_OK);
    }
    EXPECT_THAT(program.heard(), ElementsAre("2/3: 1 2 3", "2/3: 1 2 3", "2/3: 1 2 3"));
    EXPECT_EQ(program.last_epoch, 9U);
    EXPECT_EQ(program.stop(), SA_AIS_ERR_NOT_EXIST);
}

TEST_F(Service, tracking_is_replaced_not_doubled_and_ends_with_stop) {
    Program program(at(1));
    program.track(SA_TRACK_CHANGES);
    program.track(SA_TRACK_CHANGES_ONLY);
    program.track(SA_TRACK_CURRENT, Answer::buffer);  // does not change the mode
    bus.crash(3);
    EXPECT_THAT(program.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(program.stop(), SA_AIS_OK);
    EXPECT_EQ(program.stop(), SA_AIS_ERR_NOT_EXIST);
    bus.crash(2);
    EXPECT_THAT(program.heard(), IsEmpty());
}

TEST_F(Service, local_tracking_is_about_this_node_only) {
    Program program(at(1));
    EXPECT_EQ(text(view_in(program.track(SA_TRACK_CURRENT | SA_TRACK_LOCAL, Answer::buffer, 1))),
              "2/3: 1");
    program.track(SA_TRACK_CHANGES | SA_TRACK_LOCAL);
    bus.crash(3);
    EXPECT_THAT(program.heard(), IsEmpty());
    at(1).addresses = {"fd00::7"};
    bus.form({1, 2});
    bus.run();
    EXPECT_THAT(program.heard(), ElementsAre("4/2: 1!"));
}

TEST_F(Service, division_and_merge_are_one_report_on_each_node) {
    Program one(at(1));
    Program three(at(3));
    one.track(SA_TRACK_CHANGES_ONLY);
    three.track(SA_TRACK_CHANGES_ONLY);
    bus.partition({{1, 2}, {3}});
    EXPECT_THAT(one.heard(), ElementsAre("3/2: 3-"));
    EXPECT_THAT(three.heard(), ElementsAre("3/1: 1- 2-"));
    bus.form({1, 2, 3});
    EXPECT_THAT(one.heard(), ElementsAre("4/3: 3+"));
    EXPECT_THAT(three.heard(), ElementsAre("4/3: 1+ 2+"));
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Service, another_address_is_told_to_all_as_a_reconfiguration) {
    Program program(at(3));
    program.track(SA_TRACK_CHANGES);
    at(2).addresses = {"fe80::2%eth0"};
    bus.form({1, 2, 3});  // the same members again
    bus.run();
    EXPECT_THAT(program.heard(), ElementsAre("3/3: 1 2! 3"));
    const ViewReport view = view_in(program.track(SA_TRACK_CURRENT, Answer::buffer));
    EXPECT_EQ(view.items[1].member.facts.address, "fe80::2");
    EXPECT_EQ(view.items[1].member.facts.family, 2U);
    EXPECT_EQ(at(1).save(), at(3).save());
}

TEST_F(Service, facts_wait_for_room_in_the_send_queue) {
    at(2).host_name = "renamed";
    at(2).set_congested(true);
    bus.form({1, 2, 3});
    EXPECT_EQ(bus.run(), 0U);
    at(2).set_congested(false);
    bus.form({1, 2, 3});
    EXPECT_EQ(bus.run(), 1U);
    EXPECT_THAT(at(1).dump(), testing::HasSubstr("'renamed'"));
}

TEST_F(Service, nodes_are_found_by_number) {
    Program program(at(1));
    Appender known;
    known.u32(3);
    program.client.request(static_cast<std::uint16_t>(RequestKind::node_get), known.written());
    const FakeResponse found = program.client.take_response();
    EXPECT_EQ(found.error, SA_AIS_OK);
    Reader in(as_bytes(found.body));
    Member member;
    EXPECT_TRUE(Member::decode(in, member));
    EXPECT_EQ(member.facts.name, "host3");
    Appender unknown;
    unknown.u32(9);
    unknown.u64(42);
    program.client.request(static_cast<std::uint16_t>(RequestKind::node_ask), unknown.written());
    EXPECT_EQ(program.client.take_response().error, SA_AIS_OK);
    const FakeNotification event = program.client.take_notification();
    Reader told(as_bytes(event.body));
    EXPECT_EQ(event.kind, static_cast<std::uint16_t>(EventKind::node));
    EXPECT_EQ(told.u64(), 42U);
    EXPECT_EQ(told.u32(), static_cast<std::uint32_t>(SA_AIS_ERR_NOT_EXIST));
    EXPECT_TRUE(told.finished());
}

TEST_F(Service, response_that_nobody_waits_for_is_refused) {
    Program program(at(1));
    Appender body;
    body.u64(7);
    body.u32(1);
    program.client.request(static_cast<std::uint16_t>(RequestKind::response), body.written());
    EXPECT_EQ(program.client.take_response().error, SA_AIS_ERR_INVALID_PARAM);
}

TEST_F(Service, configuration_names_the_node) {
    FakeBus other;
    FakeHost& host = other.add(7,
                               ais_plugin_clm,
                               {{"clm.node_name", "safNode=seven"},
                                {"clm.node_address", "fd00::7"},
                                {"clm.execution_environment", "safEE=box"}});
    other.form({7});
    Program program(host);
    const Facts facts =
        view_in(program.track(SA_TRACK_CURRENT, Answer::buffer)).items[0].member.facts;
    EXPECT_EQ(facts.name, "safNode=seven");
    EXPECT_EQ(facts.address, "fd00::7");
    EXPECT_EQ(facts.family, 2U);
    EXPECT_EQ(facts.environment, "safEE=box");
}

TEST_F(Service, name_that_is_no_name_does_not_load) {
    FakeBus other;
    FakeHost& host = other.add(7, ais_plugin_clm, {{"clm.node_name", std::string(257, 'n')}});
    EXPECT_NE(host.load_status(), AIS_OK);
    EXPECT_TRUE(host.logged("clm.node_name has 257 bytes"));
}

TEST_F(Service, kernel_without_facts_of_the_machine_gives_a_name) {
    FakeBus other;
    FakeHost& host = other.add(7, ais_plugin_clm, {}, {AIS_NODE_INTERFACE});
    other.form({7});
    EXPECT_THAT(host.dump(), testing::HasSubstr("'node7'"));
}

TEST_F(Service, two_nodes_of_one_name_are_noticed) {
    FakeBus other;
    FakeHost& one = other.add(1, ais_plugin_clm, {{"clm.node_name", "box"}});
    other.add(2, ais_plugin_clm, {{"clm.node_name", "box"}});
    other.form({1, 2});
    EXPECT_TRUE(one.logged("NOTICE CLM-005 nodes 1 and 2 have the same name 'box'"));
}

TEST_F(Service, broken_bytes_cut_a_client_off_and_are_counted_of_a_node) {
    Program program(at(1));
    program.client.request(static_cast<std::uint16_t>(RequestKind::track), "xx");
    EXPECT_EQ(program.client.disconnected(), "a request that does not decode");
    EXPECT_TRUE(at(1).logged("CLM-004"));
    Program second(at(1));
    second.client.request(99);
    EXPECT_EQ(second.client.disconnected(), "a request that does not decode");
    at(1).deliver(2, 1, "xx");
    at(1).deliver(2, 9, "");
    EXPECT_TRUE(at(1).logged("WARNING CLM-003 node 2"));
    EXPECT_THAT(at(1).dump(), testing::HasSubstr("malformed 2"));
}

TEST_F(Service, another_build_goes_on_telling_the_same_clients) {
    Program tracks(at(1));
    Program silent(at(1));
    tracks.track(SA_TRACK_CHANGES_ONLY, Answer::none, TrackRequest::unlimited, 5);
    const auto handover = at(1).offer<ais_service_handover_v1>(AIS_SERVICE_HANDOVER_INTERFACE);
    ASSERT_NE(handover.save_local, nullptr);
    std::string saved;
    const ais_writer writer = {sizeof(ais_writer), 0, &saved, [](void* to, ais_bytes bytes) {
                                   static_cast<std::string*>(to)->append(as_text(bytes));
                                   return ais_status{AIS_OK};
                               }};
    ais_conn* conns[] = {tracks.client.conn(), silent.client.conn()};
    ASSERT_EQ(handover.save_local(at(1).self(), conns, 2, &writer), AIS_OK);
    // The other build is this one again, and the conns have changed places, which shows that
    // it goes by what was saved.
    std::swap(conns[0], conns[1]);
    EXPECT_EQ(handover.restore_local(at(1).self(), conns, 1, to_abi(saved), "0"), AIS_ERR_CORRUPT);
    EXPECT_EQ(handover.restore_local(at(1).self(), conns, 2, to_abi("junk"), "0"), AIS_ERR_CORRUPT);
    ASSERT_EQ(handover.restore_local(at(1).self(), conns, 2, to_abi(saved), "0"), AIS_OK);
    bus.crash(3);
    EXPECT_THAT(tracks.heard(), IsEmpty());
    EXPECT_THAT(silent.heard(), ElementsAre("3/2: 3-"));
    EXPECT_EQ(silent.last_epoch, 5U);
}

TEST_F(Service, hello_of_another_version_is_refused) {
    EXPECT_EQ(at(1).connect("??").open_status, AIS_ERR_CORRUPT);
    Appender later;
    Hello{wire_version + 1, Role::program}.encode(later);
    EXPECT_EQ(at(1).connect(later.take()).open_status, AIS_ERR_UNSUPPORTED);
}

TEST_F(Service, broken_snapshot_stops_the_node) {
    EXPECT_EQ(at(1).restore("junk"), AIS_ERR_CORRUPT);
    EXPECT_TRUE(at(1).logged("CLM-001"));
    EXPECT_EQ(at(1).restore(save(View{3, {{2, {{2, 0, "", "n", "", 0}, 1}}}})), AIS_ERR_CORRUPT);
    EXPECT_TRUE(at(1).logged("CLM-002"));
}

}  // namespace
}  // namespace ais::clm
