// SPDX-License-Identifier: BSD-3-Clause

#include "links/hello.hpp"

#include <gtest/gtest.h>

namespace ais::links {
namespace {

std::vector<std::uint8_t> bytes_of(const Hello& hello) {
    std::vector<std::uint8_t> room(hello_size_max);
    room.resize(encode(MutableBytes(room), hello));
    return room;
}

Hello two_heard() {
    Hello hello;
    hello.link = 3;
    hello.count = 2;
    hello.heard[0] = {NodeId(7), 0b1001};
    hello.heard[1] = {NodeId(0x01020304), 0b1};
    return hello;
}

TEST(HelloOnTheWire, has_the_bytes_of_the_document) {
    const std::vector<std::uint8_t> expected{
        0x4c, 0x4b, 1, 1, 3, 2, 0, 0, 7, 0, 0, 0, 9, 4, 3, 2, 1, 1};
    EXPECT_EQ(bytes_of(two_heard()), expected);
}

TEST(HelloOnTheWire, comes_back) {
    const auto back = decode_hello(bytes_of(two_heard()));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->link, 3);
    EXPECT_EQ(back->hears(NodeId(7)), 0b1001);
    EXPECT_EQ(back->hears(NodeId(8)), 0);
}

TEST(HelloOnTheWire, is_refused_with_any_byte_missing_or_too_many) {
    auto bytes = bytes_of(two_heard());
    EXPECT_TRUE(is_hello(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(decode_hello(Bytes(bytes).first(size))) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode_hello(bytes));
}

TEST(HelloOnTheWire, is_refused_with_a_link_or_count_beyond_the_limits) {
    auto bytes = bytes_of(two_heard());
    bytes[4] = links_max;
    EXPECT_FALSE(decode_hello(bytes));
    bytes = bytes_of(two_heard());
    bytes[5] = 255;
    bytes.resize(8 + 5 * 255);
    EXPECT_FALSE(decode_hello(bytes));
    bytes = bytes_of(two_heard());
    bytes[2] = 2;  // a version to come
    EXPECT_TRUE(is_hello(bytes));
    EXPECT_FALSE(decode_hello(bytes));
}

TEST(HelloOnTheWire, is_told_from_the_packets_of_the_engine) {
    EXPECT_FALSE(is_hello(std::vector<std::uint8_t>{0x54, 0x41, 1, 1}));
    EXPECT_FALSE(is_hello(std::vector<std::uint8_t>{0x4c}));
}

}  // namespace
}  // namespace ais::links
