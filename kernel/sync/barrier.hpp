// SPDX-License-Identifier: BSD-3-Clause
//
// The barrier after a regular configuration: no service sees a message of the
// new ring until all replicas are equal.
//
// docs/protocol/sync.md has the exchange.  In short: if all members moved
// together from a ring in which they were equal, the barrier opens at once.
// Otherwise every member multicasts a Hello: its lineage (a name for the history
// of its state: members with the same one are a component and have equal state) and
// a digest of each service's state.  When the Hellos of all members are delivered,
// every member knows the same components, sees whose replica has diverged, and which
// states differ; those are sent as streams (exchange.hpp).  Who has all streams
// multicasts Done, and at the delivery of the last Done, in the same place of the total
// order everywhere, every member merges and opens the gate.  A new configuration
// before that aborts: no service has seen anything.
//
// From time to time the lowest member has the digests of all compared (comparison.hpp): who
// differs stops, also where nobody joins.
//
// Threads: none.  Deterministic; `now` is for the log only.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "group/groups.hpp"
#include "sync/exchange.hpp"
#include "sync/participants.hpp"
#include "totem/types.hpp"

#include <memory>
#include <optional>
#include <string>

namespace ais::sync {

class Barrier {
  public:
    // Limit: bytes of state that are digested in one go.  Services in one piece
    // are saved whole, and the first one always.
    static constexpr std::uint64_t digest_max = 8U << 20;

    // All outlive it.
    // `compare`: how often equal replicas are compared, zero: never.
    Barrier(NodeId self,
            group::Groups& groups,
            Participants& participants,
            Log& log,
            Duration compare = Duration::zero());
    ~Barrier();

    // Closes the gate at a regular configuration and starts.  Call after the
    // services have seen the configuration.
    void on_configure(const totem::Configuration& now);

    // A message of the kernel's own service (kind: docs/protocol/sync.md).
    void on_message(NodeId sender, std::uint16_t kind, Bytes body);

    // Work that does not wait for others: call in every turn of the loop, and
    // when the kernel lane has drained.  True: there is more, come back at once.
    bool pump(Instant now = {});

    // The node leaves: services are not touched any more after this call.
    void stop();

    // All replicas are equal and the gate is open.
    [[nodiscard]] bool is_synced() const;
    // When pump() has work because time has passed.
    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] NodeId self() const;
    [[nodiscard]] const SyncStats& stats() const;
    [[nodiscard]] std::string describe() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::sync
