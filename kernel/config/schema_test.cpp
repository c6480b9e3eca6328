// SPDX-License-Identifier: BSD-3-Clause

#include "config/schema.hpp"

#include "config/brace_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace ais::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What check_schema says, severity first.
std::vector<std::string> said(std::string_view text, const Schema& schema = kernel_schema()) {
    Findings findings;
    const auto tree = brace_text(text);
    check_schema(tree, schema, findings);
    std::vector<std::string> lines;
    for (const auto& finding : findings) {
        lines.push_back((finding.severity == Severity::error ? "error: " : "warning: ") +
                        to_string(finding, tree.source()));
    }
    return lines;
}

TEST(Schema, accepts_right_values_in_silence) {
    EXPECT_THAT(
        said("totem {\n version: 2\n token: 0x64\n secauth: off\n rcvbuf: 65536\n interface {\n"
             " bindnetaddr: fe80::1\n }\n interface {\n }\n}\nlogging {\n syslog_facility: "
             "local3\n}\n"),
        IsEmpty());
}

TEST(Schema, names_unit_and_range_of_what_is_no_number) {
    EXPECT_THAT(
        said("totem {\n token: 12x\n}\n"),
        ElementsAre(
            "error: t.conf:2: totem.token: \"12x\" is not a number of milliseconds (10..60000)"));
    EXPECT_THAT(
        said("totem {\n nodeid: one\n}\n"),
        ElementsAre("error: t.conf:2: totem.nodeid: \"one\" is not a number (1..4294967295)"));
    EXPECT_THAT(
        said("totem {\n token:\n}\n"),
        ElementsAre(
            "error: t.conf:2: totem.token: \"\" is not a number of milliseconds (10..60000)"));
}

TEST(Schema, names_the_range_of_a_number_outside_of_it) {
    EXPECT_THAT(said("totem {\n token: 9\n nodeid: 0\n}\n"),
                ElementsAre("error: t.conf:2: totem.token: \"9\" is out of range; allowed is a "
                            "number of milliseconds "
                            "(10..60000)",
                            "error: t.conf:3: totem.nodeid: \"0\" is out of range; allowed is a "
                            "number (1..4294967295)"));
}

TEST(Schema, refuses_ports_0_and_1_and_65536) {
    for (const auto* port : {"0", "1", "65536", "-5"}) {
        EXPECT_THAT(
            said("totem {\n interface {\n  mcastport: " + std::string(port) + "\n }\n}\n"),
            ElementsAre("error: t.conf:3: totem.interface.mcastport: \"" + std::string(port) +
                        "\" is out of range; allowed is a number (2..65535)"));
    }
}

TEST(Schema, names_the_choices) {
    EXPECT_THAT(said("totem {\n transport: tcp\n}\n"),
                ElementsAre("error: t.conf:2: totem.transport: \"tcp\" is not one of udp or udpu"));
    EXPECT_THAT(said("totem {\n version: 1\n}\n"),
                ElementsAre("error: t.conf:2: totem.version: \"1\" is not one of 2"));
    EXPECT_THAT(said("totem {\n secauth: maybe\n}\n"),
                ElementsAre("error: t.conf:2: totem.secauth: \"maybe\" is not yes or no"));
}

TEST(Schema, refuses_what_is_no_address) {
    EXPECT_THAT(said("totem {\n interface {\n  bindnetaddr: 10.0.0\n }\n}\n"),
                ElementsAre("error: t.conf:3: totem.interface.bindnetaddr: \"10.0.0\" is not an "
                            "IPv4 or IPv6 address"));
}

TEST(Schema, refuses_a_text_without_value) {
    EXPECT_THAT(said("aisexec {\n user:\n}\n"),
                ElementsAre("error: t.conf:2: aisexec.user: the value is missing"));
}

TEST(Schema, refuses_a_single_section_that_is_there_twice) {
    EXPECT_THAT(said("totem {\n}\nlogging {\n}\ntotem {\n}\n"),
                ElementsAre("error: t.conf:5: totem: this section may be there once only; the "
                            "first is at line 1, put "
                            "the keys of both into one"));
}

TEST(Schema, warns_of_a_key_that_overrides_another) {
    EXPECT_THAT(said("totem {\n token: 300\n token: 500\n}\n"),
                ElementsAre("warning: t.conf:3: totem.token: overrides the same key of line 2"));
    EXPECT_THAT(said("plugins {\n dir: /a\n dir: /b\n}\n"), IsEmpty());
}

TEST(Schema, warns_of_unknown_names_and_suggests_the_nearest) {
    EXPECT_THAT(
        said("totem {\n tokne: 300\n interfaces {\n  x: y\n }\n}\ntotme {\n}\n"),
        ElementsAre(
            "warning: t.conf:2: totem.tokne: unknown key; did you mean \"token\"?",
            "warning: t.conf:3: totem.interfaces: unknown section; did you mean \"interface\"?",
            "warning: t.conf:7: totme: unknown section; did you mean \"totem\"?"));
}

