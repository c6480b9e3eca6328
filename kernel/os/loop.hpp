// SPDX-License-Identifier: BSD-3-Clause
//
// The loop: one thread, on which everything of the kernel happens.
//
// A turn of it is: sleep until a descriptor is readable or a time has come;
// read the clock once; call the watches that are readable; fire the timers that
// are due; call the turn hook.  The hook is where the daemon does what a whole
// batch of events is worth doing for (the engine's timeouts, clients' requests,
// flushing of links and sessions); it may ask for another turn without sleeping.
//
// Why sockets before timers: after a pause of the process (SIGSTOP, a busy
// machine) the token that lies in the socket must be seen before its timeout.
//
// Invariants:
//   1. now() is the same within one turn.
//   2. A callback runs at most once per turn and watch, so that no descriptor
//      starves the others.
//   3. In steady state a turn allocates nothing.
//   4. Timers are never early, and at most a millisecond late (or as late as
//      the machine schedules us).
//
// epoll does the waiting (ADR 0020).
//
// Threads: all calls from the loop's own thread, or before run().

#pragma once

#include "base/timers.hpp"
#include "base/watcher.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace ais::os {

struct LoopStats {
    std::uint64_t turns = 0;
    std::uint64_t sleeps = 0;  // turns that waited in the operating system
    std::uint64_t awake = 0;   // waits of look_awake() before a sleep or instead of it
    std::uint64_t callbacks = 0;
    std::uint64_t timers = 0;
};

class Loop final : public Timers, public Watcher {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Timers
    [[nodiscard]] Instant now() const override;
    TimerId start(Instant at, std::function<void()> fire) override;
    bool cancel(TimerId id) override;

    // Watcher
    WatchId watch(int fd, std::function<void()> on_readable) override;
    void unwatch(WatchId id) override;
    [[nodiscard]] bool may_be_readable(WatchId id) const override;

    // Called at the end of every turn; true: come back without sleeping.
    void set_turn(std::function<bool()> turn);
    // A turn is made at `at` at the latest, whatever else happens; replaces the
    // earlier wish.  Cheaper than a timer: for deadlines that move at every token.
    void wake_at(std::optional<Instant> at);

    // Something is expected soon: the wait at the end of this turn looks awake for so long before
    // it sleeps, which spares a wake-up (5 to 50 us).  A hint: it does not where that has been vain
    // again and again, nor on a machine that has one processor for us.  Meanwhile
    // others of our priority get the processor when they want it.
    void look_awake(Duration time);

    // Returns after stop(), at once if that came before.
    void run();
    // Takes effect at the end of the turn; safe in any callback.
    void stop();
    // One turn that sleeps at most `sleep_max`; for start-up and tests.
    void run_once(Duration sleep_max);

    [[nodiscard]] const LoopStats& stats() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::os
