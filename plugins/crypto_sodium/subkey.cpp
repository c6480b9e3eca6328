// SPDX-License-Identifier: BSD-3-Clause

#include "subkey.hpp"

namespace ais::crypto_sodium {

using envelope::header_size;
using envelope::nonce;
using envelope::tag_size;

static_assert(tag_size == crypto_aead_aes256gcm_ABYTES);
static_assert(envelope::key_size == crypto_aead_aes256gcm_KEYBYTES);

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

Subkey::~Subkey() {
    sodium_memzero(key_.data(), key_.size());
    sodium_memzero(&aes_, sizeof aes_);
}

void Subkey::derive(const Suite&, const Key& master, const envelope::Header& header) {
    cipher_ = header.cipher;
    epoch_ = header.epoch();
    Suite::derive_subkey(key_, master, header);
    if (cipher_ == Cipher::aes_256_gcm) {
        crypto_aead_aes256gcm_beforenm(&aes_, key_.data());
    }
}

bool Subkey::fits(const envelope::Header& header) const {
    return cipher_ == header.cipher && epoch_ == header.epoch();
}

void Subkey::seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const {
    if (cipher_ != Cipher::aes_256_gcm) {
        Suite::seal(cipher_, key_, counter, plain, datagram);
        return;
    }
    crypto_aead_aes256gcm_encrypt_afternm(
        datagram + header_size,
        nullptr,
        plain.data(),
        plain.size(),
        datagram,
        header_size,
        nullptr,
        nonce<crypto_aead_aes256gcm_NPUBBYTES>(counter).data(),
        &aes_);
}

bool Subkey::open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const {
    if (cipher_ != Cipher::aes_256_gcm) {
        return Suite::open(cipher_, key_, counter, datagram, to);
    }
    return crypto_aead_aes256gcm_decrypt_afternm(
               to,
               nullptr,
               nullptr,
               datagram.data() + header_size,
               datagram.size() - header_size,
               datagram.data(),
               header_size,
               nonce<crypto_aead_aes256gcm_NPUBBYTES>(counter).data(),
               &aes_) == 0;
}

}  // namespace ais::crypto_sodium
