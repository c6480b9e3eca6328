// SPDX-License-Identifier: BSD-3-Clause
//
// The parser plugin "config_flat": `section.section[1].key = value`, one per line.
//
//   line    = blank | comment | path "=" value
//   comment = "#" …
//   path    = name *("[" number "]") *("." name …)     the last name is the key
//
// Sections stay open as long as the next line goes on in them, so that the tree has one
// section where the file has several lines of it.  A section that comes back after another
// is a new one of the same name.
//
// The text is not trusted: it may hold anything, and every line is judged by itself.

#include <ais/parser.hpp>

#include <string>
#include <vector>

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_name(std::string_view text) {
    return !text.empty() && text.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string_view::npos;
}

// "interface[1]" → "interface"; empty if it is neither that nor a plain name.
std::string_view section_name(std::string_view step) {
    const auto bracket = step.find('[');
    if (bracket == std::string_view::npos) {
        return is_name(step) ? step : std::string_view();
    }
    const auto number = step.substr(bracket + 1);
    const bool ok = number.size() >= 2 && number.back() == ']' &&
                    number.find_first_not_of("0123456789") == number.size() - 1;
    return ok && is_name(step.substr(0, bracket)) ? step.substr(0, bracket) : std::string_view();
}

class FlatParser {
  public:
    explicit FlatParser(const ais_host&) {}

    ais_status parse(std::string_view, ais::Bytes text, ais::TreeSink& sink) {
        std::vector<std::string> open;
        std::string_view rest = ais::as_text(text);
        std::uint32_t line = 0;
        while (!rest.empty()) {
            ++line;
            const auto end = rest.find('\n');
            const auto content = trimmed(rest.substr(0, end));
            rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
            if (content.empty() || content.front() == '#') {
                continue;
            }
            if (const auto status = parse_line(content, line, open, sink); status != AIS_OK) {
                return status;
            }
        }
        const auto status = leave(0, line, open, sink);
        return status != AIS_OK ? status : sink.status();
    }

  private:
    // AIS_OK also for a line that is wrong: it has been reported, and the next may be right.
    static ais_status parse_line(std::string_view content,
                                 std::uint32_t line,
                                 std::vector<std::string>& open,
                                 ais::TreeSink& sink) {
        const auto equals = content.find('=');
        if (equals == std::string_view::npos) {
            sink.error(line, "no '=' in this line; write \"section.key = value\"");
            return AIS_OK;
        }
        std::vector<std::string> steps;
        std::string_view path = trimmed(content.substr(0, equals));
        for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
            steps.emplace_back(path.substr(0, dot));
            path.remove_prefix(dot + 1);
            if (section_name(steps.back()).empty()) {
                sink.error(line,
                           "'",
                           steps.back(),
                           "' is no section; names have letters, digits, _ and -");
                return AIS_OK;
            }
        }
        if (!is_name(path)) {
            sink.error(line, "'", path, "' is no key; names have letters, digits, _ and -");
            return AIS_OK;
        }

        std::size_t common = 0;
        while (common < open.size() && common < steps.size() && open[common] == steps[common]) {
            ++common;
        }
        if (const auto status = leave(common, line, open, sink); status != AIS_OK) {
            return status;
        }
        for (std::size_t i = common; i < steps.size(); ++i) {
            if (const auto status = sink.begin_section(section_name(steps[i]), line);
                status != AIS_OK) {
                return status;
            }
            open.push_back(steps[i]);
        }
        return sink.key(path, trimmed(content.substr(equals + 1)), line);
    }

    static ais_status leave(std::size_t depth,
                            std::uint32_t line,
                            std::vector<std::string>& open,
                            ais::TreeSink& sink) {
        while (open.size() > depth) {
            open.pop_back();
            if (const auto status = sink.end_section(line); status != AIS_OK) {
                return status;
            }
        }
        return AIS_OK;
    }
};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<FlatParser>("config_flat", "1.0.0");
