// SPDX-License-Identifier: BSD-3-Clause
//
// Chatter: clients on all nodes multicast messages of 1 byte to 1 MiB, agreed and safe, and hear
// all that is delivered.
//
// The service `chatter` is here as well: it passes on what its clients say and remembers for each
// speaker how far it has heard him.  Checked is what clients see:
//   - every message is somebody's, whole, and comes once;
//   - messages of one speaker come in order, and his own to himself without a gap (FIFO);
//   - there is one order of all messages that fits what every client has seen (agreed and safe);
//   - in the end each speaker has heard all that he said.

#include <ais/codec.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>
#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace chatter {
namespace {

constexpr std::uint16_t service_number = 1020;
constexpr std::uint16_t say_agreed = 1;
constexpr std::uint16_t say_safe = 2;
constexpr std::uint16_t heard = 1;

// A client: a process of one life of one node.
struct Speaker {
    std::uint32_t node = 0;
    std::uint32_t pid = 0;
    std::uint64_t ring_seq = 0;  // the first ring of that life
    std::uint32_t ring_salt = 0;
    auto operator<=>(const Speaker&) const = default;

    void encode(ais::Appender& out) const {
        out.u32(node);
        out.u32(pid);
        out.u64(ring_seq);
        out.u32(ring_salt);
    }
    static Speaker decode(ais::Reader& in) { return {in.u32(), in.u32(), in.u64(), in.u32()}; }
};

// What is said follows from who says it and the number, eight bytes at a time.
class Words {
  public:
    Words(std::uint32_t pid, std::uint64_t number)
        : state_((pid * 0x9e3779b97f4a7c15U) ^ (number << 20)) {}

    void write(ais::MutableBytes to) {
        for (std::size_t at = 0; at < to.size(); at += sizeof state_) {
            next();
            std::memcpy(&to[at], &state_, std::min(sizeof state_, to.size() - at));
        }
    }
    [[nodiscard]] bool are(ais::Bytes text) {
        for (std::size_t at = 0; at < text.size(); at += sizeof state_) {
            next();
            if (std::memcmp(&text[at], &state_, std::min(sizeof state_, text.size() - at)) != 0) {
                return false;
            }
        }
        return true;
    }

  private:
    void next() { state_ = state_ * 6364136223846793005U + 1442695040888963407U; }
    std::uint64_t state_;
};

class ChatterService {
  public:
    static constexpr std::uint16_t service_id = service_number;

    explicit ChatterService(const ais_host& host) : group_(host), ipc_(host) {}

    void configure(const ais_configuration& now) {
        if (now.kind == AIS_CONFIGURATION_REGULAR && ring_seq_ == 0) {
            ring_seq_ = now.ring.seq;
            ring_salt_ = now.ring.salt;
        }
    }
    void request(ais_conn* from, std::uint64_t, std::uint16_t kind, ais::Bytes body) {
        ais::Appender head;
        Speaker{group_.local_node(), ipc_.peer(from).pid, ring_seq_, ring_salt_}.encode(head);
        const ais_status status = kind == say_safe
                                      ? group_.multicast_safe(kind, head.written(), body)
                                      : group_.multicast(kind, head.written(), body);
        if (status != AIS_OK) {
            ipc_.disconnect(from, "a message was refused although there was room");
        }
    }
    void deliver(ais_node_id, std::uint16_t, ais::Bytes body) {
        ais::Reader in(body);
        const Speaker speaker = Speaker::decode(in);
        const std::uint64_t number = in.u64();
        std::uint64_t& last = last_[speaker];
        last = std::max(last, number);
        for (ais_conn* client : clients_) {
            ipc_.notify(client, heard, body);
        }
    }
    ais_status client_open(ais_conn* who, ais::Bytes) {
        clients_.push_back(who);
        return AIS_OK;
    }
    void client_close(ais_conn* who) { std::erase(clients_, who); }
    ais_status save(ais::StateWriter& out) {
        ais::Appender to;
        for (const auto& [speaker, number] : last_) {
            speaker.encode(to);
            to.u64(number);
        }
        return out.write(to.written());
    }
    ais_status merge(std::span<const ais::SavedState> states) {
        last_.clear();
        for (const ais::SavedState& state : states) {
            ais::Reader in(state.bytes);
            while (in.remaining() > 0) {
                const Speaker speaker = Speaker::decode(in);
                std::uint64_t& last = last_[speaker];
                last = std::max(last, in.u64());
            }
            if (!in.ok()) {
                return AIS_ERR_CORRUPT;
            }
        }
        return AIS_OK;
    }

