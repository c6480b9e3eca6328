// SPDX-License-Identifier: BSD-3-Clause

#include "config/schema.hpp"

#include "base/address.hpp"
#include "config/builder.hpp"

#include <algorithm>
#include <cstring>
#include <map>

namespace ais::config {

namespace {

// Limit: a plugin with more keys than this describes something else.
constexpr std::uint32_t plugin_keys_max = 1024;
constexpr std::size_t plugin_text_max = 512;

std::string join_path(std::string_view section, std::string_view name) {
    std::string path(section);
    if (!path.empty()) {
        path += '.';
    }
    return path += name;
}

std::string_view parent_path(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view last_name(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return parts;
}

std::string listed(const std::vector<std::string_view>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ");
        text += words[i];
    }
    return text;
}

std::string range_of(const KeySpec& key) {
    return std::to_string(key.minimum) + ".." + std::to_string(key.maximum);
}

// Letters to insert, delete, replace or swap with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto width = b.size() + 1;
    std::vector<std::size_t> cells((a.size() + 1) * width);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
        return cells[i * width + j];
    };
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = i + j;
                continue;
            }
            const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
            at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + differs});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
            }
        }
    }
    return cells.back();
}

// Text of a plugin's table: bounded, never NULL in the result.
std::optional<std::string> plugin_text(const char* text) {
    if (text == nullptr) {
        return std::nullopt;
    }
    return std::string(text, strnlen(text, plugin_text_max));
}

bool is_path(std::string_view path) {
    return !path.empty() && path.front() != '.' && path.back() != '.' &&
           path.find("..") == std::string_view::npos &&
           std::all_of(path.begin(), path.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
           });
}

// One walk over the tree.
class Checker {
  public:
    Checker(const Schema& schema, Findings& findings) : schema_(schema), findings_(findings) {}

    void visit(const Section& section, const std::string& path) {
        visit_keys(section, path);
        std::map<std::string_view, std::uint32_t> first_lines;
        for (const auto& child : section.sections) {
            const auto child_path = join_path(path, child.name);
            const auto* spec = schema_.find_section(child_path);
            if (spec == nullptr) {
                unknown_section(child, path, child_path);
                continue;
            }
            const auto [first, is_first] = first_lines.try_emplace(child.name, child.line);
            if (!is_first && !spec->is_repeatable) {
                error(id::repeated,
                      child.line,
                      child_path,
                      "this section may be there once only; the first is at line " +
                          std::to_string(first->second) + ", put the keys of both into one");
            }
            visit(child, child_path);
        }
    }

  private:
    void visit_keys(const Section& section, const std::string& path) {
        std::map<std::string_view, std::uint32_t> last_lines;
        for (const auto& key : section.keys) {
            const auto key_path = join_path(path, key.name);
            const auto* spec = schema_.find_key(path, key.name);
            if (spec == nullptr) {
                unknown_key(key, path, key_path);
                continue;
            }
            if (const auto why = why_wrong(*spec, key.value)) {
                const bool is_range =
                    spec->type == KeyType::number && parse_number(key.value).has_value();
                error(is_range ? id::out_of_range : id::bad_value, key.line, key_path, *why);
            }
            const auto [last, is_first] = last_lines.try_emplace(key.name, key.line);
            if (!is_first && !spec->is_repeatable) {
                warning(id::repeated,
                        key.line,
                        key_path,
                        "overrides the same key of line " + std::to_string(last->second));
                last->second = key.line;
            }
            if (!spec->no_effect.empty() && key.line != 0) {
                warning(id::no_effect,
                        key.line,
                        key_path,
                        "accepted, but without effect: " + spec->no_effect);
            }
        }
    }

    void unknown_section(const Section& section,
                         const std::string& parent,
                         const std::string& path) {
        std::string text = "unknown section";
        if (const auto name = nearest(section.name, schema_.section_names(parent)); !name.empty()) {
            text += "; did you mean \"" + std::string(name) + "\"?";
        } else if (const auto elsewhere = section_elsewhere(section.name); !elsewhere.empty()) {
            text += "; " + elsewhere + " is known";
        } else {
            text += "; no plugin that is loaded reads it";
        }
        warning(id::unknown, section.line, path, std::move(text));
    }

    void unknown_key(const Key& key, const std::string& section, const std::string& path) {
        std::string text = "unknown key";
        if (const auto name = nearest(key.name, schema_.key_names(section)); !name.empty()) {
            text += "; did you mean \"" + std::string(name) + "\"?";
        } else if (const auto elsewhere = key_elsewhere(key.name); !elsewhere.empty()) {
            text += "; " + elsewhere + " is known";
        }
        warning(id::unknown, key.line, path, std::move(text));
    }

