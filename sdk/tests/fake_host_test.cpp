// SPDX-License-Identifier: BSD-3-Clause
//
// The fake keeps the kernel's contract, or tests of plugins prove nothing.

#include <ais/codec.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>
#include <ais/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ais::Bytes;
using testing::ElementsAre;

constexpr const char* needs[] = {"ais.group/1", "ais.ipc/1", "ais.timer/1", nullptr};

// Writes down everything that happens to it; its state is that story of messages.
class Diary {
  public:
    static constexpr std::uint16_t service_id = 80;
    explicit Diary(const ais_host& host) : group_(host), ipc_(host), timer_(host), log_(host) {}

    void deliver(ais_node_id sender, std::uint16_t, Bytes body) {
        state_ += std::to_string(sender) + std::string(ais::as_text(body)) + " ";
        log_.debug(sender, ais::as_text(body));
    }
    void configure(const ais_configuration& now) {
        std::ostringstream line;
        line << (now.kind == AIS_CONFIGURATION_REGULAR ? "regular" : "transitional");
        list(line, " ", ais::members(now));
        list(line, " joined ", ais::joined(now));
        list(line, " left ", ais::left(now));
        log_.debug(line.str());
    }
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
        switch (kind) {
            case 1:
                group_.multicast(1, body);
                break;
            case 2:
                timer_.start<&Diary::fire>(std::chrono::seconds(1), *this, timer_id_);
                break;
            case 3:
                ipc_.hold_back(from, true);
                break;
            case 4:
                ipc_.disconnect(from, "rude");
                break;
            case 5:
                ipc_.respond(from, serial, 0);
                [[fallthrough]];
            default:
                ipc_.respond(from, serial, 0);
                break;
        }
    }
    ais_status client_open(ais_conn* who, Bytes) {
        ipc_.set_context(who, this);
        return AIS_OK;
    }
    void client_close(ais_conn* who) {
        log_.debug("close", ipc_.context<Diary>(who) == this ? " ours" : " not ours");
    }
    ais_status save(ais::StateWriter& out) { return out.write(state_); }
    ais_status merge(std::span<const ais::SavedState> states) {
        std::string merged;
        for (const auto& state : states) {
            merged += "[" + std::string(ais::as_text(state.bytes)) + "]";
        }
        log_.debug("merge ", states.size());
        state_ = merged;
        return AIS_OK;
    }

  private:
    static void list(std::ostringstream& to, const char* what, std::span<const ais_node_id> nodes) {
        if (!nodes.empty()) {
            to << what;
            for (const auto node : nodes) {
                to << node << ',';
            }
        }
    }
    void fire() { log_.debug("fired at ", timer_.now().count()); }

    ais::host::Group group_;
    ais::host::Ipc ipc_;
    ais::host::Timer timer_;
    ais::host::Log log_;
    std::string state_;
    std::uint64_t timer_id_ = 0;
};
constexpr ais_plugin diary = ais::describe<Diary>("diary", "1", needs);

TEST(FakeBus, delivers_in_one_order_to_all_members) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    auto& two = bus.add(2, diary);
    auto& three = bus.add(3, diary);
    bus.form({1, 2, 3});
    one.connect().send(1, "a");
    two.connect().send(1, "b");
    three.connect().send(1, "c");
    one.connect().send(1, "d");
    EXPECT_EQ(bus.run(), 4U);
    EXPECT_EQ(one.save(), "[][][]1a 2b 3c 1d ");
    EXPECT_EQ(two.save(), one.save());
    EXPECT_EQ(three.save(), one.save());
}

TEST(FakeBus, tells_a_partition_and_a_merge_as_transitional_and_regular) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    auto& two = bus.add(2, diary);
    bus.add(3, diary);
    bus.form({1, 2, 3});
    const auto before = one.logs().size();
    bus.partition({{1}, {2, 3}});
    bus.form({1, 2, 3});
    const std::vector<std::string> after(one.logs().begin() + static_cast<std::ptrdiff_t>(before),
                                         one.logs().end());
    EXPECT_THAT(after,
                ElementsAre("DEBUG  transitional 1, left 2,3,",
                            "DEBUG  regular 1,",
                            "DEBUG  transitional 1,",
                            "DEBUG  regular 1,2,3, joined 2,3,",
                            "DEBUG  merge 2"));
    EXPECT_TRUE(two.logged("regular 1,2,3, joined 1,"));
    EXPECT_EQ(one.save(), two.save());
}

TEST(FakeBus, exchanges_nothing_when_nodes_only_leave) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    bus.add(2, diary);
    bus.form({1, 2});
    bus.crash(2);
    EXPECT_TRUE(one.logged("transitional 1, left 2,"));
    EXPECT_EQ(std::count(one.logs().begin(), one.logs().end(), "DEBUG  merge 2"), 1);
    one.connect().send(1, "x");
    bus.run();
    EXPECT_EQ(one.save(), "[][]1x ");
}

TEST(FakeBus, holds_requests_and_messages_during_an_exchange) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    auto& two = bus.add(2, diary);
    bus.form({1});
    bus.form({2});
    auto& client = one.connect();
    bus.hold_exchange(true);
    bus.form({1, 2});
    client.send(1, "early");
    EXPECT_EQ(bus.run(), 0U);
    EXPECT_EQ(one.queued(), 0U);
    bus.finish_exchange();
    EXPECT_EQ(bus.run(), 1U);
    EXPECT_EQ(two.save(), "[][]1early ");
}

TEST(FakeHost, fires_timers_in_order_and_never_early) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    bus.form({1});
    auto& client = one.connect();
    client.send(2);
    EXPECT_EQ(one.timers(), 1U);
    bus.advance(std::chrono::milliseconds(999));
    EXPECT_FALSE(one.logged("fired"));
    bus.advance(std::chrono::milliseconds(2));
    EXPECT_TRUE(one.logged("fired at 2000000000"));
    EXPECT_EQ(one.timers(), 0U);
}

TEST(FakeHost, holds_a_client_back_and_closes_one_that_was_cut_off) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    bus.form({1});
    auto& held = one.connect();
    held.send(3);
    held.send(1, "waits");
    EXPECT_TRUE(held.is_held_back());
    EXPECT_EQ(bus.run(), 0U);
    auto& rude = one.connect();
    rude.send(4);
    EXPECT_EQ(rude.disconnected(), "rude");
    EXPECT_FALSE(rude.is_open());
    EXPECT_TRUE(one.logged("close ours"));
}

TEST(FakeHost, complains_about_a_second_answer) {
    ais::FakeBus bus;
    auto& one = bus.add(1, diary);
    bus.form({1});
    one.connect().request(5);
    EXPECT_THAT(one.complaints(), ElementsAre("respond to a request that is not waiting for one"));
}

TEST(FakeHost, reads_configuration_by_path_and_counts_sections) {
    ais::FakeBus bus;
    auto& host = bus.add(1,
                         diary,
                         {{"totem.interface.bindnetaddr", "a"},
                          {"totem.interface[0].port", "0x10"},
                          {"totem.interface[1].bindnetaddr", "b"},
                          {"totem.secauth", "on"}});
    const ais::host::Config config(*host.host());
    EXPECT_EQ(config.count("totem.interface"), 2U);
    EXPECT_EQ(config.text("totem.interface[0].bindnetaddr"), "a");
    EXPECT_EQ(config.text("totem.interface[1].bindnetaddr"), "b");
    EXPECT_EQ(config.number("totem.interface.port"), 16);
    EXPECT_TRUE(config.flag("totem.secauth"));
    EXPECT_EQ(config.text("totem.nothing"), std::nullopt);
}

}  // namespace
