// SPDX-License-Identifier: BSD-3-Clause
//
// Who is granted, who waits and who is refused: the queue of one resource.

#include "state.hpp"

#include <optional>

namespace ais::lck {

void State::serve_all(Effects& effects) {
    for (const auto& [name, resource] : resources_) {
        serve(*resource, effects);
    }
}

void State::serve(Resource& resource, Effects& effects) {
    if (is_frozen_ || resource.queue.empty()) {
        return;
    }
    std::vector<const Lock*> granted;
    std::vector<const Lock*> begin_to_wait;
    std::optional<std::set<const Client*>> readers;  // found when somebody asks
    const auto reads = [&](const Lock& request) {
        if (!readers) {
            readers.emplace();
            for (const auto& [place, lock] : resource.held) {
                if (lock->open != nullptr) {
                    readers->insert(lock->open->owner);
                }
            }
        }
        return readers->contains(request.open->owner);
    };
    bool somebody_waits = false;
    for (auto at = resource.queue.begin(); at != resource.queue.end();) {
        Lock& request = *at->second;
        ++at;
        const bool is_free =
            request.mode == Mode::exclusive ? resource.held.empty() : resource.exclusive == 0;
        const bool may_overtake = request.mode == Mode::protected_read && !resource.held.empty();
        if (is_primary_ && is_free && (!somebody_waits || (may_overtake && reads(request)))) {
            grant(request, effects);
            granted.push_back(&request);
            if (readers) {
                readers->insert(request.open->owner);
            }
            continue;
        }
        if (refuse_if_it_must_not_wait(request, effects)) {
            continue;
        }
        somebody_waits = true;
        if (request.kind == Kind::fresh) {
            request.kind = Kind::waiting;
            begin_to_wait.push_back(&request);
        }
    }

    // Each pair of a holder and a request that waits for it, once.
    const auto tell = [&effects](const Lock& holder, const Lock& request) {
        if (are_in_conflict(holder.mode, request.mode)) {
            effects.waiters.push_back({holder.id, request.signal, holder.mode, request.mode});
        }
    };
    for (const Lock* holder : granted) {
        for (const auto& [place, request] : resource.queue) {
            tell(*holder, *request);
        }
    }
    const Fence first =
        granted.empty() ? Fence{~std::uint64_t{0}, ~std::uint64_t{0}} : granted.front()->fence;
    for (const Lock* request : begin_to_wait) {
        for (const auto& [place, holder] : resource.held) {
            if (holder->kind == Kind::granted && holder->fence < first) {
                tell(*holder, *request);
            }
        }
    }
}

void State::grant(Lock& request, Effects& effects) {
    Resource& resource = *request.resource;
    resource.queue.erase(request.place);
    request.open->owner->queued.erase(request.place);
    request.kind = Kind::granted;
    request.fence = request.since = next_fence();
    resource.held.emplace(request.place, &request);
    resource.exclusive += request.mode == Mode::exclusive ? 1 : 0;
    ++request.open->owner->granted;
    effects.decided.push_back({request.id, Status::granted, request.fence});
}

void State::refuse(Lock& request, Status status, Effects& effects) {
    effects.decided.push_back({request.id, status, {}});
    erase(request);
}

bool State::refuse_if_it_must_not_wait(Lock& request, Effects& effects) {
    const Resource& resource = *request.resource;
    if (request.kind == Kind::fresh) {
        if (request.mode == Mode::exclusive && resource.exclusive > 0 &&
            resource.held.begin()->second->open == request.open) {
            refuse(request, Status::duplicate_ex, effects);
            return true;
        }
        if ((request.flags & flag_no_queue) != 0) {
            refuse(request, Status::not_queued, effects);
            return true;
        }
    }
    if ((request.flags & flag_orphan) != 0 && resource.orphans > 0 &&
        (request.mode == Mode::exclusive || resource.exclusive > 0)) {
        refuse(request, Status::orphaned, effects);
        return true;
    }
    if (request.kind == Kind::fresh && closes_cycle(request)) {
        refuse(request, Status::deadlock, effects);
        return true;
    }
    return false;
}

// docs/protocol/lck.md has the layout.
Fence State::next_fence() {
    constexpr std::uint64_t count_mask = (std::uint64_t{1} << 48) - 1;
    ++count_;
    return {(ring_.seq << 16) | (ring_.representative >> 16),
            (std::uint64_t{ring_.representative & 0xffffU} << 48) | (count_ & count_mask)};
}

}  // namespace ais::lck
