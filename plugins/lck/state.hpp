// SPDX-License-Identifier: BSD-3-Clause
//
// The replicated state of lck: resources, who has them open, what is granted and who waits.
//
// A deterministic function of delivered messages and configurations, equal on all nodes of a
// component; `self` only decides what replace() reports.  No host, no clock.  The rules are in
// docs/protocol/lck.md; queue.cpp has those of one resource's queue, deadlock.cpp the search.
//
// Each change may decide requests of any node: they are appended to Effects, and each service
// tells its own clients (service.cpp).
//
// Invariants:
//   1. On a resource either one lock is exclusive and no other granted, or none is exclusive;
//      orphans count as granted.
//   2. A resource is there as long as it has an open or an orphan.  Every lock but an orphan has
//      an open, on its own node and resource.
//   3. Places and fencing numbers are never used twice, and grow.
//   4. While is_frozen(), nothing is granted and no fresh request decided.
//
// Threads: none.

#pragma once

#include "wire.hpp"

#include <ais/abi/types.h>

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ais::lck {

// Of an open or a lock.
struct Id {
    std::uint32_t node = 0;
    std::uint64_t number = 0;

    friend auto operator<=>(const Id&, const Id&) = default;
};

enum class Kind : std::uint8_t {
    fresh = 1,    // has arrived, and is not decided
    waiting = 2,  // will be granted when its turn comes
    granted = 3,
    orphan = 4,  // still granted, and its holder is gone
};

struct Resource;
struct Client;

struct Open {
    Id id;
    std::uint64_t client = 0;
    std::uint32_t pid = 0;
    Resource* resource = nullptr;
    Client* owner = nullptr;
    std::set<std::uint64_t> locks;  // numbers
};

struct Lock {
    Id id;
    Kind kind = Kind::fresh;
    Mode mode = Mode::exclusive;
    std::uint32_t flags = 0;
    std::uint64_t signal = 0;
    std::uint64_t place = 0;  // in the order of arrival, of all resources
    Fence fence;              // of a grant; a merge gives a new one
    Fence since;              // that of the grant itself
    Resource* resource = nullptr;
    Open* open = nullptr;  // null: an orphan

    [[nodiscard]] bool is_held() const { return kind == Kind::granted || kind == Kind::orphan; }
};

// The highest numbers of locks that were given back: who holds one with a lower number on another
// side of a division was not alone.
struct Past {
    Fence any;
    Fence exclusive;

    void note(Mode mode, const Fence& since);
    void note(const Past& other);
    [[nodiscard]] bool overtakes(Mode mode, const Fence& since) const {
        return since < (mode == Mode::exclusive ? any : exclusive);
    }
};

// Limit: resources that are gone and whose past is kept, and orphans known to be purged; 4,096 of
// either are far more than a division outlasts.  Beyond: docs/protocol/lck.md.
inline constexpr std::size_t past_max = 4096;
inline constexpr std::size_t purged_max = 4096;

struct Resource {
    std::string name;
    Past past;
    std::set<Id> opens;
    std::map<std::uint64_t, Lock*> queue;  // fresh and waiting, by place
    std::map<std::uint64_t, Lock*> held;   // granted and orphans, by place
    std::size_t exclusive = 0;             // of those held
    std::size_t orphans = 0;
};

// A process's association: the owner of deadlock detection.
struct Client {
    std::size_t opens = 0;
    std::size_t granted = 0;
    std::map<std::uint64_t, Lock*> queued;  // fresh and waiting, by place
};

// The state as plain data: what a snapshot holds.
struct Image {
    struct OpenPart {
        Id id;
        std::uint64_t client = 0;
        std::uint32_t pid = 0;
    };
    struct LockPart {
        Id id;
        Kind kind = Kind::fresh;
        Mode mode = Mode::exclusive;
        std::uint32_t flags = 0;
        std::uint64_t open = 0;  // number; 0: an orphan
        std::uint64_t signal = 0;
        std::uint64_t place = 0;
        Fence fence;
        Fence since;
    };
    struct Part {
        std::string name;
        Past past;
        std::vector<OpenPart> opens;  // ascending
        std::vector<LockPart> locks;  // by place
    };
    bool is_frozen = true;
    std::uint64_t count = 0;  // of grants
    std::uint64_t last_place = 0;
    std::vector<Part> resources;                    // by name
    std::map<std::string, Past, std::less<>> past;  // of resources that are gone
    Fence forgotten;                                // the highest that is in no past any more
    // Orphans that were purged, with the count of grants at that time.
    std::set<std::pair<std::uint64_t, Id>> purged;

    // Drop what is beyond the limits, the oldest first.
    void forget_oldest();
};

// What clients have to be told, in this order.
struct Effects {
    struct Decided {
        Id lock;
        Status status = Status::granted;
        Fence fence;
    };
    struct Waiter {
        Id holder;
        std::uint64_t signal = 0;
        Mode held = Mode::exclusive;
        Mode requested = Mode::exclusive;
    };
    std::vector<Id> lost;
    std::vector<Decided> decided;
    std::vector<Waiter> waiters;
};

class State {
  public:
    explicit State(ais_node_id self) : self_(self) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // A message of the new ring is here: all queues are served, if they were not yet.
    void thaw(Effects& effects);

    enum class Opened : std::uint8_t { ok, not_exist, no_resources };
    Opened open(ais_node_id sender, const OpenMessage& message);
    // All of them before anything is served: a process that is gone gets nothing any more.
    void close(ais_node_id sender, std::span<const std::uint64_t> numbers, Effects& effects);
    // False: that open is closed.  Otherwise the request is decided in some effects, or
    // unlocked, expired or closed.
    bool lock(ais_node_id sender, const LockMessage& message, Effects& effects);
    enum class Unlocked : std::uint8_t { not_exist, granted, queued };
    Unlocked unlock(ais_node_id sender, std::uint64_t number, Effects& effects);
    // True: it was waiting, and is dropped.
    bool expire(ais_node_id sender, std::uint64_t number, Effects& effects);
    // False: that open is closed.
    bool purge(ais_node_id sender, std::uint64_t open, Effects& effects);
    // `is_primary`: of a regular one; else nothing is granted in it, and what was is lost.
    void configure(const ais_configuration& now, bool is_primary, Effects& effects);

    [[nodiscard]] Image image() const;
    // Put back one state as it was; or, `is_merged`, take what a merge has made of several:
    // locks get new numbers and queues are served.
    void replace(const Image& image, bool is_merged, Effects& effects);

    // Null: no such thing.
    [[nodiscard]] const Open* find_open(Id id) const;
    [[nodiscard]] const Lock* find_lock(Id id) const;
    [[nodiscard]] bool is_frozen() const { return is_frozen_; }
    [[nodiscard]] bool is_primary() const { return is_primary_; }
    [[nodiscard]] ais_node_id self() const { return self_; }
    // Of the last regular configuration, ascending.
    [[nodiscard]] const std::vector<ais_node_id>& nodes() const { return nodes_; }
    [[nodiscard]] std::size_t open_count() const { return opens_.size(); }
    [[nodiscard]] std::size_t lock_count() const { return locks_.size(); }
    [[nodiscard]] const std::map<std::string, std::unique_ptr<Resource>, std::less<>>& resources()
        const {
        return resources_;
    }

  private:
    using Owner = std::pair<ais_node_id, std::uint64_t>;  // node, client

    Resource& make_resource(std::string_view name);
    Open& add_open(Resource& resource, Id id, std::uint64_t client, std::uint32_t pid);
    Lock& add_lock(Resource& resource, Open* open, const Image::LockPart& part);
    void remove_opens(std::span<const Id> gone, Effects& effects);
    void remove_open(Open& open);
    void make_orphan(Lock& lock);
    void erase(Lock& lock);
    static void note_given_back(const Lock& lock);
    void after_change(const std::set<std::string>& names, Effects& effects);
    bool erase_if_over(Resource& resource);
    void keep_past(std::string_view name, const Past& past);
    void lose_all(Effects& effects);

    // queue.cpp
    void serve(Resource& resource, Effects& effects);
    void grant(Lock& request, Effects& effects);
    void refuse(Lock& request, Status status, Effects& effects);
    // False: it waits.
    bool refuse_if_it_must_not_wait(Lock& request, Effects& effects);
    void serve_all(Effects& effects);
    Fence next_fence();
    // deadlock.cpp
    [[nodiscard]] bool closes_cycle(const Lock& request) const;
    void break_cycles(Effects& effects);

    ais_node_id self_;
    std::map<std::string, std::unique_ptr<Resource>, std::less<>> resources_;
    std::map<Id, Open> opens_;
    std::map<Id, Lock> locks_;
    std::map<Owner, Client> clients_;
    std::map<std::string, Past, std::less<>> past_;       // of resources that are gone
    std::set<std::pair<Fence, std::string>> past_order_;  // by Past::any
    Fence forgotten_;
    std::set<std::pair<std::uint64_t, Id>> purged_;
    std::uint64_t count_ = 0;
    std::uint64_t last_place_ = 0;
    bool is_frozen_ = true;
    bool is_primary_ = true;
    ais_ring_id ring_{};
    std::vector<ais_node_id> nodes_;
    std::set<ais_node_id> pending_left_;  // since then, from transitional ones
};

}  // namespace ais::lck
