// SPDX-License-Identifier: BSD-3-Clause
//
// Builds of the plugin counter that cannot take the place of a running one, one for each
// BAD_COUNTER_….

#include <ais/host.hpp>
#include <ais/service.hpp>

#include <stdexcept>

namespace {

class BadCounter {
  public:
    static constexpr std::uint16_t service_id = 1002;

    explicit BadCounter(const ais_host&) {
#ifdef BAD_COUNTER_LOAD
        throw std::runtime_error("the moon is not full");
#endif
    }
    void deliver(ais_node_id, std::uint16_t, ais::Bytes) {}
    void request(ais_conn*, std::uint64_t, std::uint16_t, ais::Bytes) {}
    ais_status client_open(ais_conn*, ais::Bytes) {
        return AIS_OK;
    }
    void client_close(ais_conn*) {}
    ais_status save(ais::StateWriter&) {
        return AIS_OK;
    }
    ais_status merge(std::span<const ais::SavedState>) {
#ifdef BAD_COUNTER_MERGE
        return AIS_ERR_CORRUPT;
#else
        return AIS_OK;
#endif
    }
    ais_status save_local(std::span<ais_conn* const>, ais::StateWriter&) {
        return AIS_OK;
    }
    ais_status restore_local(std::span<ais_conn* const>, ais::Bytes, std::string_view) {
        return AIS_ERR_UNSUPPORTED;
    }
};

constexpr ais_plugin described() {
    ais_plugin plugin = ais::describe<BadCounter>("counter", "9.0.0");
#ifdef BAD_COUNTER_ABI
    plugin.abi_major = 2;
#endif
    return plugin;
}

}  // namespace

AIS_EXPORT_PLUGIN = described();
