// SPDX-License-Identifier: BSD-3-Clause
//
// Basic delivery (1.3, 1.4, 2.2): what is delivered was sent, once, in the
// regular configuration that it is delivered in, or before the transitional one
// that follows; no life delivers it twice, or before it was sent.

#include "sim/checker/history.hpp"

namespace ais::sim {

void check_basic_delivery(const History& history, Violations& found) {
    struct Sent {
        const Event* event = nullptr;
        std::uint32_t ring = 0;
        std::size_t delivered_by = SIZE_MAX;  // the life that did so last
    };
    std::vector<Sent> sent(history.messages());
    for (const Span& span : history.spans()) {
        span.sends([&](const Event& event) {
            Sent& at = sent[event.message];
            if (at.event != nullptr) {
                found.add(name_of(history.message(event.message)), " was sent twice");
            }
            at.event = &event;
            at.ring = span.ring;
            if (history.message(event.message).origin != history.lives()[span.life].id) {
                found.add(name_of(history.lives()[span.life].id),
                          " sends ",
                          name_of(history.message(event.message)),
                          " in the name of another");
            }
        });
    }
    // Spans of one life are neighbours, so one mark per message is enough.
    for (const Span& span : history.spans()) {
        span.deliveries([&](const Event& event) {
            const auto complain = [&](const auto&... what) {
                found.add(name_of(history.lives()[span.life].id),
                          " delivers ",
                          name_of(history.message(event.message)),
                          what...);
            };
            Sent& at = sent[event.message];
            if (at.event == nullptr) {
                complain(", never sent");
                return;
            }
            if (at.delivered_by == span.life) {
                complain(" twice");
            }
            at.delivered_by = span.life;
            if (at.ring != span.ring || event.ring != span.ring) {
                complain(" in ring ", history.ring(span.ring), ", sent in ", history.ring(at.ring));
            }
            if (at.event->guarantee != event.guarantee) {
                complain(" with another guarantee");
            }
            if (history.has_one_clock && at.event->at > event.at) {
                complain(" before it was sent");
            }
        });
    }
}

}  // namespace ais::sim
