// SPDX-License-Identifier: BSD-3-Clause

#include "config/brace_text.hpp"
#include "config/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What check() says, severity first.
std::vector<std::string> said(std::string_view text) {
    const auto tree = brace_text(text);
    std::vector<std::string> lines;
    for (const auto& finding : check(tree, kernel_schema())) {
        lines.push_back((finding.severity == Severity::error ? "error: " : "warning: ") +
                        to_string(finding, tree.source()));
    }
    return lines;
}

// A totem section with one interface; the bodies begin at lines 2 and 4 + lines of `totem`.
std::string one_interface(const std::string& totem,
                          const std::string& interface,
                          const std::string& after = "") {
    return "totem {\n" + totem + "interface {\n" + interface + "}\n}\n" + after;
}
const std::string network = "bindnetaddr: 10.0.0.0\nmcastaddr: 239.1.1.1\n";
const std::string network6 = "bindnetaddr: fec0::1\nmcastaddr: ff05::1\n";

TEST(Rules, accept_the_smallest_configuration) {
    EXPECT_THAT(said(one_interface("", network)), IsEmpty());
}

TEST(Rules, accept_ipv6_with_nodeid) {
    EXPECT_THAT(said(one_interface("nodeid: 2\n", network6)), IsEmpty());
}

TEST(Rules, want_a_totem_section) {
    EXPECT_THAT(
        said("logging {\n}\n"),
        ElementsAre(
            "error: t.conf: totem: the section is missing; without it there is no network to use"));
}

TEST(Rules, want_an_interface) {
    EXPECT_THAT(
        said("totem {\n}\n"),
        ElementsAre(
            "error: t.conf:1: totem.interface: the section is missing; its bindnetaddr says which "
            "network to use"));
}

TEST(Rules, take_a_profile_or_a_time_for_detection_time) {
    const auto of = [](const std::string& value) {
        return said(one_interface("detection_time: " + value + "\n",
                                  "bindnetaddr: 10.0.0.0\nmcastaddr: 239.1.1.1\n"));
    };
    for (const auto* good : {"fast", "lan", "wan", "50", "60000"}) {
        EXPECT_THAT(of(good), IsEmpty()) << good;
    }
    for (const std::string bad : {"quick", "49", "60001", "0.5", "lan, fast", "500ms"}) {
        EXPECT_THAT(of(bad),
                    ElementsAre("error: t.conf:2: totem.detection_time: \"" + bad +
                                "\" is none of fast, lan and wan, and no number of milliseconds "
                                "(50..60000)"));
    }
}

TEST(Rules, name_the_interface_that_has_no_bindnetaddr) {
    EXPECT_THAT(
        said(one_interface("token: 500\n", "mcastaddr: 239.1.1.1\n")),
        ElementsAre(
            "error: t.conf:3: totem.interface: bindnetaddr is missing in the interface section "
            "that "
            "begins here; it is the address of an interface of this node, or its network, such as "
            "192.168.1.0"));
}

TEST(Rules, name_the_interface_that_has_no_mcastaddr) {
    EXPECT_THAT(
        said(one_interface("", "bindnetaddr: 10.0.0.0\n")),
        ElementsAre(
            "error: t.conf:2: totem.interface: mcastaddr is missing in the interface section that "
            "begins here; it is the multicast group of the cluster, such as 239.255.1.1 or "
            "ff05::1"));
}

TEST(Rules, refuse_a_mcastaddr_that_is_not_multicast) {
    EXPECT_THAT(said(one_interface("", "bindnetaddr: 10.0.0.0\nmcastaddr: 10.0.0.9\n")),
                ElementsAre("error: t.conf:4: totem.interface.mcastaddr: \"10.0.0.9\" is not a "
                            "multicast address; those "
                            "are 224.0.0.0 to 239.255.255.255 and ff00::/8"));
}

