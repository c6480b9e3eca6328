// SPDX-License-Identifier: BSD-3-Clause
//
// Live replacement: another build of a running service takes its place, between
// two turns of the loop; clients stay connected, and nobody else notices.
//
// abi/draft/handover.h has the contract and the order of calls, docs/adr/0019 the
// reasons.  The old instance is only asked to save; nothing of it changes before the
// new one has taken over all, so a failure at any step leaves it running.
//
// The state of a service in parts is copied while the old instance goes on working, copy_max
// bytes in a step; in the last step what has changed since is copied again.  Other
// states are copied in the last step.
//
// A new build that throws instead of failing ends the process, as any plugin.
// Threads: none.

#pragma once

#include "plugin/guard.hpp"
#include "plugin/instance.hpp"
#include "service/table.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ais::plugin {

class Replacement {
  public:
    // Limit: bytes of parts that one step copies.
    static constexpr std::uint64_t copy_max = 4U << 20;

    using Guards = std::vector<std::unique_ptr<ServiceGuard>>;

    // Checks all that can be checked without running the new build, and loads it.  `next` is
    // mapped; everything outlives the result.
    static Result<std::unique_ptr<Replacement>> begin(const std::string& name,
                                                      const Chosen& next,
                                                      Plugins& plugins,
                                                      Guards& guards,
                                                      service::Table& table,
                                                      const Kernel& kernel);
    ~Replacement();
    Replacement(const Replacement&) = delete;
    Replacement& operator=(const Replacement&) = delete;

    enum class Progress : std::uint8_t {
        copying,  // come back
        waiting,  // clients wait for responses that the new build could not give: come back
        done,
        failed,  // error() says why; the old instance goes on
    };
    // Requires: replicas are equal; no call into a plugin is going on.  `now` is the last
    // regular configuration.
    Progress step(const totem::Configuration& now);

    [[nodiscard]] const std::string& error() const { return error_; }
    // "cpg 1.0.0".
    [[nodiscard]] const std::string& from() const { return from_; }
    [[nodiscard]] const std::string& to() const { return to_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t clients() const { return clients_; }

  private:
    Replacement(Plugins& plugins, Guards& guards, service::Table& table, const Kernel& kernel);

    Progress failed(std::string why);
    bool begin_state(const totem::Configuration& now);
    bool copy_parts(bool& is_over);
    [[nodiscard]] bool is_copied(const sync::Part& part) const;
    bool copy_part(const sync::Part& part);
    bool end_state(const totem::Configuration& now);
    bool hand_over();
    bool open_clients(const std::vector<ais_conn*>& conns);

    Plugins& plugins_;
    Guards& guards_;
    service::Table& table_;
    const Kernel& kernel_;
    std::string from_;
    std::string to_;

    ServiceGuard* old_ = nullptr;
    std::unique_ptr<Instance> instance_;
    std::unique_ptr<ServiceGuard> next_;
    bool has_handover_ = false;  // both builds
    bool in_parts_ = false;      // both builds
    bool is_configured_ = false;
    bool is_merging_ = false;
    totem::RingId ring_;                           // of the configuration that the new build knows
    std::map<std::string, std::uint64_t> copied_;  // digests
    std::uint64_t bytes_ = 0;
    std::size_t clients_ = 0;
    std::string error_;
};

}  // namespace ais::plugin
