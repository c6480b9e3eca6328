// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of msg: they open queues, send to them and to groups, get, ask for replies,
// give up, close and die, and are held against what docs/protocol/msg.md promises.
//
//   * Nothing is handed out that was not sent there, or whose sending was refused.  Only
//     "try again" leaves that open, in a ring that breaks; other errors are final on all sides.
//   * A message that was accepted is handed out, as long as one node has lived on that had it then.
//   * A message is not handed out twice by one executive, nor by a node that was in the ring of
//     the first time and has stayed there for seconds.
//   * Through one open, what one sender has sent with one priority comes in its order, but for what
//     it was told to try again when a ring broke.  Not where queues are unlinked or deleted: a
//     merge may bring one back and make it one with the queue that has got its name meanwhile.
//   * The reply that a request gets is its own.  (Accepted may be two: of one whose sender is cut
//     off in that moment the requester does not know.)
//   * A close is answered, and when it is, its queue is not open any more where it was asked.  What
//     other threads get meanwhile counts as gotten.
//   * In the end nobody waits in Get while a message waits in the queue, and all queues run empty.
//   * In quiet at the end, a round robin group gives each member its share exactly.

#include "snapshot.hpp"
#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ais::msg {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;
using std::chrono::nanoseconds;

constexpr std::uint32_t tag = 1;
constexpr std::size_t outstanding_max = 150;
constexpr std::int32_t ok = 1;  // SA_AIS_OK
constexpr std::int32_t bad_handle = 9;
constexpr std::int32_t no_space = 15;
constexpr std::int32_t timed_out = 5;
constexpr std::int32_t try_again = 6;
constexpr std::int32_t queue_full = 23;

// What is known of one message.
struct Sent {
    std::string destination;
    std::uint64_t program = 0;
    std::uint8_t priority = 0;
    std::uint64_t place = 0;  // among those of its program
    bool is_accepted = false;
    bool is_refused = false;
    // Another side may have accepted it, while its sender was told that it is refused, or is gone.
    bool is_disowned = false;
    std::set<ais_node_id> holders;  // nodes that had it when it was accepted, and have lived since
    std::set<std::string> gotten;   // from these queues
};

class Ledger {
  public:
    std::uint64_t begin(Sent sent) {
        messages_[++last_] = std::move(sent);
        return last_;
    }
    Sent* find(std::uint64_t stamp) {
        const auto found = messages_.find(stamp);
        return found != messages_.end() ? &found->second : nullptr;
    }
    void forget(ais_node_id node) {
        ++lives_[node];
        for (auto& [stamp, sent] : messages_) {
            sent.holders.erase(node);
        }
        known_[node].clear();
    }
    // `node` knows that this message has left this queue.
    void learn(ais_node_id node, std::uint64_t stamp, const std::string& queue) {
        known_[node].insert({stamp, queue});
    }
    [[nodiscard]] bool knows(ais_node_id node, std::uint64_t stamp, const std::string& queue) {
        return known_[node].contains({stamp, queue});
    }
    // How many may still be handed out.
    [[nodiscard]] std::size_t outstanding() const {
        return static_cast<std::size_t>(
            std::count_if(messages_.begin(), messages_.end(), [](const auto& of) {
                return !of.second.is_refused && of.second.gotten.empty();
            }));
    }
    // Which life of this node it is.
    [[nodiscard]] std::uint64_t life(ais_node_id node) { return lives_[node]; }
    [[nodiscard]] const std::map<std::uint64_t, Sent>& messages() const { return messages_; }

  private:
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Sent> messages_;
    std::map<ais_node_id, std::set<std::pair<std::uint64_t, std::string>>> known_;
    std::map<ais_node_id, std::uint64_t> lives_;
};

std::string payload(std::uint64_t stamp, std::size_t size) {
    Appender out;
    out.u64(stamp);
    std::string text = out.take();
    text.resize(std::max<std::size_t>(size, 8), 'd');
    return text;
}
std::uint64_t stamp_of(Bytes data) {
    Reader in(data);
    return in.u64();
}

