// SPDX-License-Identifier: BSD-3-Clause
//
// The commands: each adds itself to the command line and runs from its
// callback.  A new one is a file with such a function, and a line here.

#pragma once

#include "connection.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace ais::ctl {

// What all commands have; filled before a callback runs.
struct Context {
    std::string run_dir;
    bool json = false;

    [[nodiscard]] Connection connection() const { return Connection(run_dir); }
};

void add_status(CLI::App& app, Context& context);
void add_plugin(CLI::App& app, Context& context);
void add_dump(CLI::App& app, Context& context);
void add_ring(CLI::App& app, Context& context);  // members, rings
// Where the service is in the tree.
void add_groups(CLI::App& app, Context& context);
void add_clm(CLI::App& app, Context& context);
void add_ckpt(CLI::App& app, Context& context);
void add_evt(CLI::App& app, Context& context);

inline constexpr void (*commands[])(CLI::App&, Context&) = {
    &add_status,
    &add_ring,
    &add_plugin,
    &add_dump,
#ifdef AISCTL_WITH_CPG
    &add_groups,
#endif
#ifdef AISCTL_WITH_CLM
    &add_clm,
#endif
#ifdef AISCTL_WITH_CKPT
    &add_ckpt,
#endif
#ifdef AISCTL_WITH_EVT
    &add_evt,
#endif
};

}  // namespace ais::ctl
