// SPDX-License-Identifier: BSD-3-Clause
//
// Liveness (2.1, L1): some time after the last fault all living nodes are in
// one regular configuration of exactly these nodes, and every message that a
// living node accepted has been delivered by all who should.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

void check_liveness(const History& history, Violations& found) {
    if (!history.is_quiet) {
        return;
    }
    totem::Members living;
    for (const Life& life : history.lives()) {
        if (!life.crashed) {
            living.insert(life.id.node);
        }
    }
    std::vector<const Span*> last_of(history.lives().size());
    for (const Span& span : history.spans()) {
        last_of[span.life] = &span;
    }
    const Span* first = nullptr;
    std::vector<std::uint32_t> of_first;
    std::vector<std::size_t> delivered_by(history.messages(), SIZE_MAX);
    for (std::size_t at = 0; at < history.lives().size(); ++at) {
        const Life& life = history.lives()[at];
        if (life.crashed) {
            continue;
        }
        if (last_of[at] == nullptr) {
            found.add(name_of(life.id), " has no configuration");
            continue;
        }
        const Span& last = *last_of[at];
        const Configuration& now = history.configuration(last.regular);
        if (!(now.members == living) || last.has_transitional) {
            found.add(
                name_of(life.id), " ends in ", now.ring, ' ', now.members, ", living are ", living);
        }
        if (life.unsent > 0) {
            found.add(name_of(life.id), " has not sent ", life.unsent, " messages");
        }
        std::vector<std::uint32_t> delivered;
        last.deliveries([&](const Event& event) {
            delivered.push_back(event.message);
            delivered_by[event.message] = at;
        });
        last.sends([&](const Event& event) {
            if (delivered_by[event.message] != at) {
                found.add(name_of(life.id),
                          " has not delivered its own ",
                          name_of(history.message(event.message)));
            }
        });
        if (first == nullptr) {
            first = &last;
            of_first = std::move(delivered);
        } else if (last.ring != first->ring) {
            found.add(name_of(life.id),
                      " ends in ring ",
                      now.ring,
                      ", ",
                      name_of(history.lives()[first->life].id),
                      " in ",
                      history.ring(first->ring));
        } else if (delivered != of_first) {
            found.add(name_of(life.id),
                      " and ",
                      name_of(history.lives()[first->life].id),
                      " have not delivered the same in the last ring: ",
                      delivered.size(),
                      " and ",
                      of_first.size());
        }
    }
}

}  // namespace ais::sim
