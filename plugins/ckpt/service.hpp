// SPDX-License-Identifier: BSD-3-Clause
//
// The ckpt service: requests of this node's clients become multicasts, delivered
// messages become changes of the state and responses.
//
// When a response goes out.
//   Most requests are answered when their message is delivered here.
//   A change of a checkpoint that writes to all replicas is answered when every node has
//   said that it has applied it (`applied`), because any node may be read without asking the
//   others.  So does synchronize, for the other kinds.  A node says so once for all that it has
//   applied, and has at most one such word under way: under load it is one message per node
//   and rotation.
//   Reads of checkpoints that write to all replicas are answered at once, from here.
//   Reads of the other kinds must see what any client was told to be written, and a write
//   is answered before all nodes have it: so a read waits for a place in the order (`point`,
//   an empty message) and is answered from here then.
//
// Timers decide nothing (retention.hpp); the lowest member of the configuration
// multicasts what is due.
//
// service.cpp has what is delivered, requests.cpp what clients want and their end,
// exchange.cpp what moves when components come together, timing.cpp the timers and what this node
// has to say on its own, handover.cpp what another build of it takes over. Threads: none; all calls
// come from the kernel's loop.

#pragma once

#include "parts.hpp"
#include "retention.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <ais/complaints.hpp>
#include <ais/config_schema.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ais::ckpt {

class CkptService {
  public:
    static constexpr std::uint16_t service_id = ckpt::service_id;
    static constexpr ais_config_key config_keys[] = {
        number_key("ckpt",
                   "section_size_max",
                   1,
                   std::int64_t{1} << 40,
                   "268435456",
                   "bytes of the largest section that a client of this node may write"),
        number_key("ckpt",
                   "memory_max",
                   1,
                   std::int64_t{1} << 32,
                   "1073741824",
                   "bytes of all checkpoints together, above which clients of this node cannot "
                   "write more"),
    };

    explicit CkptService(const ais_host& host);
    ~CkptService();
    CkptService(const CkptService&) = delete;
    CkptService& operator=(const CkptService&) = delete;

