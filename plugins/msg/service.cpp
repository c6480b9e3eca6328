// SPDX-License-Identifier: BSD-3-Clause
//
// What is delivered: the same on all nodes, then words to this node's clients.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {
namespace {

// Limit: lines of a dump.
constexpr std::size_t dump_queues_max = 1000;

}  // namespace

MsgService::MsgService(const ais_host& host)
    : host_(host),
      holes_(host::find<ais_holes_v1>(host, AIS_HOLES_INTERFACE)),
      log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "MSG-002", "MSG-004"),
      timer_(host),
      node_(host),
      state_(group_.local_node()),
      start_(static_cast<std::uint64_t>(node_.wall_clock())),
      // Begin somewhere else after each start.
      last_number_(start_),
      last_sender_(static_cast<std::uint32_t>(start_ >> 20)) {}

MsgService::~MsgService() {
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
    }
}

void MsgService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    dispatch(sender, kind, body);
    note_capacity();
}

void MsgService::dispatch(ais_node_id sender, std::uint16_t kind, Bytes body) {
    switch (static_cast<MessageKind>(kind)) {
        case MessageKind::open:
            return on_open(sender, body);
        case MessageKind::close:
            return on_close(sender, body);
        case MessageKind::send:
            return on_send(sender, body);
        case MessageKind::take:
            return on_take(sender, body);
        case MessageKind::got:
            return on_got(sender, body);
        case MessageKind::unlink:
            return on_unlink(sender, body);
        case MessageKind::set_retention:
            return on_set(sender, true, body);
        case MessageKind::set_thresholds:
            return on_set(sender, false, body);
        case MessageKind::group_create:
        case MessageKind::group_insert:
        case MessageKind::group_remove:
        case MessageKind::group_delete:
            return on_group(sender, static_cast<MessageKind>(kind), body);
        case MessageKind::reply:
            return on_reply(sender, body);
        case MessageKind::forget:
            return on_forget(sender, body);
        case MessageKind::query:
            return on_query(sender, body);
        case MessageKind::expire:
            return on_expire(sender, body);
        case MessageKind::tick:
            return on_tick(sender, body);
    }
    complaints_.malformed(sender, "a message of unknown kind");
}

void MsgService::answer(ais_node_id sender, std::uint64_t request, SaAisErrorT error) {
    if (sender != state_.self()) {
        return;
    }
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) {
        return;
    }
    const Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    if (waiting.is_async) {
        tell_delivered(waiting.conn, waiting.invocation, error);
    } else {
        ipc_.respond(waiting.conn, waiting.serial, error);
    }
}

void MsgService::on_open(ais_node_id sender, Bytes body) {
    OpenMessage message;
    if (!OpenMessage::decode(body, message)) {
        return complaints_.malformed(sender, "an open that does not decode");
    }
    const SaAisErrorT error = state_.open(sender, message);
    if (sender != state_.self()) {
        return;
    }
    const auto found = opens_.find(message.number);
    if (found == opens_.end()) {
        return;  // it was given up meanwhile; its close is on the way
    }
    Open& open = found->second;
    tell_opened(open, error);
    if (error == SA_AIS_OK) {
        open.is_delivered = true;
        open.queue = message.name;
        const Queue& queue = *state_.queue_of({sender, message.number});
        return announce(queue, queue.message_count());
    }
    open.client->opens.erase(open.tag);
    opens_.erase(found);
}

// One word for each message to a program that wants them.
void MsgService::announce(const Queue& queue, std::size_t messages) {
    const auto found =
        queue.owner.node == state_.self() ? opens_.find(queue.owner.number) : opens_.end();
    if (found != opens_.end() && (found->second.flags & flag_receive_callback) != 0) {
        found->second.unannounced += messages;
        announce(found->second);
    }
}

// As many words as it has credit for: who does not dispatch has a number that grows, and nothing
// else.
void MsgService::announce(Open& open) {
    std::uint8_t space[4];
    Writer body(space);
    body.u32(open.tag);
    while (open.unannounced > 0 && open.unheard < received_credit) {
        --open.unannounced;
        ++open.unheard;
        ipc_.notify(open.client->conn, number_of(EventKind::received), body.written());
    }
}

// The library has made callbacks.
void MsgService::heard(Client& client, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::uint32_t count = in.u32();
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "count of callbacks");
    }
    if (Open* open = find_open(client, tag)) {
        open->unheard -= std::min(count, open->unheard);
        announce(*open);
    }
}

void MsgService::on_close(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::int64_t now = in.i64();
    std::vector<std::uint64_t> numbers;
    if (!decode_numbers(in, numbers)) {
        return complaints_.malformed(sender, "a close that does not decode");
    }
    for (const std::uint64_t number : numbers) {
        state_.close(sender, number, now);
    }
    watch_started();
    tell_changes();
    for (const std::uint64_t number : numbers) {
        const auto found = sender == state_.self() ? closing_.find(number) : closing_.end();
        if (found != closing_.end()) {
            ipc_.respond(found->second.conn, found->second.serial, SA_AIS_OK);
            closing_.erase(found);
        }
    }
}

