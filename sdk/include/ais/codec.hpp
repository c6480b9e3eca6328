// SPDX-License-Identifier: BSD-3-Clause
//
// Explicit little-endian fields, bounded on both sides.
//
// A Reader never throws and never reads outside its view: after the first
// field that does not fit it is bad, every further field reads as zero or
// empty, and the caller asks once, at the end.  A Writer that runs out of room
// is bad likewise and keeps what fitted.

#pragma once

#include <ais/bytes.hpp>

#include <bit>
#include <concepts>

namespace ais {

static_assert(std::endian::native == std::endian::little ||
              std::endian::native == std::endian::big);

template <std::unsigned_integral T>
constexpr T little_endian(T value) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        return value;
    } else {
        T swapped = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            swapped = static_cast<T>((swapped << 8) | ((value >> (8 * i)) & 0xff));
        }
        return swapped;
    }
}

class Reader {
  public:
    explicit Reader(Bytes from) : rest_(from) {}

    std::uint8_t u8() { return field<std::uint8_t>(); }
    std::uint16_t u16() { return field<std::uint16_t>(); }
    std::uint32_t u32() { return field<std::uint32_t>(); }
    std::uint64_t u64() { return field<std::uint64_t>(); }
    std::int32_t i32() { return static_cast<std::int32_t>(field<std::uint32_t>()); }
    std::int64_t i64() { return static_cast<std::int64_t>(field<std::uint64_t>()); }

    // The next `size` bytes, as a view.
    Bytes bytes(std::size_t size) {
        if (size > rest_.size()) {
            fail();
            return {};
        }
        const Bytes taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    // A u32 length and that many bytes.
    Bytes block() { return bytes(u32()); }
    std::string_view text() { return as_text(block()); }

    [[nodiscard]] Bytes rest() const { return rest_; }
    [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
    [[nodiscard]] bool ok() const { return ok_; }
    // All fields were there and nothing is left over.
    [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }
    void fail() {
        ok_ = false;
        rest_ = {};
    }

  private:
    template <std::unsigned_integral T>
    T field() {
        T value = 0;
        if (rest_.size() < sizeof(T)) {
            fail();
            return 0;
        }
        std::memcpy(&value, rest_.data(), sizeof(T));
        rest_ = rest_.subspan(sizeof(T));
        return little_endian(value);
    }

    Bytes rest_;
    bool ok_ = true;
};

class Writer {
  public:
    explicit Writer(MutableBytes to) : to_(to) {}

    void u8(std::uint8_t value) { field(value); }
    void u16(std::uint16_t value) { field(value); }
    void u32(std::uint32_t value) { field(value); }
    void u64(std::uint64_t value) { field(value); }
    void i32(std::int32_t value) { field(static_cast<std::uint32_t>(value)); }
    void i64(std::int64_t value) { field(static_cast<std::uint64_t>(value)); }

    void bytes(Bytes from) {
        if (from.size() > to_.size() - used_) {
            ok_ = false;
            return;
        }
        copy_bytes(to_.data() + used_, from);
        used_ += from.size();
    }
    void block(Bytes from) {
        u32(static_cast<std::uint32_t>(from.size()));
        bytes(from);
    }
    void text(std::string_view from) { block(as_bytes(from)); }

    // Overwrite a u32 written before at `offset`, e.g. a count.
    void patch_u32(std::size_t offset, std::uint32_t value) {
        value = little_endian(value);
        std::memcpy(to_.data() + offset, &value, sizeof value);
    }

    [[nodiscard]] Bytes written() const { return to_.first(used_); }
    [[nodiscard]] std::size_t size() const { return used_; }
    [[nodiscard]] std::size_t room() const { return to_.size() - used_; }
    [[nodiscard]] bool ok() const { return ok_; }

  private:
    template <std::unsigned_integral T>
    void field(T value) {
        if (sizeof(T) > to_.size() - used_) {
            ok_ = false;
            return;
        }
        value = little_endian(value);
        std::memcpy(to_.data() + used_, &value, sizeof(T));
        used_ += sizeof(T);
    }

    MutableBytes to_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

// The same fields into a growing string of bytes, for snapshots and other
// things off the hot path.
class Appender {
  public:
    void u8(std::uint8_t value) { field(value); }
    void u16(std::uint16_t value) { field(value); }
    void u32(std::uint32_t value) { field(value); }
    void u64(std::uint64_t value) { field(value); }
    void i32(std::int32_t value) { field(static_cast<std::uint32_t>(value)); }
    void i64(std::int64_t value) { field(static_cast<std::uint64_t>(value)); }
    void bytes(Bytes from) { out_.append(as_text(from)); }
    void block(Bytes from) {
        u32(static_cast<std::uint32_t>(from.size()));
        bytes(from);
    }
    void text(std::string_view from) { block(as_bytes(from)); }

    [[nodiscard]] Bytes written() const { return as_bytes(out_); }
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    template <std::unsigned_integral T>
    void field(T value) {
        value = little_endian(value);
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }

    std::string out_;
};

}  // namespace ais
