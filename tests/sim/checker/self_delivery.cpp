// SPDX-License-Identifier: BSD-3-Clause
//
// Self-delivery (3): who sends in c and goes on to another regular
// configuration has delivered its own message in com(c).

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_self_delivery(const History& history, Violations& found) {
    // Only the sender's own deliveries count, so one mark per message is enough.
    std::vector<bool> delivered(history.messages(), false);
    for (const Span& span : history.spans()) {
        const LifeId& life = history.lives()[span.life].id;
        span.deliveries([&](const Event& event) {
            if (history.message(event.message).origin == life) {
                delivered[event.message] = true;
            }
        });
        if (!span.has_next) {
            continue;
        }
        span.sends([&](const Event& event) {
            if (!delivered[event.message]) {
                found.add(name_of(life),
                          " leaves ring ",
                          history.ring(span.ring),
                          " without its own ",
                          name_of(history.message(event.message)));
            }
        });
    }
}

}  // namespace ais::sim
