// SPDX-License-Identifier: BSD-3-Clause
//
// A sub-key, ready for use: the key of one sender, boot, cipher and epoch
// (docs/protocol/envelope.md).  For AES the expanded key schedule is kept, so
// that a datagram does not pay for it.
//
// Wiped when it is replaced or destroyed.  Threads: none.

#pragma once

#include <ais/envelope_sodium.hpp>

namespace ais::crypto_sodium {

using envelope::Cipher;
using envelope::Key;

struct Suite;

class Subkey {
  public:
    Subkey() = default;
    ~Subkey();
    Subkey(const Subkey&) = default;
    Subkey& operator=(const Subkey&) = default;

    // Become the sub-key for datagrams with this header.  Requires:
    // is_available(header.cipher).
    void derive(const Suite& suite, const Key& master, const envelope::Header& header);

    // Whether it was derived for the cipher and epoch of this header; sender
    // and salt are the owner's business.
    [[nodiscard]] bool fits(const envelope::Header& header) const;

    // `datagram` begins with the header; the sealed payload and the tag are
    // written behind it.  Requires: fits() the header.
    void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const;

    // Open the payload to `to`, which is where it is sealed or does not overlap it; false if the
    // tag is wrong.  Requires: fits() the header, datagram.size() >= header and tag.
    [[nodiscard]] bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const;

  private:
    Cipher cipher_ = Cipher::none;
    std::uint32_t epoch_ = 0;
    Key key_{};
    crypto_aead_aes256gcm_state aes_{};
};

// libsodium as a suite (ais/envelope_session.hpp).
struct Suite : envelope::SodiumSuite {
    using Subkey = crypto_sodium::Subkey;
    static constexpr const char* sealing_id = "SODIUM-001";
    static constexpr const char* gave_way_id = "SODIUM-002";

    static bool is_available(Cipher cipher);
    static bool has_fast_aes() { return is_available(Cipher::aes_256_gcm); }
};

}  // namespace ais::crypto_sodium
