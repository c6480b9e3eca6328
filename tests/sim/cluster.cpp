// SPDX-License-Identifier: BSD-3-Clause

#include "sim/cluster.hpp"

#include "base/assert.hpp"

#include <ais/envelope.hpp>

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

namespace ais::sim {

namespace {

constexpr std::size_t garbage_max = 1400;
// Less than any packet needs.  Why: the beginning of a data packet is a data packet with less in
// it, which a seal keeps away and no decoder could.
constexpr std::size_t shortened_max = 40;

}  // namespace

Cluster::Cluster(std::uint64_t seed,
                 std::size_t nodes,
                 MachineSettings settings,
                 std::ostream* trace)
    : prng_(seed),
      network_(prng_, settings.links),
      settings_(std::move(settings)),
      trace_(trace),
      begin_(std::chrono::seconds(1)),
      now_(begin_),
      nodes_max_(nodes) {
    Surroundings& around = *this;
    for (std::size_t i = 1; i <= nodes; ++i) {
        machines_.push_back(
            std::make_unique<Machine>(around, NodeId(static_cast<ais_node_id>(i)), settings_));
    }
}

Cluster::~Cluster() = default;

// Time.

void Cluster::at(Duration age, std::function<void()> action) {
    Happening what;
    what.action = std::move(action);
    queue_.push(std::max(begin_ + age, now_), std::move(what));
}

void Cluster::after(std::chrono::nanoseconds delay, std::function<void()> action) {
    at(age() + delay, std::move(action));
}

void Cluster::wake_at(NodeId node, std::uint64_t life, Instant at) {
    Happening what;
    what.kind = Happening::Kind::wake;
    what.to = node;
    what.life = life;
    queue_.push(at, std::move(what));
}

void Cluster::dispatch_at(NodeId node, std::uint64_t life, Instant at) {
    Happening what;
    what.kind = Happening::Kind::dispatch;
    what.to = node;
    what.life = life;
    queue_.push(at, std::move(what));
}

void Cluster::call_at(NodeId node, std::uint64_t life, Instant at, std::function<void()> action) {
    Happening what;
    what.action = [this, node, life, action = std::move(action)] {
        Machine& machine = this->machine(node);
        if (machine.is_up() && machine.life() == life) {
            action();
        }
    };
    queue_.push(at, std::move(what));
}

void Cluster::run(Happening& what) {
    ++stats_.events;
    if (what.kind == Happening::Kind::action) {
        what.action();
        return;
    }
    Machine& machine = this->machine(what.to);
    if (what.kind == Happening::Kind::arrival) {
        ++stats_.datagrams;
        machine.arrive(what.link, {what.from, what.address, what.sent}, what.datagram->bytes);
        queue_.release(what.datagram);
        return;
    }
    if (!machine.is_up() || machine.life() != what.life) {
        return;
    }
    if (what.kind == Happening::Kind::wake) {
        machine.work();
    } else {
        machine.dispatch();
    }
}

void Cluster::run_until(Duration age) {
    const Instant end = begin_ + age;
    while (!queue_.empty() && queue_.first() <= end) {
        now_ = std::max(now_, queue_.first());
        Happening what = queue_.pop();
        run(what);
    }
    now_ = std::max(now_, end);
}

// Machines.

void Cluster::start(NodeId id, bool wiped) {
    has_lost_ring_number_ = has_lost_ring_number_ || wiped;
    machine(id).start(wiped);
    tell(id, "start", wiped ? "without its stored ring number" : "");
    if (workload_ != nullptr && machine(id).is_up()) {
        workload_->on_node_up(*this, id.value());
    }
}

void Cluster::crash(NodeId id, bool says_goodbye) {
    tell(id, says_goodbye ? "leave" : "crash", "");
    ++stats_.ends;
    if (says_goodbye) {
        machine(id).leave();
    } else {
        machine(id).crash();
    }
    if (workload_ != nullptr) {
        workload_->on_node_down(*this, id.value());
    }
}

void Cluster::poke(NodeId id) {
    if (machine(id).is_up()) {
        wake_at(id, machine(id).life(), now_);
    }
}

// Datagrams.

// The sender's line carries it once: copies for others are the switch's.
void Cluster::transmit(NodeId id,
                       totem::LinkId link,
                       Bytes datagram,
                       const std::vector<Target>& targets) {
    Machine& from = machine(id);
    if (targets.empty() || !network_.depart(now_, link, id, datagram.size())) {
        return;
    }
    Datagram* shared = nullptr;
    for (const Target& target : targets) {
        Machine& to = machine(target.node);
        if (target.address == everywhere || target.address == to.interface(link).address) {
            send(link, from, to, datagram, shared);
        }
    }
    if (shared != nullptr) {
        queue_.release(shared);
    }
}

void Cluster::send(totem::LinkId link, Machine& from, Machine& to, Bytes bytes, Datagram*& shared) {
    if (!settings_.is_sealed && from.key != to.key) {
        return;  // crypto_none has no keys: as if it did not open there
    }
    arrivals_.clear();
    network_.plan(now_, from.id(), to.id(), bytes, arrivals_, link);
    if (kept_max_ > 0) {
        keep({from.id(), to.id(), link, now_, arrivals_.empty() ? 0 : to.life(), {}}, bytes);
    }
    for (const Instant arrival : arrivals_) {
        Happening what;
        what.kind = Happening::Kind::arrival;
        what.link = link;
        what.to = to.id();
        what.from = from.id();
        what.address = from.interface(link).address;
        what.sent = now_;
        if (shared == nullptr) {
            shared = queue_.make(bytes);
        }
        queue_.share(shared);
        what.datagram = shared;
        queue_.push(arrival, std::move(what));
    }
}

void Cluster::keep(const Kept& what, Bytes bytes) {
    const bool has_room = kept_.size() < kept_max_;
    // A few old ones stay for long, the others are recent.
    if (!has_room && !prng_.chance(1, 16)) {
        return;
    }
    if (has_room) {
        kept_.emplace_back();
    }
    Kept& place = has_room ? kept_.back() : kept_[prng_.below(kept_.size())];
    place = what;
    place.bytes.assign(bytes.begin(), bytes.end());
}

// `as`: whose bytes these are; not valid: nobody has sealed them.
void Cluster::arrive_from_a_stranger(
    NodeId to, totem::LinkId link, NodeId as, Instant sent, Bytes bytes) {
    Happening what;
    what.kind = Happening::Kind::arrival;
    what.link = link;
    what.to = to;
    what.from = as;
    what.address = foreign;
    what.sent = sent;
    what.datagram = queue_.make(bytes);
    queue_.push(now_, std::move(what));
}

bool Cluster::replay(NodeId to) {
    std::vector<const Kept*> fitting;
    for (const Kept& kept : kept_) {
        if (kept.to == to && (settings_.is_sealed || kept.life != machine(to).life())) {
            fitting.push_back(&kept);
        }
    }
    if (fitting.empty() || !machine(to).is_up()) {
        return false;
    }
    const Kept& chosen = *fitting[prng_.below(fitting.size())];
    arrive_from_a_stranger(to, chosen.link, chosen.from, chosen.sent, chosen.bytes);
    ++stats_.replays;
    return true;
}

void Cluster::fill_with_chance(std::vector<std::uint8_t>& bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(prng_.next()));
    }
}

