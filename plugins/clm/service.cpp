// SPDX-License-Identifier: BSD-3-Clause

#include "service.hpp"

#include "snapshot.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace ais::clm {
namespace {

constexpr std::uint32_t local_version = 2;
constexpr std::size_t local_client_size = 4 + 4 + 8 + 8 + 8;

constexpr std::uint16_t number_of(EventKind kind) {
    return static_cast<std::uint16_t>(kind);
}

Appender epoch_in_front(std::uint32_t epoch) {
    Appender head;
    head.u32(epoch);
    return head;
}

std::string checked_name(std::string_view key, std::string_view value) {
    if (value.empty() || value.size() > name_max) {
        throw std::runtime_error("clm." + std::string(key) + " has " +
                                 std::to_string(value.size()) +
                                 " bytes: give it a name of 1 to 256");
    }
    return std::string(value);
}

}  // namespace

ClmService::ClmService(const ais_host& host)
    : host_(host),
      log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "CLM-003", "CLM-004"),
      config_(host),
      timer_(host),
      state_(current_facts(host)) {}

ClmService::~ClmService() {
    end_step();
}

Facts ClmService::current_facts(const ais_host& host) const {
    Facts facts;
    facts.node = group_.local_node();
    if (const auto name = config_.text("clm.node_name")) {
        facts.name = checked_name("node_name", *name);
    }
    if (const auto environment = config_.text("clm.execution_environment")) {
        facts.environment = checked_name("execution_environment", *environment);
    }
    if (const auto address = config_.text("clm.node_address")) {
        facts.address = *address;
    }
    // Why optional: a simulated kernel has no machine.
    if (host::has(host, AIS_NODE_INTERFACE)) {
        const host::Node machine(host);
        facts.boot_time = machine.boot_time();
        if (facts.name.empty()) {
            facts.name = machine.host_name().substr(0, name_max);
        }
        if (facts.address.empty()) {
            facts.address = machine.address(0).value_or(std::string_view());
        }
    }
    if (facts.name.empty()) {
        facts.name = "node" + std::to_string(facts.node);
    }
    // The interface of a link-local address means nothing on other nodes.
    facts.address.resize(std::min(facts.address.find('%'), facts.address.size()));
    if (facts.address.size() > address_max) {
        facts.address.clear();
    }
    if (!facts.address.empty()) {
        facts.family = facts.address.find(':') != std::string::npos ? 2 : 1;
    }
    return facts;
}

void ClmService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    Reader in(body);
    switch (static_cast<MessageKind>(kind)) {
        case MessageKind::facts: {
            Facts facts;
            if (!Facts::decode(in, facts) || !in.finished()) {
                break;
            }
            if (const auto report = state_.facts(sender, facts)) {
                tell(*report);
                warn_of_twins();
            }
            return;
        }
        case MessageKind::administer: {
            AdminRequest request;
            const bool is_request = AdminRequest::decode(in, request);
            const std::uint64_t ticket = in.u64();
            if (!is_request || !in.finished()) {
                break;
            }
            on_events(state_.administer(sender, request, ticket));
            return;
        }
        case MessageKind::step_over: {
            const std::uint64_t invocation = in.u64();
            const auto verdict = static_cast<Verdict>(in.u32());
            if (!in.finished() || verdict < Verdict::ok || verdict > Verdict::error) {
                break;
            }
            on_events(state_.step_over(sender, invocation, verdict));
            return;
        }
    }
    complaints_.malformed(sender, kind);
}

void ClmService::configure(const ais_configuration& now) {
    if (const auto report = state_.configure(now)) {
        tell(*report);
    }
    if (now.kind == AIS_CONFIGURATION_REGULAR) {
        on_events(state_.settle());
        update_facts();
    }
}

// The host may tell another address or name than before.
void ClmService::update_facts() {
    const auto own = state_.view().members.find(state_.self());
    const Facts facts = current_facts(host_);
    if (own != state_.view().members.end() && own->second.facts == facts) {
        return;
    }
    Appender body;
    facts.encode(body);
    // A queue that is full now: the next configuration tries again.
    group_.multicast(static_cast<std::uint16_t>(MessageKind::facts), body.written());
}

ais_status ClmService::save(StateWriter& out) {
    return out.write(clm::save(state_.surviving()));
}

ais_status ClmService::merge(std::span<const SavedState> states) {
    const auto merged = clm::merge(states, state_.nodes());
    if (!merged) {
        log_.error("CLM-001", merged.error().text);
        return merged.error().code;
    }
    if (!merged->members.contains(state_.self())) {
        // Why: a view without this node would be believed by all the others.
        log_.error("CLM-002", "the merged view has lost this node");
        return AIS_ERR_CORRUPT;
    }
    for (const ViewReport& report : state_.replace(*merged)) {
        tell(report);
    }
    warn_of_twins();
    return AIS_OK;
}

