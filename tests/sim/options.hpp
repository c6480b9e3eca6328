// SPDX-License-Identifier: BSD-3-Clause
//
// The command line of ais-sim.

#pragma once

#include "base/time.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ais::sim {

struct Options {
    enum class Mode : std::uint8_t { one, many, replay, stories, list, help, version };

    Mode mode = Mode::one;
    std::uint64_t from = 1;
    std::uint64_t count = 1;
    std::size_t nodes = 0;  // 0: the seed chooses
    Duration length = std::chrono::seconds(15);
    std::string workload;
    std::vector<std::string> plugins;  // files
    std::vector<std::string> faults;   // allowed kinds; empty: the seed chooses
    std::size_t links = 0;             // 0: the seed chooses
    std::string seal;                  // empty: the seed chooses
    bool without_faults = false;
    bool trace = false;
    bool shrink = false;
    bool coverage = false;
    bool complete = false;  // coverage must be
    std::string file;       // of --replay and --stories
    std::string save;       // where the list of faults goes
};

// The error is a sentence that names the argument and what would be right.
Result<Options> parse_options(std::span<const char* const> arguments);

extern const char* const usage;

}  // namespace ais::sim
