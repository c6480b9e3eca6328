// SPDX-License-Identifier: BSD-3-Clause

#include "config/settings.hpp"

#include "config/brace_text.hpp"
#include "config/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::config {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

Settings settings_of(std::string_view text) {
    auto tree = brace_text(text);
    const auto schema = kernel_schema();
    for (const auto& finding : check(tree, schema)) {
        EXPECT_NE(finding.severity, Severity::error) << to_string(finding, tree.source());
    }
    fill_defaults(tree, schema);
    auto settings = make_settings(tree);
    if (!settings) {
        ADD_FAILURE() << settings.error().text;
        return {};
    }
    return settings.take();
}

const std::string interface = "interface {\nbindnetaddr: 10.0.0.0\nmcastaddr: 239.1.1.1\n}\n";

TEST(Settings, of_a_small_file_are_the_defaults) {
    const auto settings = settings_of("totem {\n" + interface + "}\n");
    EXPECT_FALSE(settings.totem.node_id);
    EXPECT_EQ(settings.totem.transport, Transport::udp);
    EXPECT_EQ(settings.totem.crypto_backend, "crypto_sodium");
    EXPECT_EQ(settings.totem.crypto_cipher, "auto");
    EXPECT_EQ(settings.totem.netmtu, 1500U);
    EXPECT_EQ(settings.totem.detection_time, milliseconds(500));
    EXPECT_EQ(settings.totem.token, milliseconds(1000));
    EXPECT_EQ(settings.totem.token_retransmit, milliseconds(90));
    EXPECT_EQ(settings.totem.hold, milliseconds(140));
    EXPECT_FALSE(settings.totem.rcvbuf);
    EXPECT_TRUE(settings.totem.offload);
    ASSERT_EQ(settings.totem.interfaces.size(), 1U);
    EXPECT_EQ(settings.totem.interfaces[0].bind.host_text(), "10.0.0.0");
    EXPECT_EQ(settings.totem.interfaces[0].multicast->host_text(), "239.1.1.1");
    EXPECT_EQ(settings.totem.interfaces[0].port, 5405);
    EXPECT_TRUE(settings.logging.to_stderr);
    EXPECT_TRUE(settings.logging.to_syslog);
    EXPECT_FALSE(settings.logging.logfile);
    EXPECT_FALSE(settings.logging.debug);
    EXPECT_EQ(settings.user, "ais");
    EXPECT_EQ(settings.group, "ais");
    EXPECT_TRUE(settings.realtime);
    EXPECT_FALSE(settings.plugins);
    EXPECT_EQ(settings.ipc.message_max, IpcLimits().message_max);
    EXPECT_EQ(settings.ipc.request_ring, IpcLimits().request_ring);
    EXPECT_EQ(settings.ipc.response_ring, IpcLimits().response_ring);
    EXPECT_EQ(settings.ipc.event_ring, IpcLimits().event_ring);
    EXPECT_EQ(settings.ipc.outbox_max, IpcLimits().outbox_max);
    EXPECT_EQ(settings.ipc.stall_timeout, IpcLimits().stall_timeout);
    EXPECT_EQ(settings.ipc.busy_poll, IpcLimits().busy_poll);
    EXPECT_EQ(settings.ipc.clients_max, IpcLimits().clients_max);
    EXPECT_EQ(settings.compare, Settings().compare);
}

TEST(Settings, derive_all_timeouts_from_detection_time) {
    const auto of = [](const std::string& keys) {
        return settings_of("totem {\n" + keys + interface + "}\n").totem;
    };
    const auto expect = [](const TotemSettings& got, const std::vector<int>& ms) {
        EXPECT_EQ(got.detection_time, milliseconds(ms[0]));
        EXPECT_EQ(got.token, milliseconds(ms[1]));
        EXPECT_EQ(got.token_retransmit, milliseconds(ms[2]));
        EXPECT_EQ(got.hold, milliseconds(ms[3]));
        EXPECT_EQ(got.join, milliseconds(ms[4]));
        EXPECT_EQ(got.consensus, milliseconds(ms[5]));
        EXPECT_EQ(got.merge, milliseconds(ms[6]));
    };
    expect(of(""), {500, 1000, 90, 140, 20, 240, 200});
    expect(of("detection_time: lan\n"), {500, 1000, 90, 140, 20, 240, 200});
    expect(of("detection_time: fast\n"), {100, 200, 18, 10, 4, 48, 200});
    expect(of("detection_time: wan\n"), {3000, 6000, 545, 840, 120, 1440, 1200});
    expect(of("detection_time: 250\n"), {250, 500, 45, 70, 10, 120, 200});
    // What is written holds; token alone is taken for a wish about detection.
    expect(of("token: 1000\n"), {1250, 1000, 227, 350, 20, 240, 200});
    expect(of("token: 130\njoin: 50\n"), {162, 130, 29, 16, 50, 600, 200});
    expect(of("detection_time: fast\ntoken: 400\nhold: 7\n"), {100, 400, 90, 7, 4, 48, 200});
}

