// SPDX-License-Identifier: BSD-3-Clause
//
// The lock service: requests of this node's clients become multicasts, delivered messages become
// changes of the state, and what they decided is told to the clients of this node.
//
// service.cpp has what is delivered, requests.cpp what clients want, timing.cpp what waits for
// a timer: timeouts, and messages that found the send queue full.
//
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "state.hpp"
#include "wire.hpp"

#include <ais/abi/draft/primary.h>
#include <ais/complaints.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <openais/saAis.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ais::lck {

class LckService {
  public:
    static constexpr std::uint16_t service_id = lck::service_id;

    explicit LckService(const ais_host& host);
    ~LckService();
    LckService(const LckService&) = delete;
    LckService& operator=(const LckService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    // Live replacement, handover.cpp.
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);
    void dump(std::string& out);

  private:
    using Instant = std::chrono::nanoseconds;  // of the host's timer

    struct Client {
        ais_conn* conn = nullptr;
        std::uint64_t number = 0;
        std::uint32_t watch = 0;
        std::map<std::uint64_t, std::uint64_t> opens;  // by handle: number
        std::map<std::uint64_t, std::uint64_t> locks;  // by id: number
    };
    struct LocalOpen {
        Client* client = nullptr;
        std::uint64_t handle = 0;
        bool is_delivered = false;
        bool is_closing = false;
        // Who waits for it until it is delivered.
        std::uint64_t serial = 0;
        bool is_async = false;
        std::uint64_t invocation = 0;
        std::set<std::uint64_t> locks;  // numbers
    };
    struct LocalLock {
        Client* client = nullptr;
        std::uint64_t id = 0;
        std::uint64_t open = 0;  // number
        bool is_granted = false;
        bool is_delivered = false;
        // Who waits for the decision.
        std::uint64_t serial = 0;
        bool is_async = false;
        std::uint64_t invocation = 0;
        Instant deadline = Instant::max();
    };
    // Of an unlock, a purge or a close that is under way.
    struct Waiting {
        ais_conn* conn = nullptr;
        std::uint64_t serial = 0;  // 0: unlock_async
        std::uint64_t invocation = 0;
        std::uint64_t id = 0;
    };

    void dispatch(ais_node_id sender, std::uint16_t kind, Bytes body);
    void on_open(ais_node_id sender, Bytes body);
    void on_close(ais_node_id sender, Bytes body);
    void on_lock(ais_node_id sender, Bytes body);
    void on_unlock(ais_node_id sender, Bytes body);
    void on_expire(ais_node_id sender, Bytes body);
    void on_purge(ais_node_id sender, Bytes body);
    void answer(std::uint64_t request, SaAisErrorT error);
    void tell(const Effects& effects);
    void tell_decided(const Effects::Decided& decided);
    void tell_opened(LocalOpen& open, SaAisErrorT error) const;
    void tell_failed(LocalLock& lock, SaAisErrorT error) const;
    void tell_status(LocalLock& lock, Status status, Fence fence) const;
    void forget_open(std::uint64_t number);
    void forget_lock(std::uint64_t number);

    void open(Client& client, std::uint64_t serial, bool is_async, const OpenRequest& wanted);
    void close(Client& client, std::uint64_t serial, std::uint64_t handle);
    void lock(Client& client, std::uint64_t serial, bool is_async, const LockRequest& wanted);
    void unlock(Client& client, const Waiting& waiting);
    void cancel(Client& client, std::uint64_t id);
    void purge(Client& client, std::uint64_t serial, std::uint64_t handle);
    void tell_fence(const Client& client, std::uint64_t serial, std::uint64_t id) const;
    void list(const Client& client, std::uint64_t serial, Bytes body);
    // Null: no such open, it is not delivered yet, or it is being closed.
    [[nodiscard]] LocalOpen* find_open(const Client& client, std::uint64_t handle);

    // timing.cpp
    void flush();
    void rearm();
    void on_timer();
    void set_deadline(std::uint64_t number, LocalLock& lock, Instant deadline);
    void clear_deadline(std::uint64_t number, LocalLock& lock);
    [[nodiscard]] bool is_leader() const;

    const ais_host& host_;
    ais_primary_v1 primary_;
    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Timer timer_;
    State state_;
    std::map<ais_conn*, std::unique_ptr<Client>> clients_;  // never walked: addresses have no order
    std::map<std::uint64_t, LocalOpen> opens_;              // of this node, by number
    std::map<std::uint64_t, LocalLock> locks_;              // of this node, by number
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_number_;  // of clients, opens, locks and requests
    // What the send queue had no room for.
    std::vector<std::uint64_t> pending_closes_;
    std::vector<std::uint64_t> pending_cancels_;
    bool serve_is_due_ = false;
    bool is_between_ = false;  // a transitional configuration and the regular one
    std::set<std::pair<Instant, std::uint64_t>> deadlines_;  // of requests, by number
    std::uint64_t timer_id_ = 0;
    Instant timer_at_{};
};

}  // namespace ais::lck
