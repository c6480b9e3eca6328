// SPDX-License-Identifier: BSD-3-Clause
//
// samples/NAME.conf goes in; samples/NAME.txt is what the sink hears, one line per call.

#include "parser.hpp"

#include <ais/plugin.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

extern "C" const ais_plugin ais_plugin_config_openais;

namespace ais::config_openais {
namespace {

using ::testing::HasSubstr;

// Writes down what it hears; refuses from call `refuse_at` on.
class Listener {
  public:
    explicit Listener(int refuse_at = -1) : refuse_at_(refuse_at) {
        sink_ = {sizeof(ais_parser_sink), 0, this, begin, end, key, error, warning};
    }
    [[nodiscard]] const ais_parser_sink& sink() const { return sink_; }
    [[nodiscard]] std::string heard() const { return heard_; }

  private:
    static Listener& of(void* context) { return *static_cast<Listener*>(context); }
    static ais_status begin(void* c, ais_bytes name, std::uint32_t line) {
        return of(c).note(line, "begin", std::string(as_text(name)));
    }
    static ais_status end(void* c, std::uint32_t line) { return of(c).note(line, "end", ""); }
    static ais_status key(void* c, ais_bytes name, ais_bytes value, std::uint32_t line) {
        return of(c).note(
            line, "key", std::string(as_text(name)) + "=" + std::string(as_text(value)));
    }
    static void error(void* c, std::uint32_t line, ais_bytes what) {
        of(c).note(line, "error", std::string(as_text(what)));
    }
    static void warning(void* c, std::uint32_t line, ais_bytes what) {
        of(c).note(line, "warning", std::string(as_text(what)));
    }
    ais_status note(std::uint32_t line, const char* call, const std::string& text) {
        heard_ += std::to_string(line) + ": " + call + (text.empty() ? "" : " " + text) + "\n";
        return refuse_at_ >= 0 && calls_++ >= refuse_at_ ? AIS_ERR_TOO_BIG : AIS_OK;
    }

