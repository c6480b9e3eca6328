// SPDX-License-Identifier: BSD-3-Clause

#include "sim/checker/trace.hpp"
#include "totem/trace.hpp"

#include <ostream>

namespace ais::sim {

namespace trace = totem::trace;

void write_trace(std::ostream& to, const History& history) {
    to << trace::first_line;
    std::string line;
    const auto write = [&] {
        to << line;
        line.clear();
    };
    for (std::size_t at = 0; at < history.lives().size(); ++at) {
        const Life& life = history.lives()[at];
        const trace::Who who{life.id.node, life.id.incarnation};
        Instant last = life.events.empty() ? Instant{} : life.events.front().at;
        trace::start(line, last, who);
        for (const Event& event : life.events) {
            last = event.at;
            if (event.kind == Event::Kind::configure) {
                trace::configure(line, event.at, who, history.configuration(event.configuration));
                for (const QuorumOpinion& opinion : history.opinions()) {
                    if (opinion.life == at && opinion.configuration == event.configuration) {
                        trace::quorum(line, event.at, who, opinion.primary);
                    }
                }
                for (const StateDigest& state : history.states()) {
                    if (state.life == at && state.ring == event.ring &&
                        history.configuration(event.configuration).kind ==
                            Configuration::Kind::regular) {
                        trace::state(line, event.at, who, state.service, state.place, state.digest);
                    }
                }
            } else if (event.kind == Event::Kind::send) {
                trace::send(
                    line, event.at, who, event.guarantee, history.message(event.message).number, 0);
            } else {
                const MessageId& message = history.message(event.message);
                trace::deliver(line,
                               event.at,
                               who,
                               event.guarantee,
                               history.ring(event.ring),
                               event.seq,
                               trace::Who{message.origin.node, message.origin.incarnation},
                               message.number);
            }
            write();
        }
        if (life.crashed) {
            trace::end(line, last, who);
        }
        write();
    }
}

}  // namespace ais::sim
