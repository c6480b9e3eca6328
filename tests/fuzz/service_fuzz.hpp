// SPDX-License-Identifier: BSD-3-Clause
//
// What the drivers of all services do alike: an input is taken apart into pieces, and the state
// of node 1 meets configurations of four nodes and snapshots of strangers.

#pragma once

#include "base/assert.hpp"

#include <ais/codec.hpp>
#include <ais/service.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace ais::fuzz {

inline constexpr std::array<ais_node_id, 4> all_nodes{1, 2, 3, 4};

// Calls take(what, who, bytes) for each piece: u8 what, u8 who, u16 size, bytes; the last one
// may be shorter than it says.
template <typename Take>
void for_each_piece(const std::uint8_t* data, std::size_t size, Take&& take) {
    Reader in(Bytes(data, size));
    while (in.ok() && in.remaining() > 0) {
        const std::uint8_t what = in.u8();
        const std::uint8_t who = in.u8();
        const std::uint16_t wanted = in.u16();
        take(what, who, in.bytes(std::min<std::size_t>(wanted, in.remaining())));
    }
}

// Node 1 and those of 2, 3, 4 whose bit (1 << node) is set in `present`; the rest has left.
class Configuration {
  public:
    Configuration(std::uint8_t present, bool is_regular, std::uint64_t ring = 0) {
        for (const ais_node_id node : all_nodes) {
            (node == 1 || (present >> node & 1) != 0 ? members_ : left_).push_back(node);
        }
        now_.struct_size = sizeof now_;
        now_.kind = is_regular ? AIS_CONFIGURATION_REGULAR : AIS_CONFIGURATION_TRANSITIONAL;
        now_.ring = {ring, 1, 0};
        now_.members = members_.data();
        now_.member_count = static_cast<std::uint32_t>(members_.size());
        now_.left = left_.data();
        now_.left_count = static_cast<std::uint32_t>(left_.size());
    }
    Configuration(const Configuration&) = delete;
    Configuration& operator=(const Configuration&) = delete;

    [[nodiscard]] const ais_configuration& now() const { return now_; }

  private:
    std::vector<ais_node_id> members_;
    std::vector<ais_node_id> left_;
    ais_configuration now_{};
};

// What is saved can be restored, and is the same when it is saved again.
template <typename Image, typename Restore>
void check_canonical(const Image& image, Restore&& restore) {
    const std::string saved = save(image);
    const auto again = restore(as_bytes(saved));
    AIS_ASSERT(again);
    AIS_ASSERT(save(*again) == saved);
}

// The same of bytes that anybody may have made: if they are accepted, they are canonical.
template <typename Restore>
void check_foreign(Bytes snapshot, Restore&& restore) {
    if (const auto restored = restore(snapshot)) {
        AIS_ASSERT(as_text(snapshot) == save(*restored));
    }
}

// Nodes 1 and 2 have `own`, 3 and 4 have `other`.
inline std::array<SavedState, 2> two_components(Bytes own, Bytes other) {
    return {{{true, 1, std::span(all_nodes).first(2), own},
             {false, 3, std::span(all_nodes).last(2), other}}};
}

}  // namespace ais::fuzz
