// SPDX-License-Identifier: BSD-3-Clause

#include "service/table.hpp"

#include <algorithm>

namespace ais::service {
namespace {

bool id_less(const Service* service, ServiceId id) {
    return service->id() < id;
}

}  // namespace

Result<void> Table::add(Service& service) {
    const ServiceId id = service.id();
    if (id == kernel_service || id > service_id_max) {
        return invalid("service " + std::string(service.name()) + ": its id " + std::to_string(id) +
                       " is not in 1.." + std::to_string(service_id_max));
    }
    if (const Service* taken = find(id)) {
        return Error{AIS_ERR_EXISTS,
                     "services " + std::string(taken->name()) + " and " +
                         std::string(service.name()) + " have the same id " + std::to_string(id) +
                         ": load only one of them"};
    }
    services_.insert(std::lower_bound(services_.begin(), services_.end(), id, id_less), &service);
    return {};
}

void Table::remove(ServiceId id) {
    std::erase_if(services_, [id](const Service* service) { return service->id() == id; });
}

Service* Table::find(ServiceId id) const {
    const auto at = std::lower_bound(services_.begin(), services_.end(), id, id_less);
    return at != services_.end() && (*at)->id() == id ? *at : nullptr;
}

}  // namespace ais::service
