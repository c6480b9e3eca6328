// SPDX-License-Identifier: BSD-3-Clause
//
// What happens when: ordered by time, and at equal times by the order of creation.
//
// Keys lie in a heap of their own and what they stand for in slots that are used again, so that
// the heap moves 24 bytes and nothing is allocated in steady state.  Datagrams are shared
// between their receivers.

#pragma once

#include "base/node_id.hpp"
#include "base/time.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace ais::sim {

struct Datagram {
    std::vector<std::uint8_t> bytes;
    std::uint32_t owners = 0;
};

struct Happening {
    enum class Kind : std::uint8_t { action, arrival, wake, dispatch };

    Kind kind = Kind::action;
    totem::LinkId link = 0;
    NodeId to;
    NodeId from;
    std::uint32_t address = 0;     // arrival: of `from` on the link
    Instant sent{};                // arrival
    std::uint64_t life = 0;        // wake, dispatch: of which life of `to`
    Datagram* datagram = nullptr;  // arrival
    std::function<void()> action;
};

class EventQueue {
  public:
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    // Requires: !empty().
    [[nodiscard]] Instant first() const { return heap_.front().at; }
    void push(Instant at, Happening what);
    // Requires: !empty().
    Happening pop();

    // A datagram with one owner, the caller.
    Datagram* make(Bytes bytes);
    void share(Datagram* datagram) { ++datagram->owners; }
    void release(Datagram* datagram);

  private:
    struct Key {
        Instant at;
        std::uint64_t order;
        std::uint32_t slot;
        bool operator<(const Key& other) const {
            return at != other.at ? at < other.at : order < other.order;
        }
    };

    std::vector<Key> heap_;  // of four children each: fewer cache lines on the way down
    std::vector<Happening> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::uint64_t order_ = 0;
    std::vector<std::unique_ptr<Datagram>> datagrams_;
    std::vector<Datagram*> free_datagrams_;
};

}  // namespace ais::sim
