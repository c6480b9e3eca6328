// SPDX-License-Identifier: BSD-3-Clause
//
// samples/NAME.ini goes in; samples/NAME.txt is what the sink hears, one line per call.

#include "parser.hpp"

#include <ais/plugin.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

extern "C" const ais_plugin ais_plugin_config_ini;

namespace ais::config_ini {
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
    const auto outcome = parse(read(name + ".ini"));
    EXPECT_EQ(outcome.heard, read(name + ".txt"));
    const bool has_errors = outcome.heard.find(": error ") != std::string::npos;
    EXPECT_EQ(outcome.status, has_errors ? AIS_ERR_CORRUPT : AIS_OK);
}

INSTANTIATE_TEST_SUITE_P(Ini,
                         Sample,
                         ::testing::Values("nested", "mistakes", "bad_headers"),
                         [](const auto& one) { return std::string(one.param); });

TEST(Ini, takes_an_empty_file) {
    EXPECT_EQ(parse("").status, AIS_OK);
    EXPECT_EQ(parse("\n\n; only this\n# and this").heard, "");
}

TEST(Ini, takes_the_line_ends_of_other_systems_and_a_byte_order_mark) {
    const auto outcome = parse("\xef\xbb\xbf[totem]\r\n\ttoken = 400\r\n");
    EXPECT_EQ(outcome.status, AIS_OK);
    EXPECT_EQ(outcome.heard, "1: begin totem\n2: key token=400\n1: end\n");
}

TEST(Ini, tells_sections_without_keys) {
    EXPECT_EQ(parse("[a]\n[b]\n[b]\n").heard,
              "1: begin a\n1: end\n2: begin b\n2: end\n3: begin b\n3: end\n");
}

TEST(Ini, does_not_take_an_indented_key_for_more_of_a_value) {
    EXPECT_EQ(parse("[a]\n  b = 1\n    c = 2\n").heard,
              "1: begin a\n2: key b=1\n3: key c=2\n1: end\n");
}

TEST(Ini, puts_a_child_into_the_last_parent_of_its_name) {
    EXPECT_EQ(parse("[a.x]\nk=1\n[b]\n[a.x]\n[a.x.y]\n").heard,
              "1: begin a\n1: begin x\n2: key k=1\n1: end\n4: begin x\n5: begin y\n5: end\n4: "
              "end\n1: end\n"
              "3: begin b\n3: end\n");
}

TEST(Ini, finds_a_parent_by_its_label) {
    EXPECT_EQ(parse("[a.x:1]\n[a.x:2]\n[a.x:1.y]\n").heard,
              "1: begin a\n1: begin x\n3: begin y\n3: end\n1: end\n2: begin x\n2: end\n1: end\n");
    EXPECT_EQ(parse("[a.x:1]\n[a.x:3.y]\n").heard,
              "2: error there is no section x with the label \"3\" before it\n");
}

TEST(Ini, names_a_header_that_inih_does_not_take) {
    // inih ends the header at the comment.
    EXPECT_EQ(parse("[a]\n\n[b ;c]\nd = e\n").heard,
              "3: error the header of a section needs a \"]\"\n");
}

TEST(Ini, takes_keys_before_the_first_section) {
    EXPECT_EQ(parse("a = b\n").heard, "1: key a=b\n");
}

TEST(Ini, keeps_colons_of_addresses) {
    EXPECT_EQ(parse("mcastaddr = ff05::1\nbindnetaddr: fe80::1\n").heard,
              "1: key mcastaddr=ff05::1\n2: key bindnetaddr=fe80::1\n");
}

TEST(Ini, names_the_line_of_a_nul_byte_and_of_a_control_character) {
    EXPECT_EQ(parse(std::string_view("a=b\nc=d\0e\n", 10)).heard,
              "2: error there is a NUL byte in the line; is this a text file?\n");
    EXPECT_EQ(parse("a=\x1b[2J\n").heard, "1: error there is a control character in the line\n");
    EXPECT_EQ(parse("\x01=5\n").heard, "1: error there is a control character in the line\n");
}

