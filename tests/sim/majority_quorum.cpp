// SPDX-License-Identifier: BSD-3-Clause
//
// A quorum plugin for workloads that want one: a component with `quorum.needed` members or more is
// primary.  Without that key every component is, as without a quorum plugin.

#include <ais/host.hpp>
#include <ais/quorum.hpp>
#include <ais/service.hpp>

namespace ais {
namespace {

class Majority {
  public:
    explicit Majority(const ais_host& host)
        : needed_(
              static_cast<std::size_t>(host::Config(host).number("quorum.needed").value_or(0))) {}
    bool is_primary(const ais_configuration& now) const { return members(now).size() >= needed_; }

  private:
    std::size_t needed_;
};

constexpr const char* needs[] = {AIS_CONFIG_INTERFACE, nullptr};

}  // namespace
}  // namespace ais

AIS_EXPORT_PLUGIN = ais::describe<ais::Majority>("quorum_majority", "1.0.0", ais::needs);
