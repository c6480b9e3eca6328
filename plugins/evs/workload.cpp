// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of evs: they join groups, send with all guarantees, and die, and are held
// against extended virtual synchrony as a program sees it.
//
//   * Configurations: the first is a regular one; then a transitional one, of those members who go
//     on together, and a regular one, which has them and those who have joined, and so on.
//   * A message comes at most once, from a member that has sent it, to a group that was joined.
//   * Each hears its own messages, and those of one sender in the order in which they were sent.
//   * Two programs hear what they both hear in one order.
//   * A message belongs to one configuration: all hear it in that, or in the transitional one
//     that follows it.
//   * Those who leave a configuration together, through one transitional, have heard the same in
//   it.

#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ais::evs {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;
using std::chrono::nanoseconds;

using Nodes = std::vector<std::uint32_t>;

// Limit: messages of one program under way.
constexpr std::uint64_t outstanding_max = 40;
constexpr std::uint32_t groups = 3;

// Which program, and which of its messages.
using MessageId = std::pair<std::uint64_t, std::uint64_t>;

// What was heard from one regular configuration to the next.
struct Stretch {
    Nodes regular;
    Nodes transitional;     // empty: none has come
    bool is_whole = false;  // from the beginning to the end, with all groups joined
    std::vector<MessageId> heard;
};

Key key_of(std::uint32_t group) {
    Key key{};
    key[0] = static_cast<std::uint8_t>('a' + group);
    return key;
}

Nodes without(const Nodes& all, const Nodes& some) {
    Nodes rest;
    std::copy_if(all.begin(), all.end(), std::back_inserter(rest), [&](std::uint32_t node) {
        return std::find(some.begin(), some.end(), node) == some.end();
    });
    std::sort(rest.begin(), rest.end());
    return rest;
}

bool contains(const Nodes& all, std::uint32_t node) {
    return std::find(all.begin(), all.end(), node) != all.end();
}

class Program final : public ClientHandler {
  public:
    Program(Simulation& sim,
            ais_node_id node,
            std::uint64_t number,
            std::uint32_t joins,
            const std::vector<std::unique_ptr<Program>>& all)
        : sim_(sim), node_(node), number_(number), joins_(joins), all_(all) {}

    // False: the node takes no clients now.
    bool begin() {
        Appender hello;
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        const Appender body = keys(joins_);
        client_->request(
            static_cast<std::uint16_t>(RequestKind::join), join_serial, body.written());
        return true;
    }
    void die() {
        if (client_ != nullptr) {
            client_->close();
            client_ = nullptr;
        }
    }
    void sleep(bool on) {
        if (client_ != nullptr) {
            client_->set_dispatching(!on);
            is_asleep_ = on;
        }
    }
    // To the groups that it has joined, or to `targets`, a bit for each.
    void send(bool is_safe, std::uint32_t targets, std::size_t size) {
        if (client_ == nullptr || !is_joined_ || client_->is_held_back() ||
            own_.size() > outstanding_max) {
            return;
        }
        const bool is_to_joined = targets == joins_;
        Appender body;
        if (!is_to_joined) {
            body.bytes(keys(targets).written());
        }
        body.u64(number_);
        body.u64(sent_.size() + 1);
        body.bytes(as_bytes(std::string(size, 'e')));
        const RequestKind kind =
            is_to_joined ? (is_safe ? RequestKind::joined_safe : RequestKind::joined_agreed)
                         : (is_safe ? RequestKind::groups_safe : RequestKind::groups_agreed);
        if (client_->request(static_cast<std::uint16_t>(kind), 0, body.written())) {
            sent_.push_back(targets);
            if ((targets & joins_) != 0) {
                own_.insert(sent_.size());
            }
        }
    }
    void ask_membership() {
        if (client_ != nullptr && is_joined_) {
            client_->request(
                static_cast<std::uint16_t>(RequestKind::membership), membership_serial, {});
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] bool is_asleep() const { return is_asleep_; }
    [[nodiscard]] bool is_settled() const {
        return client_ == nullptr || (is_joined_ && own_.empty() && !is_transitional_);
    }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] std::uint64_t number() const { return number_; }
    [[nodiscard]] std::uint32_t joins() const { return joins_; }
    [[nodiscard]] const std::vector<Stretch>& stretches() const { return stretches_; }
    // The groups of a message; 0: it has not sent it.
    [[nodiscard]] std::uint32_t targets_of(std::uint64_t message) const {
        return message >= 1 && message <= sent_.size() ? sent_[message - 1] : 0;
    }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        if (serial == membership_serial) {
            Reader in(body);
            const std::uint32_t count = in.u32();
            if (error == ok && (count == 0 || in.remaining() != std::size_t{4} * count)) {
                fail("gets a membership that does not decode");
            }
            return;
        }
        if (error != ok) {
            return die();  // the replicas of other services were not equal for long
        }
        is_joined_ = true;
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        if (static_cast<EventKind>(kind) == EventKind::message) {
            return on_message(body);
        }
        ConfigurationEvent now;
        if (static_cast<EventKind>(kind) != EventKind::configuration ||
            !ConfigurationEvent::decode(body, now)) {
            return fail("gets an event that does not decode");
        }
        on_configuration(now);
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    static constexpr std::int32_t ok = 1;  // EVS_OK
    static constexpr std::uint64_t join_serial = 1;
    static constexpr std::uint64_t membership_serial = 2;