TEST(Rules, refuse_a_bindnetaddr_that_is_no_network) {
    EXPECT_THAT(said(one_interface("", "bindnetaddr: 239.1.1.1\nmcastaddr: 239.1.1.1\n")),
                ElementsAre("error: t.conf:3: totem.interface.bindnetaddr: \"239.1.1.1\" is not an "
                            "address or a network "
                            "of an interface"));
}

TEST(Rules, refuse_a_mixture_of_ipv4_and_ipv6) {
    EXPECT_THAT(said(one_interface("nodeid: 1\n", "bindnetaddr: 10.0.0.0\nmcastaddr: ff05::1\n")),
                ElementsAre("error: t.conf:5: totem.interface.mcastaddr: \"ff05::1\" is IPv6, but "
                            "totem.interface.bindnetaddr at line 4 is IPv4; the whole cluster uses "
                            "one of the two"));
    EXPECT_THAT(
        said("nodelist {\nnode {\nring0_addr: fec0::1\nnodeid: 1\n}\n}\n" +
             one_interface("nodeid: 1\n", network)),
        ElementsAre(
            "error: t.conf:10: totem.interface.bindnetaddr: \"10.0.0.0\" is IPv4, but "
            "nodelist.node.ring0_addr at line 3 is IPv6; the whole cluster uses one of the two",
            "error: t.conf:11: totem.interface.mcastaddr: \"239.1.1.1\" is IPv4, but "
            "nodelist.node.ring0_addr at line 3 is IPv6; the whole cluster uses one of the two"));
}

TEST(Rules, want_a_nodeid_with_ipv6) {
    EXPECT_THAT(said(one_interface("", network6)),
                ElementsAre("error: t.conf:1: totem: nodeid is missing in the totem section that "
                            "begins here; with IPv6 "
                            "every node needs one of its own (1..4294967295)"));
}

TEST(Rules, take_the_nodeid_of_the_nodelist_with_ipv6) {
    EXPECT_THAT(said("nodelist {\nnode {\nring0_addr: fec0::1\nnodeid: 7\n}\n}\n" +
                     one_interface("", network6)),
                IsEmpty());
    EXPECT_THAT(said("totem {\ntransport: udpu\ninterface {\nbindnetaddr: fec0::1\n}\n}\n"
                     "nodelist {\nnode {\nring0_addr: fec0::1\n}\n}\n"),
                ElementsAre("error: t.conf:1: totem: nodeid is missing in the totem section that "
                            "begins here; with IPv6 "
                            "every node needs one of its own (1..4294967295)",
                            "error: t.conf:8: nodelist.node: nodeid is missing in the node section "
                            "that begins here; "
                            "with IPv6 every node needs one"));
}

TEST(Rules, refuse_broadcast) {
    EXPECT_THAT(said(one_interface("", "bindnetaddr: 10.0.0.0\nbroadcast: yes\n")),
                ElementsAre("error: t.conf:4: totem.interface.broadcast: broadcast is not "
                            "supported; use mcastaddr, or "
                            "transport: udpu with a nodelist"));
    EXPECT_THAT(said(one_interface("", network + "broadcast: no\n")), IsEmpty());
}

TEST(Rules, refuse_two_interfaces_with_one_ringnumber) {
    EXPECT_THAT(said("totem {\ninterface {\n" + network + "}\ninterface {\nringnumber: 0\n" +
                     network + "}\n}\n"),
                ElementsAre("error: t.conf:6: totem.interface: ringnumber 0 is that of the "
                            "interface at line 2; give "
                            "each its own"));
}

constexpr const char* two_networks =
    "interface {\nbindnetaddr: 10.0.0.0\n}\n"
    "interface {\nringnumber: 1\nbindnetaddr: fd00::\n}\n}\n"
    "nodelist {\nnode {\nring0_addr: 10.0.0.1\nring1_addr: fd00::1\nnodeid: 1\n}\n}\n";

