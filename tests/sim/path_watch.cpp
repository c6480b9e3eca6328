// SPDX-License-Identifier: BSD-3-Clause

#include "sim/path_watch.hpp"

#include <algorithm>

namespace ais::sim {

std::string PathWatch::name_of(NodeId peer, totem::LinkId link) const {
    return "link " + std::to_string(link) + " from node " + std::to_string(self_.value()) +
           " to node " + std::to_string(peer.value());
}

void PathWatch::look(Instant now, const links::Links& links, std::vector<std::string>& found) {
    ++steps_;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        const NodeId peer(static_cast<ais_node_id>(i / links_ + 1));
        const auto link = static_cast<totem::LinkId>(i % links_);
        Path& path = paths_[i];
        const links::PathState state = links.state(peer, link);
        const bool is_up = state == links::PathState::up;
        if (state == links::PathState::untried) {
            path = {};  // never heard, or so long ago that it is forgotten
        }
        if (is_up == path.was_up) {
            continue;
        }
        path.was_up = is_up;
        if (!is_up) {
            ++falls_;
            const bool is_again = path.has_fallen && now - path.up_since < steady;
            path.needed = is_again ? std::min(2 * path.needed, good_max) : good_min;
            path.has_fallen = true;
            path.fell_at = steps_;
            continue;
        }
        if (path.has_fallen) {
            ++recoveries_;
            // An interface falls between two steps, and is seen here at the second one.
            if (steps_ - path.fell_at + 1 < path.needed) {
                found.push_back("link recovery: " + name_of(peer, link) + " is up again after " +
                                std::to_string(steps_ - path.fell_at) + " steps, " +
                                std::to_string(path.needed) + " are needed");
            }
        }
        path.up_since = now;
    }
}

void PathWatch::expect_up(NodeId peer,
                          totem::LinkId link,
                          std::uint64_t steps,
                          std::vector<std::string>& found) const {
    const Path& path = paths_[(peer.value() - 1) * links_ + link];
    if (!path.was_up && steps > path.needed + slack) {
        found.push_back("link recovery: " + name_of(peer, link) +
                        " is not up although nothing disturbs it for " + std::to_string(steps) +
                        " steps, " + std::to_string(path.needed) + " are needed");
    }
}

}  // namespace ais::sim
