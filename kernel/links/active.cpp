// SPDX-License-Identifier: BSD-3-Clause
//
// Data on every link that works: what is lost on one has come on another, with
// no wait and the bandwidth of one.
//
// Paper: RRP, ICDCS 2002, active replication.  Deviates: the first copy of a
// token counts; the receiver does not wait for the others (passive.cpp says why).

#include "links/mode.hpp"

namespace ais::links {
namespace {

class Active final : public Mode {
  public:
    [[nodiscard]] LinkSet choose(const FaultMonitor::Choice& choice) override {
        return choice.links;
    }
    [[nodiscard]] std::string_view name() const override { return "active"; }
};

}  // namespace

std::unique_ptr<Mode> make_active() {
    return std::make_unique<Active>();
}

}  // namespace ais::links
