// SPDX-License-Identifier: BSD-3-Clause
//
// The kinds of faults, one file each.
//
// A fault is plain data: when, how long, which kind, and a few numbers that only its kind
// understands.  All faults of a run are chosen before it begins, so a list of them can be saved,
// played again, and made shorter while the run still fails.  A fault that makes no sense when its
// time comes (the node is down already) does nothing.

#pragma once

#include "base/prng.hpp"
#include "base/time.hpp"
#include "sim/cluster.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::sim {

struct Nemesis;

struct Fault {
    Duration at{};      // since the beginning
    Duration length{};  // until it ends
    const Nemesis* kind = nullptr;
    std::vector<std::uint32_t> numbers;

    // "crash 2 1", as in files and traces, without the times.
    [[nodiscard]] std::string to_text() const;
};

struct Nemesis {
    const char* name;
    const char* about;  // what the numbers are
    std::size_t numbers_min;
    // Choose length and numbers.
    void (*choose)(Prng& prng, std::size_t nodes, Fault& fault);
    // False: it makes no sense now, and end is not called.
    bool (*begin)(Cluster& cluster, const Fault& fault);
    // May be nullptr.
    void (*end)(Cluster& cluster, const Fault& fault);
    // Which number is the link, if it touches one link and nothing else; -1: it is not of this
    // sort.  As long as another link is well, such a fault is no cause for a change.
    int link_at = -1;
};

// Numbers that name links are chosen below this, and mean one of those that are there.
constexpr std::size_t links_max = 4;

// All kinds, in ascending order of names.
std::span<const Nemesis* const> nemeses();
// nullptr: there is none.
const Nemesis* find_nemesis(std::string_view name);

// For the kinds.
inline std::uint32_t any_node(Prng& prng, std::size_t nodes) {
    return static_cast<std::uint32_t>(1 + prng.below(nodes));
}
inline Duration up_to_ms(Prng& prng, std::uint64_t max_ms) {
    return std::chrono::microseconds(1000 + prng.below(1000 * max_ms));
}
// The node that a number names; nullptr if there is none (a list of another size of cluster).
inline Machine* machine_of(Cluster& cluster, const Fault& fault, std::size_t number = 0) {
    const std::uint32_t id = fault.numbers[number];
    return id >= 1 && id <= cluster.nodes() ? &cluster.machine(NodeId(id)) : nullptr;
}
// The same if its executive runs and is not paused.
inline Machine* running_machine_of(Cluster& cluster, const Fault& fault) {
    Machine* const machine = machine_of(cluster, fault);
    return machine != nullptr && machine->is_up() && !machine->is_paused() ? machine : nullptr;
}
// The link that a fault of one link touches.
inline totem::LinkId link_of(const Fault& fault, std::size_t links) {
    return static_cast<totem::LinkId>(fault.numbers[static_cast<std::size_t>(fault.kind->link_at)] %
                                      links);
}

}  // namespace ais::sim
