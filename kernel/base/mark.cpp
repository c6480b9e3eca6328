// SPDX-License-Identifier: BSD-3-Clause

#include "base/mark.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ais {
namespace {

struct Entry {
    const char* name;
    std::uint64_t count;
};

// Few entries (one per odd branch), found by linear search on rare paths only.
std::vector<Entry>& entries() {
    thread_local std::vector<Entry> table;
    return table;
}

Entry* find(const char* name) {
    auto& table = entries();
    const auto at = std::find_if(
        table.begin(), table.end(), [&](const Entry& e) { return std::strcmp(e.name, name) == 0; });
    return at == table.end() ? nullptr : &*at;
}

}  // namespace

void pass_mark(const char* name) {
    if (Entry* entry = find(name)) {
        ++entry->count;
    } else {
        entries().push_back({name, 1});
    }
}

std::uint64_t mark_count(const char* name) {
    const Entry* entry = find(name);
    return entry == nullptr ? 0 : entry->count;
}

}  // namespace ais
