// SPDX-License-Identifier: BSD-3-Clause

#include "group/message_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::group {
namespace {

void push(MessageQueue& queue, const std::string& text, std::uint16_t kind = 0) {
    const ais_bytes parts[] = {to_abi(std::string_view(text))};
    queue.push({static_cast<std::uint32_t>(text.size()), 1, kind, totem::Guarantee::agreed}, parts);
}

std::string take(MessageQueue& queue, std::size_t size) {
    std::string out(size, '?');
    queue.take(reinterpret_cast<std::uint8_t*>(out.data()), size);
    return out;
}

TEST(MessageQueue, gives_back_what_was_pushed_in_order) {
    MessageQueue queue(1024);
    push(queue, "one", 1);
    push(queue, "", 2);
    push(queue, "three", 3);
    EXPECT_EQ(queue.messages(), 3u);
    EXPECT_EQ(queue.waiting_bytes(), 8u);
    EXPECT_EQ(queue.head().kind, 1);
    EXPECT_EQ(take(queue, 3), "one");
    queue.pop();
    EXPECT_EQ(queue.head().kind, 2);
    EXPECT_EQ(queue.left(), 0u);
    queue.pop();
    EXPECT_EQ(take(queue, 2), "th");
    EXPECT_EQ(take(queue, 3), "ree");
    queue.pop();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.waiting_bytes(), 0u);
}

TEST(MessageQueue, refuses_what_is_above_its_limit_and_takes_it_after_a_pop) {
    MessageQueue queue(MessageQueue::space(100) * 2);
    push(queue, std::string(100, 'a'));
    push(queue, std::string(100, 'b'));
    EXPECT_FALSE(queue.has_room_for(0));
    take(queue, 100);
    EXPECT_FALSE(queue.has_room_for(100)) << "the bytes stay until pop: rewind may need them";
    queue.pop();
    EXPECT_TRUE(queue.has_room_for(100));
    EXPECT_FALSE(queue.has_room_for(113));
}

TEST(MessageQueue, rewinds_a_partly_taken_message_to_its_first_byte) {
    MessageQueue queue(256);
    push(queue, "abcdef");
    take(queue, 4);
    EXPECT_EQ(queue.waiting_bytes(), 2u);
    queue.rewind();
    EXPECT_EQ(queue.waiting_bytes(), 6u);
    EXPECT_EQ(take(queue, 6), "abcdef");
}

TEST(MessageQueue, joins_parts_and_survives_wrapping_at_every_offset) {
    MessageQueue queue(MessageQueue::space(100));
    for (std::size_t size = 0; size <= 100; ++size) {
        std::string text(size, ' ');
        for (std::size_t i = 0; i < size; ++i) {
            text[i] = static_cast<char>('a' + (i + size) % 26);
        }
        const std::string_view view(text);
        const std::size_t cut = size / 3;
        const ais_bytes parts[] = {
            to_abi(view.substr(0, cut)), to_abi(std::string_view()), to_abi(view.substr(cut))};
        queue.push({static_cast<std::uint32_t>(size), 7, 8, totem::Guarantee::safe}, parts);
        EXPECT_EQ(queue.head().size, size);
        EXPECT_EQ(queue.head().guarantee, totem::Guarantee::safe);
        EXPECT_EQ(take(queue, size), text);
        queue.pop();
    }
}

TEST(MessageQueue, is_empty_after_clear_and_usable_again) {
    MessageQueue queue(128);
    push(queue, "left behind");
    take(queue, 4);
    queue.clear();
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(queue.has_room_for(128 - 16));
    push(queue, "new");
    EXPECT_EQ(take(queue, 3), "new");
}

TEST(MessageQueue, takes_as_much_memory_as_it_needs_and_gives_it_back) {
    constexpr std::size_t mib = 1U << 20;
    MessageQueue queue(8 * mib);
    const std::size_t smallest = queue.circle();
    EXPECT_LT(smallest, 8 * mib);
    // A partly taken message moves with the others.
    push(queue, std::string(smallest / 2, 'a'), 1);
    push(queue, std::string(smallest / 4, 'b'), 2);
    EXPECT_EQ(take(queue, 100), std::string(100, 'a'));
    push(queue, std::string(4 * mib, 'c'), 3);
    EXPECT_GT(queue.circle(), smallest);
    EXPECT_EQ(take(queue, smallest / 2 - 100), std::string(smallest / 2 - 100, 'a'));
    queue.pop();
    EXPECT_EQ(take(queue, smallest / 4), std::string(smallest / 4, 'b'));
    queue.pop();
    EXPECT_EQ(queue.head().kind, 3);
    EXPECT_EQ(take(queue, 4 * mib), std::string(4 * mib, 'c'));
    queue.pop();
    // Not at once: who sends a large message may send another.
    push(queue, "x");
    EXPECT_GT(queue.circle(), smallest);
    take(queue, 1);
    queue.pop();
    for (int i = 0; i < 5000; ++i) {
        push(queue, "x");
        take(queue, 1);
        queue.pop();
    }
    EXPECT_EQ(queue.circle(), smallest);
}

TEST(MessageQueue, grows_while_it_wraps) {
    constexpr std::size_t size = 100'000;
    MessageQueue queue(8U << 20);
    std::size_t pushed = 0;
    std::size_t popped = 0;
    const auto body = [](std::size_t number) {
        return std::string(size, static_cast<char>('a' + number % 26));
    };
    for (std::size_t waiting = 1; waiting < 60; ++waiting) {
        while (pushed - popped < waiting) {
            push(queue, body(pushed++));
        }
        ASSERT_EQ(take(queue, size), body(popped++));
        queue.pop();
    }
    while (popped < pushed) {
        ASSERT_EQ(take(queue, size), body(popped++));
        queue.pop();
    }
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace ais::group
