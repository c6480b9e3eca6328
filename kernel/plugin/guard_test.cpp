// SPDX-License-Identifier: BSD-3-Clause
//
// The guard between the kernel's ports and plugins that are well-behaved, and not.

#include "plugin/guard.hpp"

#include "plugin/fake_kernel_test.hpp"

#include <ais/abi/draft/primary.h>
#include <ais/crypto.hpp>
#include <ais/host.hpp>
#include <ais/parser.hpp>
#include <ais/quorum.hpp>
#include <ais/service.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Plugins> start(const ais_plugin& plugin, TestKernel& kernel) {
    const Chosen chosen[] = {{&plugin, {}}};
    auto plugins = Plugins::start(chosen, kernel.kernel);
    EXPECT_TRUE(plugins) << plugins.error().text;
    return plugins.take();
}

class Book {
  public:
    static constexpr std::uint16_t service_id = 93;
    explicit Book(const ais_host& host) : log_(host), ipc_(host), group_(host) {}
    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
        text_ += std::to_string(sender) + ":" + std::to_string(kind) + std::string(as_text(body));
    }
    void configure(const ais_configuration& now) {
        log_.debug("members ",
                   now.member_count,
                   " joined ",
                   now.joined_count,
                   " known ",
                   group_.configuration() == nullptr ? 0 : group_.configuration()->member_count);
    }
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes) {
        ipc_.respond(from, serial, kind);
    }
    ais_status client_open(ais_conn* who, Bytes hello) {
        ipc_.notify(who, 1, std::string_view("welcome"));
        return as_text(hello) == "odd" ? 4711 : AIS_OK;
    }
    void client_close(ais_conn*) { log_.debug("closed"); }
    ais_status save(StateWriter& out) {
        out.write(text_);
        return text_.size() > 5 ? AIS_ERR_NO_MEMORY : AIS_OK;
    }
    ais_status merge(std::span<const SavedState> states) {
        text_.clear();
        for (const auto& state : states) {
            text_ += as_text(state.bytes);
        }
        return text_ == "bad" ? AIS_ERR_CORRUPT : AIS_OK;
    }
    void dump(std::string& out) { out += "book: " + text_; }

  private:
    ais::host::Log log_;
    ais::host::Ipc ipc_;
    ais::host::Group group_;
    std::string text_;
};
constexpr ais_plugin book = describe<Book>("book", "1");

TEST(ServiceGuard, calls_the_service) {
    TestKernel kernel;
    const auto plugins = start(book, kernel);
    Instance& instance = *plugins->find("book");
    ServiceGuard guard(instance);
    EXPECT_EQ(guard.id(), 93);
    EXPECT_EQ(guard.name(), "book");
    EXPECT_TRUE(guard.is_synchronised());
    guard.deliver(NodeId(2), 4, as_bytes("x"));
    std::string state;
    EXPECT_EQ(guard.save(state), AIS_OK);
    EXPECT_EQ(state, "2:4x");
    auto now = regular({NodeId(1), NodeId(3)});
    now.joined = {NodeId(1)};
    guard.configure(now);
    EXPECT_TRUE(kernel.log.has("members 2 joined 1 known 2"));
    std::string dump = "so far ";
    guard.dump(dump);
    EXPECT_EQ(dump, "so far book: 2:4x");
    EXPECT_EQ(instance.calls().of(Call::deliver).calls, 1U);
    EXPECT_EQ(instance.calls().of(Call::save).calls, 1U);
}

// Takes messages as they lie.
class Tray {
  public:
    static constexpr std::uint16_t service_id = 93;
    static constexpr std::uint64_t opaque_requests = request_bits(0, 63);
    explicit Tray(const ais_host& host) : log_(host) {}
    void deliver(ais_node_id, std::uint16_t, Bytes body) { log_.debug("one ", as_text(body)); }
    void deliver_pieces(ais_node_id sender, std::uint16_t kind, std::span<const ais_bytes> pieces) {
        std::vector<std::uint8_t> joined;
        join_pieces(pieces, joined);
        log_.debug(sender, ":", kind, " ", pieces.size(), " ", as_text(Bytes(joined)));
    }

