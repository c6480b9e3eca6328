// SPDX-License-Identifier: BSD-3-Clause
//
// What is delivered: the same on all nodes, then words to this node's clients.

#include "service.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace ais::ckpt {
namespace {

// Limit: lines of a dump.
constexpr std::size_t dump_lines_max = 1000;

}  // namespace

CkptService::CkptService(const ais_host& host)
    : log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "CKPT-003", "CKPT-004"),
      timer_(host),
      node_(host),
      self_(group_.local_node()),
      // Begin somewhere else after each start.
      last_connection_(static_cast<std::uint32_t>(timer_.now().count() >> 10)) {
    const host::Config config(host);
    section_size_max_ =
        static_cast<std::uint64_t>(config.number("ckpt.section_size_max").value_or(1 << 28));
    memory_max_ = static_cast<std::uint64_t>(config.number("ckpt.memory_max").value_or(1 << 30));
}

CkptService::~CkptService() {
    if (retry_timer_ != 0) {
        timer_.cancel(retry_timer_);
    }
    if (alarm_ != 0) {
        timer_.cancel(alarm_);
    }
}

void CkptService::deliver(ais_node_id sender, std::uint16_t number, Bytes body) {
    const auto kind = static_cast<Kind>(number);
    Reader in(body);
    const MessageHead head = MessageHead::decode(in);
    if (!in.ok()) {
        return complaints_.malformed(sender, number_of(kind));
    }
    ++counters_.operations;
    switch (kind) {
        case Kind::open:
        case Kind::unlink:
        case Kind::close:
        case Kind::set_retention:
        case Kind::set_active:
        case Kind::synchronize:
            on_handle(sender, head, kind, in.rest());
            break;
        case Kind::create:
        case Kind::remove:
        case Kind::set_expiration:
        case Kind::write:
        case Kind::overwrite:
            on_data(sender, head, kind, in.rest());
            break;
        case Kind::begin:
        case Kind::piece:
        case Kind::finish:
            on_transfer(sender, head, kind, in.rest());
            break;
        case Kind::depart:
            state_.depart(sender, head.connection);
            break;
        case Kind::expire:
        case Kind::remaining:
            on_timer_word(sender, kind, in.rest());
            break;
        case Kind::point:
            settle(sender, head, {});
            break;
        case Kind::applied:
            on_applied(sender, in.rest());
            break;
        default:
            complaints_.malformed(sender, number_of(kind));
    }
    update_timers();
}

void CkptService::on_handle(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body) {
    const auto finish = [&](Error error) { settle(sender, head, {error, 0, {}}); };
    if (kind == Kind::open) {
        Open open;
        return Open::decode(body, open)
                   ? finish(state_.open({sender, head.connection, open.number}, open, head.stamp))
                   : complaints_.malformed(sender, number_of(kind));
    }
    if (kind == Kind::unlink) {
        return is_name(body) ? finish(state_.unlink(as_text(body)))
                             : complaints_.malformed(sender, number_of(kind));
    }
    if (kind == Kind::set_retention) {
        SetRetention wanted;
        if (!SetRetention::decode(body, wanted)) {
            return complaints_.malformed(sender, number_of(kind));
        }
        const HandleId who{sender, head.connection, wanted.number};
        const Error error = state_.set_retention(who, wanted.duration);
        return settle(sender, head, {error, 0, {}}, is_synchronous(who));
    }
    HandleOnly only;
    if (!HandleOnly::decode(body, only)) {
        return complaints_.malformed(sender, number_of(kind));
    }
    const HandleId who{sender, head.connection, only.number};
    if (kind == Kind::close) {
        finish(state_.close(who));
    } else if (kind == Kind::set_active) {
        finish(state_.set_active(who));
    } else {
        settle(sender, head, {state_.check_synchronize(who), 0, {}}, true);
    }
}

