// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that evs says over a wire: library ↔ service on one node, and
// service ↔ service between nodes.  All fields are little-endian; a group is
// its key of 32 bytes; `groups` is n u32 and n keys.
//
// A message carries the groups that it is for.  Who hears them is known by the
// receiver's node alone, because joining is local: so nothing has to be agreed upon,
// and evs has no replicated state.
//
// group message   kind          body
//   multicast     message       groups, payload (the rest)
//
// request         kind          body                         response
//   to joined     joined_agreed payload                      none (one-way)
//                 joined_safe   payload                      none
//   to groups     groups_agreed groups, payload              none
//                 groups_safe   groups, payload              none
//   join          join          groups                       error only
//   leave         leave         groups                       error only
//   membership    membership    -                            n u32, n × node u32
//
// event           kind          body
//   message       message       node u32, 0 u32, payload (the rest)
//   configuration configuration members u32, left u32, joined u32, all of them × node u32

#pragma once

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/service_wire.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace ais::evs {

inline constexpr std::uint16_t service_id = 34;
inline constexpr std::uint32_t wire_version = 1;

inline constexpr std::size_t key_size = 32;
// Limit: groups that a handle has joined, each counted as often as it was, and groups of one
// message: what openais had for one call of join.
inline constexpr std::size_t groups_max = 50;

using Key = std::array<std::uint8_t, key_size>;

enum class MessageKind : std::uint16_t { message = 1 };
enum class RequestKind : std::uint16_t {
    joined_agreed = 1,
    joined_safe = 2,
    groups_agreed = 3,
    groups_safe = 4,
    join = 5,
    leave = 6,
    membership = 7,
};
enum class EventKind : std::uint16_t { message = 1, configuration = 2 };

// What a library says when it connects.
using Hello = VersionHello<wire_version>;

// Keys one after the other, as a view: no copy on the way of a message.
class KeyList {
  public:
    KeyList() = default;
    // Requires: a multiple of key_size.
    explicit KeyList(Bytes keys) : keys_(keys) {}

    [[nodiscard]] std::size_t size() const { return keys_.size() / key_size; }
    [[nodiscard]] Bytes bytes() const { return keys_; }
    [[nodiscard]] Key at(std::size_t index) const {
        Key key;
        copy_bytes(key.data(), keys_.subspan(index * key_size, key_size));
        return key;
    }

    // False: not there, or more than groups_max.
    static bool decode(Reader& in, KeyList& list) {
        const std::uint32_t count = in.u32();
        if (!in.ok() || count > groups_max) {
            return false;
        }
        list = KeyList(in.bytes(count * key_size));
        return in.ok();
    }

  private:
    Bytes keys_;
};

// In front of every payload on its way to a library; 8 bytes, so that the payload is
// as aligned as the body.
struct DeliveryHead {
    static constexpr std::size_t size = 8;
    std::uint32_t node = 0;
    std::uint32_t reserved = 0;

    void encode(Writer& out) const {
        out.u32(node);
        out.u32(reserved);
    }
    static DeliveryHead decode(Reader& in) { return {in.u32(), in.u32()}; }
};

struct ConfigurationEvent {
    std::vector<std::uint32_t> members;
    std::vector<std::uint32_t> left;
    std::vector<std::uint32_t> joined;

    void encode(Appender& out) const {
        for (const auto* list : {&members, &left, &joined}) {
            out.u32(static_cast<std::uint32_t>(list->size()));
        }
        for (const auto* list : {&members, &left, &joined}) {
            for (const std::uint32_t node : *list) {
                out.u32(node);
            }
        }
    }
    static bool decode(Bytes from, ConfigurationEvent& event) {
        Reader in(from);
        const std::uint32_t counts[] = {in.u32(), in.u32(), in.u32()};
        if (!in.ok() || (std::uint64_t{counts[0]} + counts[1] + counts[2]) * 4 != in.remaining()) {
            return false;
        }
        std::vector<std::uint32_t>* lists[] = {&event.members, &event.left, &event.joined};
        for (std::size_t i = 0; i < 3; ++i) {
            lists[i]->clear();
            for (std::uint32_t j = 0; j < counts[i]; ++j) {
                lists[i]->push_back(in.u32());
            }
        }
        return in.finished();
    }

    friend bool operator==(const ConfigurationEvent&, const ConfigurationEvent&) = default;
};

}  // namespace ais::evs