  private:
    ais::host::Log log_;
};
constexpr ais_plugin tray = describe<Tray>("tray", "1");

TEST(ServiceGuard, hands_over_messages_in_pieces_to_who_takes_them) {
    TestKernel kernel;
    {
        const auto plugins = start(tray, kernel);
        Instance& instance = *plugins->find("tray");
        ServiceGuard guard(instance);
        ASSERT_TRUE(guard.takes_pieces());
        EXPECT_TRUE(guard.is_opaque(0));
        EXPECT_TRUE(guard.is_opaque(63));
        EXPECT_FALSE(guard.is_opaque(1));
        EXPECT_FALSE(guard.is_opaque(64));
        EXPECT_FALSE(guard.is_opaque(127));
        const ais_bytes pieces[] = {to_abi(std::string_view("a")),
                                    to_abi(std::string_view("bc")),
                                    to_abi(std::string_view("d"))};
        guard.deliver_pieces(NodeId(2), 4, pieces);
        EXPECT_TRUE(kernel.log.has("2:4 3 abcd"));
        guard.deliver(NodeId(2), 4, as_bytes("x"));
        EXPECT_TRUE(kernel.log.has("one x"));
        EXPECT_EQ(instance.calls().of(Call::deliver).calls, 2U);
    }
    const auto plugins = start(book, kernel);
    EXPECT_FALSE(ServiceGuard(*plugins->find("book")).takes_pieces());
}

TEST(ServiceGuard, keeps_track_of_clients_and_closes_the_rest_before_unload) {
    TestKernel kernel;
    TestSession client(kernel.log, 93);
    TestSession odd(kernel.log, 93);
    {
        const auto plugins = start(book, kernel);
        Instance& instance = *plugins->find("book");
        ServiceGuard guard(instance);
        EXPECT_EQ(guard.client_open(client.conn(), {}), AIS_OK);
        EXPECT_EQ(client.events(), "1/0/0:welcome ");
        // A status that nobody knows is a failure.
        EXPECT_EQ(guard.client_open(odd.conn(), as_bytes("odd")), AIS_ERR_FAILED);
        EXPECT_FALSE(instance.host().knows(odd.conn()));
        guard.request(client.conn(), 9, 3, {});
        EXPECT_THAT(client.responses(), HasSubstr("/9/3:"));
        EXPECT_FALSE(kernel.log.has("closed"));
    }
    EXPECT_TRUE(kernel.log.has("closed"));
}

// Names what it is told to name, and prepares what it gets.
class Shelf {
  public:
    static constexpr std::uint16_t service_id = 94;
    explicit Shelf(const ais_host& host) : log_(host) {}
    void deliver(ais_node_id, std::uint16_t, Bytes body) { names_.emplace_back(as_text(body)); }
    ais_status save(StateWriter&) { return AIS_OK; }
    ais_status merge(std::span<const SavedState>) { return AIS_OK; }
    ais_status list_parts(PartWriter& out) {
        for (const std::string& name : names_) {
            out.part(name, name.size(), 7);
        }
        return AIS_OK;
    }
    ais_status save_part(Bytes name, StateWriter& out) { return out.write(name); }
    ais_status merge_begin(std::span<const ais::Component> components) {
        log_.debug("begin ",
                   components.size(),
                   " own ",
                   components[1].is_own,
                   " lowest ",
                   components[1].lowest,
                   " of ",
                   components[1].members.size());
        return AIS_OK;
    }
    ais_status merge_part(Bytes name, std::span<const PartState> states) {
        for (const PartState& state : states) {
            log_.debug("part ",
                       as_text(name),
                       " of ",
                       state.component,
                       " here ",
                       state.is_here,
                       " ",
                       as_text(state.bytes),
                       " ",
                       state.digest);
        }
        return states.size() == 1 ? AIS_ERR_CORRUPT : AIS_OK;
    }
    ais_status merge_end(bool commit) {
        log_.debug("end ", commit);
        return AIS_OK;
    }

  private:
    ais::host::Log log_;
    std::vector<std::string> names_;
};
constexpr ais_plugin shelf = describe<Shelf>("shelf", "1");

