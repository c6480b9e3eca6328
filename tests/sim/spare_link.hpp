// SPDX-License-Identifier: BSD-3-Clause
//
// Was there always a network that nothing was wrong with?  Then nothing that happened to the
// others is a cause for a change of the configuration.
//
// Invariant: when a link is disturbed, another one has been well for `overlap`, so that what is
// under way has arrived and everybody has heard everybody there.

#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <vector>

namespace ais::sim {

class SpareLink {
  public:
    static constexpr Duration overlap = std::chrono::milliseconds(150);

    explicit SpareLink(std::size_t links) : links_(links) {}

    // Something begins to be wrong with a link, and ends.  `now` since the beginning of the run.
    void begin(Duration now, std::size_t link) {
        ++links_[link].faults;
        held_ = held_ && std::any_of(links_.begin(), links_.end(), [&](const Link& other) {
                    return other.faults == 0 && now - other.well_since >= overlap;
                });
    }
    void end(Duration now, std::size_t link) {
        if (--links_[link].faults == 0) {
            links_[link].well_since = now;
        }
    }
    // Something is wrong that concerns more than links.
    void give_up() { held_ = false; }

    [[nodiscard]] bool held() const { return held_; }
    [[nodiscard]] bool is_well(std::size_t link) const { return links_[link].faults == 0; }
    [[nodiscard]] Duration well_since(std::size_t link) const { return links_[link].well_since; }

  private:
    struct Link {
        int faults = 0;
        Duration well_since = -overlap;
    };
    std::vector<Link> links_;
    bool held_ = true;
};

}  // namespace ais::sim
