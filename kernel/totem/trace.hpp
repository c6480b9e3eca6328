// SPDX-License-Identifier: BSD-3-Clause
//
// What a node saw, as lines of text: the trace that ais-check judges.
//
// Format and meaning: docs/protocol/trace.md.  Each function appends one line,
// newline included, to `to`; nothing is written anywhere else.  The reader is
// in tests/sim/checker, which knows nothing of engines.

#pragma once

#include "base/time.hpp"
#include "totem/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ais::totem::trace {

constexpr std::string_view first_line = "ais-trace 1\n";

// One start of one node.
struct Who {
    NodeId node;
    std::uint64_t incarnation = 0;
};

void start(std::string& to, Instant at, Who who);
void configure(std::string& to, Instant at, Who who, const Configuration& now);
// `number` counts the messages of this life from 1; `hash` recognises it where
// only its bytes are seen.
void send(std::string& to,
          Instant at,
          Who who,
          Guarantee guarantee,
          std::uint64_t number,
          std::uint64_t hash);
// By its bytes, and by its name.
void deliver(std::string& to,
             Instant at,
             Who who,
             Guarantee guarantee,
             const RingId& ring,
             Seq seq,
             NodeId sender,
             std::uint64_t hash);
void deliver(std::string& to,
             Instant at,
             Who who,
             Guarantee guarantee,
             const RingId& ring,
             Seq seq,
             Who origin,
             std::uint64_t number);
void quorum(std::string& to, Instant at, Who who, bool primary);
void state(std::string& to,
           Instant at,
           Who who,
           std::string_view service,
           std::uint64_t place,
           std::uint64_t digest);
void end(std::string& to, Instant at, Who who);

// FNV-1a.
std::uint64_t hash_of(Bytes payload);

}  // namespace ais::totem::trace
