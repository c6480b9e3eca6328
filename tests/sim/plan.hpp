// SPDX-License-Identifier: BSD-3-Clause
//
// What a seed means: the size of the cluster, the parameters of the protocol and of the network,
// the workload, and every fault with its time.
//
// Swarm style: each seed takes a random subset of the kinds of faults and random parameters,
// since few kinds at a time go deeper than all together.
//
// Each part has a generator of its own, named after it: a new kind of fault or a new workload
// leaves what other seeds mean as it was, as far as they do not choose it.

#pragma once

#include "sim/nemesis/nemesis.hpp"

#include <ais/result.hpp>
#include <ais/testing/simulation.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::sim {

// What a seed does not choose itself.
struct Wishes {
    std::uint64_t seed = 1;
    std::size_t nodes = 0;  // 0: the seed chooses
    Duration length = std::chrono::seconds(15);
    std::string workload;             // empty: the seed chooses
    std::vector<std::string> faults;  // kinds that are allowed, if any are named
    bool without_faults = false;
    std::size_t links = 0;  // 0: the seed chooses
    std::string seal;       // empty: the seed chooses
    std::optional<Duration> compare;
};

// Who seals datagrams: crypto_none, the arithmetic of quick_crypto.cpp, or crypto_sodium.
enum class SealKind : std::uint8_t { plain, quick, sodium };
const char* name_of(SealKind kind);
bool from_text(std::string_view text, SealKind& kind);

struct Plan {
    std::uint64_t seed = 1;
    std::size_t nodes = 1;
    Duration length{};
    const WorkloadTable* workload = nullptr;
    totem::Config totem;
    std::vector<Conditions> conditions;  // of each link
    MachineSettings::Mode mode = MachineSettings::Mode::none;
    bool is_multicast = true;
    SealKind seal = SealKind::plain;
    std::vector<std::string> ciphers;  // MachineSettings
    // Only links are touched, at each time but one, and the weather is fair: nothing may change.
    bool spares_a_link = false;
    Duration compare{};         // how often replicas are compared; zero: never
    std::vector<Fault> faults;  // in order of time

    // All parameters in one line.
    [[nodiscard]] std::string to_text() const;
};

// Requires: `workloads` is not empty and has wishes.workload, if it is named.
Plan make_plan(const Wishes& wishes, std::span<const WorkloadTable* const> workloads);

// As text: what the seed does not say by itself, fault by fault.  docs/TESTING.md has the form.
std::string save_plan(const Plan& plan);
// The error names the line.
Result<Plan> load_plan(std::string_view text, std::span<const WorkloadTable* const> workloads);

const WorkloadTable* find_workload(std::string_view name,
                                   std::span<const WorkloadTable* const> workloads);

}  // namespace ais::sim
