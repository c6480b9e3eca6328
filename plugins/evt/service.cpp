// SPDX-License-Identifier: BSD-3-Clause
//
// What is delivered: the same on all nodes, then words to this node's clients.

#include "service.hpp"

#include "snapshot.hpp"

#include <algorithm>
#include <utility>

namespace ais::evt {
namespace {

// Limit: kept events that a subscription remembers to have got.
constexpr std::size_t seen_max = 65536;
// Limit: lines of a dump.
constexpr std::size_t dump_channels_max = 1000;

}  // namespace

EvtService::EvtService(const ais_host& host)
    : log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "EVT-002", "EVT-004"),
      timer_(host),
      state_(group_.local_node()),
      // Begin somewhere else after each start.
      last_number_(static_cast<std::uint64_t>(timer_.now().count())) {
    const host::Config config(host);
    queue_size_ =
        static_cast<std::size_t>(config.number("event.delivery_queue_size").value_or(1000));
    queue_resume_ =
        static_cast<std::size_t>(config.number("event.delivery_queue_resume").value_or(500));
    retained_max_ = static_cast<std::size_t>(
        config.number("event.retained_bytes").value_or(std::int64_t{retained_bytes_max}));
    if (queue_resume_ >= queue_size_) {
        log_.warning("EVT-003",
                     "event.delivery_queue_resume is not below event.delivery_queue_size (",
                     queue_size_,
                     "): half of that is used");
        queue_resume_ = queue_size_ / 2;
    }
}

EvtService::~EvtService() {
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
    }
}

void EvtService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    switch (static_cast<MessageKind>(kind)) {
        case MessageKind::open:
            return on_open(sender, body);
        case MessageKind::close:
            return on_close(sender, body);
        case MessageKind::unlink:
            return on_unlink(sender, body);
        case MessageKind::publish:
            return on_publish(sender, body);
        case MessageKind::clear:
            return on_clear(sender, body);
        case MessageKind::expire:
            return on_expire(sender, body);
        case MessageKind::tick:
            return on_tick(sender, body);
    }
    complaints_.malformed(sender, "a message of unknown kind");
}

void EvtService::on_open(ais_node_id sender, Bytes body) {
    OpenMessage message;
    if (!OpenMessage::decode(body, message)) {
        return complaints_.malformed(sender, "an open that does not decode");
    }
    const State::Opened opened = state_.open(sender, message);
    if (sender != state_.self()) {
        return;
    }
    const auto found = opens_.find(message.number);
    if (found == opens_.end()) {
        return;  // it was given up meanwhile; its close is on the way
    }
    Open& open = found->second;
    switch (opened) {
        case State::Opened::ok:
            open.is_delivered = true;
            return tell_opened(open, SA_AIS_OK);
        case State::Opened::not_exist:
            tell_opened(open, SA_AIS_ERR_NOT_EXIST);
            break;
        case State::Opened::no_resources:
            tell_opened(open, SA_AIS_ERR_NO_RESOURCES);
            break;
    }
    end_subscriptions(open);
    open.client->opens.erase(open.tag);
    opens_.erase(found);
}

void EvtService::on_close(ais_node_id sender, Bytes body) {
    std::vector<std::uint64_t> numbers;
    if (!decode_numbers(body, numbers)) {
        return complaints_.malformed(sender, "a close that does not decode");
    }
    for (const std::uint64_t number : numbers) {
        state_.close(sender, number);
    }
}

void EvtService::on_unlink(ais_node_id sender, Bytes body) {
    UnlinkMessage message;
    if (!UnlinkMessage::decode(body, message)) {
        return complaints_.malformed(sender, "an unlink that does not decode");
    }
    const bool was_there = state_.unlink(message.name);
    if (sender == state_.self()) {
        answer(message.request, was_there ? SA_AIS_OK : SA_AIS_ERR_NOT_EXIST);
    }
}

void EvtService::answer(std::uint64_t request, SaAisErrorT error) {
    const auto found = waiting_.find(request);
    if (found != waiting_.end()) {
        ipc_.respond(found->second.conn, found->second.serial, error);
        waiting_.erase(found);
    }
}

void EvtService::on_publish(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t number = in.u64();
    const Bytes encoded = in.rest();
    Event event;
    if (!in.ok() || !Event::decode(encoded, event) || event.id <= reserved_ids) {
        return complaints_.malformed(sender, "an event that does not decode");
    }
    const Channel* channel = state_.publish(sender, number, event, encoded);
    if (channel == nullptr) {
        ++counters_.orphans;
        return;
    }
    if (event.retention > 0) {
        if (event.retention != retention_max) {
            deadlines_.set(event.id, timer_.now() + std::chrono::nanoseconds(event.retention));
        }
        rearm();
    }
    hand_out(*channel, event, encoded);
}

// To each subscription of this node that lets it through.
void EvtService::hand_out(const Channel& channel, const Event& event, Bytes encoded) {
    SharedEvent shared;
    for (const std::uint64_t number : channel.local_opens) {
        const auto found = opens_.find(number);
        if (found == opens_.end()) {
            continue;  // closed already, its close is on the way
        }
        for (auto& [id, subscription] : found->second.subscriptions) {
            if (matches(subscription.filters, event.patterns)) {
                hand_to(found->second, id, event, encoded, shared);
            }
        }
    }
}

