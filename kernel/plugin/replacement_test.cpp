// SPDX-License-Identifier: BSD-3-Clause
//
// Live replacement: whatever the new build does, clients have a service.

#include "plugin/replacement.hpp"

#include "base/mark.hpp"
#include "plugin/fake_kernel_test.hpp"

#include <ais/codec.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace ais::plugin {
namespace {

using ::testing::HasSubstr;

using Progress = Replacement::Progress;

// Words by name; the version of the build is a template argument.
struct Behaviour {
    bool load_throws = false;
    ais_status merge = AIS_OK;
    ais_status restore = AIS_OK;
    ais_status open = AIS_OK;
    bool speaks_too_early = false;
};

template <int Version, Behaviour How>
class Words {
  public:
    static constexpr std::uint16_t service_id = 97;
    explicit Words(const ais_host& host) : log_(host), group_(host), ipc_(host), timer_(host) {
        if (How.load_throws) {
            throw std::runtime_error("no moon");
        }
        if (How.speaks_too_early) {
            group_.multicast(1, std::string_view("hello"));
        }
        timer_.start<&Words::on_timer>(std::chrono::seconds(1), *this, id_);
    }
    void on_timer() { log_.debug("timer of ", Version); }
    void configure(const ais_configuration& now) { log_.debug("ring of ", now.member_count); }
    void deliver(ais_node_id, std::uint16_t, Bytes body) {
        const std::string text(as_text(body));
        words_[text.substr(0, 1)] = text;
    }
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes) {
        if (kind == 2) {
            waiting_.emplace_back(from, serial);  // answered with the next answer_all
        } else if (kind == 3) {
            for (const auto& [conn, open] : waiting_) {
                ipc_.respond(conn, open, Version);
            }
            waiting_.clear();
        } else if (serial != 0) {
            ipc_.respond(from, serial, Version);
        }
    }
    ais_status client_open(ais_conn* who, Bytes hello) {
        ipc_.notify(who, 5, hello);
        log_.debug("opened by ", Version, " ", ipc_.context<void>(who) == nullptr);
        ipc_.set_context(who, this);
        return How.open;
    }
    void client_close(ais_conn*) { log_.debug("closed by ", Version); }
    ais_status save(StateWriter& out) {
        for (const auto& [key, text] : words_) {
            Appender bytes;
            bytes.text(text);
            out.write(bytes.written());
        }
        return AIS_OK;
    }
    ais_status merge(std::span<const SavedState> states) {
        Reader in(states[0].bytes);
        while (in.remaining() > 0) {
            const std::string text(in.text());
            words_[text.substr(0, 1)] = text;
        }
        return states.size() == 1 && states[0].is_own ? How.merge : AIS_ERR_INVALID;
    }
    void dump(std::string& out) {
        for (const auto& [key, text] : words_) {
            out += text.substr(0, 10) + " ";
        }
    }

  protected:
    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    host::Timer timer_;
    std::uint64_t id_ = 0;
    std::map<std::string, std::string> words_;
    std::vector<std::pair<ais_conn*, std::uint64_t>> waiting_;
};

// The same with a handover, and in parts.
template <int Version, Behaviour How>
class Polite : public Words<Version, How> {
  public:
    using Words<Version, How>::Words;
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out) {
        Appender bytes;
        for (const auto& [conn, serial] : this->waiting_) {
            bytes.u32(static_cast<std::uint32_t>(std::find(conns.begin(), conns.end(), conn) -
                                                 conns.begin()));
            bytes.u64(serial);
        }
        return out.write(bytes.written());
    }
    ais_status restore_local(std::span<ais_conn* const> conns, Bytes saved, std::string_view from) {
        this->log_.debug("taken over from ", from);
        Reader in(saved);
        while (in.remaining() > 0) {
            ais_conn* conn = conns[in.u32()];
            this->waiting_.emplace_back(conn, in.u64());
        }
        for (ais_conn* conn : conns) {
            this->ipc_.set_context(conn, this);
        }
        return How.restore;
    }
    ais_status list_parts(PartWriter& out) {
        for (const auto& [key, text] : this->words_) {
            out.part(key, std::hash<std::string>()(text), text.size());
        }
        return AIS_OK;
    }
    ais_status save_part(Bytes name, StateWriter& out) {
        return out.write(this->words_.at(std::string(as_text(name))));
    }
    ais_status merge_begin(std::span<const ais::Component>) { return AIS_OK; }
    ais_status merge_part(Bytes name, std::span<const PartState> states) {
        prepared_.erase(std::string(as_text(name)));
        if (!states.empty()) {
            prepared_[std::string(as_text(name))] = as_text(states[0].bytes);
        }
        return How.merge;
    }
    ais_status merge_end(bool commit) {
        this->words_ = commit ? prepared_ : this->words_;
        prepared_.clear();
        return AIS_OK;
    }

  private:
    std::map<std::string, std::string> prepared_;
};