// What all simulated processes have in common.
class Program : public ClientHandler {
  public:
    Program(Simulation& sim, Ledger& ledger, ais_node_id node, std::uint64_t number)
        : sim_(sim), ledger_(ledger), node_(node), number_(number) {}

    // False: the node takes no clients now.
    bool connect() {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        return client_ != nullptr;
    }
    void die() {
        if (client_ != nullptr) {
            client_->close();
            client_ = nullptr;
            on_end();
        }
    }
    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    void on_closed(std::string_view) override {
        client_ = nullptr;
        on_end();
    }

  protected:
    virtual void on_end() {}

    bool request(RequestKind kind, std::uint64_t serial, const Appender& body) {
        return request(kind, serial, body.written());
    }
    bool request(RequestKind kind, std::uint64_t serial, Bytes body) {
        if (client_ == nullptr) {
            return false;
        }
        if (!client_->request(static_cast<std::uint16_t>(kind), serial, body)) {
            die();
            return false;
        }
        return true;
    }
    void note(const std::string& what, std::uint64_t stamp) {
        if (sim_.is_traced()) {
            sim_.note("program " + std::to_string(number_) + " on node " + std::to_string(node_) +
                      " " + what + " " + std::to_string(stamp));
        }
    }
    void fail(const std::string& what) {
        sim_.fail("msg: program " + std::to_string(number_) + " on node " + std::to_string(node_) +
                  ": " + what);
    }

    Simulation& sim_;
    Ledger& ledger_;
    ais_node_id node_;
    std::uint64_t number_;
    Client* client_ = nullptr;
    std::uint64_t last_serial_ = 0;
};

// How programs behave in a run.
struct Manners {
    std::uint64_t die_percent = 0;      // between a message and its receipt
    std::uint64_t give_up_percent = 0;  // of gets
    std::uint64_t tight_percent = 0;    // of gets: with a buffer that is too small
    std::uint64_t close_percent = 0;    // after a message: the process ends, or closes first
    bool closes = false;
    std::uint64_t silent_percent = 0;  // of requests: no reply
    std::uint64_t gets_at_once = 1;
    bool wants_callbacks = false;
    bool queues_go = false;  // are unlinked, or have a retention time
    bool leaves = false;     // executives are stopped in an unlucky moment
    Attributes attributes;
};

// Sends, with and without a reply, and arranges groups.
class Producer final : public Program {
  public:
    Producer(Simulation& sim,
             Ledger& ledger,
             ais_node_id node,
             std::uint64_t number,
             const Manners& manners)
        : Program(sim, ledger, node, number), manners_(manners) {}

