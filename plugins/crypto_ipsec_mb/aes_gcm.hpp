// SPDX-License-Identifier: BSD-3-Clause
//
// AES-256-GCM of the envelope (docs/protocol/envelope.md) by IPSec_MB.
//
// The library chooses code for the processor (SSE, AVX, AVX2, AVX-512, VAES) when a
// manager is made, which is 200 KiB of queues for jobs of many streams.  We have one
// datagram at a time, and its functions for that are plain ones without state.  So a
// manager is made at the start, its three functions are kept, and it is freed.
//
// Threads: none.

#pragma once

#include <ais/envelope_session.hpp>
#include <ais/result.hpp>

#include <intel-ipsec-mb.h>

namespace ais::crypto_ipsec_mb {

struct Functions {
    aes_gcm_pre_t expand = nullptr;
    aes_gcm_enc_dec_t seal = nullptr;
    aes_gcm_enc_dec_t open = nullptr;
};

// Whether a processor with these instructions (IMB_FEATURE_…) will do; AIS_ERR_UNSUPPORTED with
// the remedy if not.
Result<void> check_processor(std::uint64_t features);

// The fastest that this processor has.  Errors as check_processor, and when the library has failed
// its self-test or has no memory.
Result<Functions> choose_functions();

// A key with its schedule and the powers of its hash key, so that a datagram does not pay for
// them.  Wiped when it is replaced or destroyed.
class AesGcm {
  public:
    AesGcm() = default;
    ~AesGcm();
    AesGcm(const AesGcm&) = default;
    AesGcm& operator=(const AesGcm&) = default;

    // Requires: `functions` were chosen.
    void expand(const Functions& functions, const envelope::Key& key);
    // As Subkey::seal and open of a suite.  Requires: expand().  What does not open leaves zeros.
    void seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const;
    [[nodiscard]] bool open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const;

  private:
    Functions functions_;
    // Why: the code loads it by vectors of 64 bytes.
    alignas(64) gcm_key_data key_{};
};

}  // namespace ais::crypto_ipsec_mb
