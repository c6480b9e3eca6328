// SPDX-License-Identifier: BSD-3-Clause
//
// Safe delivery (7.1, 7.2): if anyone delivers a safe message in a
// configuration, then each of that configuration's members delivers it in
// com(c), unless it fails there; and if it was the regular c, each has installed c.

#include "sim/checker/history.hpp"

#include <set>

namespace ais::sim {

void check_safe_delivery(const History& history, Violations& found) {
    struct Participation {
        const Life* life;
        bool has_next;
        std::set<MessageId> delivered;
    };
    // Who was in which ring, and what it delivered there.
    std::map<std::pair<RingId, NodeId>, Participation> participations;
    std::map<NodeId, bool> has_crashed;
    for (const Life& life : history.lives()) {
        has_crashed[life.id.node] = has_crashed[life.id.node] || life.crashed;
        for (const Span& span : spans_of(life, history)) {
            Participation mine{&life, span.has_next, {}};
            for (const Event* event : span.deliveries()) {
                if (event->guarantee == Guarantee::safe) {
                    mine.delivered.insert(event->message);
                }
            }
            participations.emplace(std::pair(span.ring, life.id.node), std::move(mine));
        }
    }

    const auto check = [&](const Life& life, const Span& span, const Event& event, std::size_t in) {
        for (const NodeId member : history.configuration(in).members) {
            const auto at = participations.find(std::pair(span.ring, member));
            if (at == participations.end()) {
                if (!has_crashed[member]) {
                    found.add(name_of(life.id),
                              " delivers safe ",
                              name_of(event.message),
                              " in ring ",
                              span.ring,
                              " that ",
                              member.value(),
                              " never installed");
                }
                continue;
            }
            const Participation& theirs = at->second;
            const bool failed_there = theirs.life->crashed && !theirs.has_next;
            if (!failed_there && !theirs.delivered.contains(event.message)) {
                found.add(name_of(life.id),
                          " delivers safe ",
                          name_of(event.message),
                          " in ring ",
                          span.ring,
                          ':',
                          event.seq,
                          ", but ",
                          name_of(theirs.life->id),
                          " does not");
            }
        }
    };
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            for (const Event* event : span.in_regular) {
                if (event->guarantee == Guarantee::safe) {
                    check(life, span, *event, span.regular);
                }
            }
            for (const Event* event : span.in_transitional) {
                if (event->guarantee == Guarantee::safe) {
                    check(life, span, *event, span.transitional);
                }
            }
        }
    }
}

}  // namespace ais::sim
