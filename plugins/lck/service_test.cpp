// SPDX-License-Identifier: BSD-3-Clause
//
// The whole service on an in-memory cluster: what clients ask, and what they are told, as
// text.

#include "wire.hpp"

#include <ais/testing/fake_host.hpp>

#include <openais/saAis.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" const struct ais_plugin ais_plugin_lck;

namespace ais::lck {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr Mode ex = Mode::exclusive;
constexpr Mode pr = Mode::protected_read;

// One process with one handle.
class Program {
  public:
    explicit Program(FakeHost& host, std::uint32_t watch = watch_all) {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{wire_version, watch}.encode(hello);
        client_ = &host.connect(as_text(hello.written()));
        EXPECT_EQ(client_->open_status, AIS_OK);
    }

    // Answered when the bus has run.
    void ask_open(std::uint64_t handle, std::string_view name, std::uint32_t flags = flag_create) {
        Appender body;
        body.u64(handle);
        body.u32(flags);
        body.bytes(as_bytes(name));
        client_->request(number_of(RequestKind::open), body.written());
    }
    void ask_open_async(std::uint64_t invocation, std::uint64_t handle, std::string_view name) {
        Appender body;
        body.u64(invocation);
        body.u64(handle);
        body.u32(0);
        body.bytes(as_bytes(name));
        client_->send(number_of(RequestKind::open_async), body.written());
    }
    void ask_lock(std::uint64_t id,
                  std::uint64_t handle,
                  Mode mode,
                  std::uint32_t flags = 0,
                  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max(),
                  std::uint64_t signal = 0) {
        LockRequest wanted{0, id, handle, signal, mode, flags, timeout.count()};
        Appender body;
        wanted.encode(false, body);
        client_->request(number_of(RequestKind::lock), body.written());
    }
    void ask_lock_async(std::uint64_t invocation,
                        std::uint64_t id,
                        std::uint64_t handle,
                        Mode mode,
                        std::uint64_t signal = 0) {
        LockRequest wanted;
        wanted.invocation = invocation;
        wanted.id = id;
        wanted.handle = handle;
        wanted.mode = mode;
        wanted.signal = signal;
        Appender body;
        wanted.encode(true, body);
        client_->send(number_of(RequestKind::lock_async), body.written());
    }
    void ask(RequestKind kind, std::uint64_t target) {
        Appender body;
        body.u64(target);
        client_->request(number_of(kind), body.written());
    }
    void send(RequestKind kind, std::uint64_t target) {
        Appender body;
        body.u64(target);
        client_->send(number_of(kind), body.written());
    }
    void ask_unlock_async(std::uint64_t invocation, std::uint64_t id) {
        Appender body;
        body.u64(invocation);
        body.u64(id);
        client_->send(number_of(RequestKind::unlock_async), body.written());
    }

    // "(none)", "error 12", "granted", "ok".
    std::string answer() {
        const FakeResponse response = client_->take_response();
        if (response.serial == 0) {
            return "(none)";
        }
        if (response.error != SA_AIS_OK) {
            return "error " + std::to_string(response.error);
        }
        if (response.kind != number_of(RequestKind::lock)) {
            return "ok";
        }
        LockAnswer decided;
        EXPECT_TRUE(LockAnswer::decode(as_bytes(response.body), decided));
        static constexpr const char* words[] = {
            "?", "granted", "deadlock", "not queued", "orphaned", "no more", "duplicate"};
        fence = decided.fence;
        return words[static_cast<std::size_t>(decided.status)];
    }
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        while (!client_->notifications.empty()) {
            const FakeNotification event = client_->take_notification();
            lines.push_back(text_of(event));
        }
        return lines;
    }
    FakeClient& client() { return *client_; }

    Fence fence;