TEST(Settings, let_the_other_timeouts_follow_token) {
    const auto slow = settings_of("totem {\ntoken: 4000\n" + interface + "}\n").totem;
    EXPECT_EQ(slow.token_retransmit, milliseconds(909));
    EXPECT_EQ(slow.hold, milliseconds(1400));
    const auto more =
        settings_of("totem {\ntoken_retransmits_before_loss_const: 9\n" + interface + "}\n").totem;
    EXPECT_EQ(more.token_retransmit, milliseconds(42));
    const auto given =
        settings_of("totem {\ntoken: 4000\ntoken_retransmit: 50\nhold: 60\n" + interface + "}\n")
            .totem;
    EXPECT_EQ(given.token_retransmit, milliseconds(50));
    EXPECT_EQ(given.hold, milliseconds(60));
    const auto least =
        settings_of("totem {\ntoken: 10\ntoken_retransmits_before_loss_const: 100\n" + interface +
                    "}\n")
            .totem;
    EXPECT_EQ(least.token_retransmit, milliseconds(1));
}

TEST(Settings, let_consensus_follow_join_and_the_windows_each_other) {
    const auto none = settings_of("totem {\n" + interface + "}\n").totem;
    EXPECT_EQ(none.consensus, milliseconds(240));
    EXPECT_EQ(none.max_messages, 256U);
    EXPECT_EQ(none.accelerated_window, 128U);
    const auto some =
        settings_of("totem {\njoin: 100\nwindow_size: 50\nmax_messages: 17\n" + interface + "}\n")
            .totem;
    EXPECT_EQ(some.consensus, milliseconds(1200));
    EXPECT_EQ(some.max_messages, 17U);
    EXPECT_EQ(some.accelerated_window, 17U);
    const auto small =
        settings_of("totem {\nwindow_size: 50\nconsensus: 99\n" + interface + "}\n").totem;
    EXPECT_EQ(small.consensus, milliseconds(99));
    EXPECT_EQ(small.max_messages, 50U);
    EXPECT_EQ(small.accelerated_window, 50U);
}

TEST(Settings, choose_the_crypto_backend) {
    const auto backend = [](const std::string& keys) {
        return settings_of("totem {\n" + keys + interface + "}\n").totem.crypto_backend;
    };
    EXPECT_EQ(backend("secauth: on\n"), "crypto_sodium");
    EXPECT_EQ(backend("secauth: off\n"), "crypto_none");
    EXPECT_EQ(backend("secauth: off\ncrypto_backend: crypto_openssl\n"), "crypto_openssl");
}

TEST(Settings, sort_interfaces_by_ringnumber) {
    const auto settings = settings_of(
        "totem {\ninterface {\nringnumber: 3\nbindnetaddr: 10.3.0.0\nmcastaddr: "
        "239.1.1.3\nmcastport: 6000\n}\n" +
        interface + "}\n");
    ASSERT_EQ(settings.totem.interfaces.size(), 2U);
    EXPECT_EQ(settings.totem.interfaces[0].ring_number, 0U);
    EXPECT_EQ(settings.totem.interfaces[1].port, 6000);
}

