// SPDX-License-Identifier: BSD-3-Clause
//
// The SA Forum's common values on one side, this library's on the other: results, timeouts,
// names, dispatch flags.  ais_library.hpp has the life cycle.
//
// Which result for which failure is decided here once for all services:
//   TRY_AGAIN  no executive is there yet, or it is busy       ACCESS   this user may not
//   LIBRARY    the executive is gone, or speaks otherwise     TIMEOUT  the time ran out
//   BAD_HANDLE finalized meanwhile, or the parent's           NO_MEMORY, NO_RESOURCES
//   NOT_SUPPORTED  at initialization: the executive has not loaded this service
//
// Threads: all from any thread.

#pragma once

#include "client/connection.hpp"
#include "client/dispatch.hpp"

#include <openais/saAis.h>

#include <ais/codec.hpp>

#include <optional>
#include <string_view>

namespace ais::client {

// Of a call on a connection that was open.  Status::refused does not occur there.
SaAisErrorT to_sa_error(Status status);
// Of Connection::open; `refusal` is what it gave as the service's status.
SaAisErrorT to_sa_error(Status status, ais_status refusal);

// A timeout as the C functions take it.  SA_TIME_MAX, and what is so far away that it
// cannot be added to a clock, is for ever; 0 is 0, and a call with it returns TIMEOUT and
// sends nothing.  Nothing: negative, which is INVALID_PARAM.
std::optional<Duration> to_duration(SaTimeT timeout);

// Nothing: no such flag, which is INVALID_PARAM.  SA_DISPATCH_ONE does not wait.
std::optional<DispatchMode> to_mode(SaDispatchFlagsT flags);

// What a name is worth as the name of an object: OK, INVALID_PARAM (null or empty), or
// `too_long` (above 256 bytes; the standard names either).
SaAisErrorT check_name(const SaNameT* name, SaAisErrorT too_long = SA_AIS_ERR_INVALID_PARAM);

// Its bytes.  Requires: length is at most 256.
inline Bytes name_bytes(const SaNameT& name) {
    return {name.value, name.length};
}
inline std::string_view name_text(const SaNameT& name) {
    return as_text(name_bytes(name));
}
// The rest is 0.  Limit: what is beyond 256 bytes is cut off.
SaNameT to_name(std::string_view text);

// The time of day: nanoseconds since 1970-01-01 UTC.
SaTimeT time_of_day();

// On a wire: a u32 length and that many bytes; one that is too long makes the reader bad.
inline void write_name(Appender& out, const SaNameT& name) {
    out.block(name_bytes(name));
}
SaNameT read_name(Reader& in);

}  // namespace ais::client
