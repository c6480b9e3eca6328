// SPDX-License-Identifier: BSD-3-Clause
//
// A sub-key, ready for use: the key of one sender, boot, cipher and epoch
// (docs/protocol/envelope.md).  AES-256-GCM is IPSec_MB's, all else libsodium's.
//
// Wiped when it is replaced or destroyed.  Threads: none.

#pragma once

#include "aes_gcm.hpp"

#include <ais/envelope_sodium.hpp>

namespace ais::crypto_ipsec_mb {

using envelope::Cipher;
using envelope::Key;

struct Suite;

class Subkey {
  public:
    Subkey() = default;
    ~Subkey();
    Subkey(const Subkey&) = default;
    Subkey& operator=(const Subkey&) = default;

    // As envelope_session.hpp.
    void derive(const Suite& suite, const Key& master, const envelope::Header& header);
    [[nodiscard]] bool fits(const envelope::Header& header) const {
        return cipher_ == header.cipher && epoch_ == header.epoch();
    }
    void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const;
    [[nodiscard]] bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const;

  private:
    Cipher cipher_ = Cipher::none;
    std::uint32_t epoch_ = 0;
    Key key_{};
    AesGcm aes_;
};

// IPSec_MB with libsodium as a suite (ais/envelope_session.hpp).
struct Suite : envelope::SodiumSuite {
    using Subkey = crypto_ipsec_mb::Subkey;
    static constexpr const char* sealing_id = "IPSECMB-001";
    static constexpr const char* gave_way_id = "IPSECMB-002";

    Result<void> start();
    static bool is_available(Cipher cipher) { return cipher != Cipher::none; }
    // Without, it does not start.
    static bool has_fast_aes() { return true; }

    Functions functions;
};

}  // namespace ais::crypto_ipsec_mb
