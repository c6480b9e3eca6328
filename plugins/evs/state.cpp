// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>

namespace ais::evs {

Outcome State::join(ClientId client, const KeyList& keys) {
    const auto known = joins_.find(client);
    std::size_t count = keys.size();
    if (known != joins_.end()) {
        for (const auto& [key, times] : known->second) {
            count += times;
        }
    }
    if (count > groups_max) {
        return Outcome::too_many;
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const Key key = keys.at(i);
        if (joins_[client][key]++ == 0) {
            auto& who = listeners_[key];
            who.insert(std::lower_bound(who.begin(), who.end(), client), client);
        }
    }
    return Outcome::done;
}

Outcome State::leave(ClientId client, const KeyList& keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const Key key = keys.at(i);
        const auto known = joins_.find(client);
        if (known == joins_.end() || !known->second.contains(key)) {
            return Outcome::not_joined;
        }
        if (--known->second[key] == 0) {
            known->second.erase(key);
            const auto who = listeners_.find(key);
            std::erase(who->second, client);
            if (who->second.empty()) {
                listeners_.erase(who);
            }
        }
    }
    return Outcome::done;
}

void State::remove(ClientId client) {
    joins_.erase(client);
    for (auto who = listeners_.begin(); who != listeners_.end();) {
        std::erase(who->second, client);
        who = who->second.empty() ? listeners_.erase(who) : std::next(who);
    }
}

std::span<const State::ClientId> State::listeners(const KeyList& keys) {
    found_.clear();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto who = listeners_.find(keys.at(i));
        if (who != listeners_.end()) {
            found_.insert(found_.end(), who->second.begin(), who->second.end());
        }
    }
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return found_;
}

std::vector<Key> State::all_joins(ClientId client) const {
    std::vector<Key> keys;
    const auto known = joins_.find(client);
    if (known != joins_.end()) {
        for (const auto& [key, times] : known->second) {
            keys.insert(keys.end(), times, key);
        }
    }
    return keys;
}

const std::vector<std::uint8_t>& State::joined(ClientId client) {
    keys_.clear();
    const auto known = joins_.find(client);
    if (known != joins_.end()) {
        for (const auto& [key, times] : known->second) {
            keys_.insert(keys_.end(), key.begin(), key.end());
        }
    }
    return keys_;
}

}  // namespace ais::evs
