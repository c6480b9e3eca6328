// SPDX-License-Identifier: BSD-3-Clause
//
// The message service: requests of this node's clients become multicasts, delivered
// messages become changes of the state, and words to the clients that are concerned.
//
// service.cpp has what is delivered, requests.cpp what clients want, gets.cpp who waits
// for messages, tracking.cpp who watches groups, retention.cpp the timers, exchange.cpp what
// moves between nodes.
//
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "capacity.hpp"
#include "deadlines.hpp"
#include "parts.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <ais/abi/draft/holes.h>
#include <ais/complaints.hpp>
#include <ais/host.hpp>
#include <ais/parts.hpp>
#include <ais/service.hpp>

#include <openais/saAis.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ais::msg {

struct Component;  // of a merge, snapshot.hpp

class MsgService {
  public:
    static constexpr std::uint16_t service_id = msg::service_id;

    explicit MsgService(const ais_host& host);
    ~MsgService();
    MsgService(const MsgService&) = delete;
    MsgService& operator=(const MsgService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    // The state as it goes from node to node, exchange.cpp.
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    ais_status list_parts(PartWriter& out);
    ais_status save_part(Bytes name, StateWriter& out);
    ais_status merge_begin(std::span<const ais::Component> components);
    ais_status merge_part(Bytes name, std::span<const PartState> states);
    ais_status merge_end(bool commit);
    void dump(std::string& out);
    // Live replacement, handover.cpp.
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);

  private:
    struct Client;
    // A thread that waits in Get.
    struct Get {
        std::uint64_t id = 0;  // the library's
        std::uint64_t serial = 0;
        std::uint64_t capacity = any_size;
        bool waits = true;
    };
    struct Open {
        Client* client = nullptr;
        std::uint32_t tag = 0;
        std::uint32_t flags = 0;
        bool is_delivered = false;
        bool is_lost = false;  // a merge has given the queue to another
        // It is to be closed as soon as nothing is handed any more.  Who waits for that, or 0.
        bool is_closing = false;
        std::uint64_t close_serial = 0;
        std::string queue;  // its name
        // Who waits for it until then.
        std::uint64_t serial = 0;
        bool is_async = false;
        std::uint64_t invocation = 0;

        // Gets, oldest first.
        std::deque<Get> waiting;
        // Messages whose take is under way, and for whom; nothing: whoever comes next.
        std::map<MessageId, std::optional<Get>> taking;
        // Taken, and nobody waits for it now.
        std::set<MessageId> in_hand;
        // Given to the library, which has not said yet that it has it; by Get::id.
        std::map<std::uint64_t, MessageId> handed;
        // Words about messages that came: under way, and not sent yet.
        std::uint32_t unheard = 0;
        std::uint64_t unannounced = 0;
    };
    struct Client {
        ais_conn* conn = nullptr;
        std::uint64_t number = 0;
        std::map<std::uint32_t, std::uint64_t> opens;      // by tag: number
        std::map<std::uint64_t, std::uint64_t> exchanges;  // by the library's id: sender id
        std::map<std::string, std::uint8_t, std::less<>> trackings;  // by group: flags
    };
    // What is under way, by the number of the request.
    struct Waiting {
        ais_conn* conn = nullptr;
        std::uint64_t serial = 0;
        bool is_async = false;  // answered by a delivered callback
        std::uint64_t invocation = 0;
        std::uint16_t query = 0;  // RequestKind of what is to be looked at in its place
        std::string body;         // of that
    };
    // A SendReceive of this node, by its sender id.
    struct Exchange {
        ais_conn* conn = nullptr;
        std::uint64_t serial = 0;
        std::uint64_t id = 0;  // the library's
    };
    struct TrackedGroup {
        Policy policy = Policy::round_robin;
        std::set<std::string> members;
    };
    using TrackedGroups = std::map<std::string, TrackedGroup>;
    struct Post {
        MessageKind kind = MessageKind::got;
        std::string body;
    };
    struct Counters {
        std::uint64_t stored = 0;   // messages that came into queues
        std::uint64_t handed = 0;   // to getters here
        std::uint64_t refused = 0;  // QUEUE_FULL and the like
    };

    // service.cpp
    void dispatch(ais_node_id sender, std::uint16_t kind, Bytes body);
    void on_open(ais_node_id sender, Bytes body);
    void on_close(ais_node_id sender, Bytes body);
    void on_send(ais_node_id sender, Bytes body);
    void on_take(ais_node_id sender, Bytes body);
    void on_got(ais_node_id sender, Bytes body);
    void on_unlink(ais_node_id sender, Bytes body);
    void on_set(ais_node_id sender, bool is_retention, Bytes body);
    void on_group(ais_node_id sender, MessageKind kind, Bytes body);
    void on_reply(ais_node_id sender, Bytes body);
    void on_forget(ais_node_id sender, Bytes body);
    void on_query(ais_node_id sender, Bytes body);
    void on_expire(ais_node_id sender, Bytes body);
    void on_tick(ais_node_id sender, Bytes body);
    void answer(ais_node_id sender, std::uint64_t request, SaAisErrorT error);
    void answer_query(const Waiting& query);
    void announce(const Queue& queue, std::size_t messages);
    void announce(Open& open);
    void heard(Client& client, Bytes body);

