// SPDX-License-Identifier: BSD-3-Clause
//
// One run: what happens to a cluster under one plan, and whether everything held.
//
// Faults stop at the end of the given time; then everything is mended and restarted, and the
// cluster has some seconds to become one again and to settle.

#pragma once

#include "sim/checker/history.hpp"
#include "sim/coverage.hpp"
#include "sim/plan.hpp"

#include <cstdint>
#include <ostream>
#include <span>
#include <string>

namespace ais::sim {

struct Watching {
    std::ostream* trace = nullptr;  // each transition is a line
    Coverage* coverage = nullptr;
    // Progress of a long run: called about once in a simulated minute.
    std::function<void(Duration done)> progress;
};

struct Outcome {
    Violations violations;     // texts begin with the property's name
    std::uint64_t digest = 0;  // of all that applications saw, with times
    std::string about;         // one line: parameters, counts
    std::uint64_t events = 0;
    Duration simulated{};
    Duration settled_after{};  // since the last fault
};

// `plugins`: all that there are; the workload names those it needs.
Outcome run(const Plan& plan,
            std::span<const ais_plugin* const> plugins,
            const Watching& watching = {});

// The shortest list of faults, found by leaving out, with which the run still fails in the
// same property.  `runs_max` bounds the search; `tell` hears of each step.
Plan shrink(const Plan& plan,
            std::span<const ais_plugin* const> plugins,
            std::size_t runs_max,
            const std::function<void(const std::string&)>& tell);

}  // namespace ais::sim
