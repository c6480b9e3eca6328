// SPDX-License-Identifier: BSD-3-Clause
//
// A quorum backend as a class:
//
//   bool is_primary(const ais_configuration& now)
//
// Asked at each regular configuration; the same answer on all members.  An exception ends
// the process: a node that may answer otherwise than the others must leave.

#pragma once

#include <ais/abi/quorum.h>
#include <ais/copy_min.hpp>
#include <ais/plugin.hpp>

namespace ais {

template <typename T>
concept QuorumBackend = requires(T quorum, const ais_configuration& now) {
    { quorum.is_primary(now) } -> std::same_as<bool>;
};

namespace sdk {

template <typename T>
struct QuorumTable {
    static_assert(QuorumBackend<T>, "is_primary is not bool is_primary(const ais_configuration&)");
    static std::uint32_t is_primary(void* self, const ais_configuration* now) noexcept {
        const auto copy = copy_min<ais_configuration>(now);
        return instance<T>(self).is_primary(copy) ? 1 : 0;
    }
    static constexpr ais_quorum_v1 table = {sizeof(ais_quorum_v1), 0, &is_primary};
};

template <typename T>
requires requires {
    &T::is_primary;
}
struct Offer<QuorumInterface, T> {
    static constexpr const char* id = AIS_QUORUM_INTERFACE;
    static constexpr const void* table = &QuorumTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
