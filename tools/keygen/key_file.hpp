// SPDX-License-Identifier: BSD-3-Clause
//
// A file with a secret, written so that at its path there is at every moment
// either nothing, the former file, or the whole new one: the bytes go to a
// temporary file beside it, are forced to disk, and then get the name.
//
// By then it has mode 0400, whatever the umask, and 0600 before.

#pragma once

#include <ais/bytes.hpp>
#include <ais/result.hpp>

#include <string>

namespace ais::keygen {

enum class IfExists { refuse, replace };

// Fails with AIS_ERR_EXISTS or a sentence that names the path and, where there
// is one, the remedy.  Nothing is left behind after a failure.
Result<void> write_key_file(const std::string& path, Bytes key, IfExists if_exists);

// Fails with AIS_ERR_EXISTS if there is something at `path`.
Result<void> check_is_free(const std::string& path);

}  // namespace ais::keygen
