// SPDX-License-Identifier: BSD-3-Clause
//
// The state behind Engine, and the handlers that share it, by file.
//
// There are at most two rings.  `installed` is the ring of the last regular
// configuration: its messages are ordered and delivered.  `forming` is the one
// that Commit and Recovery build; it becomes the installed one in
// enter_operational().  Tokens and data of any other ring are foreign.
//
//            token lost, join, merge                consensus
//   Operational ─────────────▶ Gather ◀──────────────┐  │
//        ▲                        │   commit token    │  │
//        │                        └────────▶ Commit ──┤  │
//        │   everybody has everything          │      │  │
//        └────────────────────── Recovery ◀────┘      │  │
//                                   └── token lost ───┘
//
// Invariants:
//   1. forming is in use only in Commit and Recovery.
//   2. The messages of installed do not change in Commit, so that what our slot
//      of the commit token says stays true.
//   3. installed.delivered >= installed.stable after every call.

#pragma once

#include "base/deadlines.hpp"
#include "base/prng.hpp"
#include "totem/admission.hpp"
#include "totem/detector.hpp"
#include "totem/engine.hpp"
#include "totem/flow_control.hpp"
#include "totem/hearing.hpp"
#include "totem/message_log.hpp"
#include "totem/packet.hpp"
#include "totem/request_pace.hpp"
#include "totem/separation.hpp"
#include "totem/stats.hpp"

#include <array>
#include <string_view>

namespace ais::totem {

enum class Phase : std::uint8_t { idle, operational, gather, commit, recovery, left };

const char* name_of(Phase phase);

enum class Timer : std::uint8_t {
    token_loss,        // Operational, Commit, Recovery
    token_late,        // it should have come back: ask the successor
    detector,          // the detector has something to do
    token_retransmit,  // regular or commit token, until there is proof of its progress
    hold,              // the representative lets the token go
    hold_cancel,       // ask again for the token
    stay,              // a lone sender lets the token go
    join,              // Gather: repeat the join
    consensus,         // Gather
    merge_detect,      // Operational representative
    wake,              // work of our own making, due at once
    count
};

// One ring and our place in it.
struct Ring {
    Ring(const Config& config) : log(config.log_slots, config.datagram_max) {}

    RingId id;
    Members members;
    NodeId predecessor;
    NodeId successor;
    std::array<std::uint64_t, Members::capacity> incarnations{};  // as members

    MessageLog log;
    FlowControl flow;
    Seq delivered = 0;
    Seq stable = 0;

    // The token.
    Token token;  // while we work on it, and while it is held
    bool has_token = false;
    std::uint64_t token_seq = 0;  // of the last one accepted
    std::uint64_t visits = 0;     // tokens accepted
    std::uint32_t forwarded = 0;  // tokens forwarded: the round in data headers
    Seq forwarded_aru = 0;        // aru and seq as forwarded last
    Seq forwarded_seq = 0;
    std::uint32_t idle_visits = 0;  // in a row without a new seq
    bool counted_congested = false;

    // Stay (stay.cpp).
    std::uint32_t lone_visits = 0;  // since another had sent something, or a stay was vain
    bool stays = false;             // the token is here, its visit done but for forwarding
    bool is_stay_vain = false;      // nothing was sent in it yet
    std::uint32_t vain_stays = 0;   // in a row
    Instant stay_end;
    Seq visited_seq = 0;               // of the token, when the last visit began
    NodeId keeper;                     // who said with its last message that it keeps the token
    Seq last_safe = 0;                 // the newest safe message
    std::uint32_t settled_visits = 0;  // in a row in which all safe messages were stable

    // Failure to receive.
    Seq stuck_aru = 0;
    NodeId stuck_id;
    std::uint32_t stuck_visits = 0;
    Instant stuck_since;

    void reset(const RingId& ring, const Members& nodes, NodeId self);
};

// What Recovery knows from the filled commit token, and how far it is.
struct Recovery {
    Members transitional;  // those who come from our old ring with us
    Seq high_delivered = 0;
    Seq cursor = 0;  // next message of the old ring to look at for sending
    Seq last = 0;    // last one
    bool owns_retrans_flg = false;
    std::uint32_t quiet_visits = 0;  // in a row with retrans_flg clear
    Seq install_seq = 0;
    bool has_obligation = false;
    std::uint32_t complete_visits = 0;  // in a row with token.aru >= install_seq
    Seq seen_aru = 0;                   // at the last progress
    Seq seen_seq = 0;
    Instant progress_at;
};

struct State {
    State(const Config& config, const Engine::Identity& identity, Source& source, Log& log);