  private:
    ais::host::Group group_;
    ais::host::Ipc ipc_;
    std::uint64_t ring_seq_ = 0;
    std::uint32_t ring_salt_ = 0;
    std::map<Speaker, std::uint64_t> last_;
    std::vector<ais_conn*> clients_;
};

using ais::sim::Client;
using ais::sim::ClientHandler;
using ais::sim::Simulation;

struct MessageId {
    Speaker speaker;
    std::uint64_t number = 0;
    auto operator<=>(const MessageId&) const = default;
};

// One client, and what it has heard.
class Talker final : public ClientHandler {
  public:
    Talker(Simulation& sim, ais_node_id node) : sim_(sim), node_(node) {}

    bool connect() {
        client_ = sim_.connect(node_, service_number, {}, *this);
        return client_ != nullptr;
    }
    [[nodiscard]] bool is_connected() const { return client_ != nullptr; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] const std::vector<MessageId>& stream() const { return stream_; }
    [[nodiscard]] std::uint64_t outstanding() const { return said_ - own_heard_; }

    void say(std::size_t size, bool is_safe) {
        // A ring that is slow must not drown in what nobody could deliver in time.
        if (client_ == nullptr || client_->is_held_back() || outstanding() > outstanding_max) {
            return;
        }
        text_.resize(sizeof said_ + size);
        ais::Writer number(text_);
        number.u64(said_ + 1);
        Words(client_->pid(), said_ + 1).write(ais::MutableBytes(text_).subspan(sizeof said_));
        if (client_->request(is_safe ? say_safe : say_agreed, 0, text_)) {
            ++said_;
        }
    }

    void on_event(std::uint16_t kind, ais::Bytes body) override {
        ais::Reader in(body);
        const Speaker speaker = Speaker::decode(in);
        const std::uint64_t number = in.u64();
        const ais::Bytes text = in.rest();
        if (kind != heard || !in.ok() || !Words(speaker.pid, number).are(text)) {
            fail("hears a message that nobody can have said", number);
            return;
        }
        std::uint64_t& last = last_[speaker];
        if (number <= last) {
            fail("hears a message again, or after a later one of the same speaker", number);
        }
        last = number;
        if (speaker.node == node_ && client_ != nullptr && speaker.pid == client_->pid()) {
            if (number != own_heard_ + 1) {
                fail("does not hear all that it said", number);
            }
            own_heard_ = number;
        }
        stream_.push_back({speaker, number});
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    static constexpr std::uint64_t outstanding_max = 64;

    void fail(const char* what, std::uint64_t number) {
        sim_.fail("chatter: a client of node " + std::to_string(node_) + ' ' + what + " (" +
                  std::to_string(number) + ")");
    }

    Simulation& sim_;
    ais_node_id node_;
    Client* client_ = nullptr;
    std::uint64_t said_ = 0;
    std::uint64_t own_heard_ = 0;
    std::map<Speaker, std::uint64_t> last_;
    std::vector<MessageId> stream_;
    std::vector<std::uint8_t> text_;  // scratch
};

class Chatter final : public ais::sim::Workload {
  public:
    void setup(Simulation& sim) override {
        // Of one node: some messages in a second, seldom many.
        gap_ = std::chrono::microseconds(sim.random(4) == 0 ? 2000 + sim.random(20000)
                                                            : 40000 + sim.random(400000)) *
               sim.nodes() / 3;
        burst_max_ = 1 + sim.random(sim.random(4) == 0 ? 40 : 4);
        safe_percent_ = sim.random(101);
        size_max_ = size_maxima[sim.random(size_maxima.size())];
        if (size_max_ > 100000) {
            gap_ = std::max<std::chrono::nanoseconds>(gap_, std::chrono::milliseconds(800));
            burst_max_ = 1;
        }
        clients_per_node_ = 1 + sim.random(sim.random(4) == 0 ? 4 : 1);
    }
    void on_node_up(Simulation& sim, ais_node_id node) override {
        for (std::uint64_t i = 0; i < clients_per_node_; ++i) {
            connect(sim, node);
        }
    }
    [[nodiscard]] bool is_settled(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            // One that was cut off comes back.
            if (std::none_of(present_.begin(), present_.end(), [&](const Talker* talker) {
                    return talker->node() == node && talker->is_connected();
                })) {
                connect(sim, node);
                return false;
            }
        }
        return std::none_of(present_.begin(), present_.end(), [](const Talker* talker) {
            return talker->is_connected() && talker->outstanding() > 0;
        });
    }
    void check(Simulation& sim) override { check_one_order(sim); }

