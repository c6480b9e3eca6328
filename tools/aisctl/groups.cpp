// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl groups: the process groups of cpg and who is in them.

#include "service.hpp"

#include <openais/cpg.h>

#include <iomanip>
#include <iostream>

namespace ais::ctl {
namespace {

void must_cpg(cs_error_t error, const Context& context) {
    // The numbers are those of the SA Forum as far as both have them.
    if (error != CS_OK) {
        must(static_cast<SaAisErrorT>(error), context, "groups");
    }
}

void list(const Context& context) {
    choose_executive(context);
    cpg_handle_t handle = 0;
    cpg_iteration_handle_t iteration = 0;
    cpg_callbacks_t callbacks{};
    const auto again = [](auto call) {
        return static_cast<cs_error_t>(repeat([&] { return static_cast<SaAisErrorT>(call()); }));
    };
    must_cpg(again([&] { return cpg_initialize(&handle, &callbacks); }), context);
    must_cpg(again([&] {
                 return cpg_iteration_initialize(handle, CPG_ITERATION_ALL, nullptr, &iteration);
             }),
             context);
    Json groups = Json::array();
    cpg_iteration_description_t one{};
    while (cpg_iteration_next(iteration, &one) == CS_OK) {
        const std::string name(one.group.value, one.group.length);
        if (groups.empty() || groups.back()["group"] != name) {
            groups.push_back({{"group", name}, {"members", Json::array()}});
        }
        groups.back()["members"].push_back({{"node", one.nodeid}, {"pid", one.pid}});
    }
    cpg_iteration_finalize(iteration);
    cpg_finalize(handle);
    if (context.json) {
        std::cout << groups.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    std::cout << std::left << std::setw(32) << "GROUP" << std::setw(11) << "NODE"
              << "PID\n";
    for (const Json& group : groups) {
        for (const Json& member : group["members"]) {
            std::cout << std::setw(31) << shown(group["group"].get<std::string>()) << ' '
                      << std::setw(11) << member["node"].get<std::uint64_t>()
                      << member["pid"].get<std::uint64_t>() << '\n';
        }
    }
}

}  // namespace

void add_groups(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("groups", "the process groups of cpg and their members");
    command->add_flag("--json", context.json, "for scripts");
    command->callback([&context] { list(context); });
}

}  // namespace ais::ctl