// Half of it has nothing to do with us, half is something real that was cut short or, if a seal
// must see that, changed.  Without a seal the header is right: what is behind it reaches the
// engine.
void Cluster::send_garbage(NodeId to) {
    std::vector<std::uint8_t> bytes;
    NodeId from(static_cast<ais_node_id>(1 + prng_.below(machines_.size())));
    totem::LinkId link = 0;
    const Kept* model = nullptr;
    if (!kept_.empty() && prng_.chance(1, 2)) {
        model = &kept_[prng_.below(kept_.size())];
        from = model->from;
        link = model->link;
    }
    if (from == to) {
        return;
    }
    if (settings_.is_sealed) {
        if (model == nullptr) {
            fill_with_chance(bytes, prng_.below(garbage_max));
        } else if (prng_.chance(1, 2)) {
            bytes.assign(model->bytes.begin(),
                         model->bytes.begin() +
                             static_cast<std::ptrdiff_t>(prng_.below(model->bytes.size())));
        } else {
            bytes = model->bytes;
            bytes[prng_.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << prng_.below(8));
        }
    } else {
        envelope::Header header;
        header.sender = from.value();
        header.counter = prng_.next();
        bytes.resize(envelope::header_size);
        envelope::write_header(header, bytes.data());
        if (model == nullptr) {
            fill_with_chance(bytes, prng_.below(garbage_max));
        } else {
            const std::size_t inside = model->bytes.size() - envelope::header_size;
            const auto begin = model->bytes.begin() + envelope::header_size;
            bytes.insert(
                bytes.end(),
                begin,
                begin + static_cast<std::ptrdiff_t>(prng_.below(std::min(inside, shortened_max))));
        }
    }
    arrive_from_a_stranger(to, link, NodeId(), now_, bytes);
    ++stats_.garbage;
}

