// SPDX-License-Identifier: BSD-3-Clause
//
// Which sections and keys there are, what a right value looks like, and what
// holds if a key is not written.
//
// The kernel's own table is kernel_schema.cpp; a plugin adds its own through
// ais.config.schema/1.  check() compares a tree with the schema and with the
// rules that join several keys (rules.cpp), and finds everything in one pass,
// so that an operator repairs a file once.  Only errors keep the executive
// from starting: an unknown key is a warning, since the file of a node with
// more plugins must load on one with fewer.
//
// A path here has no indices: "totem.interface".  Threads: none.

#pragma once

#include "config/finding.hpp"
#include "config/tree.hpp"

#include <ais/abi/config.h>
#include <ais/bytes.hpp>
#include <ais/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ais::config {

enum class KeyType : std::uint32_t {
    text = AIS_KEY_TEXT,
    number = AIS_KEY_NUMBER,
    boolean = AIS_KEY_BOOL,
    choice = AIS_KEY_CHOICE,
    address = AIS_KEY_ADDRESS,
};

struct KeySpec {
    std::string section;
    std::string name;
    KeyType type = KeyType::text;
    std::int64_t minimum = 0;
    std::int64_t maximum = 0;
    std::string unit;     // of a number, "milliseconds"; may be empty
    std::string choices;  // "a|b|c"
    std::optional<std::string> fallback;
    std::string help;
    std::string no_effect;  // why the key is accepted and does nothing; empty: it does something
    std::string owner;      // the plugin whose key it is; empty: the kernel
    bool is_repeatable = false;
};

struct SectionSpec {
    std::string path;
    bool is_repeatable = false;
};

class Schema {
  public:
    // A key or section that is there already is replaced.  The parents of a section exist.
    void add(KeySpec key);
    void add(SectionSpec section);

    // What a plugin offers as ais.config.schema/1.  Copied; bounded; nothing in it is trusted.
    // Sections that are new may be repeated.  Fails, and adds nothing, if the table is malformed or
    // describes a key that is the kernel's or another plugin's (keys that the kernel only lists for
    // a plugin, such as those of `event`, are replaced).
    Result<void> add_plugin(std::string_view plugin, const ais_config_schema_v1& table);

    [[nodiscard]] const SectionSpec* find_section(std::string_view path) const;
    [[nodiscard]] const KeySpec* find_key(std::string_view section, std::string_view name) const;
    [[nodiscard]] const std::vector<KeySpec>& keys() const { return keys_; }
    [[nodiscard]] const std::vector<SectionSpec>& sections() const { return sections_; }

    // Names for a suggestion: the keys of a section; the sections right below one ("" is the root).
    [[nodiscard]] std::vector<std::string_view> key_names(std::string_view section) const;
    [[nodiscard]] std::vector<std::string_view> section_names(std::string_view parent) const;

  private:
    std::vector<KeySpec> keys_;          // in order of addition, for help texts
    std::vector<SectionSpec> sections_;  // parents before children
};

// The keys of the kernel and those that openais.conf(5) always had.
[[nodiscard]] Schema kernel_schema();

// Everything that is wrong or odd, by line.
[[nodiscard]] Findings check(const Tree& tree, const Schema& schema);

// The two halves of check(): each key and section by itself; several keys together.  The second
// looks only at values that the first accepts.
void check_schema(const Tree& tree, const Schema& schema, Findings& findings);
void check_rules(const Tree& tree, Findings& findings);

// Writes what the file leaves out: every single section, and each missing key that has a default,
// with line 0.  Repeated sections get defaults, but are not invented.
void fill_defaults(Tree& tree, const Schema& schema);

// Why `value` is not a value of this key, or nothing.  For the tree, the command line and the
// environment.
[[nodiscard]] std::optional<std::string> why_wrong(const KeySpec& key, std::string_view value);

// The candidate closest to `word` in spelling, if one is close enough to be meant.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

// Every key with type, range, default and help, for people: one line each.
[[nodiscard]] std::string describe(const Schema& schema);

}  // namespace ais::config
