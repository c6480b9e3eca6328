// SPDX-License-Identifier: BSD-3-Clause
//
// Clients of a node are stuck: they neither dispatch nor take responses.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 500 : 4000);
    fault.numbers = {any_node(prng, nodes)};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (machine != nullptr) {
        machine->set_clients_stuck(true);
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    machine_of(cluster, fault)->set_clients_stuck(false);
}

}  // namespace

extern const Nemesis nemesis_slow_client;
const Nemesis nemesis_slow_client = {"slow_client", "node", 1, &choose, &begin, &end};

}  // namespace ais::sim
