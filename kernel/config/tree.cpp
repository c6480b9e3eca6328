// SPDX-License-Identifier: BSD-3-Clause

#include "config/tree.hpp"

#include <algorithm>
#include <charconv>

namespace ais::config {

namespace {

// One component of a path: "interface[1]".
struct Step {
    std::string_view name;
    std::uint32_t index = 0;
    bool valid = false;
};

Step parse_step(std::string_view text) {
    Step step;
    const auto bracket = text.find('[');
    step.name = text.substr(0, bracket);
    if (bracket == std::string_view::npos) {
        step.valid = !step.name.empty();
        return step;
    }
    if (text.back() != ']') {
        return step;
    }
    const auto digits = text.substr(bracket + 1, text.size() - bracket - 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), step.index);
    step.valid = !step.name.empty() && !digits.empty() && error == std::errc() &&
                 end == digits.data() + digits.size();
    return step;
}

// Cuts the first component off `path`.
Step take_step(std::string_view& path) {
    const auto dot = path.find('.');
    const auto step = parse_step(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    return step;
}

const Section* nth_child(const Section& parent, const Step& step) {
    if (!step.valid) {
        return nullptr;
    }
    std::uint32_t seen = 0;
    for (const auto& section : parent.sections) {
        if (section.name == step.name && seen++ == step.index) {
            return &section;
        }
    }
    return nullptr;
}

// The section that all but the last component of `path` name; `path` becomes
// that last component.
const Section* parent_of(const Section& root, std::string_view& path) {
    const Section* at = &root;
    while (at != nullptr && path.find('.') != std::string_view::npos) {
        at = nth_child(*at, take_step(path));
    }
    return at;
}

const Key* key_at(const Section& root, std::string_view path) {
    const auto* section = parent_of(root, path);
    return section == nullptr ? nullptr : section->find_key(path);
}

}  // namespace

const Key* Section::find_key(std::string_view key_name) const {
    const auto found = std::find_if(
        keys.rbegin(), keys.rend(), [&](const Key& key) { return key.name == key_name; });
    return found == keys.rend() ? nullptr : &*found;
}

std::vector<const Section*> Section::find_sections(std::string_view section_name) const {
    std::vector<const Section*> found;
    for (const auto& section : sections) {
        if (section.name == section_name) {
            found.push_back(&section);
        }
    }
    return found;
}

Section& Section::child(std::string_view section_name) {
    for (auto& section : sections) {
        if (section.name == section_name) {
            return section;
        }
    }
    sections.push_back({std::string(section_name), 0, {}, {}});
    return sections.back();
}

void Section::set(std::string_view key, std::string_view value, std::uint32_t at_line) {
    keys.push_back({std::string(key), std::string(value), at_line});
}

std::optional<std::string_view> Tree::text(std::string_view path) const {
    const auto* key = key_at(root_, path);
    return key == nullptr ? std::nullopt : std::optional<std::string_view>(key->value);
}

std::optional<std::int64_t> Tree::number(std::string_view path) const {
    const auto* key = key_at(root_, path);
    if (key == nullptr) {
        return std::nullopt;
    }
    if (const auto value = parse_number(key->value)) {
        return value;
    }
    if (const auto value = parse_bool(key->value)) {
        return *value ? 1 : 0;
    }
    return std::nullopt;
}

std::uint32_t Tree::count(std::string_view path) const {
    const auto* parent = parent_of(root_, path);
    const auto step = parse_step(path);
    if (parent == nullptr || !step.valid) {
        return 0;
    }
    if (path.find('[') != std::string_view::npos) {
        return nth_child(*parent, step) == nullptr ? 0 : 1;
    }
    return static_cast<std::uint32_t>(
        std::count_if(parent->sections.begin(), parent->sections.end(), [&](const Section& s) {
            return s.name == step.name;
        }));
}

std::uint32_t Tree::line_of(std::string_view path) const {
    if (const auto* key = key_at(root_, path)) {
        return key->line;
    }
    const auto* parent = parent_of(root_, path);
    const auto* section = parent == nullptr ? nullptr : nth_child(*parent, parse_step(path));
    return section == nullptr ? 0 : section->line;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    const bool negative = !text.empty() && text.front() == '-';
    auto digits = negative ? text.substr(1) : text;
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        base = 16;
        digits.remove_prefix(2);
    }
    // Why: from_chars takes a sign of its own, which would let "--1" and "0x-1" through.
    if (digits.empty() || digits.front() == '-') {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return negative ? -value : value;
}

std::optional<bool> parse_bool(std::string_view text) {
    for (const auto* word : {"yes", "on", "true", "1"}) {
        if (text == word) {
            return true;
        }
    }
    for (const auto* word : {"no", "off", "false", "0"}) {
        if (text == word) {
            return false;
        }
    }
    return std::nullopt;
}

}  // namespace ais::config