    // A name that is right in another place.
    std::string section_elsewhere(std::string_view name) const {
        for (const auto& section : schema_.sections()) {
            if (last_name(section.path) == name) {
                return section.path;
            }
        }
        return {};
    }
    std::string key_elsewhere(std::string_view name) const {
        for (const auto& key : schema_.keys()) {
            if (key.name == name) {
                return join_path(key.section, key.name);
            }
        }
        return {};
    }

    void error(std::string_view message_id,
               std::uint32_t line,
               std::string path,
               std::string text) {
        findings_.push_back({Severity::error, message_id, line, std::move(path), std::move(text)});
    }
    void warning(std::string_view message_id,
                 std::uint32_t line,
                 std::string path,
                 std::string text) {
        findings_.push_back(
            {Severity::warning, message_id, line, std::move(path), std::move(text)});
    }

    const Schema& schema_;
    Findings& findings_;
};

}  // namespace

void Schema::add(KeySpec key) {
    if (find_section(key.section) == nullptr) {
        add(SectionSpec{key.section, false});
    }
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const KeySpec& other) {
        return other.section == key.section && other.name == key.name;
    });
    if (found != keys_.end()) {
        *found = std::move(key);
    } else {
        keys_.push_back(std::move(key));
    }
}

void Schema::add(SectionSpec section) {
    if (const auto parent = parent_path(section.path);
        !parent.empty() && find_section(parent) == nullptr) {
        add(SectionSpec{std::string(parent), section.is_repeatable});
    }
    const auto found =
        std::find_if(sections_.begin(), sections_.end(), [&](const SectionSpec& other) {
            return other.path == section.path;
        });
    if (found != sections_.end()) {
        *found = std::move(section);
    } else {
        sections_.push_back(std::move(section));
    }
}

Result<void> Schema::add_plugin(std::string_view plugin, const ais_config_schema_v1& table) {
    const auto refuse = [&](const std::string& what) {
        return invalid("schema of plugin " + std::string(plugin) + ": " + what);
    };
    if (table.key_count > plugin_keys_max) {
        return refuse(std::to_string(table.key_count) + " keys; at most " +
                      std::to_string(plugin_keys_max));
    }
    // The first members up to `help` are there since revision 1; a longer entry has more that we
    // skip.
    if (table.key_count > 0 && (table.keys == nullptr || table.key_size < sizeof(ais_config_key))) {
        return refuse("key_size is " + std::to_string(table.key_size) + "; at least " +
                      std::to_string(sizeof(ais_config_key)) + " is needed");
    }
    std::vector<KeySpec> added;
    for (std::uint32_t i = 0; i < table.key_count; ++i) {
        ais_config_key raw;
        std::memcpy(
            &raw,
            reinterpret_cast<const std::uint8_t*>(table.keys) + std::size_t{i} * table.key_size,
            sizeof(raw));
        KeySpec key;
        key.section = plugin_text(raw.section).value_or("");
        key.name = plugin_text(raw.key).value_or("");
        const auto path = join_path(key.section, key.name);
        if (!is_path(key.section) || !is_path(key.name) ||
            key.name.find('.') != std::string::npos) {
            return refuse("entry " + std::to_string(i) +
                          " has no proper section and key: " + in_quotes(path));
        }
        if (raw.type < AIS_KEY_TEXT || raw.type > AIS_KEY_ADDRESS) {
            return refuse(path + " has the unknown type " + std::to_string(raw.type));
        }
        key.type = static_cast<KeyType>(raw.type);
        key.minimum = raw.minimum;
        key.maximum = raw.maximum;
        key.choices = plugin_text(raw.choices).value_or("");
        key.fallback = plugin_text(raw.fallback);
        key.help = plugin_text(raw.help).value_or("");
        key.owner = plugin;
        if (key.type == KeyType::choice && key.choices.empty()) {
            return refuse(path + " is a choice without choices");
        }
        if (key.type == KeyType::number && key.minimum > key.maximum) {
            return refuse(path + " has an empty range");
        }
        if (key.fallback) {
            if (const auto why = why_wrong(key, *key.fallback)) {
                return refuse("the default of " + path + " is wrong: " + *why);
            }
        }
        const auto* known = find_key(key.section, key.name);
        const bool is_listed_only =
            known != nullptr && known->owner.empty() && !known->no_effect.empty();
        if (known != nullptr && !is_listed_only) {
            return refuse(path + " is a key of " +
                          (known->owner.empty() ? "the kernel" : "plugin " + known->owner));
        }
        added.push_back(std::move(key));
    }
    for (auto& key : added) {
        if (find_section(key.section) == nullptr) {
            add(SectionSpec{key.section, true});
        }
        add(std::move(key));
    }
    return {};
}