    static Appender keys(std::uint32_t wanted) {
        Appender list;
        list.u32(static_cast<std::uint32_t>(__builtin_popcount(wanted)));
        for (std::uint32_t group = 0; group < groups; ++group) {
            if ((wanted >> group & 1U) != 0) {
                list.bytes(key_of(group));
            }
        }
        return list;
    }
    void fail(const std::string& what) {
        sim_.fail("evs: program " + std::to_string(number_) + " on node " + std::to_string(node_) +
                  ": " + what);
    }

    void on_configuration(const ConfigurationEvent& now) {
        // Before the node is in a ring there is nobody; then there is no transitional one.
        const bool is_first = stretches_.empty() || stretches_.back().regular.empty();
        if (!now.members.empty() && !contains(now.members, node_)) {
            return fail("is told a configuration without its node");
        }
        if (is_first || is_transitional_) {
            if (is_transitional_) {
                Stretch& last = stretches_.back();
                if (now.joined != without(now.members, last.transitional) ||
                    !without(last.transitional, now.members).empty()) {
                    return fail(
                        "is told a regular configuration that does not follow from the "
                        "transitional one");
                }
                last.is_whole = is_from_beginning_;
            }
            // Why not is_joined_: the response comes past the events before it, so it says nothing
            // of where among them the groups were joined.
            is_from_beginning_ = !last_.empty();
            is_transitional_ = false;
            stretches_.push_back({now.members, {}, false, {}});
            return;
        }
        Stretch& last = stretches_.back();
        if (now.members.empty() || !now.joined.empty() ||
            !without(now.members, last.regular).empty() ||
            now.left != without(last.regular, now.members)) {
            return fail(
                "is told a transitional configuration that does not follow from the "
                "regular one");
        }
        last.transitional = now.members;
        is_transitional_ = true;
    }
    void on_message(Bytes body) {
        Reader in(body);
        const DeliveryHead head = DeliveryHead::decode(in);
        const std::uint64_t who = in.u64();
        const std::uint64_t message = in.u64();
        if (!in.ok() || who == 0 || who > all_.size()) {
            return fail("hears a message that nobody has sent");
        }
        const Program& sender = *all_[who - 1];
        const std::uint32_t targets = sender.targets_of(message);
        if (sender.node() != head.node || (targets & joins_) == 0) {
            return fail("hears message " + std::to_string(message) + " of program " +
                        std::to_string(who) + ", which is not for it");
        }
        if (stretches_.empty() || !contains(stretches_.back().regular, head.node)) {
            return fail("hears node " + std::to_string(head.node) + ", which is no member");
        }
        std::uint64_t& last = last_[who];
        if (message <= last) {
            return fail("hears message " + std::to_string(message) + " of program " +
                        std::to_string(who) + " after " + std::to_string(last));
        }
        last = message;
        stretches_.back().heard.emplace_back(who, message);
        if (who == number_) {
            if (!own_.empty() && message != *own_.begin()) {
                fail("does not hear its message " + std::to_string(*own_.begin()));
            }
            own_.erase(message);
        }
    }

    Simulation& sim_;
    ais_node_id node_;
    std::uint64_t number_;
    std::uint32_t joins_;  // a bit for each group
    const std::vector<std::unique_ptr<Program>>& all_;
    Client* client_ = nullptr;
    bool is_joined_ = false;
    bool is_asleep_ = false;
    bool is_transitional_ = false;
    bool is_from_beginning_ = false;               // of the stretch of now
    std::vector<std::uint32_t> sent_;              // the groups of each
    std::set<std::uint64_t> own_;                  // sent and not yet heard
    std::map<std::uint64_t, std::uint64_t> last_;  // by sender
    std::vector<Stretch> stretches_;
};

