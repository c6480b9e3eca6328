// SPDX-License-Identifier: BSD-3-Clause
//
// No holes by member senders (6.3): whoever delivers m' has delivered every
// earlier message of the ring whose sender is in the configuration in which m' is delivered.

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_no_holes(const History& history, Violations& found) {
    std::map<RingId, std::map<Seq, MessageId>> order;
    for (const Life& life : history.lives()) {
        for (const Event& event : life.events) {
            if (event.kind == Event::Kind::deliver) {
                order[event.ring].emplace(event.seq, event.message);
            }
        }
    }
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            if (span.in_transitional.empty()) {
                continue;
            }
            const Configuration& now = history.configuration(span.transitional);
            const auto deliveries = span.deliveries();
            auto mine = deliveries.begin();
            const Seq last = span.in_transitional.back()->seq;
            for (const auto& [seq, message] : order[span.ring]) {
                if (seq > last) {
                    break;
                }
                while (mine != deliveries.end() && (*mine)->seq < seq) {
                    ++mine;
                }
                const bool delivered = mine != deliveries.end() && (*mine)->seq == seq;
                if (!delivered && now.members.contains(message.origin.node)) {
                    found.add(name_of(life.id),
                              " delivers up to ",
                              span.ring,
                              ':',
                              last,
                              " without ",
                              name_of(message),
                              " at ",
                              seq,
                              " of a member of ",
                              now.members);
                }
            }
        }
    }
}

}  // namespace ais::sim