TEST(ServiceGuard, walks_a_service_in_parts_through_a_merge) {
    TestKernel kernel;
    const auto plugins = start(shelf, kernel);
    ServiceGuard guard(*plugins->find("shelf"));
    ASSERT_TRUE(guard.in_parts());
    guard.deliver(NodeId(1), 1, as_bytes("ab"));
    guard.deliver(NodeId(1), 1, as_bytes("b"));
    std::vector<sync::Part> parts;
    ASSERT_EQ(guard.list(parts), AIS_OK);
    EXPECT_EQ(parts, (std::vector<sync::Part>{{"ab", 2, 7}, {"b", 1, 7}}));
    std::string bytes;
    ASSERT_EQ(guard.save_part("b", bytes), AIS_OK);
    EXPECT_EQ(bytes, "b");
    const ais_node_id members[] = {3, 4};
    const ais_component components[] = {{sizeof(ais_component), 0, 1, 0, nullptr},
                                        {sizeof(ais_component), AIS_STATE_OWN, 4, 2, members}};
    ASSERT_EQ(guard.merge_begin(components), AIS_OK);
    EXPECT_TRUE(kernel.log.has("begin 2 own 1 lowest 4 of 2"));
    const ais_part_state states[] = {
        {sizeof(ais_part_state), 0, 0, 0, 5, to_abi(std::string_view("theirs"))},
        {sizeof(ais_part_state), AIS_STATE_OWN | AIS_PART_HERE, 1, 0, 6, {}}};
    EXPECT_EQ(guard.merge_part("b", states), AIS_OK);
    EXPECT_TRUE(kernel.log.has("part b of 0 here 0 theirs 5"));
    EXPECT_TRUE(kernel.log.has("part b of 1 here 1  6"));
    EXPECT_EQ(guard.merge_part("b", std::span(states).first(1)), AIS_ERR_CORRUPT);
    EXPECT_TRUE(kernel.log.has("failed in merge_part"));
    EXPECT_EQ(guard.merge_end(true), AIS_OK);
    EXPECT_TRUE(kernel.log.has("end 1"));
}

TEST(ServiceGuard, refuses_a_list_of_parts_that_is_not_sorted_or_has_no_names) {
    for (const std::string_view second : {"a", "b", "", "a"}) {
        TestKernel kernel;
        const auto plugins = start(shelf, kernel);
        ServiceGuard guard(*plugins->find("shelf"));
        guard.deliver(NodeId(1), 1, as_bytes("b"));
        guard.deliver(NodeId(1), 1, as_bytes(second));
        std::vector<sync::Part> parts;
        EXPECT_EQ(guard.list(parts), AIS_ERR_INVALID) << second;
    }
    TestKernel kernel;
    const auto plugins = start(shelf, kernel);
    ServiceGuard guard(*plugins->find("shelf"));
    guard.deliver(NodeId(1), 1, as_bytes(std::string(256, 'x')));
    std::vector<sync::Part> parts;
    EXPECT_EQ(guard.list(parts), AIS_ERR_INVALID);
}

TEST(ServiceGuardDeathTest, asserts_that_the_kernel_speaks_of_open_clients) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    TestKernel kernel;
    TestSession client(kernel.log, 93);
    const auto plugins = start(book, kernel);
    ServiceGuard guard(*plugins->find("book"));
    EXPECT_DEATH(guard.client_close(client.conn()), "knows");
    EXPECT_DEATH(guard.request(client.conn(), 1, 1, {}), "knows");
}

TEST(ServiceGuard, reports_states_that_cannot_be_saved_or_merged) {
    TestKernel kernel;
    const auto plugins = start(book, kernel);
    ServiceGuard guard(*plugins->find("book"));
    guard.deliver(NodeId(2), 4, as_bytes("too long"));
    std::string state;
    EXPECT_EQ(guard.save(state), AIS_ERR_NO_MEMORY);
    EXPECT_TRUE(kernel.log.has("PLUGIN-007 service 'book' cannot save"));
    const ais_node_id node = 1;
    const ais_saved_state bad = {sizeof bad, 0, 1, 1, &node, to_abi(std::string_view("bad"))};
    EXPECT_EQ(guard.merge({&bad, 1}), AIS_ERR_CORRUPT);
    EXPECT_TRUE(kernel.log.has("PLUGIN-008 service 'book' cannot merge 1 saved states"));
}

