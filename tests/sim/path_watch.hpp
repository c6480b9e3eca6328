// SPDX-License-Identifier: BSD-3-Clause
//
// The rule about links that come back (docs/protocol/links.md): what was down is not trusted at
// once, and less each time; and it is trusted in the end.
//
//   hysteresis   from a fall to being up again: at least 10 good steps, and twice as many after
//                each further fall, up to 640, as long as it was not up for a minute in between
//   recovery     a path that nothing disturbs is up after so many steps and a few
//
// One watch for each life of an executive.  It looks after every step of the monitor, from
// outside (Links::state), and knows nothing of how the monitor counts.

#pragma once

#include "base/time.hpp"
#include "links/links.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ais::sim {

class PathWatch {
  public:
    static constexpr std::uint64_t good_min = 10;
    static constexpr std::uint64_t good_max = 640;
    static constexpr Duration steady = std::chrono::seconds(60);
    // Steps until a peer is heard, and its word about us has come.
    static constexpr std::uint64_t slack = 8;

    PathWatch(NodeId self, std::size_t nodes, std::size_t links)
        : self_(self), links_(links), paths_(nodes * links) {}

    // The monitor has made a step.  A sentence for each rule that is broken goes to `found`.
    void look(Instant now, const links::Links& links, std::vector<std::string>& found);
    // Nothing has disturbed `link` for `steps` steps, and both have run all the time.
    void expect_up(NodeId peer,
                   totem::LinkId link,
                   std::uint64_t steps,
                   std::vector<std::string>& found) const;

    [[nodiscard]] std::uint64_t falls() const { return falls_; }
    [[nodiscard]] std::uint64_t recoveries() const { return recoveries_; }

  private:
    struct Path {
        bool was_up = false;      // when looked at last
        bool has_fallen = false;  // in this life
        std::uint64_t fell_at = 0;
        std::uint64_t needed = good_min;
        Instant up_since{};
    };
    [[nodiscard]] std::string name_of(NodeId peer, totem::LinkId link) const;

    const NodeId self_;
    const std::size_t links_;
    std::vector<Path> paths_;
    std::uint64_t steps_ = 0;
    std::uint64_t falls_ = 0;
    std::uint64_t recoveries_ = 0;
};

}  // namespace ais::sim
