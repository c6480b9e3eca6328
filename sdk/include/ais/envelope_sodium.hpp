// SPDX-License-Identifier: BSD-3-Clause
//
// What a suite (envelope_session.hpp) has from libsodium: the derivation of keys, both ChaCha20
// ciphers, and wiping.  For crypto backends that bring an AES-256-GCM of their own, or have
// libsodium's.
//
// The only header of the SDK that needs a library besides the standard one (and GoogleTest, in
// ais/testing): who includes it links libsodium.
//
// Threads: none.  Nothing here allocates.

#pragma once

#include <ais/envelope_session.hpp>
#include <ais/result.hpp>

#include <sodium.h>

namespace ais::envelope {

static_assert(tag_size == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(tag_size == crypto_aead_chacha20poly1305_ietf_ABYTES);
static_assert(key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(key_size == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
static_assert(master_label.size() >= crypto_generichash_KEYBYTES_MIN);

// A suite is derived from this.  Requires of all others: start().
struct SodiumSuite {
    // May be called again.
    static Result<void> start() {
        if (sodium_init() < 0) {
            return Error{AIS_ERR_FAILED, "libsodium does not start: no source of random numbers?"};
        }
        return {};
    }

    static Key derive_master(Bytes authkey) {
        Key master;
        keyed_blake2b(master, as_bytes(master_label), authkey);
        return master;
    }
    static std::uint32_t derive_key_id(const Key& master) {
        Key hash;
        keyed_blake2b(hash, master, as_bytes(key_id_label));
        return Reader(hash).u32();
    }
    static void derive_subkey(Key& result, const Key& master, const Header& header) {
        keyed_blake2b(result, master, subkey_message(header));
    }
    static void wipe(void* memory, std::size_t size) { sodium_memzero(memory, size); }

    // As Subkey::seal and open of a suite.  Requires: `cipher` is one with ChaCha20.
    static void seal(Cipher cipher,
                     const Key& key,
                     std::uint64_t counter,
                     Bytes plain,
                     std::uint8_t* datagram) {
        const auto encrypt = cipher == Cipher::xchacha20_poly1305
                                 ? &crypto_aead_xchacha20poly1305_ietf_encrypt
                                 : &crypto_aead_chacha20poly1305_ietf_encrypt;
        encrypt(datagram + header_size,
                nullptr,
                plain.data(),
                plain.size(),
                datagram,
                header_size,
                nullptr,
                any_nonce(counter).data(),
                key.data());
    }
    static bool open(Cipher cipher,
                     const Key& key,
                     std::uint64_t counter,
                     Bytes datagram,
                     std::uint8_t* to) {
        const auto decrypt = cipher == Cipher::xchacha20_poly1305
                                 ? &crypto_aead_xchacha20poly1305_ietf_decrypt
                                 : &crypto_aead_chacha20poly1305_ietf_decrypt;
        return decrypt(to,
                       nullptr,
                       nullptr,
                       datagram.data() + header_size,
                       datagram.size() - header_size,
                       datagram.data(),
                       header_size,
                       any_nonce(counter).data(),
                       key.data()) == 0;
    }

  private:
    // The shorter nonce is the beginning of the longer one.
    static std::array<std::uint8_t, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES> any_nonce(
        std::uint64_t counter) {
        return nonce<crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>(counter);
    }
    static void keyed_blake2b(MutableBytes result, Bytes key, Bytes message) {
        // Cannot fail: sizes are constants within BLAKE2b's limits.
        crypto_generichash(
            result.data(), result.size(), message.data(), message.size(), key.data(), key.size());
    }
};

}  // namespace ais::envelope