// The least: everything that is NULL in the table.
class Least {
  public:
    static constexpr std::uint16_t service_id = 94;
    explicit Least(const ais_host&) {}
    void deliver(ais_node_id, std::uint16_t, Bytes) {}
};
constexpr ais_plugin least = describe<Least>("least", "1");

TEST(ServiceGuard, does_without_what_a_service_leaves_out) {
    TestKernel kernel;
    TestSession client(kernel.log, 94);
    const auto plugins = start(least, kernel);
    ServiceGuard guard(*plugins->find("least"));
    EXPECT_FALSE(guard.is_synchronised());
    EXPECT_EQ(guard.client_open(client.conn(), {}), AIS_ERR_UNSUPPORTED);
    guard.configure(regular({NodeId(1)}));
    std::string dump;
    guard.dump(dump);
    EXPECT_EQ(dump, "");
}

// A backend that misbehaves as it is told by the first byte of the datagram.
class Liar {
  public:
    static constexpr std::uint32_t key_size_min = 4;
    class Session {
      public:
        [[nodiscard]] std::uint32_t overhead() const { return overhead_; }
        [[nodiscard]] const char* cipher() const { return "lies"; }
        ais_status seal(Bytes plain, std::uint8_t* out) {
            copy_bytes(out, plain);
            return plain.empty() ? AIS_ERR_FAILED : AIS_OK;
        }
        ais_status open(MutableBytes datagram,
                        Bytes& plain,
                        ais_node_id& sender,
                        ais_crypto_fault& fault) {
            sender = 2;
            switch (datagram[0]) {
                case 'h':
                    plain = datagram.subspan(1);
                    return AIS_OK;
                case 'o':
                    plain = Bytes(outside_, sizeof outside_);
                    return AIS_OK;
                case 'l':
                    plain = Bytes(datagram.data(), datagram.size() + 1);
                    return AIS_OK;
                case 's':
                    sender = 0;
                    plain = datagram;
                    return AIS_OK;
                case 't':
                    fault.cause = AIS_FAULT_TAG;
                    return AIS_ERR_CORRUPT;
                case 'c':
                    fault.cause = 99;
                    return AIS_ERR_CORRUPT;
                default:
                    throw 1;
            }
        }
        ais_status open_to(Bytes datagram,
                           std::uint8_t* to,
                           Bytes& plain,
                           ais_node_id& sender,
                           ais_crypto_fault& fault) {
            copy_.assign(datagram.begin(), datagram.end());
            const ais_status status = open(copy_, plain, sender, fault);
            if (datagram[0] == 'h' || datagram[0] == 's') {
                copy_bytes(to, datagram.subspan(1));
                plain = Bytes(to, datagram.size() - 1);
            }
            return status;
        }
        std::uint32_t overhead_ = 1;

      private:
        std::vector<std::uint8_t> copy_;
        std::uint8_t outside_[4] = {};
    };
    explicit Liar(const ais_host&) {}
    Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params) {
        if (std::string_view(params.cipher) == "none") {
            return failed("no such cipher");
        }
        auto session = std::make_unique<Session>();
        session->overhead_ = std::string_view(params.cipher) == "fat" ? 5000 : 1;
        return session;
    }
};
constexpr ais_plugin liar = describe<Liar>("liar", "1");

ais_crypto_params params(const char* cipher, std::string_view key = "secret") {
    ais_crypto_params made{};
    made.struct_size = sizeof made;
    made.local_node = 3;
    made.key = to_abi(key);
    made.cipher = cipher;
    return made;
}

