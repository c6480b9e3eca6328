// SPDX-License-Identifier: BSD-3-Clause

#include "os/interfaces.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

Interface make(const char* name,
               std::uint32_t index,
               const char* address,
               unsigned prefix,
               bool is_up = true) {
    Interface entry;
    entry.name = name;
    entry.index = index;
    entry.address = *parse_address(address);
    entry.prefix = prefix;
    entry.is_up = is_up;
    entry.mtu = 1500;
    return entry;
}

const std::vector<Interface> host{make("lo", 1, "127.0.0.1", 8),
                                  make("lo", 1, "::1", 128),
                                  make("eth0", 2, "192.168.1.7", 24),
                                  make("eth0", 2, "fe80::7", 64),
                                  make("eth1", 3, "10.0.0.7", 8),
                                  make("eth2", 4, "10.1.0.7", 16),
                                  make("eth3", 5, "172.16.0.7", 16, false)};

Result<Interface> choose(const char* text) {
    return choose_interface(*parse_address(text), host);
}

TEST(ChooseInterface, an_address_of_this_host_is_taken_as_it_is) {
    EXPECT_EQ(choose("192.168.1.7")->name, "eth0");
    EXPECT_EQ(choose("::1")->name, "lo");
}

TEST(ChooseInterface, a_network_address_finds_the_address_in_that_network) {
    const auto chosen = choose("192.168.1.0");
    ASSERT_TRUE(chosen.ok());
    EXPECT_EQ(chosen->address.host_text(), "192.168.1.7");
}

TEST(ChooseInterface, the_same_file_on_all_nodes_may_name_another_nodes_address) {
    EXPECT_EQ(choose("192.168.1.99")->address.host_text(), "192.168.1.7");
}

TEST(ChooseInterface, the_longest_prefix_wins) {
    EXPECT_EQ(choose("10.1.0.0")->name, "eth2");
    EXPECT_EQ(choose("10.2.0.0")->name, "eth1");
}

TEST(ChooseInterface, every_loopback_address_is_one_of_this_host) {
    EXPECT_EQ(choose("127.0.0.3")->address.host_text(), "127.0.0.3");
    EXPECT_EQ(choose("127.0.0.0")->address.host_text(), "127.0.0.1");
}

TEST(ChooseInterface, a_link_local_address_gets_its_interface_as_scope) {
    EXPECT_EQ(choose("fe80::7")->address.scope, 2U);
}

TEST(ChooseInterface, the_error_lists_what_the_host_has) {
    const auto chosen = choose("11.0.0.0");
    ASSERT_FALSE(chosen.ok());
    EXPECT_EQ(chosen.error().text,
              "no interface has an address in 11.0.0.0 (bindnetaddr); this host has: lo "
              "127.0.0.1/8, lo ::1/128, "
              "eth0 192.168.1.7/24, eth0 fe80::7/64, eth1 10.0.0.7/8, eth2 10.1.0.7/16, eth3 "
              "172.16.0.7/16 (down)");
}

TEST(ChooseInterface, families_do_not_mix) {
    EXPECT_FALSE(choose("fec0::1").ok());
    EXPECT_FALSE(choose_interface(*parse_address("0.0.0.0"), host).ok());
    EXPECT_FALSE(choose("239.1.1.1").ok());
}

TEST(ChooseInterface, an_interface_that_is_down_is_named) {
    const auto chosen = choose("172.16.0.0");
    ASSERT_FALSE(chosen.ok());
    EXPECT_NE(chosen.error().text.find("eth3"), std::string::npos) << chosen.error().text;
    EXPECT_NE(chosen.error().text.find("is down"), std::string::npos);
}

TEST(SameFamily, names_the_two_that_differ) {
    EXPECT_TRUE(
        check_same_family({{"a", *parse_address("1.2.3.4")}, {"b", *parse_address("239.1.1.1")}})
            .ok());
    const auto mixed = check_same_family(
        {{"bindnetaddr", *parse_address("1.2.3.4")}, {"mcastaddr", *parse_address("ff05::1")}});
    ASSERT_FALSE(mixed.ok());
    EXPECT_NE(mixed.error().text.find("bindnetaddr 1.2.3.4 is IPv4"), std::string::npos)
        << mixed.error().text;
    EXPECT_NE(mixed.error().text.find("mcastaddr ff05::1 is IPv6"), std::string::npos);
    EXPECT_TRUE(check_same_family({}).ok());
}

TEST(NodeIdFrom, an_ipv4_address_is_a_number_with_the_first_octet_highest) {
    EXPECT_EQ(node_id_from(*parse_address("10.0.0.1")), NodeId(0x0a000001));
    EXPECT_EQ(node_id_from(*parse_address("::1")), std::nullopt);
    EXPECT_EQ(node_id_from(*parse_address("0.0.0.0")), std::nullopt);
}

}  // namespace
}  // namespace ais::os