TEST(Ini, refuses_what_inih_would_cut_in_silence) {
    EXPECT_EQ(parse("a=" + std::string(196, 'x') + "\n").status, AIS_OK);
    EXPECT_EQ(parse("a=" + std::string(197, 'x') + "\nb=c\n").heard,
              "1: error the line has 199 bytes; at most 198 are allowed\n");
    EXPECT_EQ(parse("[" + std::string(48, 's') + "]\n").status, AIS_OK);
    EXPECT_EQ(parse("[" + std::string(49, 's') + "]\n").heard,
              "1: error the name of the section is longer than 48 bytes\n");
    EXPECT_EQ(parse("[" + std::string(150, 's') + "]\n").status, AIS_ERR_CORRUPT);
    EXPECT_EQ(parse("; " + std::string(5000, 'x') + "\n").status, AIS_OK);
}

TEST(Ini, bounds_everything) {
    EXPECT_EQ(parse(std::string(text_max + 1, '\n')).status, AIS_ERR_TOO_BIG);
    EXPECT_EQ(parse("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]\n").status, AIS_OK);
    EXPECT_EQ(parse("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]\n").heard,
              "1: error sections are nested deeper than 16\n");
    std::string sections;
    for (std::size_t i = 0; i <= sections_max; ++i) {
        sections += "[a]\n";
    }
    EXPECT_EQ(parse(sections).heard, "4097: error more than 4096 sections\n");
    std::string keys;
    for (std::size_t i = 0; i <= keys_max; ++i) {
        keys += "a=b\n";
    }
    EXPECT_EQ(parse(keys).heard, "65537: error more than 65536 keys\n");
    std::string rubbish;
    for (int i = 0; i < 100; ++i) {
        rubbish += "rubbish\n";
    }
    EXPECT_THAT(parse(rubbish).heard,
                HasSubstr("20: error too many errors; the rest of the file was not read\n"));
}

TEST(Ini, stops_when_the_sink_refuses) {
    for (int i = 0; i < 4; ++i) {
        Listener listener(i);
        TreeSink sink(listener.sink());
        EXPECT_EQ(parse_text(as_bytes("x=y\n[a]\nb=c\n[d]\n"), sink), AIS_ERR_TOO_BIG) << i;
        EXPECT_EQ(listener.heard().find("begin d"), std::string::npos);
    }
}

TEST(Ini, every_prefix_of_a_file_ends_without_harm) {
    const auto text = read("nested.ini");
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto outcome = parse(std::string_view(text).substr(0, size));
        const bool has_errors = outcome.heard.find(": error ") != std::string::npos;
        EXPECT_EQ(outcome.status, has_errors ? AIS_ERR_CORRUPT : AIS_OK) << size;
    }
}

TEST(Ini, is_offered_by_the_plugin) {
    const auto& plugin = ais_plugin_config_ini;
    EXPECT_STREQ(plugin.name, "config_ini");
    EXPECT_EQ(plugin.needs, nullptr);
    ASSERT_STREQ(plugin.offers[0].id, AIS_PARSER_INTERFACE);
    EXPECT_EQ(plugin.offers[1].id, nullptr);
    ais_host host{};
    void* self = nullptr;
    ASSERT_EQ(plugin.load(&host, &self), AIS_OK);
    const auto& table = *static_cast<const ais_parser_v1*>(plugin.offers[0].table);
    EXPECT_EQ(table.flags, 0U);
    Listener listener;
    EXPECT_EQ(table.parse(self, "f", to_abi(std::string_view("a = b")), &listener.sink()), AIS_OK);
    EXPECT_EQ(listener.heard(), "1: key a=b\n");
    plugin.unload(self);
}

}  // namespace
}  // namespace ais::config_ini
