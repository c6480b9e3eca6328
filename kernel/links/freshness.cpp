// SPDX-License-Identifier: BSD-3-Clause

#include "links/freshness.hpp"

#include "base/mark.hpp"

#include <algorithm>

namespace ais::links {

Freshness::Life* Freshness::find(NodeId node) {
    if (last_ < lives_.size() && lives_[last_].node == node) {
        return &lives_[last_];
    }
    const auto at = std::find_if(
        lives_.begin(), lives_.end(), [&](const Life& life) { return life.node == node; });
    if (at == lives_.end()) {
        return nullptr;
    }
    last_ = static_cast<std::size_t>(at - lives_.begin());
    return &*at;
}

bool Freshness::is_newest(Instant now, const Stamp& stamp) {
    Life* life = find(stamp.sender);
    if (life == nullptr) {
        const Life first{stamp.sender, stamp.boot, stamp.counter, now};
        if (lives_.size() < nodes_max) {
            lives_.push_back(first);
        } else {
            *std::min_element(lives_.begin(), lives_.end(), [](const Life& a, const Life& b) {
                return a.heard < b.heard;
            }) = first;
        }
        return true;
    }
    if (life->boot == stamp.boot) {
        if (stamp.counter <= life->newest) {
            return false;
        }
        life->newest = stamp.counter;
        life->heard = now;
        return true;
    }
    if (const auto place = members_.index_of(stamp.sender)) {
        if (incarnation_of(stamp.boot) != incarnations_[*place]) {
            AIS_MARK("freshness.doubts_another_life_of_a_member");
            return false;
        }
        AIS_MARK("freshness.believes_the_life_that_is_a_member");
    } else if (now - life->heard < silence) {
        AIS_MARK("freshness.doubts_another_life");
        return false;
    }
    *life = {stamp.sender, stamp.boot, stamp.counter, now};
    return true;
}

}  // namespace ais::links
