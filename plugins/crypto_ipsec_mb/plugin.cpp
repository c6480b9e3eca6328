// SPDX-License-Identifier: BSD-3-Clause
//
// The backend as the kernel sees it: ais.crypto/1 with IPSec_MB.

#include "subkey.hpp"

#include <ais/envelope_backend.hpp>

AIS_EXPORT_PLUGIN =
    ais::describe<ais::envelope::Backend<ais::crypto_ipsec_mb::Suite>>("crypto_ipsec_mb", "1.0.0");
