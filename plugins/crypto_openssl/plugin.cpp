// SPDX-License-Identifier: BSD-3-Clause
//
// The backend as the kernel sees it: ais.crypto/1 with OpenSSL.

#include "subkey.hpp"

#include <ais/envelope_backend.hpp>

AIS_EXPORT_PLUGIN =
    ais::describe<ais::envelope::Backend<ais::crypto_openssl::Suite>>("crypto_openssl", "1.0.0");
