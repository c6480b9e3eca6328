// SPDX-License-Identifier: BSD-3-Clause
//
// Clients of the counter in a simulated cluster: what is added is counted once, everywhere.
//
//     ais-sim --plugin build/counter.so --plugin build/counter_workload.so --workload counter
//     --from 1 --seeds 100
//
// In the end all nodes give the same values.  They are never more than what was added, and as long
// as no executive has died they are exactly that.  (A node that was alone when it answered, and
// dies, takes its additions with it.)

#include "wire.hpp"

#include <ais/codec.hpp>
#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace counter {
namespace {

using ais::sim::Client;
using ais::sim::ClientHandler;
using ais::sim::Simulation;

constexpr std::array<const char*, 3> names = {"apples", "pears", "plums"};

class Adder final : public ClientHandler {
  public:
    Adder(Simulation& sim, ais_node_id node) : sim_(sim), node_(node) {
        client_ = sim.connect(node, service_number, {}, *this);
    }
    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] bool is_waiting() const { return !is_gone() && !waiting_.empty(); }
    // What was asked for, whether it has happened or not.
    [[nodiscard]] std::int64_t asked(std::size_t which) const { return asked_[which]; }
    // The answers to get.
    [[nodiscard]] std::int64_t value(std::size_t which) const { return values_[which]; }
    [[nodiscard]] const auto& values() const { return values_; }

    void add(std::size_t which) {
        ais::Appender body;
        body.text(names[which]);
        body.i64(1);
        if (client_ != nullptr && !client_->is_held_back() && waiting_.size() < 20 &&
            client_->request(
                static_cast<std::uint16_t>(Request::add), serial_ + 1, body.written())) {
            waiting_[++serial_] = {true, which};
            ++asked_[which];
        }
    }
    void ask_all() {
        for (std::size_t which = 0; which < names.size(); ++which) {
            ais::Appender body;
            body.text(names[which]);
            if (client_->request(
                    static_cast<std::uint16_t>(Request::get), serial_ + 1, body.written())) {
                waiting_[++serial_] = {false, which};
            }
        }
    }

    void on_response(std::uint64_t serial, std::int32_t error, ais::Bytes body) override {
        const auto request = waiting_.find(serial);
        if (error == AIS_ERR_AGAIN && request != waiting_.end()) {
            // The kernel's word: the node had no ring for too long, so the service was not asked.
            asked_[request->second.which] -= request->second.is_add ? 1 : 0;
            waiting_.erase(request);
            return;
        }
        ais::Reader in(body);
        const std::int64_t value = in.i64();
        if (request == waiting_.end() || !in.finished() || (error != ok && error != try_again)) {
            sim_.fail("counter: node " + std::to_string(node_) + " gives a wrong answer");
            return;
        }
        const auto [is_add, which] = request->second;
        waiting_.erase(request);
        if (error == try_again) {
            asked_[which] -= is_add ? 1 : 0;
            return;
        }
        if (is_add && value <= values_[which]) {
            sim_.fail("counter: node " + std::to_string(node_) + " counts from " +
                      std::to_string(values_[which]) + " to " + std::to_string(value));
        }
        values_[which] = value;
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    struct Waiting {
        bool is_add = false;
        std::size_t which = 0;
    };

    Simulation& sim_;
    ais_node_id node_;
    Client* client_ = nullptr;
    std::uint64_t serial_ = 0;
    std::map<std::uint64_t, Waiting> waiting_;
    std::array<std::int64_t, names.size()> asked_{};
    std::array<std::int64_t, names.size()> values_{};
};

// So many times all are asked until they must agree.
constexpr int rounds_max = 8;

class Additions final : public ais::sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(5000 + sim.random(300000));
    }
    void on_node_up(Simulation& sim, ais_node_id node) override {
        adders_.push_back(std::make_unique<Adder>(sim, node));
        add_later(sim, *adders_.back());
    }
    void on_node_down(Simulation&, ais_node_id) override { nobody_died_ = false; }
    // When all additions have long been answered, everybody asks for the values: a get is answered
    // by its node alone, which may hear of an addition later than the node that has answered that.
    [[nodiscard]] bool is_settled(Simulation& sim) override {
        const auto is_waiting = [](const auto& adder) { return adder->is_waiting(); };
        if (std::any_of(adders_.begin(), adders_.end(), is_waiting)) {
            quiet_since_ = sim.now();
            return false;
        }
        if (sim.now() - quiet_since_ < std::chrono::seconds(1)) {
            return false;
        }
        if (rounds_ > 0 && (are_equal() || rounds_ == rounds_max)) {
            return true;
        }
        // Why again while they differ: a node that was not in the ring yet has told its own.
        ++rounds_;
        quiet_since_ = sim.now();
        for (const auto& adder : adders_) {
            if (!adder->is_gone()) {
                adder->ask_all();
            }
        }
        return false;
    }
    void check(Simulation& sim) override {
        for (std::size_t which = 0; which < names.size(); ++which) {
            std::int64_t asked = 0;
            for (const auto& adder : adders_) {
                asked += adder->asked(which);
            }
            const Adder* first = nullptr;
            for (const auto& adder : adders_) {
                if (adder->is_gone()) {
                    continue;
                }
                const std::int64_t value = adder->value(which);
                if (first == nullptr) {
                    first = adder.get();
                }
                if (value != first->value(which)) {
                    sim.fail("counter: node " + std::to_string(adder->node()) + " has " +
                             std::to_string(value) + ' ' + names[which] + ", node " +
                             std::to_string(first->node()) + " has " +
                             std::to_string(first->value(which)));
                }
                if (value > asked || (nobody_died_ && value != asked)) {
                    sim.fail("counter: " + std::to_string(value) + ' ' + names[which] + " of " +
                             std::to_string(asked) + " that were added");
                }
            }
        }
    }

  private:
    [[nodiscard]] bool are_equal() const {
        const Adder* first = nullptr;
        for (const auto& adder : adders_) {
            if (adder->is_gone()) {
                continue;
            }
            if (first != nullptr && adder->values() != first->values()) {
                return false;
            }
            first = adder.get();
        }
        return true;
    }
    void add_later(Simulation& sim, Adder& adder) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(std::chrono::nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, &adder] {
            if (!sim.is_calm() && !adder.is_gone()) {
                quiet_since_ = sim.now();
                adder.add(sim.random(names.size()));
                add_later(sim, adder);
            }
        });
    }

    std::chrono::nanoseconds gap_{};
    std::chrono::nanoseconds quiet_since_{};
    int rounds_ = 0;
    bool nobody_died_ = true;
    std::vector<std::unique_ptr<Adder>> adders_;
};

constexpr const char* plugins[] = {"counter", nullptr};

}  // namespace
}  // namespace counter

AIS_WORKLOAD(counter) = ais::sim::describe_workload<counter::Additions>(
    "counter", "additions to the counters of the SDK's example", counter::plugins);
