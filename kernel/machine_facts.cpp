// SPDX-License-Identifier: BSD-3-Clause

#include "machine_facts.hpp"

#include "os/clock.hpp"
#include "os/machine.hpp"

#include <utility>

namespace ais {

MachineFacts::MachineFacts(std::vector<std::string> addresses)
    : host_name_(os::host_name()),
      addresses_(std::move(addresses)),
      boot_time_(os::boot_time_ns()) {}

std::int64_t MachineFacts::wall_clock() const {
    return os::wall_clock_ns();
}

}  // namespace ais
