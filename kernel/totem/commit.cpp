// SPDX-License-Identifier: BSD-3-Clause
//
// Commit: the commit token goes twice around the ring that Gather agreed on.
// On the first tour each member writes where it comes from; on the second each
// reads where all come from, and enters Recovery.
//
// Paper: TOCS 1995, section 5.2.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

void forward_commit_token(State& s, Effects& out) {
    ++s.commit.hop;
    if (s.forming->members.size() == 1) {
        return;
    }
    keep_token(s, s.forming->successor, encode(s.kept_token, s.self, s.commit), out);
}

// Make the ring of s.commit the forming one, and write our slot.
void adopt(State& s, Effects& out) {
    Ring& ring = *s.forming;
    ring.reset(s.commit.ring, s.commit.members(), s.self);
    AIS_ASSERT(s.commit.ring.seq > s.adopted_seq || AIS_MUTATION(number_reused));
    s.adopted_seq = s.commit.ring.seq;
    s.known_seq = std::max(s.known_seq, s.adopted_seq);
    out.emit(Persist{s.adopted_seq});
    note_separation(s, ring.members);

    const Ring& old = *s.installed;
    CommitToken::Slot& slot = s.commit.slots[*ring.members.index_of(s.self)];
    slot.node = s.self;
    slot.filled = true;
    slot.received = old.log.aru() == old.log.high();
    slot.window = s.config.window_size;
    slot.incarnation = s.incarnation;
    slot.old_ring = old.id;
    slot.old_aru = old.log.aru();
    slot.old_high = old.log.high();
    slot.high_delivered = old.delivered;

    adopt_patience(s, s.commit.patience);
    s.detector.track(ring.members);
    s.phase = Phase::commit;
    ++s.stats.commits;
    s.deadlines.clear_all();
    if (!AIS_MUTATION(commit_waits_forever)) {
        s.deadlines.set(Timer::token_loss, s.now + s.config.token_timeout);
    }
}

bool is_expected(const State& s, const CommitToken& token, const Members& members) {
    if ((token.ring.seq <= s.adopted_seq && !AIS_MUTATION(number_reused)) ||
        token.ring.seq > s.known_seq + ring_seq_jump_max ||
        token.hop != *members.index_of(s.self)) {
        return false;
    }
    if (s.phase == Phase::gather) {
        return members == s.processors.without(s.failed) || AIS_MUTATION(commit_of_other_set);
    }
    // Why also in Commit: the representative may have begun anew before we
    // noticed that its former commit token was lost.
    return s.phase == Phase::commit && members == s.forming->members;
}

}  // namespace

void create_commit_token(State& s, Effects& out) {
    AIS_ASSERT(s.phase == Phase::gather);
    const Members members = s.processors.without(s.failed);
    AIS_ASSERT(members.lowest() == s.self);
    const std::uint64_t seq =
        (AIS_MUTATION(number_reused) ? s.installed->id.seq : std::max(s.known_seq, s.adopted_seq)) +
        4;
    s.commit = CommitToken{};
    s.commit.ring = RingId{seq, s.self, s.salt};
    s.commit.count = members.size();
    for (std::size_t i = 0; i < members.size(); ++i) {
        s.commit.slots[i].node = members[i];
    }
    s.commit.patience = most_patient(s, members);
    adopt(s, out);
    forward_commit_token(s, out);
    if (members.size() == 1) {
        enter_recovery(s, out);
        start_regular_token(s, out);
    }
}

void on_commit_token(State& s, NodeId from, CommitToken& token, Effects& out) {
    const Members members = token.members();
    const auto at = members.index_of(s.self);
    if (!at || members.size() < 2 || from != members[(*at + members.size() - 1) % members.size()]) {
        ++s.stats.wrong_sender;
        return;
    }
    const auto count = static_cast<std::uint32_t>(members.size());

    // First tour.
    if (*at > 0 && (s.phase == Phase::gather || s.phase == Phase::commit) &&
        is_expected(s, token, members)) {
        s.commit = token;
        adopt(s, out);
        forward_commit_token(s, out);
        return;
    }

    // Second tour.
    if (s.phase == Phase::commit && token.ring == s.forming->id && token.hop == count + *at) {
        if (!token.is_filled() || !(token.slots[*at] == s.commit.slots[*at])) {
            ++s.stats.malformed;
            return;
        }
        s.commit = token;
        enter_recovery(s, out);
        forward_commit_token(s, out);
        return;
    }

    // Back at the representative: everybody is in Recovery.
    if (s.phase == Phase::recovery && *at == 0 && token.ring == s.forming->id &&
        token.hop == 2 * count && s.forming->visits == 0) {
        start_regular_token(s, out);
        return;
    }
    AIS_MARK("commit.drops_unexpected");
}

}  // namespace ais::totem
