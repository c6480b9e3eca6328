// SPDX-License-Identifier: BSD-3-Clause

#include "parser.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace ais::config_openais {

namespace {

constexpr std::string_view blanks = " \t\f\v";
constexpr std::size_t shown_max = 40;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// In quotes for a message; the kernel makes strange bytes visible.
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

std::size_t indentation(std::string_view line) {
    const auto first = line.find_first_not_of(blanks);
    return first == std::string_view::npos ? 0 : first;
}

class Scanner {
  public:
    explicit Scanner(TreeSink& sink) : sink_(sink) {}

    ais_status run(std::string_view text) {
        if (text.size() > text_max) {
            sink_.error(
                0, "the file has ", text.size(), " bytes; at most ", text_max, " are allowed");
            return AIS_ERR_TOO_BIG;
        }
        if (text.substr(0, 3) == "\xef\xbb\xbf") {
            text.remove_prefix(3);  // editors of other systems write a byte order mark
        }
        while (!text.empty()) {
            ++line_;
            const auto end = text.find('\n');
            if (const auto status = on_line(text.substr(0, end)); status != AIS_OK) {
                return status;
            }
            if (sink_.errors() >= errors_max) {
                sink_.error(line_, "too many errors; the rest of the file was not read");
                return AIS_ERR_CORRUPT;
            }
            text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        }
        return on_end_of_text();
    }

  private:
    struct Open {
        std::string name;
        std::uint32_t line;
        std::size_t indent;
        bool was_told;  // false: the sink does not know of it, since its beginning was wrong
    };

    ais_status on_line(std::string_view raw) {
        if (!raw.empty() && raw.back() == '\r') {
            raw.remove_suffix(1);
        }
        const auto line = trim(raw);
        if (line.empty() || line.front() == '#') {
            return AIS_OK;
        }
        if (raw.size() > line_max) {
            sink_.error(
                line_, "the line has ", raw.size(), " bytes; at most ", line_max, " are allowed");
            return AIS_OK;
        }
        if (raw.find('\0') != std::string_view::npos) {
            sink_.error(line_, "there is a NUL byte in the line; is this a text file?");
            return AIS_OK;
        }
        if (line.front() == '}') {
            return on_close(line, indentation(raw));
        }
        const auto brace = line.find('{');
        const auto colon = line.find(':');
        if (brace < colon) {
            return on_open(line, brace, indentation(raw));
        }
        if (colon != std::string_view::npos) {
            return on_key(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
        }
        sink_.error(line_,
                    in_quotes(line),
                    " has neither a colon nor a brace; a key is written \"key: value\", a section "
                    "\"section {\" in one line");
        return AIS_OK;
    }

    ais_status on_open(std::string_view line, std::size_t brace, std::size_t indent) {
        const auto name = trim(line.substr(0, brace));
        const auto rest = trim(line.substr(brace + 1));
        // Whatever is wrong with it, a section has begun: its closing brace belongs to it.
        bool is_told = false;
        if (open_.size() >= depth_max) {
            sink_.error(line_, "sections are nested deeper than ", depth_max);
        } else if (name.empty()) {
            sink_.error(line_, "the name of the section is missing before \"{\"");
        } else if (!is_name(name)) {
            sink_.error(line_, in_quotes(name), bad_name);
        } else if (!rest.empty() && rest.front() != '#') {
            sink_.error(
                line_,
                in_quotes(rest),
                " stands after \"{\"; every key, section and closing brace has a line of its own");
        } else {
            is_told = open_.empty() || open_.back().was_told;
        }
        if (open_.size() >= open_max) {
            return AIS_ERR_CORRUPT;
        }
        open_.push_back({std::string(name.substr(0, name_max)), line_, indent, is_told});
        return is_told ? sink_.begin_section(name, line_) : AIS_OK;
    }

    ais_status on_close(std::string_view line, std::size_t indent) {
        const auto rest = trim(line.substr(1));
        if (!rest.empty() && rest.front() != '#') {
            sink_.error(
                line_,
                in_quotes(rest),
                " stands after \"}\"; every key, section and closing brace has a line of its own");
        }
        if (open_.empty()) {
            sink_.error(line_, "there is no section open that \"}\" could close");
            return AIS_OK;
        }
        note_suspect(indent);
        const bool was_told = open_.back().was_told;
        open_.pop_back();
        return was_told ? sink_.end_section(line_) : AIS_OK;
    }

    ais_status on_key(std::string_view name, std::string_view value) {
        if (name.empty()) {
            sink_.error(line_, "the name of the key is missing before \":\"");
            return AIS_OK;
        }
        if (!is_name(name)) {
            sink_.error(line_, in_quotes(name), bad_name);
            return AIS_OK;
        }
        if (value == "{") {
            sink_.error(line_, "a section is written \"", name, " {\", without a colon");
            // Why: otherwise its closing brace would be a second error.
            open_.push_back({std::string(name), line_, 0, false});
            return AIS_OK;
        }
        if (value.size() > 1 && value.back() == '}' &&
            blanks.find(value[value.size() - 2]) != std::string_view::npos) {
            sink_.error(line_,
                        "\"}\" stands after a value; every closing brace has a line of its own");
            return AIS_OK;
        }
        const auto strange = std::find_if(value.begin(), value.end(), [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
        });
        if (strange != value.end()) {
            sink_.error(line_, "there is a control character in the value of ", name);
            return AIS_OK;
        }
        if (value.find(" #") != std::string_view::npos ||
            value.find("\t#") != std::string_view::npos) {
            sink_.warning(line_,
                          "the \"#\" is part of the value of ",
                          name,
                          "; a comment begins at the start of a line");
        }
        if (!open_.empty() && !open_.back().was_told) {
            return AIS_OK;  // of a section that is wrong already
        }
        return sink_.key(name, value, line_);
    }

    // A brace that stands below the beginning of an outer section probably was meant for that one:
    // then the brace of the inner one is missing before it.
    void note_suspect(std::size_t indent) {
        if (suspect_line_ != 0 || open_.size() < 2 || open_.back().indent == indent) {
            return;
        }
        for (const auto& outer : open_) {
            if (&outer != &open_.back() && outer.indent == indent &&
                outer.indent < open_.back().indent) {
                suspect_line_ = line_;
                suspect_ = open_.back();
                return;
            }
        }
    }

    ais_status on_end_of_text() {
        for (auto open = open_.rbegin(); open != open_.rend(); ++open) {
            if (suspect_line_ != 0) {
                sink_.error(suspect_.line,
                            "the section ",
                            in_quotes(suspect_.name),
                            " that begins here is not closed: the \"}\" at line ",
                            suspect_line_,
                            " seems to belong to an outer section, put one before it");
                return AIS_ERR_CORRUPT;
            }
            sink_.error(
                open->line,
                "the section ",
                in_quotes(open->name),
                " that begins here is not closed: \"}\" is missing before the end of the file");
        }
        return sink_.status();
    }

    static constexpr const char* bad_name =
        " is no name; a name has letters, digits, \"_\" and \"-\", at most 64 of them";
    // Sections that are too deep are counted so that their braces match, up to here.
    static constexpr std::size_t open_max = 4 * depth_max;

    TreeSink& sink_;
    std::uint32_t line_ = 0;
    std::vector<Open> open_;
    std::uint32_t suspect_line_ = 0;
    Open suspect_{};
};

}  // namespace

ais_status parse_text(Bytes text, TreeSink& sink) {
    const auto status = Scanner(sink).run(as_text(text));
    return status == AIS_OK ? sink.status() : status;
}

}  // namespace ais::config_openais
