// SPDX-License-Identifier: BSD-3-Clause
//
// Agreed delivery (6.1, 6.2): one order per ring, the same for all; and in a
// regular configuration nothing is passed over.

#include "sim/checker/history.hpp"

#include <algorithm>

namespace ais::sim {

namespace {

constexpr std::uint32_t nowhere = UINT32_MAX;

// A seq names one message, and a message has one seq on one ring.
void check_places(const History& history, Violations& found) {
    std::vector<std::uint32_t> ring_of(history.messages(), nowhere);
    for (std::uint32_t ring = 0; ring < history.rings(); ++ring) {
        Place last;
        for (const Place& place : history.order(ring)) {
            if (place.seq == last.seq) {
                found.add(name_of(history.message(place.message)),
                          " and ",
                          name_of(history.message(last.message)),
                          " are both at ",
                          history.ring(ring),
                          ':',
                          place.seq);
            }
            if (ring_of[place.message] != nowhere) {
                found.add(name_of(history.message(place.message)), " has two places in the order");
            }
            ring_of[place.message] = ring;
            last = place;
        }
    }
}

void check_span(const History& history, const Span& span, Violations& found) {
    const LifeId& life = history.lives()[span.life].id;
    Seq last = 0;
    span.deliveries([&](const Event& event) {
        if (event.seq <= last) {
            found.add(name_of(life),
                      " delivers ",
                      history.ring(event.ring),
                      ':',
                      event.seq,
                      " after ",
                      last);
        }
        last = event.seq;
    });
    const std::vector<Place>& order = history.order(span.ring);
    auto expected = order.begin();
    for (const Event& event : span.in_regular) {
        if (event.kind != Event::Kind::deliver) {
            continue;
        }
        if (expected == order.end() || expected->seq != event.seq) {
            found.add(name_of(life),
                      " passes over a message before ",
                      history.ring(event.ring),
                      ':',
                      event.seq);
            return;
        }
        ++expected;
    }
}

}  // namespace

void check_agreed_order(const History& history, Violations& found) {
    check_places(history, found);
    for (const Span& span : history.spans()) {
        check_span(history, span, found);
    }
}

}  // namespace ais::sim
