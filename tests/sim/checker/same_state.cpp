// SPDX-License-Identifier: BSD-3-Clause
//
// Same state: replicas of a service that are at the same place of the order
// have equal digests (History::state).

#include "sim/checker/history.hpp"

#include <tuple>

namespace ais::sim {

void check_same_state(const History& history, Violations& found) {
    std::map<std::tuple<std::uint32_t, std::string_view, std::uint64_t>, const StateDigest*> known;
    for (const StateDigest& mine : history.states()) {
        const auto [at, is_new] =
            known.emplace(std::tuple(mine.ring, std::string_view(mine.service), mine.place), &mine);
        if (!is_new && at->second->digest != mine.digest) {
            found.add(mine.service,
                      " at place ",
                      mine.place,
                      " of ring ",
                      history.ring(mine.ring),
                      ": ",
                      name_of(history.lives()[mine.life].id),
                      " and ",
                      name_of(history.lives()[at->second->life].id),
                      " have different states");
        }
    }
}

}  // namespace ais::sim
