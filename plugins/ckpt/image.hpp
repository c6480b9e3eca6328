// SPDX-License-Identifier: BSD-3-Clause
//
// The whole replicated state of ckpt as plain data: what a snapshot holds, what
// a merge makes, and what state.hpp works on.
//
// Pure.  Threads: none.

#pragma once

#include "checkpoint.hpp"
#include "wire.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace ais::ckpt {

// A handle of a client, named for the whole cluster.
struct HandleId {
    std::uint32_t node = 0;
    std::uint32_t connection = 0;
    std::uint32_t number = 0;

    friend auto operator<=>(const HandleId&, const HandleId&) = default;
};

// A large write of which not all pieces are here.  Of an atomic checkpoint the
// data waits in `staged`; of a weak one it is in the sections already, and `staged` has
// nothing.
struct Transfer {
    Plan plan;
    std::vector<Blob> staged;         // per element
    std::vector<std::uint64_t> here;  // per element: bytes that have come
    bool is_direct = false;
    Outcome refused;  // direct only: why the plan was not begun
};

struct Opener {
    ObjectId object;
    std::uint32_t flags = 0;
    std::unique_ptr<Transfer> transfer;  // null: none under way
};

struct Ring {
    std::uint64_t seq = 0;
    std::uint32_t representative = 0;
    std::uint32_t salt = 0;

    friend bool operator==(const Ring&, const Ring&) = default;
};

struct Image {
    Ring ring;                          // in which objects get their ids now
    std::uint64_t next_object = 0;      // of this ring
    std::uint64_t next_generation = 1;  // of this ring, for timers
    std::uint64_t applied = 0;          // changes of this ring that wait for all replicas
    std::map<ObjectId, Checkpoint> checkpoints;
    std::map<HandleId, Opener> openers;
};

}  // namespace ais::ckpt
