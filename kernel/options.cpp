// SPDX-License-Identifier: BSD-3-Clause

#include "options.hpp"

#include "config/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ais {

namespace {

constexpr const char* name_of_program = "aisexec-kernel";
// The socket's name and a NUL must fit behind it into sun_path (108 bytes).
constexpr std::size_t run_dir_max = 100;

constexpr const char* footer =
    "\nEnvironment:\n"
    "  OPENAIS_MAIN_CONFIG_FILE      configuration file (/etc/ais/openais.conf)\n"
    "  OPENAIS_AMF_CONFIG_FILE       configuration of the AMF service (/etc/ais/amf.conf)\n"
    "  OPENAIS_DEFAULT_CONFIG_IFACE  plugin that parses it (config_openais)\n"
    "  OPENAIS_TOTEM_AUTHKEY_FILE    key of the cluster (/etc/ais/authkey)\n"
    "  OPENAIS_RUN_DIR               directory for clients (/run/ais)\n"
    "\nSee aisexec-kernel(8) and openais.conf(5).\n";

Error usage(const std::string& what) {
    return invalid(std::string(name_of_program) + ": " + what + "; see " + name_of_program +
                   " --help");
}

class Environment {
  public:
    explicit Environment(const GetEnvironment& getenv) : getenv_(getenv) {}

    // True if it was set and not empty.
    bool read(const char* name, std::string& to) const {
        const char* value = getenv_ ? getenv_(name) : nullptr;
        if (value == nullptr || *value == '\0') {
            return false;
        }
        to = value;
        return true;
    }

  private:
    const GetEnvironment& getenv_;
};

Result<std::vector<std::string>> plugin_names(const std::vector<std::string>& lists) {
    std::vector<std::string> names;
    for (const auto& list : lists) {
        for (const auto& name : config::plugin_list(list)) {
            if (!config::is_plugin_name(name)) {
                return usage("--plugin: \"" + name + "\" is not the name of a plugin, such as cpg");
            }
            if (std::find(names.begin(), names.end(), name) == names.end()) {
                names.push_back(name);
            }
        }
    }
    return names;
}

Result<void> check(const Options& options) {
    if (!config::is_plugin_name(options.parser)) {
        return usage("OPENAIS_DEFAULT_CONFIG_IFACE: \"" + options.parser +
                     "\" is not the name of a plugin, such as config_openais");
    }
    if (options.run_dir.size() > run_dir_max) {
        return usage("the run directory \"" + options.run_dir + "\" has a name of " +
                     std::to_string(options.run_dir.size()) +
                     " bytes; a socket in it may have at most " + std::to_string(run_dir_max));
    }
    return {};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv, const GetEnvironment& getenv) {
    Options options;
    const Environment environment(getenv);
    environment.read("OPENAIS_MAIN_CONFIG_FILE", options.config_file);
    environment.read("OPENAIS_AMF_CONFIG_FILE", options.amf_config_file);
    environment.read("OPENAIS_TOTEM_AUTHKEY_FILE", options.authkey_file);
    environment.read("OPENAIS_DEFAULT_CONFIG_IFACE", options.parser);
    bool has_run_dir = environment.read("OPENAIS_RUN_DIR", options.run_dir);

    CLI::App app("The cluster executive: Totem, plugins, and their clients.", name_of_program);
    app.footer(footer);
    app.set_help_flag("-h,--help", "print this and exit");
    app.set_version_flag("--version",
                         std::string(name_of_program) + " " + AIS_VERSION,
                         "print the version and exit");
    app.add_flag("-f,--foreground", options.foreground, "stay in the foreground");
    auto* config_file =
        app.add_option("--config", options.config_file, "configuration file")->type_name("FILE");
    bool wants_check = false;
    auto* check_config = app.add_flag(
        "--check-config", wants_check, "say what is wrong with the configuration, and exit");
    std::vector<std::string> plugins;
    auto* plugin =
        app.add_option(
               "--plugin", plugins, "services to load, not those of the configuration; or none")
            ->type_name("NAME,NAME")
            ->expected(1)
            ->take_all();
    app.add_option(
           "--plugin-dir", options.plugin_dirs, "directory to look into first; may be repeated")
        ->type_name("DIR")
        ->expected(1)
        ->take_all();
    bool wants_list = false;
    auto* list = app.add_flag("--list-plugins",
                              wants_list,
                              "say which plugins are found and which are refused, and exit");
    auto* run_dir =
        app.add_option("--run-dir", options.run_dir, "directory for clients")->type_name("DIR");
    auto* state_dir =
        app.add_option("--state-dir", options.state_dir, "directory of what outlives a restart")
            ->type_name("DIR");
    auto* trace = app.add_option("--trace",
                                 options.trace_file,
                                 "append what is seen of the ring to this file, for ais-check")
                      ->type_name("FILE");
    auto* embedded = app.add_flag(
        "--embedded", options.embedded, "one node on loopback, without configuration and key");
    embedded->excludes(config_file)->excludes(check_config);
    list->excludes(check_config);

    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        options.action = Action::print;
        options.text = app.help();
        return options;
    } catch (const CLI::CallForVersion& version) {
        options.action = Action::print;
        options.text = std::string(version.what()) + "\n";
        return options;
    } catch (const CLI::ParseError& error) {
        return usage(error.what());
    }

    for (const auto* option : {config_file, run_dir, state_dir, trace}) {
        if (option->count() > 0 && option->as<std::string>().empty()) {
            return usage(option->get_name() + ": the name is empty");
        }
    }
    if (plugin->count() > 0) {
        auto names = plugin_names(plugins);
        if (!names) {
            return names.error();
        }
        options.plugins = names.take();
    }
    has_run_dir = has_run_dir || run_dir->count() > 0;
    if (options.embedded) {
        // Nothing of the host's own executive is touched, and nobody finds this one by chance.
        options.foreground = true;
        options.run_dir = has_run_dir ? options.run_dir : "";
        options.state_dir = state_dir->count() > 0 ? options.state_dir : "";
    }
    options.action = wants_check  ? Action::check_config
                     : wants_list ? Action::list_plugins
                                  : Action::run;
    if (const auto checked = check(options); !checked) {
        return checked.error();
    }
    return options;
}

std::string unknown_parser(const Options& options, const std::vector<std::string>& found) {
    std::string text =
        "OPENAIS_DEFAULT_CONFIG_IFACE: there is no parser \"" + options.parser + "\"; ";
    if (found.empty()) {
        return text +
               "no parser was found at all (--list-plugins says where was looked and what was "
               "refused)";
    }
    text += "found: ";
    auto names = found;
    std::sort(names.begin(), names.end());
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += (i == 0 ? "" : ", ") + names[i];
    }
    return text;
}

}  // namespace ais
