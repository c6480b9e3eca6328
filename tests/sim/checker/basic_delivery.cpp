// SPDX-License-Identifier: BSD-3-Clause
//
// Basic delivery (1.3, 1.4): what is delivered was sent, once, in the regular
// configuration that it is delivered in, or before the transitional one that
// follows; and no life delivers it twice.

#include "sim/checker/history.hpp"

#include <set>

namespace ais::sim {

void check_basic_delivery(const History& history, Violations& found) {
    struct Sent {
        RingId ring;
        Guarantee guarantee;
        Instant at;
    };
    std::map<MessageId, Sent> sent;
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            for (const Event* event : span.sends) {
                if (!sent.emplace(event->message, Sent{span.ring, event->guarantee, event->at})
                         .second) {
                    found.add(name_of(event->message), " was sent twice");
                }
            }
        }
    }
    for (const Life& life : history.lives()) {
        std::set<MessageId> seen;
        for (const Span& span : spans_of(life, history)) {
            for (const Event* event : span.deliveries()) {
                const auto at = sent.find(event->message);
                if (at == sent.end()) {
                    found.add(
                        name_of(life.id), " delivers ", name_of(event->message), ", never sent");
                    continue;
                }
                if (!seen.insert(event->message).second) {
                    found.add(name_of(life.id), " delivers ", name_of(event->message), " twice");
                }
                if (at->second.ring != span.ring || event->ring != span.ring) {
                    found.add(name_of(life.id),
                              " delivers ",
                              name_of(event->message),
                              " in ring ",
                              span.ring,
                              ", sent in ",
                              at->second.ring);
                }
                if (at->second.guarantee != event->guarantee || at->second.at > event->at) {
                    found.add(name_of(life.id),
                              " delivers ",
                              name_of(event->message),
                              " with another guarantee or before it was sent");
                }
            }
        }
    }
}

}  // namespace ais::sim
