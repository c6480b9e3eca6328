// SPDX-License-Identifier: BSD-3-Clause
//
// A service that hands its clients over to another build of itself (draft:
// abi/draft/handover.h has the contract).  The class has
//
//   ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out)       HandsOver:
//   ais_status restore_local(std::span<ais_conn* const> conns, Bytes saved,         these two
//                            std::string_view from_version)
//
// Included by service.hpp.

#pragma once

#include <ais/abi/draft/handover.h>
#include <ais/copy_min.hpp>
#include <ais/plugin.hpp>
#include <ais/state_writer.hpp>

#include <span>
#include <string_view>

namespace ais {

template <typename T>
concept HandsOver = requires(T service,
                             std::span<ais_conn* const> conns,
                             StateWriter& out,
                             Bytes saved,
                             std::string_view version) {
    { service.save_local(conns, out) } -> std::same_as<ais_status>;
    { service.restore_local(conns, saved, version) } -> std::same_as<ais_status>;
};

namespace sdk {

template <typename T>
struct HandoverCalls {
    static ais_status save_local(void* self,
                                 ais_conn* const* conns,
                                 std::uint32_t count,
                                 const ais_writer* out) noexcept {
        const auto copy = copy_min<ais_writer>(out);
        StateWriter writer(copy);
        const ais_status status = instance<T>(self).save_local({conns, count}, writer);
        return status != AIS_OK ? status : writer.status();
    }
    static ais_status restore_local(void* self,
                                    ais_conn* const* conns,
                                    std::uint32_t count,
                                    ais_bytes saved,
                                    const char* from_version) noexcept {
        return instance<T>(self).restore_local({conns, count}, from_abi(saved), from_version);
    }
};

template <typename T>
struct HandoverTable {
    static constexpr ais_service_handover_v1 table = {sizeof(ais_service_handover_v1),
                                                      0,
                                                      &HandoverCalls<T>::save_local,
                                                      &HandoverCalls<T>::restore_local};
};

template <typename T>
concept NamesHandover = requires {
    &T::save_local;
}
|| requires {
    &T::restore_local;
};

template <NamesHandover T>
struct Offer<HandoverInterface, T> {
    static_assert(HandsOver<T>,
                  "save_local and restore_local come together, with the signatures of "
                  "<ais/handover.hpp>");
    static constexpr const char* id = AIS_SERVICE_HANDOVER_INTERFACE;
    static constexpr const void* table = &HandoverTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
