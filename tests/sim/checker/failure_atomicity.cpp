// SPDX-License-Identifier: BSD-3-Clause
//
// Failure atomicity (4), also called virtual synchrony: all who go from c
// directly to the same next regular configuration deliver the same sequence,
// in c as well as in the transitional configuration between.

#include "sim/checker/history.hpp"

namespace ais::sim {

namespace {

std::vector<MessageId> messages_of(const std::vector<const Event*>& events) {
    std::vector<MessageId> messages;
    messages.reserve(events.size());
    for (const Event* event : events) {
        messages.push_back(event->message);
    }
    return messages;
}

void compare(const char* where,
             const Life& life,
             const Life& other,
             const RingId& ring,
             const std::vector<MessageId>& mine,
             const std::vector<MessageId>& theirs,
             Violations& found) {
    if (mine == theirs) {
        return;
    }
    std::size_t at = 0;
    while (at < mine.size() && at < theirs.size() && mine[at] == theirs[at]) {
        ++at;
    }
    found.add(where,
              " configuration of ring ",
              ring,
              ": ",
              name_of(life.id),
              " delivers ",
              mine.size(),
              " messages, ",
              name_of(other.id),
              ' ',
              theirs.size(),
              "; they differ at ",
              at);
}

}  // namespace

void check_failure_atomicity(const History& history, Violations& found) {
    struct Delivered {
        const Life* life;
        std::vector<MessageId> in_regular;
        std::vector<MessageId> in_transitional;
    };
    std::map<std::pair<RingId, RingId>, Delivered> known;
    for (const Life& life : history.lives()) {
        for (const Span& span : spans_of(life, history)) {
            if (!span.has_next) {
                continue;
            }
            const Delivered mine{
                &life, messages_of(span.in_regular), messages_of(span.in_transitional)};
            const auto [at, is_new] = known.emplace(std::pair(span.ring, span.next), mine);
            if (is_new) {
                continue;
            }
            const Delivered& theirs = at->second;
            compare("regular",
                    life,
                    *theirs.life,
                    span.ring,
                    mine.in_regular,
                    theirs.in_regular,
                    found);
            compare("transitional",
                    life,
                    *theirs.life,
                    span.ring,
                    mine.in_transitional,
                    theirs.in_transitional,
                    found);
        }
    }
}

}  // namespace ais::sim
