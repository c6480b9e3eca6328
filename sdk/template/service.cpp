// SPDX-License-Identifier: BSD-3-Clause
//
// The plugin "thing": a value that all nodes agree on.
//
// The way of a write: request() of one node multicasts it; deliver() of every node changes
// the state, at the same place of the total order; the node whose client asked answers, and
// every node tells its own clients.
//
// Threads: none.  All calls come from the executive's loop.

#include "state.hpp"
#include "wire.hpp"

#include <ais/codec.hpp>
#include <ais/host.hpp>
#include <ais/service.hpp>

#include <map>
#include <set>

namespace thing {
namespace {

class ThingService {
  public:
    // Yours alone: 64 to 1023 are for third parties.
    static constexpr std::uint16_t service_id = 1003;
    static constexpr ais_config_key config_keys[] = {
        ais::bool_key("thing", "verbose", "no", "log every write"),
    };

    explicit ThingService(const ais_host& host)
        : log_(host),
          group_(host),
          ipc_(host),
          is_verbose_(ais::host::Config(host).flag("thing.verbose")) {}

    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, ais::Bytes body) {
        switch (static_cast<Request>(kind)) {
            case Request::write:
                write(from, serial, body);
                return;
            case Request::read:
                // Sequentially consistent: what this node has delivered so far.
                answer(from, serial, ok, ais::as_bytes(state_.value()));
                return;
        }
        answer(from, serial, bad_request);
    }

    void deliver(ais_node_id sender, std::uint16_t kind, ais::Bytes body) {
        ais::Reader reader(body);
        const std::uint64_t ticket = reader.u64();
        if (static_cast<Message>(kind) != Message::write || !reader.ok()) {
            return;  // of a later version; every replica of this one ignores it alike
        }
        state_.write(reader.rest());
        if (is_verbose_) {
            log_.info("THING-001", "written by node ", sender);
        }
        for (ais_conn* client : clients_) {
            ipc_.notify(client, static_cast<std::uint16_t>(Event::changed), reader.rest());
        }
        if (sender == group_.local_node()) {
            answer_ticket(ticket);
        }
    }

    ais_status client_open(ais_conn* who, ais::Bytes) {
        clients_.insert(who);
        return AIS_OK;
    }

    void client_close(ais_conn* who) {
        clients_.erase(who);
        std::erase_if(waiting_, [&](const auto& entry) { return entry.second.client == who; });
    }

    ais_status save(ais::StateWriter& out) { return out.write(state_.save()); }

    ais_status merge(std::span<const ais::SavedState> states) {
        state_.clear();
        for (const ais::SavedState& state : states) {
            if (!state_.merge_with(state.bytes)) {
                log_.error(
                    "THING-002", "the snapshot of node ", state.saved_by, " does not decode");
                return AIS_ERR_CORRUPT;
            }
        }
        return AIS_OK;
    }

    void dump(std::string& out) {
        out += "value of " + std::to_string(state_.value().size()) + " bytes, " +
               std::to_string(clients_.size()) + " clients\n";
    }

  private:
    struct Waiting {
        ais_conn* client;
        std::uint64_t serial;
    };

    void write(ais_conn* from, std::uint64_t serial, ais::Bytes value) {
        if (value.size() > value_max) {
            answer(from, serial, too_big);
            return;
        }
        ais::Appender header;
        header.u64(++last_ticket_);
        const auto kind = static_cast<std::uint16_t>(Message::write);
        if (group_.multicast(kind, header.written(), value) != AIS_OK) {
            answer(from, serial, too_big);
            return;
        }
        if (serial != 0) {
            waiting_[last_ticket_] = {from, serial};
        }
    }

    void answer_ticket(std::uint64_t ticket) {
        const auto found = waiting_.find(ticket);
        if (found != waiting_.end()) {  // else the client has gone, or wants no answer
            answer(found->second.client, found->second.serial, ok);
            waiting_.erase(found);
        }
    }

    void answer(ais_conn* to, std::uint64_t serial, std::int32_t error, ais::Bytes body = {}) {
        if (serial != 0) {
            ipc_.respond(to, serial, error, body);
        }
    }

    ais::host::Log log_;
    ais::host::Group group_;
    ais::host::Ipc ipc_;
    bool is_verbose_;
    State state_;
    // Of this node only.
    std::set<ais_conn*> clients_;
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_ticket_ = 0;
};

constexpr const char* needs[] = {"ais.group/1", "ais.ipc/1", "ais.config/1", nullptr};

}  // namespace
}  // namespace thing

AIS_EXPORT_PLUGIN = ais::describe<thing::ThingService>("thing", "0.1.0", thing::needs);
