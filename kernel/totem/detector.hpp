// SPDX-License-Identifier: BSD-3-Clause
//
// Who of the ring is alive?  Opinions about peers, formed from what is heard of
// them and from answers to questions; never from the token alone.
//
//   alive ── the token is late, or a hint ──▶ doubted ── no answer ──▶ suspected
//     ▲                                          │                        │
//     └───────── an answer to a probe ◀──────────┴────────────────────────┤
//                                                   no answer, no witness ▼
//                                                                      excluded
//
// A doubted peer is probed; while it is suspected the others are asked to probe
// it, too.  A hint of the operating system (a closed port, a link that went
// down) shortens the way only if a probe sent after it fares the same.  Only
// answers clear a peer, since they prove both directions; being heard or vouched
// for buys one more period.  A node that was late itself doubts itself first:
// all its doubts begin anew, and it has more patience for a while.
//
// Not here: when a token is late, what is sent, and what happens to a peer that
// is excluded (detection.cpp).  Threads: none.  Time comes in by the door.
//
// Sources: SWIM (Das, Gupta, Motivala, DSN 2002) for probe, indirect probe and
// suspicion; Lifeguard (Dadgar, Phillips, Currey, 2017) for local health; round
// trips as in RFC 6298.  docs/protocol/detection.md has the budget.

#pragma once

#include "base/time.hpp"
#include "totem/members.hpp"
#include "totem/types.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ais::totem {

// What the operating system noticed about a peer or a link.
enum class Hint : std::uint8_t {
    refused,      // ICMP: nobody listens on the port
    closed,       // the connection that lives as long as the peer's process has ended
    unreachable,  // ICMP or routing: no way to the peer
    link_down,    // our own interface; concerns everybody
};

// What follows from detection_time.
struct DetectionTiming {
    Duration late;      // grace beyond the usual rotation until the token is late
    Duration probe;     // doubted: a peer has so long to answer us
    Duration suspect;   // suspected: and so long while others ask, too
    Duration confirm;   // after a hint: a living process answers in this time
    Duration health;    // for so long a late node is more patient, per step
    Duration lateness;  // a loop that wakes up so late was not run in time

    [[nodiscard]] static DetectionTiming of(Duration detection_time);
};

// Mean and deviation of a time that is measured again and again (RFC 6298).
class Estimate {
  public:
    void add(Duration sample);
    [[nodiscard]] bool is_known() const { return mean_ > Duration::zero(); }
    [[nodiscard]] Duration mean() const { return mean_; }
    // What is rarely exceeded; 0 if nothing is known.
    [[nodiscard]] Duration bound() const { return mean_ + 4 * deviation_; }

  private:
    Duration mean_{};
    Duration deviation_{};
};

class Detector {
  public:
    static constexpr std::size_t links_max = 8;

    enum class Standing : std::uint8_t { alive, doubted, suspected, excluded };

    struct Action {
        enum class Kind : std::uint8_t {
            probe,       // send a probe `id` to `peer`
            ask_others,  // ask all members to answer `id` and to probe `peer`
            exclude,     // leave `peers` out; `why` is a literal
        };
        Kind kind = Kind::probe;
        NodeId peer{};
        std::uint32_t id = 0;
        Members peers{};
        std::string_view why{};
        bool is_certain = false;  // its process is known to have ended
    };

    explicit Detector(NodeId self) : self_(self) {}

    void set_timing(const DetectionTiming& timing) { timing_ = timing; }
    [[nodiscard]] const DetectionTiming& timing() const { return timing_; }

    // Watch these from now on, all of them alive.  Estimates of those who stay are kept.
    void track(const Members& members);

    // Any authenticated datagram of the peer came.
    void on_heard(Instant now, NodeId peer, LinkId link);
    // It answered our probe `id`, itself (false if that is an answer to nothing) or …
    bool on_answer(Instant now, NodeId peer, LinkId link, std::uint32_t id);
    // … a witness says that it lives.
    void on_vouched(NodeId peer);

    // There is a reason to ask.
    void doubt(Instant now, NodeId peer);
    void hint(Instant now, NodeId peer, Hint what);
    // This node itself was not run for a while.
    void on_late_self(Instant now);

    // What is to be done now, one thing at a time; nothing: wait until deadline().
    std::optional<Action> next(Instant now);
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] Standing standing(NodeId peer) const;
    // 0: healthy.  Patience is multiplied by one more than this.
    [[nodiscard]] std::uint32_t self_doubt(Instant now) const;
    [[nodiscard]] std::optional<Instant> last_heard(NodeId peer) const;
    [[nodiscard]] Duration round_trip(NodeId peer) const;  // on the best link; 0: unknown
    // "2 alive, rtt 0.2 ms, silent 3 ms", one line for each peer.
    [[nodiscard]] std::string describe(Instant now) const;

  private:
    struct Sent {
        std::uint32_t id = 0;
        Instant at;
    };
    struct Peer {
        NodeId node;
        Standing standing = Standing::alive;
        bool is_heard = false;        // since the doubt began, though it did not answer
        bool is_extended = false;     // that was taken into account
        bool is_hinted = false;       // the system thinks that its process has ended
        bool is_hint_probed = false;  // we asked after that
        bool is_hint_confirmed = false;
        std::string_view why;             // of the hint
        Instant decide_at;                // end of the present standing
        Instant probe_at;                 // next probe
        Instant ask_at;                   // next request to others
        Instant confirm_at;               // a confirmed hint counts from here
        std::optional<Instant> asked_at;  // with others, about someone else, and silent since
        std::array<Sent, 8> sent{};       // by id
        std::array<Instant, links_max> heard_at{};
        std::array<Estimate, links_max> round_trips{};
    };

    Peer* find(NodeId node);
    [[nodiscard]] const Peer* find(NodeId node) const;
    [[nodiscard]] Duration patience(const Peer& peer, Duration base, Instant now) const;
    [[nodiscard]] Duration interval(const Peer& peer) const;
    [[nodiscard]] bool is_open(const Peer& peer) const;
    [[nodiscard]] Instant due(const Peer& peer) const;
    std::uint32_t new_id(Peer& peer, Instant now);
    void begin(Peer& peer, Instant now);
    void clear(Peer& peer);
    std::optional<Action> step(Peer& peer, Instant now);
    Action exclude(Peer& peer, Instant now);

    NodeId self_;
    DetectionTiming timing_ = DetectionTiming::of(std::chrono::milliseconds(500));
    std::array<Peer, Members::capacity> peers_{};  // ascending by node
    std::size_t count_ = 0;
    std::size_t recent_ = 0;  // index of the peer heard last
    std::size_t open_ = 0;    // doubted or suspected
    std::uint32_t next_id_ = 1;
    std::uint32_t late_steps_ = 0;
    Instant late_at_{};
};

}  // namespace ais::totem
