// SPDX-License-Identifier: BSD-3-Clause
//
// With redundant links one sealed datagram comes once on each of them.  The
// first copy is opened; this class recognises the others by their clear header,
// so that they cost neither cryptography nor the engine's time.
//
// Invariants:
//   1. A datagram is called a copy only if one with the same stamp was opened.
//   2. A second one on the *same* link is not called a copy: it goes on to the
//      seal, which says "seen before" (LINK-006), as it does with one link.
// A forged header can therefore at most be dropped; it hides nothing.
//
// Threads: none.  Allocates when a node is heard for the first time.

#pragma once

#include "links/stamp.hpp"
#include "totem/types.hpp"

#include <array>
#include <memory>
#include <vector>

namespace ais::links {

class Copies {
  public:
    // Why 4,096: the replay window of the envelope; what is older does not open anyway.
    static constexpr std::uint64_t window = 4096;
    // Limit: of senders; then the one that was first heard longest ago makes room.
    static constexpr std::size_t senders_max = AIS_NODES_MAX;

    // Before opening.  True: drop it.
    [[nodiscard]] bool is_copy(const Stamp& stamp, totem::LinkId link);
    // It was opened.
    void note(const Stamp& stamp, totem::LinkId link);

  private:
    struct Sender {
        NodeId node;
        envelope::Salt boot{};
        std::uint64_t top = 0;
        std::array<std::uint8_t, window> links{};  // bit i: came on link i
    };
    Sender* find(NodeId node);

    std::vector<std::unique_ptr<Sender>> senders_;
    std::size_t last_ = 0;
    std::size_t next_victim_ = 0;
};

}  // namespace ais::links
