// SPDX-License-Identifier: BSD-3-Clause
//
// One network carries nothing for a node, or nothing at all: both ways, only what it sends, or only
// what it would hear.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 300 : 3000);
    const bool is_of_all = prng.chance(1, 4);
    fault.numbers = {static_cast<std::uint32_t>(prng.below(links_max)),
                     is_of_all ? 0 : any_node(prng, nodes),
                     static_cast<std::uint32_t>(prng.below(3))};
}

template <typename Action>
void for_each_path(Cluster& cluster, const Fault& fault, Action action) {
    const totem::LinkId link = link_of(fault, cluster.network().links());
    const std::uint32_t about = fault.numbers[1];
    const std::uint32_t way = fault.numbers[2];
    for (std::uint32_t from = 1; from <= cluster.nodes(); ++from) {
        for (std::uint32_t to = 1; to <= cluster.nodes(); ++to) {
            const bool is_sent = from == about && way != 2;
            const bool is_heard = to == about && way != 1;
            if (from != to && (about == 0 || is_sent || is_heard)) {
                action(NodeId(from), NodeId(to), link);
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

extern const Nemesis nemesis_link_cut;
const Nemesis nemesis_link_cut = {
    "link_cut",
    "link, node (0: all), 0: both ways, 1: what it sends, 2: what it hears",
    3,
    &choose,
    &begin,
    &end,
    0};

}  // namespace ais::sim
