// SPDX-License-Identifier: BSD-3-Clause
//
// Whole nodes on a wire of memory, in virtual time: engine, groups, barrier,
// router and clients together.

#include "service/node.hpp"

#include "base/mark.hpp"
#include "ipc/plain_client.hpp"
#include "service/fake_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

namespace ais::service {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::HasSubstr;

class Cluster;

// One node, its service, its client and the ports it needs.
class Host final : private Wire, private RingStore, private Observer {
  public:
    Host(Cluster& cluster, std::uint32_t id, bool has_service);

    void take_requests_to_the_ring() {
        service.on_request = [this](ais_conn* from, std::uint64_t serial, Bytes body) {
            const ais_bytes parts[] = {to_abi(body)};
            EXPECT_EQ(node.groups().multicast(
                          group::Lane::ordinary, 40, 1, totem::Guarantee::agreed, parts),
                      AIS_OK);
            if (serial != 0) {
                static_cast<ipc::Session*>(from)->respond(serial, 0, {});
            }
        };
    }
    [[nodiscard]] bool is_synced() const { return node.barrier().is_synced(); }

    Cluster& cluster;
    FakeService service{40};
    ipc::PlainClient client;
    std::vector<std::string> rings;  // regular configurations
    std::string stopped;
    std::uint64_t stored = 0;
    int gatherings = 0;
    bool is_up = true;
    Node node;

  private:
    void transmit(const totem::Transmit& what) override;
    void flush() override {}
    void store(std::uint64_t ring_seq) override {
        EXPECT_GT(ring_seq, stored);
        stored = ring_seq;
    }
    void on_gathering() override { ++gatherings; }
    void on_configuration(const totem::Configuration& now) override {
        if (now.kind == totem::Configuration::Kind::regular) {
            std::string members;
            for (const NodeId member : now.members.all()) {
                members += std::to_string(member.value());
            }
            rings.push_back(members);
        }
    }
    void on_stop(std::string_view why) override { stopped = why; }
};

class Cluster {
  public:
    Host& add(std::uint32_t id, bool has_service = true) {
        hosts[id] = std::make_unique<Host>(*this, id, has_service);
        return *hosts[id];
    }
    Host& operator[](std::uint32_t id) { return *hosts.at(id); }
    void start(std::uint32_t id) { hosts.at(id)->node.start(now); }

    void send(NodeId from, NodeId to, Bytes datagram) {
        wire.emplace(now + microseconds(50),
                     Datagram{from, to, {datagram.begin(), datagram.end()}});
    }

    // Runs until `done`, or for 10 virtual seconds; false if it did not come.
    template <typename Done>
    bool run_until(Done done) {
        const Instant end = now + seconds(10);
        while (!done()) {
            std::optional<Instant> next;
            const auto sooner = [&next](Instant at) { next = next ? std::min(*next, at) : at; };
            for (auto& [id, host] : hosts) {
                while (host->is_up && host->node.turn(now)) {
                }
                if (const auto at = host->node.deadline(); host->is_up && at) {
                    sooner(*at);
                }
            }
            if (!wire.empty()) {
                sooner(wire.begin()->first);
            }
            if (done()) {
                break;
            }
            if (!next || *next > end) {
                return false;
            }
            now = std::max(now, *next);
            while (!wire.empty() && wire.begin()->first <= now) {
                const Datagram datagram = std::move(wire.begin()->second);
                wire.erase(wire.begin());
                Host& to = *hosts.at(datagram.to.value());
                if (to.is_up) {
                    to.node.on_datagram(now, 0, datagram.from, datagram.bytes);
                }
            }
        }
        return true;
    }
    bool run_until_synced(const std::set<std::uint32_t>& ids) {
        return run_until([&] {
            for (const std::uint32_t id : ids) {
                Host& host = *hosts.at(id);
                if (!host.is_synced() ||
                    host.node.engine().configuration().members.size() != ids.size()) {
                    return false;
                }
            }
            return true;
        });
    }