  private:
    static std::string text_of(const FakeNotification& event) {
        const Bytes body = as_bytes(event.body);
        DoneEvent done;
        GrantedEvent granted;
        WaiterEvent waiter;
        Reader in(body);
        switch (static_cast<EventKind>(event.kind)) {
            case EventKind::opened:
                EXPECT_TRUE(DoneEvent::decode(body, done));
                return "opened " + std::to_string(done.invocation) + " error " +
                       std::to_string(done.error);
            case EventKind::unlocked:
                EXPECT_TRUE(DoneEvent::decode(body, done));
                return "unlocked " + std::to_string(done.invocation) + " error " +
                       std::to_string(done.error);
            case EventKind::granted:
                EXPECT_TRUE(GrantedEvent::decode(body, granted));
                return "decided " + std::to_string(granted.invocation) + " status " +
                       std::to_string(static_cast<int>(granted.status)) + " error " +
                       std::to_string(granted.error);
            case EventKind::waiter:
                EXPECT_TRUE(WaiterEvent::decode(body, waiter));
                return "waiter " + std::to_string(waiter.signal) + " for " +
                       std::to_string(waiter.id);
            case EventKind::lost:
                return "lost " + std::to_string(in.u64());
        }
        return "?";
    }

    FakeClient* client_ = nullptr;
};

class LckService : public testing::Test {
  protected:
    LckService()
        : one(bus.add(1, ais_plugin_lck)),
          two(bus.add(2, ais_plugin_lck)),
          three(bus.add(3, ais_plugin_lck)) {
        form({1, 2, 3});
    }
    ~LckService() override {
        for (FakeHost* host : {&one, &two, &three}) {
            EXPECT_THAT(host->complaints(), IsEmpty());
        }
    }
    // The lowest member says that queues are served.
    void run() {
        bus.advance(0ns);
        bus.run();
    }
    void form(std::vector<ais_node_id> nodes) {
        bus.form(std::move(nodes));
        run();
    }
    std::string open(Program& program, std::uint64_t handle, std::string_view name = "r") {
        program.ask_open(handle, name);
        run();
        return program.answer();
    }
    std::string lock(Program& program,
                     std::uint64_t id,
                     std::uint64_t handle,
                     Mode mode,
                     std::uint32_t flags = 0) {
        program.ask_lock(id, handle, mode, flags);
        run();
        return program.answer();
    }
    std::string ask(Program& program, RequestKind kind, std::uint64_t target) {
        program.ask(kind, target);
        run();
        return program.answer();
    }
    void expect_equal_replicas() {
        run();
        EXPECT_EQ(one.save(), two.save());
        EXPECT_EQ(two.save(), three.save());
    }

    FakeBus bus;
    FakeHost& one;
    FakeHost& two;
    FakeHost& three;
};

TEST_F(LckService, locks_and_unlocks_over_nodes) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    EXPECT_EQ(lock(b, 20, 1, ex, flag_no_queue), "not queued");
    EXPECT_EQ(lock(b, 21, 1, ex), "(none)");
    EXPECT_THAT(a.heard(), ElementsAre("waiter 0 for 10"));
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "ok");
    EXPECT_EQ(b.answer(), "granted");
    EXPECT_GT(b.fence, a.fence);
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "error 12");
    EXPECT_EQ(ask(b, RequestKind::fence, 21), "ok");
    EXPECT_EQ(ask(b, RequestKind::fence, 20), "error 12");
    expect_equal_replicas();
}

TEST_F(LckService, ends_a_request_whose_time_is_up_and_leaves_nothing_behind) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    b.ask_lock(20, 1, ex, 0, 1s);
    run();
    bus.advance(999ms);
    run();
    EXPECT_EQ(b.answer(), "(none)");
    bus.advance(1ms);
    run();
    EXPECT_EQ(b.answer(), "error 5");
    EXPECT_EQ(ask(b, RequestKind::unlock, 20), "error 12");
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "ok");
    EXPECT_NE(three.dump().find("locks 0"), std::string::npos) << three.dump();
    EXPECT_EQ(lock(b, 21, 1, ex), "granted");
    expect_equal_replicas();
}

