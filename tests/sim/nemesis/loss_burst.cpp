// SPDX-License-Identifier: BSD-3-Clause
//
// All paths lose much more than usual.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 4) ? 2000 : 200);
    fault.numbers = {static_cast<std::uint32_t>(100000 + prng.below(700000))};
}

bool begin(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().loss_ppm += fault.numbers[0];
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().loss_ppm -= fault.numbers[0];
}

}  // namespace

extern const Nemesis nemesis_loss_burst;
const Nemesis nemesis_loss_burst = {"loss_burst", "parts per million", 1, &choose, &begin, &end};

}  // namespace ais::sim
