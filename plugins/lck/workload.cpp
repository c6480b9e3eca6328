// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of lck: they lock and unlock several resources, wait, give up, close, sleep and
// die, and are held against what the service promises.
//
//   * Mutual exclusion: of two programs that believe to hold locks in conflict, with numbers of one
//     ring, one has asked for unlock, or is gone.
//   * No two grants have one fencing number, on whichever side of a division.
//     (Not after a machine has lost its ring number: man/lck.7 says so.)
//   * A program that asks after a grant has been heard on its node gets a higher number, also after
//     the node was started anew; and in the end each resource is locked with a number above all
//     that were ever heard.
//   * In each replica that serves: who is at the head of a queue is really blocked (no lost
//     wake-up), no request is undecided, nobody who writes has overtaken another.
//   * A lock is lost only with a notice.
//   * In half of the seeds there is a quorum plugin: only a component with more than half of the
//     nodes grants, and in another no replica has a granted lock.
//   * In the end all that waited are answered; programs hold one lock while they wait for
//     another, so a circle that is not found would stay.

#include "snapshot.hpp"
#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ais::lck {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;

constexpr std::int32_t ok = 1;          // SA_AIS_OK
constexpr std::int32_t timed_out = 5;   // SA_AIS_ERR_TIMEOUT
constexpr std::int32_t try_again = 6;   // SA_AIS_ERR_TRY_AGAIN
constexpr std::int32_t bad_handle = 9;  // SA_AIS_ERR_BAD_HANDLE
constexpr std::int32_t not_exist = 12;  // SA_AIS_ERR_NOT_EXIST

std::string name_of(std::size_t resource) {
    return "resource-" + std::to_string(resource);
}
bool is_of_one_ring(Fence a, Fence b) {
    return a.high == b.high && a.low >> 48 == b.low >> 48;
}
std::string text_of(Fence fence) {
    return std::to_string(fence.high) + ":" + std::to_string(fence.low);
}

class Program;

// What all programs have heard.
class Observer {
  public:
    Observer(Simulation& sim, std::size_t members_needed)
        : sim_(sim), members_needed_(members_needed) {}

    // By what the quorum plugin says.
    [[nodiscard]] bool is_primary(ais_node_id node) const {
        return sim_.members(node).size() >= members_needed_;
    }

    // A number came with a grant, or with an answer about a lock that `who` has had before.
    void on_number(const std::string& who, std::size_t resource, ais_node_id node, Fence fence) {
        const auto [place, is_new] = owners_.emplace(fence, who);
        if (!is_new && place->second != who && !sim_.has_lost_ring_number()) {
            sim_.fail("lck: number " + text_of(fence) + " is of " + who + " and of " +
                      place->second);
        }
        Fence& here = heard_[{node, resource}];
        here = std::max(here, fence);
        Fence& all = heard_[{0, resource}];
        all = std::max(all, fence);
    }
    // The highest of this node, or of all (0).
    [[nodiscard]] Fence heard(ais_node_id node, std::size_t resource) {
        return heard_[{node, resource}];
    }

  private:
    Simulation& sim_;
    std::size_t members_needed_;  // 0: every component grants
    std::map<Fence, std::string> owners_;
    std::map<std::pair<ais_node_id, std::size_t>, Fence> heard_;
};

class Program final : public ClientHandler {
  public:
    struct Held {
        std::size_t resource = 0;
        Mode mode = Mode::exclusive;
        Fence fence;  // none yet: an asynchronous one
        bool is_unlocking = false;
        bool is_missing = false;  // the service does not know it: a notice must come
    };

    Program(Simulation& sim,
            Observer& observer,
            std::vector<std::unique_ptr<Program>>& all,
            ais_node_id node,
            std::size_t resources,
            std::uint64_t number)
        : sim_(sim),
          observer_(observer),
          all_(all),
          node_(node),
          resources_(resources),
          number_(number) {}

