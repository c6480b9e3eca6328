// SPDX-License-Identifier: BSD-3-Clause
//
// Self-delivery (3): who sends in c and goes on to another regular
// configuration has delivered its own message in com(c).

#include "sim/checker/history.hpp"

#include <set>

namespace ais::sim {

void check_self_delivery(const History& history, Violations& found) {
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            if (!span.has_next) {
                continue;
            }
            std::set<MessageId> delivered;
            for (const Event* event : span.deliveries()) {
                delivered.insert(event->message);
            }
            for (const Event* event : span.sends) {
                if (!delivered.contains(event->message)) {
                    found.add(name_of(life.id),
                              " leaves ring ",
                              span.ring,
                              " without its own ",
                              name_of(event->message));
                }
            }
        }
    }
}

}  // namespace ais::sim
