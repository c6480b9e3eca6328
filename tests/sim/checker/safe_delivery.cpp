// SPDX-License-Identifier: BSD-3-Clause
//
// Safe delivery (7.1, 7.2): if anyone delivers a safe message in a
// configuration, then each of that configuration's members delivers it in
// com(c), unless it fails there; and if it was the regular c, each has installed c.
// In a history that ends in the middle of things a node may still be about to.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

void check_safe_delivery(const History& history, Violations& found) {
    // Who was in which ring, and which safe messages it delivered there.
    struct Participation {
        const Life* life;
        bool has_next;
        std::vector<std::uint32_t> delivered;  // ascending
    };
    std::map<std::pair<std::uint32_t, NodeId>, Participation> participations;
    std::map<NodeId, bool> has_crashed;
    for (const Life& life : history.lives()) {
        has_crashed[life.id.node] = has_crashed[life.id.node] || life.crashed;
    }
    std::map<NodeId, std::uint64_t> highest;  // ring numbers
    for (const Span& span : history.spans()) {
        const Life& life = history.lives()[span.life];
        std::uint64_t& number = highest[life.id.node];
        number = std::max(number, history.ring(span.ring).seq);
        Participation mine{&life, span.has_next, {}};
        span.deliveries([&](const Event& event) {
            if (event.guarantee == Guarantee::safe) {
                mine.delivered.push_back(event.message);
            }
        });
        std::sort(mine.delivered.begin(), mine.delivered.end());
        participations.emplace(std::pair(span.ring, life.id.node), std::move(mine));
    }

    std::vector<std::uint32_t> delivered;
    const auto check = [&](const Span& span, std::span<const Event> events, std::uint32_t in) {
        delivered.clear();
        for (const Event& event : events) {
            if (event.kind == Event::Kind::deliver && event.guarantee == Guarantee::safe) {
                delivered.push_back(event.message);
            }
        }
        if (delivered.empty()) {
            return;
        }
        std::sort(delivered.begin(), delivered.end());
        const Life& life = history.lives()[span.life];
        for (const NodeId member : history.configuration(in).members) {
            const auto at = participations.find(std::pair(span.ring, member));
            if (at == participations.end()) {
                const bool may_still =
                    !history.is_quiet && highest[member] < history.ring(span.ring).seq;
                if (!has_crashed[member] && !may_still) {
                    found.add(name_of(life.id),
                              " delivers safe ",
                              name_of(history.message(delivered[0])),
                              " in ring ",
                              history.ring(span.ring),
                              " that ",
                              member.value(),
                              " never installed");
                }
                continue;
            }
            const Participation& theirs = at->second;
            if (!theirs.has_next && (theirs.life->crashed || !history.is_quiet)) {
                continue;  // failed there, or is about to
            }
            std::vector<std::uint32_t> missing;
            std::set_difference(delivered.begin(),
                                delivered.end(),
                                theirs.delivered.begin(),
                                theirs.delivered.end(),
                                std::back_inserter(missing));
            for (const std::uint32_t message : missing) {
                found.add(name_of(life.id),
                          " delivers safe ",
                          name_of(history.message(message)),
                          " in ring ",
                          history.ring(span.ring),
                          ", but ",
                          name_of(theirs.life->id),
                          " does not");
            }
        }
    };
    for (const Span& span : history.spans()) {
        check(span, span.in_regular, span.regular);
        if (span.has_transitional) {
            check(span, span.in_transitional, span.transitional);
        }
    }
}

}  // namespace ais::sim
