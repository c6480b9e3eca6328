// SPDX-License-Identifier: BSD-3-Clause
//
// main of every GoogleTest program of the tree (ais_add_test).
//
// GoogleTest skips the tests of a suite whose SetUpTestSuite failed, and ctest takes "skipped" for
// an answer.  Here the program fails at once instead.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace {

class FailsWithItsSuite final : public testing::EmptyTestEventListener {
    void OnTestSuiteStart(const testing::TestSuite& /*suite*/) override { has_failed_ = false; }
    void OnTestPartResult(const testing::TestPartResult& result) override {
        has_failed_ |= result.failed() && !is_in_test_;
    }
    void OnTestStart(const testing::TestInfo& /*test*/) override {
        if (has_failed_) {
            std::exit(1);  // what the suite has set up so far is static, and cleans up
        }
        is_in_test_ = true;
    }
    void OnTestEnd(const testing::TestInfo& /*test*/) override { is_in_test_ = false; }

    bool is_in_test_ = false;
    bool has_failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    testing::UnitTest::GetInstance()->listeners().Append(new FailsWithItsSuite);
    return RUN_ALL_TESTS();
}
