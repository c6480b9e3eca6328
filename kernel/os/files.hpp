// SPDX-License-Identifier: BSD-3-Clause
//
// Small files at start: configuration, key, state.  Every error is a sentence
// with the path, fit for an operator.  Nothing here is called from the loop;
// ring_store calls write_durably from its helper thread.

#pragma once

#include <ais/bytes.hpp>
#include <ais/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ais::os {

struct FileContent {
    std::string bytes;
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// A regular file of at most `size_max` bytes.  AIS_ERR_NOT_FOUND: there is none.
Result<FileContent> read_file(const std::string& path, std::size_t size_max);

// All or nothing, also over a crash: written beside, synced, renamed.
Result<void> write_durably(const std::string& path, Bytes content, std::uint32_t mode);

// Makes the directory (not its parents) unless it is there.
Result<void> ensure_directory(const std::string& path, std::uint32_t mode);
// Gives a file or directory to a user and group; root only.
// A new directory of mode 0700 below `parent`, its name beginning with `prefix`.
Result<std::string> make_private_directory(const std::string& parent, const std::string& prefix);
// With all that is in it; what cannot be removed stays.
void remove_directory(const std::string& path);

Result<void> give_to(const std::string& path, std::uint32_t uid, std::uint32_t gid);

// Overwrites a secret; the compiler may not leave it out.
void wipe(std::string& secret);

}  // namespace ais::os
