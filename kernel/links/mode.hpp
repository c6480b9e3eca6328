// SPDX-License-Identifier: BSD-3-Clause
//
// Which of the links that work carry a batch of data.  (Tokens and control are
// not asked about: they go on all.)
//
//   best     the one with the lowest number          rrp_mode: none
//   passive  one after the other                     rrp_mode: passive
//   active   all at once                             rrp_mode: active
//
// If no link alone reaches everybody, every mode takes all that were given.
// Pure: equal calls in equal order give equal answers.

#pragma once

#include "links/fault_monitor.hpp"

#include <memory>
#include <string_view>

namespace ais::links {

class Mode {
  public:
    virtual ~Mode() = default;
    // Requires: choice.links != 0.  Ensures: a part of it, not empty.
    [[nodiscard]] virtual LinkSet choose(const FaultMonitor::Choice& choice) = 0;
    [[nodiscard]] virtual std::string_view name() const = 0;
};

std::unique_ptr<Mode> make_best();
std::unique_ptr<Mode> make_passive();
std::unique_ptr<Mode> make_active();

}  // namespace ais::links