void ClmService::tell(const ViewReport& report) {
    // Most clients want the same, so what they get is made once for each kind of wish.
    std::map<std::uint32_t, std::string> bodies;
    for (const auto& client : clients_) {
        if (client->track_flags == 0) {
            continue;
        }
        const std::uint32_t wish =
            client->track_flags & (TrackRequest::changes_only | TrackRequest::local);
        auto known = bodies.find(wish);
        if (known == bodies.end()) {
            Appender body;
            if (const auto wanted = select(report, wish, state_.self())) {
                wanted->encode(body);
            }
            known = bodies.emplace(wish, body.take()).first;
        }
        if (!known->second.empty()) {
            ipc_.notify(client->conn,
                        number_of(EventKind::changed),
                        epoch_in_front(client->epoch).written(),
                        known->second);
        }
    }
}

// Programs find nodes by name; two of one name are a mistake of the operator.
void ClmService::warn_of_twins() const {
    std::map<std::string_view, std::uint32_t> names;
    for (const auto& [node, member] : state_.view().members) {
        const auto [other, is_new] = names.emplace(member.facts.name, node);
        if (!is_new) {
            log_.notice("CLM-005",
                        "nodes ",
                        other->second,
                        " and ",
                        node,
                        " have the same name '",
                        member.facts.name,
                        "'; set clm.node_name on each");
            return;
        }
    }
}

ais_status ClmService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    if (hello.role == Role::program && !state_.is_member()) {
        return not_a_member;
    }
    add_client(who);
    return AIS_OK;
}

ClmService::Client& ClmService::add_client(ais_conn* who) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.conn = who;
    client.pid = ipc_.peer(who).pid;
    ipc_.set_context(who, &client);
    return client;
}

void ClmService::client_close(ais_conn* who) {
    std::erase_if(clients_, [who](const auto& client) { return client->conn == who; });
    check_answers();
}

//   version u32, n u32, step u64, due u32 (0: not decided), last ticket u64,
//   n × (track flags u32, epoch u32, awaited u64, admin serial u64, admin ticket u64), in the
//   order of the conns
ais_status ClmService::save_local(std::span<ais_conn* const> conns, StateWriter& out) {
    Appender saved;
    saved.u32(local_version);
    saved.u32(static_cast<std::uint32_t>(conns.size()));
    saved.u64(step_.invocation);
    saved.u32(step_.due ? static_cast<std::uint32_t>(*step_.due) : 0);
    saved.u64(last_ticket_);
    for (ais_conn* conn : conns) {
        const auto* known = ipc_.context<Client>(conn);
        const Client client = known != nullptr ? *known : Client();
        saved.u32(client.track_flags);
        saved.u32(client.epoch);
        saved.u64(client.awaited);
        saved.u64(client.admin_serial);
        saved.u64(client.admin_ticket);
    }
    return out.write(saved.written());
}

ais_status ClmService::restore_local(std::span<ais_conn* const> conns,
                                     Bytes saved,
                                     std::string_view) {
    Reader in(saved);
    if (in.u32() != local_version || in.u32() != conns.size()) {
        return AIS_ERR_CORRUPT;
    }
    const std::uint64_t step = in.u64();
    const std::uint32_t due = in.u32();
    last_ticket_ = in.u64();
    if (due > static_cast<std::uint32_t>(Verdict::error) ||
        in.remaining() != conns.size() * local_client_size) {
        return AIS_ERR_CORRUPT;
    }
    clients_.clear();
    for (ais_conn* conn : conns) {
        Client& client = add_client(conn);
        client.track_flags = in.u32() & TrackRequest::known;
        client.epoch = in.u32();
        client.awaited = in.u64();
        client.admin_serial = in.u64();
        client.admin_ticket = in.u64();
    }
    end_timer();
    step_ = {step, {}};
    if (step != 0) {
        // The time of the step begins anew.
        if (due != 0) {
            step_.due = static_cast<Verdict>(due);
        }
        start_timer(due != 0 ? std::chrono::milliseconds(0) : step_timeout());
    }
    return AIS_OK;
}