void CkptService::on_data(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body) {
    Reader in(body);
    HandleId who{sender, head.connection, 0};
    const auto finish = [&](Outcome outcome) {
        settle(sender, head, std::move(outcome), is_synchronous(who));
    };
    switch (kind) {
        case Kind::create: {
            CreateHead create;
            if (CreateHead::decode(in, create)) {
                who.number = create.number;
                return finish(state_.create(
                    who, {create.id, 0, in.rest(), nullptr}, create.expiration, head.stamp));
            }
            break;
        }
        case Kind::overwrite: {
            OverwriteHead overwrite;
            if (OverwriteHead::decode(in, overwrite)) {
                who.number = overwrite.number;
                return finish(
                    state_.overwrite(who, {overwrite.id, 0, in.rest(), nullptr}, head.stamp));
            }
            break;
        }
        case Kind::write:
            if (Write::decode(body, write_)) {
                who.number = write_.number;
                data_.clear();
                for (const WriteElement& element : write_.elements) {
                    data_.push_back({element.id, element.offset, element.data, nullptr});
                }
                return finish(state_.write(who, data_, head.stamp));
            }
            break;
        case Kind::remove: {
            Remove remove;
            if (Remove::decode(body, remove)) {
                who.number = remove.number;
                return finish(state_.remove(who, remove.id));
            }
            break;
        }
        default: {
            SetExpiration set;
            if (SetExpiration::decode(body, set)) {
                who.number = set.number;
                return finish(state_.set_expiration(who, set.id, set.expiration, head.stamp));
            }
        }
    }
    complaints_.malformed(sender, number_of(kind));
}

void CkptService::on_transfer(ais_node_id sender, const MessageHead& head, Kind kind, Bytes body) {
    if (kind == Kind::begin) {
        Begin begin;
        return Begin::decode(body, begin)
                   ? state_.begin(
                         {sender, head.connection, begin.number}, std::move(begin.plan), head.stamp)
                   : complaints_.malformed(sender, number_of(kind));
    }
    if (kind == Kind::piece) {
        Piece piece;
        return Piece::decode(body, piece)
                   ? state_.piece({sender, head.connection, piece.number}, piece, head.stamp)
                   : complaints_.malformed(sender, number_of(kind));
    }
    HandleOnly only;
    if (!HandleOnly::decode(body, only)) {
        return complaints_.malformed(sender, number_of(kind));
    }
    const HandleId who{sender, head.connection, only.number};
    Outcome outcome = state_.finish(who, head.stamp);
    settle(sender, head, std::move(outcome), is_synchronous(who));
}

void CkptService::on_timer_word(ais_node_id sender, Kind kind, Bytes body) {
    if (kind == Kind::expire) {
        Reader in(body);
        Expire timer;
        if (!Expire::decode(in, timer) || !in.finished()) {
            return complaints_.malformed(sender, number_of(kind));
        }
        counters_.expired += state_.expire(timer) ? 1 : 0;
        return;
    }
    std::vector<Remaining> all;
    if (!Remaining::decode_all(body, all)) {
        return complaints_.malformed(sender, number_of(kind));
    }
    for (const Remaining& one : all) {
        deadlines_.shorten(one, timer_.now().count());
    }
    arm();
}

bool CkptService::is_synchronous(const HandleId& who) const {
    const Checkpoint* checkpoint = state_.find(who);
    return checkpoint != nullptr && checkpoint->attributes.is_synchronous();
}

void CkptService::settle(ais_node_id sender,
                         const MessageHead& head,
                         Outcome outcome,
                         bool is_for_all_replicas) {
    const bool waits =
        is_for_all_replicas && outcome.error == Error::ok && state_.nodes().size() > 1;
    if (waits) {
        state_.count_applied();
        if (sender != self_) {
            say_applied();
        }
    }
    if (sender != self_ || head.token == 0) {
        return;
    }
    const auto found = pending_.find(head.token);
    if (found == pending_.end()) {
        return;
    }
    Pending& pending = found->second;
    if (waits) {
        pending.outcome = std::move(outcome);
        pending.ring_seq = ring().seq;
        pending.count = applied();
        for (const ais_node_id node : state_.nodes()) {
            if (node != self_) {
                pending.missing.push_back(node);
            }
        }
        return;
    }
    const Pending done = std::move(pending);
    pending_.erase(found);
    respond(done, outcome);
}

void CkptService::respond(const Pending& pending, const Outcome& outcome) {
    if (pending.client == nullptr) {
        return;
    }
    Client& client = *pending.client;
    switch (pending.kind) {
        case Kind::status:
        case Kind::iterate:
        case Kind::read:
            return answer(client, pending.kind, pending.serial, as_bytes(pending.query));
        case Kind::open_async:
        case Kind::synchronize_async: {
            std::uint8_t space[DoneEvent::size];
            Writer event(space);
            DoneEvent{pending.invocation, pending.number, outcome.error}.encode(event);
            const auto kind =
                pending.kind == Kind::open_async ? EventKind::opened : EventKind::synchronized;
            ipc_.notify(client.conn, static_cast<std::uint16_t>(kind), event.written());
            return;
        }
        default:
            break;
    }
    if (outcome.error != Error::ok) {
        return fail(client, pending.serial, outcome.error, outcome.index);
    }
    succeed(client, pending.serial, as_bytes(outcome.id));
}

