// SPDX-License-Identifier: BSD-3-Clause
//
// Directories → candidates, without running anybody's code.
//
// Every *.so of the directories is a candidate; the list is sorted by name.  A name that
// is in several directories belongs to the first of them, so that --plugin-dir can put
// one plugin in place of an installed one.  What is refused stays in the list with
// the reason.
//
// One of the two files that see Boost.DLL and <filesystem>.

#pragma once

#include "plugin/manifest.hpp"

#include <optional>
#include <span>

namespace ais::plugin {

struct Candidate {
    std::string name;     // the file's stem; of a static plugin, its own
    std::string file;     // absolute; empty for a plugin that is linked statically
    std::string refused;  // why; empty if it is not
    // Nothing if refused before it could be read, or if this machine's objects can only be
    // read by loading them.
    std::optional<Manifest> manifest;
};

struct Discovery {
    std::vector<Candidate> candidates;  // ascending names; those of a name in order of directories
    std::vector<std::string> notes;     // directories that could not be read
};

// Limit: a file above this many bytes is no plugin.
inline constexpr std::size_t file_max = 256U << 20;

// One file, whatever its name: its manifest, or why it is refused.  `name` stays empty.
Candidate inspect_file(const std::string& file);

Discovery discover(std::span<const std::string> directories);

}  // namespace ais::plugin
