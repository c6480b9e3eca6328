// SPDX-License-Identifier: BSD-3-Clause
//
// A service that takes large messages as they lie (draft: abi/draft/bulk.h has the contract).
// The class has
//
//   void deliver_pieces(ais_node_id sender, std::uint16_t kind,      WithPieces
//                       std::span<const ais_bytes> pieces)
//   static constexpr std::uint64_t opaque_requests                   WithOpaqueRequests
//
// or one of them.
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
concept WithPieces =
    requires(T service, ais_node_id sender, std::uint16_t kind, std::span<const ais_bytes> pieces) {
    { service.deliver_pieces(sender, kind, pieces) } -> std::same_as<void>;
};

template <typename T>
concept WithOpaqueRequests = requires {
    requires std::same_as<decltype(T::opaque_requests), const std::uint64_t>;
};

// For opaque_requests: the bits of these kinds, each below 64.
template <typename... Kinds>
constexpr std::uint64_t request_bits(Kinds... kinds) {
    return ((std::uint64_t{1} << static_cast<unsigned>(kinds)) | ...);
}

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
        instance<T>(self).deliver_pieces(sender, kind, std::span<const ais_bytes>(pieces, count));
    }
};

template <typename T>
struct BulkTable {
    static constexpr ais_service_bulk_v1 make() {
        ais_service_bulk_v1 made{};
        made.struct_size = sizeof made;
        if constexpr (WithPieces<T>) {
            made.deliver_pieces = &BulkCalls<T>::deliver_pieces;
        }
        if constexpr (WithOpaqueRequests<T>) {
            made.opaque_requests = T::opaque_requests;
        }
        return made;
    }
    static constexpr ais_service_bulk_v1 table = make();
};

template <typename T>
concept NamesBulk = requires {
    &T::deliver_pieces;
}
|| requires {
    &T::opaque_requests;
};

template <NamesBulk T>
struct Offer<BulkInterface, T> {
    static_assert(
        WithOpaqueRequests<T> || !requires { &T::opaque_requests; },
        "opaque_requests is not a static constexpr std::uint64_t");
    static_assert(
        WithPieces<T> || !requires { &T::deliver_pieces; },
        "deliver_pieces is not void deliver_pieces(ais_node_id, std::uint16_t, "
        "std::span<const ais_bytes>)");
    static constexpr const char* id = AIS_SERVICE_BULK_INTERFACE;
    static constexpr const void* table = &BulkTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
