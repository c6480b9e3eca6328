// SPDX-License-Identifier: BSD-3-Clause
//
// Gather: find out who is there, and agree on it.
//
// A ring is formed on processors - failed if and only if each node in it has
// announced exactly these two sets.  Both sets only grow until a ring is
// installed, so the exchange ends.
//
// A path may work in one direction only.  So joins carry who hears whom, a ring is agreed on
// only by nodes that all hear all, and when that does not come about in time, each node
// derives the same group from the same table (reachability.hpp).  Who is left out for a broken
// path stays out while it is broken (separation.hpp).
// Deviates: in the paper every node trusts its own ears, and rings form and break without end.
//
// Paper: TOCS 1995, section 5.1.

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "totem/state.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

Members agreed(const State& s) {
    return s.processors.without(s.failed);
}

bool has_consensus(const State& s) {
    const Members members = agreed(s);
    return members.is_subset_of(s.consensus) && s.hearing.is_whole(members);
}

void set_join_timer(State& s) {
    // Why the jitter: nodes that lost the same token would all speak at once.
    const auto spread = static_cast<std::uint64_t>(s.config.join_timeout.count()) / 4;
    s.deadlines.set(Timer::join,
                    s.now + s.config.join_timeout -
                        Duration(static_cast<std::int64_t>(s.prng.below(spread + 1))));
}

void transmit_join(State& s, Effects& out) {
    Join join;
    join.incarnation = s.incarnation;
    join.ring_seq = std::max(s.known_seq, s.adopted_seq);
    join.processors = s.processors;
    join.failed = s.failed;
    join.patience = own_patience(s);
    s.hearing.tell(join, s.installed->id, s.now);
    join.terms = s.admission.terms();
    join.features = own_features;
    join.heard_across = s.hearing.heard_beside(s.processors, lately(s.config), s.now);
    s.told_whole = s.hearing.hears_all(agreed(s), s.now);
    const std::size_t size = encode(s.scratch, s.self, join);
    AIS_ASSERT(size > 0);
    ++s.stats.joins_sent;
    transmit(out, std::nullopt, Traffic::control, Bytes(s.scratch).first(size));
}

// The sets of this node are new: all must agree once more.
void start_round(State& s, Effects& out) {
    AIS_ASSERT(s.phase == Phase::gather);
    AIS_ASSERT(s.processors.contains(s.self) && !s.failed.contains(s.self));
    s.consensus = Members{s.self};
    s.deadlines.set(Timer::consensus, s.now + s.config.consensus_timeout);
    set_join_timer(s);
    transmit_join(s, out);
}

// Leave the present state; start_round() must follow.
void prepare_gather(State& s, std::string_view reason) {
    log_line(s.log,
             s.phase == Phase::operational ? Level::notice : Level::info,
             "totem",
             "TOTEM-001",
             "gathering from ",
             name_of(s.phase),
             ": ",
             reason);
    ++s.stats.gathers;
    if (s.phase == Phase::operational) {
        s.processors = s.installed->members;
        s.failed.clear();
        s.departure_count = 0;
        s.heard.clear();
        s.hearing.clear();
        s.installed->has_token = false;
        s.installed->stays = false;
    }
    // What an interrupted recovery has learnt of the old ring stays in its log.
    if (!AIS_MUTATION(recovery_not_aborted)) {
        s.recovery = Recovery{};
    }
    s.loopback = false;
    s.kept_token_size = 0;
    s.phase = Phase::gather;
    s.processors.insert(s.self);
    s.deadlines.clear_all();
}

// Give nodes up.  `why` is a literal; the first reason stays.
void fail(State& s, const Members& nodes, std::string_view why) {
    for (const NodeId node : nodes.without(s.failed)) {
        if (s.departure_count < s.departures.size()) {
            s.departures[s.departure_count++] = {node, why};
        }
    }
    s.failed.merge(nodes);
}

void try_commit(State& s, Effects& out) {
    const Members members = agreed(s);
    if (members.size() > 1 && members.lowest() == s.self && has_consensus(s)) {
        create_commit_token(s, out);
    }
}

