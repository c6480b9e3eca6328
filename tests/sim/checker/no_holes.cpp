// SPDX-License-Identifier: BSD-3-Clause
//
// No holes by member senders (6.3): whoever delivers m' has delivered every
// earlier message of the ring whose sender is in the configuration in which m'
// is delivered.  In a regular configuration that is every message at all
// (agreed order).

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_no_holes(const History& history, Violations& found) {
    for (const Span& span : history.spans()) {
        Seq last = 0;
        for (const Event& event : span.in_transitional) {
            last = event.kind == Event::Kind::deliver ? event.seq : last;
        }
        if (last == 0) {
            continue;
        }
        const Configuration& now = history.configuration(span.transitional);
        const std::vector<Place>& order = history.order(span.ring);
        auto expected = order.begin();
        const auto complain_up_to = [&](Seq seq) {
            for (; expected != order.end() && expected->seq < seq; ++expected) {
                const MessageId& message = history.message(expected->message);
                if (now.members.contains(message.origin.node)) {
                    found.add(name_of(history.lives()[span.life].id),
                              " delivers ",
                              history.ring(span.ring),
                              ':',
                              last,
                              " without ",
                              name_of(message),
                              " at ",
                              expected->seq,
                              " of a member of ",
                              now.members);
                }
            }
        };
        span.deliveries([&](const Event& event) {
            complain_up_to(event.seq);
            while (expected != order.end() && expected->seq <= event.seq) {
                ++expected;
            }
        });
    }
}

}  // namespace ais::sim
