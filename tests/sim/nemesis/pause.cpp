// SPDX-License-Identifier: BSD-3-Clause
//
// The executive does not run for a while, as after SIGSTOP or on a starved host.  Its clients do.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 300 : 3000);
    fault.numbers = {any_node(prng, nodes)};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    if (machine != nullptr) {
        machine->pause();
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    machine_of(cluster, fault)->resume();
}

}  // namespace

extern const Nemesis nemesis_pause;
const Nemesis nemesis_pause = {"pause", "node", 1, &choose, &begin, &end};

}  // namespace ais::sim