    void deliver(ais_node_id sender, std::uint16_t kind, Bytes body);
    void configure(const ais_configuration& now);
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body);
    ais_status client_open(ais_conn* who, Bytes hello);
    void client_close(ais_conn* who);
    ais_status save(StateWriter& out);
    ais_status merge(std::span<const SavedState> states);
    void dump(std::string& out);
    ais_status list_parts(PartWriter& out);
    ais_status save_part(Bytes name, StateWriter& out);
    ais_status merge_begin(std::span<const ais::Component> components);
    ais_status merge_part(Bytes name, std::span<const PartState> states);
    ais_status merge_end(bool commit);
    ais_status save_local(std::span<ais_conn* const> conns, StateWriter& out);
    ais_status restore_local(std::span<ais_conn* const> conns,
                             Bytes saved,
                             std::string_view from_version);

  private:
    struct Client {
        ais_conn* conn = nullptr;
        std::uint32_t pid = 0;
        std::uint32_t connection = 0;
        // Reads whose parts are still asked for.
        std::map<std::uint32_t, std::vector<View>> reads;
        std::uint32_t last_read = 0;
    };
    // A request of which the message is on its way, or whose change is not
    // applied everywhere.
    struct Pending {
        Client* client = nullptr;  // null: it is gone
        Kind kind = Kind::open;
        std::uint64_t serial = 0;
        std::uint64_t invocation = 0;  // of the asynchronous ones
        std::uint32_t number = 0;
        std::string query;  // body of a read that waits for its point
        // Applied here, and waiting for these nodes.
        Outcome outcome;
        std::uint64_t ring_seq = 0;
        std::uint64_t count = 0;
        std::vector<ais_node_id> missing;
    };
    struct Post {
        Kind kind = Kind::depart;
        std::uint32_t connection = 0;
        std::string body;
    };
    struct Counters {
        std::uint64_t operations = 0;  // delivered
        std::uint64_t reads = 0;       // answered here
        std::uint64_t expired = 0;
    };

    // service.cpp
    void on_data(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body);
    void on_handle(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body);
    void on_transfer(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body);
    void on_timer_word(ais_node_id sender, Kind kind, Bytes body);
    void on_applied(ais_node_id sender, Bytes body);
    [[nodiscard]] bool is_synchronous(const HandleId& who) const;
    // The end of a message: count it, answer it or let it wait.
    void settle(ais_node_id sender,
                const MessageHead& head,
                Outcome outcome,
                bool is_for_all_replicas = false);
    void respond(const Pending& pending, const Outcome& outcome);
    void take_over(std::vector<Component> components, bool speaks);
    ais_status refuse_part(const char* what);
    void check_off(ais_node_id node, const Applied& applied);
    void stop_waiting_for_left();

    // requests.cpp
    void multicast(Client& client, Kind kind, std::uint64_t serial, Bytes body, Pending pending);
    void pass_on(Client& client, Kind kind, std::uint64_t serial, Bytes body);
    void on_asynchronous(Client& client, Kind kind, Bytes body);
    [[nodiscard]] Error check_limits(const Client& client, Kind kind, Bytes body);
    [[nodiscard]] Error check_plan(const Client& client, Bytes body) const;
    [[nodiscard]] Error check_size(const HandleId& who, std::uint64_t end) const;
    [[nodiscard]] Error check_kept(std::uint64_t more) const;
    void query(Client& client, Kind kind, std::uint64_t serial, Bytes body);
    void answer(Client& client, Kind kind, std::uint64_t serial, Bytes body);
    void answer_read(Client& client, std::uint64_t serial, const Checkpoint& from);
    void read_part(Client& client, std::uint64_t serial, Bytes body);
    // A request with serial 0 wants no answer.
    void succeed(const Client& client, std::uint64_t serial, Bytes body = {}) const;
    void fail(const Client& client,
              std::uint64_t serial,
              Error error,
              std::uint32_t index = 0) const;
    [[nodiscard]] HandleId handle(const Client& client, std::uint32_t number) const {
        return {self_, client.connection, number};
    }

    // timing.cpp
    void update_timers();
    void arm();
    void on_alarm();
    void say_applied();
    [[nodiscard]] const Ring& ring() const { return state_.image().ring; }
    [[nodiscard]] std::uint64_t applied() const { return state_.image().applied; }
    void post(Kind kind, std::uint32_t connection, std::string body);
    void flush();
    void wait_to_flush();
    void on_retry();
    void tell_remaining();
    [[nodiscard]] bool speaks_for_all() const {
        return state_.nodes().empty() || state_.nodes().front() == self_;
    }

    host::Log log_;
    host::Group group_;
    host::Ipc ipc_;
    Complaints complaints_;
    host::Timer timer_;
    host::Node node_;
    const ais_node_id self_;
    std::uint64_t section_size_max_ = 0;
    std::uint64_t memory_max_ = 0;

    State state_;
    Parts parts_;
    std::vector<std::vector<ais_node_id>> coming_together_;  // members, during an exchange in parts
    bool speaks_for_own_ = false;
    Deadlines deadlines_;
    std::uint64_t alarm_ = 0;  // id of the host's timer; 0: none
    std::int64_t alarm_at_ = 0;

    std::map<std::uint32_t, std::unique_ptr<Client>> clients_;  // by connection
    std::uint32_t last_connection_ = 0;
    std::map<std::uint64_t, Pending> pending_;  // by token
    std::vector<ais_node_id> left_;             // since the last regular configuration
    std::uint64_t last_token_ = 0;

    // The last number that was delivered here as our own word.
    std::uint64_t applied_said_ = 0;
    bool is_saying_ = false;  // our word is under way
    bool has_more_to_say_ = false;

    std::deque<Post> posts_;  // did not fit the send queue
    std::uint64_t retry_timer_ = 0;

    // Memory that is used again and again.
    Write write_;
    Read read_;
    std::vector<Data> data_;
    std::vector<View> views_;
    Counters counters_;
};

}  // namespace ais::ckpt