    Config config;  // its patience is that of the ring: detection.cpp
    const Config own_config;
    const NodeId self;
    const std::uint64_t incarnation;
    const std::uint32_t salt;
    Source& source;
    Log& log;
    Prng prng;

    Phase phase = Phase::idle;
    Instant now{};
    Instant joins_stale_until{};
    Instant late_noticed_at{};
    Deadlines<Timer> deadlines;
    Stats stats;
    bool congested = false;
    bool loopback = false;  // a ring of one: the token is at our own door

    // Numbers of rings: the highest that we were part of, and heard of.
    std::uint64_t adopted_seq = 0;
    std::uint64_t known_seq = 0;

    // Gather.
    Members processors;
    Members failed;
    Members consensus;
    Members heard;  // whose joins reached us
    Hearing hearing;
    bool told_whole = false;  // our last join said that we hear all
    Separation separation;
    Admission admission;
    Members missing;        // have left our rings and not come back
    Instant asked_until{};  // somebody wants to know whether we hear it
    // Why nodes were put into `failed` since we were last operational, for the log.
    struct Departure {
        NodeId node;
        std::string_view why;  // a literal
    };
    std::array<Departure, Members::capacity> departures{};
    std::size_t departure_count = 0;

    // Requests and repairs (repair.cpp).
    RequestPace pace;
    Members data_lost_told;  // whom a line in the log has named lately
    Instant data_lost_until{};

    // Who is alive (detection.cpp).
    Detector detector;
    LinkId receiving_link = 0;  // of the datagram in work
    Estimate rotation;          // of the token, rests left out
    Instant forwarded_at{};
    bool may_rest = false;       // the token that we forwarded last may have been held
    Instant merge_detect_due{};  // its timer may be later: at the end of a rest
    Duration late_wait{};        // of the last token_late timer
    struct Offer {
        NodeId node;
        Patience patience;
    };
    std::array<Offer, Members::capacity> offers{};  // what members said in their joins
    std::size_t offer_count = 0;

    std::unique_ptr<Ring> installed;
    std::unique_ptr<Ring> forming;
    Configuration configuration;  // last regular one
    Configuration transitional;   // storage for the effect

    // Commit and Recovery.
    CommitToken commit;
    Recovery recovery;

    // What the token_retransmit timer sends again.
    std::array<std::uint8_t, control_datagram_max> kept_token;
    std::size_t kept_token_size = 0;
    NodeId kept_token_to;
    Duration token_wait{};  // until then
    Instant kept_token_sent_at{};
    Instant repeated_at{};        // none: it was sent once
    Duration token_wait_floor{};  // after lost tokens, until a rotation without
    Duration ask_wait{};          // until the hold_cancel timer; 0: not asked yet
    // Scratch for control datagrams.
    std::array<std::uint8_t, control_datagram_max> scratch;

