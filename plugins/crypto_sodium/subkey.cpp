// SPDX-License-Identifier: BSD-3-Clause

#include "subkey.hpp"

namespace ais::crypto_sodium {

using envelope::header_size;
using envelope::nonce;
using envelope::tag_size;

static_assert(tag_size == crypto_aead_aes256gcm_ABYTES);
static_assert(tag_size == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(tag_size == crypto_aead_chacha20poly1305_ietf_ABYTES);
static_assert(envelope::key_size == crypto_aead_aes256gcm_KEYBYTES);
static_assert(envelope::key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(envelope::key_size == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
static_assert(envelope::master_label.size() >= crypto_generichash_KEYBYTES_MIN);

namespace {

void keyed_blake2b(MutableBytes result, Bytes key, Bytes message) {
    // Cannot fail: sizes are constants within BLAKE2b's limits.
    crypto_generichash(
        result.data(), result.size(), message.data(), message.size(), key.data(), key.size());
}

}  // namespace

Result<void> Suite::start() {
    if (sodium_init() < 0) {
        return Error{AIS_ERR_FAILED, "libsodium does not start: no source of random numbers?"};
    }
    return {};
}

bool Suite::is_available(Cipher cipher) {
    switch (cipher) {
        case Cipher::aes_256_gcm:
            return crypto_aead_aes256gcm_is_available() != 0;
        case Cipher::xchacha20_poly1305:
        case Cipher::chacha20_poly1305:
            return true;
        case Cipher::none:
            break;
    }
    return false;
}

Key Suite::derive_master(Bytes authkey) {
    Key master;
    keyed_blake2b(master, as_bytes(envelope::master_label), authkey);
    return master;
}

std::uint32_t Suite::derive_key_id(const Key& master) {
    Key hash;
    keyed_blake2b(hash, master, as_bytes(envelope::key_id_label));
    return Reader(hash).u32();
}

Subkey::~Subkey() {
    sodium_memzero(key_.data(), key_.size());
    sodium_memzero(&aes_, sizeof aes_);
}

void Subkey::derive(const Key& master, const envelope::Header& header) {
    cipher_ = header.cipher;
    epoch_ = header.epoch();
    keyed_blake2b(key_, master, envelope::subkey_message(header));
    if (cipher_ == Cipher::aes_256_gcm) {
        crypto_aead_aes256gcm_beforenm(&aes_, key_.data());
    }
}

bool Subkey::fits(const envelope::Header& header) const {
    return cipher_ == header.cipher && epoch_ == header.epoch();
}

void Subkey::seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const {
    std::uint8_t* const to = datagram + header_size;
    switch (cipher_) {
        case Cipher::aes_256_gcm:
            crypto_aead_aes256gcm_encrypt_afternm(
                to,
                nullptr,
                plain.data(),
                plain.size(),
                datagram,
                header_size,
                nullptr,
                nonce<crypto_aead_aes256gcm_NPUBBYTES>(counter).data(),
                &aes_);
            break;
        case Cipher::xchacha20_poly1305:
            crypto_aead_xchacha20poly1305_ietf_encrypt(
                to,
                nullptr,
                plain.data(),
                plain.size(),
                datagram,
                header_size,
                nullptr,
                nonce<crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>(counter).data(),
                key_.data());
            break;
        case Cipher::chacha20_poly1305:
            crypto_aead_chacha20poly1305_ietf_encrypt(
                to,
                nullptr,
                plain.data(),
                plain.size(),
                datagram,
                header_size,
                nullptr,
                nonce<crypto_aead_chacha20poly1305_ietf_NPUBBYTES>(counter).data(),
                key_.data());
            break;
        case Cipher::none:
            break;
    }
}

bool Subkey::open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const {
    const std::uint8_t* const in = datagram.data() + header_size;
    const std::size_t size = datagram.size() - header_size;
    switch (cipher_) {
        case Cipher::aes_256_gcm:
            return crypto_aead_aes256gcm_decrypt_afternm(
                       to,
                       nullptr,
                       nullptr,
                       in,
                       size,
                       datagram.data(),
                       header_size,
                       nonce<crypto_aead_aes256gcm_NPUBBYTES>(counter).data(),
                       &aes_) == 0;
        case Cipher::xchacha20_poly1305:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                       to,
                       nullptr,
                       nullptr,
                       in,
                       size,
                       datagram.data(),
                       header_size,
                       nonce<crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>(counter).data(),
                       key_.data()) == 0;
        case Cipher::chacha20_poly1305:
            return crypto_aead_chacha20poly1305_ietf_decrypt(
                       to,
                       nullptr,
                       nullptr,
                       in,
                       size,
                       datagram.data(),
                       header_size,
                       nonce<crypto_aead_chacha20poly1305_ietf_NPUBBYTES>(counter).data(),
                       key_.data()) == 0;
        case Cipher::none:
            break;
    }
    return false;
}

}  // namespace ais::crypto_sodium