TEST(Schema, says_where_a_misplaced_name_belongs) {
    EXPECT_THAT(
        said("totem {\n bindnetaddr: 10.0.0.0\n}\ninterface {\n}\n"),
        ElementsAre("warning: t.conf:2: totem.bindnetaddr: unknown key; "
                    "totem.interface.bindnetaddr is known",
                    "warning: t.conf:4: interface: unknown section; totem.interface is known"));
}

TEST(Schema, suggests_nothing_if_nothing_is_near) {
    EXPECT_THAT(
        said("totem {\n colour: blue\n}\nquux {\n}\nkey: value\n"),
        ElementsAre("warning: t.conf:6: key: unknown key",
                    "warning: t.conf:2: totem.colour: unknown key",
                    "warning: t.conf:4: quux: unknown section; no plugin that is loaded reads it"));
}

TEST(Schema, says_what_has_no_effect_and_why) {
    EXPECT_THAT(
        said("totem {\n threads: 4\n}\nlogging {\n fileline: on\n}\nevent {\n delivery_queue_size: "
             "10\n}\n"),
        ElementsAre(
            "warning: t.conf:2: totem.threads: accepted, but without effect: the ring runs on one "
            "thread, which is fast enough to fill it",
            "warning: t.conf:5: logging.fileline: accepted, but without effect: lines carry a "
            "message "
            "id instead of a place in the source",
            "warning: t.conf:8: event.delivery_queue_size: accepted, but without effect: no plugin "
            "that is loaded reads it"));
}

TEST(Schema, knows_every_key_of_openais_conf) {
    const auto schema = kernel_schema();
    const std::pair<const char*, std::vector<const char*>> old[] = {
        {"totem",
         {"version",
          "secauth",
          "threads",
          "rrp_mode",
          "netmtu",
          "token",
          "token_retransmit",
          "hold",
          "token_retransmits_before_loss_const",
          "join",
          "send_join",
          "consensus",
          "merge",
          "downcheck",
          "fail_recv_const",
          "stay",
          "seqno_unchanged_const",
          "heartbeat_failures_allowed",
          "max_network_delay",
          "window_size",
          "max_messages",
          "rrp_problem_count_timeout",
          "rrp_problem_count_threshold",
          "rrp_token_expired_timeout",
          "nodeid"}},
        {"totem.interface", {"ringnumber", "bindnetaddr", "mcastaddr", "mcastport", "broadcast"}},
        {"totem.interface.member", {"memberaddr"}},
        {"logging",
         {"to_stderr",
          "to_syslog",
          "to_file",
          "logfile",
          "debug",
          "timestamp",
          "fileline",
          "syslog_facility",
          "function_name"}},
        {"logging.logger", {"ident", "debug", "tags"}},
        {"aisexec", {"user", "group"}},
        {"amf", {"mode"}},
        {"event", {"delivery_queue_size", "delivery_queue_resume"}},
        {"uidgid", {"uid", "gid"}},
        {"service", {"name", "ver"}},
        {"nodelist.node", {"ring0_addr", "nodeid", "name"}},
    };
    for (const auto& [section, names] : old) {
        for (const auto* name : names) {
            EXPECT_NE(schema.find_key(section, name), nullptr) << section << '.' << name;
        }
    }
}

TEST(Schema, has_right_defaults_and_a_help_for_every_key) {
    const auto schema = kernel_schema();
    for (const auto& key : schema.keys()) {
        if (key.fallback) {
            EXPECT_EQ(why_wrong(key, *key.fallback), std::nullopt) << key.name;
        }
        EXPECT_FALSE(key.help.empty() && key.no_effect.empty()) << key.name;
        EXPECT_FALSE(key.fallback && !key.no_effect.empty()) << key.name;
    }
}

TEST(Schema, agrees_with_the_man_page) {
    std::ifstream page(AIS_SOURCE_DIR "/plugins/config_openais/man/openais.conf.5");
    if (!page) {
        GTEST_SKIP() << "plugins/config_openais is not in this tree";
    }
    std::stringstream buffer;
    buffer << page.rdbuf();
    const auto text = buffer.str();
    const auto schema = kernel_schema();
    for (const auto& key : schema.keys()) {
        const auto item = ".It Ic " + key.name;
        const auto at = text.find(item + "\n") != std::string::npos ? text.find(item + "\n")
                                                                    : text.find(item + " ");
        EXPECT_NE(at, std::string::npos)
            << key.section << '.' << key.name << " is not in openais.conf.5";
        if (key.type == KeyType::number && key.no_effect.empty()) {
            const auto range = std::to_string(key.minimum) + ".." + std::to_string(key.maximum);
            EXPECT_THAT(text.substr(at, 400), HasSubstr(range)) << key.section << '.' << key.name;
        }
        if (key.fallback && key.type != KeyType::boolean) {
            EXPECT_THAT(text.substr(at, 400), HasSubstr("default " + *key.fallback))
                << key.section << '.' << key.name;
        }
    }
}