TEST(Settings, know_the_nodes_of_each_network) {
    const auto settings = settings_of(
        "totem {\ntransport: udpu\nnodeid: 1\nrrp_mode: passive\ntoken: 1000\n"
        "interface {\nbindnetaddr: 10.0.0.0\n}\n"
        "interface {\nringnumber: 2\nbindnetaddr: 10.2.0.0\n}\n}\n"
        "nodelist {\nnode {\nring0_addr: 10.0.0.1\nring2_addr: 10.2.0.1\nnodeid: 1\n}\n"
        "node {\nring0_addr: 10.0.0.2\nring2_addr: 10.2.0.2\nnodeid: 2\n}\n}\n");
    ASSERT_EQ(settings.totem.interfaces.size(), 2U);
    const auto second = known_nodes(settings, settings.totem.interfaces[1]);
    ASSERT_EQ(second.size(), 2U);
    EXPECT_EQ(second[1].address.host_text(), "10.2.0.2");
    EXPECT_EQ(second[1].id, NodeId(2));
    EXPECT_EQ(settings.totem.rrp_mode, Redundancy::passive);
    EXPECT_EQ(settings.totem.rrp_token_expired, milliseconds(250));
    EXPECT_EQ(settings.totem.rrp_problem_count_threshold, 3U);
    EXPECT_EQ(settings.totem.rrp_problem_count, milliseconds(1000));
}

TEST(Settings, take_no_identity_from_members_of_a_second_network) {
    const auto settings = settings_of(
        "totem {\ntransport: udpu\n"
        "interface {\nbindnetaddr: 10.0.0.0\nmember {\nmemberaddr: 10.0.0.7\n}\n}\n"
        "interface {\nringnumber: 1\nbindnetaddr: 10.1.0.0\nmember {\nmemberaddr: "
        "10.1.0.7\n}\n}\n}\n");
    const auto second = known_nodes(settings, settings.totem.interfaces[1]);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_FALSE(second[0].id);
}

TEST(Settings, know_the_nodes) {
    const auto listed = settings_of(
        "totem {\ntransport: udpu\nnodeid: 2\n}\nnodelist {\nnode {\nring0_addr: 10.0.0.1\nname: "
        "one\n}\nnode {\n"
        "ring0_addr: 10.0.0.2\nnodeid: 2\n}\n}\n");
    const auto nodes = known_nodes(listed, listed.totem.interfaces[0]);
    ASSERT_EQ(nodes.size(), 2U);
    EXPECT_EQ(listed.nodes[0].name, "one");
    EXPECT_EQ(nodes[0].id, NodeId(0x0a000001));
    EXPECT_EQ(nodes[1].id, NodeId(2));
    ASSERT_EQ(listed.totem.interfaces.size(), 1U);
    EXPECT_EQ(listed.totem.interfaces[0].bind.host_text(), "10.0.0.2");
    EXPECT_EQ(listed.totem.interfaces[0].port, 5405);

    const auto members = settings_of(
        "totem {\ntransport: udpu\ninterface {\nbindnetaddr: 10.0.0.0\nmember {\nmemberaddr: "
        "10.0.0.7\n}\n}\n}\n");
    ASSERT_EQ(known_nodes(members, members.totem.interfaces[0]).size(), 1U);
    EXPECT_EQ(known_nodes(members, members.totem.interfaces[0])[0].id, NodeId(0x0a000007));
}

TEST(Settings, take_the_mcastport_of_the_interface_that_udpu_leaves_out_as_default_only) {
    const auto settings = settings_of(
        "totem {\ntransport: udpu\nnodeid: 1\ninterface {\nbindnetaddr: 10.0.0.0\nmcastport: "
        "7000\n}\n}\nnodelist {\nnode "
        "{\nring0_addr: 10.0.0.1\nnodeid: 1\n}\n}\n");
    EXPECT_EQ(settings.totem.interfaces[0].port, 7000);
    EXPECT_EQ(settings.totem.interfaces[0].bind.host_text(), "10.0.0.0");
}

TEST(Settings, give_a_node_its_identity) {
    const std::string nodes = "nodelist {\nnode {\nring0_addr: 10.0.0.2\nnodeid: 5\n}\n}\n";
    const auto local = *parse_address("10.0.0.2");
    EXPECT_EQ(node_id_for(settings_of("totem {\nnodeid: 9\n" + interface + "}\n"), local),
              NodeId(9));
    EXPECT_EQ(node_id_for(settings_of("totem {\n" + interface + "}\n" + nodes), local), NodeId(5));
    EXPECT_EQ(node_id_for(settings_of("totem {\n" + interface + "}\n"), local), NodeId(0x0a000002));
    EXPECT_FALSE(
        node_id_for(settings_of("totem {\n" + interface + "}\n"), *parse_address("fe80::1"))
            .is_valid());
}

