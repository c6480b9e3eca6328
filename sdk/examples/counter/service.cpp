// SPDX-License-Identifier: BSD-3-Clause
//
// The plugin "counter".
//
// An addition is multicast, counted where it is delivered (on every node, in the same place
// of the order), and answered by the node whose client asked for it.
//
// Threads: none.  All calls come from the executive's loop.

#include "state.hpp"
#include "wire.hpp"

#include <ais/codec.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace counter {
namespace {

class CounterService {
  public:
    static constexpr std::uint16_t service_id = service_number;

    explicit CounterService(const ais_host& host) : log_(host), group_(host), ipc_(host) {
        origin_.node = group_.local_node();
    }

    // The first ring of this life names it: a ring's id is never used twice.
    void configure(const ais_configuration& now) {
        if (now.kind == AIS_CONFIGURATION_REGULAR && origin_.ring_seq == 0) {
            origin_.ring_seq = now.ring.seq;
            origin_.ring_salt = now.ring.salt;
        }
    }

    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, ais::Bytes body) {
        ais::Reader reader(body);
        const std::string_view name = reader.text();
        if (name.empty() || name.size() > name_max) {
            respond(from, serial, invalid, 0);
            return;
        }
        if (kind == static_cast<std::uint16_t>(Request::get) && reader.finished()) {
            respond(from, serial, ok, state_.value(name));
            return;
        }
        const std::int64_t amount = reader.i64();
        if (kind != static_cast<std::uint16_t>(Request::add) || !reader.finished()) {
            respond(from, serial, invalid, 0);
            return;
        }
        ais::Appender message;
        message.u32(origin_.node);
        message.u64(origin_.ring_seq);
        message.u32(origin_.ring_salt);
        message.u64(++last_ticket_);
        message.text(name);
        message.i64(amount);
        if (group_.multicast(static_cast<std::uint16_t>(Message::add), message.written()) !=
            AIS_OK) {
            respond(from, serial, try_again, 0);
            return;
        }
        if (serial != 0) {
            waiting_[last_ticket_] = {from, serial};
        }
    }

    void deliver(ais_node_id, std::uint16_t kind, ais::Bytes body) {
        ais::Reader reader(body);
        Origin origin;
        origin.node = reader.u32();
        origin.ring_seq = reader.u64();
        origin.ring_salt = reader.u32();
        const std::uint64_t ticket = reader.u64();
        const std::string_view name = reader.text();
        const std::int64_t amount = reader.i64();
        if (kind != static_cast<std::uint16_t>(Message::add) || !reader.finished()) {
            return;  // of a later version; every replica of this one ignores it alike
        }
        const std::int64_t value = state_.add(origin, name, amount);

        // Up to here all nodes did the same; from here on each serves its own clients.
        ais::Appender event;
        event.text(name);
        event.i64(value);
        for (ais_conn* client : clients_) {
            // Who does not read loses changes, not the connection.
            ipc_.notify_droppable(
                client, static_cast<std::uint16_t>(Event::changed), event.written());
        }
        if (origin == origin_) {
            const auto found = waiting_.find(ticket);
            if (found != waiting_.end()) {
                respond(found->second.client, found->second.serial, ok, value);
                waiting_.erase(found);
            }
        }
    }

    ais_status client_open(ais_conn* who, ais::Bytes) {
        clients_.push_back(who);
        return AIS_OK;
    }

    void client_close(ais_conn* who) {
        std::erase(clients_, who);
        std::erase_if(waiting_, [&](const auto& entry) { return entry.second.client == who; });
    }

    ais_status save(ais::StateWriter& out) { return out.write(state_.save()); }

    ais_status merge(std::span<const ais::SavedState> states) {
        state_.clear();
        for (const ais::SavedState& state : states) {
            if (!state_.merge_with(state.bytes)) {
                log_.error(
                    "COUNTER-001", "the snapshot of node ", state.saved_by, " does not decode");
                return AIS_ERR_CORRUPT;
            }
        }
        return AIS_OK;
    }

    // What another build of this plugin needs to go on where this one stops: who waits for
    // which answer, and the numbers that are given out.  The version first.
    ais_status save_local(std::span<ais_conn* const> conns, ais::StateWriter& out) {
        ais::Appender bytes;
        bytes.u32(local_version);
        bytes.u64(origin_.ring_seq);
        bytes.u32(origin_.ring_salt);
        bytes.u64(last_ticket_);
        bytes.u32(static_cast<std::uint32_t>(waiting_.size()));
        for (const auto& [ticket, waiting] : waiting_) {
            bytes.u64(ticket);
            bytes.u32(static_cast<std::uint32_t>(
                std::find(conns.begin(), conns.end(), waiting.client) - conns.begin()));
            bytes.u64(waiting.serial);
        }
        return out.write(bytes.written());
    }

    ais_status restore_local(std::span<ais_conn* const> conns,
                             ais::Bytes saved,
                             std::string_view from_version) {
        ais::Reader in(saved);
        if (in.u32() != local_version) {
            log_.error("COUNTER-002", "cannot take over from version ", from_version);
            return AIS_ERR_UNSUPPORTED;
        }
        // The same life of the same node: its contributions go on.
        origin_.ring_seq = in.u64();
        origin_.ring_salt = in.u32();
        last_ticket_ = in.u64();
        const std::uint32_t count = in.u32();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            const std::uint64_t ticket = in.u64();
            const std::uint32_t index = in.u32();
            const std::uint64_t serial = in.u64();
            if (index >= conns.size()) {
                return AIS_ERR_CORRUPT;
            }
            waiting_[ticket] = {conns[index], serial};
        }
        clients_.assign(conns.begin(), conns.end());
        return in.finished() ? AIS_OK : AIS_ERR_CORRUPT;
    }

    void dump(std::string& out) {
        out += std::to_string(state_.size()) + " counters, " + std::to_string(clients_.size()) +
               " clients, " + std::to_string(waiting_.size()) + " additions on their way\n";
    }

  private:
    static constexpr std::uint32_t local_version = 1;

    struct Waiting {
        ais_conn* client;
        std::uint64_t serial;
    };

    void respond(ais_conn* to, std::uint64_t serial, std::int32_t error, std::int64_t value) {
        if (serial != 0) {
            ais::Appender body;
            body.i64(value);
            ipc_.respond(to, serial, error, body.written());
        }
    }

    ais::host::Log log_;
    ais::host::Group group_;
    ais::host::Ipc ipc_;
    State state_;
    // Of this node only.
    Origin origin_;
    std::vector<ais_conn*> clients_;
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_ticket_ = 0;
};

constexpr const char* needs[] = {"ais.group/1", "ais.ipc/1", nullptr};

}  // namespace
}  // namespace counter

#ifndef COUNTER_VERSION
#define COUNTER_VERSION "1.0.0"
#endif
AIS_EXPORT_PLUGIN =
    ais::describe<counter::CounterService>("counter", COUNTER_VERSION, counter::needs);
