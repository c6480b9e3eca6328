// SPDX-License-Identifier: BSD-3-Clause

#include "os/ring_store.hpp"

#include "os/files.hpp"
#include "os/folder_test.hpp"
#include "os/loop.hpp"

#include <gtest/gtest.h>

namespace ais::os {
namespace {

using namespace std::chrono_literals;

class RingStoreFile : public testing::Test {
  protected:
    // Turns until the number is safe, or too long.
    void settle(const RingStore& store) {
        for (int i = 0; i < 200 && !store.is_durable(); ++i) {
            loop.run_once(10ms);
        }
    }
    [[nodiscard]] std::uint64_t on_disk() const {
        const auto number = parse_ring_file(content_of(directory.file("ring_seq.7")), NodeId(7));
        return number ? *number : 0;
    }
    TestDirectory directory;
    Loop loop;
    KeptLines log;
};

TEST_F(RingStoreFile, a_clean_end_keeps_the_number_itself) {
    {
        RingStore store(directory.path, NodeId(7), 0, loop, log);
        EXPECT_EQ(store.stored(), 0U);
        store.persist(4);
        store.persist(8);
        EXPECT_TRUE(store.is_durable());  // the first bound is written before the start
    }
    const RingStore again(directory.path, NodeId(7), 0, loop, log);
    EXPECT_EQ(again.stored(), 8U);
    EXPECT_TRUE(log.all.empty());
}

TEST_F(RingStoreFile, after_a_crash_no_number_is_used_twice) {
    RingStore store(directory.path, NodeId(7), 0, loop, log);
    std::uint64_t seq = 0;
    for (int ring = 0; ring < 2000; ++ring) {
        seq += 4;
        store.persist(seq);
        if (ring % 100 == 0) {
            settle(store);
            // What a node would find that starts now, without a clean end.
            ASSERT_GE(on_disk(), seq);
        }
    }
}

TEST_F(RingStoreFile, without_a_file_the_first_bound_is_ahead_of_the_first_number) {
    const RingStore store(directory.path, NodeId(7), 5'000'000, loop, log);
    EXPECT_EQ(store.stored(), 5'000'000U);
    EXPECT_TRUE(store.is_durable());
    // What a node finds that was killed before its first ring was written.
    const RingStore again(directory.path, NodeId(7), 6'000'000, loop, log);
    EXPECT_EQ(again.stored(), 5'000'000U + RingStore::ahead);
}

TEST_F(RingStoreFile, a_jump_above_the_bound_becomes_durable_without_waiting) {
    RingStore store(directory.path, NodeId(7), 0, loop, log);
    store.persist(1'000'000);
    settle(store);
    EXPECT_TRUE(store.is_durable());
    EXPECT_GE(on_disk(), 1'000'000U);
}

TEST_F(RingStoreFile, lower_numbers_change_nothing) {
    {
        RingStore store(directory.path, NodeId(7), 0, loop, log);
        store.persist(100);
        store.persist(50);
    }
    EXPECT_EQ(on_disk(), 100U);
}

TEST_F(RingStoreFile, a_directory_that_cannot_be_written_is_told_once) {
    RingStore store(directory.file("no/such/place"), NodeId(7), 0, loop, log);
    EXPECT_EQ(store.stored(), 0U);
    for (std::uint64_t seq = 1; seq < 20; ++seq) {
        store.persist(seq * 10000);
        loop.run_once(2ms);
    }
    EXPECT_FALSE(store.is_durable());
    EXPECT_EQ(log.count("OS-002"), 1U);
    EXPECT_EQ(log.all.size(), 1U);
}

TEST_F(RingStoreFile, when_writing_works_again_that_is_told_too) {
    const std::string place = directory.file("late");
    RingStore store(place, NodeId(7), 0, loop, log);
    EXPECT_EQ(log.count("OS-002"), 1U);
    ASSERT_TRUE(ensure_directory(place, 0700).ok());
    store.persist(5);
    for (int i = 0; i < 200 && log.count("OS-003") == 0; ++i) {
        loop.run_once(10ms);
    }
    EXPECT_EQ(log.count("OS-003"), 1U);
    EXPECT_TRUE(store.is_durable());
}

TEST_F(RingStoreFile, damaged_content_is_told_and_replaced) {
    ASSERT_TRUE(write_durably(directory.file("ring_seq.7"), as_bytes("garbage"), 0644).ok());
    const RingStore store(directory.path, NodeId(7), 0, loop, log);
    EXPECT_EQ(store.stored(), 0U);
    EXPECT_EQ(log.count("OS-001"), 1U);
    EXPECT_EQ(on_disk(), RingStore::ahead);
}

}  // namespace
}  // namespace ais::os
