// SPDX-License-Identifier: BSD-3-Clause
//
// The port to a parser plugin (plugin/guard implements it on ais.config.parser/1).

#pragma once

#include <ais/abi/parser.h>
#include <ais/bytes.hpp>

#include <string>
#include <string_view>

namespace ais::config {

class Parser {
  public:
    virtual ~Parser() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    // AIS_PARSER_… flags.
    [[nodiscard]] virtual std::uint32_t flags() const = 0;
    [[nodiscard]] virtual ais_status parse(const std::string& source,
                                           Bytes text,
                                           const ais_parser_sink& sink) = 0;
};

}  // namespace ais::config
