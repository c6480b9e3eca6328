// SPDX-License-Identifier: BSD-3-Clause
//
// A node is restarted with another version of the protocol, and later with ours again.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

constexpr std::uint8_t other = Machine::totem_version + 1;

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 3000);
    fault.numbers = {any_node(prng, nodes)};
}

void restart(Cluster& cluster, Machine& machine, std::uint8_t version) {
    if (machine.is_up()) {
        cluster.crash(machine.id(), false);
    }
    machine.wire_version = version;
    cluster.start(machine.id(), false);
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    if (machine != nullptr) {
        restart(cluster, *machine, other);
    }
    return machine != nullptr;
}

void end(Cluster& cluster, const Fault& fault) {
    restart(cluster, *machine_of(cluster, fault), Machine::totem_version);
}

}  // namespace

extern const Nemesis nemesis_other_version;
const Nemesis nemesis_other_version = {"other_version", "node", 1, &choose, &begin, &end};

}  // namespace ais::sim
