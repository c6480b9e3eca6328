// SPDX-License-Identifier: BSD-3-Clause

#include "os/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace ais::os {

Result<void> fill_random(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return failed(std::string("no random numbers from the system: ") +
                          std::strerror(errno));
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

}  // namespace ais::os
