// SPDX-License-Identifier: BSD-3-Clause
//
// Words of the protocol that its users need.

#pragma once

#include "totem/members.hpp"

#include <ais/bytes.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <iosfwd>

namespace ais::totem {

// Names a ring.  `seq` grows with every new ring; `salt` is random per boot of
// the representative, so that an id is not used twice even by a node that
// lost its stored number.  {0,0,0} names no ring.
struct RingId {
    std::uint64_t seq = 0;
    NodeId representative;
    std::uint32_t salt = 0;

    [[nodiscard]] bool is_valid() const { return representative.is_valid(); }
    auto operator<=>(const RingId&) const = default;
};

// "1.24": representative.seq, as in log lines and transcripts.
std::ostream& operator<<(std::ostream& to, const RingId& ring);

// Order of a message on its ring; the first one is 1.
using Seq = std::uint64_t;

// Index of a network path, 0 for the first `interface` section.
using LinkId = std::uint8_t;

// FIFO and unordered multicasts are served as agreed.
enum class Guarantee : std::uint8_t { agreed = AIS_GUARANTEE_AGREED, safe = AIS_GUARANTEE_SAFE };

// A configuration change (EVS paper section 3; ais_configuration in the ABI).
struct Configuration {
    enum class Kind : std::uint8_t {
        transitional = AIS_CONFIGURATION_TRANSITIONAL,
        regular = AIS_CONFIGURATION_REGULAR
    };

    Kind kind = Kind::regular;
    RingId ring;      // transitional: the old ring that its members leave together
    Members members;  // transitional: those who move together
    Members joined;   // regular: members that did not move with us
    Members left;     // transitional: members of the old ring that do not move with us

    // Regular only: the ring that members[i] came from; two members with the
    // same one moved together.  Invalid for a node that had none yet.
    std::array<RingId, Members::capacity> previous{};

    // Regular only: which life of members[i] is the member (Engine::Identity); 0 if it is not
    // known.
    std::array<std::uint64_t, Members::capacity> incarnations{};
};

}  // namespace ais::totem
