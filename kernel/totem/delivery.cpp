// SPDX-License-Identifier: BSD-3-Clause
//
// Delivery: in order, each message when its guarantee allows it.
//
// Paper: TOCS 1995, section 5 (recovery); ICDCS 1994 (extended virtual
// synchrony).  Order, transitional configuration, order again, regular
// configuration: this sequence is what the protocol is for.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

void deliver(State& s, Ring& ring, Seq seq, bool is_behind_hole, Effects& out) {
    const MessageLog::Entry& entry = ring.log.entry(seq);
    if (entry.encapsulated) {
        return;  // its contents were delivered on their own ring
    }
    ++(entry.guarantee == Guarantee::safe ? s.stats.delivered_safe : s.stats.delivered_agreed);
    out.emit(Deliver{entry.originator,
                     ring.id,
                     seq,
                     entry.guarantee,
                     ring.log.datagram(seq).subspan(data_header_size),
                     is_behind_hole});
}

}  // namespace

void deliver_ready(State& s, Effects& out) {
    Ring& ring = *s.installed;
    while (ring.delivered < ring.log.aru()) {
        const Seq seq = ring.delivered + 1;
        if (ring.log.entry(seq).guarantee == Guarantee::safe && seq > ring.stable &&
            !AIS_MUTATION(safe_as_agreed)) {
            break;
        }
        ring.delivered = seq;
        deliver(s, ring, seq, false, out);
    }
    AIS_ASSERT(ring.delivered >= std::min(ring.stable, ring.log.aru()));
    const Seq last =
        AIS_MUTATION(freed_before_stable) ? ring.delivered : std::min(ring.delivered, ring.stable);
    if (last > ring.log.freed()) {
        out.before_free(last);
        ring.log.free_to(last);
    }
}

void deliver_old_ring(State& s, Effects& out) {
    Ring& ring = *s.installed;
    const Recovery& recovery = s.recovery;
    if (!ring.id.is_valid()) {
        return;  // our first ring
    }

    // Everybody who moves with us holds the same messages now.  In the old
    // configuration belongs what does not depend on messages that we miss, or
    // on whether those who stay behind have a safe message.
    while (ring.delivered < ring.log.aru()) {
        const Seq seq = ring.delivered + 1;
        if (ring.log.entry(seq).guarantee == Guarantee::safe && seq > recovery.high_delivered &&
            !AIS_MUTATION(safe_not_withheld)) {
            AIS_MARK("delivery.safe_waits_for_transitional");
            break;
        }
        ring.delivered = seq;
        deliver(s, ring, seq, false, out);
    }

    if (AIS_MUTATION(no_transitional_part)) {
        for (Seq seq = ring.delivered + 1; seq <= ring.log.high(); ++seq) {
            if (ring.log.holds(seq)) {
                deliver(s, ring, seq, false, out);
            }
        }
        ring.delivered = ring.log.high();
    }

    s.transitional = Configuration{};
    s.transitional.kind = Configuration::Kind::transitional;
    s.transitional.ring = ring.id;
    s.transitional.members = recovery.transitional;
    s.transitional.left = ring.members.without(recovery.transitional);
    out.emit(Configure{&s.transitional});

    // Behind a hole only what cannot depend on the lost message: members of
    // the transitional configuration have lost nothing of their own, and
    // obliged messages were relied upon by somebody who saw the same hole.
    const Seq first_hole = ring.log.aru() + 1;
    for (Seq seq = ring.delivered + 1; seq <= ring.log.high(); ++seq) {
        if (!ring.log.holds(seq)) {
            ++s.stats.holes;
            continue;
        }
        const MessageLog::Entry& entry = ring.log.entry(seq);
        const bool obliged = entry.obliged && !AIS_MUTATION(obligation_dropped);
        const bool depends = !obliged && !recovery.transitional.contains(entry.originator);
        if (seq > first_hole && !AIS_MUTATION(hole_ignored) &&
            (depends || AIS_MUTATION(hole_ends_all))) {
            AIS_MARK("delivery.drops_behind_hole");
            ++s.stats.behind_holes;
            continue;
        }
        if (seq > first_hole && !recovery.transitional.contains(entry.originator)) {
            AIS_MARK("delivery.keeps_obligation");
        }
        deliver(s, ring, seq, seq > first_hole, out);
    }
    ring.delivered = ring.log.high();
}

}  // namespace ais::totem
