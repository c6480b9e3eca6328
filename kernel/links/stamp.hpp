// SPDX-License-Identifier: BSD-3-Clause
//
// What the clear header of an envelope says: which datagram of which life of
// which node this is (docs/protocol/envelope.md).  It is read before the
// datagram is opened in place; until then it is a claim and proves nothing.

#pragma once

#include "base/node_id.hpp"

#include <ais/envelope.hpp>

#include <optional>

namespace ais::links {

struct Stamp {
    NodeId sender;
    envelope::Salt boot{};  // random, new at every start of the sender
    std::uint64_t counter = 0;
};

// The incarnation of the engine that seals with this salt: its first eight bytes.
inline std::uint64_t incarnation_of(const envelope::Salt& boot) {
    return Reader(boot).u64();
}

// Nothing if this is no envelope of the version that we know.
inline std::optional<Stamp> read_stamp(Bytes datagram) {
    if (datagram.size() < envelope::header_size || datagram[0] != AIS_ENVELOPE_MAGIC_0 ||
        datagram[1] != AIS_ENVELOPE_MAGIC_1 || datagram[2] != AIS_ENVELOPE_VERSION) {
        return std::nullopt;
    }
    Reader from(datagram.subspan(8, envelope::header_size - 8));
    Stamp stamp;
    stamp.sender = NodeId(from.u32());
    copy_bytes(stamp.boot.data(), from.bytes(envelope::salt_size));
    stamp.counter = from.u64();
    return stamp.sender.is_valid() ? std::optional(stamp) : std::nullopt;
}

}  // namespace ais::links
