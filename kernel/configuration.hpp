// SPDX-License-Identifier: BSD-3-Clause
//
// From a file to Settings: choose the parser plugin, let it parse, check the
// tree against the kernel's schema and that of the plugins, fill defaults in.
//
// Every finding is logged with file and line; errors are all reported, not only the
// first.  Nothing else has been opened by then.

#pragma once

#include "base/log.hpp"
#include "config/settings.hpp"
#include "config/tree.hpp"
#include "plugin/registry.hpp"

#include <ais/result.hpp>

#include <string>

namespace ais {

struct Configuration {
    config::Tree tree;
    config::Settings settings;
};

// `parser` is a plugin's name (OPENAIS_DEFAULT_CONFIG_IFACE).
Result<Configuration> load_configuration(plugin::Registry& registry,
                                         const std::string& parser,
                                         const std::string& file,
                                         Log& log);

// --embedded: no file, one node on loopback.
Configuration embedded_configuration();

// What --check-config prints of a good one: what all the defaults come to.
std::string describe(const Configuration& configuration);

}  // namespace ais
