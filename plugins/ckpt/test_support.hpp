// SPDX-License-Identifier: BSD-3-Clause
//
// What the unit tests of ckpt share: attributes, configurations, and short words
// for bodies.  Test code only.

#pragma once

#include "image.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <string>
#include <vector>

namespace ais::ckpt {

using Nodes = std::vector<ais_node_id>;

inline Attributes attributes_of(std::uint32_t flags,
                                std::uint32_t max_sections = 10,
                                std::uint64_t max_section_size = 100) {
    return {flags, max_sections * max_section_size, 0, max_sections, max_section_size, 16};
}

inline Open open_of(std::uint32_t number,
                    std::string_view name,
                    std::uint32_t flags = open_read | open_write) {
    Open open;
    open.number = number;
    open.flags = flags;
    open.name = name;
    return open;
}
inline Open create_of(std::uint32_t number,
                      std::string_view name,
                      const Attributes& attributes,
                      std::uint32_t flags = open_read | open_write) {
    Open open = open_of(number, name, flags | open_create);
    open.has_attributes = true;
    open.attributes = attributes;
    return open;
}

inline Data data_of(std::string_view id, std::string_view bytes, std::uint64_t offset = 0) {
    return {id, offset, as_bytes(bytes), nullptr};
}

inline void configure(State& state,
                      std::uint32_t kind,
                      std::uint64_t ring,
                      const Nodes& members,
                      const Nodes& left = {}) {
    const ais_configuration now = {sizeof(ais_configuration),
                                   kind,
                                   {ring, members.front(), 7},
                                   members.data(),
                                   nullptr,
                                   left.data(),
                                   static_cast<std::uint32_t>(members.size()),
                                   0,
                                   static_cast<std::uint32_t>(left.size()),
                                   0};
    state.configure(now);
}

inline std::string text_of(const Checkpoint& checkpoint, std::string_view id) {
    const Section* section = checkpoint.find(id);
    return section == nullptr ? "(none)" : *section->bytes;
}

}  // namespace ais::ckpt