TEST(Rules, let_networks_differ_in_family_only_if_the_operator_says_so) {
    const std::string head = "totem {\ntransport: udpu\nnodeid: 1\n";
    EXPECT_THAT(
        said(head + two_networks),
        ElementsAre("error: t.conf:9: totem.interface.bindnetaddr: \"fd00::\" is IPv6, but "
                    "nodelist.node.ring0_addr at line 14 is IPv4; the whole cluster uses one of "
                    "the two, or say mixed_families: yes",
                    "error: t.conf:15: nodelist.node.ring1_addr: \"fd00::1\" is IPv6, but "
                    "nodelist.node.ring0_addr at line 14 is IPv4; the whole cluster uses one of "
                    "the two, or say mixed_families: yes"));
    EXPECT_THAT(said(head + "mixed_families: yes\n" + two_networks), IsEmpty());
}

TEST(Rules, want_one_family_inside_a_network_of_a_mixed_cluster) {
    EXPECT_THAT(said("totem {\ntransport: udpu\nmixed_families: yes\nnodeid: 1\ninterface {\n"
                     "bindnetaddr: 10.0.0.0\nmember {\nmemberaddr: fd00::1\n}\n}\n}\n"),
                ElementsAre("error: t.conf:8: totem.interface.member.memberaddr: \"fd00::1\" is "
                            "IPv6, but totem.interface.bindnetaddr at line 6 is IPv4; a network "
                            "uses one of the two"));
}

TEST(Rules, miss_addresses_of_some_nodes_on_a_second_network) {
    EXPECT_THAT(
        said("totem {\ntransport: udpu\nnodeid: 1\ninterface {\nbindnetaddr: 10.0.0.0\n}\n"
             "interface {\nringnumber: 1\nbindnetaddr: 10.1.0.0\n}\n}\nnodelist {\nnode {\n"
             "ring0_addr: 10.0.0.1\nring1_addr: 10.1.0.1\nnodeid: 1\n}\nnode {\nring0_addr: "
             "10.0.0.2\nring2_addr: 10.2.0.2\nnodeid: 2\n}\n}\n"),
        ElementsAre("warning: t.conf:7: totem.interface: of 2 nodes of the nodelist only 1 have a "
                    "ring1_addr for the interface that begins here; give it to all",
                    "warning: t.conf:20: nodelist.node.ring2_addr: accepted, but without effect: "
                    "no interface has ringnumber 2"));
}

TEST(Rules, refuse_an_unknown_rrp_mode) {
    EXPECT_THAT(said(one_interface("rrp_mode: both\n", network)),
                ElementsAre("error: t.conf:2: totem.rrp_mode: \"both\" is not one of none, active "
                            "or passive"));
}

TEST(Rules, refuse_more_than_eight_interfaces) {
    std::string text = "totem {\n";
    for (int i = 0; i < 9; ++i) {
        text += "interface {\nringnumber: " + std::to_string(i % 8) + "\n" + network + "}\n";
    }
    const auto lines = said(text + "}\n");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0],
              "error: t.conf:42: totem.interface: 9 interface sections; at most 8 are allowed");
    EXPECT_THAT(said("totem {\ninterface {\nringnumber: 8\n" + network + "}\n}\n"),
                ElementsAre("error: t.conf:3: totem.interface.ringnumber: \"8\" is out of range; "
                            "allowed is a number "
                            "(0..7)"));
}

TEST(Rules, want_addresses_for_udpu) {
    EXPECT_THAT(
        said(one_interface("transport: udpu\n", "bindnetaddr: 10.0.0.0\n")),
        ElementsAre(
            "error: t.conf:2: totem.transport: udpu needs the addresses of the nodes: a nodelist "
            "section, or member sections in the interface"));
    EXPECT_THAT(said(one_interface("transport: udpu\n",
                                   "bindnetaddr: 10.0.0.0\nmember {\nmemberaddr: 10.0.0.1\n}\n")),
                IsEmpty());
}