constexpr Behaviour good{};
constexpr ais_plugin words_1 = describe<Words<1, good>>("words", "1.0");
constexpr ais_plugin words_2 = describe<Words<2, good>>("words", "2.0");
constexpr ais_plugin polite_1 = describe<Polite<1, good>>("words", "1.0");
constexpr ais_plugin polite_2 = describe<Polite<2, good>>("words", "2.0");

class Replace : public ::testing::Test {
  protected:
    void start(const ais_plugin& plugin) {
        const Chosen chosen[] = {{&plugin, {}}};
        auto started = Plugins::start(chosen, kernel_.kernel);
        ASSERT_TRUE(started) << started.error().text;
        plugins_ = started.take();
        guards_.push_back(std::make_unique<ServiceGuard>(*plugins_->find("words")));
        ASSERT_TRUE(table_.add(*guards_[0]).ok());
        service().configure(now_);
    }
    [[nodiscard]] service::Service& service() { return *table_.find(97); }
    [[nodiscard]] std::string dump() {
        std::string text;
        service().dump(text);
        return text;
    }
    // A client that asks by its ring, so that the kernel knows what waits.
    void ask(TestSession& client, std::uint64_t serial, std::uint16_t kind) {
        client.ask(serial, kind);
        ipc::Session::Request request;
        ASSERT_TRUE(client.session->next_request(request));
        service().request(client.conn(), request.serial, request.kind, request.body);
        client.session->release_request();
    }
    Result<std::unique_ptr<Replacement>> begin(const ais_plugin& next) {
        return Replacement::begin(
            "words", {&next, "/new/words.so"}, *plugins_, guards_, table_, kernel_.kernel);
    }
    std::string refused(const ais_plugin& next) {
        auto made = begin(next);
        return made ? "" : made.error().text;
    }

    TestKernel kernel_;
    std::unique_ptr<Plugins> plugins_;
    Replacement::Guards guards_;
    service::Table table_;
    totem::Configuration now_ = regular({NodeId(3), NodeId(4)});
};

TEST_F(Replace, takes_state_and_clients_over) {
    start(words_1);
    TestSession client(kernel_.log, 97);
    ASSERT_EQ(service().client_open(client.conn(), as_bytes("me")), AIS_OK);
    service().deliver(NodeId(1), 1, as_bytes("apple"));
    auto made = begin(words_2);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->from(), "words 1.0");
    EXPECT_EQ((*made)->to(), "words 2.0");
    EXPECT_EQ((*made)->step(now_), Progress::done) << (*made)->error();
    EXPECT_EQ((*made)->clients(), 1u);
    EXPECT_EQ(dump(), "apple ");
    EXPECT_TRUE(kernel_.log.has("opened by 2 1")) << "with a context of its own";
    EXPECT_FALSE(kernel_.log.has("closed by")) << "nobody has gone";
    service().request(client.conn(), 9, 1, {});
    EXPECT_THAT(client.responses(), HasSubstr("/9/2:"));
    EXPECT_EQ(plugins_->find("words")->manifest().version, "2.0");
    kernel_.timers.advance(std::chrono::seconds(2));
    EXPECT_TRUE(kernel_.log.has("timer of 2"));
    EXPECT_FALSE(kernel_.log.has("timer of 1")) << "timers die with their instance";
    service().client_close(client.conn());
    EXPECT_TRUE(kernel_.log.has("closed by 2"));
}

TEST_F(Replace, waits_for_open_requests_if_a_build_cannot_hand_them_over) {
    start(words_1);
    TestSession client(kernel_.log, 97);
    ASSERT_EQ(service().client_open(client.conn(), {}), AIS_OK);
    ask(client, 7, 2);
    auto made = begin(polite_2);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->step(now_), Progress::waiting);
    EXPECT_EQ(client.responses(), "");
    ask(client, 0, 3);
    EXPECT_THAT(client.responses(), HasSubstr("/7/1:"));
    EXPECT_EQ((*made)->step(now_), Progress::done);
}

TEST_F(Replace, hands_open_requests_over) {
    start(polite_1);
    TestSession a(kernel_.log, 97);
    TestSession b(kernel_.log, 97);
    ASSERT_EQ(service().client_open(a.conn(), {}), AIS_OK);
    ASSERT_EQ(service().client_open(b.conn(), {}), AIS_OK);
    ask(b, 7, 2);
    auto made = begin(polite_2);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->step(now_), Progress::done) << (*made)->error();
    EXPECT_TRUE(kernel_.log.has("taken over from 1.0"));
    EXPECT_FALSE(kernel_.log.has("opened by 2"));
    service().request(a.conn(), 0, 3, {});
    EXPECT_THAT(b.responses(), HasSubstr("/7/2:")) << "answered by the new build";
}

