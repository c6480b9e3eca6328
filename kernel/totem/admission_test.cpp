// SPDX-License-Identifier: BSD-3-Clause

#include "totem/admission.hpp"

#include <gtest/gtest.h>

namespace ais::totem {
namespace {

const Instant start{std::chrono::seconds(10)};
const Features usual{feature_hearing, 0};

TEST(Admission, has_nothing_against_equals) {
    const Admission ours(std::vector<Term>{{"cluster_name", "blue"}, {"message_max", "1048576"}});
    const Admission theirs(std::vector<Term>{{"message_max", "1048576"}, {"cluster_name", "blue"}});
    EXPECT_EQ(ours.objection(ours.terms(), usual), "");
    EXPECT_EQ(ours.objection(theirs.terms(), usual), "");
    EXPECT_EQ(ours.objection({}, usual), "");  // it says nothing
}

TEST(Admission, names_each_key_that_differs_and_both_values) {
    const Admission ours(
        std::vector<Term>{{"cluster_name", "blue"}, {"message_max", "1048576"}, {"netmtu", "1"}});
    const Admission theirs(
        std::vector<Term>{{"cluster_name", ""}, {"message_max", "65536"}, {"netmtu", "1"}});
    ASSERT_TRUE(decode_terms(theirs.terms()));
    EXPECT_EQ(ours.objection(theirs.terms(), usual),
              "cluster_name is 'blue' here and '' there; message_max is '1048576' here and '65536' "
              "there");
    EXPECT_EQ(theirs.objection(ours.terms(), usual),
              "cluster_name is '' here and 'blue' there; message_max is '65536' here and '1048576' "
              "there");
}

TEST(Admission, compares_what_is_too_long_to_be_shown) {
    const std::string value(100, 'x');
    const Admission ours(std::vector<Term>{{"cluster_name", value + "a"}});
    const Admission theirs(std::vector<Term>{{"cluster_name", value + "b"}});
    ASSERT_TRUE(decode_terms(theirs.terms()));
    EXPECT_NE(ours.objection(theirs.terms(), usual), "");
}

TEST(Admission, does_not_compare_what_only_one_side_has) {
    const Admission ours(std::vector<Term>{{"cluster_name", "blue"}, {"new_key", "1"}});
    const Admission theirs(std::vector<Term>{{"cluster_name", "blue"}});
    EXPECT_EQ(ours.objection(theirs.terms(), usual), "");
    EXPECT_EQ(theirs.objection(ours.terms(), usual), "");
}

TEST(Admission, asks_for_features_that_are_needed) {
    const Admission ours(std::vector<Term>{});
    EXPECT_EQ(ours.objection({}, Features{feature_hearing, std::uint64_t{1} << 40}),
              "it needs features that this node lacks (bits 1099511627776)");
    EXPECT_EQ(ours.objection({}, Features{~std::uint64_t{0}, 0}), "");
}

TEST(Admission, says_it_once_a_minute_or_for_a_new_reason) {
    Admission ours(std::vector<Term>{});
    EXPECT_TRUE(ours.refuse(NodeId(2), "a", start));
    EXPECT_FALSE(ours.refuse(NodeId(2), "a", start + std::chrono::seconds(59)));
    EXPECT_TRUE(ours.refuse(NodeId(3), "a", start));
    EXPECT_TRUE(ours.refuse(NodeId(2), "b", start + std::chrono::seconds(59)));
    EXPECT_TRUE(ours.refuse(NodeId(2), "b", start + std::chrono::seconds(120)));
    EXPECT_TRUE(ours.is_refused(NodeId(2)));
    ours.admit(NodeId(2));
    EXPECT_FALSE(ours.is_refused(NodeId(2)));
    for (ais_node_id id = 1; id < 1000; ++id) {
        EXPECT_EQ(ours.refuse(NodeId(id), "c", start + std::chrono::seconds(130)), true);
    }
}

TEST(Admission, refuses_terms_that_break_a_rule) {
    const auto accepts = [](const std::vector<std::uint8_t>& contents) {
        return decode_terms(contents);
    };
    EXPECT_TRUE(accepts({0}));
    EXPECT_TRUE(accepts({1, 1, 'a', 0, 1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_FALSE(accepts({}));
    EXPECT_FALSE(accepts({1}));
    EXPECT_FALSE(accepts({17}));
    EXPECT_FALSE(accepts({1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}));          // no name
    EXPECT_FALSE(accepts({1, 1, 'a', 64, 1, 2, 3, 4, 5, 6, 7, 8}));    // too long
    EXPECT_FALSE(accepts({1, 1, '\n', 0, 1, 2, 3, 4, 5, 6, 7, 8}));    // for a log
    EXPECT_FALSE(accepts({1, 1, 'a', 0, 1, 2, 3, 4, 5, 6, 7, 8, 0}));  // a byte too many
}

}  // namespace
}  // namespace ais::totem
