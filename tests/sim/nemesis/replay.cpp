// SPDX-License-Identifier: BSD-3-Clause
//
// A node gets old datagrams that it has not seen in this life: they open, once.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 300);
    fault.numbers = {any_node(prng, nodes), static_cast<std::uint32_t>(1 + prng.below(50))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    if (machine_of(cluster, fault) == nullptr) {
        return false;
    }
    for (std::uint32_t i = 0; i < fault.numbers[1]; ++i) {
        cluster.after(fault.length * i / fault.numbers[1],
                      [&cluster, to = NodeId(fault.numbers[0])] { cluster.replay(to); });
    }
    return true;
}

}  // namespace

extern const Nemesis nemesis_replay;
const Nemesis nemesis_replay = {"replay", "node, number of datagrams", 2, &choose, &begin, nullptr};

}  // namespace ais::sim
