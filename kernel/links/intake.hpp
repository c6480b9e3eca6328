// SPDX-License-Identifier: BSD-3-Clause
//
// From received bytes to an authenticated datagram, the same for every mode:
// opens in place, counts, and tells what does not open or comes under our own name.

#pragma once

#include "links/fault_log.hpp"
#include "links/links.hpp"

namespace ais::links {

class Intake {
  public:
    Intake(Seal& seal, Log& log, NodeId self);

    // False: dropped.  `from` may be empty, then `transport` is asked.  `landing`:
    // Receiver::landing().
    [[nodiscard]] bool open(Instant now,
                            MutableBytes datagram,
                            MutableBytes landing,
                            std::string_view from,
                            const Transport& transport,
                            LinkStats& stats,
                            Seal::Opened& opened);

  private:
    void report_twin(Instant now, std::string_view from);

    Seal& seal_;
    Log& log_;
    const NodeId self_;
    FaultLog faults_;
    Instant next_twin_report_{};
};

}  // namespace ais::links