    // False: the node takes no clients now.
    bool begin() {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{wire_version, watch_all}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        for (std::size_t resource = 0; resource < resources_; ++resource) {
            open(resource);
        }
        return true;
    }
    void lock(
        std::size_t resource, Mode mode, std::uint32_t flags, std::int64_t timeout, bool is_async) {
        if (!is_idle() || !is_open_[resource]) {
            return;
        }
        LockRequest wanted;
        wanted.id = ++last_id_;
        wanted.invocation = wanted.id;
        wanted.handle = handle_of_[resource];
        wanted.signal = number_;
        wanted.mode = mode;
        wanted.flags = flags;
        wanted.timeout = timeout;
        Appender body;
        wanted.encode(is_async, body);
        Asked asked{Asked::lock, resource, wanted.id, mode, observer_.heard(node_, resource)};
        asked.flags = flags;
        asked.configurations = sim_.configurations(node_);
        if (is_async) {
            if (client_->request(number_of(RequestKind::lock_async), 0, body.written())) {
                async_.emplace(wanted.id, asked);
            }
        } else {
            ask(RequestKind::lock, body, asked);
        }
    }
    void unlock_one() {
        if (!is_ready()) {
            return;
        }
        for (auto& [id, held] : held_) {
            if (!held.is_unlocking) {
                held.is_unlocking = true;
                ask_about(
                    RequestKind::unlock, id, {Asked::unlock, held.resource, id, held.mode, {}});
                return;
            }
        }
    }
    // Another thread takes the request back.
    void unlock_waiting() {
        for (const auto& [serial, asked] : asked_) {
            if (asked.what == Asked::lock) {
                return take_back(asked);
            }
        }
        if (!async_.empty()) {
            take_back(async_.begin()->second);
        }
    }
    void cancel_waiting() {
        for (const auto& [serial, asked] : asked_) {
            if (asked.what == Asked::lock) {
                Appender body;
                body.u64(asked.id);
                if (client_->request(number_of(RequestKind::cancel), 0, body.written())) {
                    given_up_.insert(asked.id);
                }
                return;
            }
        }
    }
    void ask_number() {
        if (is_ready() && !held_.empty()) {
            const auto at =
                std::next(held_.begin(), static_cast<std::ptrdiff_t>(sim_.random(held_.size())));
            if (!at->second.is_unlocking) {
                ask_about(RequestKind::fence,
                          at->first,
                          {Asked::fence, at->second.resource, at->first, at->second.mode, {}});
            }
        }
    }
    void purge(std::size_t resource) {
        if (is_ready() && is_open_[resource]) {
            ask_about(
                RequestKind::purge, handle_of_[resource], {Asked::purge, resource, 0, {}, {}});
        }
    }
    void close(std::size_t resource) {
        if (!is_idle() || !is_open_[resource]) {
            return;
        }
        is_open_[resource] = false;
        std::erase_if(held_, [&](const auto& one) { return one.second.resource == resource; });
        ask_about(RequestKind::close, handle_of_[resource], {Asked::close, resource, 0, {}, {}});
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
            forget();
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] bool is_asleep() const { return is_asleep_; }
    [[nodiscard]] bool is_waiting() const { return client_ != nullptr && !is_idle(); }
    // It can ask: nothing is under way that a thread would wait for.
    [[nodiscard]] bool is_idle() const { return is_ready() && asked_.empty() && async_.empty(); }
    [[nodiscard]] bool has_nothing() const { return is_gone() || (is_idle() && held_.empty()); }
    [[nodiscard]] bool is_open(std::size_t resource) { return is_open_[resource]; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] const std::map<std::uint64_t, Held>& held() const { return held_; }
    [[nodiscard]] std::string who() const {
        return "program " + std::to_string(number_) + " on node " + std::to_string(node_);
    }
    [[nodiscard]] std::string missing() const {
        for (const auto& [id, held] : held_) {
            if (held.is_missing) {
                return who() + " has lost lock " + std::to_string(id) + " of " +
                       name_of(held.resource) + " and was not told";
            }
        }
        return {};
    }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        const auto found = asked_.find(serial);
        if (found == asked_.end()) {
            return fail("is answered what it has not asked");
        }
        const Asked asked = found->second;
        asked_.erase(found);
        if (error == AIS_ERR_AGAIN && body.empty()) {
            return die();  // the kernel's word: this node had no ring for too long
        }
        switch (asked.what) {
            case Asked::open:
                if (error == ok) {
                    is_open_[asked.resource] = true;
                } else if (error != try_again) {
                    fail("cannot open, error " + std::to_string(error));
                }
                return;
            case Asked::lock: {
                LockAnswer answer;
                if (error == ok && LockAnswer::decode(body, answer)) {
                    on_decided(asked, answer.status, answer.fence);
                } else if (error != timed_out && error != try_again && error != bad_handle) {
                    fail("is refused a lock, error " + std::to_string(error));
                }
                return;
            }
            case Asked::unlock:
                if (error == try_again) {
                    const auto lock = held_.find(asked.id);
                    if (lock != held_.end()) {
                        lock->second.is_unlocking = false;
                    }
                    return;
                }
                if (error != ok && error != not_exist) {
                    return fail("cannot unlock, error " + std::to_string(error));
                }
                if (error == not_exist && !lost_.contains(asked.id)) {
                    return mark_missing(asked.id);
                }
                held_.erase(asked.id);
                return;
            case Asked::take_back:
                // Whatever it was is over; a grant that was on its way is dropped.
                taken_back_.erase(asked.id);
                if (error == ok || error == not_exist) {
                    held_.erase(asked.id);
                    async_.erase(asked.id);
                } else if (const auto lock = held_.find(asked.id); lock != held_.end()) {
                    lock->second.is_unlocking = false;
                }
                return;
            case Asked::fence: {
                const auto lock = held_.find(asked.id);
                if (lock == held_.end()) {
                    return;
                }
                Fence fence;
                if (error == ok && Fence::decode(body, fence)) {
                    if (fence < lock->second.fence) {
                        return fail("has a lock whose number has become lower");
                    }
                    lock->second.fence = fence;
                    observer_.on_number(label(asked.id), asked.resource, node_, fence);
                    check_exclusion(asked.id);
                } else if (error == not_exist) {
                    mark_missing(asked.id);
                } else {
                    fail("is told no number, error " + std::to_string(error));
                }
                return;
            }
            case Asked::close:
                if (error == try_again) {
                    return die();
                }
                return open(asked.resource);
            case Asked::purge:
                return;
        }
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        Reader in(body);
        GrantedEvent granted;
        WaiterEvent waiter;
        switch (static_cast<EventKind>(kind)) {
            case EventKind::granted: {
                if (!GrantedEvent::decode(body, granted)) {
                    return fail("hears of a decision that does not decode");
                }
                const auto found = async_.find(granted.id);
                if (found == async_.end()) {
                    return;  // it was taken back
                }
                const Asked asked = found->second;
                async_.erase(found);
                if (granted.error == ok) {
                    on_decided(asked, granted.status, {});
                }
                return;
            }
            case EventKind::waiter:
                if (!WaiterEvent::decode(body, waiter) ||
                    !are_in_conflict(waiter.held, waiter.requested)) {
                    fail("is told that somebody waits who does not");
                }
                return;
            case EventKind::lost: {
                const std::uint64_t id = in.u64();
                if (!lost_.insert(id).second) {
                    return fail("is told twice that a lock is lost");
                }
                held_.erase(id);
                return;
            }
            default:
                fail("hears what it has not asked for");
        }
    }
    void on_closed(std::string_view why) override {
        if (why.find("decode") != std::string_view::npos) {
            fail("is cut off: " + std::string(why));
        }
        forget();
    }

  private:
    struct Asked {
        enum What : std::uint8_t { open, lock, unlock, take_back, fence, close, purge };
        What what = open;
        std::size_t resource = 0;
        std::uint64_t id = 0;
        Mode mode = Mode::exclusive;
        Fence heard;  // on this node before it was asked
        std::uint32_t flags = 0;
        std::uint64_t configurations = 0;  // that its node had had then
    };

    [[nodiscard]] bool is_ready() const {
        return client_ != nullptr && !is_asleep_ && !client_->is_held_back();
    }
    [[nodiscard]] std::string label(std::uint64_t id) const {
        return "lock " + std::to_string(id) + " of " + who();
    }
    void open(std::size_t resource) {
        handle_of_[resource] = ++last_handle_;
        Appender body;
        body.u64(handle_of_[resource]);
        body.u32(flag_create);
        body.bytes(as_bytes(name_of(resource)));
        ask(RequestKind::open, body, {Asked::open, resource, 0, {}, {}});
    }
    void take_back(Asked asked) {
        asked.what = Asked::take_back;
        if (taken_back_.insert(asked.id).second) {
            ask_about(RequestKind::unlock, asked.id, asked);
        }
    }
    void ask(RequestKind kind, const Appender& body, const Asked& asked) {
        const std::uint64_t serial = ++last_serial_;
        asked_.emplace(serial, asked);
        if (!client_->request(number_of(kind), serial, body.written())) {
            asked_.erase(serial);
            die();
        }
    }
    void ask_about(RequestKind kind, std::uint64_t target, const Asked& asked) {
        Appender body;
        body.u64(target);
        ask(kind, body, asked);
    }
    void on_decided(const Asked& asked, Status status, Fence fence) {
        if (status == Status::granted) {
            if (asked.configurations == sim_.configurations(node_) &&
                !observer_.is_primary(node_)) {
                return fail("is granted " + name_of(asked.resource) + " where the quorum is not");
            }
            if (given_up_.contains(asked.id)) {
                return;  // the service gives it back
            }
            held_[asked.id] = {
                asked.resource, asked.mode, fence, taken_back_.contains(asked.id), false};
            if (fence != Fence{}) {
                if (fence <= asked.heard && !sim_.has_lost_ring_number()) {
                    fail("is granted " + name_of(asked.resource) + " with number " +
                         text_of(fence) + " after " + text_of(asked.heard) +
                         " was heard on its node");
                }
                observer_.on_number(label(asked.id), asked.resource, node_, fence);
                check_exclusion(asked.id);
            }
            return;
        }
        const bool may = status == Status::not_queued     ? true
                         : status == Status::orphaned     ? (asked.flags & flag_orphan) != 0
                         : status == Status::deadlock     ? true
                         : status == Status::duplicate_ex ? asked.mode == Mode::exclusive
                                                          : false;
        if (!may) {
            fail("has a status that cannot be: " + std::to_string(static_cast<int>(status)));
        }
    }
    void mark_missing(std::uint64_t id) {
        const auto found = held_.find(id);
        if (found != held_.end()) {
            found->second.is_missing = true;
        }
    }
    void check_exclusion(std::uint64_t id) {
        if (sim_.has_lost_ring_number()) {
            return;  // two rings may look like one
        }
        const Held& mine = held_.at(id);
        for (const auto& other : all_) {
            for (const auto& [other_id, held] : other->held()) {
                if ((other.get() == this && other_id == id) || held.is_unlocking ||
                    mine.is_unlocking || held.resource != mine.resource ||
                    !is_of_one_ring(held.fence, mine.fence) ||
                    !are_in_conflict(held.mode, mine.mode)) {
                    continue;
                }
                fail("has " + name_of(mine.resource) + " with number " + text_of(mine.fence) +
                     " while " + other->who() + " has it with " + text_of(held.fence));
            }
        }
    }
    void forget() {
        client_ = nullptr;
        asked_.clear();
        async_.clear();
        held_.clear();
    }
    void fail(const std::string& what) { sim_.fail("lck: " + who() + " " + what); }

    Simulation& sim_;
    Observer& observer_;
    std::vector<std::unique_ptr<Program>>& all_;
    ais_node_id node_;
    std::size_t resources_;
    std::uint64_t number_;
    Client* client_ = nullptr;
    bool is_asleep_ = false;
    std::map<std::size_t, bool> is_open_;
    std::map<std::size_t, std::uint64_t> handle_of_;
    std::map<std::uint64_t, Asked> asked_;  // by serial
    std::map<std::uint64_t, Asked> async_;  // by id
    std::map<std::uint64_t, Held> held_;    // by id
    std::set<std::uint64_t> lost_;
    std::set<std::uint64_t> given_up_;    // ids that were cancelled
    std::set<std::uint64_t> taken_back_;  // ids whose unlock is under way
    std::uint64_t last_id_ = 0;
    std::uint64_t last_handle_ = 0;
    std::uint64_t last_serial_ = 0;
};

