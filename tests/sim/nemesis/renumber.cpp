// SPDX-License-Identifier: BSD-3-Clause
//
// A host gets another address on one network, and later its first one again.  For a moment it has
// none.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

constexpr Duration gap_max = std::chrono::milliseconds(50);

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 500 : 3000);
    fault.numbers = {any_node(prng, nodes),
                     static_cast<std::uint32_t>(prng.below(links_max)),
                     static_cast<std::uint32_t>(1 + prng.below(200)),
                     static_cast<std::uint32_t>(prng.below(
                         static_cast<std::uint64_t>(gap_max / std::chrono::microseconds(1))))};
}

void move(Cluster& cluster, const Fault& fault, Address address) {
    Machine& machine = *machine_of(cluster, fault);
    const totem::LinkId link = link_of(fault, cluster.network().links());
    machine.take_down(link);
    cluster.after(std::chrono::microseconds(fault.numbers[3]), [&machine, link, address] {
        machine.renumber(link, address);
        machine.bring_up(link);
    });
}

bool begin(Cluster& cluster, const Fault& fault) {
    if (machine_of(cluster, fault) == nullptr) {
        return false;
    }
    move(cluster, fault, fault.numbers[2]);
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    move(cluster, fault, home);
}

}  // namespace

extern const Nemesis nemesis_renumber;
const Nemesis nemesis_renumber = {"renumber",
                                  "node, link, address (not 0), microseconds without one",
                                  4,
                                  &choose,
                                  &begin,
                                  &end,
                                  1};

}  // namespace ais::sim
