// SPDX-License-Identifier: BSD-3-Clause
//
// Causal delivery (5): if the sender of m' had delivered or sent m before, in
// the same ring, then whoever delivers m' in that ring delivers m before it.
//
// What a sender has delivered in a regular configuration is a prefix of the
// ring's order (check_agreed_order sees to that), so it is enough to compare
// how much of that prefix the others have.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

void check_causality(const History& history, Violations& found) {
    struct Past {
        Seq prefix = 0;         // highest seq that the sender had delivered
        std::size_t count = 0;  // and how many messages that were
    };
    std::map<MessageId, Past> pasts;
    std::map<LifeId, std::vector<Span>> spans;
    for (const Life& life : history.lives()) {
        spans[life.id] = spans_of(life, history);
        Past past;
        for (const Event& event : life.events) {
            if (event.kind == Event::Kind::configure) {
                past = Past{};
            } else if (event.kind == Event::Kind::deliver) {
                past = Past{event.seq, past.count + 1};
            } else {
                pasts[event.message] = past;
            }
        }
    }
    for (const auto& [life, of_life] : spans) {
        for (const Span& span : of_life) {
            std::vector<Seq> seqs;
            std::map<LifeId, std::uint64_t> last_of;
            for (const Event* event : span.deliveries()) {
                const Past& past = pasts[event->message];
                const auto covered = static_cast<std::size_t>(
                    std::upper_bound(seqs.begin(), seqs.end(), past.prefix) - seqs.begin());
                if (covered < past.count) {
                    found.add(name_of(life),
                              " delivers ",
                              name_of(event->message),
                              " at ",
                              span.ring,
                              ':',
                              event->seq,
                              " with ",
                              covered,
                              " of ",
                              past.count,
                              " messages that it depends on");
                }
                std::uint64_t& last = last_of[event->message.origin];
                if (event->message.number < last) {
                    found.add(name_of(life),
                              " delivers ",
                              name_of(event->message),
                              " behind a later one of its sender");
                }
                last = event->message.number;
                seqs.push_back(event->seq);
            }
        }
    }
}

}  // namespace ais::sim
