// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of cpg: they join groups, send, leave, die, and are held against a small model
// of what a member may see.
//
// A member's view begins with the change that brings it in.  From then on it must be told of each
// change as differences that fit its view (the library's, and one of ours), hear only members, and
// hear each of them in order and without a gap.  In the end all members of a group
// have one view, which is who is there.

#include "view.hpp"
#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ais::cpg {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;

using Who = std::pair<std::uint32_t, std::uint32_t>;  // node, pid

class Member final : public ClientHandler {
  public:
    Member(Simulation& sim, ais_node_id node, std::string group)
        : sim_(sim), node_(node), group_(std::move(group)) {}

    // False: the node takes no clients now.
    bool join() {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        me_ = {node_, client_->pid()};
        std::uint8_t head_space[JoinRequest::head_size];
        Writer head(head_space);
        JoinRequest{join_number_sent, as_bytes(group_)}.encode_head(head);
        Appender body;
        body.bytes(head.written());
        body.bytes(as_bytes(group_));
        client_->request(
            static_cast<std::uint16_t>(RequestKind::join), join_serial, body.written());
        return true;
    }
    void send(bool is_safe, std::size_t size) {
        if (!is_member_ || client_ == nullptr || client_->is_held_back() ||
            sent_ - heard_own_ > outstanding_max) {
            return;
        }
        Appender body;
        body.u64(sent_ + 1);
        body.bytes(as_bytes(std::string(size, static_cast<char>('a' + sent_ % 26))));
        const auto kind = is_safe ? RequestKind::mcast_safe : RequestKind::mcast_agreed;
        if (client_->request(static_cast<std::uint16_t>(kind), 0, body.written())) {
            ++sent_;
        }
    }
    void leave() {
        if (is_member_ && !is_leaving_ && client_ != nullptr &&
            client_->request(static_cast<std::uint16_t>(RequestKind::leave), leave_serial, {})) {
            is_leaving_ = true;
        }
    }
    // The process ends without a word.
    void die() {
        if (client_ != nullptr) {
            client_->close();
            end();
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] bool is_member() const { return is_member_; }
    [[nodiscard]] bool is_settled() const {
        return is_gone() || (is_member_ && !is_leaving_ && sent_ == heard_own_);
    }
    [[nodiscard]] const std::set<Who>& view() const { return view_; }
    [[nodiscard]] const std::string& group() const { return group_; }
    [[nodiscard]] const Who& me() const { return me_; }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes) override {
        if (serial == join_serial && error != 0) {
            // TRY_AGAIN: the same process id is still leaving, or the send queue is full.
            client_->close();
            end();
        }
        if (serial == leave_serial && error != 0) {
            is_leaving_ = false;
        }
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        switch (static_cast<EventKind>(kind)) {
            case EventKind::message:
                return on_message(body);
            case EventKind::change:
                return on_change(body);
            case EventKind::ring:
                break;
        }
    }
    void on_closed(std::string_view) override { end(); }

  private:
    static constexpr std::uint64_t join_serial = 1;
    static constexpr std::uint32_t join_number_sent = 1;
    static constexpr std::uint64_t leave_serial = 2;
    static constexpr std::uint64_t outstanding_max = 64;

    void end() {
        client_ = nullptr;
        is_member_ = false;
    }
    void fail(const std::string& what) {
        sim_.fail("cpg: pid " + std::to_string(me_.second) + " of node " + std::to_string(node_) +
                  " in " + group_ + ": " + what);
    }
    static std::string name_of(const Who& who) {
        return std::to_string(who.first) + '/' + std::to_string(who.second);
    }

    void on_message(Bytes body) {
        Reader in(body);
        const DeliveryHead head = DeliveryHead::decode(in);
        const Who from{head.node, head.pid};
        const std::uint64_t number = in.u64();
        const Bytes text = in.rest();
        if (!in.ok() || std::any_of(text.begin(), text.end(), [&](std::uint8_t c) {
                return c != 'a' + (number - 1) % 26;
            })) {
            return fail("hears a message that nobody has sent");
        }
        if (!view_.contains(from)) {
            return fail("hears " + name_of(from) + ", who is no member");
        }
        const auto [last, is_first] = last_.try_emplace(from, number);
        if (!is_first && number != last->second + 1) {
            return fail("hears message " + std::to_string(number) + " of " + name_of(from) +
                        " after " + std::to_string(last->second));
        }
        last->second = number;
        if (from == me_) {
            heard_own_ = number;
        }
    }