    void send(const std::string& to, std::uint8_t priority, std::size_t size) {
        Appender body;
        const std::uint64_t stamp = write(body, to, priority, size);
        ask(RequestKind::send, body, stamp, 0);
    }
    void send_receive(const std::string& to, nanoseconds patience, std::uint64_t capacity) {
        const std::uint64_t id = ++last_id_;
        Appender body;
        body.u64(id);
        body.u64(capacity);
        const std::uint64_t stamp = write(body, to, 1, 8);
        if (!ask(RequestKind::send_receive, body, stamp, id)) {
            return;
        }
        const std::uint64_t serial = last_serial_;
        sim_.after(patience, [this, serial, id] {
            // As the library does when its time is over.
            if (client_ != nullptr && pending_.contains(serial)) {
                Appender forget;
                forget.u64(id);
                forgetting_.insert(++last_serial_);
                request(RequestKind::forget, last_serial_, forget);
            }
        });
    }
    void arrange(RequestKind kind,
                 const std::string& group,
                 const std::string& queue,
                 Policy policy) {
        Appender body;
        if (kind == RequestKind::group_create) {
            body.u32(static_cast<std::uint32_t>(policy));
            body.bytes(as_bytes(group));
        } else if (kind == RequestKind::unlink) {
            body.bytes(as_bytes(queue));
        } else {
            body.text(group);
            body.bytes(as_bytes(queue));
        }
        request(kind, ++last_serial_, body);
        arranging_.insert(last_serial_);
    }
    [[nodiscard]] bool is_idle() const {
        return client_ == nullptr || (pending_.empty() && arranging_.empty());
    }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        arranging_.erase(serial);
        if (forgetting_.erase(serial) > 0 && error == AIS_ERR_AGAIN) {
            return die();  // the kernel's word: the service still waits for the reply
        }
        const auto found = pending_.find(serial);
        if (found == pending_.end()) {
            return;
        }
        const Pending pending = found->second;
        pending_.erase(found);
        Sent& sent = *ledger_.find(pending.stamp);
        const bool is_exchange = pending.id != 0;
        if (is_exchange && error == ok) {
            Message reply;
            if (!Message::decode(body, reply) || stamp_of(reply.data) != pending.stamp) {
                return fail("gets a reply that is not its own");
            }
        }
        if (error == ok || (is_exchange && (error == no_space || error == timed_out))) {
            // A request that timed out may have been accepted; nothing is promised for it.
            if (error == ok && !is_exchange) {
                accept(sent, pending);
                leave_after_refusal(sent);
            }
            return;
        }
        if ((error == try_again || error == AIS_ERR_AGAIN) &&
            (!pending.was_synced || pending.configurations != sim_.configurations(node_))) {
            sent.is_disowned = true;
            return;  // the ring has changed
        }
        if (error == queue_full) {
            refused_.insert({sent.destination, sent.priority});
        }
        sent.is_refused = true;
        if (!sent.gotten.empty()) {
            fail("is refused a message (error " + std::to_string(error) +
                 ") that has been handed out");
        }
    }

  protected:
    void on_end() override {
        for (const auto& [serial, pending] : pending_) {
            ledger_.find(pending.stamp)->is_disowned = true;
        }
    }

  private:
    struct Pending {
        std::uint64_t stamp = 0;
        std::uint64_t id = 0;                          // of an exchange
        std::map<ais_node_id, std::uint64_t> members;  // when it was sent, and their lives
        std::uint64_t configurations = 0;
        bool was_synced = false;
    };

    std::uint64_t write(Appender& body,
                        const std::string& to,
                        std::uint8_t priority,
                        std::size_t size) {
        Sent sent;
        sent.destination = to;
        sent.program = number_;
        sent.priority = priority;
        sent.place = ++place_;
        const std::uint64_t stamp = ledger_.begin(std::move(sent));
        Message message;
        message.priority = priority;
        const std::string who = std::to_string(number_);
        message.sender = who;
        body.text(to);
        message.encode_head(body);
        body.bytes(as_bytes(payload(stamp, size)));
        return stamp;
    }
    bool ask(RequestKind kind, const Appender& body, std::uint64_t stamp, std::uint64_t id) {
        if (!request(kind, ++last_serial_, body)) {
            return false;
        }
        Pending& pending = pending_[last_serial_];
        pending.stamp = stamp;
        pending.id = id;
        for (const ais_node_id node : sim_.members(node_)) {
            pending.members[node] = ledger_.life(node);
        }
        pending.configurations = sim_.configurations(node_);
        pending.was_synced = sim_.is_synced(node_);
        return true;
    }
    void accept(Sent& sent, const Pending& pending) {
        sent.is_accepted = true;
        note("has sent to " + sent.destination, pending.stamp);
        sent.holders.insert(node_);
        if (pending.was_synced && sim_.is_synced(node_) &&
            pending.configurations == sim_.configurations(node_)) {
            for (const auto& [node, life] : pending.members) {
                if (sim_.is_up(node) && life == ledger_.life(node)) {
                    sent.holders.insert(node);
                }
            }
        }
    }

    // The executive stops in the moment in which it has said yes to a message, and no to one
    // before it, perhaps before anybody else knows of either.
    void leave_after_refusal(const Sent& sent) {
        if (manners_.leaves && refused_.erase({sent.destination, sent.priority}) > 0 &&
            !sim_.is_calm() && sim_.random(2) == 0) {
            sim_.after({}, [this] {
                sim_.restart(node_, nanoseconds(100'000'000 + sim_.random(500'000'000)));
            });
        }
    }

    const Manners& manners_;
    std::set<std::pair<std::string, std::uint8_t>> refused_;  // destination, priority
    std::map<std::uint64_t, Pending> pending_;                // by serial
    std::set<std::uint64_t> arranging_;                       // serials
    std::set<std::uint64_t> forgetting_;                      // serials
    std::uint64_t last_id_ = 0;
    std::uint64_t place_ = 0;
};

