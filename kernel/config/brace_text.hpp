// SPDX-License-Identifier: BSD-3-Clause
//
// For tests only: a tree from text in the manner of openais.conf, one
// statement per line, so that findings have lines.  Without the care of the
// plugin config_openais: wrong text is a wrong test.

#pragma once

#include "config/tree.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ais::config {

inline Tree brace_text(std::string_view text) {
    const auto trim = [](std::string_view part) {
        const auto first = part.find_first_not_of(" \t");
        return first == std::string_view::npos
                   ? std::string_view()
                   : part.substr(first, part.find_last_not_of(" \t") - first + 1);
    };
    Tree tree("t.conf");
    std::vector<Section*> open = {&tree.root()};
    std::uint32_t line = 0;
    while (!text.empty()) {
        ++line;
        const auto end = text.find('\n');
        const auto statement = trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (statement == "}") {
            open.pop_back();
        } else if (!statement.empty() && statement.back() == '{') {
            open.back()->sections.push_back(
                {std::string(trim(statement.substr(0, statement.size() - 1))), line, {}, {}});
            open.push_back(&open.back()->sections.back());
        } else if (const auto colon = statement.find(':'); colon != std::string_view::npos) {
            open.back()->set(
                trim(statement.substr(0, colon)), trim(statement.substr(colon + 1)), line);
        }
    }
    return tree;
}

}  // namespace ais::config
