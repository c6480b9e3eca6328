// SPDX-License-Identifier: BSD-3-Clause
//
// What a session remembers of each sender and boot: the sub-key of the newest
// datagram and the replay window.
//
// Invariant: an entry exists only for a sender of whom a datagram was opened,
// so whoever does not hold the key can neither fill the table nor push anyone out.
// Limit: `capacity` entries; then the one not heard for longest goes.
// Allocates only when a sender is new.  Threads: none.

#pragma once

#include "subkey.hpp"

#include <ais/replay_window.hpp>

#include <memory>
#include <unordered_map>

namespace ais::crypto_sodium {

struct Peer {
    Subkey subkey;
    ReplayWindow window;
    std::uint64_t last_used = 0;
};

class Peers {
  public:
    // Why 512: 128 nodes, each restarted three times since we started, keep
    // their windows; about 1.2 KiB each.
    static constexpr std::size_t capacity = 512;

    // The entry for sender and salt of this header, or nullptr.
    Peer* find(const envelope::Header& header);

    // Requires: find() gave nullptr, and a datagram with this header was opened.
    Peer& add(const envelope::Header& header);

    [[nodiscard]] std::size_t size() const { return peers_.size(); }

  private:
    struct Id {
        ais_node_id sender = 0;
        envelope::Salt salt{};
        bool operator==(const Id&) const = default;
    };
    struct Hash {
        // Salts are random and only authentic ones get in.
        std::size_t operator()(const Id& id) const noexcept {
            return static_cast<std::size_t>(Reader(id.salt).u64() ^ id.sender);
        }
    };

    std::unordered_map<Id, std::unique_ptr<Peer>, Hash> peers_;
    std::uint64_t uses_ = 0;
    // Datagrams come in runs of one sender.
    Id latest_id_;
    Peer* latest_ = nullptr;
};

}  // namespace ais::crypto_sodium