// Opens a queue and gets.
class Consumer final : public Program {
  public:
    Consumer(Simulation& sim,
             Ledger& ledger,
             ais_node_id node,
             std::uint64_t number,
             std::string queue,
             const Manners& manners,
             const std::vector<std::unique_ptr<Consumer>>& all)
        : Program(sim, ledger, node, number),
          queue_(std::move(queue)),
          manners_(manners),
          all_(all) {}

    bool begin() {
        if (!connect()) {
            return false;
        }
        OpenRequest open;
        open.tag = tag;
        open.flags = flag_create | (manners_.wants_callbacks ? flag_receive_callback : 0);
        open.attributes = manners_.attributes;
        Appender body;
        open.encode_head(body, false);
        body.bytes(as_bytes(queue_));
        return request(RequestKind::open, open_serial, body);
    }
    [[nodiscard]] const std::string& queue() const { return queue_; }
    [[nodiscard]] bool is_waiting() const { return is_open_ && !gets_.empty(); }
    [[nodiscard]] bool was_told_of_all() const {
        return !manners_.wants_callbacks || announced_ >= gotten_;
    }

    void on_response(std::uint64_t serial, std::int32_t error, Bytes body) override {
        if (serial == open_serial) {
            if (error != ok) {
                return die();  // BUSY, TRY_AGAIN, EXIST
            }
            is_open_ = true;
            for (std::uint64_t i = 0; i < manners_.gets_at_once; ++i) {
                get();
            }
            return;
        }
        if (is_closing_ && serial == close_serial_) {
            return on_left(error);
        }
        const auto found = gets_.find(serial);
        if (found == gets_.end()) {
            return;  // of a reply, of a get that was given up
        }
        const std::uint64_t id = found->second;
        gets_.erase(found);
        if (error == ok) {
            return on_message(id, body);
        }
        if (is_closing_) {
            return;
        }
        if (error == bad_handle || error == AIS_ERR_AGAIN) {
            return die();  // another side keeps the queue
        }
        // NO_SPACE, INTERRUPT
        get(error == no_space);
    }
    void on_event(std::uint16_t kind, Bytes body) override {
        Reader in(body);
        if (static_cast<EventKind>(kind) != EventKind::received || in.u32() != tag ||
            !in.finished() || !manners_.wants_callbacks) {
            return fail("is told something that it has not asked for");
        }
        ++announced_;
        if (++heard_ == received_credit / 2) {
            Appender heard;
            heard.u32(tag);
            heard.u32(std::exchange(heard_, 0));
            request(RequestKind::heard, 0, heard);
        }
    }

  private:
    static constexpr std::uint64_t open_serial = 1;

    [[nodiscard]] bool happens(std::uint64_t percent) {
        return !sim_.is_calm() && sim_.random(100) < percent;
    }

