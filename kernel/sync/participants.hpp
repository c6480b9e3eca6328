// SPDX-License-Identifier: BSD-3-Clause
//
// The services, as sync sees them; service/router implements it.

#pragma once

#include "sync/messages.hpp"

#include <ais/abi/draft/parts.h>
#include <ais/abi/service.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::sync {

class Participants {
  public:
    // Ids of the services whose state others need, ascending.
    [[nodiscard]] virtual std::vector<std::uint16_t> synchronised_services() const = 0;
    // For the log.
    [[nodiscard]] virtual std::string name_of(std::uint16_t service) const {
        return std::to_string(service);
    }

    // In one piece (ais.service/1).  A non-zero merge stops the node.
    [[nodiscard]] virtual ais_status save(std::uint16_t service, std::string& out) = 0;
    [[nodiscard]] virtual ais_status merge(std::uint16_t service,
                                           std::span<const ais_saved_state> states) = 0;

    // In parts (ais.service.parts/1); the others are called only if in_parts.  Names
    // strictly ascending.
    [[nodiscard]] virtual bool in_parts(std::uint16_t /*service*/) const { return false; }
    [[nodiscard]] virtual ais_status list(std::uint16_t /*service*/, std::vector<Part>& /*out*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status save_part(std::uint16_t /*service*/,
                                               const std::string& /*name*/,
                                               std::string& /*out*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_begin(std::uint16_t /*service*/,
                                                 std::span<const ais_component> /*components*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_part(std::uint16_t /*service*/,
                                                const std::string& /*name*/,
                                                std::span<const ais_part_state> /*states*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_end(std::uint16_t /*service*/, bool /*commit*/) {
        return AIS_ERR_UNSUPPORTED;
    }

    // A replica cannot be trusted any more: log why, stop this node.
    virtual void diverged(std::uint16_t service, std::string_view why) = 0;

  protected:
    ~Participants() = default;
};

}  // namespace ais::sync
