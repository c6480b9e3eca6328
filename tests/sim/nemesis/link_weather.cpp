// SPDX-License-Identifier: BSD-3-Clause
//
// One network is slow, or loses much.

#include "sim/nemesis/nemesis.hpp"

namespace ais::sim {

namespace {

void choose(Prng& prng, std::size_t, Fault& fault) {
    fault.length = up_to_ms(prng, prng.chance(1, 2) ? 300 : 3000);
    const bool is_slow = prng.chance(1, 2);
    fault.numbers = {static_cast<std::uint32_t>(prng.below(links_max)),
                     is_slow ? 0 : static_cast<std::uint32_t>(10000 + prng.below(900000)),
                     is_slow ? static_cast<std::uint32_t>(1000 + prng.below(60000)) : 0};
}

void add(Cluster& cluster, const Fault& fault, int sign) {
    Disturbance& to = cluster.network().disturbance(link_of(fault, cluster.network().links()));
    to.loss_ppm += sign > 0 ? fault.numbers[1] : 0U - fault.numbers[1];
    to.delay += sign * std::chrono::microseconds(fault.numbers[2]);
}

bool begin(Cluster& cluster, const Fault& fault) {
    add(cluster, fault, 1);
    return true;
}

void end(Cluster& cluster, const Fault& fault) {
    add(cluster, fault, -1);
}

}  // namespace

extern const Nemesis nemesis_link_weather;
const Nemesis nemesis_link_weather = {"link_weather",
                                      "link, lost parts per million, microseconds of delay",
                                      3,
                                      &choose,
                                      &begin,
                                      &end,
                                      0};

}  // namespace ais::sim
