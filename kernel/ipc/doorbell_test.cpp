// SPDX-License-Identifier: BSD-3-Clause
//
// The doorbell under every interleaving.
//
// The kernel's half and the client's half run as two threads that hand a baton
// to each other: each atomic operation, each send and each recv is a point
// where the other may go on.  A depth-first search over these choices runs
// all schedules.  In each one: bytes in the socket agree with the bell, no
// event is lost, and the socket is readable at rest exactly if an event
// is pending.

#include <ais/ipc_ring.hpp>

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ais::ipc {
namespace {

// Lets one of two threads run at a time, and follows a script of choices.
class Schedule {
  public:
    static constexpr int kernel = 0;
    static constexpr int client = 1;

    void run(const std::vector<int>& script,
             const std::function<void()>& kernel_half,
             const std::function<void()>& client_half) {
        script_ = script;
        taken_.clear();
        options_.clear();
        done_[kernel] = done_[client] = false;
        turn_ = -1;
        std::thread one([&] { run_half(kernel, kernel_half); });
        std::thread two([&] { run_half(client, client_half); });
        {
            std::unique_lock lock(mutex_);
            choose();
            changed_.wait(lock, [&] { return done_[kernel] && done_[client]; });
        }
        one.join();
        two.join();
    }

    // A point where the other may go on.
    void step(int me) {
        std::unique_lock lock(mutex_);
        choose();
        changed_.wait(lock, [&] { return turn_ == me; });
    }

    [[nodiscard]] const std::vector<int>& taken() const { return taken_; }
    // The next script in depth-first order; false: all have been run.
    bool next(std::vector<int>& script) const {
        script = taken_;
        while (!script.empty()) {
            if (options_[script.size() - 1] == 2 && script.back() == kernel) {
                script.back() = client;
                return true;
            }
            script.pop_back();
        }
        return false;
    }

  private:
    void run_half(int me, const std::function<void()>& half) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return turn_ == me; });
        }
        half();
        std::unique_lock lock(mutex_);
        done_[me] = true;
        choose();
    }

    void choose() {
        const int options = (done_[kernel] ? 0 : 1) + (done_[client] ? 0 : 1);
        if (options == 0) {
            changed_.notify_all();
            return;
        }
        int choice = done_[kernel] ? client : kernel;
        if (options == 2 && taken_.size() < script_.size()) {
            choice = script_[taken_.size()];
        }
        taken_.push_back(choice);
        options_.push_back(options);
        turn_ = choice;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> script_;
    std::vector<int> taken_;
    std::vector<int> options_;
    bool done_[2] = {false, false};
    int turn_ = -1;
};

thread_local int self = Schedule::kernel;

// An atomic word whose every operation is a step.
struct SteppedWord {
    Schedule* schedule;
    std::uint32_t value = 0;

    std::uint32_t load(std::memory_order) {
        schedule->step(self);
        return value;
    }
    void store(std::uint32_t wanted, std::memory_order) {
        schedule->step(self);
        value = wanted;
    }
    std::uint32_t exchange(std::uint32_t wanted, std::memory_order) {
        schedule->step(self);
        return std::exchange(value, wanted);
    }
    bool compare_exchange_strong(std::uint32_t& expected, std::uint32_t wanted, std::memory_order) {
        schedule->step(self);
        if (value == expected) {
            value = wanted;
            return true;
        }
        expected = value;
        return false;
    }
};

struct World {
    explicit World(Schedule& the_schedule) : schedule(&the_schedule), bell{&the_schedule} {}

    // Socket, the client's end.
    bool peek() {
        schedule->step(self);
        return bytes > 0;
    }
    void swallow() {
        schedule->step(self);
        ++swallowed;
        stolen = stolen || bytes == 0;
        bytes -= bytes > 0 ? 1 : 0;
    }

    Schedule* schedule;
    SteppedWord bell;
    int bytes = 0;
    int bytes_most = 0;
    int swallowed = 0;
    bool stolen = false;  // the client took a byte that was not there
    std::uint64_t written = 0;
    std::uint64_t taken = 0;
    bool told_for_nothing = false;  // a byte was there, but no event
};

// The kernel publishes events in batches; the client tries to take so often.
// Runs all schedules and returns how many there were.
std::size_t explore(const std::vector<std::uint64_t>& batches, int attempts) {
    Schedule schedule;
    std::vector<int> script;
    std::size_t count = 0;
    bool more = true;
    while (more) {
        World world(schedule);
        schedule.run(
            script,
            [&] {
                self = Schedule::kernel;
                for (const std::uint64_t batch : batches) {
                    schedule.step(self);
                    world.written += batch * 8;
                    if (must_ring(world.bell, world.written)) {
                        schedule.step(self);
                        ++world.bytes;
                        world.bytes_most = std::max(world.bytes_most, world.bytes);
                    }
                }
            },
            [&] {
                self = Schedule::client;
                BellListener<SteppedWord, World> listener(world.bell, world);
                const auto refresh = [&] {
                    schedule.step(self);
                    return world.written != world.taken;
                };
                for (int i = 0; i < attempts; ++i) {
                    if (!listener.heard()) {
                        continue;
                    }
                    world.told_for_nothing = world.told_for_nothing || world.written == world.taken;
                    if (refresh()) {
                        world.taken += 8;
                    }
                    listener.settle(world.taken, refresh);
                }
            });
        ++count;
        // Both have stopped in the middle of the stream: at rest.
        const bool rung = (world.bell.value & bell_rung) != 0;
        const bool pending = world.written != world.taken;
        EXPECT_EQ(world.bytes, rung ? 1 : 0);
        EXPECT_EQ(rung, pending);
        EXPECT_FALSE(world.stolen);
        EXPECT_FALSE(world.told_for_nothing);
        EXPECT_LE(world.bytes_most, 2);
        more = !testing::Test::HasFailure() && schedule.next(script);
    }
    if (testing::Test::HasFailure()) {
        std::string story;
        for (const int who : schedule.taken()) {
            story += who == Schedule::kernel ? 'k' : 'c';
        }
        ADD_FAILURE() << "schedule " << story;
    }
    return count;
}

