// SPDX-License-Identifier: BSD-3-Clause
//
// The receiving end of a parser plugin: an ais_parser_sink that builds a Tree.
//
// A parser is not trusted: it may be a third party's and it reads bytes from
// outside.  So every call is checked (names, nesting, sizes), the first
// failure makes all later calls fail with the same status, and whatever the
// parser returns in the end, a tree comes out only if
//   1. the parser returned AIS_OK and reported no error,
//   2. every section it began was ended,
//   3. no limit below was passed.
//
// Threads: none.

#pragma once

#include "config/finding.hpp"
#include "config/parser.hpp"
#include "config/tree.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace ais::config {

// Limit: far above every configuration that a person writes, low enough that a
// hostile file costs neither memory nor stack.
inline constexpr std::size_t depth_max = 16;
inline constexpr std::size_t name_max = 64;
inline constexpr std::size_t value_max = 4096;
inline constexpr std::size_t entries_max = 65536;  // keys and sections together
inline constexpr std::size_t findings_max = 100;   // more are counted, not kept
inline constexpr std::size_t file_max = 1U << 20;  // for those who read the file

class TreeBuilder {
  public:
    explicit TreeBuilder(std::string source);
    TreeBuilder(const TreeBuilder&) = delete;
    TreeBuilder& operator=(const TreeBuilder&) = delete;

    // Valid as long as the builder.
    [[nodiscard]] const ais_parser_sink& sink() const { return sink_; }

    // Ends the tree: what the parser returned goes in, the tree comes out if all is well; the
    // findings say why not.  The builder is used up.
    [[nodiscard]] std::optional<Tree> finish(ais_status parser_status, Findings& findings);

  private:
    static ais_status on_begin(void* context, ais_bytes name, std::uint32_t line);
    static ais_status on_end(void* context, std::uint32_t line);
    static ais_status on_key(void* context, ais_bytes name, ais_bytes value, std::uint32_t line);
    static void on_error(void* context, std::uint32_t line, ais_bytes what);
    static void on_warning(void* context, std::uint32_t line, ais_bytes what);

    ais_status begin(std::string_view name, std::uint32_t line);
    ais_status end(std::uint32_t line);
    ais_status key(std::string_view name, std::string_view value, std::uint32_t line);
    ais_status fail(ais_status status, std::uint32_t line, std::string text);
    ais_status check_name(std::string_view name, std::uint32_t line);
    void add(Severity severity, std::string_view message_id, std::uint32_t line, std::string text);

    Tree tree_;
    std::vector<Section*> open_;  // the deque in Section keeps these valid
    std::size_t entries_ = 0;
    std::size_t suppressed_ = 0;
    ais_status failure_ = AIS_OK;  // of the sink: what all later calls return
    bool has_error_ = false;       // of the sink or reported by the parser
    Findings findings_;
    ais_parser_sink sink_{};
};

// All of it: `text` through `parser` to a tree.  Findings are appended; no tree means at least one
// error.
[[nodiscard]] std::optional<Tree> parse(Parser& parser,
                                        const std::string& source,
                                        Bytes text,
                                        Findings& findings);

// Bytes of unknown origin as printable text, in quotes, cut to 60 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace ais::config
