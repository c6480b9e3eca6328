// SPDX-License-Identifier: BSD-3-Clause
//
// Agreed delivery (6.1, 6.2): one order per ring, the same for all; and in a
// regular configuration nothing is passed over.

#include "sim/checker/history.hpp"

#include <set>

namespace ais::sim {

void check_agreed_order(const History& history, Violations& found) {
    std::map<RingId, std::map<Seq, MessageId>> order;
    std::map<MessageId, std::pair<RingId, Seq>> place;
    for (const Life& life : history.lives()) {
        for (const Event& event : life.events) {
            if (event.kind != Event::Kind::deliver) {
                continue;
            }
            const auto [at, is_new] = order[event.ring].emplace(event.seq, event.message);
            if (!is_new && at->second != event.message) {
                found.add(name_of(life.id),
                          " has ",
                          name_of(event.message),
                          " at ",
                          event.ring,
                          ':',
                          event.seq,
                          ", another one ",
                          name_of(at->second));
            }
            const auto [where, is_first] =
                place.emplace(event.message, std::pair(event.ring, event.seq));
            if (!is_first && where->second != std::pair(event.ring, event.seq)) {
                found.add(name_of(event.message), " has two places in the order");
            }
        }
    }
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            Seq last = 0;
            for (const Event* event : span.deliveries()) {
                if (event->seq <= last) {
                    found.add(name_of(life.id),
                              " delivers ",
                              event->ring,
                              ':',
                              event->seq,
                              " after ",
                              last);
                }
                last = event->seq;
            }
            auto expected = order[span.ring].begin();
            for (const Event* event : span.in_regular) {
                if (expected == order[span.ring].end() || expected->first != event->seq) {
                    found.add(name_of(life.id),
                              " passes over a message before ",
                              event->ring,
                              ':',
                              event->seq);
                    break;
                }
                ++expected;
            }
        }
    }
}

}  // namespace ais::sim
