// SPDX-License-Identifier: BSD-3-Clause
//
// Data on one link, the lowest that works: the others wait.  What an operator
// wants whose second network is slower or has other work.

#include "links/mode.hpp"

namespace ais::links {
namespace {

class Best final : public Mode {
  public:
    [[nodiscard]] LinkSet choose(const FaultMonitor::Choice& choice) override {
        return choice.each_reaches ? only(lowest(choice.links)) : choice.links;
    }
    [[nodiscard]] std::string_view name() const override { return "none"; }
};

}  // namespace

std::unique_ptr<Mode> make_best() {
    return std::make_unique<Best>();
}

}  // namespace ais::links
