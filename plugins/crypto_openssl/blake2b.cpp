// SPDX-License-Identifier: BSD-3-Clause

#include "blake2b.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <stdexcept>

namespace ais::crypto_openssl {
namespace {

struct Free {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

}  // namespace

envelope::Key keyed_blake2b(Bytes key, Bytes message) {
    const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "BLAKE2BMAC", nullptr));
    const std::unique_ptr<EVP_MAC_CTX, Free> context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    envelope::Key result{};
    std::size_t size = result.size();
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    std::size_t written = 0;
    if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), params) != 1 ||
        EVP_MAC_update(context.get(), message.data(), message.size()) != 1 ||
        EVP_MAC_final(context.get(), result.data(), &written, result.size()) != 1 ||
        written != result.size()) {
        throw std::runtime_error("this OpenSSL has no BLAKE2b (BLAKE2BMAC): use crypto_sodium");
    }
    return result;
}

}  // namespace ais::crypto_openssl