class Messages final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(10000 + sim.random(200000));
        programs_max_ = 1 + sim.random(3);
        churn_percent_ = sim.random(10);
        size_max_ = sim.random(5) == 0 ? 8000 : 200;
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    [[nodiscard]] bool is_settled(Simulation&) override {
        for (const auto& program : programs_) {
            program->sleep(false);
        }
        return std::all_of(programs_.begin(), programs_.end(), [](const auto& program) {
            return program->is_settled();
        });
    }
    void check(Simulation& sim) override {
        for (const auto& program : programs_) {
            places_.clear();
            note_places(*program);
            for (const auto& other : programs_) {
                if (other->number() > program->number()) {
                    compare(sim, *program, *other);
                }
            }
        }
    }

  private:
    struct Place {
        std::size_t stretch;
        std::size_t index;  // of all that was heard
    };

    void note_places(const Program& program) {
        std::size_t index = 0;
        for (std::size_t i = 0; i < program.stretches().size(); ++i) {
            for (const MessageId& id : program.stretches()[i].heard) {
                places_[id] = {i, index++};
            }
        }
    }
    // `places_` are of the first.
    void compare(Simulation& sim, const Program& one, const Program& other) {
        const auto fail = [&](const std::string& what) {
            sim.fail("evs: programs " + std::to_string(one.number()) + " on node " +
                     std::to_string(one.node()) + " and " + std::to_string(other.number()) +
                     " on node " + std::to_string(other.node()) + what);
        };
        bool is_any = false;
        std::size_t last = 0;
        for (const Stretch& theirs : other.stretches()) {
            for (const MessageId& id : theirs.heard) {
                const auto place = places_.find(id);
                if (place == places_.end()) {
                    continue;
                }
                const std::string text = " message " + std::to_string(id.second) + " of program " +
                                         std::to_string(id.first);
                if (is_any && place->second.index <= last) {
                    return fail(" hear" + text + " in another order");
                }
                is_any = true;
                last = place->second.index;
                const Stretch& ours = one.stretches()[place->second.stretch];
                if (ours.regular != theirs.regular) {
                    return fail(" hear" + text + " in two configurations");
                }
                const bool go_together = ours.is_whole && theirs.is_whole &&
                                         ours.transitional == theirs.transitional &&
                                         one.joins() == other.joins();
                if (go_together && ours.heard != theirs.heard) {
                    return fail(" go on together and have not heard the same before, as of" + text);
                }
            }
        }
    }
    void act_later(Simulation& sim, ais_node_id node) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, node] {
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
        constexpr std::uint32_t all_groups = (1U << groups) - 1;
        if (here.size() < programs_max_) {
            // Half of them hear everything.
            const std::uint32_t joins =
                sim.random(2) == 0 ? all_groups
                                   : static_cast<std::uint32_t>(1 + sim.random(all_groups));
            programs_.push_back(
                std::make_unique<Program>(sim, node, programs_.size() + 1, joins, programs_));
            if (!programs_.back()->begin()) {
                programs_.pop_back();
            }
            return;
        }
        Program& program = *here[sim.random(here.size())];
        if (sim.random(100) < churn_percent_) {
            return program.die();
        }
        const std::uint64_t chance = sim.random(30);
        if (chance == 0) {
            return program.sleep(!program.is_asleep());
        }
        if (chance == 1) {
            return program.ask_membership();
        }
        for (std::uint64_t i = sim.random(4); i < 4; ++i) {
            const std::uint32_t targets =
                sim.random(2) == 0 ? program.joins()
                                   : static_cast<std::uint32_t>(1 + sim.random(all_groups));
            program.send(sim.random(3) == 0, targets, 1 + sim.random(size_max_));
        }
    }

    nanoseconds gap_{};
    std::uint64_t programs_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t size_max_ = 200;
    std::vector<std::unique_ptr<Program>> programs_;
    std::map<MessageId, Place> places_;
};

constexpr const char* plugins[] = {"evs", nullptr};

}  // namespace
}  // namespace ais::evs

AIS_WORKLOAD(evs) = ais::sim::describe_workload<ais::evs::Messages>(
    "evs",
    "extended virtual synchrony as programs see it: order, configurations",
    ais::evs::plugins);
