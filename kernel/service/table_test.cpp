// SPDX-License-Identifier: BSD-3-Clause

#include "service/table.hpp"

#include "service/fake_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Table, lists_services_by_ascending_id_whatever_the_order_of_adding) {
    FakeService a(32);
    FakeService b(1);
    FakeService c(1023);
    Table table;
    EXPECT_TRUE(table.add(a).ok());
    EXPECT_TRUE(table.add(c).ok());
    EXPECT_TRUE(table.add(b).ok());
    EXPECT_THAT(table.all(), ElementsAre(&b, &a, &c));
    EXPECT_EQ(table.find(32), &a);
    EXPECT_EQ(table.find(33), nullptr);
    EXPECT_EQ(table.find(0), nullptr);
    table.remove(32);
    EXPECT_EQ(table.find(32), nullptr);
    EXPECT_THAT(table.all(), ElementsAre(&b, &c));
}

TEST(Table, names_both_services_when_an_id_is_taken) {
    FakeService mine(64, "mine");
    FakeService theirs(64, "theirs");
    Table table;
    EXPECT_TRUE(table.add(mine).ok());
    const auto refused = table.add(theirs);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, AIS_ERR_EXISTS);
    EXPECT_THAT(refused.error().text, HasSubstr("mine"));
    EXPECT_THAT(refused.error().text, HasSubstr("theirs"));
    EXPECT_EQ(table.find(64), &mine);
}

TEST(Table, refuses_the_kernels_id_and_ids_above_the_maximum) {
    Table table;
    for (const ServiceId id : {ServiceId(0), ServiceId(1024), ServiceId(65535)}) {
        FakeService service(id);
        const auto refused = table.add(service);
        ASSERT_FALSE(refused.ok()) << id;
        EXPECT_EQ(refused.error().code, AIS_ERR_INVALID);
    }
    EXPECT_TRUE(table.all().empty());
}

}  // namespace
}  // namespace ais::service