    void get(bool needs_room = false) {
        if (client_ == nullptr || is_closing_) {
            return;
        }
        GetRequest wanted;
        wanted.tag = tag;
        wanted.get = ++last_get_;
        wanted.capacity =
            !needs_room && happens(manners_.tight_percent) ? sim_.random(20) : any_size;
        std::uint8_t space[GetRequest::size];
        Writer body(space);
        wanted.encode(body);
        last_serial_ = std::max(last_serial_, open_serial) + 1;
        const std::uint64_t serial = last_serial_;
        const std::uint64_t id = wanted.get;
        if (!request(RequestKind::get, serial, body.written())) {
            return;
        }
        gets_[serial] = id;
        if (happens(manners_.give_up_percent)) {
            sim_.after(nanoseconds(sim_.random(20'000'000)), [this, serial, id] {
                if (client_ != nullptr && gets_.erase(serial) > 0) {
                    about_get(RequestKind::abandon_get, id);
                    get();
                }
            });
        }
    }
    bool about_get(RequestKind kind, std::uint64_t id) {
        Appender body;
        body.u32(tag);
        body.u64(id);
        return request(kind, 0, body);
    }

    void on_message(std::uint64_t id, Bytes body) {
        Reader in(body);
        const std::uint64_t sender_id = in.u64();
        Message message;
        if (!in.ok() || !Message::decode(in.rest(), message)) {
            return fail("gets a message that does not decode");
        }
        const std::uint64_t stamp = stamp_of(message.data);
        if (happens(manners_.die_percent)) {
            note("dies and has not got", stamp);
            return die();
        }
        note("gets from " + queue_, stamp);
        if (!about_get(RequestKind::got, id)) {
            return;
        }
        record(stamp, message);
        if (sender_id != 0 && !happens(manners_.silent_percent)) {
            Appender reply;
            reply.u64(sender_id);
            Message().encode_head(reply);
            reply.bytes(as_bytes(payload(stamp, 8 + sim_.random(20))));
            last_serial_ = std::max(last_serial_, open_serial) + 1;
            request(RequestKind::reply, last_serial_, reply);
        }
        if (!is_closing_ && happens(manners_.close_percent)) {
            return manners_.closes ? leave() : die();
        }
        get();
    }
    void leave() {
        is_closing_ = true;
        is_open_ = false;
        last_serial_ = std::max(last_serial_, open_serial) + 1;
        close_serial_ = last_serial_;
        Appender body;
        body.u32(tag);
        request(RequestKind::close, close_serial_, body);
    }
    void on_left(std::int32_t error) {
        if (error != ok && error != bad_handle && error != AIS_ERR_AGAIN) {
            return fail("cannot close " + queue_ + ", error " + std::to_string(error));
        }
        if (error == ok) {
            expect_closed();
        }
        die();
    }
    // Unless somebody who came after us has opened it.
    void expect_closed() {
        const auto image = restore(as_bytes(sim_.save(node_, service_id)));
        const bool may_be_open = std::any_of(all_.begin(), all_.end(), [&](const auto& other) {
            return other->node_ == node_ && other->queue_ == queue_ && other->number_ > number_;
        });
        if (!image || may_be_open || manners_.queues_go) {
            return;
        }
        for (const QueueImage& one : image->queues) {
            if (one.name == queue_ && !one.is_unlinked && one.owner.node == node_) {
                fail("is told that " + queue_ + " is closed, and it is open");
            }
        }
    }

