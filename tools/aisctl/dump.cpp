// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl dump: what SIGUSR2 writes to the log, to standard output.

#include "commands.hpp"

#include <iostream>

namespace ais::ctl {

void add_dump(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "dump", "everything the executive and its services say about themselves");
    command->callback([&context] {
        std::cout << context.connection().ask({{"do", "dump"}}).get<std::string>();
    });
}

}  // namespace ais::ctl
