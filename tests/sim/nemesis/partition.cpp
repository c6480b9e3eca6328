// SPDX-License-Identifier: BSD-3-Clause
//
// The network falls into parts of any shape.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 3) ? 300 : 5000);
    const std::uint64_t parts = 2 + prng.below(3);
    for (std::size_t i = 0; i < nodes; ++i) {
        fault.numbers.push_back(static_cast<std::uint32_t>(prng.below(parts)));
    }
}

template <typename Action>
void for_each_path(Cluster& cluster, const Fault& fault, Action action) {
    const std::size_t count = std::min<std::size_t>(cluster.nodes(), fault.numbers.size());
    for (std::uint32_t from = 1; from <= count; ++from) {
        for (std::uint32_t to = 1; to <= count; ++to) {
            if (fault.numbers[from - 1] == fault.numbers[to - 1]) {
                continue;
            }
            for (std::size_t link = 0; link < cluster.network().links(); ++link) {
                action(NodeId(from), NodeId(to), static_cast<totem::LinkId>(link));
            }
        }
    }
}

bool begin(Cluster& cluster, const Fault& fault) {
    for_each_path(cluster, fault, [&](NodeId from, NodeId to, totem::LinkId link) {
        cluster.network().block(from, to, link);
    });
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    for_each_path(cluster, fault, [&](NodeId from, NodeId to, totem::LinkId link) {
        cluster.network().unblock(from, to, link);
    });
}

}  // namespace

extern const Nemesis nemesis_partition;
const Nemesis nemesis_partition = {
    "partition", "for each node the part it is in", 2, &choose, &begin, &end};

}  // namespace ais::sim
