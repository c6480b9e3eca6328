// SPDX-License-Identifier: BSD-3-Clause
//
// A quorum plugin for tests: a component with two nodes or more is primary.

#include <ais/quorum.hpp>
#include <ais/service.hpp>

namespace {

class Majority {
  public:
    explicit Majority(const ais_host&) {}
    bool is_primary(const ais_configuration& now) { return ais::members(now).size() >= 2; }
};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<Majority>("majority", "1.0.0");
