// SPDX-License-Identifier: BSD-3-Clause

#include "parser.hpp"

#include <ini.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#if INI_HANDLER_LINENO
#error "this code is written for inih without line numbers in the handler, as Debian builds it"
#endif

namespace ais::config_ini {

namespace {

constexpr std::string_view blanks = " \t\f\v\r";
constexpr std::size_t shown_max = 40;
// No key of a file can have this name: the reader refuses lines that begin with it.
constexpr std::string_view marker = "\x01";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text.substr(0, shown_max)) + (text.size() > shown_max ? "…\"" : "\"");
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
           });
}

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

struct Section {
    std::string name;
    std::string label;
    std::uint32_t line = 0;
    struct Key {
        std::string name;
        std::string value;
        std::uint32_t line;
    };
    std::vector<Key> keys;
    std::deque<Section> sections;
};

// The whole file is read into sections before the sink hears of it, since a
// member may follow its parent with other sections in between.
class Reading {
  public:
    Reading(std::string_view text, TreeSink& sink) : rest_(text), sink_(sink) {}

    ais_status run() {
        const int first_bad = ini_parse_stream(&Reading::read_line, this, &Reading::on_pair, this);
        if (failure_ != AIS_OK) {
            return failure_;
        }
        settle_line();
        // Mistakes of keys are known already; this is a header that inih did not take.
        if (first_bad < 0) {
            sink_.error(0, "inih failed with ", first_bad);
        } else if (first_bad > 0 && sink_.errors() == 0) {
            sink_.error(line_of_fed(static_cast<std::size_t>(first_bad)), bad_header);
        }
        if (sink_.errors() > 0) {
            return AIS_ERR_CORRUPT;
        }
        return tell(root_);
    }

  private:
    // ini_reader, in the manner of fgets: the next line for inih, or nullptr.
    static char* read_line(char* buffer, int size, void* self) {
        return static_cast<Reading*>(self)->next(buffer, static_cast<std::size_t>(size)) ? buffer
                                                                                         : nullptr;
    }

    // ini_handler: non-zero is success.
    static int on_pair(void* self, const char* section, const char* name, const char* value) {
        return static_cast<Reading*>(self)->pair(section, name, value == nullptr ? "" : value) ? 1
                                                                                               : 0;
    }

    bool next(char* buffer, std::size_t size) {
        if (!pending_marker_.empty()) {
            const bool fed = feed(pending_marker_, buffer, size);
            pending_marker_.clear();
            expects_pair_ = false;  // a header that inih did not take is named at the end
            return fed;
        }
        settle_line();
        while (!rest_.empty() && failure_ == AIS_OK) {
            if (sink_.errors() >= errors_max) {
                sink_.error(line_, "too many errors; the rest of the file was not read");
                failure_ = AIS_ERR_CORRUPT;
                return false;
            }
            const auto end = rest_.find('\n');
            const auto raw = rest_.substr(0, end);
            rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
            ++line_;
            // Why: inih takes an indented line for more of the value before it.
            const auto line = trim(raw);
            if (line.empty() || line.front() == ';' || line.front() == '#') {
                continue;
            }
            if (const auto* why = why_refused(line)) {
                sink_.error(line_, why);
                continue;
            }
            // inih wants room for a newline and a NUL.
            if (line.size() + 2 > size) {
                sink_.error(line_,
                            "the line has ",
                            line.size(),
                            " bytes; at most ",
                            size - 2,
                            " are allowed");
                continue;
            }
            if (line.front() == '[') {
                if (line.find(']') == std::string_view::npos) {
                    sink_.error(line_, bad_header);
                    continue;
                }
                pending_marker_ = std::string(marker) + "=" + std::to_string(line_);
            } else {
                expects_pair_ = true;
                current_ = line;
            }
            return feed(line, buffer, size);
        }
        return false;
    }

    static const char* why_refused(std::string_view line) {
        if (line.find('\0') != std::string_view::npos) {
            return "there is a NUL byte in the line; is this a text file?";
        }
        if (std::any_of(line.begin(), line.end(), is_control)) {
            return "there is a control character in the line";
        }
        return nullptr;
    }

    bool feed(std::string_view line, char* buffer, std::size_t size) {
        if (line.size() + 2 > size) {
            return false;
        }
        std::memcpy(buffer, line.data(), line.size());
        buffer[line.size()] = '\n';
        buffer[line.size() + 1] = '\0';
        fed_lines_.push_back(line_);
        return true;
    }

    // The line that was fed last has been taken by inih, or it was wrong.
    void settle_line() {
        if (expects_pair_) {
            sink_.error(
                line_, in_quotes(current_), " is neither \"name = value\" nor \"[section]\"");
            expects_pair_ = false;
        }
    }

    std::uint32_t line_of_fed(std::size_t fed) const {
        return fed > 0 && fed <= fed_lines_.size() ? fed_lines_[fed - 1] : 0;
    }

