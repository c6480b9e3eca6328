// SPDX-License-Identifier: BSD-3-Clause
//
// An interface of a host goes down, and comes back.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 300 : 3000);
    fault.numbers = {any_node(prng, nodes), static_cast<std::uint32_t>(prng.below(links_max))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (machine != nullptr) {
        machine->take_down(link_of(fault, cluster.network().links()));
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    machine_of(cluster, fault)->bring_up(link_of(fault, cluster.network().links()));
}

}  // namespace

extern const Nemesis nemesis_interface;
const Nemesis nemesis_interface = {"interface", "node, link", 2, &choose, &begin, &end, 1};

}  // namespace ais::sim
