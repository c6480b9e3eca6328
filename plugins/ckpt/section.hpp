// SPDX-License-Identifier: BSD-3-Clause
//
// One section: its bytes and what is known about it.
//
// The bytes are shared with whoever is still sending them to a reader: a write
// to bytes that somebody else holds copies them first, so a read of any size sees one
// moment.  Nobody changes bytes through a Blob that it did not get from a section.
//
// Pure.  Threads: none.

#pragma once

#include "wire.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace ais::ckpt {

// When a section ends.  `at` is the wall clock time that the application said and
// will be told; `remaining` is how far away that was when it said so, which is what timers
// run, so that no node's wall clock decides.  time_end: never.
struct Expiration {
    std::int64_t at = time_end;
    std::int64_t remaining = time_end;

    // As said at `stamp`; a clock before 1970 counts as 1970.
    static Expiration said(std::int64_t at, std::int64_t stamp) {
        return {at, at == time_end ? time_end : at - (stamp > 0 ? stamp : 0)};
    }
    [[nodiscard]] bool is_past() const { return remaining <= 0; }

    template <typename Out>
    void encode(Out& out) const {
        out.i64(at);
        out.i64(remaining);
    }
    static Expiration decode(Reader& in) { return {in.i64(), in.i64()}; }
    [[nodiscard]] bool is_valid() const {
        return at >= 0 && remaining > 0 && (at == time_end) == (remaining == time_end);
    }

    friend bool operator==(const Expiration&, const Expiration&) = default;
};

// Never null in a section.
using Blob = std::shared_ptr<std::string>;

struct Section {
    Blob bytes = std::make_shared<std::string>();
    Expiration expiration;
    std::uint64_t generation = 0;  // of the expiration; 0: it has none
    SectionState state = SectionState::valid;
    std::int64_t last_update = 0;

    [[nodiscard]] std::uint64_t size() const { return bytes->size(); }

    // Requires: offset + data.size() is within the limits.  What lies between
    // the old end and the offset becomes zero.
    void write(std::uint64_t offset, Bytes data);
    void overwrite(Bytes data);
    // Takes the bytes as they are.
    void overwrite(Blob data) { bytes = std::move(data); }

  private:
    // The bytes, to be changed.
    std::string& own(bool keep_content);
};

// By id, so that all replicas and all pages see one order.
using Sections = std::map<std::string, Section, std::less<>>;

}  // namespace ais::ckpt
