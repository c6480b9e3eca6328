// SPDX-License-Identifier: BSD-3-Clause
//
// Joiners and leavers: an operator restarts one executive after the other, sometimes faster than
// rings form.  The properties of configurations are judged as always; here is only that nodes which
// are equal agree about who is there.

#include <ais/testing/simulation.hpp>

#include <string>
#include <vector>

namespace joiners {
namespace {

using ais::sim::Simulation;

class Joiners final : public ais::sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::milliseconds(sim.random(3) == 0 ? 5 + sim.random(100)
                                                            : 100 + sim.random(3000));
        down_max_us_ = 1000 + sim.random(sim.random(2) == 0 ? 50000 : 2000000);
        rolls_ = sim.random(2) == 0;
    }
    void start(Simulation& sim) override { restart_later(sim); }
    void check(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            if (sim.members(node).size() != sim.nodes()) {
                sim.fail("joiners: in the end node " + std::to_string(node) + " misses somebody");
            }
        }
    }

  private:
    void restart_later(Simulation& sim) {
        sim.after(gap_, [this, &sim] {
            if (sim.is_calm()) {
                return;
            }
            next_ = rolls_ ? next_ % sim.nodes() + 1
                           : static_cast<ais_node_id>(1 + sim.random(sim.nodes()));
            sim.restart(next_, std::chrono::microseconds(1 + sim.random(down_max_us_)));
            restart_later(sim);
        });
    }

    std::chrono::nanoseconds gap_{};
    std::uint64_t down_max_us_ = 1;
    bool rolls_ = false;
    ais_node_id next_ = 0;
};

constexpr const char* plugins[] = {"chatter", nullptr};

}  // namespace
}  // namespace joiners

AIS_WORKLOAD(joiners) = ais::sim::describe_workload<joiners::Joiners>(
    "joiners", "executives that are stopped in order and started again", joiners::plugins);