// `shared` is the copy of the event that those have who must wait for it.
void EvtService::hand_to(
    Open& open, std::uint32_t id, const Event& event, Bytes encoded, SharedEvent& shared) {
    if (event.retention > 0) {
        auto& seen = open.subscriptions[id].seen;
        if (!seen.insert(event.id).second) {
            return;
        }
        if (seen.size() > seen_max) {
            seen.erase(seen.begin());
        }
    }
    ++counters_.delivered;
    Client& client = *open.client;
    const Subscriber to{open.tag, id};
    if (client.backlog.pass(event.priority, encoded.size())) {
        return send(client, to, encoded);
    }
    if (shared == nullptr) {
        shared = std::make_shared<const std::string>(as_text(encoded));
    }
    client.backlog.add(event.priority, to, shared);
    pump(client);
}

void EvtService::send(Client& client, const Subscriber& to, Bytes event) const {
    std::uint8_t space[DeliverHead::size];
    Writer head(space);
    DeliverHead{to.tag, to.subscription}.encode(head);
    ipc_.notify(client.conn, number_of(EventKind::deliver), head.written(), event);
}

void EvtService::pump(Client& client) {
    while (const auto item = client.backlog.next()) {
        if (item->event != nullptr) {
            send(client, item->to, as_bytes(*item->event));
            continue;
        }
        Event lost;
        lost.id = lost_event_id;
        lost.priority = 0;
        lost.patterns = {lost_event_pattern};
        Appender encoded;
        lost.encode_head(encoded);
        send(client, item->to, encoded.written());
    }
}

void EvtService::on_clear(ais_node_id sender, Bytes body) {
    ClearMessage message;
    if (!ClearMessage::decode(body, message)) {
        return complaints_.malformed(sender, "a retention clear that does not decode");
    }
    const bool was_kept = state_.clear(sender, message.number, message.id);
    if (was_kept) {
        watch(message.id, state_.cleared_until(message.id));
        rearm();
    }
    if (sender == state_.self()) {
        answer(message.request, was_kept ? SA_AIS_OK : SA_AIS_ERR_NOT_EXIST);
    }
}

void EvtService::on_expire(ais_node_id sender, Bytes body) {
    std::vector<std::uint64_t> ids;
    if (!decode_numbers(body, ids)) {
        return complaints_.malformed(sender, "a list of events that does not decode");
    }
    state_.expire(ids);
    for (const std::uint64_t id : ids) {
        deadlines_.erase(id);
        announced_.erase(id);
    }
    rearm();
}

void EvtService::on_tick(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t elapsed = in.u64();
    if (!in.finished()) {
        return complaints_.malformed(sender, "a tick that does not decode");
    }
    state_.tick(elapsed);
    last_tick_ = timer_.now();
    if (sender == state_.self()) {
        tick_is_under_way_ = false;
        rearm();
    }
}

void EvtService::configure(const ais_configuration& now) {
    state_.configure(now);
    if (now.kind == AIS_CONFIGURATION_REGULAR) {
        if (!has_ids_) {
            // Why: a node that restarts alone can ask nobody which ids it has given.  But its ring
            // has a higher number than all that it was in, and this factor (2^32 by the golden
            // ratio, Knuth 6.4) spreads consecutive numbers over all values.
            next_id_ = static_cast<std::uint32_t>(now.ring.seq) * 2654435769U;
        }
        last_tick_ = timer_.now();
        rearm();
    }
}

ais_status EvtService::save(StateWriter& out) {
    return out.write(evt::save(state_.image()));
}

ais_status EvtService::merge(std::span<const SavedState> states) {
    const auto merged = evt::merge(states, state_.nodes());
    if (!merged) {
        log_.error("EVT-001", merged.error().text);
        return merged.error().code;
    }
    const auto gained = state_.replace(*merged);
    for (const auto& [number, open] : opens_) {
        if (open.is_delivered && state_.channel_of({state_.self(), number}) == nullptr) {
            // Why: others now believe that it is closed, and it will never be told.  A
            // replica that differs leaves.
            log_.error("EVT-001", "the merged state has lost an open channel of this node");
            return AIS_ERR_CORRUPT;
        }
    }
    watch_all();
    Event event;
    for (const State::Gained& one : gained) {
        const Bytes encoded = as_bytes(*one.kept->event);
        if (Event::decode(encoded, event)) {
            hand_out(*one.channel, event, encoded);
        }
    }
    return AIS_OK;
}

void EvtService::dump(std::string& out) {
    out += "channels " + std::to_string(state_.channel_count()) + ", opens " +
           std::to_string(state_.open_count()) + ", kept events " +
           std::to_string(state_.kept_count()) + " (" + std::to_string(state_.kept_bytes()) +
           " bytes), delivered here " + std::to_string(counters_.delivered) + ", lost " +
           std::to_string(counters_.lost) + ", published after close " +
           std::to_string(counters_.orphans) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + "\n";
    std::size_t lines = 0;
    for (const auto& [id, channel] : state_.channels()) {
        if (++lines > dump_channels_max) {
            out += "...\n";
            return;
        }
        out += "  " + channel->name + (channel->is_unlinked ? " (unlinked)" : "") + ": opens " +
               std::to_string(channel->opens.size()) + ", here " +
               std::to_string(channel->local_opens.size()) + ", kept " +
               std::to_string(channel->kept.size()) + "\n";
    }
}

namespace {

constexpr const char* needs[] = {
    AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_TIMER_INTERFACE, AIS_CONFIG_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::evt

#ifndef AIS_EVT_VERSION
#define AIS_EVT_VERSION "1.0.0"
#endif
AIS_EXPORT_PLUGIN = ais::describe<ais::evt::EvtService>("evt", AIS_EVT_VERSION, ais::evt::needs);
