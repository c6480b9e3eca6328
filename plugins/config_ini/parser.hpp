// SPDX-License-Identifier: BSD-3-Clause
//
// A configuration tree from an INI file, read with inih.
//
// An INI file has no nesting, so the name of a section is its path:
//
//     [totem]                   totem { … }
//     [totem.interface]         totem { interface { … } }, a new one each time
//     [totem.interface.member]  a new member in the last interface
//     [totem.interface:1]       a label: the same section to the kernel, another name to
//                               tools that refuse equal ones; [totem.interface:1.member]
//                               is in the interface with that label
//
// A parent that was not written is made.  Every header makes a new section of
// its last name, also if there is one already; the schema says whether it may
// be repeated.  Keys are `name = value` or `name: value`; a line that begins
// with ';' or '#' is a comment, and so is what follows a blank and ';' (inih).
//
// What inih alone would not tell, and how it is had: Debian's build gives the handler no line
// numbers and does not call it for a section without keys, takes an indented line for the
// continuation of a value, and cuts long lines and names in silence.  So it reads
// through a reader of ours that hands it one line at a time, without indentation, refuses what is
// too long, and after each section header a marker key with the header's line.
//
// The bytes are not trusted.  Threads: none; no state beyond a call.

#pragma once

#include <ais/bytes.hpp>
#include <ais/parser.hpp>

#include <cstddef>

namespace ais::config_ini {

inline constexpr std::size_t depth_max = 16;
inline constexpr std::size_t name_max = 64;
inline constexpr std::size_t sections_max = 4096;
inline constexpr std::size_t keys_max = 65536;
inline constexpr std::size_t text_max = 1U << 20;
inline constexpr std::size_t errors_max = 20;
// inih keeps a section's name in 50 bytes with its NUL and cuts the rest off without a word; a name
// of this length may have been cut.
inline constexpr std::size_t header_max = 49;

// Tells the tree of `text` to the sink.  AIS_OK if all of it was right.
[[nodiscard]] ais_status parse_text(Bytes text, TreeSink& sink);

}  // namespace ais::config_ini