TEST(Settings, read_logging_people_plugins_and_limits) {
    const auto settings = settings_of(
        "totem {\n" + interface +
        "}\nlogging {\nto_stderr: no\nto_syslog: no\nto_file: yes\nlogfile: /tmp/x\ndebug: "
        "on\ntimestamp: off\n"
        "syslog_facility: local7\nlogger {\nident: TOTEM\ndebug: on\n}\n}\naisexec {\nuser: "
        "u\ngroup: g\nrealtime: no\n}\nuidgid {\n"
        "uid: 1000\n}\nuidgid {\nuid: a\ngid: b\n}\nplugins {\nload: clm , cpg\ndir: /p\ndir: "
        "/q\n}\nipc {\n"
        "message_max: 10000\nrequest_ring: 65537\nstall_timeout: 50\nbusy_poll: 0\nclients_max: 7\n}\nsync "
        "{\ncompare: 5\n}\n");
    EXPECT_FALSE(settings.logging.to_stderr);
    EXPECT_EQ(settings.logging.logfile, "/tmp/x");
    EXPECT_FALSE(settings.logging.timestamp);
    EXPECT_EQ(settings.logging.syslog_facility, "local7");
    ASSERT_EQ(settings.logging.loggers.size(), 1U);
    EXPECT_EQ(settings.logging.loggers[0].subsystem, "totem");
    EXPECT_TRUE(settings.logging.loggers[0].debug);
    EXPECT_EQ(settings.user, "u");
    EXPECT_EQ(settings.group, "g");
    EXPECT_FALSE(settings.realtime);
    ASSERT_EQ(settings.uidgid.size(), 2U);
    EXPECT_EQ(settings.uidgid[0].user, "1000");
    EXPECT_FALSE(settings.uidgid[0].group);
    EXPECT_EQ(settings.uidgid[1].group, "b");
    EXPECT_THAT(*settings.plugins, ElementsAre("clm", "cpg"));
    EXPECT_THAT(settings.plugin_dirs, ElementsAre("/p", "/q"));
    EXPECT_EQ(settings.ipc.message_max, 10000U);
    EXPECT_EQ(settings.ipc.request_ring, 131072U);
    EXPECT_EQ(settings.ipc.stall_timeout, milliseconds(50));
    EXPECT_EQ(settings.ipc.busy_poll, Duration(0));
    EXPECT_EQ(settings.ipc.clients_max, 7U);
    EXPECT_EQ(settings.compare, std::chrono::seconds(5));
}

TEST(Settings, refuse_a_tree_that_was_not_checked) {
    const auto refusal = [](std::string_view text) {
        auto tree = brace_text(text);
        fill_defaults(tree, kernel_schema());
        return make_settings(tree).error().text;
    };
    EXPECT_EQ(refusal(""), "t.conf: totem.interface is missing");
    EXPECT_EQ(refusal("totem {\ntoken: x\n}\n"), "t.conf: totem.token is missing or wrong");
    EXPECT_EQ(refusal("totem {\ninterface {\n}\n}\n"),
              "t.conf: totem.interface.bindnetaddr is missing or wrong");
    EXPECT_EQ(make_settings(brace_text("")).error().text, "t.conf: totem is missing");
    EXPECT_EQ(make_settings(brace_text("totem {\n}\n")).error().text,
              "t.conf: totem.transport is missing or wrong");
}

TEST(Settings, of_embedded_need_no_network_and_no_key) {
    const auto settings = embedded_settings();
    EXPECT_EQ(settings.totem.crypto_backend, "crypto_none");
    EXPECT_EQ(settings.totem.interfaces.at(0).port, 0);
    EXPECT_TRUE(settings.totem.interfaces.at(0).bind.is_loopback());
    EXPECT_EQ(settings.totem.node_id, NodeId(1));
    EXPECT_EQ(known_nodes(settings, settings.totem.interfaces[0]).size(), 1U);
    EXPECT_FALSE(settings.logging.to_syslog);
}

TEST(PluginName, is_a_small_word) {
    for (const auto* name : {"a", "clm", "config_openais2"}) {
        EXPECT_TRUE(is_plugin_name(name)) << name;
    }
    for (const auto* name :
         {"", "2a", "_a", "Clm", "a-b", "a.so", "../a", "abcdefghijklmnopqrstuvwxyzabcdef"}) {
        EXPECT_FALSE(is_plugin_name(name)) << name;
    }
}

}  // namespace
}  // namespace ais::config