// Which of our rings, if any, `from` is believed to be in, with its incarnation.
bool is_restarted(const Ring& ring, NodeId from, std::uint64_t incarnation) {
    const auto at = ring.members.index_of(from);
    return !AIS_MUTATION(incarnation_ignored) && at && ring.incarnations[*at] != 0 &&
           ring.incarnations[*at] != incarnation;
}

// Of our ring, those whom we have heard lately: about them we believe nobody else.
Members heard_of_our_ring(const State& s) {
    Members heard;
    for (const NodeId node : s.installed->members) {
        const auto at = s.detector.last_heard(node);
        if (node != s.self &&
            (s.heard.contains(node) || (at && s.now - *at <= s.config.consensus_timeout))) {
            heard.insert(node);
        }
    }
    return heard;
}

// Take over what `join` knows; false if that is nothing new.
bool merge_sets(State& s, NodeId from, const Join& join) {
    const std::size_t processors = s.processors.size();
    const std::size_t failed = s.failed.size();
    s.processors.merge(join.processors);
    if (join.failed.contains(s.self)) {
        AIS_MARK("gather.rejects_who_rejects_us");
        fail(s, Members{from}, "it gave us up");
    } else if (s.installed->members.contains(from)) {
        fail(s, join.failed, "another node gave it up");
    } else if (!join.failed.without(s.failed).intersection(heard_of_our_ring(s)).empty()) {
        // A stranger that has given up one of us forms a ring of its own, and then we merge
        // without a grudge; as in Operational.  Why: a node that was stopped and goes on hears from
        // each of us in turn that it was given up, and gives us up in turn; who of
        // us hears that about another one must not believe it.
        AIS_MARK("gather.keeps_to_its_own");
        fail(s, Members{from}, "it gave one of us up");
    } else {
        // Deviates: a stranger's word does not fail a node that we hear.  Why: two
        // components that have given up different nodes would otherwise hand their
        // failures to each other, and rings would form and break without end.
        AIS_MARK("gather.trusts_its_ears");
        fail(s, join.failed.without(s.heard), "another node gave it up");
    }
    // Who calls them has not heard of them yet.
    fail(s, s.processors.intersection(s.admission.refused()), "it does not fit");
    return s.processors.size() != processors || s.failed.size() != failed;
}

// `outsider` is not in one ring with `ours`, since `deaf` does not hear `speaker`.
void tell_broken_path(State& s, const Members& ours, NodeId outsider, NodeId deaf, NodeId speaker) {
    s.separation.note_told(outsider);
    const std::string why = ": node " + std::to_string(deaf.value()) + " does not hear node " +
                            std::to_string(speaker.value()) +
                            "; look at the network path from the latter to the former";
    if (ours == Members{s.self}) {
        AIS_LOG(s.log,
                warning,
                "totem",
                "TOTEM-015",
                "this node is left out of a ring with node ",
                outsider.value(),
                why);
    } else {
        AIS_LOG(s.log, warning, "totem", "TOTEM-014", "node ", outsider.value(), " excluded", why);
    }
}

// Give up those who are not in our group, or say why it is not about paths.
void leave_out_silent(State& s) {
    const Members nodes = agreed(s);
    const Reachability table = s.hearing.table(nodes, s.installed->id, Duration::zero(), s.now);
    const Members group = separate(table).members_of(nodes, *nodes.index_of(s.self));
    Members silent = group.without(s.consensus);
    Members deaf;
    Members unheard;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (group.contains(nodes[i])) {
            continue;
        }
        if (!table.rows[i].is_known) {
            silent.insert(nodes[i]);
            continue;
        }
        // The broken path that is the reason: the first one to a node of ours.
        std::size_t other = 0;
        while (!group.contains(nodes[other]) || table.is_whole(i, other)) {
            if (++other == nodes.size()) {
                break;
            }
        }
        if (other == nodes.size()) {
            silent.insert(nodes[i]);  // hears all of us, but belongs elsewhere
            continue;
        }
        // Why ours first: what the other side tells may be older than its hearing of us.
        const bool is_deaf = table.hears(other, i);
        (is_deaf ? deaf : unheard).insert(nodes[i]);
        tell_broken_path(s,
                         group,
                         nodes[i],
                         is_deaf ? nodes[i] : nodes[other],
                         is_deaf ? nodes[other] : nodes[i]);
    }
    if (!silent.empty()) {
        AIS_LOG(s.log, notice, "totem", "TOTEM-002", "no agreement with ", silent, " in time");
        fail(s, silent, "it did not answer");
    }
    fail(s, deaf, "it does not hear one of us");
    fail(s, unheard, "one of us does not hear it");
}

