// SPDX-License-Identifier: BSD-3-Clause

#include "os/loop.hpp"

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/signals.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace ais::os {
namespace {

using namespace std::chrono_literals;

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        read_end = Descriptor(ends[0]);
        write_end = Descriptor(ends[1]);
    }
    void put(std::size_t count = 1) {
        EXPECT_EQ(::write(write_end.get(), "xxxxxxxx", count), static_cast<ssize_t>(count));
    }
    void take() {
        char byte = 0;
        EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
    }
    Descriptor read_end;
    Descriptor write_end;
};

TEST(Loop, timers_fire_in_the_order_of_their_times_and_of_their_start) {
    Loop loop;
    std::string order;
    const Instant base = loop.now();
    loop.start(base + 3ms, [&] { order += 'c'; });
    loop.start(base + 1ms, [&] { order += 'a'; });
    loop.start(base + 1ms, [&] { order += 'b'; });
    const TimerId never = loop.start(base + 2ms, [&] { order += 'x'; });
    EXPECT_TRUE(loop.cancel(never));
    EXPECT_FALSE(loop.cancel(never));
    loop.start(base + 5ms, [&] { loop.stop(); });
    loop.run();
    EXPECT_EQ(order, "abc");
    EXPECT_GE(monotonic_now(), base + 5ms);
}

TEST(Loop, waits_of_less_than_a_millisecond_do_not_end_early) {
    Loop loop;
    for (int i = 0; i < 20; ++i) {
        const Instant at = monotonic_now() + 200us;
        loop.wake_at(at);
        loop.run_once(1s);
        EXPECT_GE(monotonic_now(), at);
        EXPECT_LT(monotonic_now(), at + 800ms);  // it was the wish that ended it, not the limit
    }
}

TEST(Loop, a_fired_timer_cannot_be_cancelled_and_its_id_is_not_used_again) {
    Loop loop;
    const TimerId first = loop.start(loop.now(), [] {});
    loop.run_once(0ms);
    EXPECT_FALSE(loop.cancel(first));
    const TimerId second = loop.start(loop.now(), [] {});
    EXPECT_NE(first, second);
    EXPECT_FALSE(loop.cancel(first));
    EXPECT_FALSE(loop.cancel(0));
}

TEST(Loop, many_cancelled_timers_leave_nothing_behind) {
    Loop loop;
    int fired = 0;
    for (int i = 0; i < 10000; ++i) {
        EXPECT_TRUE(loop.cancel(loop.start(loop.now() + 1h, [&] { ++fired; })));
    }
    loop.start(loop.now(), [&] { ++fired; });
    loop.run_once(0ms);
    EXPECT_EQ(fired, 1);
}

TEST(Loop, a_timer_started_for_now_in_a_timer_fires_in_the_next_turn) {
    Loop loop;
    int depth = 0;
    std::function<void()> again = [&] {
        ++depth;
        loop.start(loop.now(), again);
    };
    loop.start(loop.now(), again);
    loop.run_once(0ms);
    EXPECT_EQ(depth, 1);
    loop.run_once(1h);
    EXPECT_EQ(depth, 2);
}

TEST(Loop, a_watch_is_called_as_long_as_bytes_are_left_once_per_turn) {
    Loop loop;
    Pipe pipe;
    int calls = 0;
    loop.watch(pipe.read_end.get(), [&] {
        ++calls;
        pipe.take();
    });
    pipe.put(3);
    for (int turn = 1; turn <= 3; ++turn) {
        loop.run_once(1s);
        EXPECT_EQ(calls, turn);
    }
    loop.run_once(0ms);
    EXPECT_EQ(calls, 3);
    pipe.put();
    loop.run_once(1s);
    EXPECT_EQ(calls, 4);
}

TEST(Loop, a_hang_up_wakes_the_watch) {
    Loop loop;
    Pipe pipe;
    bool has_ended = false;
    loop.watch(pipe.read_end.get(), [&] {
        char byte = 0;
        has_ended = ::read(pipe.read_end.get(), &byte, 1) == 0;
    });
    pipe.write_end.reset();
    loop.run_once(1s);
    EXPECT_TRUE(has_ended);
}

TEST(Loop, a_watch_can_ask_whether_another_may_be_readable) {
    Loop loop;
    Pipe asking;
    Pipe full;
    Pipe empty;
    int seen = 0;
    const WatchId of_full = loop.watch(full.read_end.get(), [] {});
    const WatchId of_empty = loop.watch(empty.read_end.get(), [] {});
    loop.watch(asking.read_end.get(), [&] {
        asking.take();
        ++seen;
        EXPECT_TRUE(loop.may_be_readable(of_full));
        EXPECT_FALSE(loop.may_be_readable(of_empty));
    });
    asking.put();
    full.put();
    loop.run_once(1s);
    EXPECT_EQ(seen, 1);
    EXPECT_TRUE(loop.may_be_readable(of_empty)) << "outside of a callback nobody knows";
}

TEST(Loop, an_unwatched_descriptor_is_not_called_even_if_it_was_ready) {
    Loop loop;
    Pipe a;
    Pipe b;
    int calls = 0;
    WatchId ids[2] = {};
    const auto remove_the_other = [&](int self) {
        ++calls;
        loop.unwatch(ids[1 - self]);
    };
    ids[0] = loop.watch(a.read_end.get(), [&] { remove_the_other(0); });
    ids[1] = loop.watch(b.read_end.get(), [&] { remove_the_other(1); });
    EXPECT_NE(ids[0], ids[1]);
    a.put();
    b.put();
    loop.run_once(1s);
    EXPECT_EQ(calls, 1);
}

