// SPDX-License-Identifier: BSD-3-Clause
//
// From the configuration's words to those of the parts: config::Settings
// knows no other folder of its level or above, so the daemon's level joins
// them.

#pragma once

#include "config/schema.hpp"
#include "config/settings.hpp"
#include "ipc/session.hpp"
#include "totem/config.hpp"

#include <ais/result.hpp>

namespace ais {

// `seal_overhead` is what the crypto backend adds to each datagram.  Fails if values contradict
// each other (totem::Config::validate); the error names the key.
[[nodiscard]] Result<totem::Config> to_totem_config(const config::Settings& settings,
                                                    std::size_t seal_overhead);

[[nodiscard]] ipc::Limits to_ipc_limits(const config::Settings& settings);

// Largest sealed datagram: netmtu without the headers of IP and UDP.
[[nodiscard]] std::size_t sealed_datagram_max(const config::Settings& settings);

// What --check-config and the start see: config::check, and if that finds no error, the relations
// between the protocol's values, as findings with lines.  Fills the tree's defaults.
struct CheckedConfig {
    config::Findings findings;
    std::optional<config::Settings> settings;  // there if no finding is an error
};
[[nodiscard]] CheckedConfig check_config(config::Tree& tree, const config::Schema& schema);

}  // namespace ais
