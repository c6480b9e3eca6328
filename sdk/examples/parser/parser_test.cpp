// SPDX-License-Identifier: BSD-3-Clause

#include <ais/abi/parser.h>
#include <ais/testing/fake_host.hpp>

#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_config_flat;

namespace {

// What the parser told, as one line of text.
struct Told {
    std::string text;
    static std::string& of(void* context) { return static_cast<Told*>(context)->text; }
    ais_parser_sink sink() {
        return {sizeof(ais_parser_sink),
                0,
                this,
                [](void* c, ais_bytes name, std::uint32_t) {
                    of(c) += std::string(ais::as_text(name)) + "{";
                    return AIS_OK;
                },
                [](void* c, std::uint32_t) {
                    of(c) += "}";
                    return AIS_OK;
                },
                [](void* c, ais_bytes name, ais_bytes value, std::uint32_t line) {
                    of(c) += std::string(ais::as_text(name)) + "=" +
                             std::string(ais::as_text(value)) + "@" + std::to_string(line) + " ";
                    return AIS_OK;
                },
                [](void* c, std::uint32_t line, ais_bytes what) {
                    of(c)
                        .append("!")
                        .append(std::to_string(line))
                        .append(":")
                        .append(ais::as_text(what))
                        .append(" ");
                },
                [](void*, std::uint32_t, ais_bytes) {}};
    }
};

std::string parse(std::string_view text) {
    ais::FakeBus bus;
    auto& host = bus.add(1, ais_plugin_config_flat);
    const auto parser = host.offer<ais_parser_v1>(AIS_PARSER_INTERFACE);
    Told told;
    const auto sink = told.sink();
    const auto status = parser.parse(host.self(), "test", ais::to_abi(text), &sink);
    return std::to_string(status) + " " + told.text;
}

TEST(FlatParser, builds_sections_from_paths) {
    EXPECT_EQ(parse("# comment\n\ntotem.version = 2\r\n"
                    "totem.interface[0].bindnetaddr=10.0.0.1\ntotem.interface[0].mcastport = 5405\n"
                    "totem.interface[1].bindnetaddr = 10.1.0.1\nlogging.to_stderr = a = b"),
              "0 totem{version=2@3 interface{bindnetaddr=10.0.0.1@4 mcastport=5405@5 }"
              "interface{bindnetaddr=10.1.0.1@6 }}logging{to_stderr=a = b@7 }");
    EXPECT_EQ(parse(""), "0 ");
    EXPECT_EQ(parse("top = level"), "0 top=level@1 ");
}

TEST(FlatParser, names_every_line_that_is_wrong) {
    EXPECT_EQ(parse("nonsense\na..b = 1\na.b! = 1\na[x].b = 1\ngood.key = 1\n"),
              "8 !1:no '=' in this line; write \"section.key = value\" "
              "!2:'' is no section; names have letters, digits, _ and - "
              "!3:'b!' is no key; names have letters, digits, _ and - "
              "!4:'a[x]' is no section; names have letters, digits, _ and - good{key=1@5 }");
}

TEST(FlatParser, survives_text_that_is_none) {
    const std::string nul("a.b = 1\0\n\0\xff\n=\n.\n[\n[]=", 22);
    EXPECT_EQ(parse(nul).front(), '8');
    for (std::size_t size = 0; size < nul.size(); ++size) {
        parse(std::string_view(nul).substr(0, size));
    }
}

}  // namespace
