// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of clm: they track in all ways, stop, ask about nodes and die, and are held
// against what the service promises.
//
//   * A tracker's view follows from what it is told: who joins was not in it, who leaves was, who
//   is
//     unchanged is as before; after each report it has as many members as the report says.
//   * Numbers of views grow.
//   * An answer about a node, and the current view, agree with what was told before them.
//   * In the end every tracker sees all nodes, with their names, and all see the same of each.

#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ais::clm {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;
using std::chrono::nanoseconds;

constexpr std::int32_t ok = 1;          // SA_AIS_OK
constexpr std::int32_t not_exist = 12;  // SA_AIS_ERR_NOT_EXIST
constexpr std::int32_t no_space = 15;   // SA_AIS_ERR_NO_SPACE

using Members = std::map<std::uint32_t, Facts>;

class Tracker final : public ClientHandler {
  public:
    Tracker(Simulation& sim, ais_node_id node) : sim_(sim), node_(node) {}

    // False: the node takes no clients now.
    bool begin() {
        Appender hello;
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        track();
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
            is_asleep_ = on;
            client_->set_dispatching(!on);
        }
    }
    void act() {
        if (doing_ != Doing::nothing) {
            return;
        }
        if (!is_tracking_) {
            return track();
        }
        switch (sim_.random(6)) {
            case 0:
                return stop();
            case 1:
                return get(static_cast<std::uint32_t>(1 + sim_.random(sim_.nodes() + 1)));
            case 2:
                return sleep(!is_asleep_);
            case 3:
                return look();
            default:
                return ask(static_cast<std::uint32_t>(1 + sim_.random(sim_.nodes() + 1)));
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] bool is_idle() const { return doing_ == Doing::nothing && asked_.empty(); }
    [[nodiscard]] bool is_local() const { return (flags_ & TrackRequest::local) != 0; }
    // Nothing: it does not know, as it has only been told of changes.
    [[nodiscard]] const std::optional<Members>& view() const { return view_; }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        const Doing what = std::exchange(doing_, Doing::nothing);
        if (serial != serial_) {
            return fail("gets a response that it does not wait for");
        }
        if (error == AIS_ERR_AGAIN) {
            return on_refused(what);
        }
        switch (what) {
            case Doing::track:
                return on_tracked(error, body);
            case Doing::look:
                return on_looked(error, body);
            case Doing::stop:
                return error == ok ? void() : fail("cannot stop, error " + std::to_string(error));
            case Doing::get:
                return on_node(wanted_, error, body, std::nullopt);
            case Doing::ask:
                return error == ok ? void() : fail("cannot ask, error " + std::to_string(error));
            case Doing::nothing:
                return fail("gets a response and has asked nothing");
        }
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        Reader in(body);
        ViewReport report;
        switch (static_cast<EventKind>(kind)) {
            case EventKind::step:
                return fail("is told a step of a change that nobody has ordered");
            case EventKind::current:
            case EventKind::changed: {
                const std::uint32_t epoch = in.u32();
                if (!ViewReport::decode(in, report)) {
                    return fail("is told a view that does not decode");
                }
                if (epoch != epoch_) {
                    return;  // asked for before it stopped; the library drops it as well
                }
                return static_cast<EventKind>(kind) == EventKind::current ? on_current(report)
                                                                          : on_changed(report);
            }
            case EventKind::node: {
                const std::uint64_t invocation = in.u64();
                const auto error = static_cast<std::int32_t>(in.u32());
                const auto asked = asked_.find(invocation);
                if (!in.ok() || asked == asked_.end()) {
                    return fail("is told of a node that it has not asked about");
                }
                const auto [node, epoch] = asked->second;
                asked_.erase(asked);
                // Asked before it stopped: the view of now came past it, with a response.
                return on_node(node, error, in.rest(), epoch == epoch_ ? view_ : std::nullopt);
            }
        }
        fail("gets an event of kind " + std::to_string(kind));
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    enum class Doing : std::uint8_t { nothing, track, look, stop, get, ask };

    void request(RequestKind kind, Doing doing, const Appender& body) {
        doing_ = doing;
        if (!client_->request(static_cast<std::uint16_t>(kind), ++serial_, body.written())) {
            fail("has no room for a request");
        }
    }
    void fail(const std::string& what) {
        sim_.fail("clm: tracker on node " + std::to_string(node_) + ": " + what);
    }

    [[nodiscard]] bool is_changes_only() const {
        return (flags_ & TrackRequest::changes_only) != 0;
    }

    void track() {
        constexpr std::uint32_t extras[] = {
            TrackRequest::local, TrackRequest::start_step, TrackRequest::validate_step};
        flags_ = sim_.random(2) == 0 ? TrackRequest::changes : TrackRequest::changes_only;
        for (const std::uint32_t extra : extras) {
            flags_ |= sim_.random(4) == 0 ? extra : 0;
        }
        answer_ = static_cast<Answer>(sim_.random(3));
        flags_ |= answer_ != Answer::none ? TrackRequest::current : 0;
        number_ = 0;
        view_.reset();
        is_tracking_ = true;
        Appender body;
        TrackRequest{flags_, answer_, TrackRequest::unlimited, epoch_}.encode(body);
        request(RequestKind::track, Doing::track, body);
    }
    void on_tracked(std::int32_t error, Bytes body) {
        if (error != ok) {
            return fail("cannot track, error " + std::to_string(error));
        }
        if (answer_ == Answer::buffer) {
            Reader in(body);
            ViewReport report;
            return ViewReport::decode(in, report) ? on_current(report)
                                                  : fail("gets a view that does not decode");
        }
    }
    // Once, beside the tracking: too small a buffer, or a callback in the order of the others.
    void look() {
        answer_ = sim_.random(4) == 0 ? Answer::buffer : Answer::callback;
        Appender body;
        // A track without changes leaves the tracking as it is, and local is asked for anew.
        TrackRequest{TrackRequest::current | (flags_ & TrackRequest::local),
                     answer_,
                     answer_ == Answer::buffer ? 0 : TrackRequest::unlimited,
                     epoch_}
            .encode(body);
        request(RequestKind::track, Doing::look, body);
    }
    void on_looked(std::int32_t error, Bytes body) {
        if (answer_ == Answer::callback) {
            return error == ok ? void() : fail("cannot look, error " + std::to_string(error));
        }
        Reader in(body);
        const std::uint32_t needed = in.u32();
        if (error != no_space || !in.finished() || needed == 0 || needed > sim_.nodes() ||
            (is_local() && needed != 1)) {
            fail("has a buffer of nothing, and hears error " + std::to_string(error) + " and " +
                 std::to_string(needed) + " that are needed");
        }
    }
    void stop() {
        is_tracking_ = false;
        ++epoch_;
        view_.reset();
        request(RequestKind::track_stop, Doing::stop, {});
    }
    void get(std::uint32_t node) {
        wanted_ = node;
        Appender body;
        body.u32(node);
        request(RequestKind::node_get, Doing::get, body);
    }
    void ask(std::uint32_t node) {
        Appender body;
        body.u32(node);
        body.u64(serial_ + 1);
        asked_[serial_ + 1] = {node, epoch_};
        request(RequestKind::node_ask, Doing::ask, body);
    }
    void on_refused(Doing what) {
        if (what == Doing::track) {
            is_tracking_ = false;
        } else if (what == Doing::stop) {
            die();  // what it is told now is of the epoch before
        } else if (what == Doing::ask) {
            asked_.erase(serial_);
        }
    }

    // `view`: what was told before the answer, where that is known.
    void on_node(std::uint32_t wanted,
                 std::int32_t error,
                 Bytes body,
                 const std::optional<Members>& view) {
        Reader in(body);
        Member member;
        const bool is_found = error == ok;
        if (!is_found && (error != not_exist || wanted == node_)) {
            return fail("hears error " + std::to_string(error) + " of node " +
                        std::to_string(wanted));
        }
        if (is_found && (!Member::decode(in, member) || !in.finished())) {
            return fail("hears of a node what does not decode");
        }
        if (is_found && (member.facts.node != wanted || !is_named(member.facts))) {
            return fail("asks about node " + std::to_string(wanted) + " and hears of '" +
                        member.facts.name + "'");
        }
        if (!view || is_local()) {
            return;
        }
        const auto known = view->find(wanted);
        if (is_found != (known != view->end()) || (is_found && known->second != member.facts)) {
            fail("hears of node " + std::to_string(wanted) + " what its view does not have");
        }
    }
    static bool is_named(const Facts& facts) {
        return facts.name == "node" + std::to_string(facts.node);
    }

    bool check_items(const ViewReport& report) {
        std::uint32_t last = 0;
        for (const Item& item : report.items) {
            const Facts& facts = item.member.facts;
            if (facts.node <= last || facts.node > sim_.nodes() || !is_named(facts) ||
                item.member.initial_view > report.number || (is_local() && facts.node != node_)) {
                fail("is told a line about node " + std::to_string(facts.node) + " in view " +
                     std::to_string(report.number));
                return false;
            }
            last = facts.node;
        }
        return true;
    }
    void on_current(const ViewReport& report) {
        if (!check_items(report)) {
            return;
        }
        if (report.number < number_) {
            return fail("has view " + std::to_string(number_) + " and is told " +
                        std::to_string(report.number));
        }
        number_ = report.number;
        Members members;
        for (const Item& item : report.items) {
            members.emplace(item.member.facts.node, item.member.facts);
            if (item.change != Change::none) {
                return fail("is told the current view with a change");
            }
        }
        if (members.size() != (is_local() ? 1 : report.members)) {
            return fail("is told a current view that is not whole");
        }
        if (view_ && *view_ != members) {
            return fail("is told a current view that does not follow from the changes");
        }
        view_ = members;
    }
    void on_changed(const ViewReport& report) {
        if (!check_items(report)) {
            return;
        }
        if (report.number <= number_) {
            return fail("is told view " + std::to_string(report.number) + " after " +
                        std::to_string(number_));
        }
        number_ = report.number;
        const bool is_whole = !is_local() && !is_changes_only();
        Members after = view_ && (is_local() || is_changes_only()) ? *view_ : Members();
        std::size_t left = 0;
        bool has_change = false;
        for (const Item& item : report.items) {
            const Facts& facts = item.member.facts;
            if (!fits(item)) {
                return fail("is told change " +
                            std::to_string(static_cast<std::uint32_t>(item.change)) + " of node " +
                            std::to_string(facts.node) + ", which does not fit its view");
            }
            has_change = has_change || item.change != Change::none;
            if (item.change == Change::left) {
                ++left;
                after.erase(facts.node);
            } else {
                after[facts.node] = facts;
            }
        }
        if (!has_change) {
            return fail("is told of no change");
        }
        if (is_whole && view_ && report.items.size() != after.size() + left) {
            return fail("is told one node twice");
        }
        if ((is_whole || (view_ && !is_local())) && after.size() != report.members) {
            return fail("comes to " + std::to_string(after.size()) + " members in view " +
                        std::to_string(report.number) + ", which has " +
                        std::to_string(report.members));
        }
        if (is_whole && view_) {
            for (const auto& [node, facts] : *view_) {
                if (!std::any_of(report.items.begin(), report.items.end(), [&](const Item& item) {
                        return item.member.facts.node == node;
                    })) {
                    return fail("is told nothing of node " + std::to_string(node) +
                                ", which was a member");
                }
            }
        }
        if (is_whole || view_) {
            view_ = std::move(after);
        }
    }
    // A line of a change against the view before it.
    [[nodiscard]] bool fits(const Item& item) const {
        if (item.change == Change::none && is_changes_only()) {
            return false;
        }
        if (!view_) {
            return true;
        }
        const auto before = view_->find(item.member.facts.node);
        switch (item.change) {
            case Change::none:
                return before != view_->end() && before->second == item.member.facts;
            case Change::joined:
                return before == view_->end();
            case Change::left:
                return before != view_->end() && item.member.facts.node != node_;
            case Change::reconfigured:
                return before != view_->end() && before->second != item.member.facts;
            case Change::unlocked:
            case Change::shutdown:
                return false;  // nobody locks here
        }
        return false;
    }

    Simulation& sim_;
    ais_node_id node_;
    Client* client_ = nullptr;
    Doing doing_ = Doing::nothing;
    std::uint64_t serial_ = 0;
    bool is_tracking_ = false;
    bool is_asleep_ = false;
    std::uint32_t flags_ = 0;
    Answer answer_ = Answer::none;
    std::uint32_t epoch_ = 0;
    std::uint32_t wanted_ = 0;
    std::map<std::uint64_t, std::pair<std::uint32_t, std::uint32_t>> asked_;  // node, epoch
    std::uint64_t number_ = 0;
    std::optional<Members> view_;
};

