// SPDX-License-Identifier: BSD-3-Clause
//
// A cluster of real engines in one process, in virtual time.
//
// One queue of events, ordered by time and then by the order of creation; one
// generator for all chance.  So equal seeds give equal runs.  A node has a
// disk (its stored ring number, which survives a crash unless it is wiped), a
// clock that is the world's, and an application that sends numbered messages.
//
// Everything that an application could see goes into the history.

#pragma once

#include "base/prng.hpp"
#include "sim/checker/history.hpp"
#include "sim/network.hpp"
#include "totem/engine.hpp"
#include "totem/stats.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>

namespace ais::sim {

class World {
  public:
    // What a watcher is told, beside the history.
    class Watcher {
      public:
        virtual void on_configure(NodeId node, const Configuration& now) = 0;
        virtual void on_deliver(NodeId node, const totem::Deliver& what, Bytes text) = 0;

      protected:
        ~Watcher() = default;
    };

    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] Prng& prng() { return prng_; }
    [[nodiscard]] Network& network() { return network_; }
    [[nodiscard]] History& history() { return history_; }
    void watch(Watcher* watcher) { watcher_ = watcher; }
    void log_to(Log& log) { log_ = &log; }

    // Configuration of nodes that are started from now on.
    void configure(const totem::Config& config) { config_ = config; }
    [[nodiscard]] const totem::Config& config() const { return config_; }

    // Nodes.  `wiped`: without the stored ring number.
    void start(NodeId node, bool wiped = false);
    void crash(NodeId node);
    void leave(NodeId node);
    // As SIGSTOP: datagrams wait (a socket's worth), timers do not fire.
    void pause(NodeId node);
    void resume(NodeId node);
    void set_congested(NodeId node, bool congested);
    [[nodiscard]] std::size_t backlog(NodeId node) const;
    [[nodiscard]] bool is_alive(NodeId node) const;
    [[nodiscard]] bool is_paused(NodeId node) const;
    [[nodiscard]] const totem::Engine* engine(NodeId node) const;
    [[nodiscard]] std::vector<NodeId> living() const;

    // The application: a message of `size` bytes (at least 20), or a text.
    void send(NodeId node, Guarantee guarantee, std::size_t size);
    void send(NodeId node, Guarantee guarantee, std::string text);

    void at(Instant when, std::function<void()> action);
    void run_until(Instant when);

    // Call at the end, before checking.
    void close_history();

    [[nodiscard]] std::uint64_t datagrams() const { return datagrams_; }

  private:
    struct Node;
    struct Item {
        Instant at;
        std::uint64_t order;
        NodeId to;  // invalid: an action
        NodeId from;
        bool timer;
        std::shared_ptr<const std::string> datagram;
        std::shared_ptr<std::function<void()>> action;
    };
    struct Later {
        bool operator()(const Item& a, const Item& b) const {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };

    void push(Item item);
    void run(const Item& item);
    void transmit(NodeId from, const totem::Transmit& what);
    void rearm(Node& node);
    Node& node_of(NodeId id);

    Prng prng_;
    Network network_;
    History history_;
    totem::Config config_;
    Log* log_;
    Watcher* watcher_ = nullptr;
    Instant now_;
    std::uint64_t order_ = 0;
    std::uint64_t datagrams_ = 0;
    std::map<NodeId, std::unique_ptr<Node>> nodes_;
    std::priority_queue<Item, std::vector<Item>, Later> items_;
    std::vector<Instant> arrivals_;
};

}  // namespace ais::sim
