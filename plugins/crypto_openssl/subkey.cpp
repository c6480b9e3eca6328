// SPDX-License-Identifier: BSD-3-Clause

#include "subkey.hpp"

#include "blake2b.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <new>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace ais::crypto_openssl {

using envelope::header_size;
using envelope::nonce;
using envelope::tag_size;

namespace {

constexpr int nonce_size = 12;  // of both ciphers that OpenSSL knows

// The C API takes int and is not const-correct everywhere; sizes here are datagrams'.
int as_int(std::size_t size) {
    return static_cast<int>(size);
}

const EVP_CIPHER* evp_of(Cipher cipher) {
    return cipher == Cipher::aes_256_gcm ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
}

// HChaCha20 of `key` and the first 16 bytes of an XChaCha20 nonce.  OpenSSL's plain ChaCha20
// takes its input words 12 to 15 as an IV, which is all that HChaCha20 needs.
Key hchacha20(const Key& key, const std::array<std::uint8_t, 16>& input) {
    static constexpr std::uint32_t sigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    std::array<std::uint8_t, 64> block{};
    int written = 0;
    const Context context(EVP_CIPHER_CTX_new());
    if (!context ||
        EVP_EncryptInit_ex(context.get(), EVP_chacha20(), nullptr, key.data(), input.data()) != 1 ||
        EVP_EncryptUpdate(
            context.get(), block.data(), &written, block.data(), as_int(block.size())) != 1) {
        throw std::bad_alloc();
    }
    Reader words(block);
    Reader inputs(input);
    Key result{};
    Writer to{MutableBytes(result)};
    for (const std::uint32_t constant : sigma) {
        to.u32(words.u32() - constant);
    }
    words.bytes(32);
    for (int i = 0; i < 4; ++i) {
        to.u32(words.u32() - inputs.u32());
    }
    OPENSSL_cleanse(block.data(), block.size());
    return result;
}

Context make_context(Cipher cipher, const Key& key, int seals) {
    Context context(EVP_CIPHER_CTX_new());
    if (!context || EVP_CipherInit_ex(
                        context.get(), evp_of(cipher), nullptr, key.data(), nullptr, seals) != 1) {
        throw std::bad_alloc();
    }
    return context;
}

}  // namespace

void FreeContext::operator()(evp_cipher_ctx_st* context) const {
    EVP_CIPHER_CTX_free(context);
}

Result<void> Suite::start() {
    // One datagram of each kind, there and back: what is missing shows now.
    try {
        const Key master = derive_master({});
        for (const Cipher cipher :
             {Cipher::aes_256_gcm, Cipher::xchacha20_poly1305, Cipher::chacha20_poly1305}) {
            envelope::Header header;
            header.cipher = cipher;
            Subkey subkey;
            subkey.derive(Suite{}, master, header);
            std::array<std::uint8_t, header_size + 1 + tag_size> datagram{};
            subkey.seal(1, as_bytes("x"), datagram.data());
            std::uint8_t opened = 0;
            if (!subkey.open(1, datagram, &opened) || opened != 'x') {
                return Error{AIS_ERR_UNSUPPORTED,
                             std::string("this OpenSSL cannot do ") +
                                 envelope::cipher_name(cipher) + ": use crypto_sodium"};
            }
        }
    } catch (const std::exception& error) {
        return Error{AIS_ERR_UNSUPPORTED, error.what()};
    }
    return {};
}

bool Suite::has_fast_aes() {
#if defined(__x86_64__) || defined(__i386__)
    // Why not __builtin_cpu_supports: it brings a static constructor, which a plugin must not have.
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_AES) != 0 && (c & bit_PCLMUL) != 0;
#else
    return false;
#endif
}

Key Suite::derive_master(Bytes authkey) {
    return keyed_blake2b(as_bytes(envelope::master_label), authkey);
}

std::uint32_t Suite::derive_key_id(const Key& master) {
    const Key hash = keyed_blake2b(master, as_bytes(envelope::key_id_label));
    return Reader(hash).u32();
}

void Suite::wipe(void* memory, std::size_t size) {
    OPENSSL_cleanse(memory, size);
}

Subkey::~Subkey() {
    OPENSSL_cleanse(key_.data(), key_.size());
}

void Subkey::derive(const Suite&, const Key& master, const envelope::Header& header) {
    cipher_ = header.cipher;
    epoch_ = header.epoch();
    key_ = keyed_blake2b(master, envelope::subkey_message(header));
    sealing_ = make_context(cipher_, key_, 1);
    opening_ = make_context(cipher_, key_, 0);
}

void Subkey::set_nonce(evp_cipher_ctx_st* context, std::uint64_t counter) {
    if (cipher_ != Cipher::xchacha20_poly1305) {
        EVP_CipherInit_ex(
            context, nullptr, nullptr, nullptr, nonce<nonce_size>(counter).data(), -1);
        return;
    }
    // The nonce of 24 bytes is the counter and zeros, so what is left of it after
    // HChaCha20 is zeros.
    Key key = hchacha20(key_, nonce<16>(counter));
    EVP_CipherInit_ex(context, nullptr, nullptr, key.data(), nonce<nonce_size>(0).data(), -1);
    OPENSSL_cleanse(key.data(), key.size());
}

void Subkey::seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) {
    auto* const context = sealing_.get();
    std::uint8_t* const to = datagram + header_size;
    int written = 0;
    set_nonce(context, counter);
    EVP_EncryptUpdate(context, nullptr, &written, datagram, header_size);
    if (!plain.empty()) {
        EVP_EncryptUpdate(context, to, &written, plain.data(), as_int(plain.size()));
    }
    EVP_EncryptFinal_ex(context, to + plain.size(), &written);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, as_int(tag_size), to + plain.size());
}

bool Subkey::open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) {
    auto* const context = opening_.get();
    const std::uint8_t* const in = datagram.data() + header_size;
    const std::size_t size = datagram.size() - header_size - tag_size;
    // The interface is for setting and getting; here it only reads.
    auto* const tag = const_cast<std::uint8_t*>(in + size);
    int written = 0;
    set_nonce(context, counter);
    if (EVP_DecryptUpdate(context, nullptr, &written, datagram.data(), header_size) != 1 ||
        (size > 0 && EVP_DecryptUpdate(context, to, &written, in, as_int(size)) != 1) ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, as_int(tag_size), tag) != 1) {
        return false;
    }
    return EVP_DecryptFinal_ex(context, to + size, &written) == 1;
}

}  // namespace ais::crypto_openssl
