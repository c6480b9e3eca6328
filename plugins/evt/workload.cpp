// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of evt: they open channels, subscribe, publish, sleep, close and die, and are
// held against what the service promises.
//
//   * A subscription gets an event at most once, and nothing that does not pass its filter.
//   * Of one publisher and priority it gets what is not kept in the order of publication.
//   * A publisher that subscribes to everything gets all that it has published, unless it was told
//   that it lost some.
//   * In the end each subscription has had every event that is kept on its channel, wherever
//     and on whichever side of a partition it was published.

#include "snapshot.hpp"
#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ais::evt {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;

constexpr std::uint32_t tag = 1;
constexpr std::uint32_t subscription = 7;
constexpr std::int32_t ok = 1;  // SA_AIS_OK
constexpr std::uint32_t all = flag_publisher | flag_subscriber | flag_create;

class Program final : public ClientHandler {
  public:
    Program(Simulation& sim, ais_node_id node, std::string channel, std::uint64_t number)
        : sim_(sim), node_(node), channel_(std::move(channel)), number_(number) {}

    // False: the node takes no clients now.
    bool begin() {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        request(RequestKind::ids, ids_serial, Appender());
        Appender open;
        open.u32(tag);
        open.u32(all);
        open.bytes(as_bytes(channel_));
        request(RequestKind::open, open_serial, open);
        return true;
    }
    void publish(std::uint32_t priority, std::int64_t retention, std::size_t size) {
        if (client_ == nullptr || !subscribed_ || ids_.count == 0 || client_->is_held_back() ||
            is_asleep_) {
            return;
        }
        Event event;
        event.id = ids_.first;
        event.priority = priority;
        event.retention = retention;
        // The publisher, and which of its events this is.
        const std::string pattern =
            std::to_string(number_) + '/' + std::to_string(sent_.size() + 1);
        event.patterns = {"x", pattern};
        Appender body;
        body.u32(tag);
        event.encode_head(body);
        body.bytes(as_bytes(std::string(size, 'd')));
        const auto kind = retention > 0 ? RequestKind::retain : RequestKind::publish;
        const std::uint64_t serial = retention > 0 ? retain_serial + event.id : 0;
        if (client_->request(static_cast<std::uint16_t>(kind), serial, body.written())) {
            sent_.insert(event.id);
            ++ids_.first;
            --ids_.count;
        }
    }
    void clear_one() {
        if (client_ != nullptr && subscribed_ && !kept_.empty()) {
            Appender body;
            body.u32(tag);
            body.u64(*kept_.begin());
            kept_.erase(kept_.begin());
            request(RequestKind::clear, clear_serial, body);
        }
    }
    void unlink() {
        if (client_ != nullptr && subscribed_) {
            client_->request(
                static_cast<std::uint16_t>(RequestKind::unlink), unlink_serial, as_bytes(channel_));
        }
    }
    void sleep(bool on) {
        if (client_ != nullptr) {
            is_asleep_ = on;
            client_->set_dispatching(!on);
        }
    }
    void die() {
        if (client_ != nullptr) {
            client_->close();
            client_ = nullptr;
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] bool is_asleep() const { return is_asleep_; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] const std::string& channel() const { return channel_; }
    [[nodiscard]] bool has_all_of_its_own() const {
        return client_ == nullptr || has_lost_ ||
               (subscribed_ && std::includes(got_.begin(), got_.end(), sent_.begin(), sent_.end()));
    }
    [[nodiscard]] bool has(std::uint64_t id) const { return has_lost_ || got_.contains(id); }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        if (error == AIS_ERR_AGAIN && (serial == ids_serial || serial == subscribe_serial)) {
            return die();  // the kernel's word: this node had no ring for too long
        }
        if (serial == ids_serial) {
            if (error != ok || !IdBlock::decode(body, ids_)) {
                fail("gets no event ids");
            }
        } else if (serial == open_serial) {
            if (error != ok) {
                return die();  // TRY_AGAIN
            }
            Appender filters;
            filters.u32(tag);
            filters.u32(subscription);
            filters.u32(1);
            filters.u32(3);  // exact
            filters.text("x");
            request(RequestKind::subscribe, subscribe_serial, filters);
        } else if (serial == subscribe_serial) {
            if (error != ok) {
                return fail("cannot subscribe, error " + std::to_string(error));
            }
            subscribed_ = true;
        } else if (serial >= retain_serial) {
            const std::uint64_t id = serial - retain_serial;
            if (error == ok) {
                kept_.insert(id);
            } else {
                sent_.erase(id);
            }
        }
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        Reader in(body);
        const DeliverHead head = DeliverHead::decode(in);
        Event event;
        if (static_cast<EventKind>(kind) != EventKind::deliver || !in.ok() ||
            !Event::decode(in.rest(), event) || head.tag != tag ||
            head.subscription != subscription) {
            return fail("is told something that it has not asked for");
        }
        ++dispatched_[event.priority];
        tell_consumed();
        if (event.id == lost_event_id) {
            has_lost_ = true;
            return;
        }
        if (event.patterns.size() != 2 || event.patterns[0] != "x") {
            return fail("gets an event that does not pass its filter");
        }
        if (!got_.insert(event.id).second) {
            return fail("gets event " + std::to_string(event.id) + " twice");
        }
        if (event.retention > 0) {
            return;  // a merge brings those of the other side later
        }
        const std::string_view pattern = event.patterns[1];
        const auto slash = pattern.find('/');
        const std::string who =
            std::string(pattern.substr(0, slash)) + " priority " + std::to_string(event.priority);
        const std::uint64_t place = std::stoull(std::string(pattern.substr(slash + 1)));
        std::uint64_t& last = last_[who];
        if (place <= last) {
            return fail("gets event " + std::to_string(place) + " of program " + who + " after " +
                        std::to_string(last));
        }
        last = place;
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    static constexpr std::uint64_t ids_serial = 1;
    static constexpr std::uint64_t open_serial = 2;
    static constexpr std::uint64_t subscribe_serial = 3;
    static constexpr std::uint64_t clear_serial = 4;
    static constexpr std::uint64_t unlink_serial = 5;
    static constexpr std::uint64_t retain_serial = 1000;

    void request(RequestKind kind, std::uint64_t serial, const Appender& body) {
        if (!client_->request(static_cast<std::uint16_t>(kind), serial, body.written())) {
            die();
        }
    }
    // As the library does.
    void tell_consumed() {
        Appender body;
        for (const std::uint32_t count : dispatched_) {
            body.u32(count);
        }
        if (client_ != nullptr &&
            client_->request(
                static_cast<std::uint16_t>(RequestKind::consumed), 0, body.written())) {
            dispatched_.fill(0);
        }
    }
    void fail(const std::string& what) {
        sim_.fail("evt: program " + std::to_string(number_) + " on node " + std::to_string(node_) +
                  ", " + channel_ + ": " + what);
    }

    Simulation& sim_;
    ais_node_id node_;
    std::string channel_;
    std::uint64_t number_;
    Client* client_ = nullptr;
    bool subscribed_ = false;
    bool is_asleep_ = false;
    bool has_lost_ = false;
    IdBlock ids_;
    std::array<std::uint32_t, priorities> dispatched_{};
    std::set<std::uint64_t> sent_;
    std::set<std::uint64_t> got_;
    std::set<std::uint64_t> kept_;  // of its own, as far as it knows
    std::map<std::string, std::uint64_t> last_;
};

class Events final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(20000 + sim.random(300000));
        channels_ = 1 + sim.random(3);
        programs_max_ = 1 + sim.random(3);
        churn_percent_ = sim.random(30);
        kept_percent_ = sim.random(60);
        sleep_percent_ = sim.random(3) == 0 ? 10 : 0;
        unlinks_ = sim.random(4) == 0;
        if (sim.random(3) == 0) {
            sim.configure("event", "delivery_queue_size", "4");
            sim.configure("event", "delivery_queue_resume", "2");
        }
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    [[nodiscard]] bool is_settled(Simulation& sim) override {
        for (const auto& program : programs_) {
            program->sleep(false);
        }
        return std::all_of(programs_.begin(), programs_.end(), [&](const auto& program) {
            return program->has_all_of_its_own() && (unlinks_ || has_all_kept(sim, *program));
        });
    }