TEST_F(LckService, lets_the_order_decide_between_a_grant_and_a_timeout) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    b.ask_lock(20, 1, ex, 0, 1s);
    run();
    // Both are sent; the unlock is delivered first.
    a.ask(RequestKind::unlock, 10);
    bus.advance(1s);
    bus.run();
    const std::string first = b.answer();
    EXPECT_TRUE(first == "granted" || first == "error 5") << first;
    EXPECT_EQ(b.answer(), "(none)");
    EXPECT_EQ(ask(b, RequestKind::unlock, 20), first == "granted" ? "ok" : "error 12");
    EXPECT_NE(three.dump().find("locks 0"), std::string::npos) << three.dump();
    expect_equal_replicas();
}

TEST_F(LckService, tells_of_asynchronous_requests_by_events) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    b.ask_open_async(5, 1, "r");
    b.ask_open_async(6, 2, "absent");
    run();
    EXPECT_THAT(b.heard(), ElementsAre("opened 5 error 1", "opened 6 error 12"));
    a.ask_lock_async(7, 10, 1, ex);
    b.ask_lock_async(8, 20, 1, pr, 99);
    run();
    EXPECT_THAT(a.heard(), ElementsAre("decided 7 status 1 error 1", "waiter 99 for 10"));
    EXPECT_THAT(b.heard(), IsEmpty());
    a.ask_unlock_async(9, 10);
    run();
    EXPECT_THAT(a.heard(), ElementsAre("unlocked 9 error 1"));
    EXPECT_THAT(b.heard(), ElementsAre("decided 8 status 1 error 1"));
    b.ask_lock_async(11, 21, 99, pr);
    run();
    EXPECT_THAT(b.heard(), ElementsAre("decided 11 status 3 error 9")) << "no such resource";
}

TEST_F(LckService, brings_back_who_waits_when_another_thread_unlocks_or_closes) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    ASSERT_EQ(open(b, 2), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    EXPECT_EQ(lock(b, 20, 1, ex), "(none)");
    EXPECT_EQ(ask(b, RequestKind::unlock, 20), "not queued");
    EXPECT_EQ(b.answer(), "ok");
    b.ask_lock_async(8, 21, 1, pr);
    run();
    EXPECT_EQ(ask(b, RequestKind::unlock, 21), "ok");
    EXPECT_THAT(b.heard(), IsEmpty()) << "the callback is dropped";
    EXPECT_EQ(lock(b, 22, 2, ex), "(none)");
    EXPECT_EQ(ask(b, RequestKind::close, 2), "error 9");
    EXPECT_EQ(b.answer(), "ok");
    EXPECT_EQ(ask(b, RequestKind::close, 2), "error 9");
    EXPECT_EQ(lock(b, 23, 2, ex), "error 9");
    EXPECT_EQ(ask(b, RequestKind::purge, 2), "error 9");
    expect_equal_replicas();
}

TEST_F(LckService, frees_what_a_process_had_that_has_died) {
    Program a(one);
    Program b(two);
    Program c(three);
    for (Program* program : {&a, &b, &c}) {
        ASSERT_EQ(open(*program, 1), "ok");
    }
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    EXPECT_EQ(lock(b, 20, 1, pr), "(none)");
    EXPECT_EQ(lock(c, 30, 1, pr), "(none)");
    a.client().close();
    run();
    EXPECT_EQ(b.answer(), "granted");
    EXPECT_EQ(c.answer(), "granted");
    expect_equal_replicas();
}

TEST_F(LckService, frees_what_a_node_had_that_has_died_and_keeps_the_order) {
    Program a(one);
    Program b(two);
    Program c(three);
    for (Program* program : {&a, &b, &c}) {
        ASSERT_EQ(open(*program, 1), "ok");
    }
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    EXPECT_EQ(lock(b, 20, 1, ex), "(none)");
    EXPECT_EQ(lock(c, 30, 1, ex), "(none)");
    FakeHost& four = bus.add(4, ais_plugin_lck);
    form({1, 2, 3, 4});
    EXPECT_EQ(four.save(), one.save());
    form({2, 3, 4});
    EXPECT_EQ(b.answer(), "granted");
    EXPECT_EQ(c.answer(), "(none)");
    EXPECT_EQ(ask(b, RequestKind::unlock, 20), "ok");
    EXPECT_EQ(c.answer(), "granted");
    EXPECT_EQ(four.save(), two.save());
}

