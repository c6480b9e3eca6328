// SPDX-License-Identifier: BSD-3-Clause

#include "subkey.hpp"

namespace ais::crypto_ipsec_mb {

Result<void> Suite::start() {
    const Result<void> started = SodiumSuite::start();
    if (!started) {
        return started;
    }
    const Result<Functions> chosen = choose_functions();
    if (!chosen) {
        return chosen.error();
    }
    functions = chosen.value();
    return {};
}

Subkey::~Subkey() {
    sodium_memzero(key_.data(), key_.size());
}

void Subkey::derive(const Suite& suite, const Key& master, const envelope::Header& header) {
    cipher_ = header.cipher;
    epoch_ = header.epoch();
    Suite::derive_subkey(key_, master, header);
    if (cipher_ == Cipher::aes_256_gcm) {
        aes_.expand(suite.functions, key_);
    }
}

void Subkey::seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const {
    if (cipher_ == Cipher::aes_256_gcm) {
        aes_.seal(counter, plain, datagram);
    } else {
        Suite::seal(cipher_, key_, counter, plain, datagram);
    }
}

bool Subkey::open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const {
    return cipher_ == Cipher::aes_256_gcm ? aes_.open(counter, datagram, to)
                                          : Suite::open(cipher_, key_, counter, datagram, to);
}

}  // namespace ais::crypto_ipsec_mb
