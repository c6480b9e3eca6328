// SPDX-License-Identifier: BSD-3-Clause
//
// What a session remembers of each sender and boot: the sub-key of the newest
// datagram and the replay window.  For crypto backends of any library; Subkey is
// the backend's (envelope_session.hpp).
//
// Invariant: an entry exists only for a sender of whom a datagram was opened,
// so whoever does not hold the key can neither fill the table nor push anyone out.
// Limit: `capacity` entries; then the one not heard for longest goes.
// Allocates only when a sender is new.  Threads: none.

#pragma once

#include <ais/envelope.hpp>
#include <ais/replay_window.hpp>

#include <algorithm>
#include <memory>
#include <unordered_map>

namespace ais::envelope {

template <typename Subkey>
struct Peer {
    Subkey subkey;
    ReplayWindow window;
    std::uint64_t last_used = 0;
};

template <typename Subkey>
class Peers {
  public:
    // Why 512: 128 nodes, each restarted three times since we started, keep
    // their windows; 1 to 2 KiB each.
    static constexpr std::size_t capacity = 512;

    // The entry for sender and salt of this header, or nullptr.
    Peer<Subkey>* find(const Header& header) {
        const Id id{header.sender, header.salt};
        if (latest_ == nullptr || latest_id_ != id) {
            const auto found = peers_.find(id);
            if (found == peers_.end()) {
                return nullptr;
            }
            latest_id_ = id;
            latest_ = found->second.get();
        }
        latest_->last_used = ++uses_;
        return latest_;
    }

    // Requires: find() gave nullptr, and a datagram with this header was opened.
    Peer<Subkey>& add(const Header& header) {
        if (peers_.size() == capacity) {
            const auto oldest =
                std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
                    return a.second->last_used < b.second->last_used;
                });
            peers_.erase(oldest);
        }
        latest_id_ = Id{header.sender, header.salt};
        latest_ = peers_.insert_or_assign(latest_id_, std::make_unique<Peer<Subkey>>())
                      .first->second.get();
        latest_->last_used = ++uses_;
        return *latest_;
    }

    [[nodiscard]] std::size_t size() const { return peers_.size(); }

  private:
    struct Id {
        ais_node_id sender = 0;
        Salt salt{};
        bool operator==(const Id&) const = default;
    };
    struct Hash {
        // Salts are random and only authentic ones get in.
        std::size_t operator()(const Id& id) const noexcept {
            return static_cast<std::size_t>(Reader(id.salt).u64() ^ id.sender);
        }
    };

    std::unordered_map<Id, std::unique_ptr<Peer<Subkey>>, Hash> peers_;
    std::uint64_t uses_ = 0;
    // Datagrams come in runs of one sender.
    Id latest_id_;
    Peer<Subkey>* latest_ = nullptr;
};

}  // namespace ais::envelope
