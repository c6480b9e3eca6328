// SPDX-License-Identifier: BSD-3-Clause
//
// Parsers that fail, one for each BAD_PARSER_…: with an error of their own, silently, by an
// exception, by saying that all is well with a section left open, and already in its constructor.

#include <ais/parser.hpp>

#include <stdexcept>

namespace {

class BadParser {
  public:
    explicit BadParser(const ais_host&) {
#if defined(BAD_PARSER_UNLOADABLE)
        throw std::runtime_error("no moon to stand on");
#endif
    }
    ais_status parse(std::string_view, ais::Bytes, [[maybe_unused]] ais::TreeSink& sink) {
#if defined(BAD_PARSER_SAYS)
        sink.error(3, "no line of mine");
        return sink.status();
#elif defined(BAD_PARSER_SILENT)
        return AIS_ERR_FAILED;
#elif defined(BAD_PARSER_THROWS)
        throw std::runtime_error("no more moons");
#else
        return sink.begin_section("totem", 1);
#endif
    }
};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<BadParser>(BAD_PARSER_NAME, "1.0");
