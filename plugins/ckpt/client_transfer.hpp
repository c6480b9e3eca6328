// SPDX-License-Identifier: BSD-3-Clause
//
// libSaCkpt: data that does not fit a message, in pieces.

#pragma once

#include "client_session.hpp"

namespace ais::ckpt {

// The plan, the data of its elements piece by piece, and the end, whose response is that of what
// was planned.  One at a time for each handle.
SaAisErrorT transfer(Opened& checkpoint,
                     Session& session,
                     Plan plan,
                     std::span<const Bytes> data,
                     std::vector<std::uint8_t>& response);

}  // namespace ais::ckpt
