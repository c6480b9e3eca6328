// SPDX-License-Identifier: BSD-3-Clause

#include "totem/message_log.hpp"

#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ais::totem {
namespace {

TEST(MessageLog, agrees_with_a_slow_map) {
    Prng prng(3);
    MessageLog log(32, 100);
    std::map<Seq, std::string> slow;
    Seq freed = 0;
    Seq high = 0;
    for (int round = 0; round < 50000; ++round) {
        const Seq seq = freed + 1 + prng.below(40);
        if (prng.chance(4, 5)) {
            EXPECT_EQ(log.fits(seq), seq <= freed + 32);
            if (log.fits(seq) && !log.holds(seq)) {
                const std::string text = "message " + std::to_string(seq);
                copy_bytes(log.room().data(), as_bytes(text));
                log.store(seq, text.size());
                slow[seq] = text;
                high = std::max(high, seq);
            }
        } else {
            const Seq to = freed + prng.below(log.aru() - freed + 1);
            log.free_to(to);
            freed = std::max(freed, to);
            slow.erase(slow.begin(), slow.upper_bound(to));
        }
        Seq aru = freed;
        while (slow.contains(aru + 1)) {
            ++aru;
        }
        EXPECT_EQ(log.aru(), aru);
        EXPECT_EQ(log.high(), high);
        EXPECT_EQ(log.freed(), freed);
        EXPECT_EQ(log.held(), slow.size());
        EXPECT_EQ(log.holds(seq), slow.contains(seq));
        if (log.holds(seq)) {
            EXPECT_EQ(as_text(log.datagram(seq)), slow[seq]);
        }
    }
}

TEST(MessageLog, reuses_the_buffer_freed_last) {
    MessageLog log(64, 100);
    const std::uint8_t* const first = log.room().data();
    for (Seq seq = 1; seq <= 1000; ++seq) {
        EXPECT_EQ(log.room().data(), first);
        log.store(seq, 10);
        log.free_to(seq);
    }
}

TEST(MessageLog, forgets_what_was_asked_with_the_slot) {
    MessageLog log(8, 100);
    log.trace(3).asked_at = 5;
    EXPECT_EQ(log.trace(3).asked_at, 5u);
    for (Seq seq = 1; seq <= 4; ++seq) {
        log.store(seq, 1);
    }
    log.free_to(4);
    EXPECT_EQ(log.trace(3 + 8).asked_at, 0u);
}

TEST(MessageLog, begins_anew) {
    MessageLog log(8, 100);
    log.store(2, 1);
    log.reset();
    EXPECT_EQ(log.high(), 0u);
    EXPECT_EQ(log.held(), 0u);
    EXPECT_FALSE(log.holds(2));
}

}  // namespace
}  // namespace ais::totem
