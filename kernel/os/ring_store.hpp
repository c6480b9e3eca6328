// SPDX-License-Identifier: BSD-3-Clause
//
// The ring sequence number of this node, kept over restarts.
//
// The protocol must not use a ring number twice, and the loop must not wait for
// a disk (a write of 4.7 s once took a cluster down).  So the file holds not the
// number but a bound that is ahead of it: a helper thread raises the bound, with
// a synced write, long before the number reaches it, and persist() costs a
// comparison.  After a crash the node goes on from the bound and skips some
// numbers, which nobody misses in 64 bits; a clean end writes the number itself.
//
// Deviates: a node that joins a ring whose number is far above its own bound
// transmits before the higher bound is on disk.  A crash in these milliseconds
// may lose it; the salt in the ring id, new at every start, then keeps ring ids apart.
//
// Invariant: the helper thread touches only the file, bound_ and what is under
// the mutex; log lines are written by the loop.
//
// Threads: all calls from the loop.  Named after the node id, not the address:
// <state dir>/ring_seq.<node id>.

#pragma once

#include "base/log.hpp"
#include "base/node_id.hpp"
#include "base/watcher.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ais::os {

class RingStore {
  public:
    // How far the bound is ahead.
    static constexpr std::uint64_t ahead = 1024;

    // Reads the file.  Where none is, or none of use, the number begins at `first`; the first
    // bound is ahead of that and on disk before the constructor returns.  A store that cannot
    // be read or written is logged and works in memory: a cluster is more use than a file.
    RingStore(
        const std::string& state_dir, NodeId self, std::uint64_t first, Watcher& watcher, Log& log);
    // Writes the number itself and waits for that.
    ~RingStore();
    RingStore(const RingStore&) = delete;
    RingStore& operator=(const RingStore&) = delete;

    // No ring that this node has seen had a higher number, as far as the file knows:
    // Engine::Identity's stored_ring_seq.
    [[nodiscard]] std::uint64_t stored() const;
    // From the engine's Persist effect; never blocks.
    void persist(std::uint64_t ring_seq);
    // The last persisted number is below the bound on disk.
    [[nodiscard]] bool is_durable() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The content of the file, "aisexec ring_seq 1032 node 7\n".
std::string format_ring_file(std::uint64_t ring_seq, NodeId self);
Result<std::uint64_t> parse_ring_file(std::string_view text, NodeId self);

}  // namespace ais::os