const SectionSpec* Schema::find_section(std::string_view path) const {
    const auto found =
        std::find_if(sections_.begin(), sections_.end(), [&](const SectionSpec& section) {
            return section.path == path;
        });
    return found == sections_.end() ? nullptr : &*found;
}

const KeySpec* Schema::find_key(std::string_view section, std::string_view name) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const KeySpec& key) {
        return key.section == section && key.name == name;
    });
    return found == keys_.end() ? nullptr : &*found;
}

std::vector<std::string_view> Schema::key_names(std::string_view section) const {
    std::vector<std::string_view> names;
    for (const auto& key : keys_) {
        if (key.section == section) {
            names.push_back(key.name);
        }
    }
    return names;
}

std::vector<std::string_view> Schema::section_names(std::string_view parent) const {
    std::vector<std::string_view> names;
    for (const auto& section : sections_) {
        if (parent_path(section.path) == parent) {
            names.push_back(last_name(section.path));
        }
    }
    return names;
}

std::optional<std::string> why_wrong(const KeySpec& key, std::string_view value) {
    const auto of_unit = key.unit.empty() ? std::string() : " of " + key.unit;
    switch (key.type) {
        case KeyType::text:
            if (value.empty()) {
                return "the value is missing";
            }
            return std::nullopt;
        case KeyType::number: {
            const auto number = parse_number(value);
            if (!number) {
                return in_quotes(value) + " is not a number" + of_unit + " (" + range_of(key) + ")";
            }
            if (*number < key.minimum || *number > key.maximum) {
                return in_quotes(value) + " is out of range; allowed is a number" + of_unit + " (" +
                       range_of(key) + ")";
            }
            return std::nullopt;
        }
        case KeyType::boolean:
            return parse_bool(value) ? std::nullopt
                                     : std::optional(in_quotes(value) + " is not yes or no");
        case KeyType::choice: {
            const auto words = split(key.choices, '|');
            if (std::find(words.begin(), words.end(), value) == words.end()) {
                return in_quotes(value) + " is not one of " + listed(words);
            }
            return std::nullopt;
        }
        case KeyType::address:
            if (!parse_address(value)) {
                return in_quotes(value) + " is not an IPv4 or IPv6 address";
            }
            return std::nullopt;
    }
    return std::nullopt;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    std::size_t best_distance = std::string_view::npos;
    for (const auto candidate : candidates) {
        const auto distance = edit_distance(word.substr(0, name_max), candidate);
        // A third of the letters may be wrong, but never so many that any short name fits.
        const auto allowed = std::max<std::size_t>(1, std::max(word.size(), candidate.size()) / 3);
        if (distance <= std::min(allowed, candidate.size() - 1) && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

void check_schema(const Tree& tree, const Schema& schema, Findings& findings) {
    Checker(schema, findings).visit(tree.root(), "");
}

Findings check(const Tree& tree, const Schema& schema) {
    Findings findings;
    check_schema(tree, schema, findings);
    check_rules(tree, findings);
    std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return a.line < b.line;
    });
    return findings;
}

void fill_defaults(Tree& tree, const Schema& schema) {
    // Parents come before children, so a walk in order of the table reaches every section.
    const auto fill = [&](auto& self, Section& section, const std::string& path) -> void {
        for (const auto& key : schema.keys()) {
            if (key.section == path && key.fallback && section.find_key(key.name) == nullptr) {
                section.set(key.name, *key.fallback);
            }
        }
        for (const auto name : schema.section_names(path)) {
            const auto child_path = join_path(path, name);
            if (!schema.find_section(child_path)->is_repeatable) {
                self(self, section.child(name), child_path);
                continue;
            }
            for (auto& child : section.sections) {
                if (child.name == name) {
                    self(self, child, child_path);
                }
            }
        }
    };
    fill(fill, tree.root(), "");
}

std::string describe(const Schema& schema) {
    std::string text;
    for (const auto& section : schema.sections()) {
        for (const auto& key : schema.keys()) {
            if (key.section != section.path) {
                continue;
            }
            text += join_path(key.section, key.name) + "  ";
            switch (key.type) {
                case KeyType::text:
                    text += "text";
                    break;
                case KeyType::number:
                    text += range_of(key) + (key.unit.empty() ? "" : " " + key.unit);
                    break;
                case KeyType::boolean:
                    text += "yes|no";
                    break;
                case KeyType::choice:
                    text += key.choices;
                    break;
                case KeyType::address:
                    text += "address";
                    break;
            }
            text += key.fallback ? ", default " + *key.fallback : "";
            text += ": " + key.help +
                    (key.no_effect.empty() ? "" : " (no effect: " + key.no_effect + ")") + "\n";
        }
    }
    return text;
}

}  // namespace ais::config
