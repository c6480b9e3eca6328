// SPDX-License-Identifier: BSD-3-Clause
//
// Whole executives, for bugs above the engine: the simulator of tests/sim with
// its workloads and faults.

#include "mutation/cases.hpp"
#include "sim/catalogue.hpp"
#include "sim/plan.hpp"
#include "sim/story.hpp"

namespace ais::mutation_test {

namespace {

sim::Wishes wishes_of(std::uint64_t seed) {
    sim::Wishes wishes;
    wishes.seed = seed;
    wishes.length = std::chrono::seconds(6);
    wishes.workload = "chatter";
    return wishes;
}

sim::Violations run(const sim::Wishes& wishes) {
    return sim::run(sim::make_plan(wishes, sim::linked_workloads()), sim::linked_plugins())
        .violations;
}

}  // namespace

sim::Violations whole(std::uint64_t seed) {
    return run(wishes_of(seed));
}

sim::Violations on_links(std::uint64_t seed) {
    sim::Wishes wishes = wishes_of(seed);
    wishes.links = 2;
    return run(wishes);
}

sim::Violations replayed(std::uint64_t seed) {
    sim::Wishes wishes = wishes_of(seed);
    wishes.links = 1;
    wishes.faults = {"replay", "renumber", "crash"};
    return run(wishes);
}

// Nothing happens, so only a comparison can find out.  Why only what is said of a stop counts: the
// judge sees all states, which no executive does.
sim::Violations compared(std::uint64_t seed) {
    sim::Wishes wishes = wishes_of(seed);
    wishes.workload = "ckpt";
    wishes.nodes = 3;
    wishes.without_faults = true;
    wishes.compare = std::chrono::milliseconds(500);
    sim::Violations found;
    for (const std::string& text : run(wishes).texts) {
        if (text.find("has stopped itself: service ckpt") != std::string::npos) {
            found.add(text);
        }
    }
    return found;
}

}  // namespace ais::mutation_test
