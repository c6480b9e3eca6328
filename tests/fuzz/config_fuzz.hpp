// SPDX-License-Identifier: BSD-3-Clause
//
// What has to hold for every parser and every text: the builder ends with a
// tree exactly if the parser said AIS_OK and reported nothing; a tree can be
// checked and completed; if the check finds no error, it gives settings.

#pragma once

#include "base/assert.hpp"
#include "config/builder.hpp"
#include "config/schema.hpp"
#include "config/settings.hpp"

#include <ais/abi/plugin.h>

namespace ais::fuzz {

inline void parse_and_check(const ais_plugin& plugin, const std::uint8_t* data, std::size_t size) {
    static const auto schema = config::kernel_schema();
    ais_host host{};
    host.struct_size = sizeof host;
    void* self = nullptr;
    AIS_ASSERT(plugin.load(&host, &self) == AIS_OK);
    const auto& parser = *static_cast<const ais_parser_v1*>(plugin.offers[0].table);

    config::TreeBuilder builder("fuzz");
    const auto status = parser.parse(self, "fuzz", {data, size}, &builder.sink());
    plugin.unload(self);
    config::Findings findings;
    auto tree = builder.finish(status, findings);
    AIS_ASSERT(tree.has_value() == (status == AIS_OK));
    AIS_ASSERT(tree.has_value() == !config::has_errors(findings));
    if (!tree) {
        return;
    }
    findings = config::check(*tree, schema);
    for (const auto& finding : findings) {
        AIS_ASSERT(!config::to_string(finding, tree->source()).empty());
    }
    config::fill_defaults(*tree, schema);
    if (!config::has_errors(findings)) {
        AIS_ASSERT(config::make_settings(*tree).ok());
    }
}

}  // namespace ais::fuzz
