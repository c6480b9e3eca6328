// SPDX-License-Identifier: BSD-3-Clause

#include "config/tree.hpp"

#include <gtest/gtest.h>

namespace ais::config {
namespace {

Tree two_interfaces() {
    Tree tree("t.conf");
    auto& totem = tree.root().child("totem");
    totem.line = 1;
    totem.set("token", "0x10", 2);
    totem.set("token", "500", 3);
    totem.set("secauth", "on", 4);
    for (std::uint32_t i = 0; i < 2; ++i) {
        totem.sections.push_back({"interface", 10 + i, {}, {}});
        totem.sections.back().set("bindnetaddr", i == 0 ? "10.0.0.0" : "10.1.0.0", 20 + i);
    }
    return tree;
}

TEST(Tree, finds_values_by_path_with_and_without_index) {
    const auto tree = two_interfaces();
    EXPECT_EQ(tree.text("totem.interface.bindnetaddr"), "10.0.0.0");
    EXPECT_EQ(tree.text("totem.interface[0].bindnetaddr"), "10.0.0.0");
    EXPECT_EQ(tree.text("totem[0].interface[1].bindnetaddr"), "10.1.0.0");
    EXPECT_EQ(tree.text("totem.interface[2].bindnetaddr"), std::nullopt);
    EXPECT_EQ(tree.text("totem.nothing"), std::nullopt);
}

TEST(Tree, lets_a_later_key_override_an_earlier_one) {
    EXPECT_EQ(two_interfaces().number("totem.token"), 500);
    EXPECT_EQ(two_interfaces().line_of("totem.token"), 3U);
}

TEST(Tree, gives_truth_values_as_numbers) {
    EXPECT_EQ(two_interfaces().number("totem.secauth"), 1);
    EXPECT_EQ(two_interfaces().number("totem.interface.bindnetaddr"), std::nullopt);
}

TEST(Tree, counts_sections_and_knows_their_lines) {
    const auto tree = two_interfaces();
    EXPECT_EQ(tree.count("totem"), 1U);
    EXPECT_EQ(tree.count("totem.interface"), 2U);
    EXPECT_EQ(tree.count("totem.interface[1]"), 1U);
    EXPECT_EQ(tree.count("totem.interface[2]"), 0U);
    EXPECT_EQ(tree.count("logging.logger"), 0U);
    EXPECT_EQ(tree.line_of("totem.interface[1]"), 11U);
    EXPECT_EQ(tree.line_of("nothing.here"), 0U);
}

TEST(Tree, finds_nothing_by_a_malformed_path) {
    const auto tree = two_interfaces();
    for (const auto* path : {"",
                             ".",
                             "totem.",
                             "totem..interface",
                             "totem[",
                             "totem[x].token",
                             "totem[].token",
                             "totem[99999999999].token",
                             "totem[0]x.token",
                             "[0].token",
                             "totem[-1].token"}) {
        EXPECT_EQ(tree.text(path), std::nullopt) << path;
        EXPECT_EQ(tree.count(path), 0U) << path;
        EXPECT_EQ(tree.line_of(path), 0U) << path;
    }
}

TEST(Number, takes_decimal_and_hexadecimal_and_nothing_around_them) {
    EXPECT_EQ(parse_number("0"), 0);
    EXPECT_EQ(parse_number("-12"), -12);
    EXPECT_EQ(parse_number("0xFF"), 255);
    EXPECT_EQ(parse_number("9223372036854775807"), INT64_MAX);
    for (const auto* text :
         {"", "-", "--1", "+1", "0x", "0x-1", "12x", " 1", "1 ", "1.5", "9223372036854775808"}) {
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace ais::config
