// SPDX-License-Identifier: BSD-3-Clause

#include "service/router.hpp"

#include "base/mark.hpp"
#include "ipc/plain_client.hpp"
#include "service/fake_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct LineLog final : Log {
    void write(Level, std::string_view, std::string_view id, std::string_view) override {
        ids.emplace_back(id);
    }
    bool wants(Level, std::string_view) const override { return true; }
    std::vector<std::string> ids;
};

// A node alone in its ring, with services 40 (PlainClient's) and 41.
class ARouter : public ::testing::Test {
  protected:
    ARouter() {
        EXPECT_TRUE(table.add(forty).ok());
        EXPECT_TRUE(table.add(forty_one).ok());
        router.connect(groups, barrier);
        forty_one.synchronised = false;
    }
    void configure() {
        totem::Configuration now;
        now.ring = {1, NodeId(1), 1};
        now.members = {NodeId(1)};
        groups.on_configure(now);
        router.on_configure(now);
        barrier.on_configure(now);
    }
    void turn_ring() {
        std::uint8_t room[1000];
        auto guarantee = totem::Guarantee::agreed;
        while (const std::size_t size = groups.take(room, guarantee)) {
            groups.on_deliver({NodeId(1), {}, 1, guarantee, Bytes(room, size)});
            groups.before_free(1);
        }
    }

    FakeService forty{40, "forty"};
    FakeService forty_one{41, "forty-one"};
    Table table;
    LineLog log;
    std::string stopped;
    Router router{table, log, [this](std::string_view why) { stopped = why; }};
    group::Groups groups{group::Limits{1000, 4000, 4000}, router, log};
    sync::Barrier barrier{NodeId(1), groups, router, log};
};

TEST_F(ARouter, gives_a_message_to_its_service) {
    configure();
    turn_ring();
    router.on_message(NodeId(7), 41, 3, as_bytes("hello"));
    EXPECT_THAT(forty_one.calls, ElementsAre("regular", "deliver 7 3 hello"));
    EXPECT_THAT(forty.calls, ElementsAre("regular"));
}

// Notes pieces as they come.
struct PieceService final : FakeService {
    using FakeService::FakeService;
    bool takes_pieces() const override { return true; }
    bool is_opaque(std::uint16_t kind) const override { return kind == 5; }
    void deliver_pieces(NodeId sender,
                        std::uint16_t kind,
                        std::span<const ais_bytes> pieces) override {
        std::string text;
        for (const ais_bytes& piece : pieces) {
            text += "[" + std::string(as_text(piece)) + "]";
        }
        deliver(sender, kind, as_bytes(text));
    }
};

TEST_F(ARouter, gives_pieces_to_services_that_take_them) {
    PieceService forty_two(42);
    ASSERT_TRUE(table.add(forty_two).ok());
    const ais_bytes pieces[] = {to_abi(std::string_view("he")), to_abi(std::string_view("llo"))};
    configure();
    EXPECT_TRUE(router.takes_pieces(42));
    EXPECT_FALSE(router.takes_pieces(41));
    EXPECT_FALSE(router.takes_pieces(kernel_service));
    EXPECT_FALSE(router.takes_pieces(9999));
    EXPECT_TRUE(router.is_opaque(42, 5));
    EXPECT_FALSE(router.is_opaque(42, 6));
    EXPECT_FALSE(router.is_opaque(41, 5));
    EXPECT_FALSE(router.is_opaque(9999, 5));
    router.on_pieces(NodeId(7), 42, 3, pieces);
    EXPECT_EQ(router.untimely_messages(), 1u);
    turn_ring();
    router.on_pieces(NodeId(7), 42, 3, pieces);
    EXPECT_THAT(forty_two.calls, ElementsAre("regular", "deliver 7 3 [he][llo]"));
    table.remove(42);
}

TEST_F(ARouter, gives_the_kernels_messages_to_the_barrier) {
    configure();
    EXPECT_FALSE(barrier.is_synced());
    turn_ring();
    EXPECT_TRUE(barrier.is_synced());
}

