// SPDX-License-Identifier: BSD-3-Clause
//
// Requests in the token, and what answers them.
//
// A request goes with the token until somebody who holds the message sends it
// again: to the one node that asks, or to all if several do.  A message that a
// node asks for again and again although it passes the token on is a finding:
// usually datagrams of this size are lost on the way to it.  The log says so; the
// node stays until the rule of failure to receive (token.cpp) applies.
//
// Paper: TOCS 1995, section 4.  Unicast to a single asker: as in Spread 5.

#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>
#include <bit>

namespace ais::totem {

namespace {

// So many answers about one message that all got lost are no chance: at 20 % loss it
// is one message in 400,000.
constexpr std::uint32_t answers_until_told = 8;

// Why 512: a datagram of this size passes any path of IPv4 whole (RFC 791 demands 576 bytes,
// headers included), so it is not the size.
constexpr std::size_t any_path_passes = 512;

constexpr Duration told_again_after = std::chrono::minutes(1);

// Request::several in Recovery: most lack the same there.
std::uint8_t own_place(const State& s, const Ring& ring) {
    const auto place = ring.members.index_of(s.self);
    return place && s.phase == Phase::operational ? static_cast<std::uint8_t>(*place)
                                                  : Request::several;
}

void tell_of_lost_data(State& s, NodeId node, std::size_t size) {
    AIS_MARK("repair.names_path_that_loses_data");
    ++s.stats.data_lost_paths;
    if (s.now >= s.data_lost_until) {
        s.data_lost_told.clear();
        s.data_lost_until = s.now + told_again_after;
    }
    if (s.data_lost_told.contains(node) || !s.data_lost_told.insert(node)) {
        return;
    }
    const bool is_big = size > any_path_passes;
    AIS_LOG(s.log,
            warning,
            "totem",
            "TOTEM-018",
            "messages of ",
            size,
            " bytes do not reach node ",
            node.value(),
            " however often they are sent, though the token (",
            s.kept_token_size,
            " bytes) does: ",
            is_big ? "big datagrams are lost on the way to it; make the MTU of that path as large "
                     "as that of the interface, or set totem.netmtu below what passes, on all nodes"
                   : "see whether a firewall or a switch keeps data (multicast) from it");
}

void note_answer(State& s, Ring& ring, Seq seq, NodeId asker, std::size_t size) {
    // Of several, we know the one whose aru is the lowest.
    const NodeId to =
        asker.is_valid() ? asker : (seq == ring.token.aru + 1 ? ring.token.aru_id : NodeId());
    if (to == s.self || !ring.members.contains(to)) {
        return;
    }
    MessageLog::Trace& trace = ring.log.trace(seq);
    if (trace.answered_to != to) {
        trace.answered_to = to;
        trace.answers = 0;
    }
    if (++trace.answers == answers_until_told) {
        tell_of_lost_data(s, to, size);
    }
}

void answer(State& s, Ring& ring, Seq seq, NodeId asker, Effects& out) {
    const MutableBytes datagram = ring.log.datagram(seq);
    patch_data_header(datagram, ring.forwarded, Sending::again);
    ++s.stats.retransmitted;
    std::optional<NodeId> to;
    if (asker.is_valid()) {
        ++s.stats.retransmitted_to_one;
        to = asker;
    }
    out.emit(Transmit{to, Traffic::data, datagram, true});
    note_answer(s, ring, seq, asker, datagram.size());
}

}  // namespace

std::uint32_t answer_requests(State& s, Ring& ring, std::uint32_t limit, Effects& out) {
    Token& token = ring.token;
    std::uint32_t sent = 0;
    std::uint8_t kept = 0;
    for (std::size_t i = 0; i < token.request_count; ++i) {
        Request request = token.requests[i];
        const NodeId asker =
            request.asker < ring.members.size() ? ring.members[request.asker] : NodeId();
        for (std::uint64_t rest = request.bitmap; rest != 0 && sent < limit; rest &= rest - 1) {
            const auto bit = static_cast<unsigned>(std::countr_zero(rest));
            const Seq seq = request.start + bit;
            if (ring.log.holds(seq) && !AIS_MUTATION(requests_unanswered)) {
                if (asker == s.self) {
                    AIS_MARK("repair.withdraws_request");
                } else {
                    answer(s, ring, seq, asker, out);
                    ++sent;
                }
            } else if (seq > ring.log.freed() && seq <= token.seq) {
                continue;  // we miss it, too
            }
            request.bitmap &= ~(std::uint64_t{1} << bit);
        }
        if (request.bitmap != 0) {
            token.requests[kept++] = request;
        }
    }
    token.request_count = kept;
    return sent;
}

void add_requests(State& s, Ring& ring, Seq limit) {
    limit = std::min(limit, ring.log.freed() + ring.log.capacity());
    const std::uint8_t place = own_place(s, ring);
    // Limit: so that a node asks often enough until it counts as one that does not receive.
    const Duration longest = s.config.detection_time / 16;
    for (Seq seq = ring.log.aru() + 1; seq <= limit; ++seq) {
        if (ring.log.holds(seq)) {
            continue;
        }
        MessageLog::Trace& trace = ring.log.trace(seq);
        if (!s.pace.is_due(trace, ring.visits, s.now, s.rotation, longest)) {
            continue;
        }
        if (!ring.token.request(seq, place)) {
            return;
        }
        ++s.stats.requested;
        s.stats.requests_repeated += RequestPace::note_request(trace, ring.visits, s.now) ? 1 : 0;
    }
}

void note_arrival(State& s, Ring& ring, const Message& message) {
    if (!ring.log.fits(message.seq)) {
        return;
    }
    const MessageLog::Trace& trace = ring.log.trace(message.seq);
    if (trace.asked == 0) {
        return;
    }
    if (!message.retransmitted) {
        ++s.stats.requests_spurious;
    } else if (!ring.log.holds(message.seq)) {
        s.pace.on_answer(trace, s.now);
    }
}

std::string_view explain_stuck(State& s, Ring& ring) {
    const Seq missing = ring.stuck_aru + 1;
    if (ring.log.holds(missing)) {
        const std::size_t size = ring.log.datagram(missing).size();
        tell_of_lost_data(s, ring.stuck_id, size);
        if (size > any_path_passes) {
            return "it does not receive big datagrams";
        }
    }
    return "it does not receive";
}

}  // namespace ais::totem
