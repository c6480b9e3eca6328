// SPDX-License-Identifier: BSD-3-Clause
//
// Whole executives, for bugs above the engine: the simulator of tests/sim with
// its workloads and faults.

#include "mutation/cases.hpp"
#include "sim/catalogue.hpp"
#include "sim/plan.hpp"
#include "sim/story.hpp"

namespace ais::mutation_test {

sim::Violations whole(std::uint64_t seed) {
    sim::Wishes wishes;
    wishes.seed = seed;
    wishes.length = std::chrono::seconds(6);
    wishes.workload = "chatter";
    return sim::run(sim::make_plan(wishes, sim::linked_workloads()), sim::linked_plugins())
        .violations;
}

}  // namespace ais::mutation_test
