// SPDX-License-Identifier: BSD-3-Clause
//
// Everything takes longer: a detour, a full switch.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t, Fault& fault) {
    fault.length = up_to_ms(prng, 1000);
    fault.numbers = {static_cast<std::uint32_t>(1000 + prng.below(60000))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().delay += std::chrono::microseconds(fault.numbers[0]);
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().delay -= std::chrono::microseconds(fault.numbers[0]);
}

}  // namespace

extern const Nemesis nemesis_delay;
const Nemesis nemesis_delay = {"delay", "microseconds", 1, &choose, &begin, &end};

}  // namespace ais::sim