  private:
    static constexpr std::array<std::size_t, 6> size_maxima = {1, 100, 100, 1500, 20000, 1U << 20};

    void connect(Simulation& sim, ais_node_id node) {
        talkers_.push_back(std::make_unique<Talker>(sim, node));
        Talker* const talker = talkers_.back().get();
        if (talker->connect()) {
            present_.push_back(talker);
            talk_later(sim, *talker);
        } else {
            talkers_.pop_back();
        }
    }
    void talk_later(Simulation& sim, Talker& talker) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(std::chrono::nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, &talker] {
            if (sim.is_calm()) {
                return;
            }
            if (!talker.is_connected()) {
                std::erase(present_, &talker);
                if (sim.is_up(talker.node()) && talker.outstanding() > 0) {
                    connect(sim, talker.node());  // it was cut off: the next process
                }
                return;
            }
            const std::uint64_t burst = 1 + sim.random(burst_max_);
            for (std::uint64_t i = 0; i < burst; ++i) {
                talker.say(size(sim), sim.random(100) < safe_percent_);
            }
            talk_later(sim, talker);
        });
    }
    std::size_t size(Simulation& sim) {
        return sim.random(8) == 0 ? 1 + sim.random(size_max_)
                                  : 1 + sim.random(std::min<std::size_t>(size_max_, 200));
    }

    // Is there an order of all messages that contains each stream?  Messages are taken away whose
    // predecessors in all streams are gone; in the end nothing may be left.
    void check_one_order(Simulation& sim) {
        std::map<MessageId, std::uint32_t> numbers;
        std::vector<std::vector<std::uint32_t>> followers;
        std::vector<std::uint32_t> waits_for;
        for (const auto& talker : talkers_) {
            std::vector<std::uint32_t>* previous = nullptr;
            for (const MessageId& message : talker->stream()) {
                const auto [at, is_new] =
                    numbers.try_emplace(message, static_cast<std::uint32_t>(numbers.size()));
                const std::uint32_t number = at->second;
                // Streams are mostly alike: one arrow is enough.
                if (previous != nullptr &&
                    std::find(previous->begin(), previous->end(), number) == previous->end()) {
                    previous->push_back(number);
                    is_new ? waits_for.push_back(1) : static_cast<void>(++waits_for[number]);
                } else if (is_new) {
                    waits_for.push_back(0);
                }
                if (is_new) {
                    followers.emplace_back();
                }
                previous = &followers[number];
            }
        }
        std::vector<std::uint32_t> free;
        for (std::uint32_t number = 0; number < waits_for.size(); ++number) {
            if (waits_for[number] == 0) {
                free.push_back(number);
            }
        }
        std::size_t taken = 0;
        for (; !free.empty(); ++taken) {
            const std::uint32_t number = free.back();
            free.pop_back();
            for (const std::uint32_t next : followers[number]) {
                if (--waits_for[next] == 0) {
                    free.push_back(next);
                }
            }
        }
        if (taken != waits_for.size()) {
            sim.fail("chatter: clients disagree about the order of " +
                     std::to_string(waits_for.size() - taken) + " messages");
        }
    }

    std::chrono::nanoseconds gap_{};
    std::uint64_t burst_max_ = 1;
    std::uint64_t safe_percent_ = 0;
    std::size_t size_max_ = 100;
    std::uint64_t clients_per_node_ = 1;
    std::vector<std::unique_ptr<Talker>> talkers_;  // all there were
    std::vector<Talker*> present_;
};

constexpr const char* needs[] = {"ais.group/1", "ais.ipc/1", nullptr};
constexpr const char* plugins[] = {"chatter", nullptr};

}  // namespace
}  // namespace chatter

AIS_EXPORT_PLUGIN = ais::describe<chatter::ChatterService>("chatter", "1.0.0", chatter::needs);

AIS_WORKLOAD(chatter) = ais::sim::describe_workload<chatter::Chatter>(
    "chatter", "multicasts of all sizes and both guarantees", chatter::plugins, (1U << 20) + 64);