TEST_F(LckService, gives_back_what_is_granted_after_its_caller_has_given_up) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    EXPECT_EQ(lock(b, 20, 1, ex), "(none)");
    b.send(RequestKind::cancel, 20);
    EXPECT_EQ(b.answer(), "error 5");
    run();
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "ok");
    EXPECT_NE(three.dump().find("locks 0"), std::string::npos) << three.dump();
    b.ask_open(2, "r");
    b.send(RequestKind::abandon, 2);
    run();
    EXPECT_EQ(b.answer(), "error 5");
    EXPECT_NE(three.dump().find("opens 2"), std::string::npos) << three.dump();
    expect_equal_replicas();
}

TEST_F(LckService, tells_the_loser_of_a_merge_by_an_event) {
    Program a(one);
    Program c(three);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(c, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    const Fence first = a.fence;
    bus.partition({{1}, {2, 3}});
    run();
    EXPECT_EQ(lock(c, 30, 1, ex), "granted");
    EXPECT_GT(c.fence, first);
    EXPECT_EQ(ask(a, RequestKind::fence, 10), "ok") << "on its side it has it";
    form({1, 2, 3});
    EXPECT_THAT(a.heard(), ElementsAre("lost 10"));
    EXPECT_TRUE(one.logged("LCK-003"));
    EXPECT_EQ(ask(a, RequestKind::fence, 10), "error 12");
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "error 12");
    EXPECT_THAT(c.heard(), IsEmpty());
    EXPECT_EQ(ask(c, RequestKind::unlock, 30), "ok");
    EXPECT_EQ(lock(a, 11, 1, ex), "granted");
    EXPECT_GT(a.fence, c.fence);
    expect_equal_replicas();
}

TEST_F(LckService, lists_all_locks_in_pages) {
    Program a(one);
    ASSERT_EQ(open(a, 1, "r"), "ok");
    ASSERT_EQ(open(a, 2, "s"), "ok");
    for (std::uint64_t id = 10; id < 10 + lines_max + 5; ++id) {
        EXPECT_EQ(lock(a, id, 1, pr), "granted");
    }
    std::string cursor;
    std::uint32_t skip = 0;
    std::vector<std::string> names;
    for (;;) {
        Appender body;
        body.u32(skip);
        body.text(cursor);
        a.client().request(number_of(RequestKind::list), body.written());
        const FakeResponse response = a.client().take_response();
        Reader in(as_bytes(response.body));
        if (in.remaining() == 0) {
            break;
        }
        while (in.remaining() > 0) {
            ListLine line;
            ASSERT_TRUE(ListLine::decode(in, line));
            skip = line.name == cursor ? skip + 1 : 1;
            cursor = line.name;
            names.emplace_back(line.name);
            EXPECT_EQ(line.node, line.kind == 0 ? 0U : 1U);
        }
    }
    ASSERT_EQ(names.size(), lines_max + 6);
    EXPECT_EQ(names.back(), "s");
    EXPECT_EQ(std::count(names.begin(), names.end(), "r"),
              static_cast<std::ptrdiff_t>(lines_max + 5));
}

TEST_F(LckService, sends_later_what_the_queue_had_no_room_for) {
    Program a(one);
    Program b(two);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    b.ask_lock(20, 1, ex, 0, 1s);
    run();
    one.set_congested(true);
    two.set_congested(true);
    a.client().close();
    bus.advance(2s);
    run();
    EXPECT_EQ(b.answer(), "(none)");
    two.set_congested(false);
    bus.advance(20ms);
    run();
    EXPECT_EQ(b.answer(), "error 5");
    one.set_congested(false);
    bus.advance(20ms);
    run();
    EXPECT_NE(three.dump().find("opens 1, locks 0"), std::string::npos) << three.dump();
    expect_equal_replicas();
}

