// SPDX-License-Identifier: BSD-3-Clause
//
// What the commands of `aisctl lck` share: a client of the service with one resource open, and the
// options of those that lock.

#pragma once

#include "commands.hpp"

#include "client/connection.hpp"
#include "lck/wire.hpp"

#include <openais/saAis.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ais::ctl {

class LockClient {
  public:
    static constexpr std::uint64_t handle = 1;  // of the one resource

    // Throws Failure, as all of them.
    LockClient(const Context& context, std::uint32_t watch);

    [[nodiscard]] SaAisErrorT ask(lck::RequestKind kind,
                                  const Appender& request,
                                  std::vector<std::uint8_t>& body) const;
    void open(const std::string& name, bool creates) const;
    // Nothing: its time was up.  `timeout` in nanoseconds.
    [[nodiscard]] std::optional<lck::LockAnswer> lock(std::uint64_t id,
                                                      lck::Mode mode,
                                                      std::uint32_t flags,
                                                      std::int64_t timeout) const;
    // A request about a handle or an id.
    void tell(lck::RequestKind kind, std::uint64_t target) const;
    static void check(SaAisErrorT error);
    [[nodiscard]] client::Connection& connection() const { return *connection_; }

  private:
    std::shared_ptr<client::Connection> connection_;
};

struct LockOptions {
    using Clock = std::chrono::steady_clock;

    std::string name;
    bool is_shared = false;
    bool must_not_wait = false;
    std::optional<double> timeout;  // seconds
    int conflict_status = 1;

    [[nodiscard]] lck::Mode mode() const {
        return is_shared ? lck::Mode::protected_read : lck::Mode::exclusive;
    }
    [[nodiscard]] std::uint32_t flags() const { return must_not_wait ? lck::flag_no_queue : 0; }
    [[nodiscard]] std::optional<Clock::time_point> deadline() const {
        // A thousand years are for ever.
        if (!timeout || *timeout > 3e10) {
            return std::nullopt;
        }
        return Clock::now() +
               std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*timeout));
    }
    // At least 1: the service takes no timeout of 0.
    static std::int64_t left(const std::optional<Clock::time_point>& deadline) {
        if (!deadline) {
            return lck::LockRequest::for_ever;
        }
        const auto rest = std::chrono::nanoseconds(*deadline - Clock::now()).count();
        return rest > 0 ? rest : 1;
    }
};

// As 32 hexadecimal digits: they sort as the numbers do.
std::string text_of(lck::Fence fence);
void add_options(CLI::App& command, const std::shared_ptr<LockOptions>& options);
void add_lck_run(CLI::App& command, Context& context);

}  // namespace ais::ctl
