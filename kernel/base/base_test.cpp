// SPDX-License-Identifier: BSD-3-Clause

#include "base/assert.hpp"
#include "base/deadlines.hpp"
#include "base/log.hpp"
#include "base/mark.hpp"
#include "base/prng.hpp"
#include "base/ring_buffer.hpp"

#include <ais/codec.hpp>

#include <gtest/gtest.h>

#include <array>

namespace ais {
namespace {

enum class Timer { token, join, count };

TEST(Deadlines, earliest_due_timer_is_taken_first_and_once) {
    Deadlines<Timer> deadlines;
    const Instant zero{};
    deadlines.set(Timer::token, zero + Duration(20));
    deadlines.set(Timer::join, zero + Duration(10));
    EXPECT_EQ(deadlines.earliest(), zero + Duration(10));
    EXPECT_FALSE(deadlines.take_due(zero + Duration(9)));
    EXPECT_EQ(deadlines.take_due(zero + Duration(30)), Timer::join);
    EXPECT_EQ(deadlines.take_due(zero + Duration(30)), Timer::token);
    EXPECT_FALSE(deadlines.take_due(zero + Duration(30)));
}

TEST(Prng, equal_seeds_give_equal_numbers) {
    Prng a(7), b(7), c(8);
    const auto first = a.next();
    EXPECT_EQ(first, b.next());
    EXPECT_NE(first, c.next());
    EXPECT_EQ(a.below(0), 0U);
}

TEST(RingBuffer, keeps_order_around_the_end) {
    RingBuffer<int> queue(3);
    for (int i = 0; i < 10; ++i) {
        queue.push(i);
        queue.push(i + 100);
        EXPECT_EQ(queue.pop(), i);
        EXPECT_EQ(queue.pop(), i + 100);
    }
    EXPECT_TRUE(queue.empty());
}

TEST(Mark, counts_only_its_own_name) {
    EXPECT_MARK("base.test", pass_mark("base.test"));
    EXPECT_EQ(mark_count("base.never"), 0U);
}

TEST(Assert, a_failed_assertion_names_the_condition) {
    EXPECT_DEATH(AIS_ASSERT(1 == 2), "1 == 2");
}

TEST(Codec, reads_back_what_was_written) {
    std::array<std::uint8_t, 64> room{};
    Writer writer(room);
    writer.u8(1);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090a0b0c0d0e0f);
    writer.text("ring");
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(writer.written()[1], 0x03);  // little-endian, whatever the host

    Reader reader(writer.written());
    EXPECT_EQ(reader.u8(), 1);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090a0b0c0d0e0fU);
    EXPECT_EQ(reader.text(), "ring");
    EXPECT_TRUE(reader.finished());
}

TEST(Codec, a_short_view_makes_the_reader_bad_for_good) {
    const std::array<std::uint8_t, 3> three{1, 2, 3};
    Reader reader(three);
    EXPECT_EQ(reader.u32(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_FALSE(reader.finished());
}

TEST(Codec, a_block_longer_than_the_view_is_refused) {
    const std::array<std::uint8_t, 6> bytes{0xff, 0xff, 0xff, 0xff, 1, 2};
    Reader reader(bytes);
    EXPECT_TRUE(reader.block().empty());
    EXPECT_FALSE(reader.ok());
}

TEST(Codec, a_full_writer_keeps_what_fitted) {
    std::array<std::uint8_t, 3> room{};
    Writer writer(room);
    writer.u16(1);
    writer.u32(2);
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(writer.size(), 2U);
}

}  // namespace
}  // namespace ais
