// SPDX-License-Identifier: BSD-3-Clause
//
// What a subscription lets through (AIS B.01.01 event service, filters).
//
// Filter i looks at pattern i.  A pattern that is not there counts as empty, and patterns beyond
// the filters are not looked at.  Patterns are bytes: zeros in them are as good as others.

#pragma once

#include "wire.hpp"

#include <span>
#include <string>
#include <vector>

namespace ais::evt {

// The numbers are SaEvtEventFilterTypeT.
enum class FilterType : std::uint32_t { prefix = 1, suffix = 2, exact = 3, pass_all = 4 };

struct Filter {
    FilterType type = FilterType::pass_all;
    std::string bytes;
};

bool matches(const Filter& filter, std::string_view pattern);
bool matches(std::span<const Filter> filters, std::span<const std::string_view> patterns);

// As in the subscribe request.
void encode_filters(Appender& out, std::span<const Filter> filters);
// False: does not decode or is beyond the limits.
bool decode_filters(Reader& in, std::vector<Filter>& filters);

}  // namespace ais::evt