TEST(Rules, take_the_interface_of_udpu_from_the_nodelist) {
    const std::string nodes =
        "nodelist {\nnode {\nring0_addr: 10.0.0.1\nnodeid: 1\n}\nnode {\nring0_addr: 10.0.0.2\n"
        "nodeid: 2\n}\n}\n";
    EXPECT_THAT(said("totem {\ntransport: udpu\nnodeid: 2\n}\n" + nodes), IsEmpty());
    EXPECT_THAT(said("totem {\ntransport: udpu\n}\n" + nodes),
                ElementsAre("error: t.conf:1: totem.interface: the section is missing; either it "
                            "says with bindnetaddr "
                            "which network to use, or totem.nodeid names a node of the nodelist"));
    EXPECT_THAT(
        said("totem {\ntransport: udpu\nnodeid: 3\ninterface {\nbindnetaddr: 10.0.0.0\n}\n}\n" +
             nodes),
        ElementsAre(
            "error: t.conf:3: totem.nodeid: \"3\" is not the nodeid of any node of the nodelist"));
    EXPECT_THAT(said(one_interface("nodeid: 3\n", network, nodes)),
                ElementsAre("warning: t.conf:2: totem.nodeid: \"3\" is not the nodeid of any node "
                            "of the nodelist"));
}

TEST(Rules, check_members) {
    EXPECT_THAT(
        said(one_interface(
            "transport: udpu\n",
            "bindnetaddr: 10.0.0.0\nmember {\n}\nmember {\nmemberaddr: 224.0.0.1\n}\nmember {\n"
            "memberaddr: 10.0.0.1\n}\nmember {\nmemberaddr: 10.0.0.1\n}\n")),
        ElementsAre("error: t.conf:5: totem.interface.member: memberaddr is missing in the member "
                    "section that "
                    "begins here",
                    "error: t.conf:8: totem.interface.member.memberaddr: \"224.0.0.1\" is not the "
                    "address of a "
                    "node",
                    "error: t.conf:14: totem.interface.member.memberaddr: \"10.0.0.1\" is listed "
                    "at line 11, "
                    "too"));
    EXPECT_THAT(said(one_interface("", network + "member {\nmemberaddr: 10.0.0.1\n}\n")),
                ElementsAre("warning: t.conf:5: totem.interface.member: accepted, but without "
                            "effect: member sections "
                            "belong to transport: udpu"));
}

TEST(Rules, check_the_nodelist) {
    EXPECT_THAT(
        said(one_interface(
            "",
            network,
            "nodelist {\nnode {\nring0_addr: 10.0.0.1\nnodeid: 1\n}\nnode {\nring0_addr: 10.0.0.1\n"
            "nodeid: 1\n}\nnode {\nnodeid: 2\n}\n}\n")),
        ElementsAre(
            "error: t.conf:13: nodelist.node.ring0_addr: \"10.0.0.1\" is listed at line 9, too",
            "error: t.conf:14: nodelist.node.nodeid: 1 is the nodeid of the node at line 10, too; "
            "every "
            "node needs its own",
            "error: t.conf:16: nodelist.node: ring0_addr is missing in the node section that "
            "begins "
            "here"));
    EXPECT_THAT(said(one_interface("", network, "nodelist {\n}\n")),
                ElementsAre("warning: t.conf:7: nodelist: there is no node section in it"));
}

TEST(Rules, bound_the_number_of_nodes) {
    std::string nodes = "nodelist {\n";
    for (int i = 0; i < 129; ++i) {
        nodes += "node {\nring0_addr: 10.0.1." + std::to_string(i) + "\n}\n";
    }
    EXPECT_THAT(
        said(one_interface("", network, nodes + "}\n")),
        ElementsAre(
            "error: t.conf:392: nodelist.node: 129 sections; a cluster has at most 128 nodes"));
}

