// SPDX-License-Identifier: BSD-3-Clause
//
// Somebody sets the time of day of a machine, ahead or back.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = Duration(0);
    fault.numbers = {any_node(prng, nodes),
                     static_cast<std::uint32_t>(prng.below(2)),
                     static_cast<std::uint32_t>(1 + prng.below(100000000))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    if (machine != nullptr) {
        const Duration by = std::chrono::milliseconds(fault.numbers[2]);
        machine->step_wall_clock(fault.numbers[1] != 0 ? -by : by);
    }
    return machine != nullptr;
}

}  // namespace

extern const Nemesis nemesis_clock_step;
const Nemesis nemesis_clock_step = {
    "clock_step", "node, 1: back, milliseconds", 3, &choose, &begin, nullptr};

}  // namespace ais::sim
