// SPDX-License-Identifier: BSD-3-Clause
//
// Keyed BLAKE2b with a result of 32 bytes, for the derivations of
// docs/protocol/envelope.md.

#pragma once

#include <ais/envelope_session.hpp>

namespace ais::crypto_openssl {

// Throws std::runtime_error if this OpenSSL has no BLAKE2b.
envelope::Key keyed_blake2b(Bytes key, Bytes message);

}  // namespace ais::crypto_openssl
