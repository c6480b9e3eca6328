// SPDX-License-Identifier: BSD-3-Clause

#include "sim/network.hpp"

#include <algorithm>

namespace ais::sim {

namespace {

Duration up_to(Prng& prng, Duration bound) {
    return Duration(
        static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(bound.count()) + 1)));
}

}  // namespace

void Network::partition(const std::vector<totem::Members>& groups) {
    heal();
    for (const auto& group : groups) {
        for (const auto& other : groups) {
            if (&group == &other) {
                continue;
            }
            for (const NodeId from : group) {
                for (const NodeId to : other) {
                    cut(from, to);
                }
            }
        }
    }
}

void Network::plan(
    Instant now, NodeId from, NodeId to, Bytes datagram, std::vector<Instant>& arrivals) {
    if (!connects(from, to) || (filter_ && filter_(from, to, datagram)) ||
        prng_.chance(conditions_.loss_ppm, 1000000)) {
        return;
    }
    Instant& last = last_[{from, to}];
    Instant arrival = now + conditions_.delay + up_to(prng_, conditions_.jitter);
    if (prng_.chance(conditions_.reorder_ppm, 1000000)) {
        arrival += up_to(prng_, conditions_.reorder_delay);
    } else {
        arrival = std::max(arrival, last);
        last = arrival;
    }
    arrivals.push_back(arrival);
    if (prng_.chance(conditions_.duplicate_ppm, 1000000)) {
        arrivals.push_back(arrival + up_to(prng_, conditions_.reorder_delay));
    }
}

}  // namespace ais::sim
