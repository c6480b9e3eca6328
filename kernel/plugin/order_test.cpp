// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/order.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::HasSubstr;

Manifest plugin(std::string name, std::vector<std::string> needs, std::vector<std::string> offers) {
    Manifest manifest;
    manifest.name = std::move(name);
    manifest.needs = std::move(needs);
    manifest.offers = std::move(offers);
    return manifest;
}

constexpr std::string_view host[] = {"ais.group/1", "ais.ipc/1"};

std::string order(const std::vector<Manifest>& plugins) {
    const auto result = load_order(plugins, host);
    if (!result) {
        return result.error().text;
    }
    std::string names;
    for (const auto at : *result) {
        names += plugins[at].name + " ";
    }
    return names;
}

TEST(Order, goes_by_name_among_equals) {
    EXPECT_EQ(order({plugin("c", {"ais.group/1"}, {}), plugin("a", {}, {}), plugin("b", {}, {})}),
              "a b c ");
    EXPECT_EQ(order({}), "");
}

TEST(Order, puts_who_offers_before_who_needs) {
    EXPECT_EQ(order({plugin("a", {"x.y/1"}, {}), plugin("m", {}, {}), plugin("z", {}, {"x.y/1"})}),
              "m z a ");
    // All that offer it come before.
    EXPECT_EQ(
        order({plugin("a", {"x.y/1"}, {}), plugin("y", {}, {"x.y/1"}), plugin("z", {}, {"x.y/1"})}),
        "y z a ");
}

TEST(Order, is_the_same_whatever_the_order_of_the_list) {
    std::vector<Manifest> plugins = {plugin("a", {"p.one/1"}, {"p.two/1"}),
                                     plugin("b", {}, {"p.one/1"}),
                                     plugin("c", {"p.two/1", "ais.ipc/1"}, {}),
                                     plugin("d", {"p.one/1"}, {}),
                                     plugin("e", {}, {})};
    const std::string expected = order(plugins);
    EXPECT_EQ(expected, "b a c d e ");
    std::vector<std::size_t> at = {0, 1, 2, 3, 4};
    while (std::next_permutation(at.begin(), at.end())) {
        std::vector<Manifest> shuffled;
        for (const auto i : at) {
            shuffled.push_back(plugins[i]);
        }
        EXPECT_EQ(order(shuffled), expected);
    }
}

TEST(Order, names_a_missing_need_and_who_has_it) {
    EXPECT_EQ(
        order({plugin("a", {"x.y/2"}, {}), plugin("z", {}, {"x.y/1"})}),
        "plugin 'a' needs x.y/2, which neither this kernel nor one of the chosen plugins offers");
}

TEST(Order, names_a_cycle_link_by_link) {
    EXPECT_EQ(
        order({plugin("a", {"p.b/1"}, {"p.a/1"}),
               plugin("b", {"p.c/1"}, {"p.b/1"}),
               plugin("c", {"p.a/1"}, {"p.c/1"}),
               plugin("x", {"p.a/1"}, {})}),
        "plugins need each other in a circle: a needs p.b/1 of b, b needs p.c/1 of c, c needs "
        "p.a/1 of a");
    // The tail that leads into it is not named.
    EXPECT_THAT(order({plugin("a", {"p.b/1"}, {}),
                       plugin("b", {"p.c/1"}, {"p.b/1"}),
                       plugin("c", {"p.b/1"}, {"p.c/1"})}),
                HasSubstr("circle: b needs p.c/1 of c, c needs p.b/1 of b"));
    EXPECT_THAT(order({plugin("a", {"p.a/1"}, {"p.a/1"})}), HasSubstr("a needs p.a/1 of a"));
}

}  // namespace
}  // namespace ais::plugin
