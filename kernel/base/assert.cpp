// SPDX-License-Identifier: BSD-3-Clause

#include "base/assert.hpp"

#include "base/log.hpp"

#include <cstdio>
#include <cstdlib>

namespace ais {

void assertion_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "aisexec: assertion failed: %s (%s:%d)\n", what, file, line);
    print_recent_log_lines(stderr);
    std::abort();
}

}  // namespace ais
