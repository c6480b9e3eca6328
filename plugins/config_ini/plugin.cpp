// SPDX-License-Identifier: BSD-3-Clause
//
// INI files through inih, as a plugin: offers ais.config.parser/1, needs nothing.

#include "parser.hpp"

#include <ais/parser.hpp>
#include <ais/plugin.hpp>

namespace {

class IniParser {
  public:
    explicit IniParser(const ais_host&) {}

    ais_status parse(std::string_view, ais::Bytes text, ais::TreeSink& sink) {
        return ais::config_ini::parse_text(text, sink);
    }
};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<IniParser>("config_ini", "1.0.0");
