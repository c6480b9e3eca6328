// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl plugin [list] | replace NAME FILE; also by the name of plugins

#include "commands.hpp"
#include "progress.hpp"

#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

namespace ais::ctl {
namespace {

// More than the executive itself waits.
constexpr int replace_timeout_s = 150;

void list(const Context& context) {
    const Json plugins = context.connection().ask({{"do", "plugin.list"}})["plugins"];
    if (context.json) {
        std::cout << plugins.dump(2) << '\n';
        return;
    }
    std::cout << std::left << std::setw(16) << "NAME" << ' ' << std::setw(12) << "VERSION" << ' '
              << std::setw(8) << "SERVICE" << ' ' << std::setw(8) << "CLIENTS"
              << " FILE\n";
    for (const Json& plugin : plugins) {
        std::cout << std::setw(16) << plugin["name"].get<std::string>() << ' ' << std::setw(12)
                  << plugin["version"].get<std::string>() << ' ' << std::setw(8)
                  << (plugin.contains("service")
                          ? std::to_string(plugin["service"].get<std::uint64_t>())
                          : "-")
                  << ' ' << std::setw(8) << plugin["clients"].get<std::uint64_t>() << ' '
                  << plugin["file"].get<std::string>() << '\n';
    }
}

void replace(const Context& context, const std::string& name, const std::string& file) {
    const Progress progress("replacing " + name);
    std::error_code error;
    const std::filesystem::path path = std::filesystem::absolute(file, error);
    const Json done = context.connection().ask(
        {{"do", "plugin.replace"}, {"name", name}, {"file", path.lexically_normal().string()}},
        replace_timeout_s);
    if (context.json) {
        std::cout << done.dump(2) << '\n';
        return;
    }
    std::cout << done["from"].get<std::string>() << " is replaced by "
              << done["to"].get<std::string>() << ": " << done["clients"] << " clients and "
              << done["bytes"] << " bytes of state taken over in " << done["microseconds"]
              << " us\n";
}

}  // namespace

void add_plugin(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("plugin", "the plugins of the running executive");
    command->alias("plugins");
    command->require_subcommand(0, 1);
    command->add_flag("--json", context.json, "for scripts");
    command->callback([&context, command] {
        if (command->get_subcommands().empty()) {
            list(context);
        }
    });
    CLI::App* show = command->add_subcommand("list", "name, version, service, clients, file");
    show->add_flag("--json", context.json, "for scripts");
    show->callback([&context] { list(context); });
    CLI::App* swap =
        command->add_subcommand("replace", "put another build in the place of a running service");
    swap->add_flag("--json", context.json, "for scripts");
    const auto name = std::make_shared<std::string>();
    const auto file = std::make_shared<std::string>();
    swap->add_option("NAME", *name, "the plugin")->required();
    swap->add_option("FILE", *file, "the new build, under a name that was not loaded yet")
        ->required();
    swap->callback([&context, name, file] { replace(context, *name, *file); });
}

}  // namespace ais::ctl
