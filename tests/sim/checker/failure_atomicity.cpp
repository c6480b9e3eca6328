// SPDX-License-Identifier: BSD-3-Clause
//
// Failure atomicity (4), also called virtual synchrony: all who go from c
// directly to the same next regular configuration deliver the same sequence,
// in c as well as in the transitional configuration between.
//
// Compared is only who went the same way: after a hole, those who left c for
// different rings may rightly differ.  Sequences are compared by a rolling hash
// of 128 bits, and in full where that differs, to say at which message.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

namespace {

struct Hash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    bool operator==(const Hash&) const = default;

    void add(std::uint64_t word) {
        low = (low ^ (word + 0x9e3779b97f4a7c15)) * 0xff51afd7ed558ccd;
        low ^= low >> 29;
        high = (high + word + 1) * 0x2545f4914f6cdd1d;
        high ^= high >> 31;
    }
};

Hash hash_of(std::span<const Event> events) {
    Hash hash;
    for (const Event& event : events) {
        if (event.kind == Event::Kind::deliver) {
            hash.add(event.message);
        }
    }
    return hash;
}

std::vector<std::uint32_t> messages_of(std::span<const Event> events) {
    std::vector<std::uint32_t> messages;
    for (const Event& event : events) {
        if (event.kind == Event::Kind::deliver) {
            messages.push_back(event.message);
        }
    }
    return messages;
}

void tell(const History& history,
          const char* where,
          const Span& span,
          const Span& other,
          std::span<const Event> mine,
          std::span<const Event> theirs,
          Violations& found) {
    const auto my_messages = messages_of(mine);
    const auto their_messages = messages_of(theirs);
    const auto [at, unused] = std::mismatch(
        my_messages.begin(), my_messages.end(), their_messages.begin(), their_messages.end());
    static_cast<void>(unused);
    found.add(where,
              " configuration of ring ",
              history.ring(span.ring),
              ": ",
              name_of(history.lives()[span.life].id),
              " delivers ",
              my_messages.size(),
              " messages, ",
              name_of(history.lives()[other.life].id),
              ' ',
              their_messages.size(),
              "; they differ at ",
              at - my_messages.begin());
}

}  // namespace

void check_failure_atomicity(const History& history, Violations& found) {
    struct Delivered {
        const Span* span;
        Hash in_regular;
        Hash in_transitional;
    };
    std::map<std::pair<std::uint32_t, std::uint32_t>, Delivered> known;
    for (const Span& span : history.spans()) {
        if (!span.has_next) {
            continue;
        }
        const Delivered mine{&span, hash_of(span.in_regular), hash_of(span.in_transitional)};
        const auto [at, is_new] = known.emplace(std::pair(span.ring, span.next), mine);
        const Delivered& theirs = at->second;
        if (is_new) {
            continue;
        }
        if (mine.in_regular != theirs.in_regular) {
            tell(history,
                 "regular",
                 span,
                 *theirs.span,
                 span.in_regular,
                 theirs.span->in_regular,
                 found);
        }
        if (mine.in_transitional != theirs.in_transitional) {
            tell(history,
                 "transitional",
                 span,
                 *theirs.span,
                 span.in_transitional,
                 theirs.span->in_transitional,
                 found);
        }
    }
}

}  // namespace ais::sim
