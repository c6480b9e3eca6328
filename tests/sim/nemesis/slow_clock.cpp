// SPDX-License-Identifier: BSD-3-Clause
//
// The clock of a machine runs too slowly, or too fast.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 5000);
    const bool is_drift = prng.chance(1, 2);
    const std::uint64_t ppm = is_drift ? 999000 + prng.below(2001) : 300000 + prng.below(1200001);
    fault.numbers = {any_node(prng, nodes), static_cast<std::uint32_t>(ppm)};
}

void set_speed(Cluster& cluster, NodeId node, std::uint32_t ppm) {
    cluster.machine(node).clock().set_speed(cluster.world_now(), ppm);
    cluster.poke(node);
}

bool begin(Cluster& cluster, const Fault& fault) {
    if (machine_of(cluster, fault) == nullptr || fault.numbers[1] == 0) {
        return false;
    }
    set_speed(cluster, NodeId(fault.numbers[0]), fault.numbers[1]);
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    set_speed(cluster, NodeId(fault.numbers[0]), 1000000);
}

}  // namespace

extern const Nemesis nemesis_slow_clock;
const Nemesis nemesis_slow_clock = {
    "slow_clock", "node, speed in parts per million", 2, &choose, &begin, &end};

}  // namespace ais::sim
