// SPDX-License-Identifier: BSD-3-Clause
//
// What describe() makes of a class, and what the trampolines do at the border.

#include <ais/host.hpp>
#include <ais/service.hpp>
#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ais::Bytes;

constexpr const char* group_and_ipc[] = {"ais.group/1", "ais.ipc/1", nullptr};

// Sums numbers; everything a service may have.
class Adder {
  public:
    static constexpr std::uint16_t service_id = 70;
    static constexpr ais_config_key config_keys[] = {
        ais::number_key("adder", "start", 0, 100, "3", "first sum")};

    explicit Adder(const ais_host& host) : log_(host), group_(host), ipc_(host), config_(host) {
        sum_ = *config_.number("adder.start");
        if (sum_ == 99) {
            throw std::runtime_error("99 is no good start");
        }
    }
    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
        sum_ += kind + static_cast<std::int64_t>(body.size());
        last_sender_ = sender;
    }
    void configure(const ais_configuration& now) { members_ = ais::members(now).size(); }
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
        group_.multicast(kind, body, std::string_view("+"));
        if (serial != 0) {
            ipc_.respond(from, serial, static_cast<std::int32_t>(kind), std::string("sum"));
        }
    }
    ais_status client_open(ais_conn*, Bytes hello) {
        return ais::as_text(hello) == "no" ? AIS_ERR_DENIED : AIS_OK;
    }
    void client_close(ais_conn*) {}
    ais_status save(ais::StateWriter& out) {
        out.write(std::to_string(sum_));
        return AIS_OK;
    }
    ais_status merge(std::span<const ais::SavedState> states) {
        sum_ = 0;
        for (const auto& state : states) {
            if (state.members.empty() || state.members.front() != state.saved_by) {
                return AIS_ERR_CORRUPT;
            }
            sum_ += std::stoll(std::string(ais::as_text(state.bytes)));
        }
        return AIS_OK;
    }
    void dump(std::string& out) { out += "sum " + std::to_string(sum_); }

  private:
    ais::host::Log log_;
    ais::host::Group group_;
    ais::host::Ipc ipc_;
    ais::host::Config config_;
    std::int64_t sum_ = 0;
    std::size_t members_ = 0;
    ais_node_id last_sender_ = 0;
};

// The least there can be.
class Listener {
  public:
    static constexpr std::uint16_t service_id = 71;
    explicit Listener(const ais_host&) {}
    void deliver(ais_node_id, std::uint16_t, Bytes) {}
};

constexpr ais_plugin adder = ais::describe<Adder>("adder", "1.0", group_and_ipc);
constexpr ais_plugin listener = ais::describe<Listener>("listener", "1.0");

const ais_service_v1& service_table(const ais_plugin& plugin) {
    return *static_cast<const ais_service_v1*>(plugin.offers[0].table);
}

TEST(Describe, builds_the_manifest_from_the_class) {
    EXPECT_EQ(adder.abi_major, AIS_ABI_MAJOR);
    EXPECT_EQ(adder.struct_size, sizeof(ais_plugin));
    EXPECT_STREQ(adder.name, "adder");
    EXPECT_STREQ(adder.needs[1], "ais.ipc/1");
    ASSERT_STREQ(adder.offers[0].id, "ais.service/1");
    ASSERT_STREQ(adder.offers[1].id, "ais.config.schema/1");
    EXPECT_EQ(adder.offers[2].id, nullptr);
    const auto& table = service_table(adder);
    EXPECT_EQ(table.struct_size, sizeof table);
    EXPECT_EQ(table.service_id, 70);
    EXPECT_NE(table.dump, nullptr);
}

TEST(Describe, leaves_out_what_the_class_does_not_have) {
    const auto& table = service_table(listener);
    EXPECT_NE(table.deliver, nullptr);
    EXPECT_EQ(table.configure, nullptr);
    EXPECT_EQ(table.request, nullptr);
    EXPECT_EQ(table.save, nullptr);
    EXPECT_EQ(table.merge, nullptr);
    EXPECT_EQ(table.dump, nullptr);
    EXPECT_EQ(listener.needs, nullptr);
}

