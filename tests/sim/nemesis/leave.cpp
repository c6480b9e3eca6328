// SPDX-License-Identifier: BSD-3-Clause
//
// The executive ends in order and says goodbye; it is started again at the end.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 3) ? 20 : 3000);
    fault.numbers = {any_node(prng, nodes)};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    if (machine != nullptr) {
        cluster.crash(machine->id(), true);
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (!machine->is_up()) {
        cluster.start(machine->id(), false);
    }
}

}  // namespace

extern const Nemesis nemesis_leave;
const Nemesis nemesis_leave = {"leave", "node", 1, &choose, &begin, &end};

}  // namespace ais::sim
