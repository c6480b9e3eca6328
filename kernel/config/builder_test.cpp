// SPDX-License-Identifier: BSD-3-Clause

#include "config/builder.hpp"

#include <gtest/gtest.h>

namespace ais::config {
namespace {

ais_status begin(const ais_parser_sink& sink, std::string_view name, std::uint32_t line = 1) {
    return sink.begin_section(sink.context, to_abi(name), line);
}
ais_status end(const ais_parser_sink& sink, std::uint32_t line = 1) {
    return sink.end_section(sink.context, line);
}
ais_status key(const ais_parser_sink& sink,
               std::string_view name,
               std::string_view value,
               std::uint32_t line = 1) {
    return sink.key(sink.context, to_abi(name), to_abi(value), line);
}

TEST(TreeBuilder, builds_what_the_parser_says) {
    TreeBuilder builder("t.conf");
    const auto& sink = builder.sink();
    EXPECT_EQ(begin(sink, "totem", 1), AIS_OK);
    EXPECT_EQ(key(sink, "token", "500", 2), AIS_OK);
    EXPECT_EQ(begin(sink, "interface", 3), AIS_OK);
    EXPECT_EQ(end(sink, 4), AIS_OK);
    EXPECT_EQ(key(sink, "join", "", 5), AIS_OK);
    EXPECT_EQ(end(sink, 6), AIS_OK);
    Findings findings;
    const auto tree = builder.finish(AIS_OK, findings);
    ASSERT_TRUE(tree);
    EXPECT_TRUE(findings.empty());
    EXPECT_EQ(tree->source(), "t.conf");
    EXPECT_EQ(tree->text("totem.token"), "500");
    EXPECT_EQ(tree->text("totem.join"), "");
    EXPECT_EQ(tree->line_of("totem.interface"), 3U);
}

TEST(TreeBuilder, stays_failed_after_the_first_breach) {
    TreeBuilder builder("t.conf");
    const auto& sink = builder.sink();
    EXPECT_EQ(end(sink, 7), AIS_ERR_INVALID);
    EXPECT_EQ(key(sink, "a", "b", 8), AIS_ERR_INVALID);
    EXPECT_EQ(begin(sink, "a", 9), AIS_ERR_INVALID);
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_OK, findings));
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(to_string(findings[0], "t.conf"), "t.conf:7: a section ends here that never began");
}

TEST(TreeBuilder, refuses_names_that_no_path_could_find) {
    for (const auto* name : {"", "a.b", "a[0]", "a b", "a\x01", "\xc3\xa4"}) {
        TreeBuilder builder("t.conf");
        EXPECT_EQ(key(builder.sink(), name, "x"), AIS_ERR_INVALID) << name;
        Findings findings;
        EXPECT_FALSE(builder.finish(AIS_OK, findings));
    }
}

TEST(TreeBuilder, refuses_control_characters_in_values) {
    TreeBuilder builder("t.conf");
    EXPECT_EQ(key(builder.sink(), "a", std::string_view("x\0y", 3), 4), AIS_ERR_CORRUPT);
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_OK, findings));
    EXPECT_EQ(to_string(findings.at(0), "t.conf"),
              "t.conf:4: the value of \"a\" has control characters in it");
}

