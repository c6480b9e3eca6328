// SPDX-License-Identifier: BSD-3-Clause
//
// A configuration parser as a class:
//
//   ais_status parse(std::string_view source, Bytes text, TreeSink& sink)
//   static constexpr std::uint32_t parser_flags                          optional, AIS_PARSER_…
//
// parse() reads `text` (all of the file named `source`; not trusted, may be anything) and
// tells the sink sections and keys in document order.  After sink.error() it may go on to
// find more, and returns AIS_ERR_CORRUPT in the end.  An exception is reported
// through the sink and makes the call fail; nothing else happens.

#pragma once

#include <ais/abi/parser.h>
#include <ais/copy_min.hpp>
#include <ais/plugin.hpp>

#include <sstream>
#include <string_view>

namespace ais {

// Receives the tree.  A status other than AIS_OK means: stop and return it.
class TreeSink {
  public:
    explicit TreeSink(const ais_parser_sink& to) : to_(to) {}

    ais_status begin_section(std::string_view name, std::uint32_t line) {
        return to_.begin_section(to_.context, to_abi(name), line);
    }
    ais_status end_section(std::uint32_t line) { return to_.end_section(to_.context, line); }
    ais_status key(std::string_view name, std::string_view value, std::uint32_t line) {
        return to_.key(to_.context, to_abi(name), to_abi(value), line);
    }

    // What is wrong, and what would be right; line 0: unknown.
    template <typename... Parts>
    void error(std::uint32_t line, const Parts&... parts) {
        ++errors_;
        std::ostringstream text;
        (text << ... << parts);
        to_.error(to_.context, line, to_abi(text.view()));
    }
    template <typename... Parts>
    void warning(std::uint32_t line, const Parts&... parts) {
        std::ostringstream text;
        (text << ... << parts);
        to_.warning(to_.context, line, to_abi(text.view()));
    }

    // AIS_ERR_CORRUPT if error() was called: what parse() returns in the end.
    [[nodiscard]] ais_status status() const { return errors_ == 0 ? AIS_OK : AIS_ERR_CORRUPT; }
    [[nodiscard]] std::size_t errors() const { return errors_; }

  private:
    const ais_parser_sink& to_;
    std::size_t errors_ = 0;
};

template <typename T>
concept ConfigParser = requires(T parser, std::string_view source, Bytes text, TreeSink& sink) {
    { parser.parse(source, text, sink) } -> std::same_as<ais_status>;
};

namespace sdk {

template <typename T>
struct ParserCalls {
    static ais_status parse(void* self,
                            const char* source,
                            ais_bytes text,
                            const ais_parser_sink* to) noexcept {
        const auto copy = copy_min<ais_parser_sink>(to);
        try {
            TreeSink sink(copy);
            return instance<T>(self).parse(source, from_abi(text), sink);
        } catch (const std::exception& error) {
            copy.error(copy.context, 0, to_abi(std::string_view(error.what())));
        } catch (...) {
            copy.error(
                copy.context, 0, to_abi(std::string_view("the parser threw an unknown exception")));
        }
        return AIS_ERR_FAILED;
    }
};

template <typename T>
constexpr std::uint32_t parser_flags() {
    if constexpr (requires { T::parser_flags; }) {
        return T::parser_flags;
    } else {
        return 0;
    }
}

template <typename T>
struct ParserTable {
    static_assert(ConfigParser<T>,
                  "parse is not ais_status parse(std::string_view, Bytes, TreeSink&)");
    static constexpr ais_parser_v1 table = {
        sizeof(ais_parser_v1), parser_flags<T>(), &ParserCalls<T>::parse};
};

template <typename T>
requires requires {
    &T::parse;
}
struct Offer<ParserInterface, T> {
    static constexpr const char* id = AIS_PARSER_INTERFACE;
    static constexpr const void* table = &ParserTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