class Locks final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(10000 + sim.random(200000));
        resources_ = 1 + sim.random(4);
        programs_max_ = 1 + sim.random(4);
        churn_percent_ = sim.random(20);
        reader_percent_ = sim.random(80);
        orphan_percent_ = sim.random(3) == 0 ? 10 : 0;
        async_percent_ = sim.random(2) == 0 ? 30 : 0;
        sleep_percent_ = sim.random(4) == 0 ? 5 : 0;
        held_max_ = 1 + sim.random(3);
        // Why not one more draw: what a seed does besides stays as it was.
        if (gap_.count() / 1000 % 2 == 1) {
            members_needed_ = sim.nodes() / 2 + 1;
            sim.configure("quorum", "needed", std::to_string(members_needed_));
        }
    }
    void start(Simulation& sim) override {
        observer_.emplace(sim, members_needed_);
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    // Calm, and one ring: let everything go, purge, then lock each resource once.
    [[nodiscard]] bool is_settled(Simulation& sim) override {
        bool has_all_let_go = true;
        for (const auto& program : programs_) {
            program->sleep(false);
            has_all_let_go = has_all_let_go && program->has_nothing();
        }
        if (cleaner_ == nullptr || cleaner_->is_gone()) {
            programs_.push_back(
                make_program(sim, 1 + static_cast<ais_node_id>(sim.random(sim.nodes()))));
            cleaner_ = programs_.back().get();
            cleaned_ = 0;
            if (!cleaner_->begin()) {
                cleaner_ = nullptr;
            }
            return false;
        }
        return clean(sim) && has_all_let_go;
    }
    void check(Simulation& sim) override {
        for (const auto& program : programs_) {
            if (const std::string missing = program->missing(); !missing.empty()) {
                sim.fail("lck: " + missing);
            }
        }
        const auto image = restore(as_bytes(sim.save(1, service_id)));
        if (!image) {
            return sim.fail("lck: " + image.error().text);
        }
        for (const Image::Part& part : image->resources) {
            if (!part.locks.empty()) {
                sim.fail("lck: " + part.name + " is locked in the end, and nobody knows of it");
            }
        }
    }

  private:
    std::unique_ptr<Program> make_program(Simulation& sim, ais_node_id node) {
        return std::make_unique<Program>(
            sim, *observer_, programs_, node, resources_, programs_.size() + 1);
    }
    // One step at a time; true: all resources were locked.
    bool clean(Simulation& sim) {
        if (!cleaner_->is_idle()) {
            return false;
        }
        if (!cleaner_->held().empty()) {
            const Program::Held& held = cleaner_->held().begin()->second;
            if (held.resource == cleaned_) {
                // `before_` was asked for before the request.
                if (held.fence <= before_ && !sim.has_lost_ring_number()) {
                    sim.fail("lck: " + name_of(cleaned_) + " is locked with number " +
                             text_of(held.fence) + " after " + text_of(before_));
                }
                ++cleaned_;
            }
            cleaner_->unlock_one();
            return false;
        }
        if (cleaned_ == resources_) {
            return true;
        }
        if (!cleaner_->is_open(cleaned_)) {
            return false;
        }
        // Orphans may be in the way, of this one or of a program that has this one: all in turn.
        if (!std::exchange(has_purged_, !has_purged_)) {
            purged_ = (purged_ + 1) % resources_;
            cleaner_->purge(purged_);
            return false;
        }
        before_ = observer_->heard(0, cleaned_);
        cleaner_->lock(cleaned_, Mode::exclusive, 0, 1'000'000'000, false);
        return false;
    }
    void act_later(Simulation& sim, ais_node_id node) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(std::chrono::nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, node] {
            act(sim, node);
            act_later(sim, node);
        });
    }
    void act(Simulation& sim, ais_node_id node) {
        if (sim.random(8) == 0) {
            inspect(sim, node);
        }
        std::vector<Program*> here;
        for (const auto& program : programs_) {
            if (!program->is_gone() && program->node() == node && program.get() != cleaner_) {
                here.push_back(program.get());
            }
        }
        if (sim.is_calm()) {
            for (Program* program : here) {
                program->sleep(false);
                if (program->is_idle()) {
                    program->unlock_one();  // one thread: who waits gives nothing back
                }
            }
            return;
        }
        const bool churns = sim.random(100) < churn_percent_;
        if (here.size() < programs_max_ && (here.empty() || churns)) {
            programs_.push_back(make_program(sim, node));
            if (!programs_.back()->begin()) {
                programs_.pop_back();
            }
            return;
        }
        if (here.empty()) {
            return;
        }
        Program& program = *here[sim.random(here.size())];
        if (sim.random(100) < sleep_percent_) {
            return program.sleep(!program.is_asleep());
        }
        if (churns) {
            return sim.random(3) == 0 ? program.die() : program.close(sim.random(resources_));
        }
        if (program.is_waiting()) {
            const std::uint64_t chance = sim.random(30);
            return chance == 0   ? program.unlock_waiting()
                   : chance == 1 ? program.cancel_waiting()
                                 : void();
        }
        const bool has_enough = program.held().size() >= held_max_;
        switch (sim.random(8)) {
            case 0:
                return program.ask_number();
            case 1:
                return orphan_percent_ > 0 ? program.purge(sim.random(resources_)) : void();
            case 2:
            case 3:
            case 4:
                return program.unlock_one();
            default:
                return has_enough ? program.unlock_one() : lock(sim, program);
        }
    }
    void lock(Simulation& sim, Program& program) {
        const Mode mode =
            sim.random(100) < reader_percent_ ? Mode::protected_read : Mode::exclusive;
        std::uint32_t flags = sim.random(6) == 0 ? flag_no_queue : 0;
        flags |= sim.random(100) < orphan_percent_ ? flag_orphan : 0;
        const std::int64_t timeout =
            sim.random(2) == 0 ? LockRequest::for_ever
                               : 1'000'000 + static_cast<std::int64_t>(sim.random(3'000'000'000));
        program.lock(
            sim.random(resources_), mode, flags, timeout, sim.random(100) < async_percent_);
    }
    // What a replica that serves must look like.
    void inspect(Simulation& sim, ais_node_id node) const {
        if (!sim.is_up(node) || !sim.is_synced(node)) {
            return;
        }
        const auto image = restore(as_bytes(sim.save(node, service_id)));
        if (!image) {
            return sim.fail("lck: node " + std::to_string(node) + ": " + image.error().text);
        }
        if (image->is_frozen) {
            return;
        }
        const bool is_primary = observer_->is_primary(node);
        for (const Image::Part& part : image->resources) {
            bool has_held = false;
            bool has_exclusive = false;
            std::uint64_t exclusive_place = 0;
            for (const Image::LockPart& lock : part.locks) {
                if (lock.kind == Kind::granted && !is_primary) {
                    sim.fail("lck: node " + std::to_string(node) + ", " + part.name +
                             ": it is held where the quorum is not");
                }
                if (lock.kind == Kind::granted && part.past.overtakes(lock.mode, lock.since) &&
                    !sim.has_lost_ring_number()) {
                    sim.fail("lck: node " + std::to_string(node) + ", " + part.name +
                             ": somebody was there while it was held");
                }
                if (lock.kind == Kind::granted || lock.kind == Kind::orphan) {
                    has_held = true;
                    if (lock.mode == Mode::exclusive) {
                        has_exclusive = true;
                        exclusive_place = lock.place;
                    }
                }
            }
            const auto fail = [&](const char* what) {
                sim.fail("lck: node " + std::to_string(node) + ", " + part.name + ": " + what);
            };
            bool is_head = true;
            for (const Image::LockPart& lock : part.locks) {
                if (lock.kind == Kind::fresh) {
                    fail("a request is not decided");
                }
                if (lock.kind != Kind::waiting) {
                    continue;
                }
                const bool is_blocked = lock.mode == Mode::exclusive ? has_held : has_exclusive;
                if (is_head && !is_blocked && is_primary) {
                    fail("the first in the queue waits for nobody");
                }
                is_head = false;
                if (has_exclusive && lock.place < exclusive_place) {
                    fail("a request was overtaken by a writer");
                }
            }
        }
    }

    std::chrono::nanoseconds gap_{};
    std::size_t resources_ = 1;
    std::uint64_t programs_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t reader_percent_ = 0;
    std::uint64_t orphan_percent_ = 0;
    std::uint64_t async_percent_ = 0;
    std::uint64_t sleep_percent_ = 0;
    std::uint64_t held_max_ = 1;
    std::size_t members_needed_ = 0;
    std::optional<Observer> observer_;
    std::vector<std::unique_ptr<Program>> programs_;
    Program* cleaner_ = nullptr;
    std::size_t cleaned_ = 0;
    std::size_t purged_ = 0;
    bool has_purged_ = false;
    Fence before_;
};

constexpr const char* plugins[] = {"lck", "quorum_majority", nullptr};

}  // namespace
}  // namespace ais::lck

AIS_WORKLOAD(lck) = ais::sim::describe_workload<ais::lck::Locks>(
    "lck", "locks: exclusion, order, fencing numbers, deadlocks, orphans", ais::lck::plugins);
