// SPDX-License-Identifier: BSD-3-Clause
//
// The event service: requests of this node's clients become multicasts, delivered
// messages become changes of the state, and events for the clients that subscribed here.
//
// Subscriptions are local: filters are matched on each node for its own clients only.
// service.cpp has what is delivered, requests.cpp what clients want, retention.cpp the end of
// what is kept, handover.cpp what another build takes over.
//
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "backlog.hpp"
#include "deadlines.hpp"
#include "filter.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <ais/complaints.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <openais/saAis.h>

#include <memory>
#include <string>
#include <vector>

namespace ais::evt {

class EvtService {
  public:
    static constexpr std::uint16_t service_id = evt::service_id;
    static constexpr ais_config_key config_keys[] = {
        number_key("event",
                   "delivery_queue_size",
                   1,
                   1000000,
                   "1000",
                   "events that wait for one client before it loses some"),
        number_key("event",
                   "delivery_queue_resume",
                   1,
                   1000000,
                   "500",
                   "a client that has lost events gets new ones when no more than this wait"),
        number_key("event",
                   "retained_bytes",
                   65536,
                   std::int64_t{64} << 30,
                   "268435456",
                   "bytes of all events that are kept, beyond which none is published to be kept"),
    };

    explicit EvtService(const ais_host& host);
    ~EvtService();
    EvtService(const EvtService&) = delete;
    EvtService& operator=(const EvtService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    // Live replacement: what belongs to this node's clients.
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);
    void dump(std::string& out);

  private:
    struct Subscription {
        std::vector<Filter> filters;
        std::size_t cost = 0;  // against subscriptions_bytes_max
        // Kept events that it got: a merge may bring one back that was over here.
        // Limit: seen_max, then the oldest ids go.
        std::set<std::uint64_t> seen;
    };
    struct Client;
    struct Open {
        Client* client = nullptr;
        std::uint32_t tag = 0;
        std::uint32_t flags = 0;
        bool is_delivered = false;
        // Who waits for it until then.
        std::uint64_t serial = 0;
        bool is_async = false;
        std::uint64_t invocation = 0;
        std::map<std::uint32_t, Subscription> subscriptions;
    };
    struct Client {
        Client(ais_conn* who, std::size_t queue_size, std::size_t queue_resume)
            : conn(who), backlog(queue_size, queue_resume) {}
        ais_conn* conn;
        Backlog backlog;
        std::map<std::uint32_t, std::uint64_t> opens;  // by tag: number
        std::size_t subscriptions_bytes = 0;           // sum of the costs
    };
    // Of an unlink or a clear that is under way.
    struct Waiting {
        ais_conn* conn = nullptr;
        std::uint64_t serial = 0;
    };
    struct Counters {
        std::uint64_t delivered = 0;  // events to clients
        std::uint64_t lost = 0;       // by clients that have gone
        std::uint64_t orphans = 0;    // published through an open that was closed
    };

    void on_open(ais_node_id sender, Bytes body);
    void on_close(ais_node_id sender, Bytes body);
    void on_unlink(ais_node_id sender, Bytes body);
    void on_publish(ais_node_id sender, Bytes body);
    void on_clear(ais_node_id sender, Bytes body);
    void on_expire(ais_node_id sender, Bytes body);
    void on_tick(ais_node_id sender, Bytes body);
    void answer(std::uint64_t request, SaAisErrorT error);
    void hand_out(const Channel& channel, const Event& event, Bytes encoded);
    void hand_to(Open& open,
                 std::uint32_t subscription,
                 const Event& event,
                 Bytes encoded,
                 SharedEvent& shared);
    void pump(Client& client);
    void send(Client& client, const Subscriber& to, Bytes event) const;

    void open(Client& client, std::uint64_t serial, bool is_async, const OpenRequest& wanted);
    void tell_opened(Open& open, SaAisErrorT error);
    void end_subscriptions(Open& open);
    [[nodiscard]] SaAisErrorT close(Client& client, std::uint32_t tag);
    void give_ids(Client& client, std::uint64_t serial, Bytes body);
    void publish(Client& client, std::uint64_t serial, bool is_kept, Bytes body);
    void subscribe(Client& client, std::uint64_t serial, Bytes body);
    [[nodiscard]] SaAisErrorT unsubscribe(Client& client, Bytes body);
    void clear(Client& client, std::uint64_t serial, Bytes body);
    void consumed(Client& client, Bytes body);
    // Null: no such open, or it is not delivered yet.
    [[nodiscard]] Open* find_open(Client& client, std::uint32_t tag);
    void flush_closes();
    // False: it does not decode, or the channel is not there.
    [[nodiscard]] bool restore_open(std::span<ais_conn* const> conns, Reader& in);

    [[nodiscard]] bool is_leader() const;
    void watch(std::uint64_t id, std::uint64_t deadline);
    void watch_all();
    void rearm();
    void on_timer();
    bool send_expired(std::chrono::nanoseconds now);

    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Timer timer_;
    std::size_t queue_size_;
    std::size_t queue_resume_;
    // Why it may differ between nodes: it is asked before the multicast and never after.
    std::size_t retained_max_;
    State state_;
    std::map<ais_conn*, std::unique_ptr<Client>> clients_;  // never walked: addresses have no order
    std::map<std::uint64_t, Open> opens_;                   // of this node, by number
    std::uint64_t last_number_;
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_request_ = 0;
    std::uint32_t next_id_ = 0;
    bool has_ids_ = false;
    std::vector<std::uint64_t> pending_closes_;
    Deadlines deadlines_;
    // Over, and multicast by us, but not delivered yet: not said again, however slow the ring is.
    std::set<std::uint64_t> announced_;
    std::chrono::nanoseconds last_tick_{};
    bool tick_is_under_way_ = false;
    bool ticking_ = false;
    std::uint64_t timer_id_ = 0;
    std::chrono::nanoseconds timer_at_{};
    Counters counters_;
};

constexpr std::uint16_t number_of(MessageKind kind) {
    return static_cast<std::uint16_t>(kind);
}
constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}

}  // namespace ais::evt
