// SPDX-License-Identifier: BSD-3-Clause
//
// Liveness (2.1, L1): some time after the last fault all living nodes are in
// one regular configuration of exactly these nodes, and every message that a
// living node accepted has been delivered by all who should.

#include "sim/checker/history.hpp"

#include <set>

namespace ais::sim {

void check_liveness(const History& history, Violations& found) {
    totem::Members living;
    for (const Life& life : history.lives()) {
        if (!life.crashed) {
            living.insert(life.id.node);
        }
    }
    const Life* first = nullptr;
    RingId ring_of_first;
    std::set<MessageId> of_first;
    for (const Life& life : history.lives()) {
        if (life.crashed) {
            continue;
        }
        const auto spans = spans_of(life, history);
        if (spans.empty()) {
            found.add(name_of(life.id), " has no configuration");
            continue;
        }
        const Span& last = spans.back();
        const Configuration& now = history.configuration(last.regular);
        if (!(now.members == living) || last.has_transitional) {
            found.add(
                name_of(life.id), " ends in ", now.ring, ' ', now.members, ", living are ", living);
        }
        if (life.unsent > 0) {
            found.add(name_of(life.id), " has not sent ", life.unsent, " messages");
        }
        std::set<MessageId> delivered;
        for (const Event* event : last.deliveries()) {
            delivered.insert(event->message);
        }
        for (const Event* event : last.sends) {
            if (!delivered.contains(event->message)) {
                found.add(name_of(life.id), " has not delivered its own ", name_of(event->message));
            }
        }
        if (first == nullptr) {
            first = &life;
            ring_of_first = last.ring;
            of_first = std::move(delivered);
        } else if (last.ring != ring_of_first) {
            found.add(name_of(life.id),
                      " ends in ring ",
                      last.ring,
                      ", ",
                      name_of(first->id),
                      " in ",
                      ring_of_first);
        } else if (delivered != of_first) {
            found.add(name_of(life.id),
                      " and ",
                      name_of(first->id),
                      " have not delivered the same in the last ring: ",
                      delivered.size(),
                      " and ",
                      of_first.size());
        }
    }
}

}  // namespace ais::sim
