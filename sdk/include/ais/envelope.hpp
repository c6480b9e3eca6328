// SPDX-License-Identifier: BSD-3-Clause
//
// The header of the envelope that every datagram travels in, for authors of a
// crypto backend.  docs/protocol/envelope.md is the specification: layout,
// derivation of keys, and the order in which faults are judged.
//
// inspect() does the part of opening that needs no cryptography.  What it
// returns was in clear and is not authenticated until the tag has been checked
// with the whole header as associated data.
//
// Threads: none.  Nothing here allocates.

#pragma once

#include <ais/abi/crypto.h>
#include <ais/bytes.hpp>
#include <ais/codec.hpp>

#include <array>
#include <string_view>

namespace ais::envelope {

inline constexpr std::size_t header_size = 36;
inline constexpr std::size_t tag_size = 16;  // of every cipher but none
inline constexpr std::size_t salt_size = 16;
inline constexpr std::size_t key_size = 32;       // of master and sub-keys
inline constexpr std::size_t authkey_size = 128;  // least bytes of a key file: 1024 bits

// Values are on the wire.  Their order is the order in which "auto" gives way.
enum class Cipher : std::uint8_t {
    none = 0,
    aes_256_gcm = 1,
    xchacha20_poly1305 = 2,
    chacha20_poly1305 = 3,
};
inline constexpr std::uint8_t cipher_count = 4;

constexpr const char* cipher_name(Cipher cipher) {
    constexpr const char* names[cipher_count] = {
        "none", "aes-256-gcm", "xchacha20-poly1305", "chacha20-poly1305"};
    return names[static_cast<std::uint8_t>(cipher)];
}

// Inputs of the keyed BLAKE2b derivations.
inline constexpr std::string_view master_label = "aisexec envelope 1 master";
inline constexpr std::string_view key_id_label = "key id";
inline constexpr std::string_view subkey_label = "sub-key";

using Salt = std::array<std::uint8_t, salt_size>;

struct Header {
    Cipher cipher = Cipher::none;
    std::uint32_t key_id = 0;
    ais_node_id sender = 0;
    Salt salt{};
    std::uint64_t counter = 0;

    // A sub-key serves the counters of one epoch.
    [[nodiscard]] std::uint32_t epoch() const { return static_cast<std::uint32_t>(counter >> 32); }
};

// Requires: room for header_size bytes at `out`.
inline void write_header(const Header& header, std::uint8_t* out) {
    Writer to(MutableBytes(out, header_size));
    to.u8(AIS_ENVELOPE_MAGIC_0);
    to.u8(AIS_ENVELOPE_MAGIC_1);
    to.u8(AIS_ENVELOPE_VERSION);
    to.u8(static_cast<std::uint8_t>(header.cipher));
    to.u32(header.key_id);
    to.u32(header.sender);
    to.bytes(header.salt);
    to.u64(header.counter);
}

// The message of the sub-key's derivation.
inline constexpr std::size_t subkey_message_size = subkey_label.size() + 1 + 4 + salt_size + 4;
inline std::array<std::uint8_t, subkey_message_size> subkey_message(const Header& header) {
    std::array<std::uint8_t, subkey_message_size> message{};
    Writer to{MutableBytes(message)};
    to.bytes(as_bytes(subkey_label));
    to.u8(static_cast<std::uint8_t>(header.cipher));
    to.u32(header.sender);
    to.bytes(header.salt);
    to.u32(header.epoch());
    return message;
}

// The counter as a nonce of N bytes: little-endian, then zeros.
template <std::size_t N>
std::array<std::uint8_t, N> nonce(std::uint64_t counter) {
    std::array<std::uint8_t, N> bytes{};
    Writer(MutableBytes(bytes)).u64(counter);
    return bytes;
}

// Fills `fault` in and says AIS_ERR_CORRUPT.
inline ais_status refuse(ais_crypto_fault& fault,
                         std::uint32_t cause,
                         ais_node_id claimed_sender = 0,
                         std::uint32_t key_id = 0,
                         std::uint32_t detail = 0) {
    fault.cause = cause;
    fault.claimed_sender = claimed_sender;
    fault.key_id = key_id;
    fault.detail = detail;
    return AIS_ERR_CORRUPT;
}

// Steps 1 to 5 of opening: AIS_OK and `header`, or AIS_ERR_CORRUPT and
// `fault`.  `can_open(cipher)` says which ciphers this session opens.
template <typename CanOpen>
ais_status inspect(Bytes datagram,
                   std::uint32_t key_id,
                   CanOpen can_open,
                   Header& header,
                   ais_crypto_fault& fault) {
    Reader from(datagram);
    const std::uint8_t magic_0 = from.u8();
    const std::uint8_t magic_1 = from.u8();
    const std::uint8_t version = from.u8();
    const std::uint8_t cipher = from.u8();
    if (!from.ok() || magic_0 != AIS_ENVELOPE_MAGIC_0 || magic_1 != AIS_ENVELOPE_MAGIC_1) {
        return refuse(fault, AIS_FAULT_MALFORMED);
    }
    if (version != AIS_ENVELOPE_VERSION) {
        return refuse(fault, AIS_FAULT_VERSION, 0, 0, version);
    }
    header.key_id = from.u32();
    header.sender = from.u32();
    copy_bytes(header.salt.data(), from.bytes(salt_size));
    header.counter = from.u64();
    const ais_node_id sender = from.ok() ? header.sender : 0;
    if (cipher >= cipher_count || !can_open(static_cast<Cipher>(cipher))) {
        return refuse(fault, AIS_FAULT_CIPHER, sender, header.key_id, cipher);
    }
    header.cipher = static_cast<Cipher>(cipher);
    const std::size_t tag = header.cipher == Cipher::none ? 0 : tag_size;
    if (!from.ok() || from.remaining() < tag) {
        return refuse(fault, AIS_FAULT_MALFORMED, sender, header.key_id);
    }
    if (header.key_id != key_id) {
        return refuse(fault, AIS_FAULT_KEY_ID, sender, header.key_id);
    }
    return AIS_OK;
}

}  // namespace ais::envelope
