// SPDX-License-Identifier: BSD-3-Clause
//
// Causal delivery (5, 1.1): if the sender of m' had delivered or sent m before,
// in the same ring, then whoever delivers m' in that ring delivers m before it.
//
// What a sender has delivered in a regular configuration is a prefix of the
// ring's order (check_agreed_order sees to that), so it is enough to compare
// how much of that prefix the others have; no vector clocks are needed.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

void check_causality(const History& history, Violations& found) {
    struct Past {
        Seq prefix = 0;         // highest seq that the sender had delivered
        std::size_t count = 0;  // and how many messages that were
    };
    std::vector<Past> pasts(history.messages());
    for (const Span& span : history.spans()) {
        Past past;
        for (const Event& event : span.in_regular) {
            if (event.kind == Event::Kind::deliver) {
                past = Past{event.seq, past.count + 1};
            } else {
                pasts[event.message] = past;
            }
        }
    }
    std::vector<Seq> seqs;
    std::map<LifeId, std::uint64_t> last_of;
    for (const Span& span : history.spans()) {
        const LifeId& life = history.lives()[span.life].id;
        seqs.clear();
        last_of.clear();
        span.deliveries([&](const Event& event) {
            const Past& past = pasts[event.message];
            // The usual case: everything so far.
            const auto covered =
                seqs.empty() || seqs.back() <= past.prefix
                    ? seqs.size()
                    : static_cast<std::size_t>(
                          std::upper_bound(seqs.begin(), seqs.end(), past.prefix) - seqs.begin());
            const MessageId& message = history.message(event.message);
            if (covered < past.count) {
                found.add(name_of(life),
                          " delivers ",
                          name_of(message),
                          " at ",
                          history.ring(span.ring),
                          ':',
                          event.seq,
                          " with ",
                          covered,
                          " of ",
                          past.count,
                          " messages that it depends on");
            }
            std::uint64_t& last = last_of[message.origin];
            if (message.number < last) {
                found.add(name_of(life),
                          " delivers ",
                          name_of(message),
                          " behind a later one of its sender");
            }
            last = message.number;
            seqs.push_back(event.seq);
        });
    }
}

}  // namespace ais::sim