// The end.

bool Cluster::is_whole() const {
    return why_not_whole().empty();
}

bool Cluster::is_quiet() const {
    const auto is_behind = [this](const auto& machine) {
        return machine->delivered() != machines_.front()->delivered() ||
               !machine->has_heard_itself();
    };
    return is_whole() && std::none_of(machines_.begin(), machines_.end(), is_behind);
}

std::string Cluster::why_not_whole() const {
    const auto about = [](const Machine& machine, const char* what) {
        return "node " + std::to_string(machine.id().value()) + ' ' + what;
    };
    const totem::RingId* ring = nullptr;
    for (const auto& machine : machines_) {
        service::Node* const node = machine->node();
        if (node == nullptr) {
            return about(*machine, "is not up");
        }
        const totem::Configuration& now = node->engine().configuration();
        if (!node->engine().is_operational() || now.members.size() != machines_.size()) {
            return about(*machine, "is not in a ring of all nodes");
        }
        if (ring != nullptr && *ring != now.ring) {
            return about(*machine, "is in another ring");
        }
        ring = &now.ring;
        if (!node->barrier().is_synced()) {
            return about(*machine, "is not synchronised");
        }
        if (node->groups().backlog() > 0) {
            return about(*machine, "has messages that are not sent");
        }
    }
    return {};
}

void Cluster::close() {
    const bool is_equal = is_whole();
    for (const auto& machine : machines_) {
        if (machine->is_up()) {
            history_.unsent(LifeId{machine->id(), machine->life()},
                            machine->node()->groups().backlog());
            if (is_equal) {
                machine->compare_state(~totem::Seq{0});  // a place that no datagram has
            }
        }
    }
}

// Words.

void Cluster::tell(NodeId node, std::string_view what, std::string_view text) {
    if (trace_ == nullptr) {
        return;
    }
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(age()).count();
    std::ostringstream line;
    line << std::setw(5) << us / 1000000 << '.' << std::setw(6) << std::setfill('0') << us % 1000000
         << std::setfill(' ') << "  ";
    if (node.is_valid()) {
        line << std::setw(2) << node.value();
    } else {
        line << " -";
    }
    line << "  " << std::left << std::setw(13) << what << ' ' << text << '\n';
    *trace_ << line.view();
}

void Cluster::fail(std::string_view what) {
    tell({}, "VIOLATION", what);
    if (violations_.size() < violations_max) {
        violations_.emplace_back(what);
    }
}

void Cluster::note(std::string_view what) {
    tell({}, "note", what);
}

// What workloads see.

const Machine* Cluster::find(ais_node_id node) const {
    return node >= 1 && node <= machines_.size() ? machines_[node - 1].get() : nullptr;
}

bool Cluster::is_up(ais_node_id node) const {
    const Machine* machine = find(node);
    return machine != nullptr && machine->is_up();
}

bool Cluster::is_synced(ais_node_id node) const {
    return is_up(node) && find(node)->node()->barrier().is_synced();
}

std::vector<ais_node_id> Cluster::members(ais_node_id node) const {
    std::vector<ais_node_id> members;
    if (is_up(node)) {
        for (const NodeId member : find(node)->node()->engine().configuration().members) {
            members.push_back(member.value());
        }
    }
    return members;
}

std::uint64_t Cluster::configurations(ais_node_id node) const {
    return find(node)->configurations();
}

Client* Cluster::connect(ais_node_id node,
                         std::uint16_t service_id,
                         Bytes hello,
                         ClientHandler& handler,
                         std::uint32_t pid) {
    return find(node) != nullptr ? machine(NodeId(node)).connect(service_id, hello, handler, pid)
                                 : nullptr;
}

void Cluster::restart(ais_node_id node, std::chrono::nanoseconds down_for) {
    const NodeId id(node);
    if (!is_up(node) || machine(id).is_paused()) {
        return;
    }
    crash(id, true);
    after(down_for, [this, id] {
        if (!is_up(id.value())) {
            start(id, false);
        }
    });
}

std::string Cluster::save(ais_node_id node, std::uint16_t service_id) {
    return find(node) != nullptr ? machine(NodeId(node)).save(service_id) : std::string();
}

void Cluster::configure(std::string_view section, std::string_view key, std::string_view value) {
    settings_.tree.root().child(section).set(key, value);
}

}  // namespace ais::sim
