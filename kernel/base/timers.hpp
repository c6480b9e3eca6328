// SPDX-License-Identifier: BSD-3-Clause
//
// The port to the loop's timers, implemented by kernel/os/loop and by the
// simulator.

#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <functional>

namespace ais {

using TimerId = std::uint64_t;  // never 0

class Timers {
  public:
    [[nodiscard]] virtual Instant now() const = 0;
    // Calls `fire` once, not before `at`, from the loop.
    virtual TimerId start(Instant at, std::function<void()> fire) = 0;
    // False if it has fired or never was.
    virtual bool cancel(TimerId id) = 0;

  protected:
    ~Timers() = default;
};

}  // namespace ais
