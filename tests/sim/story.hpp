// SPDX-License-Identifier: BSD-3-Clause
//
// What happens to a cluster under one seed.
//
// Swarm style: each seed takes a random subset of the kinds of faults and
// random parameters of the network and of the protocol, since few kinds at a time
// go deeper than all together.  Faults stop at the end of the given time; then
// everything is mended and restarted, and the cluster has some seconds to
// become one again.

#pragma once

#include "base/log.hpp"
#include "sim/checker/history.hpp"

#include <cstdint>
#include <string>

namespace ais::sim {

struct Story {
    std::uint64_t seed = 1;
    std::size_t nodes = 0;  // 0: the seed chooses
    Duration length = std::chrono::seconds(30);
    Log* log = nullptr;  // lines of the engines
    bool trace = false;  // print what happens
};

struct Outcome {
    Violations violations;
    std::uint64_t digest = 0;  // of all that applications saw, with times
    std::string about;         // one line: faults, counts
};

Outcome tell(const Story& story);

}  // namespace ais::sim
