// SPDX-License-Identifier: BSD-3-Clause

#include <ais/handle_table.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace {

struct Counted {
    explicit Counted(int& alive) : alive_(alive) { ++alive_; }
    ~Counted() { --alive_; }
    int& alive_;
};

TEST(HandleTable, finds_what_was_inserted_and_nothing_else) {
    ais::HandleTable<int> table;
    const auto five = table.emplace(5);
    const auto six = table.emplace(6);
    EXPECT_NE(five, 0U);
    EXPECT_NE(five, six);
    EXPECT_EQ(*table.pin(five), 5);
    EXPECT_EQ(*table.pin(six), 6);
    EXPECT_EQ(table.pin(0), nullptr);
    EXPECT_EQ(table.pin(five ^ (1ULL << 40)), nullptr);
    EXPECT_EQ(table.pin(five + 2), nullptr);
    EXPECT_EQ(table.pin(~0ULL), nullptr);
}

TEST(HandleTable, does_not_find_a_closed_handle_when_its_slot_is_used_again) {
    ais::HandleTable<int> table;
    std::set<ais::Handle> old;
    for (int i = 0; i < 1000; ++i) {
        const auto handle = table.emplace(i);
        EXPECT_TRUE(old.insert(handle).second);
        EXPECT_NE(table.close(handle), nullptr);
        EXPECT_EQ(table.close(handle), nullptr);
    }
    table.emplace(1);
    for (const auto handle : old) {
        EXPECT_EQ(table.pin(handle), nullptr);
    }
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(table.all().size(), 1U);
}

TEST(HandleTable, keeps_a_closed_instance_until_the_last_pin_lets_go) {
    int alive = 0;
    ais::HandleTable<Counted> table;
    const auto handle = table.emplace(alive);
    auto pin = table.pin(handle);
    EXPECT_NE(table.close(handle), nullptr);
    EXPECT_EQ(table.pin(handle), nullptr);
    EXPECT_EQ(alive, 1);
    pin.reset();
    EXPECT_EQ(alive, 0);
}

TEST(HandleTable, is_not_confused_by_another_table) {
    ais::HandleTable<int> cpg(0x63706700);
    ais::HandleTable<int> evs(0x65767300);
    EXPECT_EQ(evs.pin(cpg.emplace(1)), nullptr);
    evs.emplace(2);
    EXPECT_EQ(evs.pin(cpg.all().front().first), nullptr);
}

TEST(HandleTable, lets_exactly_one_of_several_threads_close) {
    ais::HandleTable<int> table;
    for (int round = 0; round < 200; ++round) {
        const auto handle = table.emplace(round);
        std::atomic<int> winners{0};
        const auto close = [&] { winners += table.close(handle) != nullptr ? 1 : 0; };
        const auto use = [&] {
            while (const auto pin = table.pin(handle)) {
                EXPECT_EQ(*pin, round);
            }
        };
        std::thread threads[] = {std::thread(use), std::thread(close), std::thread(close)};
        for (auto& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(winners, 1);
    }
}

}  // namespace