class Membership final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(20000 + sim.random(300000));
        trackers_max_ = 1 + sim.random(4);
        churn_percent_ = sim.random(20);
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    [[nodiscard]] bool is_settled(Simulation& sim) override {
        for (const auto& tracker : trackers_) {
            tracker->sleep(false);
        }
        return std::all_of(trackers_.begin(), trackers_.end(), [&](const auto& tracker) {
            return tracker->is_gone() ||
                   (tracker->is_idle() && (!tracker->view() || tracker->is_local() ||
                                           tracker->view()->size() == sim.nodes()));
        });
    }
    void check(Simulation& sim) override {
        Members all;
        for (const auto& tracker : trackers_) {
            if (tracker->is_gone() || !tracker->view()) {
                continue;
            }
            const Members& view = *tracker->view();
            if (view.size() != sim.nodes() &&
                !(view.size() == 1 && view.contains(tracker->node()) && tracker->is_local())) {
                sim.fail("clm: a tracker on node " + std::to_string(tracker->node()) + " sees " +
                         std::to_string(view.size()) + " of " + std::to_string(sim.nodes()) +
                         " nodes in the end");
            }
            for (const auto& [node, facts] : view) {
                if (all.emplace(node, facts).first->second != facts) {
                    sim.fail("clm: two trackers see node " + std::to_string(node) +
                             " otherwise in the end");
                }
            }
        }
    }

  private:
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
        std::vector<Tracker*> here;
        for (const auto& tracker : trackers_) {
            if (!tracker->is_gone() && tracker->node() == node) {
                here.push_back(tracker.get());
            }
        }
        if (here.size() < trackers_max_) {
            trackers_.push_back(std::make_unique<Tracker>(sim, node));
            if (!trackers_.back()->begin()) {
                trackers_.pop_back();
            }
            return;
        }
        Tracker& tracker = *here[sim.random(here.size())];
        sim.random(100) < churn_percent_ ? tracker.die() : tracker.act();
    }

    nanoseconds gap_{};
    std::uint64_t trackers_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::vector<std::unique_ptr<Tracker>> trackers_;
};

constexpr const char* plugins[] = {"clm", nullptr};

}  // namespace
}  // namespace ais::clm

AIS_WORKLOAD(clm) = ais::sim::describe_workload<ais::clm::Membership>(
    "clm", "cluster membership: trackers of all kinds, one view", ais::clm::plugins);