// Why at once: nobody can agree before all have said that they hear all.
void tell_when_whole(State& s, Effects& out) {
    if (!s.told_whole && s.hearing.hears_all(agreed(s), s.now)) {
        transmit_join(s, out);
    }
}

Members heard_by_sender(const Join& join, NodeId from) {
    Members heard = join.heard_across;
    const HearingRows::Row& row = join.hearing.rows[*join.processors.index_of(from)];
    for (std::size_t i = 0; i < join.processors.size(); ++i) {
        if (!join.hearing.is_there || row.hears[i]) {
            heard.insert(join.processors[i]);
        }
    }
    return heard;
}

// In Commit: a member has heard of somebody since it agreed with us, so it drops the commit token,
// and we would learn that by missing the token only. Deviates: in the paper only a join of this
// ring's number ends Commit, so a node that starts while a ring is being formed costs all a whole
// `token`.
bool knows_more(const State& s, const Join& join) {
    return s.phase == Phase::commit && !join.processors.is_subset_of(s.processors) &&
           join.failed.is_subset_of(s.failed);
}

// A member of our ring has given us up, and we had not noticed that anything was wrong: a pause of
// ours that no timer of ours has seen, or a path on which we are not heard.  We call all of the
// ring, and give nobody up in turn.  Why: the others form their ring without us, hear our call
// there, and come to one with us; an answer in kind would make them form theirs once more, and
// us a ring of our own.  More of what they said meanwhile may wait in the sockets.
// Deviates: in the paper who is rejected rejects at once.
void call_who_left_us_out(State& s, Effects& out) {
    AIS_MARK("gather.calls_who_left_us_out");
    s.joins_stale_until = s.now + s.config.join_timeout / 2;
    enter_gather(s, "the others have left us out", out);
}

// Why: who was given up by others, or before it could say whom it hears, is out without a word
// about the path, and stays out because of it.
void tell_what_holds_off(State& s, NodeId from, const Members& ours) {
    ++s.stats.held_off;
    if (const auto path = s.separation.take_untold(from, ours, s.now)) {
        AIS_MARK("gather.names_what_holds_off");
        tell_broken_path(s,
                         ours,
                         path->theirs,
                         path->is_theirs_deaf ? path->theirs : path->ours,
                         path->is_theirs_deaf ? path->ours : path->theirs);
    }
}

// A broken path is between our members and those whom this join calls together.
bool is_held_off(State& s, NodeId from, const Join& join, const Members& ours) {
    const Members theirs = join.processors.without(join.failed).without(ours);
    if (!s.separation.holds_off(theirs, ours, s.now)) {
        return false;
    }
    AIS_MARK("gather.holds_off_join");
    tell_what_holds_off(s, from, ours);
    return true;
}

void process_join(State& s, NodeId from, const Join& join, Effects& out) {
    s.heard.insert(from);
    s.hearing.take(from, join, s.now);
    if (join.leave) {
        if (s.processors.contains(from) && !s.failed.contains(from)) {
            s.hearing.forget(from);
            fail(s, Members{from}, "it said goodbye");
            start_round(s, out);
            if (agreed(s) == Members{s.self}) {
                create_commit_token(s, out);
            }
        }
        return;
    }
    if ((join.processors == s.processors && join.failed == s.failed) ||
        AIS_MUTATION(consensus_without_agreement)) {
        s.consensus.insert(from);
        tell_when_whole(s, out);
        try_commit(s, out);
        return;
    }
    if (join.processors.is_subset_of(s.processors) && join.failed.is_subset_of(s.failed)) {
        tell_when_whole(s, out);
        return;  // it will catch up with our join
    }
    if (s.failed.contains(from)) {
        AIS_MARK("gather.ignores_failed");
        return;
    }
    if (!merge_sets(s, from, join)) {
        return;  // we never agree; time will tell who is left out
    }
    start_round(s, out);
    if (join.processors == s.processors && join.failed == s.failed) {
        s.consensus.insert(from);
        try_commit(s, out);
    }
}

}  // namespace

