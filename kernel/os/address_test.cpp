// SPDX-License-Identifier: BSD-3-Clause

#include "os/address.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

TEST(Resolve, gives_the_index_of_a_named_interface) {
    EXPECT_EQ(resolve(*parse_address("fe80::1%lo"))->scope, 1U);
    EXPECT_EQ(resolve(*parse_address("fe80::1%lo"))->zone, "");
    EXPECT_EQ(*resolve(*parse_address("10.0.0.1")), *parse_address("10.0.0.1"));
    const auto nowhere = resolve(*parse_address("fe80::1%no_such_if"));
    ASSERT_FALSE(nowhere.ok());
    EXPECT_NE(nowhere.error().text.find("fe80::1%no_such_if"), std::string::npos);
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
