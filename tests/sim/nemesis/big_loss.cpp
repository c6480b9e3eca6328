// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams above the size that the conditions name are lost: somewhere the MTU is smaller.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t, Fault& fault) {
    fault.length = up_to_ms(prng, 1500);
    fault.numbers = {prng.chance(1, 2) ? 1000000U : 500000U};
}

bool begin(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().big_loss_ppm += fault.numbers[0];
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    cluster.network().disturbance().big_loss_ppm -= fault.numbers[0];
}

}  // namespace

extern const Nemesis nemesis_big_loss;
const Nemesis nemesis_big_loss = {"big_loss", "parts per million", 1, &choose, &begin, &end};

}  // namespace ais::sim
