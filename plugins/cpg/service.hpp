// SPDX-License-Identifier: BSD-3-Clause
//
// The cpg service: requests of this node's clients become multicasts, delivered
// messages become changes of the state and events of the clients concerned.
//
// A client has two memberships.  The one in the State is what is true at this
// place of the total order: it says who gets an event.  The one in Client is
// what will be true once everything is delivered that this node has multicast
// for it: it says what a request is answered.  So join, leave and join again
// need no waiting in between, and a message sent right after join follows the
// join into the order.  Of the processes of this node all joins come by here,
// so "joined already" is decided at the request and never undone by the order.
//
// Seats (wire.hpp) are given out here; a seat is free again only when the leave
// of who sat on it has been multicast.
//
// service.cpp has what is delivered, requests.cpp what clients want, handover.cpp what another
// build takes over.
// Threads: none; all calls come from the kernel's loop.

#pragma once

#include "include/cpg.h"
#include "state.hpp"
#include "wire.hpp"

#include <ais/complaints.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ais::cpg {

class CpgService {
  public:
    static constexpr std::uint16_t service_id = cpg::service_id;
    // What they multicast is the application's.
    static constexpr std::uint64_t opaque_requests =
        request_bits(RequestKind::mcast_agreed, RequestKind::mcast_safe);

    explicit CpgService(const ais_host& host);
    ~CpgService();
    CpgService(const CpgService&) = delete;
    CpgService& operator=(const CpgService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void deliver_pieces(ais_node_id sender, std::uint16_t kind, std::span<const ais_bytes> pieces);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);
    void dump(std::string& out);

  private:
    // A request for the membership of a group that the client is about to join.
    struct Waiting {
        std::uint64_t serial = 0;
        std::uint32_t limit = 0;
    };
    struct Client {
        ais_conn* conn = nullptr;
        std::uint32_t pid = 0;
        std::uint32_t seat = 0;
        std::uint32_t connection = 0;
        std::uint32_t flags = 0;
        // Once all is delivered that was multicast for it.
        bool is_joined = false;
        std::uint32_t instance = 0;
        std::string group;
        std::vector<Waiting> waiting;
    };
    struct Seat {
        std::unique_ptr<Client> client;
        bool is_leaving = false;  // in pending_leaves_
    };
    struct PendingLeave {
        LeaveMessage message;
        std::uint32_t pid = 0;
        std::string group;
    };
    struct Counters {
        std::uint64_t messages = 0;    // delivered here
        std::uint64_t orphans = 0;     // of a sender that is no member
        std::uint64_t not_joined = 0;  // multicasts of clients that were in no group
    };

    // `parts`: the pieces of a message, behind a place for the head of what clients get.
    void on_message(ais_node_id sender, std::span<ais_bytes> parts);
    void on_join(ais_node_id sender, Bytes body);
    void on_leave(ais_node_id sender, Bytes body);

    void multicast(Client& client, bool is_safe, Bytes payload);
    [[nodiscard]] cs_error_t join(Client& client, const JoinRequest& join);
    [[nodiscard]] cs_error_t leave(Client& client);
    void membership(Client& client, std::uint64_t serial, const MembershipRequest& wanted);
    void answer_membership(Client& client, std::uint64_t serial, const MembershipRequest& wanted);
    void iterate(Client& client, std::uint64_t serial, const IterateRequest& request);

    // Of one page of an answer, and of one event of a change.
    [[nodiscard]] std::size_t bytes_max() const;
    [[nodiscard]] bool is_delivered(const Client& client) const;
    [[nodiscard]] bool send_leave(const LeaveMessage& message) const;
    void flush_leaves();
    void on_retry();

    [[nodiscard]] Client* client_at(LocalSeat seat) const;
    void tell(const std::vector<Change>& changes) const;
    void tell(const Change& change) const;
    void tell(LocalSeat local, const std::vector<std::string>& events) const;
    void tell_ring(const Client& client, const ais_configuration& now) const;

    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Timer timer_;
    State state_;
    std::vector<Seat> seats_;
    std::uint32_t last_connection_;  // its last 8 bits are 0
    std::vector<PendingLeave> pending_leaves_;
    std::uint64_t retry_timer_ = 0;
    Counters counters_;
    std::vector<ais_bytes> parts_;      // of the message that is delivered
    std::vector<std::uint8_t> joined_;  // pieces of what is no message
};

}  // namespace ais::cpg