TEST_F(LckService, gives_a_client_so_many_handles_and_no_more) {
    Program a(one);
    for (std::uint64_t handle = 1; handle <= opens_max; ++handle) {
        a.ask_open(handle, "r");
    }
    run();
    a.client().responses.clear();
    EXPECT_EQ(open(a, opens_max + 1), "error 18");
    EXPECT_EQ(ask(a, RequestKind::close, 1), "ok");
    EXPECT_EQ(open(a, opens_max + 1), "ok");
}

TEST_F(LckService, hands_clients_and_timeouts_over_to_another_build) {
    Program a(one);
    Program b(one);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(b, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    b.ask_lock(20, 1, ex, 0, 5s);
    b.ask_lock_async(7, 21, 1, ex);
    run();
    bus.advance(1s);
    const std::string before = one.save();
    ASSERT_EQ(one.replace(ais_plugin_lck), AIS_OK);
    EXPECT_EQ(one.save(), before);
    a.heard();
    bus.advance(4s);
    run();
    EXPECT_EQ(b.answer(), "error 5");
    EXPECT_EQ(ask(a, RequestKind::unlock, 10), "ok");
    EXPECT_THAT(b.heard(), ElementsAre("decided 7 status 1 error 1"));
    b.client().close();
    expect_equal_replicas();
    EXPECT_NE(three.dump().find("opens 1, locks 0"), std::string::npos) << three.dump();
}

TEST_F(LckService, cuts_off_a_client_whose_requests_do_not_decode) {
    for (std::uint16_t kind = 0; kind <= 14; ++kind) {
        Program a(one);
        a.client().request(kind, "x");
        EXPECT_FALSE(a.client().disconnected().empty()) << kind;
    }
    Program a(one);
    ASSERT_EQ(open(a, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, pr), "granted");
    a.ask_lock(10, 1, pr);
    EXPECT_FALSE(a.client().disconnected().empty()) << "an id twice";
    run();
    EXPECT_NE(two.dump().find("opens 0, locks 0"), std::string::npos) << two.dump();
}

TEST_F(LckService, drops_messages_of_members_that_do_not_decode) {
    for (std::uint16_t kind = 0; kind <= 9; ++kind) {
        for (FakeHost* host : {&one, &two, &three}) {
            host->deliver(2, kind, "xyz");
        }
    }
    EXPECT_TRUE(one.logged("LCK-002"));
    expect_equal_replicas();
}

TEST_F(LckService, grants_only_where_the_quorum_is) {
    Program a(one);
    Program c(three);
    ASSERT_EQ(open(a, 1), "ok");
    ASSERT_EQ(open(c, 1), "ok");
    EXPECT_EQ(lock(a, 10, 1, ex), "granted");
    // As a quorum plugin that counts a majority would say.
    one.is_primary = false;
    bus.partition({{1}, {2, 3}});
    run();
    EXPECT_THAT(a.heard(), ElementsAre("lost 10")) << "at once, not at the merge";
    EXPECT_TRUE(one.logged("LCK-004"));
    EXPECT_EQ(lock(a, 11, 1, ex, flag_no_queue), "not queued");
    EXPECT_EQ(lock(a, 12, 1, ex), "(none)");
    EXPECT_EQ(lock(c, 30, 1, ex), "granted");
    one.is_primary = true;
    form({1, 2, 3});
    EXPECT_EQ(a.answer(), "(none)");
    EXPECT_EQ(ask(c, RequestKind::unlock, 30), "ok");
    EXPECT_EQ(a.answer(), "granted");
    expect_equal_replicas();
}

}  // namespace
}  // namespace ais::lck
