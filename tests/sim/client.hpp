// SPDX-License-Identifier: BSD-3-Clause
//
// A process that is connected to its node's executive, without an operating system: the rings
// are plain memory, the doorbell is a counter, and the process runs when the cluster's queue
// says so.  What it does with the rings is what sdk/client does.

#pragma once

#include "ipc/session.hpp"

#include <ais/ipc_ring.hpp>
#include <ais/testing/simulation.hpp>

#include <memory>
#include <optional>
#include <string>

namespace ais::sim {

class SimClient;

// The machine that it runs on.
class ClientOwner {
  public:
    virtual void wants_dispatch(SimClient& client) = 0;
    // It has written, or made room: the executive's eventfd.
    virtual void rings(SimClient& client) = 0;
    // The process has ended.
    virtual void has_ended(SimClient& client) = 0;
    // The executive closes the connection.
    virtual void is_cut_off(SimClient& client, std::string_view why) = 0;
    // What a client that has ended had asked for is taken.
    virtual void is_finished(SimClient& client) = 0;

  protected:
    ~ClientOwner() = default;
};

class SimClient final : public Client, private ipc::Waker {
  public:
    SimClient(ClientOwner& owner,
              ClientHandler& handler,
              const ipc::Limits& limits,
              ipc::Peer peer,
              std::uint16_t service,
              ais_node_id node,
              Log& log);
    virtual ~SimClient() = default;
    SimClient(const SimClient&) = delete;
    SimClient& operator=(const SimClient&) = delete;

    // Client
    bool request(std::uint16_t kind, std::uint64_t serial, Bytes body) override;
    void close() override;
    void set_dispatching(bool on) override;
    [[nodiscard]] bool is_held_back() const override;
    [[nodiscard]] ais_node_id node() const override { return node_; }
    [[nodiscard]] std::uint32_t pid() const override { return session_->peer().pid; }

    [[nodiscard]] ipc::Session& session() { return *session_; }
    [[nodiscard]] ClientHandler& handler() { return handler_; }
    [[nodiscard]] bool has_ended() const { return ended_; }
    // The process runs: takes responses and events and calls the handler.
    void run();
    // By a fault: a stuck process.  Beside what the workload wants.
    void set_stuck(bool on);

    // Of the owner.
    bool is_waiting_to_run = false;
    std::uint64_t number = 0;

  private:
    // The bytes in the socket.
    struct Doorbell {
        std::size_t bytes = 0;
        [[nodiscard]] bool peek() const { return bytes > 0; }
        void swallow() { --bytes; }
    };

    // ipc::Waker
    void wake_response() override;
    void wake_room() override {}
    void ring_doorbell() override;
    void close(std::string_view why) override;
    void finished() override;

    void take_responses();
    void take_events();

    ClientOwner& owner_;
    ClientHandler& handler_;
    ais_node_id node_;
    ipc::SharedPage page_;
    std::unique_ptr<std::uint8_t[]> memory_;  // not initialised: untouched pages cost nothing
    Doorbell doorbell_;
    std::optional<ipc::Session> session_;
    ipc::RingProducer requests_;
    ipc::RingConsumer responses_;
    ipc::RingConsumer events_;
    ipc::BellListener<std::atomic<std::uint32_t>, Doorbell> bell_;
    bool dispatching_ = true;
    bool stuck_ = false;
    bool ended_ = false;
};

}  // namespace ais::sim
