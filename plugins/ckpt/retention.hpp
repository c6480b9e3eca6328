// SPDX-License-Identifier: BSD-3-Clause
//
// The timers of this node: when a checkpoint that nobody has open, or a section
// with an expiration, has had its time.
//
// Not replicated.  Every node keeps all of them, by its own monotonic clock, and what
// fires decides nothing: the node that speaks for the others multicasts an Expire, and the
// state takes it or not.  So a node that takes over has the times already.
//
// Pure: instants come as arguments, in nanoseconds.  Threads: none.

#pragma once

#include "wire.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace ais::ckpt {

// The state wants a timer to run, or not any more.
struct TimerChange {
    Expire timer;
    std::int64_t duration = 0;  // time_end: it must not run
};

class Deadlines {
  public:
    void apply(const TimerChange& change, std::int64_t now);
    // All that must run after a merge.  Those that run already keep their time,
    // others begin anew, the rest is forgotten.
    void replace(const std::vector<TimerChange>& wanted, std::int64_t now);
    // What another node knows to be left.  It counts if the timer is the same one, and
    // brings its end nearer.
    void shorten(const Remaining& remaining, std::int64_t now);

    // Nothing: none runs.
    [[nodiscard]] std::optional<std::int64_t> next() const;
    // Those that have had their time.  They are told once and stay until the state stops them.
    std::vector<Expire> take_due(std::int64_t now);
    // Those that were told are told again: who was to say so may have gone.
    void tell_again();
    [[nodiscard]] std::vector<Remaining> remaining(std::int64_t now) const;
    [[nodiscard]] std::size_t size() const { return running_.size(); }

  private:
    struct Running {
        Expire timer;
        std::int64_t at = 0;
    };
    void start(const Expire& timer, std::int64_t at);
    void stop(const TimerKey& key);

    std::map<TimerKey, Running> running_;
    std::set<std::pair<std::int64_t, TimerKey>> order_;  // without those that were told
};

}  // namespace ais::ckpt
