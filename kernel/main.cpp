// SPDX-License-Identifier: BSD-3-Clause
//
// aisexec-kernel: the table of contents.

#include "configuration.hpp"
#include "daemon.hpp"
#include "embedded.hpp"
#include "options.hpp"
#include "os/daemonize.hpp"
#include "os/files.hpp"
#include "os/last_words.hpp"
#include "os/log_sinks.hpp"
#include "os/privileges.hpp"
#include "plugin/calls.hpp"
#include "plugin/registry.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

namespace {

using namespace ais;

int refuse(int status, const Error& error) {
    std::fprintf(stderr, "aisexec-kernel: %s\n", error.text.c_str());
    return status;
}

// An installation may have been moved or made with another --prefix, so what lies beside the
// program counts first; a build tree has its plugins beside the program's directory.
std::string installed_plugins() {
    const std::string here = os::program_directory();
    const std::string moved = here + "/" AIS_PLUGIN_DIR_FROM_PROGRAM;
    if (!here.empty() && os::is_directory(moved)) {
        return moved;
    }
    const std::string built = here + "/../plugins";
    return !here.empty() && os::is_directory(here + "/../CMakeFiles") && os::is_directory(built)
               ? built
               : AIS_PLUGIN_DIR;
}

// In the background the working directory is /.
void make_absolute(Options& options) {
    for (std::string* path : {&options.config_file,
                              &options.amf_config_file,
                              &options.authkey_file,
                              &options.run_dir,
                              &options.state_dir}) {
        *path = os::absolute_path(*path);
    }
    if (!options.trace_file.empty()) {
        options.trace_file = os::absolute_path(options.trace_file);
    }
    for (std::string& path : options.plugin_dirs) {
        path = os::absolute_path(path);
    }
}

std::vector<std::string> services_to_load(const Options& options,
                                          const config::Settings& settings,
                                          const plugin::Registry& registry) {
    if (options.plugins) {
        return *options.plugins;
    }
    return settings.plugins ? *settings.plugins : registry.names_offering(AIS_SERVICE_INTERFACE);
}

os::LogOptions log_options(const config::LoggingSettings& settings) {
    os::LogOptions log;
    log.to_stderr = settings.to_stderr;
    log.to_syslog = settings.to_syslog;
    log.to_file = settings.logfile.has_value();
    log.logfile = settings.logfile.value_or("");
    log.syslog_facility = settings.syslog_facility;
    log.debug = settings.debug;
    log.timestamp = settings.timestamp;
    for (const config::Logger& logger : settings.loggers) {
        log.loggers.push_back({logger.subsystem, logger.debug});
    }
    return log;
}

// From here on the process serves; the status is the process's.
int serve(const Options& options, const Configuration& configuration, plugin::Registry& registry) {
    os::Readiness readiness;
    if (!options.foreground) {
        auto detached = os::Readiness::detach();
        if (!detached) {
            return refuse(exit_failed, detached.error());
        }
        readiness = detached.take();
    }
    auto log = os::LogSinks::open(log_options(configuration.settings.logging));
    if (!log) {
        refuse(exit_config, log.error());
        readiness.failed(exit_config);
        return exit_config;
    }
    const os::LastWords last_words(*log, plugin::describe_current_call);
    using Reload = std::function<Result<config::Settings>()>;
    const auto reload = [&]() -> Result<config::Settings> {
        auto read = load_configuration(registry, options.parser, options.config_file, **log);
        return read ? Result<config::Settings>(std::move(read.take().settings)) : read.error();
    };
    const DaemonOptions daemon_options{
        .run_dir = options.run_dir,
        .state_dir = options.state_dir,
        .key_file = options.authkey_file,
        .services = services_to_load(options, configuration.settings, registry),
        .trace_file = options.trace_file,
        .reload = options.embedded ? Reload() : Reload(reload),
        .embedded = options.embedded};
    auto daemon = std::make_unique<Daemon>(
        daemon_options, configuration.settings, configuration.tree, registry, **log);
    if (auto opened = daemon->open(); !opened) {
        AIS_LOG(**log, error, "main", "MAIN-012", opened.error().text);
        // The parent may end the terminal's wait as soon as it is told: everything is written
        // before.
        daemon.reset();
        log->reset();
        if (!configuration.settings.logging.to_stderr) {
            refuse(exit_config, opened.error());
        }
        readiness.failed(exit_config);
        return exit_config;
    }
    if (options.embedded) {
        std::printf("OPENAIS_RUN_DIR=%s\n", options.run_dir.c_str());
        std::fflush(stdout);
    }
    readiness.ready();
    return daemon->run();
}

}  // namespace

int main(int argc, char** argv) {
    if (auto allowed = os::refuse_set_id(); !allowed) {
        return refuse(exit_usage, allowed.error());
    }
    auto parsed = parse_options(
        argc, argv, [](const char* name) -> const char* { return std::getenv(name); });
    if (!parsed) {
        std::fprintf(stderr, "%s\n", parsed.error().text.c_str());
        return exit_usage;
    }
    Options options = parsed.take();
    make_absolute(options);
    if (options.action == Action::print) {
        std::fputs(options.text.c_str(), stdout);
        return exit_ok;
    }

    plugin::Registry registry;
    registry.scan(options.plugin_dirs);
    const std::vector<std::string> installed{installed_plugins()};
    registry.scan(installed);
    if (options.action == Action::list_plugins) {
        std::fputs(registry.list().c_str(), stdout);
        return exit_ok;
    }

    std::optional<EmbeddedHome> home;
    if (options.embedded) {
        auto made = EmbeddedHome::make(options);
        if (!made) {
            return refuse(exit_failed, made.error());
        }
        home = made.take();
    }
    auto configuration =
        options.embedded
            ? Result<Configuration>(embedded_configuration())
            : load_configuration(registry, options.parser, options.config_file, os::start_up_log());
    if (!configuration) {
        return refuse(exit_config, configuration.error());
    }
    if (options.action == Action::check_config) {
        std::fputs(describe(*configuration).c_str(), stdout);
        return exit_ok;
    }
    return serve(options, *configuration, registry);
}
