// SPDX-License-Identifier: BSD-3-Clause
//
// Which clients of this node hear which groups.
//
// Of this node alone: joining is local, so there is nothing that replicas would share.
// No host, no clock, no I/O.  Threads: none.
//
// Invariants:
//   1. A client has joined at most groups_max groups, each counted as often as it was.
//   2. The listeners of a key are those clients that have joined it at least once.

#pragma once

#include "wire.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace ais::evs {

enum class Outcome : std::uint8_t { done, too_many, not_joined };

class State {
  public:
    using ClientId = std::uint32_t;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // too_many: nothing was joined.
    Outcome join(ClientId client, const KeyList& keys);
    // In order; not_joined: those before it have been left.
    Outcome leave(ClientId client, const KeyList& keys);
    // The client is gone.
    void remove(ClientId client);

    // Each client once, however many of the groups it has joined; ascending.  The view is
    // valid until the next call.
    [[nodiscard]] std::span<const ClientId> listeners(const KeyList& keys);
    // Keys that the client has joined, each once, one after the other.
    [[nodiscard]] const std::vector<std::uint8_t>& joined(ClientId client);
    // The same with each as often as it was joined.
    [[nodiscard]] std::vector<Key> all_joins(ClientId client) const;

    [[nodiscard]] std::size_t group_count() const { return listeners_.size(); }

  private:
    std::map<ClientId, std::map<Key, std::uint32_t>> joins_;  // how often
    std::map<Key, std::vector<ClientId>> listeners_;          // ascending
    // Made anew by each call, kept so that a message costs no memory.
    std::vector<ClientId> found_;
    std::vector<std::uint8_t> keys_;
};

}  // namespace ais::evs
