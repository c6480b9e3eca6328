// SPDX-License-Identifier: BSD-3-Clause
//
// The clock of a machine leaps ahead: a virtual machine was moved, and was told the time.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = Duration(0);
    fault.numbers = {
        any_node(prng, nodes),
        static_cast<std::uint32_t>(1 + prng.below(prng.chance(1, 4) ? 3600000 : 1000))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (machine != nullptr) {
        machine->clock().leap(std::chrono::milliseconds(fault.numbers[1]));
        cluster.poke(machine->id());
    }
    return machine != nullptr;
}

}  // namespace

extern const Nemesis nemesis_clock_leap;
const Nemesis nemesis_clock_leap = {
    "clock_leap", "node, milliseconds", 2, &choose, &begin, nullptr};

}  // namespace ais::sim
