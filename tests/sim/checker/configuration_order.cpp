// SPDX-License-Identifier: BSD-3-Clause
//
// Order of configuration changes (2.1 to 2.5): regular and transitional
// alternate, each contains the node that installs it, ring numbers grow, equal ids
// mean equal configurations everywhere, and all who go from one ring to the next
// together are told the same company.

#include "sim/checker/history.hpp"

namespace ais::sim {

namespace {

void check_life(const Life& life, const History& history, Violations& found) {
    const Configuration* regular = nullptr;
    const Configuration* transitional = nullptr;
    for (const Event& event : life.events) {
        if (event.kind != Event::Kind::configure) {
            if (regular == nullptr) {
                found.add(name_of(life.id), " has an event before its first configuration");
            } else if (event.kind == Event::Kind::send && transitional != nullptr) {
                found.add(name_of(life.id), " sends in a transitional configuration");
            }
            continue;
        }
        const Configuration& now = history.configuration(event.configuration);
        if (!now.members.contains(life.id.node)) {
            found.add(name_of(life.id), " installs ", now.ring, " without itself");
        }
        if (now.kind == Configuration::Kind::transitional) {
            if (regular == nullptr || transitional != nullptr) {
                found.add(name_of(life.id), " installs a transitional configuration out of turn");
                continue;
            }
            transitional = &now;
            if (now.ring != regular->ring || !now.members.is_subset_of(regular->members) ||
                !(now.left == regular->members.without(now.members))) {
                found.add(name_of(life.id),
                          " installs transitional ",
                          now.ring,
                          ' ',
                          now.members,
                          " left ",
                          now.left,
                          " after ",
                          regular->ring,
                          ' ',
                          regular->members);
            }
            continue;
        }
        if (regular != nullptr) {
            if (transitional == nullptr) {
                found.add(name_of(life.id), " has no transitional configuration before ", now.ring);
            } else if (!transitional->members.is_subset_of(now.members) ||
                       !(now.joined == now.members.without(transitional->members))) {
                found.add(name_of(life.id),
                          " joins in ",
                          now.ring,
                          ' ',
                          now.members,
                          " are ",
                          now.joined);
            }
            if (now.ring.seq <= regular->ring.seq) {
                found.add(
                    name_of(life.id), " goes from ring ", regular->ring, " back to ", now.ring);
            }
        }
        regular = &now;
        transitional = nullptr;
    }
}

}  // namespace

void check_configuration_order(const History& history, Violations& found) {
    std::map<RingId, const Configuration*> known;
    for (const Life& life : history.lives()) {
        check_life(life, history, found);
        for (const Event& event : life.events) {
            if (event.kind != Event::Kind::configure) {
                continue;
            }
            const Configuration& now = history.configuration(event.configuration);
            if (now.kind != Configuration::Kind::regular) {
                continue;
            }
            const auto [at, is_new] = known.emplace(now.ring, &now);
            if (!is_new &&
                (!(at->second->members == now.members) || at->second->previous != now.previous)) {
                found.add("ring ", now.ring, " is ", now.members, " and ", at->second->members);
            }
        }
    }

    // A ring is installed once by a node: its id is never used again.
    std::map<std::pair<std::uint32_t, NodeId>, std::size_t> installed;
    for (const Span& span : history.spans()) {
        const LifeId& life = history.lives()[span.life].id;
        if (!installed.emplace(std::pair(span.ring, life.node), span.life).second) {
            found.add(name_of(life), " installs ring ", history.ring(span.ring), " a second time");
        }
    }

    // Who moves with whom.
    std::map<std::pair<std::uint32_t, std::uint32_t>, const Configuration*> company;
    for (const Span& span : history.spans()) {
        if (!span.has_next || !span.has_transitional) {
            continue;
        }
        const LifeId& life = history.lives()[span.life].id;
        const RingId& ring = history.ring(span.ring);
        const Configuration& now = history.configuration(span.transitional);
        const auto [at, is_new] = company.emplace(std::pair(span.ring, span.next), &now);
        if (!is_new && !(at->second->members == now.members)) {
            found.add(name_of(life),
                      " goes from ",
                      ring,
                      " to ",
                      history.ring(span.next),
                      " with ",
                      now.members,
                      ", another one with ",
                      at->second->members);
        }
        const Configuration& next = history.configuration(span.next_configuration);
        for (std::size_t i = 0; i < next.members.size(); ++i) {
            if ((next.previous[i] == ring) != now.members.contains(next.members[i])) {
                found.add(name_of(life),
                          " is told that ",
                          next.members[i].value(),
                          " came to ",
                          next.ring,
                          " from ",
                          next.previous[i],
                          " but moved with ",
                          now.members);
            }
        }
    }
}

}  // namespace ais::sim
