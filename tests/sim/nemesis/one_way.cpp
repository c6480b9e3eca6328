// SPDX-License-Identifier: BSD-3-Clause
//
// One direction of one path is cut: one hears the other, and is not heard.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 2000);
    fault.numbers = {any_node(prng, nodes), any_node(prng, nodes)};
}

bool begin(Cluster& cluster, const Fault& fault) {
    if (machine_of(cluster, fault, 0) == nullptr || machine_of(cluster, fault, 1) == nullptr) {
        return false;
    }
    for (std::size_t link = 0; link < cluster.network().links(); ++link) {
        cluster.network().block(
            NodeId(fault.numbers[0]), NodeId(fault.numbers[1]), static_cast<totem::LinkId>(link));
    }
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    for (std::size_t link = 0; link < cluster.network().links(); ++link) {
        cluster.network().unblock(
            NodeId(fault.numbers[0]), NodeId(fault.numbers[1]), static_cast<totem::LinkId>(link));
    }
}

}  // namespace

extern const Nemesis nemesis_one_way;
const Nemesis nemesis_one_way = {"one_way", "from, to", 2, &choose, &begin, &end};

}  // namespace ais::sim