void MsgService::on_send(ais_node_id sender, Bytes body) {
    SendMessage send;
    Message message;
    if (!SendMessage::decode(body, send) || !Message::decode(send.message, message)) {
        return complaints_.malformed(sender, "a message to a queue that does not decode");
    }
    const bool is_behind_hole =
        holes_.is_behind_hole != nullptr && holes_.is_behind_hole(&host_) != 0;
    const State::Sent sent = state_.send(sender, send, message, is_behind_hole);
    counters_.stored += sent.queues.size();
    counters_.refused += sent.error != SA_AIS_OK ? 1 : 0;
    // Before its sender goes on, those who wait for it have been thought of.
    for (const Queue* queue : sent.queues) {
        if (queue->owner.node == state_.self()) {
            announce(*queue, 1);
            const auto open = opens_.find(queue->owner.number);
            if (open != opens_.end()) {
                serve(open->first, open->second);
            }
        }
    }
    answer(sender, send.number, sent.error);
    if (sender != state_.self() || send.sender_id == 0 || sent.error == SA_AIS_OK) {
        return;
    }
    const auto found = exchanges_.find(send.sender_id);
    if (found != exchanges_.end()) {
        ipc_.respond(found->second.conn, found->second.serial, sent.error);
        ipc_.context<Client>(found->second.conn)->exchanges.erase(found->second.id);
        exchanges_.erase(found);
    }
}

void MsgService::on_take(ais_node_id sender, Bytes body) {
    TakeMessage take;
    if (!TakeMessage::decode(body, take)) {
        return complaints_.malformed(sender, "a take that does not decode");
    }
    const Stored* message = state_.take(sender, take);
    const auto found = sender == state_.self() ? opens_.find(take.number) : opens_.end();
    if (found == opens_.end()) {
        return;  // closed meanwhile: its close, on the way, gives the message back
    }
    Open& open = found->second;
    const auto taking = open.taking.find(take.id);
    if (taking == open.taking.end()) {
        return;
    }
    const std::optional<Get> get = taking->second;
    open.taking.erase(taking);
    if (message == nullptr && get) {
        open.waiting.push_front(*get);  // a merge has taken it away
    } else if (message != nullptr && get) {
        hand(open, *get, *message);
    } else if (message != nullptr) {
        open.in_hand.insert(take.id);
    }
    serve(found->first, open);
}

void MsgService::on_got(ais_node_id sender, Bytes body) {
    GotMessage got;
    if (!GotMessage::decode(body, got)) {
        return complaints_.malformed(sender, "a receipt that does not decode");
    }
    state_.got(sender, got);
}

void MsgService::on_unlink(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    const std::string_view name = as_text(in.rest());
    if (!in.ok() || !is_name(name)) {
        return complaints_.malformed(sender, "an unlink that does not decode");
    }
    const SaAisErrorT error = state_.unlink(name);
    tell_changes();
    answer(sender, request, error);
}

void MsgService::on_set(ais_node_id sender, bool is_retention, Bytes body) {
    Reader in(body);
    const std::uint64_t number = in.u64();
    const std::uint64_t request = in.u64();
    SaAisErrorT error = SA_AIS_OK;
    if (is_retention) {
        const std::int64_t retention = in.i64();
        if (!in.finished() || retention < 0) {
            return complaints_.malformed(sender, "a retention that does not decode");
        }
        error = state_.set_retention(sender, number, retention);
    } else {
        const Thresholds thresholds = Thresholds::decode(in);
        if (!in.finished()) {
            return complaints_.malformed(sender, "thresholds that do not decode");
        }
        error = state_.set_thresholds(sender, number, thresholds);
    }
    answer(sender, request, error);
}

void MsgService::on_group(ais_node_id sender, MessageKind kind, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    SaAisErrorT error = SA_AIS_OK;
    if (kind == MessageKind::group_create) {
        const std::uint32_t policy = in.u32();
        const std::string_view name = as_text(in.rest());
        if (!in.ok() || !is_policy(policy) || !is_name(name)) {
            return complaints_.malformed(sender, "a group that does not decode");
        }
        error = state_.group_create(name, static_cast<Policy>(policy));
    } else if (kind == MessageKind::group_delete) {
        const std::string_view name = as_text(in.rest());
        if (!in.ok() || !is_name(name)) {
            return complaints_.malformed(sender, "an end of a group that does not decode");
        }
        error = state_.group_delete(name);
    } else {
        const std::string_view group = in.text();
        const std::string_view queue = as_text(in.rest());
        if (!in.ok() || !is_name(group) || !is_name(queue)) {
            return complaints_.malformed(sender, "a member of a group that does not decode");
        }
        error = kind == MessageKind::group_insert ? state_.group_insert(group, queue)
                                                  : state_.group_remove(group, queue);
    }
    tell_changes();
    answer(sender, request, error);
}