TEST(Describe, gives_instances_that_know_nothing_of_each_other) {
    ais::FakeBus bus;
    auto& one = bus.add(1, adder);
    auto& two = bus.add(1, adder, {{"adder.start", "10"}});
    one.deliver(1, 5, "");
    EXPECT_EQ(one.save(), "8");
    EXPECT_EQ(two.save(), "10");
}

TEST(Load, reports_what_the_constructor_threw) {
    ais::FakeBus bus;
    auto& host = bus.add(1, adder, {{"adder.start", "99"}});
    EXPECT_EQ(host.load_status(), AIS_ERR_FAILED);
    EXPECT_THAT(host.logs(), testing::ElementsAre("ERROR SDK-001 99 is no good start"));
}

TEST(Load, names_an_interface_that_the_kernel_does_not_have) {
    ais::FakeBus bus;
    auto& host = bus.add(1, adder, {}, {"ais.ipc/1"});
    EXPECT_EQ(host.load_status(), AIS_ERR_FAILED);
    EXPECT_TRUE(host.logged("does not offer ais.ipc/1"));
}

TEST(Merge, steps_by_the_size_that_the_kernel_gives) {
    // A later kernel has a longer ais_saved_state.
    struct Longer {
        ais_saved_state state;
        std::uint64_t later;
    };
    ais::FakeBus bus;
    auto& host = bus.add(1, adder);
    const ais_node_id members[] = {4, 9};
    const Longer states[] = {
        {{sizeof(Longer), 0, 4, 1, &members[0], ais::to_abi(std::string_view("20"))}, ~0ULL},
        {{sizeof(Longer), 0, 9, 1, &members[1], ais::to_abi(std::string_view("22"))}, ~0ULL}};
    EXPECT_EQ(service_table(adder).merge(host.self(), &states[0].state, 2), AIS_OK);
    EXPECT_EQ(host.save(), "42");
    EXPECT_EQ(host.dump(), "sum 42");
}

TEST(Configure, takes_a_shorter_struct_of_an_older_kernel) {
    ais::FakeBus bus;
    auto& host = bus.add(1, adder);
    alignas(ais_configuration) unsigned char bytes[sizeof(ais_configuration)];
    std::memset(bytes, 0xee, sizeof bytes);
    const std::uint32_t size = offsetof(ais_configuration, members);
    std::memcpy(bytes, &size, sizeof size);
    // member_count lies behind that size: it reads as 0 and nobody follows 0xee… pointers.
    service_table(adder).configure(host.self(), reinterpret_cast<const ais_configuration*>(bytes));
}

TEST(Request, reaches_all_replicas_and_answers_once) {
    ais::FakeBus bus;
    auto& one = bus.add(1, adder);
    auto& two = bus.add(2, adder);
    bus.form({1, 2});
    EXPECT_EQ(one.save(), "6");  // 3 + 3: two components came together
    auto& client = one.connect();
    const auto serial = client.request(4, "ab");
    EXPECT_EQ(bus.run(), 1U);
    const auto response = client.take_response();
    EXPECT_EQ(response.serial, serial);
    EXPECT_EQ(response.error, 4);
    EXPECT_EQ(response.body, "sum");
    EXPECT_EQ(one.save(), "13");
    EXPECT_EQ(two.save(), "13");
    EXPECT_EQ(one.connect("no").open_status, AIS_ERR_DENIED);
    EXPECT_THAT(one.complaints(), testing::IsEmpty());
}

class Thrower {
  public:
    static constexpr std::uint16_t service_id = 72;
    explicit Thrower(const ais_host&) {}
    void deliver(ais_node_id, std::uint16_t, Bytes) { throw std::runtime_error("half done"); }
};
constexpr ais_plugin thrower = ais::describe<Thrower>("thrower", "1.0");

TEST(DeliverDeathTest, ends_the_process_when_a_service_throws) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ais::FakeBus bus;
    auto& host = bus.add(1, thrower);
    EXPECT_DEATH(host.deliver(1, 1, ""), "half done");
}

}  // namespace
