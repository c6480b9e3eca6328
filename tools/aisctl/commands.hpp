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
void add_clm(CLI::App& app, Context& context);  // where the service is in the tree

void add_msg(CLI::App& app, Context& context);

inline constexpr void (*commands[])(CLI::App&, Context&) = {
    &add_status,
    &add_plugin,
    &add_dump,
#ifdef AISCTL_WITH_CLM
    &add_clm,
#endif
#ifdef AISCTL_WITH_MSG
    &add_msg,
#endif
};

}  // namespace ais::ctl