    // The ring whose token we pass on.  Requires: Operational or Recovery.
    [[nodiscard]] Ring& current();
};

// engine.cpp
void transmit(Effects& out, std::optional<NodeId> to, Traffic traffic, Bytes datagram);
[[nodiscard]] bool passes_tokens(Phase phase);

// token.cpp
void on_token(State& s, NodeId from, const Token& token, Effects& out);
// The work of one visit: the token is in current().token.
void visit_token(State& s, Effects& out);
// The parts of a visit that stay.cpp needs, too.
// New messages from the source, at most `allowed`, straight into the log; returns how many.
std::uint32_t take_messages(State& s, Ring& ring, std::uint32_t allowed);
void send_messages(Ring& ring, Seq first, Seq last, Sending sending, Effects& out);
void update_aru(State& s, Ring& ring);
void forward(State& s, Ring& ring, Effects& out);
// While we held the token somebody used a seq that only we could give: the token is given up.
[[nodiscard]] bool is_overtaken(State& s, Ring& ring);
// From here to here, generously: who has waited so long for a token that does not rest repeats
// what should have brought it.
[[nodiscard]] Duration token_wait(const State& s);
void keep_token(State& s, NodeId to, std::size_t size, Effects& out);
void retransmit_token(State& s, Effects& out);

// stay.cpp
// Nobody but us has sent anything lately, and nobody misses anything: asked when a visit begins.
[[nodiscard]] bool is_lone_sender(const State& s, const Ring& ring);
// After the messages of a visit were taken and booked: `datagrams` were sent, and before them the
// source had taken `taken_before`.  May the token stay?
[[nodiscard]] bool may_stay(const State& s,
                            const Ring& ring,
                            std::uint32_t datagrams,
                            std::uint64_t taken_before);
void note_safe(Ring& ring, const MessageLog::Entry& entry, Seq seq);
void begin_stay(State& s, Effects& out);
// Something is waiting while the token stays: send it.
void go_on_staying(State& s, Effects& out);
void end_stay(State& s, Effects& out);

// repair.cpp
// Send again what others ask for and we hold, at most `limit`; what is answered leaves the
// token.  Returns how many were sent.
std::uint32_t answer_requests(State& s, Ring& ring, std::uint32_t limit, Effects& out);
// Ask for holes up to `limit`, where it is time.
void add_requests(State& s, Ring& ring, Seq limit);
// A message came; had we asked for it?
void note_arrival(State& s, Ring& ring, const Message& message);
// Why the ring waits for ring.stuck_id: a line in the log, and a literal.
[[nodiscard]] std::string_view explain_stuck(State& s, Ring& ring);

// operational.cpp
void enter_operational(State& s, Effects& out);
void on_data(State& s, NodeId from, Bytes datagram, Effects& out);
void on_merge_detect(State& s, NodeId from, const RingNotice& notice, Effects& out);
void on_hold_cancel(State& s, NodeId from, const RingNotice& notice, Effects& out);
void transmit_merge_detect(State& s, Effects& out);
// A rest of the token begins that ends then; it has ended.
void align_merge_detect(State& s, Instant end_of_rest);
void end_rest(State& s, Effects& out);
void wake(State& s, Effects& out);

// delivery.cpp
// Deliver what is due on the installed ring and free what is stable.
void deliver_ready(State& s, Effects& out);
// The end of the old ring: its last messages around the transitional configuration.
void deliver_old_ring(State& s, Effects& out);

// gather.cpp
// Whom a merge detect has reached within this time is heard.
[[nodiscard]] Duration lately(const Config& config);
void enter_gather(State& s, std::string_view reason, Effects& out);
void on_join(State& s, NodeId from, const Join& join, Effects& out);
void on_foreign(State& s, NodeId from, std::string_view what, Effects& out);
void on_join_timer(State& s, Effects& out);
void on_consensus_timer(State& s, Effects& out);
void transmit_leave(State& s, Effects& out);
// False, and a line in the log, if `from` does not fit to us.
[[nodiscard]] bool is_admitted(State& s,
                               NodeId from,
                               std::uint8_t version_min,
                               std::uint8_t version_max,
                               Bytes terms,
                               const Features& features);
// A ring of `members` is agreed on: what keeps us apart from the others?
void note_separation(State& s, const Members& members);
// Something of `from` says that its path to us works: is a path whole again?
void note_path(State& s, NodeId from, const Members& heard, bool is_proof);
// Go on without `nodes`; `reason` is a literal.
void exclude(State& s, const Members& nodes, Level level, std::string_view reason, Effects& out);

// detection.cpp
// The kept token went out: it is expected back.
void watch_token(State& s);
// It is back, and was not lost: how long did it take?
void note_rotation(State& s);
void on_token_late(State& s, Effects& out);
void on_detector_timer(State& s, Effects& out);
void arm_detector(State& s);
void on_probe(State& s, PacketType type, NodeId from, const Probe& probe, Effects& out);
void on_hint(State& s, NodeId peer, Hint what);
// The most patient member's timeouts hold on a ring: joins offer them, the
// representative puts the longest into the commit token.
[[nodiscard]] Patience own_patience(const State& s);
void note_patience(State& s, NodeId from, const Patience& patience);
[[nodiscard]] Patience most_patient(const State& s, const Members& members);
void adopt_patience(State& s, const Patience& patience);

// commit.cpp
void create_commit_token(State& s, Effects& out);
void on_commit_token(State& s, NodeId from, CommitToken& token, Effects& out);

// recovery.cpp
void enter_recovery(State& s, Effects& out);
void start_regular_token(State& s, Effects& out);
// Send up to `allowed` messages of the old ring; returns how many went out.
std::uint32_t transmit_recovered(State& s, std::uint32_t allowed, Effects& out);
[[nodiscard]] std::uint64_t recovery_backlog(const State& s);
// False if there is no room for it: then its wrapping must not be taken either.
[[nodiscard]] bool take_recovered(State& s, const Message& wrapping);
// True when the ring can be installed.
[[nodiscard]] bool advance_recovery(State& s, Seq received_aru);

}  // namespace ais::totem
