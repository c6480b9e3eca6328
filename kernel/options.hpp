// SPDX-License-Identifier: BSD-3-Clause
//
// The command line and the environment, as one value.
//
// A pure function of what it is given: argv and a way to ask for an
// environment variable.  Files are not looked at, and nothing is printed:
// --help and --version give a text for the caller to print.
//
// What counts, first to last: command line, environment, the configuration
// file (which the executive reads later), the default.  An environment
// variable that is empty counts as not set.

#pragma once

#include <ais/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ais {

enum class Action : std::uint8_t {
    run,
    check_config,
    list_plugins,
    print,  // Options::text, then exit 0
};

struct Options {
    Action action = Action::run;
    std::string text;

    bool foreground = false;
    std::string trace_file;  // what is seen of the ring (docs/protocol/trace.md); empty: no trace
    // One node on loopback, without configuration and key (config::embedded_settings).
    bool embedded = false;

    std::string config_file = "/etc/ais/openais.conf";
    std::string amf_config_file = "/etc/ais/amf.conf";
    std::string authkey_file = "/etc/ais/authkey";
    std::string parser = "config_openais";  // name of a plugin
    // Empty only if embedded: the executive makes a private one.
    std::string run_dir = "/run/ais";
    std::string state_dir = "/var/lib/ais";  // embedded and not given: empty, likewise

    // Services to load; nothing: what the configuration says.  Empty: none.
    std::optional<std::vector<std::string>> plugins;
    // In this order, before those of the configuration and the installed one.
    std::vector<std::string> plugin_dirs;
};

// nullptr: not set.
using GetEnvironment = std::function<const char*(const char* name)>;

// Requires: argv is that of main.  The error is one line for standard error; exit status
// exit_usage.
[[nodiscard]] Result<Options> parse_options(int argc,
                                            const char* const* argv,
                                            const GetEnvironment& getenv);

// For a parser that was not found: names those that were.
[[nodiscard]] std::string unknown_parser(const Options& options,
                                         const std::vector<std::string>& found);

// Exit statuses of the executive (aisexec-kernel(8)).
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;  // it ran, or tried to, and something did not work
inline constexpr int exit_usage = 2;   // command line or environment
inline constexpr int exit_config = 3;  // configuration or key

}  // namespace ais
