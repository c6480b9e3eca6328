// SPDX-License-Identifier: BSD-3-Clause
//
// The default parser as a plugin: offers ais.config.parser/1, needs nothing.

#include "parser.hpp"

#include <ais/parser.hpp>
#include <ais/plugin.hpp>

namespace {

class OpenaisParser {
  public:
    explicit OpenaisParser(const ais_host&) {}

    ais_status parse(std::string_view, ais::Bytes text, ais::TreeSink& sink) {
        return ais::config_openais::parse_text(text, sink);
    }
};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<OpenaisParser>("config_openais", "1.0.0");
