// SPDX-License-Identifier: BSD-3-Clause
//
// No configuration change without a cause (L2): without faults the first ring
// of all nodes is the last one.

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_no_change_without_cause(const History& history, Violations& found) {
    if (history.had_faults) {
        return;
    }
    std::vector<bool> was_complete(history.lives().size(), false);
    for (const Span& span : history.spans()) {
        if (was_complete[span.life]) {
            found.add(name_of(history.lives()[span.life].id),
                      " goes on to ring ",
                      history.ring(span.ring),
                      " without a cause");
        }
        was_complete[span.life] =
            was_complete[span.life] ||
            history.configuration(span.regular).members.size() == history.lives().size();
    }
}

}  // namespace ais::sim
