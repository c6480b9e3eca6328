// SPDX-License-Identifier: BSD-3-Clause

#include "client/ais.hpp"

#include <algorithm>
#include <chrono>

namespace ais::client {
namespace {

// Limit: as a deadline, 146 years from now; clocks and their sums stay inside 64 bits.
constexpr SaTimeT timeout_max = SA_TIME_MAX / 2;

}  // namespace

SaAisErrorT to_sa_error(Status status) {
    switch (status) {
        case Status::ok:
            return SA_AIS_OK;
        case Status::try_again:
            return SA_AIS_ERR_TRY_AGAIN;
        case Status::timeout:
            return SA_AIS_ERR_TIMEOUT;
        case Status::closed:
        case Status::forked:
            return SA_AIS_ERR_BAD_HANDLE;
        case Status::too_big:
            return SA_AIS_ERR_TOO_BIG;
        case Status::denied:
            return SA_AIS_ERR_ACCESS;
        case Status::no_memory:
            return SA_AIS_ERR_NO_MEMORY;
        case Status::lost:
        case Status::refused:
        case Status::version:
            break;
    }
    return SA_AIS_ERR_LIBRARY;
}

SaAisErrorT to_sa_error(Status status, ais_status refusal) {
    if (status != Status::refused) {
        return to_sa_error(status);
    }
    switch (refusal) {
        case AIS_ERR_NOT_FOUND:
            return SA_AIS_ERR_NOT_SUPPORTED;
        case AIS_ERR_NO_MEMORY:
            return SA_AIS_ERR_NO_RESOURCES;
        case AIS_ERR_AGAIN:
            return SA_AIS_ERR_TRY_AGAIN;
        case AIS_ERR_DENIED:
            return SA_AIS_ERR_ACCESS;
        default:
            return SA_AIS_ERR_LIBRARY;
    }
}

std::optional<Duration> to_duration(SaTimeT timeout) {
    if (timeout < 0) {
        return std::nullopt;
    }
    return timeout >= timeout_max ? forever : Duration(timeout);
}

std::optional<DispatchMode> to_mode(SaDispatchFlagsT flags) {
    switch (flags) {
        case SA_DISPATCH_ONE:
            return DispatchMode::one_nonblocking;
        case SA_DISPATCH_ALL:
            return DispatchMode::all;
        case SA_DISPATCH_BLOCKING:
            return DispatchMode::blocking;
    }
    return std::nullopt;
}

SaAisErrorT check_name(const SaNameT* name, SaAisErrorT too_long) {
    if (name == nullptr || name->length == 0) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    return name->length > SA_MAX_NAME_LENGTH ? too_long : SA_AIS_OK;
}

SaNameT to_name(std::string_view text) {
    SaNameT name{};
    const std::size_t length = std::min<std::size_t>(text.size(), SA_MAX_NAME_LENGTH);
    name.length = static_cast<SaUint16T>(length);
    copy_bytes(name.value, as_bytes(text.substr(0, length)));
    return name;
}

SaTimeT time_of_day() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

SaNameT read_name(Reader& in) {
    const std::string_view text = in.text();
    if (text.size() > SA_MAX_NAME_LENGTH) {
        in.fail();
        return {};
    }
    return to_name(text);
}

}  // namespace ais::client