TEST(Defaults, fill_what_the_file_leaves_out_and_nothing_else) {
    auto tree = brace_text("totem {\n token: 500\n interface {\n  bindnetaddr: 10.0.0.0\n }\n}\n");
    fill_defaults(tree, kernel_schema());
    EXPECT_EQ(tree.number("totem.token"), 500);
    EXPECT_EQ(tree.number("totem.seqno_unchanged_const"), 30);
    EXPECT_EQ(tree.line_of("totem.seqno_unchanged_const"), 0U);
    EXPECT_EQ(tree.number("totem.interface.mcastport"), 5405);
    EXPECT_EQ(tree.count("totem.interface"), 1U);
    EXPECT_EQ(tree.count("logging"), 1U);
    EXPECT_EQ(tree.count("logging.logger"), 0U);
    EXPECT_EQ(tree.number("logging.to_stderr"), 1);
    EXPECT_EQ(tree.text("totem.hold"), std::nullopt);
    Findings findings;
    check_schema(tree, kernel_schema(), findings);
    EXPECT_THAT(findings, IsEmpty());
}

constexpr ais_config_key plugin_keys[] = {
    {"event", "delivery_queue_size", AIS_KEY_NUMBER, 0, 10, 2000, nullptr, "1000", "queue"},
    {"evt.channel", "name", AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, "name"},
    {"evt", "mode", AIS_KEY_CHOICE, 0, 0, 0, "a|b", "a", "mode"},
};

ais_config_schema_v1 table_of(const ais_config_key* keys, std::uint32_t count) {
    return {sizeof(ais_config_schema_v1), count, sizeof(ais_config_key), 0, keys};
}

TEST(PluginSchema, adds_keys_and_takes_over_those_listed_for_it) {
    auto schema = kernel_schema();
    ASSERT_TRUE(schema.add_plugin("evt", table_of(plugin_keys, 3)).ok());
    EXPECT_THAT(said("event {\n delivery_queue_size: 5\n}\nevt {\n mode: c\n channel {\n  name: "
                     "x\n }\n channel {\n }\n}\n",
                     schema),
                ElementsAre("error: t.conf:2: event.delivery_queue_size: \"5\" is out of range; "
                            "allowed is a number "
                            "(10..2000)",
                            "error: t.conf:5: evt.mode: \"c\" is not one of a or b"));
    auto tree = brace_text("");
    fill_defaults(tree, schema);
    EXPECT_EQ(tree.number("event.delivery_queue_size"), 1000);
}

TEST(PluginSchema, may_not_change_keys_of_the_kernel_or_of_another_plugin) {
    auto schema = kernel_schema();
    const ais_config_key token[] = {
        {"totem", "token", AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, ""}};
    EXPECT_EQ(schema.add_plugin("bad", table_of(token, 1)).error().text,
              "schema of plugin bad: totem.token is a key of the kernel");
    ASSERT_TRUE(schema.add_plugin("evt", table_of(plugin_keys, 3)).ok());
    EXPECT_EQ(schema.add_plugin("evt2", table_of(plugin_keys, 1)).error().text,
              "schema of plugin evt2: event.delivery_queue_size is a key of plugin evt");
}

TEST(PluginSchema, refuses_malformed_tables) {
    const ais_config_key bad[] = {
        {nullptr, "k", AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", nullptr, AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s..t", "k", AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", "k.l", AIS_KEY_TEXT, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", "k", 0, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", "k", 6, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", "k", AIS_KEY_CHOICE, 0, 0, 0, nullptr, nullptr, nullptr},
        {"s", "k", AIS_KEY_NUMBER, 0, 2, 1, nullptr, nullptr, nullptr},
        {"s", "k", AIS_KEY_NUMBER, 0, 1, 2, nullptr, "3", nullptr},
    };
    for (const auto& key : bad) {
        auto schema = kernel_schema();
        EXPECT_FALSE(schema.add_plugin("bad", table_of(&key, 1)).ok());
        EXPECT_EQ(schema.keys().size(), kernel_schema().keys().size());
    }
    auto schema = kernel_schema();
    EXPECT_FALSE(schema.add_plugin("bad", table_of(nullptr, 1)).ok());
    EXPECT_FALSE(schema.add_plugin("bad", table_of(plugin_keys, 5000)).ok());
    auto table = table_of(plugin_keys, 1);
    table.key_size = 8;
    EXPECT_FALSE(schema.add_plugin("bad", table).ok());
    EXPECT_TRUE(schema.add_plugin("none", table_of(nullptr, 0)).ok());
}

TEST(Nearest, needs_more_right_letters_than_wrong_ones) {
    EXPECT_EQ(nearest("tokn", {"token", "join"}), "token");
    EXPECT_EQ(nearest("x", {"token", "join"}), "");
    EXPECT_EQ(nearest("mcast_addr", {"mcastaddr", "mcastport"}), "mcastaddr");
    EXPECT_EQ(nearest(std::string(100000, 'a'), {"token"}), "");
}

TEST(Describe, has_a_line_for_every_key) {
    const auto schema = kernel_schema();
    const auto text = describe(schema);
    EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
              schema.keys().size());
    EXPECT_THAT(
        text,
        HasSubstr("totem.token  10..60000 milliseconds: token lost though all answer: form a new "
                  "ring; follows detection_time if left out\n"));
}

}  // namespace
}  // namespace ais::config