Duration lately(const Config& config) {
    return 5 * config.merge_timeout;  // why 5: so many are not lost by chance
}

void enter_gather(State& s, std::string_view reason, Effects& out) {
    prepare_gather(s, reason);
    start_round(s, out);
}

bool is_admitted(State& s,
                 NodeId from,
                 std::uint8_t version_min,
                 std::uint8_t version_max,
                 Bytes terms,
                 const Features& features) {
    std::string why;
    if (version_min > wire_version || version_max < wire_version) {
        why = "its protocol version is " + std::to_string(version_min) +
              (version_max != version_min ? " to " + std::to_string(version_max) : "") +
              ", ours is " + std::to_string(wire_version);
    } else {
        why = s.admission.objection(terms, features);
    }
    if (why.empty()) {
        s.admission.admit(from);
        return true;
    }
    AIS_MARK("gather.refuses_who_does_not_fit");
    ++s.stats.refused;
    if (s.admission.refuse(from, why, s.now)) {
        AIS_LOG(s.log,
                warning,
                "totem",
                "TOTEM-017",
                "node ",
                from.value(),
                " is refused and cannot be in a ring with this node: ",
                why);
    }
    return false;
}

void note_separation(State& s, const Members& members) {
    // Why a longer memory than for the decision: those who agreed without us are silent since.
    s.separation.install(
        s.hearing.table(s.processors, s.installed->id, lately(s.config), s.now), members, s.now);
}

void note_path(State& s, NodeId from, const Members& heard, bool is_proof) {
    const auto path = s.separation.tell(from, heard, is_proof, s.now);
    if (path) {
        AIS_MARK("gather.path_is_whole_again");
        const bool is_ours = path->first == s.self || path->second == s.self;
        log_line(s.log,
                 is_ours ? Level::notice : Level::info,
                 "totem",
                 "TOTEM-016",
                 "nodes ",
                 path->first.value(),
                 " and ",
                 path->second.value(),
                 " hear each other again");
    }
}

void exclude(State& s, const Members& nodes, Level level, std::string_view reason, Effects& out) {
    if (s.phase == Phase::gather && nodes.intersection(agreed(s)).empty()) {
        return;  // it is left out already
    }
    for (const NodeId node : nodes) {
        log_line(
            s.log, level, "totem", "TOTEM-005", "leaving out node ", node.value(), ": ", reason);
    }
    if (s.phase != Phase::gather) {
        prepare_gather(s, reason);
    }
    fail(s, nodes, reason);
    start_round(s, out);
    if (agreed(s) == Members{s.self}) {
        create_commit_token(s, out);
    }
}

