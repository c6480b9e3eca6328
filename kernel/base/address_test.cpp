// SPDX-License-Identifier: BSD-3-Clause

#include "base/address.hpp"

#include <gtest/gtest.h>

namespace ais {
namespace {

Address of(std::string_view text) {
    const auto parsed = parse_address(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(Address());
}

TEST(Address, prints_what_it_parsed_in_canonical_form) {
    const std::pair<const char*, const char*> cases[] = {
        {"192.168.1.0", "192.168.1.0"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"ff05::1", "ff05::1"},
        {"FEC0::1:A800:4FF:FE00:20", "fec0::1:a800:4ff:fe00:20"},
        {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::ffff:10.0.0.1", "::ffff:a00:1"},
        {"1:2:3:4:5:6:10.0.0.1", "1:2:3:4:5:6:a00:1"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"fe80::1%3", "fe80::1%3"},
    };
    for (const auto& [text, printed] : cases) {
        const auto address = parse_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->host_text(), printed) << text;
    }
}

TEST(Address, refuses_everything_else) {
    for (const auto* text : {"",
                             "1",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "01.2.3.4",
                             "1.2.3.4 ",
                             " 1.2.3.4",
                             "1.2.3.-4",
                             "a.b.c.d",
                             "1..3.4",
                             ":",
                             ":::",
                             "1::2::3",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7:8::",
                             "12345::",
                             "g::",
                             "1:",
                             "::1:",
                             ":1::2",
                             "10.0.0.1::",
                             "1:2:3:4:5:6:7:10.0.0.1",
                             "::1%",
                             "::1%a b",
                             "10.0.0.1%eth0",
                             "::-1",
                             "localhost"}) {
        EXPECT_FALSE(parse_address(text)) << text;
    }
}

TEST(Address, has_a_port_and_a_scope_besides) {
    EXPECT_EQ(of("10.0.0.1").with_port(5405).text(), "10.0.0.1:5405");
    EXPECT_EQ(of("::1").with_port(5405).text(), "[::1]:5405");
    EXPECT_EQ(of("fe80::1%3").scope, 3U);
    EXPECT_EQ(of("fe80::1%3").zone, "");
    EXPECT_EQ(of("fe80::1%eth0").scope, 0U);
    EXPECT_EQ(of("fe80::1%eth0").zone, "eth0");
    EXPECT_FALSE(of("fe80::1%eth0").same_host(of("fe80::1%eth1")));
    EXPECT_EQ(Address().host_text(), "");
}

TEST(Address, kinds_are_told_apart) {
    EXPECT_TRUE(of("239.255.1.1").is_multicast());
    EXPECT_TRUE(of("ff05::1").is_multicast());
    EXPECT_FALSE(of("223.255.255.255").is_multicast());
    EXPECT_TRUE(of("127.3.2.1").is_loopback());
    EXPECT_TRUE(of("::1").is_loopback());
    EXPECT_FALSE(of("::2").is_loopback());
    EXPECT_FALSE(Address().is_loopback());
    EXPECT_TRUE(of("0.0.0.0").is_any());
    EXPECT_TRUE(of("::").is_any());
    EXPECT_FALSE(Address().is_any());
    EXPECT_TRUE(of("fe80::1").is_link_local());
    EXPECT_TRUE(of("ff02::1").is_link_local());
    EXPECT_FALSE(of("ff05::1").is_link_local());
}

TEST(Address, a_network_keeps_the_prefix_and_nothing_else) {
    EXPECT_EQ(of("10.1.2.3").network(24), of("10.1.2.0"));
    EXPECT_EQ(of("10.1.2.255").network(30), of("10.1.2.252"));
    EXPECT_EQ(of("10.1.2.3").network(32), of("10.1.2.3"));
    EXPECT_EQ(of("10.1.2.3").network(0), of("0.0.0.0"));
    EXPECT_EQ(of("fec0:0:0:5:ffff::1").network(67), of("fec0:0:0:5:e000::"));
}

TEST(Address, knows_multicast_loopback_and_any) {
    EXPECT_TRUE(parse_address("224.0.0.1")->is_multicast());
    EXPECT_TRUE(parse_address("239.255.255.255")->is_multicast());
    EXPECT_FALSE(parse_address("240.0.0.1")->is_multicast());
    EXPECT_FALSE(parse_address("223.255.0.1")->is_multicast());
    EXPECT_TRUE(parse_address("ff05::1")->is_multicast());
    EXPECT_FALSE(parse_address("fe80::1")->is_multicast());
    EXPECT_TRUE(parse_address("127.3.2.1")->is_loopback());
    EXPECT_TRUE(parse_address("::1")->is_loopback());
    EXPECT_FALSE(parse_address("1::1")->is_loopback());
    EXPECT_TRUE(parse_address("::")->is_any());
    EXPECT_FALSE(parse_address("0.0.0.1")->is_any());
    EXPECT_EQ(parse_address("10.0.0.1")->ipv4_number(), 0x0a000001U);
}

}  // namespace
}  // namespace ais
