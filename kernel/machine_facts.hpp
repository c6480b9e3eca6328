// SPDX-License-Identifier: BSD-3-Clause
//
// What plugins are told of the machine this executive runs on (ais.node/1).

#pragma once

#include "plugin/kernel.hpp"

#include <string>
#include <vector>

namespace ais {

class MachineFacts final : public plugin::NodeFacts {
  public:
    // Asks the operating system for the name and the time of its start, once.  `addresses`:
    // of this node, by ring; an empty one is none.
    explicit MachineFacts(std::vector<std::string> addresses);

    [[nodiscard]] std::string_view host_name() const override { return host_name_; }
    [[nodiscard]] std::string_view address(std::uint32_t ring) const override {
        return ring < addresses_.size() ? addresses_[ring] : std::string_view();
    }
    [[nodiscard]] std::int64_t boot_time() const override { return boot_time_; }
    [[nodiscard]] std::int64_t wall_clock() const override;

  private:
    std::string host_name_;
    std::vector<std::string> addresses_;
    std::int64_t boot_time_;
};

}  // namespace ais