    struct Datagram {
        NodeId from;
        NodeId to;
        std::vector<std::uint8_t> bytes;
    };
    Instant now{seconds(1)};
    std::map<std::uint32_t, std::unique_ptr<Host>> hosts;
    std::multimap<Instant, Datagram> wire;
};

NodeOptions options_of(std::uint32_t id) {
    NodeOptions options;
    options.identity.self = NodeId(id);
    options.identity.incarnation = 1000 + id;
    options.identity.seed = id;
    return options;
}

Host::Host(Cluster& the_cluster, std::uint32_t id, bool has_service)
    : cluster(the_cluster), node(options_of(id), *this, *this, *this, null_log()) {
    if (has_service) {
        EXPECT_TRUE(node.table().add(service).ok());
    }
    take_requests_to_the_ring();
}

void Host::transmit(const totem::Transmit& what) {
    for (auto& [id, host] : cluster.hosts) {
        if (host.get() != this && (!what.to || *what.to == NodeId(id))) {
            cluster.send(node.self(), NodeId(id), what.datagram);
        }
    }
}

TEST(Node, alone_forms_a_ring_and_serves_its_client) {
    Cluster cluster;
    Host& host = cluster.add(1);
    ASSERT_EQ(host.node.sessions().open(*host.client.session, {}), AIS_OK);
    host.client.ask(1, 9, "before the ring");
    host.node.sessions().on_wake(*host.client.session);
    EXPECT_FALSE(host.node.turn(cluster.now));
    EXPECT_TRUE(host.service.words.empty());
    cluster.start(1);
    ASSERT_TRUE(cluster.run_until([&] { return !host.service.words.empty(); }));
    EXPECT_EQ(host.service.words, std::vector<std::string>{"before the ring"});
    EXPECT_EQ(host.rings, std::vector<std::string>{"1"});
    EXPECT_GT(host.stored, 0u);
    ipc::FrameHeader header;
    EXPECT_TRUE(ipc::PlainClient::take(host.client.responses, header));
    EXPECT_EQ(header.serial, 9u);
    EXPECT_THAT(host.node.describe(), HasSubstr("replicas are equal"));
    EXPECT_THAT(host.node.describe(), HasSubstr("service 40 fake\nwords: 1\n"));
}

// Requests of which each fills the queue: the client must not wait for the
// next timer when the ring has made room.
TEST(Node, alone_goes_on_with_requests_as_soon_as_there_is_room) {
    Cluster cluster;
    Host& host = cluster.add(1);
    cluster.start(1);
    ASSERT_TRUE(cluster.run_until_synced({1}));
    ASSERT_EQ(host.node.sessions().open(*host.client.session, {}), AIS_OK);
    const std::string filler(1U << 20, 'f');
    host.service.on_request = [&](ais_conn*, std::uint64_t, Bytes) {
        const ais_bytes parts[] = {to_abi(std::string_view(filler))};
        while (host.node.groups().has_room()) {
            EXPECT_EQ(host.node.groups().multicast(
                          group::Lane::ordinary, 40, 1, totem::Guarantee::agreed, parts),
                      AIS_OK);
        }
    };
    for (int i = 0; i < 10; ++i) {
        host.client.ask(1, 0, "x");
    }
    host.node.sessions().on_wake(*host.client.session);
    const Instant before = cluster.now;
    ASSERT_TRUE(cluster.run_until([&] { return host.service.words.size() >= 10; }));
    EXPECT_LE(cluster.now - before, milliseconds(1));
}

TEST(Node, three_deliver_the_same_sequence_of_what_their_clients_say) {
    Cluster cluster;
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.add(id);
    }
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.start(id);
    }
    ASSERT_TRUE(cluster.run_until_synced({1, 2, 3}));
    for (const std::uint32_t id : {1, 2, 3}) {
        ASSERT_EQ(cluster[id].node.sessions().open(*cluster[id].client.session, {}), AIS_OK);
    }
    for (int i = 0; i < 300; ++i) {
        for (const std::uint32_t id : {1, 2, 3}) {
            Host& host = cluster[id];
            const std::string word = std::to_string(id) + "." + std::to_string(i);
            if (host.client.ask(1, 0, word)) {
                host.node.sessions().on_wake(*host.client.session);
            } else {
                --i;  // its ring is full: let the cluster work
                ASSERT_TRUE(
                    cluster.run_until([&] { return host.client.requests.has_room(word.size()); }));
                break;
            }
        }
    }
    const auto count = [&](std::uint32_t id) { return cluster[id].service.words.size(); };
    cluster.run_until(
        [&] { return count(1) >= 900 && count(1) == count(2) && count(2) == count(3); });
    EXPECT_GE(count(1), 900u);
    EXPECT_EQ(cluster[1].service.words, cluster[2].service.words);
    EXPECT_EQ(cluster[1].service.words, cluster[3].service.words);
    EXPECT_EQ(cluster[1].node.groups().stats().malformed, 0u);
}

TEST(Node, late_joiner_has_the_state_of_the_others_and_then_the_same_messages) {
    Cluster cluster;
    cluster.add(1);
    cluster.add(2);
    cluster.start(1);
    cluster.start(2);
    ASSERT_TRUE(cluster.run_until_synced({1, 2}));
    // More than the kernel lane holds, so that the snapshot goes in several goes.
    const std::string large(1U << 20, 'L');
    std::vector<std::string> words(8, large);
    words.emplace_back("early");
    for (const std::string& word : words) {
        const ais_bytes parts[] = {to_abi(std::string_view(word))};
        const auto say = [&] {
            return cluster[2].node.groups().multicast(
                       group::Lane::ordinary, 40, 1, totem::Guarantee::safe, parts) == AIS_OK;
        };
        ASSERT_TRUE(cluster.run_until(say));
    }
    ASSERT_TRUE(cluster.run_until([&] {
        return cluster[1].service.words.size() == 9 && cluster[2].service.words.size() == 9;
    }));
    cluster.add(3);
    cluster.start(3);
    ASSERT_TRUE(cluster.run_until_synced({1, 2, 3}));
    EXPECT_EQ(cluster[3].service.words, words);
    EXPECT_EQ(cluster[3].service.words, cluster[1].service.words);
    EXPECT_EQ(cluster[3].rings.back(), "123");
}

