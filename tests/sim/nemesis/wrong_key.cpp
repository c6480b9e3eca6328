// SPDX-License-Identifier: BSD-3-Clause
//
// A node is restarted with the wrong key: its datagrams open nowhere, and none opens there.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 3000);
    fault.numbers = {any_node(prng, nodes), static_cast<std::uint32_t>(2 + prng.below(2))};
}

void restart(Cluster& cluster, Machine& machine, std::uint32_t key) {
    if (machine.is_up()) {
        cluster.crash(machine.id(), false);
    }
    machine.key = key;
    cluster.start(machine.id(), false);
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    if (machine != nullptr) {
        restart(cluster, *machine, fault.numbers[1]);
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    restart(cluster, *machine_of(cluster, fault), 1);
}

}  // namespace

extern const Nemesis nemesis_wrong_key;
const Nemesis nemesis_wrong_key = {"wrong_key", "node, key (not 1)", 2, &choose, &begin, &end};

}  // namespace ais::sim
