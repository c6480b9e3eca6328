// SPDX-License-Identifier: BSD-3-Clause
//
// The monotonic clock of one machine: its own zero, its own speed, and now and then a leap ahead
// (a virtual machine that was moved).  Never back.

#pragma once

#include "base/time.hpp"

namespace ais::sim {

class Clock {
  public:
    // Reads `zero` when the world's clock reads `world`.
    void start(Instant world, Instant zero) {
        world_ = world;
        local_ = zero;
    }
    // Parts per million of the world's speed.
    void set_speed(Instant world, std::int64_t ppm) {
        local_ = local(world);
        world_ = world;
        ppm_ = ppm;
    }
    void leap(Duration ahead) { local_ += ahead; }

    [[nodiscard]] Instant local(Instant world) const {
        const std::int64_t passed = (world - world_).count();
        if (ppm_ == million) {
            return local_ + Duration(passed);
        }
        return local_ + Duration(passed / million * ppm_ + passed % million * ppm_ / million);
    }
    // The first time of the world at which the clock reads at least `local`.
    [[nodiscard]] Instant world(Instant local) const {
        const std::int64_t wanted = (local - local_).count();
        if (ppm_ == million) {
            return world_ + Duration(wanted);
        }
        Instant at = world_ + Duration(wanted / ppm_ * million + wanted % ppm_ * million / ppm_);
        while (this->local(at) < local) {
            at += Duration(1);
        }
        return at;
    }

  private:
    static constexpr std::int64_t million = 1000000;

    Instant world_;
    Instant local_;
    std::int64_t ppm_ = million;
};

}  // namespace ais::sim
