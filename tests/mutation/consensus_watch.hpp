// SPDX-License-Identifier: BSD-3-Clause
//
// The consensus rule, seen on the wire: who passes a commit token on its first
// tour has announced exactly these members before.  The representative is not
// judged: it has heard the others, but nobody may have heard its last join.

#pragma once

#include "sim/checker/history.hpp"
#include "sim/world.hpp"

namespace ais::mutation_test {

class ConsensusWatch {
  public:
    // Sees a datagram that leaves `from`.
    void see(NodeId from, Bytes datagram);

    sim::Violations found;

  private:
    std::map<NodeId, totem::Members> announced_;
};

}  // namespace ais::mutation_test
