// SPDX-License-Identifier: BSD-3-Clause

#include "commands.hpp"

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
    using namespace ais::ctl;
    CLI::App app("Ask and steer the aisexec executive of this machine.", "aisctl");
    Context context;
    const char* from_environment = std::getenv("OPENAIS_RUN_DIR");
    context.run_dir =
        from_environment != nullptr && *from_environment != '\0' ? from_environment : "/run/ais";
    app.add_option("--run-dir", context.run_dir, "run directory of the executive")
        ->capture_default_str();
    app.set_version_flag("--version", "aisctl " AIS_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    for (const auto add : commands) {
        add(app, context);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int status = app.exit(error);
        return status == 0 ? 0 : static_cast<int>(Exit::usage);
    } catch (const Ended& ended) {
        if (!ended.text.empty()) {
            std::cerr << "aisctl: " << ended.text << '\n';
        }
        return ended.status;
    } catch (const Failure& failure) {
        std::cerr << "aisctl: " << failure.what() << '\n';
        return static_cast<int>(failure.status);
    } catch (const std::exception& error) {
        std::cerr << "aisctl: " << error.what() << '\n';
        return static_cast<int>(Exit::failed);
    }
    std::cout.flush();
    return std::cout ? 0 : static_cast<int>(Exit::failed);
}
