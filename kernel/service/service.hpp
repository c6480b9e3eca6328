// SPDX-License-Identifier: BSD-3-Clause
//
// What a service is to the kernel.  plugin/guard implements it on top of the
// C table ais.service/1 (whose header has the contract of each call); tests
// implement it directly.  The router does not know that plugins exist.

#pragma once

#include "base/node_id.hpp"
#include "sync/participants.hpp"
#include "totem/types.hpp"

#include <ais/abi/service.h>
#include <ais/bytes.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ais_conn;

namespace ais::service {

using ServiceId = std::uint16_t;

// Reserved for the kernel's own messages (sync).
inline constexpr ServiceId kernel_service = 0;
// Limit: ids above are reserved (abi/service.h).
inline constexpr ServiceId service_id_max = 1023;

class Service {
  public:
    virtual ~Service() = default;

    [[nodiscard]] virtual ServiceId id() const = 0;
    [[nodiscard]] virtual std::string_view name() const = 0;

    virtual void deliver(NodeId sender, std::uint16_t kind, Bytes body) = 0;
    // A body in pieces (abi/draft/bulk.h); called only if takes_pieces().
    [[nodiscard]] virtual bool takes_pieces() const { return false; }
    virtual void deliver_pieces(NodeId /*sender*/,
                                std::uint16_t /*kind*/,
                                std::span<const ais_bytes> /*pieces*/) {}
    // The body of such a request is only handed on.
    [[nodiscard]] virtual bool is_opaque(std::uint16_t /*kind*/) const { return false; }
    virtual void configure(const totem::Configuration& now) = 0;
    virtual void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) = 0;
    virtual ais_status client_open(ais_conn* who, Bytes hello) = 0;
    virtual void client_close(ais_conn* who) = 0;

    // Whether other nodes need its state.
    [[nodiscard]] virtual bool is_synchronised() const = 0;
    [[nodiscard]] virtual ais_status save(std::string& out) = 0;
    [[nodiscard]] virtual ais_status merge(std::span<const ais_saved_state> states) = 0;
    // In parts (abi/draft/parts.h); the others are called only if in_parts().
    [[nodiscard]] virtual bool in_parts() const { return false; }
    [[nodiscard]] virtual ais_status list(std::vector<sync::Part>& /*out*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status save_part(const std::string& /*name*/, std::string& /*out*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_begin(std::span<const ais_component> /*components*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_part(const std::string& /*name*/,
                                                std::span<const ais_part_state> /*states*/) {
        return AIS_ERR_UNSUPPORTED;
    }
    [[nodiscard]] virtual ais_status merge_end(bool /*commit*/) { return AIS_ERR_UNSUPPORTED; }
    virtual void dump(std::string& out) = 0;
};

}  // namespace ais::service
