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
// The same with its parents, which get mode 0755.
Result<void> make_directories(const std::string& path, std::uint32_t mode);
[[nodiscard]] bool is_directory(const std::string& path);
// A new directory of mode 0700 below `parent`, its name beginning with `prefix`.
Result<std::string> make_private_directory(const std::string& parent, const std::string& prefix);
// With all that is in it; what cannot be removed stays.
void remove_directory(const std::string& path);

// Gives a directory and the files in it to a user and group; root only.  Refuses one that is
// not ours alone (open to all as /tmp, or with folders in it as /etc), whatever an option says.
Result<void> give_directory_to(const std::string& path, std::uint32_t uid, std::uint32_t gid);

// Where the path leads from here, also after the working directory has changed.
[[nodiscard]] std::string absolute_path(const std::string& path);
// The directory of the program that runs; "" if the system does not say.
[[nodiscard]] std::string program_directory();

// Overwrites a secret; the compiler may not leave it out.
void wipe(std::string& secret);

}  // namespace ais::os
