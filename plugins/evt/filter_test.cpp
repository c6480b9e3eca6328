// SPDX-License-Identifier: BSD-3-Clause

#include "filter.hpp"

#include <gtest/gtest.h>

namespace ais::evt {
namespace {

using Patterns = std::vector<std::string_view>;
using Filters = std::vector<Filter>;

bool match(const Filters& filters, const Patterns& patterns) {
    return matches(filters, patterns);
}

TEST(Filter, exact_wants_the_same_bytes_and_no_more) {
    const Filters ab{{FilterType::exact, "ab"}};
    EXPECT_TRUE(match(ab, {"ab"}));
    EXPECT_TRUE(match(ab, {"ab", "x"})) << "patterns beyond the filters are not looked at";
    EXPECT_FALSE(match(ab, {"abc"}));
    EXPECT_FALSE(match(ab, {"a"}));
    EXPECT_FALSE(match(ab, {}));
}

TEST(Filter, prefix_and_suffix_look_at_their_own_patterns) {
    const Filters both{{FilterType::prefix, "a"}, {FilterType::suffix, "z"}};
    EXPECT_TRUE(match(both, {"abc", "xyz"}));
    EXPECT_FALSE(match(both, {"abc"}));
    EXPECT_FALSE(match(both, {"abc", "zx"}));
    EXPECT_FALSE(match(both, {"", "z"}));
}

TEST(Filter, takes_a_pattern_that_is_not_there_for_an_empty_one) {
    EXPECT_TRUE(match({{FilterType::pass_all, ""}, {FilterType::pass_all, ""}}, {"q"}));
    EXPECT_TRUE(
        match({{FilterType::exact, ""}, {FilterType::prefix, ""}, {FilterType::suffix, ""}}, {}));
    EXPECT_FALSE(match({{FilterType::pass_all, ""}, {FilterType::exact, "x"}}, {"q"}));
}

TEST(Filter, lets_everything_through_without_filters) {
    EXPECT_TRUE(match({}, {"a", "b"}));
    EXPECT_TRUE(match({}, {}));
}

TEST(Filter, compares_bytes_behind_a_zero) {
    const std::string wanted("\x01\x00\x02", 3);
    const std::string other("\x01\x00\x03", 3);
    EXPECT_TRUE(match({{FilterType::exact, wanted}}, {wanted}));
    EXPECT_FALSE(match({{FilterType::exact, wanted}}, {other}));
    EXPECT_FALSE(match({{FilterType::suffix, wanted}}, {other}));
}

TEST(Filter, is_decoded_within_its_limits) {
    const auto encoded = [](std::uint32_t count, std::uint32_t type, std::size_t size) {
        Appender out;
        out.u32(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            out.u32(type);
            out.text(std::string(size, 'x'));
        }
        return out.take();
    };
    const auto decodes = [](const std::string& bytes) {
        Reader in(as_bytes(bytes));
        Filters filters;
        return decode_filters(in, filters);
    };
    EXPECT_TRUE(decodes(encoded(0, 0, 0)));
    EXPECT_TRUE(decodes(encoded(patterns_max, 4, 1)));
    EXPECT_FALSE(decodes(encoded(patterns_max + 1, 4, 1)));
    EXPECT_TRUE(decodes(encoded(1, 1, pattern_size_max)));
    EXPECT_FALSE(decodes(encoded(1, 1, pattern_size_max + 1)));
    EXPECT_FALSE(decodes(encoded(1, 0, 1)));
    EXPECT_FALSE(decodes(encoded(1, 5, 1)));
    EXPECT_FALSE(decodes(encoded(2, 1, 1) + "x"));
    EXPECT_FALSE(decodes(encoded(2, 1, 1).substr(0, 12)));
}

}  // namespace
}  // namespace ais::evt
