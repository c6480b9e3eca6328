// SPDX-License-Identifier: BSD-3-Clause

#include "configuration.hpp"

#include "config/builder.hpp"
#include "config/schema.hpp"
#include "os/files.hpp"
#include "plugin/guard.hpp"
#include "settings.hpp"
#include "totem/detector.hpp"

#include <algorithm>
#include <sstream>

namespace ais {
namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text.empty() ? "none" : text;
}

// Errors and warnings, each a line; the result says how many errors.
Result<void> report(const config::Findings& findings, const std::string& source, Log& log) {
    std::size_t errors = 0;
    for (const config::Finding& finding : findings) {
        const bool is_error = finding.severity == config::Severity::error;
        errors += is_error ? 1 : 0;
        log_line(log,
                 is_error ? Level::error : Level::warning,
                 "config",
                 finding.id,
                 config::to_string(finding, source));
    }
    if (errors == 0) {
        return {};
    }
    return invalid(source + ": " + std::to_string(errors) + (errors == 1 ? " error" : " errors") +
                   " in the configuration; nothing was started");
}

Result<config::Tree> parse(plugin::Registry& registry,
                           const std::string& name,
                           const std::string& file,
                           Log& log) {
    const auto parsers = registry.names_offering(AIS_PARSER_INTERFACE);
    const auto all = registry.names();
    if (std::find(parsers.begin(), parsers.end(), name) == parsers.end() &&
        std::find(all.begin(), all.end(), name) != all.end()) {
        return invalid("OPENAIS_DEFAULT_CONFIG_IFACE: the plugin '" + name +
                       "' is no configuration parser; parsers are: " + join(parsers));
    }
    plugin::Kernel kernel;
    kernel.log = &log;
    const std::vector<std::string> names{name};
    auto started = registry.start(names, kernel);
    if (!started) {
        return Error{started.error().code,
                     "configuration parser: " + started.error().text + "; parsers are: " +
                         join(parsers) + " (OPENAIS_DEFAULT_CONFIG_IFACE chooses)"};
    }
    plugin::Instance* instance = (*started)->find(name);
    if (instance == nullptr || !instance->manifest().offers_interface(AIS_PARSER_INTERFACE)) {
        return invalid("OPENAIS_DEFAULT_CONFIG_IFACE: the plugin '" + name +
                       "' is no configuration parser");
    }
    plugin::ParserGuard parser(*instance);
    std::string text;
    if ((parser.flags() & AIS_PARSER_OWN_SOURCE) == 0) {
        auto content = os::read_file(file, config::file_max);
        if (!content) {
            return Error{content.error().code,
                         "configuration: " + content.error().text +
                             " (OPENAIS_MAIN_CONFIG_FILE or --config names the file)"};
        }
        text = std::move(content->bytes);
    }
    config::Findings findings;
    auto tree = config::parse(parser, file, as_bytes(text), findings);
    if (auto good = report(findings, file, log); !good) {
        return good.error();
    }
    if (!tree) {
        return invalid(file + ": the parser '" + name + "' failed without saying why");
    }
    return std::move(*tree);
}

// Before the check, since plugins found there bring keys of their own.
void scan_directories(const config::Tree& tree, plugin::Registry& registry) {
    std::vector<std::string> directories;
    for (const auto* section : tree.root().find_sections("plugins")) {
        for (const auto& key : section->keys) {
            if (key.name == "dir") {
                directories.push_back(key.value);
            }
        }
    }
    registry.scan(directories);
}

Result<config::Schema> make_schema(plugin::Registry& registry) {
    config::Schema schema = config::kernel_schema();
    for (const std::string& name : registry.names_offering(AIS_CONFIG_SCHEMA_INTERFACE)) {
        auto table = registry.table(name, AIS_CONFIG_SCHEMA_INTERFACE);
        if (!table) {
            return table.error();
        }
        if (auto added = schema.add_plugin(name, *static_cast<const ais_config_schema_v1*>(*table));
            !added) {
            return added.error();
        }
    }
    return schema;
}

std::string describe_redundancy(const config::TotemSettings& totem) {
    if (totem.interfaces.size() < 2) {
        return {};
    }
    const auto step = totem.rrp_token_expired / 2;
    const char* const mode = totem.rrp_mode == config::Redundancy::active ? "active: data on all"
                             : totem.rrp_mode == config::Redundancy::passive
                                 ? "passive: data in turn"
                                 : "none: data on the best";
    return std::string("\nrrp_mode          ") + mode + "; a dead link is found within " +
           std::to_string(
               to_ms(totem.rrp_token_expired + totem.rrp_problem_count_threshold * step)) +
           " ms";
}

}  // namespace

Result<Configuration> load_configuration(plugin::Registry& registry,
                                         const std::string& parser,
                                         const std::string& file,
                                         Log& log) {
    auto tree = parse(registry, parser, file, log);
    if (!tree) {
        return tree.error();
    }
    scan_directories(*tree, registry);
    auto schema = make_schema(registry);
    if (!schema) {
        return schema.error();
    }
    CheckedConfig checked = check_config(*tree, *schema);
    if (auto good = report(checked.findings, file, log); !good) {
        return good.error();
    }
    return Configuration{tree.take(), std::move(*checked.settings)};
}

Configuration embedded_configuration() {
    Configuration configuration{config::embedded_tree(), config::embedded_settings()};
    // With a key of its own, made at the start: nobody else on this host can talk to it.
    configuration.settings.totem.crypto_backend = config::secure_backend;
    return configuration;
}

std::string describe(const Configuration& configuration) {
    const auto& settings = configuration.settings.totem;
    const auto detection = totem::DetectionTiming::of(settings.detection_time);
    std::ostringstream text;
    text << configuration.tree.source() << " is good\n"
         << "transport         "
         << (settings.transport == config::Transport::udp ? "udp (IP multicast)" : "udpu (unicast)")
         << "\ninterfaces        " << settings.interfaces.size() << ", first bound to "
         << settings.interfaces.front().bind.host_text() << " port "
         << settings.interfaces.front().port << describe_redundancy(settings)
         << "\nnodes             "
         << (configuration.settings.nodes.empty()
                 ? std::string("found by multicast")
                 : std::to_string(configuration.settings.nodes.size()) + " listed")
         << "\ncrypto            " << settings.crypto_backend << ", cipher "
         << settings.crypto_cipher << "\ndetection_time    " << to_ms(settings.detection_time)
         << " ms; the ring uses the longest of its members"
         << "\n  a late token     is asked for " << to_ms(detection.late)
         << " ms after the usual rotation (and hold)"
         << "\n  a silent node    is probed for " << to_ms(detection.probe) << " ms, by all for "
         << to_ms(detection.suspect) << " ms more, and left out"
         << "\n  an ended one     is left out after " << to_ms(detection.confirm)
         << " ms if a probe finds its port closed"
         << "\n  being late       by " << to_ms(detection.lateness)
         << " ms makes this node doubt itself first"
         << "\ntoken             " << to_ms(settings.token) << " ms without it: gather"
         << "\ntoken_retransmit  " << to_ms(settings.token_retransmit) << " ms"
         << "\nhold, merge       " << to_ms(settings.hold) << " ms, " << to_ms(settings.merge)
         << " ms"
         << "\njoin, consensus   " << to_ms(settings.join) << " ms, " << to_ms(settings.consensus)
         << " ms"
         << "\nwindow            " << settings.window_size << " datagrams of at most "
         << settings.netmtu << " bytes, " << settings.max_messages << " a visit\n";
    return text.str();
}

}  // namespace ais
