// SPDX-License-Identifier: BSD-3-Clause
//
// The text of openais.conf(5): one statement per line.
//
//     file      = { line }
//     line      = [ statement ] [ CR ] LF
//     statement = "#" anything          a comment; only at the start of a line
//               | name "{"              a section begins
//               | "}"                   the innermost section ends
//               | name ":" value        up to the end of the line
//     name      = 1..64 of A-Z a-z 0-9 _ -
//
// Blanks around names, values and braces do not count.  A value is text and
// may hold anything but control characters; what it means is the schema's
// business.  After a wrong line the scanner goes on with the next, so that one
// run names every mistake of a file, up to errors_max.
//
// The bytes are not trusted.  Threads: none; a Parser has no state.

#pragma once

#include <ais/bytes.hpp>
#include <ais/parser.hpp>

#include <cstddef>
#include <string_view>

namespace ais::config_openais {

inline constexpr std::size_t depth_max = 16;
inline constexpr std::size_t name_max = 64;
inline constexpr std::size_t line_max = 4096;
inline constexpr std::size_t text_max = 1U << 20;
inline constexpr std::size_t errors_max = 20;

// Tells the tree of `text` to the sink.  AIS_OK if all of it was right.
[[nodiscard]] ais_status parse_text(Bytes text, TreeSink& sink);

}  // namespace ais::config_openais
