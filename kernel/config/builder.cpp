// SPDX-License-Identifier: BSD-3-Clause

#include "config/builder.hpp"

#include <algorithm>

namespace ais::config {

namespace {

constexpr std::size_t shown_max = 60;
constexpr std::size_t message_max = 400;

bool is_printable(char c) {
    // Bytes above 0x7f are UTF-8 of comments and paths; terminals know what to do with them.
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
}

std::string printable(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        if (is_printable(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        }
    }
    return out;
}

std::string text_of(ais_bytes what) {
    const auto text = as_text(what);
    return printable(text.substr(0, message_max)) + (text.size() > message_max ? "…" : "");
}

}  // namespace

std::string in_quotes(std::string_view text) {
    const bool cut = text.size() > shown_max;
    return '"' + printable(text.substr(0, shown_max)) + (cut ? "…\"" : "\"");
}

std::string to_string(const Finding& finding, std::string_view source) {
    std::string text(source);
    if (finding.line != 0) {
        text += ':' + std::to_string(finding.line);
    }
    text += ": ";
    if (!finding.path.empty()) {
        text += finding.path + ": ";
    }
    return text + finding.text;
}

bool has_errors(const Findings& findings) {
    return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.severity == Severity::error;
    });
}

TreeBuilder::TreeBuilder(std::string source) : tree_(std::move(source)) {
    open_.push_back(&tree_.root());
    sink_.struct_size = sizeof(ais_parser_sink);
    sink_.context = this;
    sink_.begin_section = on_begin;
    sink_.end_section = on_end;
    sink_.key = on_key;
    sink_.error = on_error;
    sink_.warning = on_warning;
}

ais_status TreeBuilder::on_begin(void* context, ais_bytes name, std::uint32_t line) {
    return static_cast<TreeBuilder*>(context)->begin(as_text(name), line);
}

ais_status TreeBuilder::on_end(void* context, std::uint32_t line) {
    return static_cast<TreeBuilder*>(context)->end(line);
}

ais_status TreeBuilder::on_key(void* context, ais_bytes name, ais_bytes value, std::uint32_t line) {
    return static_cast<TreeBuilder*>(context)->key(as_text(name), as_text(value), line);
}

void TreeBuilder::on_error(void* context, std::uint32_t line, ais_bytes what) {
    static_cast<TreeBuilder*>(context)->add(Severity::error, id::syntax, line, text_of(what));
}

void TreeBuilder::on_warning(void* context, std::uint32_t line, ais_bytes what) {
    static_cast<TreeBuilder*>(context)->add(
        Severity::warning, id::parser_warning, line, text_of(what));
}

ais_status TreeBuilder::begin(std::string_view name, std::uint32_t line) {
    if (const auto status = check_name(name, line); status != AIS_OK) {
        return status;
    }
    if (open_.size() > depth_max) {
        return fail(
            AIS_ERR_TOO_BIG, line, "sections are nested deeper than " + std::to_string(depth_max));
    }
    auto& sections = open_.back()->sections;
    sections.push_back({std::string(name), line, {}, {}});
    open_.push_back(&sections.back());
    return AIS_OK;
}

ais_status TreeBuilder::end(std::uint32_t line) {
    if (failure_ != AIS_OK) {
        return failure_;
    }
    if (open_.size() == 1) {
        return fail(AIS_ERR_INVALID, line, "a section ends here that never began");
    }
    open_.pop_back();
    return AIS_OK;
}

ais_status TreeBuilder::key(std::string_view name, std::string_view value, std::uint32_t line) {
    if (const auto status = check_name(name, line); status != AIS_OK) {
        return status;
    }
    if (value.size() > value_max) {
        return fail(AIS_ERR_TOO_BIG,
                    line,
                    "the value of " + in_quotes(name) + " has " + std::to_string(value.size()) +
                        " bytes; at most " + std::to_string(value_max) + " are allowed");
    }
    if (!std::all_of(
            value.begin(), value.end(), [](char c) { return is_printable(c) || c == '\t'; })) {
        return fail(AIS_ERR_CORRUPT,
                    line,
                    "the value of " + in_quotes(name) + " has control characters in it");
    }
    open_.back()->set(name, value, line);
    return AIS_OK;
}

ais_status TreeBuilder::check_name(std::string_view name, std::uint32_t line) {
    if (failure_ != AIS_OK) {
        return failure_;
    }
    if (++entries_ > entries_max) {
        return fail(AIS_ERR_TOO_BIG,
                    line,
                    "more than " + std::to_string(entries_max) + " keys and sections");
    }
    if (name.empty()) {
        return fail(AIS_ERR_INVALID, line, "a name is empty");
    }
    if (name.size() > name_max) {
        return fail(AIS_ERR_TOO_BIG,
                    line,
                    "the name " + in_quotes(name) + " is longer than " + std::to_string(name_max) +
                        " bytes");
    }
    // Why: '.', '[' and ']' are the syntax of paths; a name with them could never be found.
    const bool legal = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
    if (!legal) {
        return fail(AIS_ERR_INVALID,
                    line,
                    in_quotes(name) + " is no name: letters, digits, \"_\" and \"-\" make one");
    }
    return AIS_OK;
}

ais_status TreeBuilder::fail(ais_status status, std::uint32_t line, std::string text) {
    failure_ = status;
    add(Severity::error, id::syntax, line, std::move(text));
    return status;
}

void TreeBuilder::add(Severity severity,
                      std::string_view message_id,
                      std::uint32_t line,
                      std::string text) {
    // An error counts even if it is not kept; the parser may go on and report more.
    has_error_ = has_error_ || severity == Severity::error;
    if (findings_.size() == findings_max) {
        ++suppressed_;
        return;
    }
    findings_.push_back({severity, message_id, line, "", std::move(text)});
}

std::optional<Tree> TreeBuilder::finish(ais_status parser_status, Findings& findings) {
    if (parser_status == AIS_OK && !has_error_ && open_.size() > 1) {
        fail(AIS_ERR_CORRUPT,
             open_.back()->line,
             "the parser did not end the section " + in_quotes(open_.back()->name) +
                 " that begins here");
    }
    if (parser_status != AIS_OK && !has_error_) {
        has_error_ = true;
        findings_.push_back({Severity::error,
                             id::parser_failed,
                             0,
                             "",
                             "the parser failed with status " + std::to_string(parser_status) +
                                 " and did not say why"});
    }
    if (suppressed_ > 0) {
        findings_.push_back(
            {Severity::warning,
             id::parser_warning,
             0,
             "",
             std::to_string(suppressed_) + " more messages of the parser are not shown"});
    }
    findings.insert(findings.end(), findings_.begin(), findings_.end());
    if (has_error_) {
        return std::nullopt;
    }
    return std::move(tree_);
}

std::optional<Tree> parse(Parser& parser,
                          const std::string& source,
                          Bytes text,
                          Findings& findings) {
    TreeBuilder builder(source);
    const auto status = parser.parse(source, text, builder.sink());
    return builder.finish(status, findings);
}

}  // namespace ais::config
