// SPDX-License-Identifier: BSD-3-Clause

#include "os/machine.hpp"

#include "os/clock.hpp"

#include <unistd.h>

#include <array>
#include <ctime>

namespace ais::os {

std::string host_name() {
    std::array<char, 257> name{};  // the last byte stays 0
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
        return "localhost";
    }
    return name.data();
}

std::int64_t boot_time_ns() {
    timespec up{};
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    return wall_clock_ns() - (std::int64_t{up.tv_sec} * 1'000'000'000 + up.tv_nsec);
}

}  // namespace ais::os