void on_join(State& s, NodeId from, const Join& join, Effects& out) {
    if (!join.leave &&
        !is_admitted(s, from, join.version_min, join.version_max, join.terms, join.features)) {
        s.stats.wrong_version +=
            join.version_min > wire_version || join.version_max < wire_version ? 1 : 0;
        if (s.phase == Phase::gather && agreed(s).contains(from)) {
            fail(s, Members{from}, "it does not fit");
            start_round(s, out);
            if (agreed(s) == Members{s.self}) {
                create_commit_token(s, out);
            }
        }
        return;
    }
    if (s.now < s.joins_stale_until) {
        AIS_MARK("gather.drops_joins_of_a_pause");
        ++s.stats.stale_joins;
        return;
    }
    if (join.ring_seq > s.known_seq + ring_seq_jump_max) {
        ++s.stats.malformed;
        return;
    }
    if (!AIS_MUTATION(number_not_from_joins)) {
        s.known_seq = std::max(s.known_seq, join.ring_seq);
    }
    note_patience(s, from, join.patience);
    s.hearing.hear(from, s.now);
    s.separation.hear(from, s.now);
    note_path(s, from, heard_by_sender(join, from), true);

    switch (s.phase) {
        case Phase::operational: {
            const Ring& ring = *s.installed;
            const bool member = ring.members.contains(from);
            const bool restarted = is_restarted(ring, from, join.incarnation);
            if (member && !restarted && join.ring_seq < ring.id.seq) {
                // Why: a join from before this ring may still be on the wire.
                AIS_MARK("gather.ignores_join_of_older_ring");
                ++s.stats.stale_joins;
                return;
            }
            // A stranger that has given up one of us will form a ring of its own, and then
            // we can merge without a grudge.
            if (join.leave ? (!member || restarted)
                           : (!member && !join.failed.intersection(ring.members).empty())) {
                ++s.stats.stale_joins;
                return;
            }
            if (!member && is_held_off(s, from, join, ring.members)) {
                return;
            }
            if (join.leave) {
                exclude(s, Members{from}, Level::notice, "it said goodbye", out);
                return;
            }
            if (member && !restarted && join.failed.contains(s.self)) {
                call_who_left_us_out(s, out);
                return;
            }
            prepare_gather(s, restarted ? "a member has restarted" : "a join");
            s.processors.merge(join.processors);
            start_round(s, out);
            break;
        }
        case Phase::commit:
        case Phase::recovery: {
            const Ring& ring = *s.forming;
            if (!ring.members.contains(from) ||
                (join.ring_seq < ring.id.seq && !join.leave && !knows_more(s, join) &&
                 !is_restarted(ring, from, join.incarnation))) {
                ++s.stats.stale_joins;
                return;
            }
            AIS_MARK("gather.join_ends_commit");
            enter_gather(s, "a member gathers again", out);
            break;
        }
        case Phase::gather:
            if (!s.processors.contains(from) && is_held_off(s, from, join, agreed(s))) {
                return;
            }
            break;
        case Phase::idle:
        case Phase::left:
            return;
    }
    process_join(s, from, join, out);
}

void on_foreign(State& s, NodeId from, std::string_view what, Effects& out) {
    if (s.admission.is_refused(from)) {
        return;
    }
    if (s.phase == Phase::operational) {
        if (s.installed->members.contains(from)) {
            return;  // late, or gone on without us: then the token will not come back
        }
        if (s.separation.holds_off(from, s.installed->members, s.now)) {
            AIS_MARK("gather.holds_off_foreign");
            tell_what_holds_off(s, from, s.installed->members);
            return;
        }
        prepare_gather(s, what);
        s.hearing.hear(from, s.now);
        s.processors.insert(from);
        start_round(s, out);
    } else if (s.phase == Phase::gather && !s.processors.contains(from) &&
               !s.separation.holds_off(from, agreed(s), s.now)) {
        s.processors.insert(from);
        start_round(s, out);
    }
}

void on_join_timer(State& s, Effects& out) {
    if (s.phase == Phase::gather) {
        set_join_timer(s);
        transmit_join(s, out);
    }
}

void on_consensus_timer(State& s, Effects& out) {
    if (s.phase != Phase::gather) {
        return;
    }
    const Members alone{s.self};
    if (!has_consensus(s)) {
        AIS_MARK("gather.consensus_timeout");
        leave_out_silent(s);
        start_round(s, out);
    } else if (agreed(s) != alone) {
        // Agreed, but the representative did not send the commit token.
        AIS_MARK("gather.commit_token_did_not_come");
        start_round(s, out);
    }
    if (agreed(s) == alone) {
        create_commit_token(s, out);
    }
}

void transmit_leave(State& s, Effects& out) {
    Join join;
    join.incarnation = s.incarnation;
    join.ring_seq = std::max(s.known_seq, s.adopted_seq);
    join.leave = true;
    join.processors = s.phase == Phase::operational ? s.installed->members : s.processors;
    join.processors.insert(s.self);
    join.failed.insert(s.self);
    const std::size_t size = encode(s.scratch, s.self, join);
    AIS_ASSERT(size > 0);
    transmit(out, std::nullopt, Traffic::control, Bytes(s.scratch).first(size));
}

}  // namespace ais::totem