  private:
    static bool has_all_kept(Simulation& sim, const Program& program) {
        if (program.is_gone()) {
            return true;
        }
        const auto image = restore(as_bytes(sim.save(program.node(), service_id)));
        if (!image) {
            return false;
        }
        for (const Image::Part& part : image->channels) {
            if (part.name == program.channel() &&
                !std::all_of(part.kept.begin(), part.kept.end(), [&](const Kept& kept) {
                    return program.has(kept.id);
                })) {
                return false;
            }
        }
        return true;
    }
    void act_later(Simulation& sim, ais_node_id node) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(std::chrono::nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, node] {
            if (!sim.is_calm()) {
                act(sim, node);
                act_later(sim, node);
            }
        });
    }
    void act(Simulation& sim, ais_node_id node) {
        std::vector<Program*> here;
        for (const auto& program : programs_) {
            if (!program->is_gone() && program->node() == node) {
                here.push_back(program.get());
            }
        }
        const bool churns = sim.random(100) < churn_percent_;
        if (here.size() < programs_max_ && (here.empty() || churns)) {
            programs_.push_back(
                std::make_unique<Program>(sim,
                                          node,
                                          "channel-" + std::to_string(sim.random(channels_)),
                                          programs_.size() + 1));
            if (!programs_.back()->begin()) {
                programs_.pop_back();
            }
            return;
        }
        if (here.empty()) {
            return;
        }
        Program& program = *here[sim.random(here.size())];
        if (churns) {
            if (unlinks_ && sim.random(2) == 0) {
                return program.unlink();
            }
            return sim.random(3) == 0 ? program.clear_one() : program.die();
        }
        if (sim.random(100) < sleep_percent_) {
            return program.sleep(!program.is_asleep());
        }
        const bool is_kept = sim.random(100) < kept_percent_;
        const std::int64_t retention =
            !is_kept             ? 0
            : sim.random(3) == 0 ? retention_max
                                 : static_cast<std::int64_t>(1 + sim.random(20'000'000'000));
        for (std::uint64_t i = sim.random(4); i < 4; ++i) {
            program.publish(
                static_cast<std::uint32_t>(sim.random(priorities)), retention, 1 + sim.random(300));
        }
    }

    std::chrono::nanoseconds gap_{};
    std::uint64_t channels_ = 1;
    std::uint64_t programs_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t kept_percent_ = 0;
    std::uint64_t sleep_percent_ = 0;
    bool unlinks_ = false;
    std::vector<std::unique_ptr<Program>> programs_;
};

constexpr const char* plugins[] = {"evt", nullptr};

}  // namespace
}  // namespace ais::evt

AIS_WORKLOAD(evt) = ais::sim::describe_workload<ais::evt::Events>(
    "evt", "events: filters, priorities, kept events, slow subscribers", ais::evt::plugins);
