// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of ckpt: which checkpoints there are, under which name,
// who has them open.
//
// A deterministic function of delivered messages and configurations, equal on
// all nodes of a component.  No host, no clock, no I/O.  What has to happen later (a
// retention, an expiration) is told by take_timer_changes().  Threads: none.
//
// Invariants:
//   1. A name names at most one linked checkpoint; unlinked ones have no name here.
//   2. checkpoint.openers == number of handles whose object it is; a client opens at most
//   opens_max.
//   3. A checkpoint without openers is linked, has a retention above 0, and its
//      generation is not 0; with openers its generation is 0.
//   4. A handle has at most one transfer.
//   5. Two objects never have one id, nor two timers of an object one generation, also on two sides
//      of a ring that has split: until its regular configuration a side goes on with the old
//      ring's name, and marks what it makes by its lowest member.
//
// Handles of nodes that went away are closed at the *regular* configuration,
// not at the transitional one before it: messages of the old ring that come in
// between may be theirs.

#pragma once

#include "image.hpp"
#include "retention.hpp"
#include "wire.hpp"

#include <ais/abi/types.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::ckpt {

// Any operation may change the bytes that a checkpoint holds; this keeps the
// sum without every operation having to say by how much.
class Account {
  public:
    Account(std::uint64_t& sum, const Checkpoint& of) : sum_(sum), of_(of), before_(of.used) {}
    ~Account() { sum_ += of_.used - before_; }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

  private:
    std::uint64_t& sum_;
    const Checkpoint& of_;
    std::uint64_t before_;
};

// Why these: nodes of the maps, strings and numbers, rounded up.
inline constexpr std::uint64_t checkpoint_cost = 512;
inline constexpr std::uint64_t section_cost = 256;

class State {
  public:
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // Each is one delivered message; `stamp` is that of its head.
    Error open(const HandleId& who, const Open& wanted, std::int64_t stamp);
    Error close(const HandleId& who);
    Error unlink(std::string_view name);
    Error set_retention(const HandleId& who, std::int64_t duration);
    Error set_active(const HandleId& who);
    Outcome create(const HandleId& who,
                   const Data& data,
                   std::int64_t expiration,
                   std::int64_t stamp);
    Outcome remove(const HandleId& who, std::string_view id);
    Outcome set_expiration(const HandleId& who,
                           std::string_view id,
                           std::int64_t expiration,
                           std::int64_t stamp);
    Outcome write(const HandleId& who, std::span<const Data> all, std::int64_t stamp);
    Outcome overwrite(const HandleId& who, const Data& data, std::int64_t stamp);
    // Whether synchronize may be asked for.
    [[nodiscard]] Error check_synchronize(const HandleId& who) const;
    // Large writes.  What was begun and not finished by the same handle is given up.
    void begin(const HandleId& who, Plan plan, std::int64_t stamp);
    void piece(const HandleId& who, const Piece& piece, std::int64_t stamp);
    Outcome finish(const HandleId& who, std::int64_t stamp);
    // A client of this node is gone: its handles are closed.
    void depart(std::uint32_t node, std::uint32_t connection);
    // True: it was due and is gone.
    bool expire(const Expire& timer);

    // A configuration, of either kind.
    void configure(const ais_configuration& now);
    // The exchange of snapshots ended with this.
    void replace(Image merged);
    // The state itself instead of a copy, to be merged; replace() must follow.
    [[nodiscard]] Image take_image() { return std::move(image_); }

    // A change that is answered when all nodes have said that they have it: its number in
    // this ring.
    std::uint64_t count_applied() { return ++image_.applied; }

    // Reads.  Null, not_exist: see Checkpoint; bad_handle: the handle has lost its checkpoint.
    [[nodiscard]] const Checkpoint* find(const HandleId& who) const;
    [[nodiscard]] bool has(const HandleId& who) const { return image_.openers.count(who) != 0; }
    [[nodiscard]] NameList list(std::string_view after) const;

    // Since the last call, in order.
    std::vector<TimerChange> take_timer_changes();
    // All timers that must run now.
    [[nodiscard]] std::vector<TimerChange> all_timers() const;

    [[nodiscard]] const Image& image() const { return image_; }
    // The nodes of the last regular configuration, ascending.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }
    // Bytes of all sections and of all transfers.
    [[nodiscard]] std::uint64_t bytes_used() const { return bytes_used_; }
    // What is kept besides: about checkpoint_cost for each checkpoint, and section_cost and its
    // id for each section, however little is in it.
    [[nodiscard]] std::uint64_t bytes_kept() const {
        return image_.checkpoints.size() * checkpoint_cost + section_bytes_;
    }
    [[nodiscard]] bool is_linked(std::string_view name) const { return names_.count(name) != 0; }

  private:
    struct Found {
        Opener* opener = nullptr;
        Checkpoint* checkpoint = nullptr;
    };
    [[nodiscard]] Found at(const HandleId& who);
    // For operations that need write access.
    [[nodiscard]] Error writable(const HandleId& who, Found& found);

    ObjectId new_object();
    // Of a timer that starts; the caller counts.
    [[nodiscard]] std::uint64_t next_generation() const;
    void attach(const HandleId& who, const ObjectId& object, std::uint32_t flags);
    void detach(std::map<HandleId, Opener>::iterator opener);
    void give_up(Opener& opener);
    static void mark_cut(Checkpoint& checkpoint, const Transfer& transfer);
    void erase(std::map<ObjectId, Checkpoint>::iterator checkpoint);
    void rebuild();

    void start_retention(const ObjectId& id, Checkpoint& checkpoint);
    void stop_retention(const ObjectId& id, Checkpoint& checkpoint);
    void start_expiration(const ObjectId& id, std::string_view section, const Section& what);
    void stop_expiration(const ObjectId& id, std::string_view section);

    Image image_;
    std::map<std::string, ObjectId, std::less<>> names_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> handles_;  // of each client
    std::vector<ais_node_id> nodes_;         // of the last regular configuration
    std::vector<ais_node_id> pending_left_;  // since then, from transitional ones
    ais_node_id side_ = 0;                   // lowest member of the transitional one; 0: none
    std::uint64_t bytes_used_ = 0;
    std::uint64_t section_bytes_ = 0;  // section_cost and id of each section
    std::vector<TimerChange> timer_changes_;
};

}  // namespace ais::ckpt
