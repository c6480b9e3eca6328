// SPDX-License-Identifier: BSD-3-Clause
//
// Primary history (P1, P2): configurations with quorum follow each other in one
// line.  All members think alike about a configuration; two primaries never
// have the same number; and each two that follow each other share a node that
// has installed both.
//
// Judged is what lives said about quorum (History::quorum); without any such
// word there is nothing to judge.

#include "sim/checker/history.hpp"

#include <algorithm>
#include <set>

namespace ais::sim {

void check_primary_history(const History& history, Violations& found) {
    struct Ring {
        bool primary = false;
        std::size_t first_life = 0;
        bool is_known = false;
        std::set<NodeId> installed_by;
    };
    if (history.opinions().empty()) {
        return;
    }
    std::map<RingId, Ring> rings;
    for (const QuorumOpinion& opinion : history.opinions()) {
        const Configuration& now = history.configuration(opinion.configuration);
        if (now.kind != Configuration::Kind::regular) {
            found.add(name_of(history.lives()[opinion.life].id),
                      " speaks of quorum in a transitional configuration of ",
                      now.ring);
            continue;
        }
        Ring& ring = rings[now.ring];
        if (ring.is_known && ring.primary != opinion.primary) {
            found.add(name_of(history.lives()[opinion.life].id),
                      " and ",
                      name_of(history.lives()[ring.first_life].id),
                      " differ about the quorum of ",
                      now.ring);
        }
        if (!ring.is_known) {
            ring.first_life = opinion.life;
        }
        ring.is_known = true;
        ring.primary = ring.primary || opinion.primary;
    }
    for (const Span& span : history.spans()) {
        const auto at = rings.find(history.ring(span.ring));
        if (at != rings.end()) {
            at->second.installed_by.insert(history.lives()[span.life].id.node);
        }
    }
    // RingId orders by number first.
    const RingId* last = nullptr;
    for (const auto& [id, ring] : rings) {
        if (!ring.primary) {
            continue;
        }
        if (last != nullptr) {
            if (last->seq == id.seq) {
                found.add("rings ", *last, " and ", id, " are both primary");
            }
            const std::set<NodeId>& before = rings[*last].installed_by;
            const std::set<NodeId>& after = ring.installed_by;
            if (std::none_of(before.begin(), before.end(), [&](NodeId node) { return after.contains(node); })) {
                found.add("no node has installed both primary ",
                          *last,
                          " and primary ",
                          id,
                          " that follows it");
            }
        }
        last = &id;
    }
}

}  // namespace ais::sim