TEST(TreeBuilder, bounds_depth_names_values_and_entries) {
    Findings findings;
    {
        TreeBuilder builder("t.conf");
        for (std::size_t i = 0; i < depth_max; ++i) {
            ASSERT_EQ(begin(builder.sink(), "s"), AIS_OK);
        }
        EXPECT_EQ(begin(builder.sink(), "s", 17), AIS_ERR_TOO_BIG);
        EXPECT_FALSE(builder.finish(AIS_OK, findings));
        EXPECT_EQ(findings.at(0).text, "sections are nested deeper than 16");
    }
    {
        TreeBuilder builder("t.conf");
        EXPECT_EQ(key(builder.sink(), std::string(name_max, 'n'), std::string(value_max, 'v')),
                  AIS_OK);
        EXPECT_EQ(key(builder.sink(), std::string(name_max + 1, 'n'), "v"), AIS_ERR_TOO_BIG);
    }
    {
        TreeBuilder builder("t.conf");
        EXPECT_EQ(key(builder.sink(), "n", std::string(value_max + 1, 'v')), AIS_ERR_TOO_BIG);
    }
    {
        TreeBuilder builder("t.conf");
        for (std::size_t i = 0; i < entries_max; ++i) {
            ASSERT_EQ(key(builder.sink(), "n", "v"), AIS_OK);
        }
        EXPECT_EQ(key(builder.sink(), "n", "v"), AIS_ERR_TOO_BIG);
    }
}

TEST(TreeBuilder, lets_the_parser_go_on_after_an_error_but_gives_no_tree) {
    TreeBuilder builder("t.conf");
    const auto& sink = builder.sink();
    sink.error(sink.context, 3, to_abi(std::string_view("no colon\x1b[2J")));
    EXPECT_EQ(key(sink, "a", "b", 4), AIS_OK);
    sink.error(sink.context, 5, to_abi(std::string_view("no brace")));
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_ERR_CORRUPT, findings));
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(to_string(findings[0], "t.conf"), "t.conf:3: no colon\\x1b[2J");
    EXPECT_EQ(findings[1].line, 5U);
}

TEST(TreeBuilder, does_not_believe_a_parser_that_reports_an_error_and_success) {
    TreeBuilder builder("t.conf");
    builder.sink().error(builder.sink().context, 3, to_abi(std::string_view("x")));
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_OK, findings));
}

TEST(TreeBuilder, says_so_if_the_parser_fails_in_silence) {
    TreeBuilder builder("t.conf");
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_ERR_FAILED, findings));
    EXPECT_EQ(to_string(findings.at(0), "t.conf"),
              "t.conf: the parser failed with status 10 and did not say why");
}

TEST(TreeBuilder, names_the_section_that_the_parser_left_open) {
    TreeBuilder builder("t.conf");
    begin(builder.sink(), "totem", 4);
    Findings findings;
    EXPECT_FALSE(builder.finish(AIS_OK, findings));
    EXPECT_EQ(to_string(findings.at(0), "t.conf"),
              "t.conf:4: the parser did not end the section \"totem\" that begins here");
}

TEST(TreeBuilder, keeps_a_bounded_number_of_messages) {
    TreeBuilder builder("t.conf");
    for (int i = 0; i < 250; ++i) {
        builder.sink().warning(builder.sink().context, 1, to_abi(std::string_view("w")));
    }
    Findings findings;
    EXPECT_TRUE(builder.finish(AIS_OK, findings));
    EXPECT_EQ(findings.size(), findings_max + 1);
    EXPECT_EQ(findings.back().text, "150 more messages of the parser are not shown");
}

class OneKey final : public Parser {
  public:
    [[nodiscard]] std::string_view name() const override { return "one_key"; }
    [[nodiscard]] std::uint32_t flags() const override { return 0; }
    [[nodiscard]] ais_status parse(const std::string&,
                                   Bytes text,
                                   const ais_parser_sink& sink) override {
        return key(sink, "all", as_text(text));
    }
};

TEST(Parse, runs_a_parser_into_a_tree) {
    OneKey parser;
    Findings findings;
    const auto tree = parse(parser, "t.conf", as_bytes("hello"), findings);
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->text("all"), "hello");
}

TEST(InQuotes, shows_strange_bytes_and_cuts) {
    EXPECT_EQ(in_quotes(std::string_view("a\0\n", 3)), "\"a\\x00\\x0a\"");
    EXPECT_EQ(in_quotes(std::string(61, 'x')), '"' + std::string(60, 'x') + "…\"");
}

}  // namespace
}  // namespace ais::config