TEST_F(Replace, copies_a_large_state_while_the_old_build_goes_on) {
    start(polite_1);
    for (char c = 'a'; c < 'a' + 10; ++c) {
        service().deliver(NodeId(1), 1, as_bytes(std::string(1U << 20, c)));
    }
    auto made = begin(polite_2);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->step(now_), Progress::copying);
    EXPECT_LE((*made)->bytes(), Replacement::copy_max + (1U << 20));
    service().deliver(NodeId(1), 1, as_bytes("a, changed"));
    EXPECT_EQ((*made)->step(now_), Progress::copying);
    auto other = now_;
    other.ring = {99, NodeId(3), 1};
    EXPECT_MARK("replacement.begins_again_in_a_new_ring",
                { EXPECT_EQ((*made)->step(other), Progress::copying); });
    Progress last = Progress::copying;
    for (int i = 0; i < 10 && last == Progress::copying; ++i) {
        last = (*made)->step(other);
    }
    EXPECT_EQ(last, Progress::done) << (*made)->error();
    EXPECT_THAT(dump(), HasSubstr("a, changed bbbbbbbbbb "));
    EXPECT_EQ(plugins_->find("words")->manifest().version, "2.0");
}

// A build that fails, at each of its chances, leaves the old one at work.
TEST_F(Replace, leaves_the_old_build_running_if_the_new_one_fails) {
    start(polite_1);
    TestSession client(kernel_.log, 97);
    ASSERT_EQ(service().client_open(client.conn(), {}), AIS_OK);
    service().deliver(NodeId(1), 1, as_bytes("apple"));
    ask(client, 7, 2);
    void* const context = client.session->context();

    static constexpr Behaviour throws{.load_throws = true};
    static constexpr ais_plugin bad_load = describe<Polite<3, throws>>("words", "3");
    EXPECT_THAT(refused(bad_load), HasSubstr("does not start"));

    static constexpr Behaviour no_merge{.merge = AIS_ERR_CORRUPT};
    static constexpr ais_plugin bad_parts = describe<Polite<4, no_merge>>("words", "4");
    static constexpr Behaviour no_restore{.restore = AIS_ERR_CORRUPT};
    static constexpr ais_plugin bad_restore = describe<Polite<5, no_restore>>("words", "5");
    for (const ais_plugin* bad : {&bad_parts, &bad_restore}) {
        auto made = begin(*bad);
        ASSERT_TRUE(made) << made.error().text;
        EXPECT_EQ((*made)->step(now_), Progress::failed);
        EXPECT_THAT((*made)->error(), HasSubstr("refused"));
    }
    static constexpr ais_plugin other_name = describe<Polite<6, good>>("other", "6");
    EXPECT_THAT(refused(other_name), HasSubstr("is the plugin 'other'"));
    ais_plugin other_major = polite_2;
    other_major.abi_major = 2;
    EXPECT_THAT(refused(other_major), HasSubstr("plugin ABI 2"));
    static constexpr const char* needs[] = {"com.acme.moon/1", nullptr};
    static constexpr ais_plugin needy = describe<Polite<7, good>>("words", "7", needs);
    EXPECT_THAT(refused(needy), HasSubstr("com.acme.moon/1"));

    EXPECT_EQ(plugins_->find("words")->manifest().version, "1.0");
    EXPECT_EQ(client.session->context(), context);
    EXPECT_EQ(dump(), "apple ");
    ask(client, 0, 3);
    EXPECT_THAT(client.responses(), HasSubstr("/7/1:")) << "what was asked is answered";
    kernel_.timers.advance(std::chrono::seconds(2));
    EXPECT_TRUE(kernel_.log.has("timer of 1"));
    EXPECT_FALSE(kernel_.log.has("timer of 4"));
    EXPECT_FALSE(kernel_.log.has("closed by"));
}

TEST_F(Replace, of_one_in_one_piece_fails_likewise) {
    start(words_1);
    TestSession client(kernel_.log, 97);
    ASSERT_EQ(service().client_open(client.conn(), {}), AIS_OK);
    static constexpr Behaviour no_merge{.merge = AIS_ERR_CORRUPT};
    static constexpr ais_plugin bad_merge = describe<Words<4, no_merge>>("words", "4");
    static constexpr Behaviour no_open{.open = AIS_ERR_DENIED};
    static constexpr ais_plugin bad_open = describe<Words<5, no_open>>("words", "5");
    for (const ais_plugin* bad : {&bad_merge, &bad_open}) {
        auto made = begin(*bad);
        ASSERT_TRUE(made) << made.error().text;
        EXPECT_EQ((*made)->step(now_), Progress::failed);
    }
    service().request(client.conn(), 9, 1, {});
    EXPECT_THAT(client.responses(), HasSubstr("/9/1:"));
}

TEST_F(Replace, keeps_a_build_quiet_until_it_has_taken_over) {
    start(words_1);
    static constexpr Behaviour early{.speaks_too_early = true};
    static constexpr ais_plugin loud = describe<Words<6, early>>("words", "6");
    auto made = begin(loud);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(kernel_.groups.backlog(), 0u);
    EXPECT_TRUE(kernel_.log.has("before it has taken over"));
}

TEST_F(Replace, is_for_services_that_run) {
    start(words_1);
    auto made =
        Replacement::begin("moon", {&words_2, "/x.so"}, *plugins_, guards_, table_, kernel_.kernel);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().text, HasSubstr("no plugin 'moon' is running"));
}

}  // namespace
}  // namespace ais::plugin