TEST(Node, survivors_of_a_killed_node_go_on_at_once) {
    Cluster cluster;
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.add(id, id != 2);
    }
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.start(id);
    }
    ASSERT_TRUE(cluster.run_until_synced({1, 2, 3}));
    const std::uint64_t exchanges = cluster[1].node.barrier().stats().exchanges;
    const int gatherings = cluster[1].gatherings;
    cluster[3].is_up = false;
    const ais_bytes parts[] = {to_abi(std::string_view("into the gap"))};
    ASSERT_EQ(cluster[2].node.groups().multicast(
                  group::Lane::ordinary, 40, 1, totem::Guarantee::agreed, parts),
              AIS_OK);
    ASSERT_TRUE(cluster.run_until_synced({1, 2}));
    EXPECT_EQ(cluster[1].gatherings, gatherings + 1);
    ASSERT_TRUE(cluster.run_until([&] { return cluster[1].service.words.size() == 1; }));
    EXPECT_EQ(cluster[1].node.barrier().stats().exchanges, exchanges);
    EXPECT_EQ(cluster[1].rings.back(), "12");
    EXPECT_THAT(cluster[2].node.describe(), HasSubstr("messages of services not loaded here: 1"));
}

TEST(Node, that_cannot_merge_stops_and_says_goodbye) {
    Cluster cluster;
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.add(id);
    }
    cluster[2].service.merge_status = AIS_ERR_CORRUPT;
    for (const std::uint32_t id : {1, 2, 3}) {
        cluster.start(id);
    }
    ASSERT_TRUE(cluster.run_until([&] { return !cluster[2].stopped.empty(); }));
    EXPECT_THAT(cluster[2].stopped, HasSubstr("merging"));
    EXPECT_TRUE(cluster[2].node.is_stopped());
    EXPECT_FALSE(cluster[2].node.deadline());
    const std::size_t calls = cluster[2].service.calls.size();
    cluster[2].node.leave(cluster.now);
    const Instant left = cluster.now;
    ASSERT_TRUE(cluster.run_until_synced({1, 3}));
    EXPECT_LT(cluster.now - left, NodeOptions().totem.token_timeout)
        << "they did not have to wait for a timeout";
    EXPECT_EQ(cluster[2].service.calls.size(), calls)
        << "the services of a stopped node see nothing";
}

// An exchange that does not end (a member that says nothing): requests do not wait for ever.
TEST(Node, answers_try_again_when_requests_have_waited_too_long) {
    Cluster cluster;
    Host& host = cluster.add(1);
    ASSERT_EQ(host.node.sessions().open(*host.client.session, {}), AIS_OK);
    host.client.ask(1, 9, "asks");
    host.client.ask(1, 0, "tells");
    host.client.ask(1, 10, "asks after it has told");
    host.node.sessions().on_wake(*host.client.session);
    const Instant begun = cluster.now;
    while (cluster.now < begun + NodeOptions().request_wait) {
        EXPECT_FALSE(host.node.turn(cluster.now));
        ipc::FrameHeader header;
        EXPECT_FALSE(ipc::PlainClient::take(host.client.responses, header));
        cluster.now += milliseconds(500);
    }
    EXPECT_MARK("ipc.refuses_request_that_waited_too_long", host.node.turn(cluster.now));
    ipc::FrameHeader header;
    EXPECT_TRUE(ipc::PlainClient::take(host.client.responses, header));
    EXPECT_EQ(header.serial, 9u);
    EXPECT_EQ(header.kind, ipc::kernel_answer);
    EXPECT_EQ(header.error, AIS_ERR_AGAIN);
    EXPECT_FALSE(ipc::PlainClient::take(host.client.responses, header));
    cluster.start(1);
    ASSERT_TRUE(cluster.run_until([&] { return host.service.words.size() == 2; }));
    EXPECT_EQ(host.service.words[0], "tells") << "what was accepted is not lost";
}

TEST(Node, leave_is_said_once_and_others_form_a_ring_without_it) {
    Cluster cluster;
    cluster.add(1);
    cluster.add(2);
    cluster.start(1);
    cluster.start(2);
    ASSERT_TRUE(cluster.run_until_synced({1, 2}));
    cluster[2].node.leave(cluster.now);
    const std::size_t datagrams = cluster.wire.size();
    cluster[2].node.leave(cluster.now);
    EXPECT_EQ(cluster.wire.size(), datagrams);
    EXPECT_FALSE(cluster[2].node.turn(cluster.now));
    ASSERT_TRUE(cluster.run_until_synced({1}));
    EXPECT_TRUE(cluster[2].stopped.empty()) << "leaving is no failure";
}

}  // namespace
}  // namespace ais::service
