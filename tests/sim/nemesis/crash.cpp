// SPDX-License-Identifier: BSD-3-Clause
//
// The executive dies, and is started again at the end.  With the second number set its machine
// has lost the stored ring number meanwhile.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 3) ? 20 : 3000);
    fault.numbers = {any_node(prng, nodes), prng.chance(1, 4) ? 1U : 0U};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    if (machine != nullptr) {
        cluster.crash(machine->id(), false);
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (!machine->is_up()) {
        cluster.start(machine->id(), fault.numbers[1] != 0);
    }
}

}  // namespace

extern const Nemesis nemesis_crash;
const Nemesis nemesis_crash = {
    "crash", "node, 1: its ring number is lost", 2, &choose, &begin, &end};

}  // namespace ais::sim
