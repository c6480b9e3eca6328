// SPDX-License-Identifier: BSD-3-Clause
//
// A plugin whose constructor throws: with the SDK, and (FIXTURE_RAW) in spite of the ABI.

#include <ais/service.hpp>

#include <stdexcept>

#ifdef FIXTURE_RAW

namespace {
ais_status load(const ais_host*, void**) {
    throw std::runtime_error("raw bones");
}
void unload(void*) {}
}  // namespace

extern "C" {
AIS_EXPORT extern const struct ais_plugin ais_plugin;
}
const struct ais_plugin ais_plugin = {
    AIS_ABI_MAJOR, sizeof(struct ais_plugin), "throws_raw", "1.0", nullptr, nullptr, load, unload};

#else

namespace {
class Throws {
  public:
    static constexpr std::uint16_t service_id = 201;
    explicit Throws(const ais_host&) { throw std::runtime_error("no socket for the moon"); }
    void deliver(ais_node_id, std::uint16_t, ais::Bytes) {}
};
}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<Throws>("throws", "1.0");

#endif