    void record(std::uint64_t stamp, const Message& message) {
        ++gotten_;
        Sent* sent = ledger_.find(stamp);
        const std::string what = "message " + std::to_string(stamp) + " of " + queue_;
        if (sent == nullptr || message.sender != std::to_string(sent->program) ||
            message.priority != sent->priority) {
            return fail("gets " + what + ", which nobody has sent so");
        }
        if (sent->destination.starts_with("queue") && sent->destination != queue_) {
            return fail("gets " + what + ", which was sent to " + sent->destination);
        }
        if (sent->is_refused) {
            return fail("gets " + what + ", which was refused");
        }
        if (!mine_.insert(stamp).second) {
            return fail("gets " + what + " twice");
        }
        // With a queue that was deleted what it knew is gone as well.
        if (!manners_.queues_go && ledger_.knows(node_, stamp, queue_)) {
            return fail("gets " + what + ", of which its node knows that it was handed out");
        }
        if (manners_.gets_at_once == 1 && !sent->is_disowned && !manners_.queues_go) {
            std::uint64_t& last = last_[{sent->program, sent->priority}];
            if (sent->place <= last) {
                return fail("gets " + what + " after a later one of its sender");
            }
            last = sent->place;
        }
        sent->gotten.insert(queue_);
        // What this executive was told is ordered before all that it does later.
        ledger_.learn(node_, stamp, queue_);
        learn_later(stamp);
    }
    // Who is in this ring now, and still seconds later, has had the receipt delivered.
    void learn_later(std::uint64_t stamp) {
        if (!sim_.is_synced(node_)) {
            return;
        }
        const auto members = sim_.members(node_);
        const std::uint64_t configurations = sim_.configurations(node_);
        sim_.after(std::chrono::seconds(4), [this, stamp, members, configurations] {
            const auto is_there = [&](ais_node_id node) {
                return sim_.is_up(node) && sim_.is_synced(node) && sim_.members(node) == members;
            };
            if (ledger_.knows(node_, stamp, queue_) &&
                configurations == sim_.configurations(node_) &&
                std::all_of(members.begin(), members.end(), is_there)) {
                for (const ais_node_id node : members) {
                    ledger_.learn(node, stamp, queue_);
                }
            }
        });
    }

    std::string queue_;
    const Manners& manners_;
    const std::vector<std::unique_ptr<Consumer>>& all_;
    bool is_open_ = false;
    bool is_closing_ = false;
    std::uint64_t close_serial_ = 0;
    std::uint64_t last_get_ = 0;
    std::uint64_t announced_ = 0;
    std::uint32_t heard_ = 0;  // of them, since the service was told
    std::uint64_t gotten_ = 0;
    std::map<std::uint64_t, std::uint64_t> gets_;  // serial → get
    std::set<std::uint64_t> mine_;
    std::map<std::pair<std::uint64_t, std::uint8_t>, std::uint64_t> last_;  // by sender, priority
};