TEST(SealGuard, believes_no_view_outside_of_the_datagram) {
    TestKernel kernel;
    const auto plugins = start(liar, kernel);
    auto opened_session = SealGuard::open_session(*plugins->find("liar"), params("auto"));
    ASSERT_TRUE(opened_session) << opened_session.error().text;
    SealGuard& seal = **opened_session;
    EXPECT_EQ(seal.overhead(), 1U);
    EXPECT_EQ(seal.cipher(), "lies");
    links::Seal::Opened opened;
    ais_crypto_fault fault{};
    const auto open = [&](const char* bytes) {
        std::string datagram = bytes;
        return seal.open(
            {reinterpret_cast<std::uint8_t*>(datagram.data()), datagram.size()}, opened, fault);
    };
    EXPECT_TRUE(open("honest"));
    EXPECT_EQ(opened.sender, NodeId(2));
    EXPECT_EQ(opened.plain.size(), 5U);
    EXPECT_FALSE(open("tag"));
    EXPECT_EQ(fault.cause, AIS_FAULT_TAG);
    EXPECT_EQ(seal.failures(), 0U);
    for (const char* lie : {"outside", "long", "sender", "cause", "exception"}) {
        EXPECT_FALSE(open(lie)) << lie;
        EXPECT_EQ(fault.cause, AIS_FAULT_MALFORMED) << lie;
    }
    EXPECT_EQ(seal.failures(), 5U);
    std::uint8_t out[10];
    EXPECT_TRUE(seal.seal(as_bytes("abc"), out));
    EXPECT_FALSE(seal.seal({}, out));
    EXPECT_TRUE(kernel.log.has("PLUGIN-009 crypto plugin 'liar' failed"));
}

TEST(SealGuard, believes_no_view_outside_of_the_place_to_open_to) {
    TestKernel kernel;
    const auto plugins = start(liar, kernel);
    auto opened_session = SealGuard::open_session(*plugins->find("liar"), params("auto"));
    ASSERT_TRUE(opened_session) << opened_session.error().text;
    SealGuard& seal = **opened_session;
    links::Seal::Opened opened;
    ais_crypto_fault fault{};
    std::string datagram;
    std::uint8_t place[8];
    const auto open_to = [&](const char* bytes, std::size_t room) {
        datagram = bytes;
        return seal.open_to({reinterpret_cast<std::uint8_t*>(datagram.data()), datagram.size()},
                            MutableBytes(place).first(room),
                            opened,
                            fault);
    };
    EXPECT_TRUE(open_to("honest", 5));
    EXPECT_EQ(opened.sender, NodeId(2));
    EXPECT_EQ(opened.plain.data(), place);
    EXPECT_EQ(as_text(opened.plain), "onest");
    EXPECT_TRUE(open_to("honest", 4)) << "no room: in place";
    EXPECT_EQ(as_bytes(datagram).data() + 1, opened.plain.data());
    EXPECT_FALSE(open_to("tag", 8));
    EXPECT_EQ(fault.cause, AIS_FAULT_TAG);
    EXPECT_EQ(seal.failures(), 0U);
    for (const char* lie : {"outside", "long", "sender", "cause", "exception"}) {
        EXPECT_FALSE(open_to(lie, 8)) << lie;
        EXPECT_EQ(fault.cause, AIS_FAULT_MALFORMED) << lie;
    }
    EXPECT_EQ(seal.failures(), 5U);
}

TEST(SealGuard, says_why_a_session_does_not_open) {
    TestKernel kernel;
    const auto plugins = start(liar, kernel);
    Instance& instance = *plugins->find("liar");
    EXPECT_EQ(SealGuard::open_session(instance, params("auto", "abc")).error().text,
              "crypto plugin 'liar' needs a key of at least 4 bytes, this one has 3");
    EXPECT_THAT(SealGuard::open_session(instance, params("none")).error().text,
                HasSubstr("does not start with cipher 'none'"));
    EXPECT_TRUE(kernel.log.has("SDK-002 no such cipher"));
    EXPECT_THAT(SealGuard::open_session(instance, params("fat")).error().text,
                HasSubstr("adds 5000 bytes"));
}

// Does what the text says, one letter after the other.
class Script {
  public:
    explicit Script(const ais_host&) {}
    ais_status parse(std::string_view, Bytes text, TreeSink& sink) {
        ais_status status = AIS_OK;
        for (const auto step : text) {
            switch (step) {
                case '{':
                    status = sink.begin_section("s", 1);
                    break;
                case '}':
                    status = sink.end_section(2);
                    break;
                case 'k':
                    status = sink.key("k", "v", 3);
                    break;
                case 'e':
                    sink.error(4, "wrong");
                    break;
                case 'f':
                    return AIS_ERR_FAILED;
                default:
                    break;
            }
        }
        static_cast<void>(status);
        return AIS_OK;  // even if it should not
    }
};
constexpr ais_plugin script = describe<Script>("script", "1");

