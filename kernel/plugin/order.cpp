// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/order.hpp"

#include <algorithm>

namespace ais::plugin {

namespace {

// Follows unmet needs from `start`; with everything left waiting for something that is left,
// the walk must come back to where it has been.
std::string name_cycle(std::span<const Manifest> plugins,
                       const std::vector<bool>& placed,
                       std::size_t start) {
    struct Link {
        std::size_t from;
        std::string id;
    };
    std::vector<Link> path;
    std::size_t at = start;
    while (true) {
        const auto seen = std::find_if(
            path.begin(), path.end(), [&](const Link& link) { return link.from == at; });
        if (seen != path.end()) {
            std::string text;
            for (auto link = seen; link != path.end(); ++link) {
                const auto next = std::next(link) == path.end() ? seen : std::next(link);
                text += (text.empty() ? "" : ", ") + plugins[link->from].name + " needs " +
                        link->id + " of " + plugins[next->from].name;
            }
            return text;
        }
        bool found = false;
        for (const std::string& id : plugins[at].needs) {
            for (std::size_t other = 0; other < plugins.size() && !found; ++other) {
                if (!placed[other] && plugins[other].offers_interface(id)) {
                    path.push_back({at, id});
                    at = other;
                    found = true;
                }
            }
            if (found) {
                break;
            }
        }
        if (!found) {
            return plugins[at].name;  // cannot happen: it would have been ready
        }
    }
}

}  // namespace

Result<std::vector<std::size_t>> load_order(std::span<const Manifest> plugins,
                                            std::span<const std::string_view> host_interfaces) {
    const auto of_host = [&](const std::string& id) {
        return std::find(host_interfaces.begin(), host_interfaces.end(), id) !=
               host_interfaces.end();
    };
    for (const Manifest& plugin : plugins) {
        for (const std::string& id : plugin.needs) {
            const bool offered =
                of_host(id) ||
                std::any_of(plugins.begin(), plugins.end(), [&](const Manifest& other) {
                    return other.offers_interface(id);
                });
            if (!offered) {
                return not_found(
                    "plugin '" + plugin.name + "' needs " + id +
                    ", which neither this kernel nor one of the chosen plugins offers");
            }
        }
    }

    std::vector<std::size_t> order;
    std::vector<bool> placed(plugins.size(), false);
    while (order.size() < plugins.size()) {
        std::size_t next = plugins.size();
        for (std::size_t i = 0; i < plugins.size(); ++i) {
            if (placed[i] || (next < plugins.size() && plugins[next].name < plugins[i].name)) {
                continue;
            }
            // Ready when nobody who is still to come offers what it needs.
            const bool waits = std::any_of(
                plugins[i].needs.begin(), plugins[i].needs.end(), [&](const std::string& id) {
                    if (of_host(id)) {
                        return false;
                    }
                    for (std::size_t other = 0; other < plugins.size(); ++other) {
                        if (!placed[other] && plugins[other].offers_interface(id)) {
                            return true;
                        }
                    }
                    return false;
                });
            if (!waits) {
                next = i;
            }
        }
        if (next == plugins.size()) {
            const auto first = std::find(placed.begin(), placed.end(), false) - placed.begin();
            return invalid("plugins need each other in a circle: " +
                           name_cycle(plugins, placed, static_cast<std::size_t>(first)));
        }
        placed[next] = true;
        order.push_back(next);
    }
    return order;
}

}  // namespace ais::plugin