void MsgService::on_reply(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    const std::uint64_t sender_id = in.u64();
    const Bytes encoded = in.rest();
    Message message;
    if (!in.ok() || !Message::decode(encoded, message)) {
        return complaints_.malformed(sender, "a reply that does not decode");
    }
    const SaAisErrorT error = state_.reply(sender_id, message.data.size());
    const auto found = exchanges_.find(sender_id);
    if (error != SA_AIS_ERR_NOT_EXIST && found != exchanges_.end()) {
        const Exchange exchange = found->second;
        exchanges_.erase(found);
        ipc_.context<Client>(exchange.conn)->exchanges.erase(exchange.id);
        if (error == SA_AIS_OK) {
            ipc_.respond(exchange.conn, exchange.serial, error, encoded);
        } else {
            std::uint8_t space[8];
            Writer needed(space);
            needed.u64(message.data.size());
            ipc_.respond(exchange.conn, exchange.serial, error, needed.written());
        }
    }
    answer(sender, request, error);
}

void MsgService::on_forget(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    std::vector<std::uint64_t> ids;
    if (!decode_numbers(in, ids)) {
        return complaints_.malformed(sender, "an end of an exchange that does not decode");
    }
    // Each node speaks for its own.
    std::erase_if(ids, [=](std::uint64_t id) { return id >> 32 != sender; });
    state_.forget(ids);
    answer(sender, request, SA_AIS_OK);
}

void MsgService::on_query(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    if (!in.finished()) {
        return complaints_.malformed(sender, "a query that does not decode");
    }
    const auto found = sender == state_.self() ? waiting_.find(request) : waiting_.end();
    if (found != waiting_.end()) {
        const Waiting query = std::move(found->second);
        waiting_.erase(found);
        answer_query(query);
    }
}

void MsgService::answer_query(const Waiting& query) {
    switch (static_cast<RequestKind>(query.query)) {
        case RequestKind::track:
            return track(query);
        case RequestKind::list:
            return give_list(query);
        default:
            return give_status(query);
    }
}

void MsgService::on_expire(ais_node_id sender, Bytes body) {
    std::vector<Closing> closings;
    if (!decode_closings(body, closings)) {
        return complaints_.malformed(sender, "a list of queues that does not decode");
    }
    state_.expire(closings);
    for (const Closing& closing : closings) {
        announced_.erase(closing);
        deadlines_.erase(closing);
    }
    tell_changes();
    rearm();
}

void MsgService::on_tick(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t elapsed = in.u64();
    const std::int64_t now = in.i64();
    if (!in.finished()) {
        return complaints_.malformed(sender, "a tick that does not decode");
    }
    state_.tick(elapsed, now);
    last_tick_ = timer_.now();
    if (sender == state_.self()) {
        tick_is_under_way_ = false;
        rearm();
    }
}

void MsgService::configure(const ais_configuration& now) {
    state_.configure(now);
    if (now.kind == AIS_CONFIGURATION_REGULAR) {
        last_tick_ = timer_.now();
        watch_started();
        tell_changes();
        note_capacity();
        rearm();
    }
}

void MsgService::dump(std::string& out) {
    std::uint64_t messages = 0;
    for (const auto& [id, queue] : state_.queues()) {
        messages += queue->message_count();
    }
    out += "queues " + std::to_string(state_.queues().size()) + ", groups " +
           std::to_string(state_.groups().size()) + ", messages " + std::to_string(messages) +
           " (" + std::to_string(state_.stored_bytes()) + " bytes), waiting for replies " +
           std::to_string(state_.request_count()) + ", stored " + std::to_string(counters_.stored) +
           ", refused " + std::to_string(counters_.refused) + ", handed out here " +
           std::to_string(counters_.handed) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + "\n";
    std::size_t lines = 0;
    for (const auto& [id, queue] : state_.queues()) {
        if (++lines > dump_queues_max) {
            out += "...\n";
            return;
        }
        out += "  " + queue->name + (queue->is_unlinked ? " (unlinked)" : "") +
               (queue->is_open() ? ": open at " + std::to_string(queue->owner.node)
                                 : std::string(": closed")) +
               ", messages";
        for (std::size_t i = 0; i < priorities; ++i) {
            const AreaStatus area = queue->status(i);
            out += " " + std::to_string(area.messages) + " (" + std::to_string(area.used) + "/" +
                   std::to_string(area.size) + ")";
        }
        const auto local = opens_.find(queue->owner.number);
        if (queue->owner.node == state_.self() && local != opens_.end()) {
            const Open& open = local->second;
            out += ", gets " + std::to_string(open.waiting.size()) + ", taking " +
                   std::to_string(open.taking.size()) + ", handed " +
                   std::to_string(open.handed.size());
        }
        out += "\n";
    }
}

namespace {

constexpr const char* needs[] = {
    AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_TIMER_INTERFACE, AIS_NODE_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::msg

AIS_EXPORT_PLUGIN = ais::describe<ais::msg::MsgService>("msg", "1.0.0", ais::msg::needs);
