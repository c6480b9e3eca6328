// SPDX-License-Identifier: BSD-3-Clause
//
// An operator replaces a running service by another build, which may have a flaw: then the old
// one must go on as if nothing had been (live_replacement.hpp has what is judged).  After a
// crash the node has its first build again.

#include "sim/builds.hpp"
#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t nodes, Fault& fault) {
    fault.length = up_to_ms(prng, 1);
    fault.numbers = {any_node(prng, nodes),
                     static_cast<std::uint32_t>(prng.below(16)),
                     prng.chance(1, 2) ? 0U : static_cast<std::uint32_t>(prng.below(flaws))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    Machine* const machine = running_machine_of(cluster, fault);
    const std::uint32_t flaw = fault.numbers[2];
    return machine != nullptr && flaw < flaws &&
           machine->replace(fault.numbers[1], static_cast<Flaw>(flaw));
}

}  // namespace

extern const Nemesis nemesis_replace;
const Nemesis nemesis_replace = {
    "replace",
    "node, service, flaw (0 none, 1 load, 2 merge, 3 part, 4 handover)",
    3,
    &choose,
    &begin,
    nullptr};

}  // namespace ais::sim
