// SPDX-License-Identifier: BSD-3-Clause

#include "wire.hpp"

#include "include/saClm.h"

#include <gtest/gtest.h>

#include <string>

namespace ais::clm {
namespace {

static_assert(static_cast<int>(Change::joined) == SA_CLM_NODE_JOINED);
static_assert(static_cast<int>(Change::left) == SA_CLM_NODE_LEFT);
static_assert(static_cast<int>(Change::reconfigured) == SA_CLM_NODE_RECONFIGURED);
static_assert(address_max == SA_CLM_MAX_ADDRESS_LENGTH && name_max == SA_MAX_NAME_LENGTH);
static_assert(TrackRequest::current == SA_TRACK_CURRENT &&
              TrackRequest::changes == SA_TRACK_CHANGES &&
              TrackRequest::changes_only == SA_TRACK_CHANGES_ONLY &&
              TrackRequest::local == SA_TRACK_LOCAL &&
              TrackRequest::start_step == SA_TRACK_START_STEP &&
              TrackRequest::validate_step == SA_TRACK_VALIDATE_STEP);

Facts facts_of(std::uint32_t node) {
    return {node, 2, "fe80::1", std::string("n\0me", 4), "ee", 1234567890123456789};
}

std::string bytes_of(const Facts& facts) {
    Appender out;
    facts.encode(out);
    return out.take();
}

bool decodes(const std::string& bytes) {
    Reader in(as_bytes(bytes));
    Facts facts;
    return Facts::decode(in, facts) && in.finished();
}

TEST(Wire, facts_come_back_as_they_were_sent) {
    const std::string bytes = bytes_of(facts_of(3));
    Reader in(as_bytes(bytes));
    Facts back;
    ASSERT_TRUE(Facts::decode(in, back));
    EXPECT_TRUE(in.finished());
    EXPECT_EQ(back, facts_of(3));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        EXPECT_FALSE(decodes(bytes.substr(0, cut))) << cut;
    }
}

TEST(Wire, facts_beyond_the_structures_of_the_standard_are_refused) {
    Facts facts = facts_of(0);
    EXPECT_FALSE(decodes(bytes_of(facts)));
    facts = facts_of(1);
    facts.family = 3;
    EXPECT_FALSE(decodes(bytes_of(facts)));
    facts = facts_of(1);
    facts.address = std::string(65, 'a');
    EXPECT_FALSE(decodes(bytes_of(facts)));
    facts.address = std::string(64, 'a');
    EXPECT_TRUE(decodes(bytes_of(facts)));
    facts.name = std::string(257, 'n');
    EXPECT_FALSE(decodes(bytes_of(facts)));
    facts.name = std::string(256, 'n');
    EXPECT_TRUE(decodes(bytes_of(facts)));
    facts.environment = std::string(257, 'n');
    EXPECT_FALSE(decodes(bytes_of(facts)));
}

TEST(Wire, view_comes_back_as_it_was_sent_and_no_other_change_is_believed) {
    ViewReport view{7, 2, {{Change::none, {facts_of(1), 1}}, {Change::left, {facts_of(2), 5}}}};
    Appender out;
    view.encode(out);
    Reader in(out.written());
    ViewReport back;
    EXPECT_TRUE(ViewReport::decode(in, back));
    EXPECT_EQ(back, view);
    view.items[0].change = static_cast<Change>(7);
    Appender bad;
    view.encode(bad);
    Reader of_bad(bad.written());
    EXPECT_FALSE(ViewReport::decode(of_bad, back));
}

TEST(Wire, view_that_promises_more_than_it_has_costs_no_memory) {
    Appender out;
    out.u64(1);
    out.u32(1);
    out.u32(0xffffffff);
    Reader in(out.written());
    ViewReport back;
    EXPECT_FALSE(ViewReport::decode(in, back));
}

TEST(Wire, track_request_with_other_flags_or_answers_is_refused) {
    const auto is_good = [](std::uint32_t flags, std::uint32_t answer) {
        Appender out;
        TrackRequest{flags, static_cast<Answer>(answer), 3, 4}.encode(out);
        TrackRequest back;
        return TrackRequest::decode(out.written(), back) && back.flags == flags &&
               back.capacity == 3 && back.epoch == 4;
    };
    EXPECT_TRUE(is_good(TrackRequest::current | TrackRequest::changes, 1));
    EXPECT_TRUE(is_good(TrackRequest::changes_only | TrackRequest::local, 0));
    EXPECT_FALSE(is_good(TrackRequest::changes | TrackRequest::changes_only, 0));
    EXPECT_FALSE(is_good(0x40, 0));
    EXPECT_FALSE(is_good(TrackRequest::current, 3));
}

}  // namespace
}  // namespace ais::clm