TEST(Rules, say_when_secauth_and_crypto_backend_contradict) {
    EXPECT_THAT(
        said(one_interface("secauth: off\ncrypto_backend: crypto_sodium\n", network)),
        ElementsAre(
            "warning: t.conf:2: totem.secauth: \"off\" contradicts crypto_backend at line 3, which "
            "counts (\"crypto_sodium\")"));
    EXPECT_THAT(said(one_interface("secauth: on\ncrypto_backend: crypto_openssl\n", network)),
                IsEmpty());
    EXPECT_THAT(said(one_interface("crypto_backend: crypto_none\n", network)), IsEmpty());
    EXPECT_THAT(said(one_interface("crypto_backend: ../evil\n", network)),
                ElementsAre("error: t.conf:2: totem.crypto_backend: \"../evil\" is not the name of "
                            "a plugin: a small "
                            "letter, then small letters, digits and \"_\", at most 31 in all"));
}

TEST(Rules, check_logging) {
    EXPECT_THAT(
        said(one_interface("", network, "logging {\nto_file: yes\nlogger {\ndebug: on\n}\n}\n")),
        ElementsAre("error: t.conf:8: logging.to_file: logfile has to name the file",
                    "error: t.conf:9: logging.logger: ident is missing in the logger section that "
                    "begins here; "
                    "it names the subsystem"));
    EXPECT_THAT(
        said(one_interface("", network, "logging {\nlogfile: /var/log/ais.log\n}\n")),
        ElementsAre(
            "warning: t.conf:8: logging.logfile: nothing is written to it: to_file is not yes"));
}

TEST(Rules, check_plugins) {
    EXPECT_THAT(
        said(one_interface("", network, "plugins {\nload: clm, Cpg,,evs\ndir: plugins\n}\n")),
        ElementsAre("error: t.conf:8: plugins.load: \"Cpg\" is not the name of a plugin: a small "
                    "letter, then "
                    "small letters, digits and \"_\", at most 31 in all",
                    "error: t.conf:9: plugins.dir: \"plugins\" is not an absolute path; the "
                    "executive changes "
                    "its directory"));
}

TEST(Rules, check_uidgid) {
    EXPECT_THAT(
        said(one_interface("", network, "uidgid {\n}\nuidgid {\nuid: nobody\n}\n")),
        ElementsAre(
            "error: t.conf:7: uidgid: uid or gid is missing in the section that begins here"));
}

TEST(Rules, want_rings_that_hold_two_messages) {
    EXPECT_THAT(
        said(one_interface("", network, "ipc {\nmessage_max: 65536\nevent_ring: 100000\n}\n")),
        ElementsAre(
            "error: t.conf:9: ipc.event_ring: 100000 bytes cannot hold two messages of message_max "
            "(65536 bytes); at least 131072 are needed"));
    EXPECT_THAT(said(one_interface("", network, "ipc {\nmessage_max: 2000000\n}\n")),
                ElementsAre("error: t.conf:8: ipc.response_ring: 2097152 bytes cannot hold two "
                            "messages of message_max "
                            "(2000000 bytes); at least 4000000 are needed"));
}

TEST(Rules, say_nothing_more_of_a_value_that_its_key_refuses) {
    EXPECT_THAT(
        said(one_interface("nodeid: x\n", "bindnetaddr: y\nmcastaddr: z\nringnumber: w\n")),
        ElementsAre(
            "error: t.conf:2: totem.nodeid: \"x\" is not a number (1..4294967295)",
            "error: t.conf:4: totem.interface.bindnetaddr: \"y\" is not an IPv4 or IPv6 address",
            "error: t.conf:5: totem.interface.mcastaddr: \"z\" is not an IPv4 or IPv6 address",
            "error: t.conf:6: totem.interface.ringnumber: \"w\" is not a number (0..7)"));
}

}  // namespace
}  // namespace ais::config
