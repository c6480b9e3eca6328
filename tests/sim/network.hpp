// SPDX-License-Identifier: BSD-3-Clause
//
// A network that loses, delays, doubles and reorders as it is told, and that
// can be cut in any direction.  Without reordering a pair of nodes is FIFO.
// All chance comes from the world's generator.

#pragma once

#include "base/node_id.hpp"
#include "base/prng.hpp"
#include "base/time.hpp"
#include "totem/members.hpp"

#include <ais/bytes.hpp>

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace ais::sim {

struct Conditions {
    Duration delay = std::chrono::microseconds(150);
    Duration jitter = std::chrono::microseconds(100);
    std::uint32_t loss_ppm = 0;
    std::uint32_t duplicate_ppm = 0;
    std::uint32_t reorder_ppm = 0;  // arrives late, behind others
    Duration reorder_delay = std::chrono::milliseconds(3);
};

class Network {
  public:
    // True: this datagram is lost.
    using Filter = std::function<bool(NodeId from, NodeId to, Bytes datagram)>;

    explicit Network(Prng& prng) : prng_(prng) {}

    void set(const Conditions& conditions) { conditions_ = conditions; }
    void set_filter(Filter filter) { filter_ = std::move(filter); }

    void cut(NodeId from, NodeId to) { cuts_.emplace(from, to); }
    void mend(NodeId from, NodeId to) { cuts_.erase({from, to}); }
    // Cuts everything between different groups, and nothing else.
    void partition(const std::vector<totem::Members>& groups);
    void heal() { cuts_.clear(); }
    [[nodiscard]] bool connects(NodeId from, NodeId to) const {
        return !cuts_.contains({from, to});
    }

    // When copies of a datagram arrive; none if it is lost.
    void plan(Instant now, NodeId from, NodeId to, Bytes datagram, std::vector<Instant>& arrivals);

  private:
    Prng& prng_;
    Conditions conditions_;
    Filter filter_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    std::map<std::pair<NodeId, NodeId>, Instant> last_;
};

}  // namespace ais::sim
