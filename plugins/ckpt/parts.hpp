// SPDX-License-Identifier: BSD-3-Clause
//
// The state of ckpt in parts, so that a large one moves without holding up the ring,
// and only what differs moves (ais.service.parts/1).
//
//   H                                ring, next_object, next_generation, applied
//   C bucket u16                     checkpoints without their sections, by a hash of the object
//   O                                handles, without the data of their large writes
//   S bucket u16                     sections, by a hash of object and id; small ones with their
//   bytes D object, 2 hashes of the id, chunk u32      1 MiB of a larger section T handle, element
//   u32, chunk u32             1 MiB of what a large write has gathered
//
// Numbers in names are big-endian, so that names ascend as the numbers do.
//
// How it becomes one state: what is the same everywhere is here already; of what
// differs each component's version is put together as it comes, so that at the end images are made
// of pieces that are ready, and merged by snapshot.hpp.  Bytes of large sections go to their
// place when they arrive.
//
// Digests are made anew at each list: about 0.2 s for 1 GiB.
//
// Pure.  Threads: none.

#pragma once

#include "snapshot.hpp"

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/part_table.hpp>

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ais::ckpt {

class Parts {
  public:
    // Sizes of chunks and of the largest section beside others: other ones are for tests.
    explicit Parts(std::size_t chunk_size = 1U << 20, std::size_t inline_max = 64U << 10)
        : chunk_size_(chunk_size), inline_max_(inline_max) {}

    // Requires: `image` stays as it is until the next list, or end or forget.
    const PartListing& list(const Image& image);
    // False: list has not named it.
    [[nodiscard]] bool save(std::string_view name, const std::function<void(Bytes)>& out) const;

    void begin(std::size_t components);
    // False: it does not decode.
    [[nodiscard]] bool take(std::string_view name, std::span<const PartState> states);
    // Whether something differs at all.
    [[nodiscard]] bool has_changes() const { return table_.has_changes(); }
    // The image of one component.  Nothing: what came does not fit together.
    [[nodiscard]] std::optional<Image> image_of(std::size_t component) const;
    void forget();

  private:
    struct SectionRow {
        ObjectId object;
        std::string id;
        Section section;  // bytes: there, or to be found by blob_name
        std::uint64_t size = 0;
        bool is_inline = true;
    };
    struct HandleRow {
        HandleId who;
        ObjectId object;
        std::uint32_t flags = 0;
        bool has_transfer = false;
        Transfer transfer;  // without what is staged
    };
    struct Header {
        Ring ring;
        std::uint64_t next_object = 0;
        std::uint64_t next_generation = 0;
        std::uint64_t applied = 0;
    };
    // What a part has; which of them its name says.
    struct Content {
        Header header;
        std::vector<std::pair<ObjectId, Checkpoint>> checkpoints;
        std::vector<SectionRow> sections;
        std::vector<HandleRow> handles;
        Blob blob;  // D and T: of the whole; the part is one chunk of it
    };

    void add(std::string_view name, Content content);
    void add_chunks(const std::string& prefix, const Blob& blob);
    static void write(std::string_view name, const Content& content, Appender& out);
    [[nodiscard]] bool read(std::string_view name, Bytes bytes, Content& content) const;
    [[nodiscard]] std::uint64_t offset_of(std::string_view name) const;
    [[nodiscard]] Bytes chunk_at(const std::string& bytes, std::uint64_t offset) const;
    void take_chunk(std::uint32_t component, std::string_view name, Bytes bytes);
    [[nodiscard]] Blob blob_of(std::size_t component,
                               const std::string& prefix,
                               std::uint64_t size) const;
    [[nodiscard]] bool put(std::size_t component, const Content& content, Image& image) const;
    [[nodiscard]] bool put_section(std::size_t component,
                                   const SectionRow& row,
                                   Image& image) const;
    [[nodiscard]] bool put_handle(std::size_t component, const HandleRow& row, Image& image) const;

    const std::size_t chunk_size_;
    const std::size_t inline_max_;
    PartTable<Content> table_;
    std::map<std::string, Blob, std::less<>> own_blobs_;  // by prefix
    std::map<std::pair<std::uint32_t, std::string>, Blob> built_;
};

}  // namespace ais::ckpt