TEST(Loop, a_watch_may_remove_itself_and_its_descriptor_may_be_watched_anew) {
    Loop loop;
    Pipe pipe;
    pipe.put();
    int first = 0;
    int second = 0;
    WatchId id = 0;
    id = loop.watch(pipe.read_end.get(), [&, kept = std::string(100, 'k')] {
        loop.unwatch(id);
        first += kept.size() == 100 ? 1 : 0;  // what was captured is still there
        loop.watch(pipe.read_end.get(), [&] { ++second; });
    });
    loop.run_once(1s);
    loop.run_once(1s);
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
    loop.unwatch(id);  // unknown by now
    loop.unwatch(999);
}

TEST(Loop, the_turn_hook_runs_after_each_batch_and_may_ask_for_another_turn) {
    Loop loop;
    Pipe a;
    Pipe b;
    int callbacks = 0;
    std::vector<int> seen;
    loop.watch(a.read_end.get(), [&] {
        a.take();
        ++callbacks;
    });
    loop.watch(b.read_end.get(), [&] {
        b.take();
        ++callbacks;
    });
    a.put();
    b.put();
    loop.set_turn([&] {
        seen.push_back(callbacks);
        if (seen.size() == 4) {
            loop.stop();
        }
        return true;
    });
    loop.run();  // would sleep for ever if the hook's wish were not heard
    EXPECT_EQ(seen, (std::vector<int>{2, 2, 2, 2}));
    EXPECT_LE(loop.stats().sleeps, 1U);
}

TEST(Loop, a_time_that_has_moved_wakes_nobody) {
    Loop loop;
    Pipe pipe;
    loop.watch(pipe.read_end.get(), [&] { pipe.take(); });
    const Instant base = monotonic_now();
    loop.wake_at(base + 20ms);
    loop.run_once(5ms);  // has slept towards it
    loop.wake_at(base + 60ms);
    loop.run_once(1s);
    EXPECT_GE(monotonic_now(), base + 60ms);
    EXPECT_EQ(loop.stats().sleeps, 2U);
}

TEST(Loop, wake_at_makes_a_turn_and_the_last_wish_counts) {
    Loop loop;
    const Instant base = monotonic_now();
    int turns = 0;
    loop.wake_at(base + 1h);
    loop.wake_at(base + 10ms);
    loop.set_turn([&] {
        ++turns;
        if (loop.now() >= base + 10ms) {
            loop.stop();
        }
        return false;
    });
    loop.run();
    EXPECT_GE(monotonic_now(), base + 10ms);
    EXPECT_LT(monotonic_now(), base + 30min);
    EXPECT_LE(turns, 3);
}

TEST(Loop, time_stands_still_within_a_turn) {
    Loop loop;
    Instant in_timer;
    Instant in_turn;
    loop.start(loop.now(), [&] {
        in_timer = loop.now();
        const Instant begin = monotonic_now();
        while (monotonic_now() < begin + 1ms) {
        }
    });
    loop.set_turn([&] {
        in_turn = loop.now();
        return false;
    });
    loop.run_once(0ms);
    EXPECT_EQ(in_timer, in_turn);
}

TEST(Loop, looks_awake_for_what_is_expected) {
    Loop loop;
    Pipe pipe;
    int calls = 0;
    loop.watch(pipe.read_end.get(), [&] {
        pipe.take();
        ++calls;
    });
    loop.set_turn([&] {
        loop.look_awake(10min);
        return false;
    });
    pipe.put();
    loop.run_once(1h);  // nothing is expected yet: it sleeps
    const auto sleeps = loop.stats().sleeps;
    if (std::thread::hardware_concurrency() < 2) {
        GTEST_SKIP() << "one processor";
    }
    std::thread other([&] { pipe.put(); });
    loop.run_once(1h);
    other.join();
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(loop.stats().sleeps, sleeps);
    EXPECT_EQ(loop.stats().awake, 1U);
}

TEST(Loop, fires_timers_while_it_looks_awake) {
    Loop loop;
    bool fired = false;
    loop.start(loop.now() + 3ms, [&] { fired = true; });
    loop.look_awake(1h);
    loop.run_once(2h);
    EXPECT_TRUE(fired);
}

TEST(Loop, looks_awake_less_often_where_that_is_vain) {
    Loop loop;
    for (int i = 0; i < 40; ++i) {
        loop.look_awake(1ns);
        loop.run_once(1ms);
    }
    EXPECT_LE(loop.stats().awake, 8U + 2U);
}

TEST(Signals, come_as_events_of_the_loop) {
    Loop loop;
    auto signals = Signals::open(loop);
    ASSERT_TRUE(signals.ok());
    int dumps = 0;
    (*signals)->on(SIGUSR2, [&] { ++dumps; });
    (*signals)->on(SIGTERM, [&] { loop.stop(); });
    ::raise(SIGUSR2);
    EXPECT_EQ(dumps, 0);  // not in the handler
    ::raise(SIGTERM);
    loop.run();
    EXPECT_EQ(dumps, 1);
}

}  // namespace
}  // namespace ais::os
