// SPDX-License-Identifier: BSD-3-Clause
//
// The backend as the kernel sees it: ais.crypto/1 with libsodium.

#include "subkey.hpp"

#include <ais/envelope_backend.hpp>

AIS_EXPORT_PLUGIN =
    ais::describe<ais::envelope::Backend<ais::crypto_sodium::Suite>>("crypto_sodium", "1.1.0");
