// SPDX-License-Identifier: BSD-3-Clause

#include "links/hello.hpp"

#include "base/assert.hpp"

#include <ais/codec.hpp>

namespace ais::links {
namespace {

constexpr std::uint16_t magic = 0x4b4c;  // "LK"
constexpr std::uint8_t version = 1;
constexpr std::uint8_t type_hello = 1;
static_assert(AIS_NODES_MAX <= 255, "the count is one byte");

}  // namespace

LinkSet Hello::hears(NodeId node) const {
    for (std::size_t i = 0; i < count; ++i) {
        if (heard[i].node == node) {
            return heard[i].on;
        }
    }
    return 0;
}

bool is_hello(Bytes plain) {
    return plain.size() >= 2 && plain[0] == (magic & 0xff) && plain[1] == magic >> 8;
}

std::size_t encode(MutableBytes to, const Hello& hello) {
    AIS_ASSERT(to.size() >= hello_size_max);
    Writer writer(to);
    writer.u16(magic);
    writer.u8(version);
    writer.u8(type_hello);
    writer.u8(hello.link);
    writer.u8(hello.count);
    writer.u16(0);
    for (std::size_t i = 0; i < hello.count; ++i) {
        writer.u32(hello.heard[i].node.value());
        writer.u8(hello.heard[i].on);
    }
    return 8 + std::size_t{5} * hello.count;
}

std::optional<Hello> decode_hello(Bytes plain) {
    Reader from(plain);
    const bool is_known = from.u16() == magic && from.u8() == version && from.u8() == type_hello;
    Hello hello;
    hello.link = from.u8();
    hello.count = from.u8();
    (void)from.u16();
    if (!from.ok() || !is_known || hello.link >= links_max || hello.count > AIS_NODES_MAX ||
        from.remaining() != std::size_t{5} * hello.count) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < hello.count; ++i) {
        hello.heard[i].node = NodeId(from.u32());
        hello.heard[i].on = from.u8();
    }
    return hello;
}

}  // namespace ais::links
