// SPDX-License-Identifier: BSD-3-Clause
//
// Other builds of a plugin, for live replacement: its own tables under another version, as
// they are, or with a flaw.  A call that has the flaw fails without doing its work.
//
// The originals are constants of this program, and one build may have instances on many nodes.

#pragma once

#include <ais/abi/draft/handover.h>
#include <ais/abi/draft/parts.h>
#include <ais/abi/plugin.h>
#include <ais/abi/service.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ais::sim {

enum class Flaw : std::uint8_t {
    none,
    load,
    merge,     // in one piece, and at the end of a merge of parts
    part,      // of a state in parts, at the first of them
    handover,  // it refuses what belongs to the clients
};
inline constexpr std::uint32_t flaws = 5;
const char* name_of(Flaw flaw);

class Build {
  public:
    // nullptr: this plugin has nothing that could have the flaw.  `number` makes the version.
    static std::unique_ptr<Build> make(const ais_plugin& of, Flaw flaw, std::uint32_t number);
    Build(const Build&) = delete;
    Build& operator=(const Build&) = delete;

    [[nodiscard]] const ais_plugin& plugin() const { return plugin_; }
    [[nodiscard]] Flaw flaw() const { return flaw_; }

  private:
    Build() = default;
    void offer(const char* id, const void* table);

    Flaw flaw_ = Flaw::none;
    ais_plugin plugin_{};
    std::string version_;
    ais_service_v1 service_{};
    ais_service_parts_v1 parts_{};
    ais_service_handover_v1 handover_{};
    std::vector<ais_interface> offers_;
};

}  // namespace ais::sim
