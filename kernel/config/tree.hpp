// SPDX-License-Identifier: BSD-3-Clause
//
// The configuration as a tree: sections with keys (text) and sections; names
// may repeat.  Each key remembers its line, so that every later message can
// name file and line.  Filled by a parser plugin through a TreeBuilder, then
// checked by schema.hpp, then read-only.  Threads: none.

#pragma once

#include <ais/result.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ais::config {

struct Key {
    std::string name;
    std::string value;
    std::uint32_t line = 0;  // 0: a default, or set by the command line
};

struct Section {
    std::string name;
    std::uint32_t line = 0;
    std::vector<Key> keys;
    std::deque<Section> sections;  // document order

    // The last key of this name, or nullptr: a later one overrides.
    [[nodiscard]] const Key* find_key(std::string_view name) const;
    [[nodiscard]] std::vector<const Section*> find_sections(std::string_view name) const;
    Section& child(std::string_view name);  // the first of this name, made if missing
    void set(std::string_view key, std::string_view value, std::uint32_t line = 0);
};

class Tree {
  public:
    explicit Tree(std::string source) : source_(std::move(source)) {}

    // Where it came from, for messages: "/etc/ais/openais.conf".
    [[nodiscard]] const std::string& source() const { return source_; }
    [[nodiscard]] Section& root() { return root_; }
    [[nodiscard]] const Section& root() const { return root_; }

    // By path, "totem.interface[1].bindnetaddr"; [0] may be left out.
    [[nodiscard]] std::optional<std::string_view> text(std::string_view path) const;
    // As a number, after the schema has checked it; yes/no keys give 1 or 0.
    [[nodiscard]] std::optional<std::int64_t> number(std::string_view path) const;
    [[nodiscard]] std::uint32_t count(std::string_view path) const;  // sections of this path
    [[nodiscard]] std::uint32_t line_of(std::string_view path) const;

  private:
    std::string source_;
    Section root_;
};

// The two forms of values that are not text.  Decimal or 0x…, with an optional minus sign;
// nothing before or after, and nothing that does not fit.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);
// yes/no, on/off, true/false, 1/0.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);

}  // namespace ais::config
