// SPDX-License-Identifier: BSD-3-Clause

#include "config/address.hpp"

#include <gtest/gtest.h>

namespace ais::config {
namespace {

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
    };
    for (const auto& [text, printed] : cases) {
        const auto address = parse_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(to_string(*address), printed) << text;
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

TEST(Address, knows_multicast_loopback_and_unspecified) {
    EXPECT_TRUE(parse_address("224.0.0.1")->is_multicast());
    EXPECT_TRUE(parse_address("239.255.255.255")->is_multicast());
    EXPECT_FALSE(parse_address("240.0.0.1")->is_multicast());
    EXPECT_FALSE(parse_address("223.255.0.1")->is_multicast());
    EXPECT_TRUE(parse_address("ff05::1")->is_multicast());
    EXPECT_FALSE(parse_address("fe80::1")->is_multicast());
    EXPECT_TRUE(parse_address("127.3.2.1")->is_loopback());
    EXPECT_TRUE(parse_address("::1")->is_loopback());
    EXPECT_FALSE(parse_address("1::1")->is_loopback());
    EXPECT_TRUE(parse_address("::")->is_unspecified());
    EXPECT_FALSE(parse_address("0.0.0.1")->is_unspecified());
    EXPECT_EQ(parse_address("10.0.0.1")->ipv4_number(), 0x0a000001U);
}

}  // namespace
}  // namespace ais::config