struct Heard {
    std::string events;
    static Heard& of(void* context) { return *static_cast<Heard*>(context); }
    ais_parser_sink sink() {
        return {sizeof(ais_parser_sink),
                0,
                this,
                [](void* c, ais_bytes, std::uint32_t) {
                    of(c).events += "{";
                    return AIS_OK;
                },
                [](void* c, std::uint32_t) {
                    of(c).events += "}";
                    return AIS_OK;
                },
                [](void* c, ais_bytes, ais_bytes, std::uint32_t) {
                    of(c).events += "k";
                    return of(c).events.size() > 5 ? AIS_ERR_TOO_BIG : AIS_OK;
                },
                [](void* c, std::uint32_t, ais_bytes what) {
                    of(c).events += "[" + std::string(as_text(what)) + "]";
                },
                [](void*, std::uint32_t, ais_bytes) {}};
    }
};

TEST(ParserGuard, takes_no_success_that_is_none) {
    TestKernel kernel;
    const auto plugins = start(script, kernel);
    ParserGuard parser(*plugins->find("script"));
    const auto parse = [&](std::string_view steps) {
        Heard heard;
        const auto sink = heard.sink();
        const auto status = parser.parse("file", as_bytes(steps), sink);
        return std::to_string(status) + " " + heard.events;
    };
    EXPECT_EQ(parse("{k{}}"), "0 {k{}}");
    EXPECT_EQ(parse("e"), "8 [wrong]");
    EXPECT_EQ(parse("{{}"), "8 {{}[the parser plugin did not end every section]");
    EXPECT_EQ(parse("k}k"), "8 k[the parser plugin ended a section that it did not begin]");
    EXPECT_EQ(parse("f"), "10 [the parser plugin failed without a reason]");
    // The builder said stop: nothing more reaches it, and its status is the result.
    EXPECT_EQ(parse("kkkkkkkk{}"), "5 kkkkkk");
    EXPECT_THAT(parse(std::string(40, '{')), HasSubstr("nested more than 32 deep"));
}

class Majority {
  public:
    explicit Majority(const ais_host&) {}
    bool is_primary(const ais_configuration& now) { return members(now).size() >= 2; }
};
constexpr ais_plugin majority = describe<Majority>("majority", "1");

TEST(QuorumGuard, asks_the_plugin) {
    TestKernel kernel;
    const auto plugins = start(majority, kernel);
    QuorumGuard quorum(*plugins->find("majority"));
    EXPECT_TRUE(quorum.is_primary(regular({NodeId(1), NodeId(2)})));
    EXPECT_FALSE(quorum.is_primary(regular({NodeId(1)})));
}

TEST(QuorumGuard, is_heard_by_services_through_the_host) {
    TestKernel kernel;
    const auto plugins = start(majority, kernel);
    QuorumGuard quorum(*plugins->find("majority"));
    const std::string name = "demo";
    Calls calls(name, kernel.kernel);
    Host host(kernel.kernel, calls, 90, {});
    const auto table = host::find<ais_primary_v1>(*host.abi(), AIS_PRIMARY_INTERFACE);
    ASSERT_NE(table.is_primary, nullptr);
    EXPECT_EQ(table.is_primary(host.abi()), 1U) << "before the first configuration";
    host.set_configuration(regular({NodeId(1)}));
    EXPECT_EQ(table.is_primary(host.abi()), 1U) << "without a quorum plugin";
    kernel.kernel.quorum = &quorum;
    EXPECT_EQ(table.is_primary(host.abi()), 1U) << "not before the next configuration";
    host.set_configuration(regular({NodeId(1)}));
    EXPECT_EQ(table.is_primary(host.abi()), 0U);
    host.set_configuration(regular({NodeId(1), NodeId(2)}));
    EXPECT_EQ(table.is_primary(host.abi()), 1U);
}

}  // namespace
}  // namespace ais::plugin
