// SPDX-License-Identifier: BSD-3-Clause

#include "os/address.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

Address of(std::string_view text) {
    auto parsed = parse_address(text);
    EXPECT_TRUE(parsed.ok()) << text;
    return parsed.ok() ? *parsed : Address();
}

TEST(Address, numeric_addresses_are_read_and_written_alike) {
    for (const char* text :
         {"10.0.0.1", "255.255.255.255", "::1", "fec0::1:a800:4ff:fe00:20", "ff05::1"}) {
        EXPECT_EQ(of(text).host_text(), text);
    }
    EXPECT_EQ(of("10.0.0.1").with_port(5405).text(), "10.0.0.1:5405");
    EXPECT_EQ(of("::1").with_port(5405).text(), "[::1]:5405");
    EXPECT_EQ(of("fe80::1%3").host_text(), "fe80::1%3");
}

TEST(Address, what_is_no_address_is_refused_with_its_text) {
    for (const std::string_view text : {"",
                                        "10.0.0",
                                        "10.0.0.256",
                                        "node1",
                                        "10.0.0.1:5405",
                                        "10.0.0.1%lo",
                                        "::1%",
                                        "1.2.3.4 ",
                                        ":::"}) {
        const auto parsed = parse_address(text);
        ASSERT_FALSE(parsed.ok()) << text;
        EXPECT_NE(parsed.error().text.find(text), std::string::npos);
    }
    EXPECT_FALSE(parse_address("fe80::1%no_such_interface").ok());
    EXPECT_FALSE(parse_address(std::string_view("::1\0x", 5)).ok());
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

TEST(UdpPayload, is_the_packet_without_its_headers) {
    EXPECT_EQ(udp_payload_max(1500, Family::ipv4), 1472U);
    EXPECT_EQ(udp_payload_max(1500, Family::ipv6), 1452U);
    EXPECT_EQ(udp_payload_max(65536, Family::ipv4), 65507U);
    EXPECT_EQ(udp_payload_max(100000, Family::ipv6), 65527U);
    EXPECT_EQ(udp_payload_max(28, Family::ipv4), 0U);
    EXPECT_EQ(udp_payload_max(0, Family::ipv6), 0U);
}

}  // namespace
}  // namespace ais::os
