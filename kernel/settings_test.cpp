// SPDX-License-Identifier: BSD-3-Clause

#include "settings.hpp"

#include "config/brace_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string interface = "interface {\nbindnetaddr: 10.0.0.0\nmcastaddr: 239.1.1.1\n}\n";

CheckedConfig checked(const std::string& totem, const std::string& network = interface) {
    auto tree = config::brace_text("totem {\n" + totem + network + "}\n");
    return check_config(tree, config::kernel_schema());
}

std::vector<std::string> said(const std::string& totem) {
    std::vector<std::string> lines;
    for (const auto& finding : checked(totem).findings) {
        lines.push_back(to_string(finding, "t"));
    }
    return lines;
}

// The two tables of defaults, openais.conf's and the engine's, are one.
TEST(TotemConfig, of_an_empty_section_is_the_engines_default) {
    const auto settings = checked("").settings;
    ASSERT_TRUE(settings);
    const auto config = to_totem_config(*settings, 72);
    ASSERT_TRUE(config.ok()) << config.error().text;
    const totem::Config engine;
    EXPECT_EQ(config->detection_time, engine.detection_time);
    EXPECT_EQ(config->token_timeout, engine.token_timeout);
    EXPECT_EQ(config->token_retransmit_timeout, engine.token_retransmit_timeout);
    EXPECT_EQ(config->hold_timeout, engine.hold_timeout);
    EXPECT_EQ(config->stay_max, engine.stay_max);
    EXPECT_EQ(config->join_timeout, engine.join_timeout);
    EXPECT_EQ(config->consensus_timeout, engine.consensus_timeout);
    EXPECT_EQ(config->merge_timeout, engine.merge_timeout);
    EXPECT_EQ(config->fail_to_receive_rotations, engine.fail_to_receive_rotations);
    EXPECT_EQ(config->seqno_unchanged_rotations, engine.seqno_unchanged_rotations);
    EXPECT_EQ(config->window_size, engine.window_size);
    EXPECT_EQ(config->max_messages, engine.max_messages);
    EXPECT_EQ(config->accelerated_window, engine.accelerated_window);
    EXPECT_EQ(config->log_slots, engine.log_slots);
    EXPECT_EQ(config->datagram_max, 1400U);
}

TEST(TotemConfig, keeps_sealed_datagrams_within_netmtu) {
    const auto ipv4 = *checked("netmtu: 9000\n").settings;
    EXPECT_EQ(sealed_datagram_max(ipv4), 8972U);
    EXPECT_EQ(to_totem_config(ipv4, 40)->datagram_max, 8932U);
    const auto ipv6 =
        *checked("nodeid: 1\n", "interface {\nbindnetaddr: fec0::1\nmcastaddr: ff05::1\n}\n")
             .settings;
    EXPECT_EQ(sealed_datagram_max(ipv6), 1452U);
}

TEST(TotemConfig, has_room_for_twelve_windows) {
    const auto settings = *checked("window_size: 4096\n").settings;
    EXPECT_EQ(to_totem_config(settings, 40)->log_slots, 65536U);
}

TEST(CheckConfig, finds_contradictions_of_the_protocol_with_their_line) {
    EXPECT_THAT(said("token: 100\nhold: 90\n"),
                ElementsAre("t:2: totem.token: 100 ms does not exceed hold + token_retransmit; at "
                            "least 113 would be "
                            "right, or a shorter hold"));
    EXPECT_THAT(said("window_size: 50\nmax_messages: 60\n"),
                ElementsAre("t:3: totem.max_messages: 60 is not in 1..window_size (50)"));
    EXPECT_THAT(said("consensus: 30\n"),
                ElementsAre("t:2: totem.consensus: 30 ms leaves no room for three joins; at least "
                            "60 would be right"));
    EXPECT_FALSE(checked("consensus: 30\n").settings);
}

TEST(CheckConfig, takes_what_people_had_with_openais) {
    EXPECT_THAT(
        said("token: 3000\ntoken_retransmits_before_loss_const: 10\njoin: 60\nconsensus: 4800\n"
             "max_messages: 20\nwindow_size: 50\n"),
        IsEmpty());
    EXPECT_THAT(said("token: 1000\n"), IsEmpty());
    EXPECT_THAT(said("join: 100\n"), IsEmpty());
    EXPECT_THAT(said("window_size: 50\n"), IsEmpty());
    EXPECT_THAT(said("max_messages: 17\n"), IsEmpty());
}

TEST(CheckConfig, takes_the_least_and_the_most_of_every_number_that_stands_alone) {
    for (const auto* text : {"detection_time: 50\n",
                             "detection_time: 60000\n",
                             "detection_time: fast\n",
                             "detection_time: wan\n",
                             "detection_time: fast\ntoken: 1000\n",
                             "token: 10\n",
                             "token: 60000\n",
                             "token_retransmits_before_loss_const: 100\n",
                             "join: 1\n",
                             "merge: 1\n",
                             "netmtu: 1000\n",
                             "netmtu: 9216\n",
                             "window_size: 1\n",
                             "window_size: 4096\n",
                             "accelerated_window: 0\n",
                             "max_messages: 1\n"}) {
        EXPECT_THAT(said(text), IsEmpty()) << text;
    }
}

TEST(CheckConfig, stops_at_errors_of_the_schema) {
    const auto got = checked("token: x\nconsensus: 30\n");
    EXPECT_EQ(got.findings.size(), 1U);
    EXPECT_FALSE(got.settings);
}

TEST(IpcLimits, of_an_empty_section_are_the_sessions_default) {
    const auto limits = to_ipc_limits(*checked("").settings);
    const ipc::Limits session;
    EXPECT_EQ(limits.message_max, session.message_max);
    EXPECT_EQ(limits.header_room, session.header_room);
    EXPECT_EQ(limits.request_ring, session.request_ring);
    EXPECT_EQ(limits.response_ring, session.response_ring);
    EXPECT_EQ(limits.event_ring, session.event_ring);
    EXPECT_EQ(limits.outbox_max, session.outbox_max);
    EXPECT_EQ(limits.stall_timeout, session.stall_timeout);
    EXPECT_EQ(limits.clients_max, session.clients_max);
}

TEST(Embedded, gives_a_right_configuration_of_the_engine) {
    EXPECT_TRUE(to_totem_config(config::embedded_settings(), 0).ok());
}

}  // namespace
}  // namespace ais
