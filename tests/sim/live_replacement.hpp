// SPDX-License-Identifier: BSD-3-Clause
//
// Live replacement on a simulated node, as kernel/daemon_control.cpp does it: a step before
// each turn while replicas are equal, patience for exchanges and for clients, then a new build in
// the place of the old one, or the old one as it was.
//
// It judges: what the service saves is the same before and after, and a build with a flaw
// does not take over.

#pragma once

#include "base/time.hpp"
#include "plugin/replacement.hpp"
#include "service/node.hpp"
#include "sim/builds.hpp"

#include <memory>
#include <optional>
#include <string>

namespace ais::sim {

class LiveReplacement {
  public:
    struct Of {
        service::Node& node;
        plugin::Plugins& plugins;
        plugin::Replacement::Guards& guards;
        const plugin::Kernel& kernel;
    };
    // `of` and `build` outlive it; the build also what it becomes.
    LiveReplacement(const Of& of, const Build& build, Instant now);

    struct Outcome {
        std::string text;       // for the trace
        std::string violation;  // empty: as it should be
    };
    // Requires: no call into a plugin is going on.  Nothing: come back in a millisecond.
    std::optional<Outcome> step(Instant now);

  private:
    [[nodiscard]] Outcome refused(const std::string& why, bool is_patience) const;
    [[nodiscard]] std::string saved() const;

    Of of_;
    const Build& build_;
    Instant began_;
    std::optional<Instant> held_since_;
    std::unique_ptr<plugin::Replacement> work_;
    std::string refusal_;  // by begin
};

}  // namespace ais::sim
