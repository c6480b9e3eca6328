// SPDX-License-Identifier: BSD-3-Clause

#include "wire.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ais::evs {
namespace {

TEST(Wire, keys_are_read_as_they_lie) {
    Appender out;
    out.u32(2);
    out.bytes(as_bytes(std::string(32, 'a')));
    out.bytes(as_bytes(std::string(31, '\0') + "z"));
    out.bytes(as_bytes("payload"));
    Reader in(out.written());
    KeyList keys;
    ASSERT_TRUE(KeyList::decode(in, keys));
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys.at(0)[31], 'a');
    EXPECT_EQ(keys.at(1)[0], 0);
    EXPECT_EQ(keys.at(1)[31], 'z');
    EXPECT_EQ(as_text(in.rest()), "payload");
    for (std::size_t cut = 0; cut < 4 + 64; ++cut) {
        Reader short_of(out.written().first(cut));
        EXPECT_FALSE(KeyList::decode(short_of, keys)) << cut;
    }
}

TEST(Wire, more_than_the_limit_of_keys_is_refused) {
    for (const std::uint32_t count : {50U, 51U, 0x08000001U, 0xffffffffU}) {
        Appender out;
        out.u32(count);
        out.bytes(as_bytes(std::string(51 * 32, 'k')));
        Reader in(out.written());
        KeyList keys;
        EXPECT_EQ(KeyList::decode(in, keys), count == 50U) << count;
    }
}

TEST(Wire, configuration_comes_back_as_it_was_sent) {
    const ConfigurationEvent sent{{1, 2, 3}, {4}, {2, 3}};
    Appender out;
    sent.encode(out);
    ConfigurationEvent back;
    ASSERT_TRUE(ConfigurationEvent::decode(out.written(), back));
    EXPECT_EQ(back, sent);
    for (std::size_t cut = 0; cut < out.size(); ++cut) {
        EXPECT_FALSE(ConfigurationEvent::decode(out.written().first(cut), back)) << cut;
    }
}

TEST(Wire, configuration_that_promises_more_than_it_has_costs_no_memory) {
    Appender out;
    out.u32(0xffffffff);
    out.u32(0xffffffff);
    out.u32(2);
    ConfigurationEvent back;
    EXPECT_FALSE(ConfigurationEvent::decode(out.written(), back));
}

}  // namespace
}  // namespace ais::evs