TEST(Doorbell, is_exact_in_every_schedule_of_one_event) {
    EXPECT_GT(explore({1}, 2), 10U);
}

TEST(Doorbell, is_exact_in_every_schedule_of_two_events) {
    EXPECT_GT(explore({1, 1}, 2), 100U);
}

TEST(Doorbell, is_exact_in_every_schedule_of_a_batch_and_an_event) {
    EXPECT_GT(explore({2, 1}, 2), 100U);
}

TEST(Doorbell, does_not_ring_twice_for_a_client_that_has_been_told) {
    std::atomic<std::uint32_t> bell{0};
    EXPECT_TRUE(must_ring(bell, 8));
    EXPECT_FALSE(must_ring(bell, 16));
    EXPECT_FALSE(must_ring(bell, 24));
}

TEST(Doorbell, does_not_ring_for_what_has_been_taken) {
    std::atomic<std::uint32_t> bell{bell_quiet_at(64)};
    EXPECT_FALSE(must_ring(bell, 64));
    EXPECT_TRUE(must_ring(bell, 72));
    bell = bell_quiet_at(std::uint64_t{1} << 40);
    EXPECT_FALSE(must_ring(bell, std::uint64_t{1} << 40));
    EXPECT_TRUE(must_ring(bell, (std::uint64_t{1} << 40) + 8));
}

// A client that flips the word for ever cannot keep the kernel.
TEST(Doorbell, gives_up_on_a_word_that_never_stands_still) {
    struct Restless {
        std::uint32_t load(std::memory_order) { return 2; }
        bool compare_exchange_strong(std::uint32_t& expected, std::uint32_t, std::memory_order) {
            expected += 2;
            ++attempts;
            return false;
        }
        int attempts = 0;
    } bell;
    EXPECT_FALSE(must_ring(bell, 800));
    EXPECT_LE(bell.attempts, 4);
}

// The real atomics, hammered by two threads; ThreadSanitizer watches, and the
// socket is a counter.
TEST(Doorbell, holds_its_invariant_between_two_running_threads) {
    struct Counter {
        std::atomic<int> bytes{0};
        bool peek() const { return bytes.load() > 0; }
        void swallow() {
            const int before = bytes.fetch_sub(1);
            EXPECT_GT(before, 0);
        }
    } socket;
    constexpr std::uint64_t count = 200000;
    RingControl control;
    std::vector<std::uint8_t> data(2 * 4096);
    RingProducer producer(control, data.data(), 4096);
    std::thread kernel([&] {
        for (std::uint64_t i = 0; i < count;) {
            if (!producer.has_room(8)) {
                std::this_thread::yield();
                continue;
            }
            FrameHeader header;
            header.size = 8;
            const ais_bytes part{reinterpret_cast<const std::uint8_t*>(&i), 8};
            producer.put(header, {&part, 1});
            ++i;
            if (i % 3 == 0 || i == count || !producer.has_room(8)) {
                producer.publish();
                if (must_ring(control.sleeping, producer.written())) {
                    ++socket.bytes;
                }
            }
        }
    });
    BellListener<std::atomic<std::uint32_t>, Counter> listener(control.sleeping, socket);
    RingConsumer consumer(control, data.data(), 4096, 64);
    std::uint64_t next = 0;
    std::uint64_t nothing = 0;
    while (next < count) {
        if (!listener.heard()) {
            std::this_thread::yield();
            continue;
        }
        FrameHeader header;
        const std::uint8_t* body = nullptr;
        if (consumer.look(header, body) == RingConsumer::Look::frame) {
            std::uint64_t number = 0;
            std::memcpy(&number, body, 8);
            ASSERT_EQ(number, next);
            ++next;
            consumer.take(header);
        } else {
            ++nothing;
        }
        listener.settle(consumer.position(), [&] { return consumer.refresh(); });
        ASSERT_LE(socket.bytes.load(), 2);
    }
    kernel.join();
    EXPECT_EQ(nothing, 0U);
    EXPECT_EQ(socket.bytes, 0);
    EXPECT_EQ(control.sleeping, bell_quiet_at(consumer.position()));
}

}  // namespace
}  // namespace ais::ipc
