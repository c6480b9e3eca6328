// SPDX-License-Identifier: BSD-3-Clause
//
// The barrier after a regular configuration: no service sees a message of the
// new ring until all replicas are equal.
//
// docs/protocol/sync.md has the exchange.  In short: if all members moved
// together from a ring in which they were equal, the barrier opens at once.
// Otherwise every member multicasts a Hello (its lineage, a name for the history
// of its state: members with the same one are a component and have equal state;
// and the services whose state it has).  When
// the Hellos of all members are delivered, every member knows the same components, and
// per service the lowest member of each component multicasts its snapshot in
// chunks.  At the delivery of the last chunk of all, in the same place of the total
// order everywhere, every member merges the same list in the same order and
// opens the gate.  A new configuration before that aborts: no service has seen anything.
//
// Threads: none.  Deterministic.

#pragma once

#include "base/log.hpp"
#include "group/groups.hpp"
#include "totem/types.hpp"

#include <ais/abi/service.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ais::sync {

// The services, as sync sees them; the router implements it.
class Participants {
  public:
    // Ids of the services whose state others need, ascending.
    [[nodiscard]] virtual std::vector<std::uint16_t> synchronised_services() const = 0;
    [[nodiscard]] virtual ais_status save(std::uint16_t service, std::string& out) = 0;
    // Non-zero stops the node.
    [[nodiscard]] virtual ais_status merge(std::uint16_t service,
                                           std::span<const ais_saved_state> states) = 0;
    // A replica cannot be trusted any more: log why, stop this node.
    virtual void diverged(std::uint16_t service, std::string_view why) = 0;

  protected:
    ~Participants() = default;
};

struct SyncStats {
    std::uint64_t exchanges = 0;
    std::uint64_t aborted = 0;
    std::uint64_t snapshot_bytes_sent = 0;
    std::uint64_t snapshot_bytes_merged = 0;
};

class Barrier {
  public:
    // All outlive it.
    Barrier(NodeId self, group::Groups& groups, Participants& participants, Log& log);
    ~Barrier();

    // Closes the gate at a regular configuration and starts.  Call after the
    // services have seen the configuration.
    void on_configure(const totem::Configuration& now);

    // A message of the kernel's own service (kind: docs/protocol/sync.md).
    void on_message(NodeId sender, std::uint16_t kind, Bytes body);

    // More chunks may go out: call when the kernel lane has drained.
    void pump();

    // All replicas are equal and the gate is open.
    [[nodiscard]] bool is_synced() const;
    [[nodiscard]] const SyncStats& stats() const;
    [[nodiscard]] std::string describe() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::sync