    bool pair(std::string_view section, std::string_view name, std::string_view value) {
        if (name == marker) {
            return header(section);
        }
        expects_pair_ = false;
        if (name.empty()) {
            sink_.error(line_, "the name of the key is missing before the value");
            return true;
        }
        if (!is_name(name)) {
            sink_.error(line_,
                        in_quotes(name),
                        " is no name; a name has letters, digits, \"_\" and \"-\", at most ",
                        name_max,
                        " of them");
            return true;
        }
        if (++keys_ > keys_max) {
            sink_.error(line_, "more than ", keys_max, " keys");
            failure_ = AIS_ERR_TOO_BIG;
            return false;
        }
        if (current_section_ != nullptr) {
            current_section_->keys.push_back({std::string(name), std::string(value), line_});
        }
        return true;
    }

    // "totem.interface:1.member" → the place in the tree; the last part is always new.
    bool header(std::string_view path) {
        current_section_ = nullptr;  // what follows a wrong header is skipped
        path = trim(path);
        if (path.size() >= header_max) {
            sink_.error(line_, "the name of the section is longer than ", header_max - 1, " bytes");
            return true;
        }
        if (++section_count_ > sections_max) {
            sink_.error(line_, "more than ", sections_max, " sections");
            failure_ = AIS_ERR_TOO_BIG;
            return false;
        }
        Section* at = &root_;
        for (std::size_t depth = 0;; ++depth) {
            const auto dot = path.find('.');
            const auto part = path.substr(0, dot);
            const auto colon = part.find(':');
            const auto name = trim(part.substr(0, colon));
            const auto label =
                colon == std::string_view::npos ? std::string_view() : trim(part.substr(colon + 1));
            if (!is_name(name) || (colon != std::string_view::npos && !is_name(label))) {
                sink_.error(line_,
                            in_quotes(part),
                            " is no section; a section is written [name], [parent.name] or "
                            "[name:label], with letters, "
                            "digits, \"_\" and \"-\"");
                return true;
            }
            if (depth >= depth_max) {
                sink_.error(line_, "sections are nested deeper than ", depth_max);
                return true;
            }
            const bool is_last = dot == std::string_view::npos;
            Section* found = is_last ? nullptr : last_child(*at, name, label);
            if (found == nullptr) {
                if (!is_last && !label.empty()) {
                    sink_.error(line_,
                                "there is no section ",
                                name,
                                " with the label ",
                                in_quotes(label),
                                " before it");
                    return true;
                }
                at->sections.push_back({std::string(name), std::string(label), line_, {}, {}});
                found = &at->sections.back();
            }
            at = found;
            if (is_last) {
                current_section_ = at;
                return true;
            }
            path = path.substr(dot + 1);
        }
    }

    static Section* last_child(Section& parent, std::string_view name, std::string_view label) {
        for (auto child = parent.sections.rbegin(); child != parent.sections.rend(); ++child) {
            if (child->name == name && (label.empty() || child->label == label)) {
                return &*child;
            }
        }
        return nullptr;
    }

    // Depth is bounded by depth_max.
    ais_status tell(const Section& section) {
        for (const auto& key : section.keys) {
            if (const auto status = sink_.key(key.name, key.value, key.line); status != AIS_OK) {
                return status;
            }
        }
        for (const auto& child : section.sections) {
            if (const auto status = sink_.begin_section(child.name, child.line); status != AIS_OK) {
                return status;
            }
            if (const auto status = tell(child); status != AIS_OK) {
                return status;
            }
            if (const auto status = sink_.end_section(child.line); status != AIS_OK) {
                return status;
            }
        }
        return AIS_OK;
    }

    static constexpr const char* bad_header = "the header of a section needs a \"]\"";

    std::string_view rest_;
    TreeSink& sink_;
    std::uint32_t line_ = 0;
    std::vector<std::uint32_t> fed_lines_;  // line in the file of every line that inih got
    std::string pending_marker_;
    std::string_view current_;   // the last line that should give a pair
    bool expects_pair_ = false;  // and has not yet
    ais_status failure_ = AIS_OK;
    std::size_t keys_ = 0;
    std::size_t section_count_ = 0;
    Section root_;
    Section* current_section_ = &root_;
};

}  // namespace

ais_status parse_text(Bytes text, TreeSink& sink) {
    auto content = as_text(text);
    if (content.size() > text_max) {
        sink.error(
            0, "the file has ", content.size(), " bytes; at most ", text_max, " are allowed");
        return AIS_ERR_TOO_BIG;
    }
    if (content.substr(0, 3) == "\xef\xbb\xbf") {
        content.remove_prefix(3);  // editors of other systems write a byte order mark
    }
    return Reading(content, sink).run();
}

}  // namespace ais::config_ini
