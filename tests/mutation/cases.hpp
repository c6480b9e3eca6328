// SPDX-License-Identifier: BSD-3-Clause
//
// Which bug is found by what, within how many seeds.

#pragma once

#include "base/mutation.hpp"
#include "sim/checker/history.hpp"

#include <cstdint>
#include <span>

namespace ais::mutation_test {

// One seed's run; what it found.
using Workload = sim::Violations (*)(std::uint64_t seed);

struct Case {
    Mutation mutation;
    Workload workload;
    std::uint64_t seeds;  // 1 to this
};

std::span<const Case> cases();

// swarm.cpp: random subsets of faults.
sim::Violations swarm(std::uint64_t seed);
// cascade.cpp: changes that are struck by the next one at the worst moment.
sim::Violations cascade(std::uint64_t seed);
// whole.cpp: whole executives.
sim::Violations whole(std::uint64_t seed);
sim::Violations on_links(std::uint64_t seed);  // the same on two networks
sim::Violations replayed(std::uint64_t seed);  // and on one, where old datagrams come again
sim::Violations compared(std::uint64_t seed);  // who has gone astray stops, though nobody joins
// workloads.cpp: small ones, each for a promise beside the order of messages.
sim::Violations loss(std::uint64_t seed);       // lost datagrams cost no configuration
sim::Violations no_faults(std::uint64_t seed);  // nothing is sent twice
sim::Violations idle(std::uint64_t seed);       // a held token is soon let go
sim::Violations lone(std::uint64_t seed);       // a token that stays is let go, too
sim::Violations restart(std::uint64_t seed);    // who comes back is noticed at once
sim::Violations late_comer(
    std::uint64_t seed);                        // who knows no number names a ring for those who do
sim::Violations no_commit(std::uint64_t seed);  // commit tokens are lost, and then a ring is formed
sim::Violations reuse(std::uint64_t seed);      // nodes without disk never use a ring id twice

}  // namespace ais::mutation_test
