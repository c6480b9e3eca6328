// SPDX-License-Identifier: BSD-3-Clause
//
// Timeouts, windows and limits of the protocol, and the relations between
// them.  The daemon fills this from the configuration tree (section `totem`);
// names are those of openais.conf(5).

#pragma once

#include "base/time.hpp"

#include <ais/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ais::totem {

// Join and commit token grow with the number of nodes and may exceed
// datagram_max, up to this; IP fragments them.  Receive buffers must hold it.
constexpr std::size_t control_datagram_max = 8192;

// A key of the configuration that must be equal on all members, and its value, as the
// operator wrote them.
struct Term {
    std::string name;
    std::string value;
};

struct Config {
    using ms = std::chrono::milliseconds;

    // A member that does not answer is left out after about so long; detector.hpp
    // derives its periods from it.
    Duration detection_time = ms(500);
    // Token lost although all that were asked live: enter Gather.
    Duration token_timeout = ms(1000);
    // The token is sent again when nothing proves that the successor has it.
    Duration token_retransmit_timeout = ms(90);
    // An idle representative keeps the token at most so long.
    Duration hold_timeout = ms(140);
    // A Join is repeated.
    Duration join_timeout = ms(20);
    // A lone sender keeps the token at most so long (stay.cpp); 0: never.
    Duration stay_max = ms(4);
    // Those who do not agree by then are left out.
    Duration consensus_timeout = ms(240);
    // An idle representative looks for other rings.
    Duration merge_timeout = ms(200);
    // A node that is left out again and again for a broken path waits longer every time before
    // it may come back, at most so long.
    Duration hold_off_max = std::chrono::seconds(30);
    // Rotations without progress of the aru until its holder is left out.
    std::uint32_t fail_to_receive_rotations = 50;
    // Idle rotations before the token is held.
    std::uint32_t seqno_unchanged_rotations = 30;

    // Datagrams that all nodes together send in one rotation; the members agree
    // on the smallest.
    std::uint32_t window_size = 256;
    // Datagrams that one node sends in one visit of the token.  Why all of the window: who is alone
    // in having something to send has it all; shares are what flow control is for.
    std::uint32_t max_messages = 256;
    // Accelerated ring: datagrams of a visit that follow the token (0: the
    // original protocol).  Paper: Babay and Amir, ICDCS 2016.
    std::uint32_t accelerated_window = 128;

    // Largest datagram that the engine emits, in bytes, before sealing; the
    // same on all members.
    std::size_t datagram_max = 1400;
    // Messages kept for ordering and retransmission.
    std::size_t log_slots = 4096;

    // A node whose terms differ is refused before it is in a ring (admission.hpp).  The engine
    // adds netmtu, that is datagram_max.
    std::vector<Term> terms{};

    // Checks the relations and names the key that is wrong and what would be
    // right.
    [[nodiscard]] Result<void> validate() const;
};

}  // namespace ais::totem
