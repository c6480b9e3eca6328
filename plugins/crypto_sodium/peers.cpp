// SPDX-License-Identifier: BSD-3-Clause

#include "peers.hpp"

#include <algorithm>

namespace ais::crypto_sodium {

Peer* Peers::find(const envelope::Header& header) {
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

Peer& Peers::add(const envelope::Header& header) {
    if (peers_.size() == capacity) {
        const auto oldest =
            std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
                return a.second->last_used < b.second->last_used;
            });
        peers_.erase(oldest);
    }
    latest_id_ = Id{header.sender, header.salt};
    latest_ = peers_.insert_or_assign(latest_id_, std::make_unique<Peer>()).first->second.get();
    latest_->last_used = ++uses_;
    return *latest_;
}

}  // namespace ais::crypto_sodium