class Messages final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(20000 + sim.random(300000));
        queues_ = 1 + sim.random(3);
        groups_ = sim.random(3);
        consumers_percent_ = 10 + sim.random(50);
        churn_percent_ = sim.random(20);
        request_percent_ = sim.random(30);
        unlinks_ = sim.random(6) == 0;
        const auto some = [&](std::uint64_t most) {
            return sim.random(2) == 0 ? 0 : sim.random(most);
        };
        manners_.die_percent = some(20);
        manners_.give_up_percent = some(40);
        manners_.tight_percent = some(20);
        manners_.close_percent = some(30);
        manners_.silent_percent = some(50);
        manners_.gets_at_once = sim.random(3) == 0 ? 3 : 1;
        manners_.wants_callbacks = sim.random(2) == 0;
        manners_.queues_go = unlinks_;
        // Why not one more draw: what a seed does besides stays as it was.
        manners_.closes = gap_.count() / 1000 % 2 == 1;
        const std::uint64_t size = sim.random(3) == 0 ? 500 : 1U << 20;
        manners_.attributes.sizes = {size, size, size, size};
        manners_.leaves = size == 500 && !unlinks_ && gap_.count() / 2000 % 2 == 1;
        manners_.attributes.flags = unlinks_ ? 0 : creation_persistent;
        manners_.attributes.retention =
            unlinks_ ? static_cast<std::int64_t>(sim.random(6'000'000'000)) : 0;
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    void on_node_down(Simulation&, ais_node_id node) override { ledger_.forget(node); }

    [[nodiscard]] bool is_settled(Simulation& sim) override {
        for (const auto& producer : producers_) {
            if (!producer->is_idle()) {
                return false;
            }
        }
        const auto image = restore(as_bytes(sim.save(1, service_id)));
        if (!image) {
            return false;
        }
        bool is_quiet = true;
        for (const QueueImage& queue : image->queues) {
            const bool is_empty = std::all_of(queue.areas.begin(),
                                              queue.areas.end(),
                                              [](const auto& area) { return area.empty(); });
            const Consumer* consumer = consumer_of(queue.name);
            if (consumer == nullptr && !queue.is_unlinked) {
                add_consumer(
                    sim, 1 + static_cast<ais_node_id>(sim.random(sim.nodes())), queue.name);
            }
            is_quiet = is_quiet && is_empty && consumer != nullptr && consumer->is_waiting();
        }
        return is_quiet && share_is_fair(sim, *image);
    }

    void check(Simulation& sim) override {
        for (const auto& consumer : consumers_) {
            if (!consumer->is_gone() && !unlinks_ && !consumer->was_told_of_all()) {
                sim.fail("msg: a program has got messages of which it was not told");
            }
        }
        if (unlinks_) {
            return;  // messages may go with their queue
        }
        for (const auto& [stamp, sent] : ledger_.messages()) {
            if (sent.is_accepted && !sent.holders.empty() && sent.gotten.empty()) {
                sim.fail("msg: message " + std::to_string(stamp) + " to " + sent.destination +
                         " of program " + std::to_string(sent.program) +
                         " was accepted and is lost");
            }
        }
    }

  private:
    static std::string queue_name(std::uint64_t number) {
        return "queue-" + std::to_string(number);
    }
    static std::string group_name(std::uint64_t number) {
        return "group-" + std::to_string(number);
    }
    [[nodiscard]] const Consumer* consumer_of(std::string_view queue) const {
        for (const auto& consumer : consumers_) {
            if (!consumer->is_gone() && consumer->queue() == queue) {
                return consumer.get();
            }
        }
        return nullptr;
    }

    // The last thing: a group of all queues, and two messages for each of them.
    bool share_is_fair(Simulation& sim, const Image& image) {
        constexpr const char* group = "group-last";
        std::vector<std::string> names;
        for (const QueueImage& queue : image.queues) {
            if (!queue.is_unlinked && queue.attributes.sizes[0] >= 100) {
                names.push_back(queue.name);
            }
        }
        if (names.empty() || unlinks_) {
            return true;
        }
        if (last_ == nullptr || last_->is_gone()) {
            if (last_ != nullptr) {
                return true;  // its executive has taken it for a broken one: not about shares
            }
            last_ = std::make_unique<Producer>(sim, ledger_, 1, 100000, manners_);
            if (!last_->connect()) {
                last_ = nullptr;
                return false;
            }
            last_->arrange(RequestKind::group_create, group, {}, Policy::round_robin);
            for (const std::string& name : names) {
                last_->arrange(RequestKind::group_insert, group, name, Policy::round_robin);
            }
            for (std::size_t i = 0; i < 2 * names.size(); ++i) {
                last_->send(group, 0, 8);
            }
            return false;
        }
        if (!last_->is_idle()) {
            return false;
        }
        std::map<std::string, int> shares;
        for (const auto& [stamp, sent] : ledger_.messages()) {
            if (sent.destination == group) {
                if (sent.gotten.empty()) {
                    return false;
                }
                for (const std::string& queue : sent.gotten) {
                    ++shares[queue];
                }
            }
        }
        for (const std::string& name : names) {
            if (shares[name] != 2) {
                sim.fail("msg: " + name + " has got " + std::to_string(shares[name]) +
                         " messages of two that were its share");
            }
        }
        return true;
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
    void add_consumer(Simulation& sim, ais_node_id node, const std::string& queue) {
        consumers_.push_back(std::make_unique<Consumer>(
            sim, ledger_, node, ++programs_, queue, manners_, consumers_));
        consumers_.back()->begin();
    }
    Producer* producer_of(Simulation& sim, ais_node_id node) {
        for (const auto& producer : producers_) {
            if (!producer->is_gone() && producer->node() == node) {
                return producer.get();
            }
        }
        producers_.push_back(std::make_unique<Producer>(sim, ledger_, node, ++programs_, manners_));
        return producers_.back()->connect() ? producers_.back().get() : nullptr;
    }
    void act(Simulation& sim, ais_node_id node) {
        const std::string queue = queue_name(sim.random(queues_));
        if (sim.random(100) < consumers_percent_) {
            const Consumer* there = consumer_of(queue);
            // Seldom even though somebody has it: it may be on the other side of a partition.
            if (there == nullptr || sim.random(4) == 0) {
                return add_consumer(sim, node, queue);
            }
        }
        Producer* producer = producer_of(sim, node);
        if (producer == nullptr) {
            return;
        }
        if (sim.random(100) < churn_percent_) {
            return churn(sim, *producer, queue);
        }
        // Limit: what a slow ring can still hand out in the end, one after the other.
        if (ledger_.outstanding() > outstanding_max) {
            return;
        }
        const bool is_for_group = groups_ > 0 && sim.random(3) == 0;
        const std::string to = is_for_group ? group_name(sim.random(groups_)) : queue;
        if (sim.random(100) < request_percent_) {
            return producer->send_receive(
                to, nanoseconds(sim.random(3'000'000'000)), sim.random(4) == 0 ? 16 : any_size);
        }
        if (manners_.leaves) {
            // Of one priority, so that some are refused and later ones are not.
            const auto same = static_cast<std::uint8_t>(sim.random(priorities));
            for (std::uint64_t i = sim.random(8); i < 12; ++i) {
                producer->send(to, same, 8 + sim.random(200));
            }
            return;
        }
        for (std::uint64_t i = sim.random(4); i < 4; ++i) {
            producer->send(
                to, static_cast<std::uint8_t>(sim.random(priorities)), 8 + sim.random(200));
        }
    }
    void churn(Simulation& sim, Producer& producer, const std::string& queue) {
        switch (sim.random(unlinks_ ? 6 : 5)) {
            case 0:
                return producer.die();
            case 1:
                if (groups_ > 0) {
                    producer.arrange(RequestKind::group_create,
                                     group_name(sim.random(groups_)),
                                     {},
                                     static_cast<Policy>(1 + sim.random(4)));
                }
                return;
            case 2:
            case 3:
                if (groups_ > 0) {
                    producer.arrange(
                        sim.random(4) == 0 ? RequestKind::group_remove : RequestKind::group_insert,
                        group_name(sim.random(groups_)),
                        queue,
                        Policy::round_robin);
                }
                return;
            case 4:
                for (const auto& consumer : consumers_) {
                    if (!consumer->is_gone() && consumer->queue() == queue) {
                        return consumer->die();
                    }
                }
                return;
            default:
                return producer.arrange(RequestKind::unlink, {}, queue, Policy::round_robin);
        }
    }

    nanoseconds gap_{};
    std::uint64_t queues_ = 1;
    std::uint64_t groups_ = 0;
    std::uint64_t consumers_percent_ = 0;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t request_percent_ = 0;
    bool unlinks_ = false;
    Manners manners_;
    Ledger ledger_;
    std::uint64_t programs_ = 0;
    std::vector<std::unique_ptr<Producer>> producers_;
    std::vector<std::unique_ptr<Consumer>> consumers_;
    std::unique_ptr<Producer> last_;
};

constexpr const char* plugins[] = {"msg", nullptr};

}  // namespace
}  // namespace ais::msg

AIS_WORKLOAD(msg) = ais::sim::describe_workload<ais::msg::Messages>(
    "msg", "queues and groups: loss, duplicates, order, replies, shares", ais::msg::plugins);