    void on_change(Bytes body) {
        ChangeEvent change;
        if (!ChangeEvent::decode(body, change) || change.number != join_number_sent) {
            return fail("is told a change that is none of its group");
        }
        Told told;
        const View::Heard heard = kept_.hear(change, told);
        if (heard == View::Heard::broken) {
            return fail("is told a change that does not follow from those before");
        }
        if (heard == View::Heard::part) {
            return;
        }
        std::set<Who> after;
        for (const cpg_address& process : told.members()) {
            after.insert({process.nodeid, process.pid});
        }
        if (!is_member_ && !after.contains(me_)) {
            return fail("is told a change before it has joined");
        }
        std::set<Who> expected = is_member_ ? view_ : after;
        for (const cpg_address& process : told.left()) {
            const Who who{process.nodeid, process.pid};
            if (is_member_ && expected.erase(who) == 0) {
                fail(name_of(who) + " leaves and was no member");
            }
            last_.erase(who);
        }
        for (const cpg_address& process : told.joined()) {
            const Who who{process.nodeid, process.pid};
            if (is_member_ && !expected.insert(who).second) {
                fail(name_of(who) + " joins and was a member");
            }
            last_.erase(who);
        }
        if (expected != after) {
            fail("is told members that do not follow from the changes");
        }
        view_ = after;
        is_member_ = after.contains(me_);
        if (!is_member_ && client_ != nullptr) {
            if (!is_leaving_) {
                fail("is told that it has left, and did not want to");
            }
            client_->close();
            end();
        }
    }

    Simulation& sim_;
    ais_node_id node_;
    std::string group_;
    Client* client_ = nullptr;
    Who me_;
    bool is_member_ = false;
    bool is_leaving_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t heard_own_ = 0;
    View kept_;
    std::set<Who> view_;
    std::map<Who, std::uint64_t> last_;
};

class Groups final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(20000 + sim.random(300000));
        groups_ = 1 + sim.random(4);
        members_max_ = 1 + sim.random(4);
        churn_percent_ = sim.random(40);
        size_max_ = sim.random(5) == 0 ? 8000 : 200;
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    [[nodiscard]] bool is_settled(Simulation&) override {
        return std::all_of(members_.begin(), members_.end(), [](const auto& member) {
            return member->is_settled();
        });
    }
    // All who are there see each other, and nobody else.
    void check(Simulation& sim) override {
        std::map<std::string, std::set<Who>> present;
        for (const auto& member : members_) {
            if (member->is_member()) {
                present[member->group()].insert(member->me());
            }
        }
        for (const auto& member : members_) {
            if (member->is_member() && member->view() != present[member->group()]) {
                sim.fail("cpg: in the end pid " + std::to_string(member->me().second) +
                         " of node " + std::to_string(member->me().first) + " sees " +
                         std::to_string(member->view().size()) + " members of " + member->group() +
                         " where " + std::to_string(present[member->group()].size()) + " are");
            }
        }
    }

  private:
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
        std::vector<Member*> here;
        for (const auto& member : members_) {
            if (!member->is_gone() && member->me().first == node) {
                here.push_back(member.get());
            }
        }
        const bool churns = sim.random(100) < churn_percent_;
        if (here.size() < members_max_ && (here.empty() || churns)) {
            members_.push_back(std::make_unique<Member>(
                sim, node, "group-" + std::to_string(sim.random(groups_))));
            if (!members_.back()->join()) {
                members_.pop_back();
            }
            return;
        }
        if (here.empty()) {
            return;
        }
        Member& member = *here[sim.random(here.size())];
        if (churns) {
            sim.random(2) == 0 ? member.leave() : member.die();
        } else {
            member.send(sim.random(3) == 0, 1 + sim.random(size_max_));
        }
    }

    std::chrono::nanoseconds gap_{};
    std::uint64_t groups_ = 1;
    std::uint64_t members_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t size_max_ = 200;
    std::vector<std::unique_ptr<Member>> members_;
};

constexpr const char* plugins[] = {"cpg", nullptr};

}  // namespace
}  // namespace ais::cpg

AIS_WORKLOAD(cpg) = ais::sim::describe_workload<ais::cpg::Groups>(
    "cpg", "process groups: joins, leaves, deaths, messages, one view", ais::cpg::plugins);
