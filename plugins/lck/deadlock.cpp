// SPDX-License-Identifier: BSD-3-Clause
//
// Who waits for whom: a search over owners, on the replicated state.
//
// A request waits for the owners of granted locks and of requests before it that are in conflict
// with it; an owner waits for all that its requests wait for.  Each resource is looked at
// once for each mode, so a search costs no more than all locks there are.

#include "state.hpp"

#include <algorithm>

namespace ais::lck {

bool State::closes_cycle(const Lock& request) const {
    const Client* self = request.open->owner;
    if (self->granted == 0 && self->queued.size() <= 1) {
        return false;  // nobody can be waiting for it
    }
    std::set<const Client*> seen;
    // By resource and mode: requests up to this place were looked at, and all that are granted.
    std::map<std::pair<const Resource*, Mode>, std::uint64_t> known;
    std::vector<const Lock*> work{&request};
    const auto visit = [&](const Client* owner) {
        if (seen.insert(owner).second) {
            for (const auto& [place, waiting] : owner->queued) {
                work.push_back(waiting);
            }
        }
    };
    while (!work.empty()) {
        const Lock& waiting = *work.back();
        work.pop_back();
        const Resource& resource = *waiting.resource;
        const auto [place, is_new] = known.emplace(std::pair(&resource, waiting.mode), 0);
        if (is_new) {
            for (const auto& [at, lock] : resource.held) {
                if (lock->kind != Kind::granted || !are_in_conflict(lock->mode, waiting.mode)) {
                    continue;
                }
                if (lock->open->owner == self) {
                    return true;
                }
                visit(lock->open->owner);
            }
        }
        for (auto at = resource.queue.upper_bound(place->second);
             at != resource.queue.end() && at->first < waiting.place;
             ++at) {
            const Lock& before = *at->second;
            if (!are_in_conflict(before.mode, waiting.mode)) {
                continue;
            }
            if (before.open->owner != self) {
                visit(before.open->owner);
            } else if (&resource != request.resource) {
                return true;
            }
        }
        place->second = std::max(place->second, waiting.place);
    }
    return false;
}

void State::break_cycles(Effects& effects) {
    std::map<std::uint64_t, Lock*> waiting;
    for (const auto& [name, resource] : resources_) {
        for (const auto& [place, request] : resource->queue) {
            if (request->kind == Kind::waiting) {
                waiting.emplace(place, request);
            }
        }
    }
    for (auto at = waiting.rbegin(); at != waiting.rend(); ++at) {
        if (closes_cycle(*at->second)) {
            refuse(*at->second, Status::deadlock, effects);
        }
    }
}

}  // namespace ais::lck
