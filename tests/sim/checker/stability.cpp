// SPDX-License-Identifier: BSD-3-Clause
//
// Stability (L2): without faults the first ring of all nodes is the last one.

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_stability(const History& history, Violations& found) {
    if (history.had_faults) {
        return;
    }
    for (const Life& life : history.lives()) {
        std::size_t complete = 0;
        for (const Span& span : spans_of(life, history)) {
            if (complete > 0) {
                found.add(name_of(life.id), " goes on to ring ", span.ring, " without a cause");
                break;
            }
            complete +=
                history.configuration(span.regular).members.size() == history.lives().size();
        }
    }
}

}  // namespace ais::sim
