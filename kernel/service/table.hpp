// SPDX-License-Identifier: BSD-3-Clause
//
// The table of services: id → service, in ascending id order everywhere, so
// that all nodes treat a configuration change alike.

#pragma once

#include "service/service.hpp"

#include <ais/result.hpp>

#include <vector>

namespace ais::service {

class Table {
  public:
    // Fails if the id is taken (names both services), 0 or above 1023.  The service outlives
    // its entry.
    Result<void> add(Service& service);
    void remove(ServiceId id);
    [[nodiscard]] Service* find(ServiceId id) const;
    // Ascending ids.
    [[nodiscard]] const std::vector<Service*>& all() const { return services_; }

  private:
    std::vector<Service*> services_;
};

}  // namespace ais::service
