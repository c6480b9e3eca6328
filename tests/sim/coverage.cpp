// SPDX-License-Identifier: BSD-3-Clause

#include "sim/coverage.hpp"

#include "totem/packet.hpp"
#include "totem/state.hpp"

#include <iomanip>
#include <ostream>
#include <sstream>

namespace ais::sim {

using totem::PacketType;
using totem::Phase;

const char* Coverage::name_of(Event event) {
    static constexpr const char* names[] = {"token of our ring",
                                            "token of another ring",
                                            "data of our ring",
                                            "data of another ring",
                                            "join",
                                            "commit token",
                                            "merge detect",
                                            "hold cancel",
                                            "probe",
                                            "refused datagram",
                                            "token timeout",
                                            "consensus timeout",
                                            "join timeout",
                                            "token sent again",
                                            "pause noticed"};
    static_assert(std::size(names) == static_cast<std::size_t>(Event::count));
    return names[index(event)];
}

const char* Coverage::name_of(State state) {
    static constexpr const char* names[] = {"Operational", "Gather", "Commit", "Recovery"};
    return names[index(state)];
}

bool Coverage::state_of(const totem::Engine& engine, State& state) {
    switch (engine.phase()) {
        case Phase::operational:
            state = State::operational;
            return true;
        case Phase::gather:
            state = State::gather;
            return true;
        case Phase::commit:
            state = State::commit;
            return true;
        case Phase::recovery:
            state = State::recovery;
            return true;
        case Phase::idle:
        case Phase::left:
            break;
    }
    return false;
}

Coverage::Event Coverage::classify(const totem::Engine& engine, NodeId from, Bytes datagram) {
    totem::PacketHeader header;
    if (totem::decode(datagram, header) != totem::Verdict::ok || header.sender != from) {
        return Event::refused;
    }
    const Bytes body = datagram.subspan(totem::PacketHeader::size);
    const totem::RingId& ours = engine.current_ring();
    switch (header.type) {
        case PacketType::token: {
            totem::Token token;
            return !totem::decode(body, token) ? Event::refused
                   : token.ring == ours        ? Event::token_of_our_ring
                                               : Event::token_of_another;
        }
        case PacketType::data: {
            totem::Message message;
            return !totem::decode(body, message)                 ? Event::refused
                   : message.ring == ours                        ? Event::data_of_our_ring
                   : message.ring == engine.configuration().ring ? Event::data_of_our_ring
                                                                 : Event::data_of_another;
        }
        case PacketType::join: {
            totem::Join join;
            return totem::decode(body, from, join) ? Event::join : Event::refused;
        }
        case PacketType::commit_token: {
            totem::CommitToken token;
            return totem::decode(body, token) ? Event::commit_token : Event::refused;
        }
        case PacketType::merge_detect:
            return Event::merge_detect;
        case PacketType::hold_cancel:
            return Event::hold_cancel;
        case PacketType::probe:
        case PacketType::probe_answer:
        case PacketType::probe_request:
            return Event::probe;
    }
    return Event::refused;
}

const char* Coverage::why_impossible(State state, Event event) {
    const bool is_gather = state == State::gather;
    switch (event) {
        case Event::consensus_timeout:
        case Event::join_timeout:
            // start_round() and set_join_timer() assert Gather or are called from there;
            // Gather ends in adopt() (commit.cpp) or in leave().
            return is_gather ? nullptr
                             : "only Gather sets this timer, and both ways out of Gather clear all";
        case Event::token_timeout:
        case Event::token_again:
            // prepare_gather() (gather.cpp); set by adopt(), enter_recovery(), forward() and
            // keep_token(), all of them in Commit or with a ring that passes tokens.
            return is_gather ? "the way into Gather clears all timers, and without a token sent "
                               "since nobody sets this one"
                             : nullptr;
        default:
            return nullptr;
    }
}

bool Coverage::report(std::ostream& to) const {
    to << std::left << std::setw(24) << "event" << std::right;
    for (std::size_t state = 0; state < cells_.size(); ++state) {
        to << std::setw(13) << name_of(static_cast<State>(state));
    }
    to << '\n';
    std::size_t seen = 0;
    std::size_t impossible = 0;
    std::ostringstream proofs;
    std::ostringstream faults;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Event::count); ++i) {
        const auto event = static_cast<Event>(i);
        to << std::left << std::setw(24) << name_of(event) << std::right;
        for (std::size_t j = 0; j < cells_.size(); ++j) {
            const auto state = static_cast<State>(j);
            const char* const why = why_impossible(state, event);
            seen += cells_[j][i] != 0 ? 1 : 0;
            impossible += why != nullptr ? 1 : 0;
            if (cells_[j][i] != 0) {
                to << std::setw(13) << cells_[j][i];
            } else {
                to << std::setw(13) << (why != nullptr ? "impossible" : "-");
            }
            if (why != nullptr) {
                proofs << name_of(event) << " in " << name_of(state) << ": impossible, since "
                       << why << '\n';
            }
            if ((cells_[j][i] != 0) == (why != nullptr)) {
                faults << name_of(event) << " in " << name_of(state)
                       << (why != nullptr ? ": called impossible, and SEEN\n" : ": not seen\n");
            }
        }
        to << '\n';
    }
    const bool is_complete = faults.str().empty();
    to << proofs.str() << faults.str() << (is_complete ? "complete: " : "not complete: ") << seen
       << " of " << cells_.size() * static_cast<std::size_t>(Event::count) << " cells seen, "
       << impossible << " impossible\n";
    return is_complete;
}

}  // namespace ais::sim
