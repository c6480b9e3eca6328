// SPDX-License-Identifier: BSD-3-Clause

#include "client/library.hpp"

namespace ais::client {

bool negotiate(std::span<const Version> supported, Version& version) {
    const Version required = version;
    // What to answer: the highest version of the required release if there is
    // one, else of the lowest release above it, else of the highest of all.
    const Version* answer = nullptr;
    for (const Version& one : supported) {
        const bool first_above = one.release > required.release && answer != nullptr &&
                                 answer->release >= required.release &&
                                 one.release > answer->release;
        if (first_above) {
            break;
        }
        answer = &one;
    }
    version = *answer;
    return answer->release == required.release && required.major != 0 &&
           answer->major >= required.major;
}

}  // namespace ais::client
