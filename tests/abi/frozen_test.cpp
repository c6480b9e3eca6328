// SPDX-License-Identifier: BSD-3-Clause
//
// A plugin built from the headers of the first release is loaded and used by today's kernel.

#include "plugin/fake_kernel_test.hpp"
#include "plugin/guard.hpp"
#include "plugin/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;

class FrozenV1 : public ::testing::Test {
  protected:
    FrozenV1() {
        const std::string directories[] = {AIS_FROZEN_PLUGIN_DIR};
        registry_.scan(directories);
    }
    Instance& start() {
        const std::string names[] = {"frozen_v1"};
        auto started = registry_.start(names, kernel_.kernel);
        EXPECT_TRUE(started) << started.error().text;
        plugins_ = started.take();
        return *plugins_->find("frozen_v1");
    }

    TestKernel kernel_;
    Registry registry_;
    std::unique_ptr<Plugins> plugins_;
};

TEST_F(FrozenV1, is_listed_without_being_loaded) {
    ASSERT_EQ(registry_.candidates().size(), 1U) << registry_.list();
    const Candidate& found = registry_.candidates().front();
    EXPECT_EQ(found.refused, "");
    ASSERT_TRUE(found.manifest);
    EXPECT_EQ(found.manifest->version, "1.0.0");
    EXPECT_THAT(found.manifest->needs,
                ElementsAre("ais.group/1", "ais.ipc/1", "ais.timer/1", "ais.config/1"));
    EXPECT_THAT(found.manifest->offers,
                ElementsAre("ais.service/1",
                            "ais.config.parser/1",
                            "ais.crypto/1",
                            "ais.quorum/1",
                            "ais.config.schema/1"));
}

TEST_F(FrozenV1, finds_the_host_it_was_promised) {
    start();
    EXPECT_TRUE(kernel_.log.has("frozen_v1 FROZEN-002 here I am"));
    plugins_.reset();
}

TEST_F(FrozenV1, serves) {
    ServiceGuard service(start());
    TestSession client(kernel_.log, service.id());
    EXPECT_EQ(service.id(), 77);
    EXPECT_EQ(service.client_open(client.conn(), as_bytes("x")), AIS_ERR_DENIED);
    ASSERT_EQ(service.client_open(client.conn(), {}), AIS_OK);
    EXPECT_EQ(client.events(), "9/0/0: ");
    service.configure(regular({NodeId(3), NodeId(4)}));
    service.request(client.conn(), 5, 2, as_bytes("body"));
    EXPECT_NE(client.responses().find("/5/0:body"), std::string::npos);
    EXPECT_GT(kernel_.groups.backlog(), 0U);
    kernel_.timers.advance(std::chrono::milliseconds(1));
    std::string dump;
    service.dump(dump);
    EXPECT_EQ(dump, "fired");
    service.deliver(NodeId(4), 2, as_bytes("body"));
    std::string state;
    ASSERT_EQ(service.save(state), AIS_OK);
    const ais_node_id nodes[] = {3, 4};
    const ais_saved_state states[] = {
        {sizeof(ais_saved_state), AIS_STATE_OWN, 3, 1, &nodes[0], to_abi(state)},
        {sizeof(ais_saved_state), 0, 4, 1, &nodes[1], to_abi(state)}};
    ASSERT_EQ(service.merge(states), AIS_OK);
    std::string merged;
    ASSERT_EQ(service.save(merged), AIS_OK);
    EXPECT_EQ(merged[0], 20);
    service.client_close(client.conn());
}

TEST_F(FrozenV1, backs) {
    Instance& instance = start();
    ais_crypto_params params{};
    params.struct_size = sizeof params;
    params.cipher = "xor";
    params.key = to_abi(std::string_view("k"));
    const auto seal = SealGuard::open_session(instance, params);
    ASSERT_TRUE(seal) << seal.error().text;
    std::uint8_t datagram[4];
    ASSERT_TRUE((*seal)->seal(as_bytes("abc"), datagram));
    links::Seal::Opened opened;
    ais_crypto_fault fault{};
    ASSERT_TRUE((*seal)->open(datagram, opened, fault));
    EXPECT_EQ(as_text(opened.plain), "abc");
    datagram[0] = 9;
    EXPECT_FALSE((*seal)->open(datagram, opened, fault));
    EXPECT_EQ(fault.cause, AIS_FAULT_VERSION);
    EXPECT_EQ(fault.detail, 9U);

    QuorumGuard quorum(instance);
    EXPECT_TRUE(quorum.is_primary(regular({NodeId(1), NodeId(2)})));

    ParserGuard parser(instance);
    std::string heard;
    const ais_parser_sink sink = {
        sizeof sink,
        0,
        &heard,
        [](void* to, ais_bytes name, std::uint32_t) {
            static_cast<std::string*>(to)->append(as_text(name)).append("{");
            return AIS_OK;
        },
        [](void* to, std::uint32_t) {
            static_cast<std::string*>(to)->append("}");
            return AIS_OK;
        },
        [](void* to, ais_bytes name, ais_bytes value, std::uint32_t) {
            static_cast<std::string*>(to)->append(as_text(name)).append("=").append(as_text(value));
            return AIS_OK;
        },
        [](void* to, std::uint32_t, ais_bytes what) {
            static_cast<std::string*>(to)->append("!").append(as_text(what));
        },
        [](void* to, std::uint32_t, ais_bytes what) {
            static_cast<std::string*>(to)->append("?").append(as_text(what));
        }};
    EXPECT_EQ(parser.parse("f", as_bytes("words"), sink), AIS_OK);
    EXPECT_EQ(parser.parse("f", {}, sink), AIS_ERR_CORRUPT);
    EXPECT_EQ(heard, "all{content=words}?frozen!empty");
}

}  // namespace
}  // namespace ais::plugin