    int refuse_at_;
    int calls_ = 0;
    std::string heard_;
    ais_parser_sink sink_{};
};

struct Outcome {
    ais_status status;
    std::string heard;
};

Outcome parse(std::string_view text) {
    Listener listener;
    TreeSink sink(listener.sink());
    const auto status = parse_text(as_bytes(text), sink);
    return {status, listener.heard()};
}

std::string read(const std::string& name) {
    std::ifstream file(std::string(AIS_SAMPLES) + "/" + name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    std::stringstream buffer;
    buffer << file.rdbuf();
    return buffer.str();
}

class Sample : public ::testing::TestWithParam<const char*> {};

TEST_P(Sample, is_heard_as_written_down) {
    const std::string name = GetParam();
    const auto outcome = parse(read(name + ".conf"));
    EXPECT_EQ(outcome.heard, read(name + ".txt"));
    const bool has_errors = outcome.heard.find(": error ") != std::string::npos;
    EXPECT_EQ(outcome.status, has_errors ? AIS_ERR_CORRUPT : AIS_OK);
}

INSTANTIATE_TEST_SUITE_P(OpenaisConf,
                         Sample,
                         ::testing::Values("nested", "mistakes", "missing_brace", "lost_brace"),
                         [](const auto& one) { return std::string(one.param); });

TEST(OpenaisConf, takes_an_empty_file) {
    EXPECT_EQ(parse("").status, AIS_OK);
    EXPECT_EQ(parse("\n\n# only this").heard, "");
}

TEST(OpenaisConf, takes_the_line_ends_of_other_systems_and_a_byte_order_mark) {
    const auto outcome = parse("\xef\xbb\xbftotem {\r\n\ttoken: 400\r\n}\r\n");
    EXPECT_EQ(outcome.status, AIS_OK);
    EXPECT_EQ(outcome.heard, "1: begin totem\n2: key token=400\n3: end\n");
}

TEST(OpenaisConf, needs_no_newline_at_the_end) {
    EXPECT_EQ(parse("a: b").heard, "1: key a=b\n");
}

TEST(OpenaisConf, keeps_colons_and_braces_of_a_value) {
    EXPECT_EQ(parse("mcastaddr: ff05::1\nx: a{b}c\ny: {z\n").heard,
              "1: key mcastaddr=ff05::1\n2: key x=a{b}c\n3: key y={z\n");
}

TEST(OpenaisConf, names_the_line_of_a_nul_byte) {
    const auto outcome = parse(std::string_view("a: b\nc: d\0e\n", 12));
    EXPECT_EQ(outcome.status, AIS_ERR_CORRUPT);
    EXPECT_EQ(outcome.heard,
              "1: key a=b\n2: error there is a NUL byte in the line; is this a text file?\n");
}

TEST(OpenaisConf, names_a_control_character) {
    EXPECT_EQ(parse("a: \x1b[2J\n").heard,
              "1: error there is a control character in the value of a\n");
    EXPECT_EQ(parse("a: b\rc: d\n").heard,
              "1: error there is a control character in the value of a\n");
}

TEST(OpenaisConf, refuses_long_lines_and_names) {
    EXPECT_EQ(parse("a: " + std::string(5000, 'x') + "\nb: c\n").heard,
              "1: error the line has 5003 bytes; at most 4096 are allowed\n2: key b=c\n");
    EXPECT_EQ(
        parse(std::string(65, 'n') + ": x\n").heard,
        "1: error \"" + std::string(40, 'n') +
            "…\" is no name; a name has letters, digits, \"_\" and \"-\", at most 64 of them\n");
    EXPECT_EQ(parse("# " + std::string(5000, 'x') + "\n").status, AIS_OK);
}

TEST(OpenaisConf, refuses_a_file_above_the_limit) {
    const auto outcome = parse(std::string(text_max + 1, '\n'));
    EXPECT_EQ(outcome.status, AIS_ERR_TOO_BIG);
    EXPECT_EQ(outcome.heard, "0: error the file has 1048577 bytes; at most 1048576 are allowed\n");
}

TEST(OpenaisConf, refuses_to_nest_deeper_than_16) {
    std::string text;
    std::string heard;
    for (int i = 1; i <= 17; ++i) {
        text += "s {\n";
    }
    for (int i = 1; i <= 17; ++i) {
        text += "}\n";
    }
    const auto outcome = parse(text);
    EXPECT_EQ(outcome.status, AIS_ERR_CORRUPT);
    EXPECT_THAT(outcome.heard,
                HasSubstr("16: begin s\n17: error sections are nested deeper than 16\n19: end\n"));
    std::string bomb;
    for (int i = 0; i < 100000; ++i) {
        bomb += "s {\n";
    }
    EXPECT_EQ(parse(bomb).status, AIS_ERR_CORRUPT);
}

TEST(OpenaisConf, stops_after_twenty_errors) {
    std::string text;
    for (int i = 0; i < 100; ++i) {
        text += "rubbish\n";
    }
    const auto heard = parse(text).heard;
    EXPECT_THAT(heard, HasSubstr("20: error too many errors; the rest of the file was not read\n"));
    EXPECT_EQ(heard.find("21: "), std::string::npos);
}

TEST(OpenaisConf, stops_when_the_sink_refuses) {
    for (int i = 0; i < 3; ++i) {
        Listener listener(i);
        TreeSink sink(listener.sink());
        EXPECT_EQ(parse_text(as_bytes("a {\nb: c\n}\nd: e\n"), sink), AIS_ERR_TOO_BIG) << i;
        EXPECT_EQ(listener.heard().find("d=e"), std::string::npos);
    }
}

TEST(OpenaisConf, every_prefix_of_a_file_ends_without_harm) {
    const auto text = read("nested.conf");
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto outcome = parse(std::string_view(text).substr(0, size));
        const bool has_errors = outcome.heard.find(": error ") != std::string::npos;
        EXPECT_EQ(outcome.status, has_errors ? AIS_ERR_CORRUPT : AIS_OK) << size;
    }
}

TEST(OpenaisConf, is_offered_by_the_plugin) {
    const auto& plugin = ais_plugin_config_openais;
    EXPECT_STREQ(plugin.name, "config_openais");
    EXPECT_EQ(plugin.needs, nullptr);
    ASSERT_STREQ(plugin.offers[0].id, AIS_PARSER_INTERFACE);
    EXPECT_EQ(plugin.offers[1].id, nullptr);
    ais_host host{};
    void* self = nullptr;
    ASSERT_EQ(plugin.load(&host, &self), AIS_OK);
    const auto& table = *static_cast<const ais_parser_v1*>(plugin.offers[0].table);
    EXPECT_EQ(table.flags, 0U);
    Listener listener;
    EXPECT_EQ(table.parse(self, "f", to_abi(std::string_view("a: b")), &listener.sink()), AIS_OK);
    EXPECT_EQ(listener.heard(), "1: key a=b\n");
    plugin.unload(self);
}

}  // namespace
}  // namespace ais::config_openais
