// SPDX-License-Identifier: BSD-3-Clause

#include "links/fault_log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ais::links {
namespace {

using namespace std::chrono_literals;

class Lines final : public Log {
  public:
    void write(Level level, std::string_view, std::string_view id, std::string_view text) override {
        all.push_back(std::string(id) + " " + std::string(text));
        levels.push_back(level);
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    std::vector<std::string> all;
    std::vector<Level> levels;
};

ais_crypto_fault fault_of(std::uint32_t cause, std::uint32_t sender = 2) {
    ais_crypto_fault fault{};
    fault.struct_size = sizeof fault;
    fault.cause = cause;
    fault.claimed_sender = sender;
    fault.key_id = 0x2a;
    fault.detail = 7;
    return fault;
}

const Instant zero{};

TEST(FaultLog, first_fault_of_an_address_is_told_at_once_and_in_full) {
    Lines lines;
    FaultLog faults(lines);
    faults.report(zero, "10.0.0.2:5405", fault_of(AIS_FAULT_KEY_ID));
    ASSERT_EQ(lines.all.size(), 1U);
    EXPECT_EQ(lines.all[0],
              "LINK-004 Invalid digest: datagram from 10.0.0.2:5405 (says it is node 2) dropped: "
              "sealed with key "
              "0000002a, which is not known here: the authkey files differ");
    EXPECT_EQ(lines.levels[0], Level::warning);
}

TEST(FaultLog, repeats_are_counted_and_summed_up_after_the_interval) {
    Lines lines;
    FaultLog faults(lines);
    for (int i = 0; i < 100; ++i) {
        faults.report(zero + i * 1ms, "10.0.0.2:5405", fault_of(AIS_FAULT_TAG));
    }
    EXPECT_EQ(lines.all.size(), 1U);
    faults.tick(zero + FaultLog::interval - 1ns);
    EXPECT_EQ(lines.all.size(), 1U);
    faults.tick(zero + FaultLog::interval);
    ASSERT_EQ(lines.all.size(), 2U);
    EXPECT_NE(lines.all[1].find("99 more datagrams from 10.0.0.2:5405"), std::string::npos)
        << lines.all[1];
    faults.tick(zero + 10 * FaultLog::interval);
    EXPECT_EQ(lines.all.size(), 2U);  // nothing was held back since
}

TEST(FaultLog, a_quiet_pair_that_comes_back_is_told_at_once_again) {
    Lines lines;
    FaultLog faults(lines);
    faults.report(zero, "a", fault_of(AIS_FAULT_TAG));
    faults.report(zero + 60s, "a", fault_of(AIS_FAULT_TAG));
    EXPECT_EQ(lines.all.size(), 2U);
    EXPECT_EQ(lines.all[0], lines.all[1]);
}

TEST(FaultLog, address_and_cause_are_limited_each_for_itself) {
    Lines lines;
    FaultLog faults(lines);
    faults.report(zero, "a", fault_of(AIS_FAULT_TAG));
    faults.report(zero, "a", fault_of(AIS_FAULT_REPLAY));
    faults.report(zero, "b", fault_of(AIS_FAULT_TAG));
    EXPECT_EQ(lines.all.size(), 3U);
    EXPECT_EQ(lines.levels[1], Level::notice);
}

TEST(FaultLog, forged_addresses_cannot_fill_the_log) {
    Lines lines;
    FaultLog faults(lines);
    for (int i = 0; i < 5000; ++i) {
        faults.report(
            zero + i * 1us, "10.1.1.1:" + std::to_string(i), fault_of(AIS_FAULT_MALFORMED, 0));
    }
    EXPECT_EQ(lines.all.size(), FaultLog::entries_max + 1);
    faults.tick(zero + 60s);
    ASSERT_EQ(lines.all.size(), FaultLog::entries_max + 2);
    EXPECT_NE(lines.all.back().find("other addresses"), std::string::npos) << lines.all.back();
}

TEST(FaultLog, every_cause_has_its_own_id_and_an_unknown_one_is_said_to_be_so) {
    std::vector<std::string_view> ids;
    for (std::uint32_t cause = AIS_FAULT_MALFORMED; cause <= AIS_FAULT_REPLAY + 1; ++cause) {
        for (const auto& id : ids) {
            EXPECT_NE(id, fault_id(cause));
        }
        ids.push_back(fault_id(cause));
        EXPECT_FALSE(fault_text(fault_of(cause)).empty());
    }
    EXPECT_NE(fault_text(fault_of(AIS_FAULT_VERSION)).find("version 7"), std::string::npos);
    EXPECT_NE(fault_text(fault_of(99)).find("99"), std::string::npos);
}

}  // namespace
}  // namespace ais::links
