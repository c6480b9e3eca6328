// SPDX-License-Identifier: BSD-3-Clause
//
// Data in turn on each link that works: the bandwidth of all of them, one copy
// each.  The unit is a batch, so that offload is not lost.
//
// Paper: RRP, ICDCS 2002, passive replication.  Deviates: the token does not take
// turns; it goes on all links, and the engine asks only for what must have come
// one rotation ago (totem/token.cpp), so nobody has to hold it back here.

#include "links/mode.hpp"

namespace ais::links {
namespace {

class Passive final : public Mode {
  public:
    [[nodiscard]] LinkSet choose(const FaultMonitor::Choice& choice) override {
        if (!choice.each_reaches) {
            return choice.links;
        }
        do {
            last_ = static_cast<totem::LinkId>((last_ + 1) % links_max);
        } while (!has(choice.links, last_));
        return only(last_);
    }
    [[nodiscard]] std::string_view name() const override { return "passive"; }

  private:
    totem::LinkId last_ = links_max - 1;
};

}  // namespace

std::unique_ptr<Mode> make_passive() {
    return std::make_unique<Passive>();
}

}  // namespace ais::links
