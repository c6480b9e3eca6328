// SPDX-License-Identifier: BSD-3-Clause

#include "filter.hpp"

namespace ais::evt {

bool matches(const Filter& filter, std::string_view pattern) {
    switch (filter.type) {
        case FilterType::prefix:
            return pattern.starts_with(filter.bytes);
        case FilterType::suffix:
            return pattern.ends_with(filter.bytes);
        case FilterType::exact:
            return pattern == filter.bytes;
        case FilterType::pass_all:
            return true;
    }
    return false;
}

bool matches(std::span<const Filter> filters, std::span<const std::string_view> patterns) {
    for (std::size_t i = 0; i < filters.size(); ++i) {
        if (!matches(filters[i], i < patterns.size() ? patterns[i] : std::string_view())) {
            return false;
        }
    }
    return true;
}

void encode_filters(Appender& out, std::span<const Filter> filters) {
    out.u32(static_cast<std::uint32_t>(filters.size()));
    for (const Filter& filter : filters) {
        out.u32(static_cast<std::uint32_t>(filter.type));
        out.text(filter.bytes);
    }
}

bool decode_filters(Reader& in, std::vector<Filter>& filters) {
    filters.clear();
    const std::uint32_t count = in.u32();
    if (!in.ok() || count > patterns_max) {
        return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t type = in.u32();
        const std::string_view bytes = in.text();
        if (!in.ok() || type < 1 || type > 4 || bytes.size() > pattern_size_max) {
            return false;
        }
        filters.push_back({static_cast<FilterType>(type), std::string(bytes)});
    }
    return in.finished();
}

}  // namespace ais::evt
