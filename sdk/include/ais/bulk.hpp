// SPDX-License-Identifier: BSD-3-Clause
//
// A service that takes large messages as they lie (draft: abi/draft/bulk.h has the contract).
// The class has
//
//   void deliver_pieces(ais_node_id sender, std::uint16_t kind,      WithPieces
//                       std::span<const ais_bytes> pieces)
//
// Included by service.hpp.

#pragma once

#include <ais/abi/draft/bulk.h>
#include <ais/bytes.hpp>
#include <ais/plugin.hpp>

#include <span>
#include <vector>

namespace ais {

template <typename T>
concept WithPieces = requires(T service,
                              ais_node_id sender,
                              std::uint16_t kind,
                              std::span<const ais_bytes> pieces) {
    { service.deliver_pieces(sender, kind, pieces) } -> std::same_as<void>;
};

// All of them in a row, for the messages of which a service wants one piece after all.
inline void join_pieces(std::span<const ais_bytes> pieces, std::vector<std::uint8_t>& to) {
    to.clear();
    for (const ais_bytes& piece : pieces) {
        to.insert(to.end(), piece.data, piece.data + piece.size);
    }
}

namespace sdk {

template <typename T>
struct BulkCalls {
    static void deliver_pieces(void* self,
                               ais_node_id sender,
                               std::uint16_t kind,
                               const ais_bytes* pieces,
                               std::uint32_t count) noexcept {
        instance<T>(self).deliver_pieces(
            sender, kind, std::span<const ais_bytes>(pieces, count));
    }
};

template <typename T>
struct BulkTable {
    static constexpr ais_service_bulk_v1 table = {
        sizeof(ais_service_bulk_v1), 0, &BulkCalls<T>::deliver_pieces};
};

template <typename T>
concept NamesBulk = requires {
    &T::deliver_pieces;
};

template <NamesBulk T>
struct Offer<BulkInterface, T> {
    static_assert(WithPieces<T>,
                  "deliver_pieces is not void deliver_pieces(ais_node_id, std::uint16_t, "
                  "std::span<const ais_bytes>)");
    static constexpr const char* id = AIS_SERVICE_BULK_INTERFACE;
    static constexpr const void* table = &BulkTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
