// SPDX-License-Identifier: BSD-3-Clause
//
// A sub-key, ready for use: the key of one sender, boot, cipher and epoch
// (docs/protocol/envelope.md), as two cipher contexts of OpenSSL that hold the
// expanded key, one for each direction, so that a datagram pays for its nonce only.
//
// OpenSSL has no XChaCha20: its sub-key per nonce is HChaCha20, which is the block
// of ChaCha20 less the input that is added at its end, so we take the block from
// OpenSSL and subtract.
//
// Contexts are freed, which wipes them, with the sub-key.  Threads: none.

#pragma once

#include <ais/envelope_session.hpp>
#include <ais/result.hpp>

#include <memory>

struct evp_cipher_ctx_st;

namespace ais::crypto_openssl {

using envelope::Cipher;
using envelope::Key;

struct FreeContext {
    void operator()(evp_cipher_ctx_st* context) const;
};
using Context = std::unique_ptr<evp_cipher_ctx_st, FreeContext>;

struct Suite;

class Subkey {
  public:
    Subkey() = default;
    ~Subkey();
    Subkey(Subkey&&) = default;
    Subkey& operator=(Subkey&&) = default;

    // As envelope_session.hpp.  Throws std::bad_alloc when OpenSSL has no memory.
    void derive(const Suite& suite, const Key& master, const envelope::Header& header);
    [[nodiscard]] bool fits(const envelope::Header& header) const {
        return cipher_ == header.cipher && epoch_ == header.epoch();
    }
    void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram);
    [[nodiscard]] bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to);

  private:
    void set_nonce(evp_cipher_ctx_st* context, std::uint64_t counter);

    Cipher cipher_ = Cipher::none;
    std::uint32_t epoch_ = 0;
    Key key_{};
    Context sealing_;
    Context opening_;
};

// OpenSSL as a suite (ais/envelope_session.hpp, envelope_backend.hpp).
struct Suite {
    using Subkey = crypto_openssl::Subkey;
    static constexpr const char* sealing_id = "OPENSSL-001";
    static constexpr const char* gave_way_id = "OPENSSL-002";

    // Finds out whether this OpenSSL has all that is needed: a provider can lack it
    // (FIPS has neither ChaCha20 nor BLAKE2b).
    static Result<void> start();
    static bool is_available(Cipher cipher) { return cipher != Cipher::none; }
    static bool has_fast_aes();
    static Key derive_master(Bytes authkey);
    static std::uint32_t derive_key_id(const Key& master);
    static void wipe(void* memory, std::size_t size);
};

}  // namespace ais::crypto_openssl