TEST_F(ARouter, counts_messages_of_unknown_services_and_logs_each_id_once) {
    configure();
    turn_ring();
    for (int i = 0; i < 3; ++i) {
        for (const int id : {1, 1023, 1024, 40000, 65535}) {
            router.on_message(NodeId(7), static_cast<std::uint16_t>(id), 3, as_bytes("hello"));
        }
    }
    EXPECT_EQ(router.unknown_service_messages(), 15u);
    EXPECT_THAT(log.ids, ElementsAre("SERVICE-001", "SERVICE-001", "SERVICE-001"));
}

TEST_F(ARouter, drops_messages_that_come_before_replicas_are_equal) {
    configure();
    EXPECT_MARK("router.drops_untimely_message",
                router.on_message(NodeId(7), 40, 3, as_bytes("hello")));
    EXPECT_EQ(router.untimely_messages(), 1u);
    EXPECT_THAT(forty.calls, ElementsAre("regular"));
    EXPECT_THAT(log.ids, ElementsAre("SERVICE-004"));
}

TEST_F(ARouter, tells_configurations_in_ascending_order_of_ids) {
    std::vector<ServiceId> order;
    forty.shared = forty_one.shared = &order;
    configure();
    EXPECT_THAT(order, ElementsAre(40, 41));
}

TEST_F(ARouter, lets_requests_through_only_while_synced_and_with_room) {
    EXPECT_FALSE(router.may_request());
    configure();
    EXPECT_FALSE(router.may_request());
    turn_ring();
    EXPECT_TRUE(router.may_request());
    const std::string large(1000, 'x');
    const ais_bytes parts[] = {to_abi(std::string_view(large))};
    while (groups.multicast(group::Lane::ordinary, 40, 1, totem::Guarantee::agreed, parts) ==
           AIS_OK) {
    }
    EXPECT_FALSE(router.may_request());
    turn_ring();
    EXPECT_TRUE(router.may_request());
}

TEST_F(ARouter, takes_a_client_to_its_service_and_away_again) {
    ipc::PlainClient client;
    EXPECT_EQ(router.on_open(*client.session, as_bytes("hi")), AIS_OK);
    router.on_request(*client.session, {5, 6, as_bytes("ask")});
    router.on_close(*client.session);
    EXPECT_THAT(forty.calls, ElementsAre("open hi", "request 5 6 ask", "close"));
    forty.open_status = AIS_ERR_DENIED;
    EXPECT_EQ(router.on_open(*client.session, {}), AIS_ERR_DENIED);
}

TEST_F(ARouter, refuses_a_client_whose_service_is_not_loaded) {
    ipc::PlainClient client;
    table.remove(40);
    EXPECT_EQ(router.on_open(*client.session, {}), AIS_ERR_NOT_FOUND);
    EXPECT_THAT(log.ids, ElementsAre("SERVICE-002"));
}

TEST_F(ARouter, knows_the_services_whose_state_others_need) {
    EXPECT_THAT(router.synchronised_services(), ElementsAre(40));
    forty.words = {"a", "b"};
    std::string saved;
    EXPECT_EQ(router.save(40, saved), AIS_OK);
    EXPECT_EQ(router.save(99, saved), AIS_ERR_NOT_FOUND);
    ais_saved_state state{};
    state.bytes = to_abi(std::string_view(saved));
    forty.words.clear();
    EXPECT_EQ(router.merge(40, {&state, 1}), AIS_OK);
    EXPECT_THAT(forty.words, ElementsAre("a", "b"));
    forty.merge_status = AIS_ERR_CORRUPT;
    EXPECT_EQ(router.merge(40, {&state, 1}), AIS_ERR_CORRUPT);
    EXPECT_EQ(router.merge(99, {&state, 1}), AIS_ERR_NOT_FOUND);
    EXPECT_THAT(stopped, IsEmpty());
}

TEST_F(ARouter, stops_the_node_and_names_the_service_that_diverged) {
    router.diverged(40, "merge failed");
    EXPECT_THAT(stopped, HasSubstr("forty (40): merge failed"));
    EXPECT_THAT(log.ids, ElementsAre("SERVICE-003"));
}

}  // namespace
}  // namespace ais::service
