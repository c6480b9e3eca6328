// SPDX-License-Identifier: BSD-3-Clause
//
// Laps of a ring that are cut short (ais/ipc_ring.hpp).

#include "base/prng.hpp"

#include <ais/ipc_ring.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace ais::ipc {
namespace {

constexpr std::size_t ring_size = 4U << 20;
constexpr std::size_t body_max = 1U << 20;

struct Ring {
    // False: no room.
    bool put(std::string_view body, std::size_t share = 0) {
        if (!producer.has_room(body.size(), share)) {
            return false;
        }
        FrameHeader header;
        header.size = static_cast<std::uint32_t>(body.size());
        const ais_bytes part = to_abi(body);
        producer.put(header, {&part, 1});
        producer.publish();
        return true;
    }
    std::optional<std::string> take() {
        FrameHeader header;
        const std::uint8_t* body = nullptr;
        if (consumer.look(header, body) != RingConsumer::Look::frame) {
            return std::nullopt;
        }
        std::string text(as_text(Bytes(body, header.size)));
        consumer.take(header);
        return text;
    }
    [[nodiscard]] std::size_t offset() const { return producer.written() & (ring_size - 1); }

    RingControl control;
    std::vector<std::uint8_t> data = std::vector<std::uint8_t>(2 * ring_size);
    RingProducer producer{control, data.data(), ring_size};
    RingConsumer consumer{control, data.data(), ring_size, body_max};
};

std::string body_of(std::size_t number, std::size_t size) {
    std::string text = std::to_string(number);
    text.resize(std::max(size, text.size()), static_cast<char>('a' + number % 26));
    return text;
}

TEST(Ring, of_who_keeps_up_stays_in_its_first_part) {
    Ring ring;
    std::size_t highest = 0;
    for (std::size_t number = 0; number < 20'000; ++number) {
        ASSERT_TRUE(ring.put(body_of(number, 1000)));
        highest = std::max(highest, ring.offset());
        ASSERT_EQ(ring.take(), body_of(number, 1000));
    }
    EXPECT_LT(highest, ring_size / 4);
    EXPECT_GT(ring.producer.written(), 3 * ring_size) << "laps were never cut short";
}

TEST(Ring, of_who_is_behind_is_used_whole) {
    Ring ring;
    std::size_t put = 0;
    while (ring.put(body_of(put, 1000))) {
        ++put;
    }
    EXPECT_EQ(put, ring_size / frame_space(1000));
    for (std::size_t number = 0; number < put; ++number) {
        ASSERT_EQ(ring.take(), body_of(number, 1000));
    }
    EXPECT_EQ(ring.take(), std::nullopt);
}

TEST(Ring, counts_no_skipped_bytes_to_a_share) {
    Ring ring;
    constexpr std::size_t share = 64U << 10;
    std::size_t number = 0;
    // Two messages wait all the time, so that a skip lies between the sides.
    ASSERT_TRUE(ring.put(body_of(number++, 1000), share));
    ASSERT_TRUE(ring.put(body_of(number++, 1000), share));
    for (; number < 10'000; ++number) {
        ASSERT_TRUE(ring.put(body_of(number, 1000), share)) << number;
        ASSERT_EQ(ring.take(), body_of(number - 2, 1000));
    }
    EXPECT_GT(ring.producer.written(), 3 * ring_size);
}

TEST(Ring, gives_back_everything_in_order_however_its_sides_run) {
    for (const std::uint64_t seed : {1, 2, 3}) {
        Prng prng(seed);
        Ring ring;
        std::deque<std::string> waiting;
        std::size_t number = 0;
        for (int turn = 0; turn < 400; ++turn) {
            for (std::size_t count = prng.below(40); count > 0; --count) {
                const std::size_t size =
                    prng.chance(1, 20) ? prng.below(body_max) : prng.below(3000);
                const std::string body = body_of(number, size);
                if (ring.put(body)) {
                    waiting.push_back(body);
                    ++number;
                }
            }
            const std::size_t most = prng.chance(1, 2) ? waiting.size() : waiting.size() / 2;
            for (std::size_t count = most; count > 0; --count) {
                ASSERT_EQ(ring.take(), waiting.front());
                waiting.pop_front();
            }
        }
        while (!waiting.empty()) {
            ASSERT_EQ(ring.take(), waiting.front());
            waiting.pop_front();
        }
        EXPECT_EQ(ring.take(), std::nullopt);
        EXPECT_EQ(ring.consumer.position(), ring.producer.written());
    }
}

// A peer writes an empty frame and a skip, and says that it has written so much.
RingConsumer::Look look_at_skip(Ring& ring, std::uint64_t written, bool skips_again = false) {
    FrameHeader header;
    FrameHeader skip;
    skip.flags = frame_skips;
    std::memcpy(ring.data.data(), &header, sizeof header);
    std::memcpy(ring.data.data() + sizeof header, &skip, sizeof skip);
    ring.control.written = std::min<std::uint64_t>(written, ring_size);
    const std::uint8_t* body = nullptr;
    EXPECT_EQ(ring.consumer.look(header, body), RingConsumer::Look::frame);
    ring.consumer.take(header);
    if (skips_again) {
        std::memcpy(ring.data.data(), &skip, sizeof skip);  // where the next lap begins
    }
    ring.control.written = written;
    return ring.consumer.look(header, body);
}

TEST(Ring, believes_no_skip_beyond_what_was_written) {
    for (const std::uint64_t written : {std::uint64_t{48}, std::uint64_t{ring_size - 8}}) {
        Ring ring;
        EXPECT_EQ(look_at_skip(ring, written), RingConsumer::Look::broken);
        EXPECT_EQ(ring.consumer.fault(), RingFault::truncated);
    }
}

TEST(Ring, is_empty_when_nothing_follows_a_skip) {
    Ring ring;
    EXPECT_EQ(look_at_skip(ring, ring_size), RingConsumer::Look::empty);
    EXPECT_EQ(ring.consumer.position(), ring_size);
}

TEST(Ring, believes_no_lap_of_nothing) {
    Ring ring;
    EXPECT_EQ(look_at_skip(ring, ring_size + 24, true), RingConsumer::Look::broken);
    EXPECT_EQ(ring.consumer.fault(), RingFault::truncated);
}

}  // namespace
}  // namespace ais::ipc
