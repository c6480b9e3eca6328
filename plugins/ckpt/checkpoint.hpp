// SPDX-License-Identifier: BSD-3-Clause
//
// One checkpoint: attributes, sections, and the operations on them.
//
// Every operation checks everything before it changes anything: on an error
// nothing is changed.
// Who may do it (the handle's flags) is not asked here but in state.hpp.
//
// Invariants:
//   1. used == sum of the sizes of all sections <= attributes.size.
//   2. With attributes.has_default_section() there is one section, its id is
//      empty, and it stays for ever; otherwise no id is empty.
//   3. sections.size() <= attributes.max_sections, each size <= max_section_size.
//
// Pure: deterministic, no clock (stamps come with the operations).  Threads: none.

#pragma once

#include "section.hpp"
#include "wire.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::ckpt {

struct Outcome {
    Error error = Error::ok;
    std::uint32_t index = 0;  // of the element that is to blame
    std::string id;           // of a section that was created
};

// What a write brings: bytes of a message, or a blob that may be kept.
struct Data {
    std::string_view id;
    std::uint64_t offset = 0;
    Bytes bytes;
    Blob blob;  // if not null, bytes are its content
};

// What a read gives: the blob keeps the bytes as they were.
struct View {
    Blob blob;
    Bytes bytes;
};

struct Checkpoint {
    std::string name;
    Attributes attributes;
    bool is_linked = true;
    std::uint32_t openers = 0;      // handles, of all nodes
    std::uint32_t active_node = 0;  // collocated and asynchronous: 0 is none
    std::uint64_t generation = 0;   // of the retention timer; 0: it is not running
    std::uint64_t generated = 0;    // ids made so far
    std::uint64_t used = 0;
    Sections sections;

    Checkpoint() = default;
    // With the default section, if it has one.
    Checkpoint(std::string_view name, const Attributes& attributes, std::int64_t stamp);

    // Whether reads and writes find a replica that answers for all.
    [[nodiscard]] bool has_active_replica() const {
        return attributes.is_synchronous() || !attributes.is_collocated() || active_node != 0;
    }

    // Null: there is none.
    [[nodiscard]] Section* find(std::string_view id);
    [[nodiscard]] const Section* find(std::string_view id) const;

    // `generation`: what the expiration gets, if it has one.
    Outcome create(const Data& data,
                   const Expiration& expiration,
                   std::int64_t stamp,
                   std::uint64_t generation);
    Outcome remove(std::string_view id);
    Outcome set_expiration(std::string_view id,
                           const Expiration& expiration,
                           std::uint64_t generation);
    Outcome write(std::span<const Data> all, std::int64_t stamp);
    Outcome overwrite(const Data& data, std::int64_t stamp);
    // What write would say.
    [[nodiscard]] Outcome check_write(std::span<const Data> all) const;

    // One view per element; none on an error.
    Outcome read(std::span<const ReadElement> all, std::vector<View>& views) const;
    [[nodiscard]] StatusReply status() const;
    // The sections after `wanted.after` that are chosen, at most `bytes_max`
    // bytes of an encoded page (one section at least).
    [[nodiscard]] Page page(const Iterate& wanted, std::size_t bytes_max = page_max) const;

    // An erase or a change from outside write(): keeps `used` right.
    void erase(Sections::iterator at);

  private:
    [[nodiscard]] std::optional<std::string> generate_id();
};

}  // namespace ais::ckpt
