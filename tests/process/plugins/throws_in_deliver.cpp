// SPDX-License-Identifier: BSD-3-Clause
//
// A service that multicasts at each ring of three, and throws when that is delivered on the node
// whose environment says so (AIS_TEST_THROWS, or AIS_TEST_SEGFAULTS for a wild pointer).

#include <ais/host.hpp>
#include <ais/service.hpp>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace {

class ThrowsInDeliver {
  public:
    static constexpr std::uint16_t service_id = 210;
    explicit ThrowsInDeliver(const ais_host& host) : group_(host) {}

    void configure(const ais_configuration& now) {
        if (now.kind == AIS_CONFIGURATION_REGULAR && now.member_count == 3) {
            group_.multicast(1);
        }
    }
    void deliver(ais_node_id, std::uint16_t, ais::Bytes) {
        if (std::getenv("AIS_TEST_THROWS") != nullptr) {
            throw std::runtime_error("the moon fell down");
        }
        if (std::getenv("AIS_TEST_SEGFAULTS") != nullptr) {
            std::raise(SIGSEGV);
        }
    }

  private:
    ais::host::Group group_;
};

constexpr const char* needs[] = {"ais.group/1", nullptr};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<ThrowsInDeliver>("throws_in_deliver", "1.0", needs);