    // exchange.cpp
    void take_over(std::vector<Component> components);
    void deaden(std::uint64_t number, Open& open);
    ais_status refuse_part(const char* what);

    // requests.cpp
    void open(Client& client, std::uint64_t serial, bool is_async, const OpenRequest& wanted);
    void tell_opened(Open& open, SaAisErrorT error);
    void close(Client& client, std::uint64_t serial, std::uint32_t tag);
    void try_finish_close(std::uint64_t number);
    void change(Client& client, std::uint64_t serial, RequestKind kind, Bytes body);
    void change_open(Client& client, std::uint64_t serial, RequestKind kind, Bytes body);
    void look(Client& client, std::uint64_t serial, RequestKind kind, Bytes body);
    void send(Client& client, std::uint64_t serial, RequestKind kind, Bytes body);
    void reply(Client& client, std::uint64_t serial, bool is_async, Bytes body);
    void forget(Client& client, std::uint64_t serial, Bytes body);
    void tell_delivered(ais_conn* conn, std::uint64_t invocation, SaAisErrorT error);
    void give_status(const Waiting& query);
    void give_list(const Waiting& query);
    // Null: no such open, it is not delivered yet, or it is being closed.
    [[nodiscard]] Open* find_open(Client& client, std::uint32_t tag);
    std::uint64_t wait_for(ais_conn* conn, std::uint64_t serial);
    std::uint64_t next_sender_id();

    // gets.cpp
    void get(Client& client, std::uint64_t serial, Bytes body);
    void got(Client& client, bool is_got, Bytes body);
    [[nodiscard]] SaAisErrorT cancel(Client& client, std::uint32_t tag);
    void serve(std::uint64_t number, Open& open);
    [[nodiscard]] const Stored* next_message(const Queue& queue, const Open& open) const;
    void hand(Open& open, const Get& get, const Stored& message);
    void refuse(const Open& open, const Get& get, SaAisErrorT error);
    void refuse_all(Open& open, SaAisErrorT error);
    void serve_all();

    // tracking.cpp
    void track(const Waiting& query);
    [[nodiscard]] SaAisErrorT track_stop(Client& client, std::string_view name);
    void tell_changes();
    void tell_change(const std::string& group, const State::Changed& changed);
    void tell_members(Client& client,
                      std::string_view group,
                      std::size_t member_count,
                      const Members& members) const;
    [[nodiscard]] Members members_of(const Group& group) const;
    [[nodiscard]] bool can_tell_one_more(Bytes insert) const;
    [[nodiscard]] TrackedGroups tracked() const;
    void tell_merged(const TrackedGroups& before);

    // retention.cpp
    void post(MessageKind kind, Bytes body);
    void flush();
    [[nodiscard]] bool is_leader() const;
    void watch_started();
    void watch_all();
    void rearm();
    void on_timer();
    bool send_expired(std::chrono::nanoseconds now);
    bool send_tick(std::chrono::nanoseconds now);
    void note_capacity();
    void tell_capacity();
    void tell_capacity(const Queue& queue, std::size_t priority) const;
    void tell_capacity(const Group& group, bool is_reached, std::size_t priority) const;

    const ais_host& host_;
    ais_holes_v1 holes_;
    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Timer timer_;
    host::Node node_;
    State state_;
    std::map<ais_conn*, std::unique_ptr<Client>> by_conn_;  // never walked: addresses have no order
    std::map<std::uint64_t, Client*> clients_;              // in the order of their coming
    std::uint64_t last_client_ = 0;
    std::map<std::uint64_t, Open> opens_;  // of this node, by number
    std::uint64_t start_;                  // of this service: its time of day then
    std::uint64_t last_number_;            // of opens
    std::uint64_t last_request_ = 0;       // of requests, and of messages
    std::uint32_t last_sender_;
    std::map<std::uint64_t, Waiting> waiting_;
    // Closes that somebody waits for until they are delivered, by number of the open.
    std::map<std::uint64_t, Waiting> closing_;
    std::map<std::uint64_t, Exchange> exchanges_;
    // What must be said and had no room; in order.
    std::deque<Post> posts_;
    std::set<std::uint64_t> unserved_;  // opens whose take had no room
    Deadlines deadlines_;
    CapacityReports<OpenId> reports_;
    CapacityReports<std::string> group_reports_;
    // Over, and multicast by us, but not delivered yet.
    std::set<Closing> announced_;
    std::chrono::nanoseconds last_tick_{};
    bool tick_is_under_way_ = false;
    bool ticking_ = false;
    std::uint64_t timer_id_ = 0;
    std::chrono::nanoseconds timer_at_{};
    Counters counters_;
    // Between list_parts and merge_end.
    Parts parts_;
    std::vector<std::vector<ais_node_id>> coming_together_;  // members of the components
};

constexpr std::uint16_t number_of(MessageKind kind) {
    return static_cast<std::uint16_t>(kind);
}
constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}
constexpr std::uint16_t number_of(RequestKind kind) {
    return static_cast<std::uint16_t>(kind);
}

}  // namespace ais::msg