void CkptService::on_applied(ais_node_id sender, Bytes body) {
    Applied applied;
    if (!Applied::decode(body, applied)) {
        return complaints_.malformed(sender, number_of(Kind::applied));
    }
    check_off(sender, applied);
    if (sender != self_) {
        return;
    }
    if (applied.ring_seq == ring().seq) {
        applied_said_ = std::max(applied_said_, applied.count);
    }
    is_saying_ = false;
    if (std::exchange(has_more_to_say_, false)) {
        say_applied();
    }
}

void CkptService::check_off(ais_node_id node, const Applied& applied) {
    for (auto at = pending_.begin(); at != pending_.end();) {
        auto& [token, pending] = *at;
        const bool is_covered =
            applied.ring_seq > pending.ring_seq ||
            (applied.ring_seq == pending.ring_seq && applied.count >= pending.count);
        const auto waits = std::find(pending.missing.begin(), pending.missing.end(), node);
        if (!is_covered || waits == pending.missing.end()) {
            ++at;
            continue;
        }
        pending.missing.erase(waits);
        if (!pending.missing.empty()) {
            ++at;
            continue;
        }
        const Pending done = std::move(pending);
        at = pending_.erase(at);
        respond(done, done.outcome);
    }
}

void CkptService::configure(const ais_configuration& now) {
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        const auto gone = left(now);
        left_.insert(left_.end(), gone.begin(), gone.end());
        state_.configure(now);
        return;
    }
    const bool owes_a_word = applied() > applied_said_;
    state_.configure(now);
    applied_said_ = 0;
    if (owes_a_word) {
        // Why: somebody of the old ring may wait for it, and the words of that ring
        // that are still queued here name another count.
        is_saying_ = false;
        say_applied();
    }
    stop_waiting_for_left();
    left_.clear();
    parts_.forget();
    deadlines_.tell_again();
    update_timers();
}

// Who is gone cannot say anything.
void CkptService::stop_waiting_for_left() {
    const auto is_gone = [this](ais_node_id node) {
        return !std::binary_search(state_.nodes().begin(), state_.nodes().end(), node) ||
               std::find(left_.begin(), left_.end(), node) != left_.end();
    };
    for (auto at = pending_.begin(); at != pending_.end();) {
        Pending& pending = at->second;
        const bool waited = !pending.missing.empty();
        std::erase_if(pending.missing, is_gone);
        if (!waited || !pending.missing.empty()) {
            ++at;
            continue;
        }
        const Pending done = std::move(pending);
        at = pending_.erase(at);
        respond(done, done.outcome);
    }
}

void CkptService::dump(std::string& out) {
    out += "checkpoints " + std::to_string(state_.image().checkpoints.size()) + ", handles " +
           std::to_string(state_.image().openers.size()) + ", bytes " +
           std::to_string(state_.bytes_used()) + ", timers " + std::to_string(deadlines_.size()) +
           ", messages " + std::to_string(counters_.operations) + ", reads here " +
           std::to_string(counters_.reads) + ", expired " + std::to_string(counters_.expired) +
           ", waiting requests " + std::to_string(pending_.size()) + ", malformed " +
           std::to_string(complaints_.malformed_count()) + "\n";
    std::size_t lines = 0;
    for (const auto& [id, checkpoint] : state_.image().checkpoints) {
        if (++lines > dump_lines_max) {
            out += "...\n";
            return;
        }
        out += "  " + checkpoint.name + (checkpoint.is_linked ? "" : " (unlinked)") + ": flags " +
               std::to_string(checkpoint.attributes.creation_flags) + ", sections " +
               std::to_string(checkpoint.sections.size()) + ", bytes " +
               std::to_string(checkpoint.used) + ", handles " + std::to_string(checkpoint.openers) +
               ", active node " + std::to_string(checkpoint.active_node) + "\n";
    }
}

namespace {

constexpr const char* needs[] = {AIS_GROUP_INTERFACE,
                                 AIS_IPC_INTERFACE,
                                 AIS_TIMER_INTERFACE,
                                 AIS_CONFIG_INTERFACE,
                                 AIS_NODE_INTERFACE,
                                 nullptr};

}  // namespace
}  // namespace ais::ckpt

#ifndef AIS_CKPT_VERSION
#define AIS_CKPT_VERSION "1.0.0"
#endif
AIS_EXPORT_PLUGIN =
    ais::describe<ais::ckpt::CkptService>("ckpt", AIS_CKPT_VERSION, ais::ckpt::needs);