void ClmService::request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    TrackRequest track_wanted;
    NodeRequest node_wanted;
    AdminRequest admin_wanted;
    if (!state_.is_member() && kind <= static_cast<std::uint16_t>(RequestKind::response)) {
        ipc_.respond(from, serial, SA_AIS_ERR_UNAVAILABLE);
        return;
    }
    switch (static_cast<RequestKind>(kind)) {
        case RequestKind::track:
            return TrackRequest::decode(body, track_wanted)
                       ? track(*client, serial, track_wanted)
                       : complaints_.broken_request(client->conn, "track");
        case RequestKind::track_stop:
            ipc_.respond(from, serial, client->track_flags != 0 ? SA_AIS_OK : SA_AIS_ERR_NOT_EXIST);
            client->track_flags = 0;
            forget(*client);
            return;
        case RequestKind::node_get:
            return NodeRequest::decode_get(body, node_wanted)
                       ? get_node(*client, serial, node_wanted)
                       : complaints_.broken_request(client->conn, "node_get");
        case RequestKind::node_ask:
            return NodeRequest::decode_ask(body, node_wanted)
                       ? ask_node(*client, serial, node_wanted)
                       : complaints_.broken_request(client->conn, "node_ask");
        case RequestKind::response:
            return answer(*client, serial, body);
        case RequestKind::administer: {
            Reader in(body);
            return AdminRequest::decode(in, admin_wanted) && in.finished()
                       ? administer(*client, serial, admin_wanted)
                       : complaints_.broken_request(client->conn, "administer");
        }
        case RequestKind::nodes:
            return list_nodes(*client, serial);
    }
    complaints_.broken_request(client->conn, "request of unknown kind");
}

void ClmService::track(Client& client, std::uint64_t serial, const TrackRequest& wanted) {
    ViewReport report = state_.report();
    if ((wanted.flags & TrackRequest::local) != 0) {
        std::erase_if(report.items,
                      [this](const Item& item) { return item.member.facts.node != state_.self(); });
    }
    if (wanted.answer == Answer::buffer && report.items.size() > wanted.capacity) {
        Appender needed;
        needed.u32(static_cast<std::uint32_t>(report.items.size()));
        ipc_.respond(client.conn, serial, SA_AIS_ERR_NO_SPACE, needed.written());
        return;
    }
    client.epoch = wanted.epoch;
    if ((wanted.flags & (TrackRequest::changes | TrackRequest::changes_only)) != 0) {
        client.track_flags = wanted.flags & ~TrackRequest::current;
        if ((wanted.flags & (TrackRequest::start_step | TrackRequest::validate_step)) == 0) {
            forget(client);
        }
    }
    Appender body;
    if (wanted.answer != Answer::none) {
        report.encode(body);
    }
    if (wanted.answer == Answer::callback) {
        ipc_.notify(client.conn,
                    number_of(EventKind::current),
                    epoch_in_front(client.epoch).written(),
                    body.written());
        ipc_.respond(client.conn, serial, SA_AIS_OK);
        return;
    }
    ipc_.respond(client.conn, serial, SA_AIS_OK, body.written());
}

void ClmService::get_node(Client& client, std::uint64_t serial, const NodeRequest& wanted) {
    const Member* found = state_.find(wanted.node);
    if (found == nullptr) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_NOT_EXIST);
        return;
    }
    Appender body;
    found->encode(body);
    ipc_.respond(client.conn, serial, SA_AIS_OK, body.written());
}

void ClmService::ask_node(Client& client, std::uint64_t serial, const NodeRequest& wanted) {
    const Member* found = state_.find(wanted.node);
    Appender body;
    body.u64(wanted.invocation);
    body.u32(found != nullptr ? SA_AIS_OK : SA_AIS_ERR_NOT_EXIST);
    if (found != nullptr) {
        found->encode(body);
    }
    ipc_.notify(client.conn, number_of(EventKind::node), body.written());
    ipc_.respond(client.conn, serial, SA_AIS_OK);
}

void ClmService::dump(std::string& out) {
    out += "view " + std::to_string(state_.view().number) + ", members " +
           std::to_string(state_.view().members.size()) + ", clients " +
           std::to_string(clients_.size()) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + "\n";
    for (const auto& [node, member] : state_.view().members) {
        out += "  node " + std::to_string(node) + " '" + member.facts.name + "' " +
               member.facts.address + " since view " + std::to_string(member.initial_view) +
               (state_.view().is_locked(node) ? ", locked" : "") + "\n";
    }
    if (const auto& change = state_.view().change) {
        out += "  " + std::string(change->operation == Operation::shutdown ? "shutdown" : "lock") +
               " of node " + std::to_string(change->node) +
               (change->step == Step::validate ? ", validate" : ", start") + ", waits for " +
               std::to_string(change->awaited.size()) + " nodes\n";
    }
}

namespace {

constexpr const char* needs[] = {
    AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_CONFIG_INTERFACE, AIS_TIMER_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::clm

AIS_EXPORT_PLUGIN = ais::describe<ais::clm::ClmService>("clm", "1.0.0", ais::clm::needs);
