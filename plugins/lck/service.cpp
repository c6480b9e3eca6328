// SPDX-License-Identifier: BSD-3-Clause
//
// What is delivered: the same on all nodes, then words to this node's clients.

#include "service.hpp"

#include "snapshot.hpp"

#include <utility>

namespace ais::lck {
namespace {

// Limit: lines of a dump.
constexpr std::size_t dump_resources_max = 1000;

}  // namespace

LckService::LckService(const ais_host& host)
    : host_(host),
      primary_(host::find<ais_primary_v1>(host, AIS_PRIMARY_INTERFACE)),
      log_(host),
      group_(host),
      ipc_(host),
      complaints_(host, "LCK-002", "LCK-005"),
      timer_(host),
      state_(group_.local_node()),
      // Begin somewhere else after each start.
      last_number_(static_cast<std::uint64_t>(timer_.now().count())) {}

LckService::~LckService() {
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
    }
}

void LckService::deliver(ais_node_id sender, std::uint16_t kind, Bytes body) {
    // In the new ring, and all replicas are equal.  Between a transitional configuration and the
    // regular one this is a message of the old ring.
    if (is_between_) {
        return dispatch(sender, kind, body);
    }
    Effects thawed;
    state_.thaw(thawed);
    tell(thawed);
    dispatch(sender, kind, body);
}

void LckService::dispatch(ais_node_id sender, std::uint16_t kind, Bytes body) {
    switch (static_cast<MessageKind>(kind)) {
        case MessageKind::open:
            return on_open(sender, body);
        case MessageKind::close:
            return on_close(sender, body);
        case MessageKind::lock:
            return on_lock(sender, body);
        case MessageKind::unlock:
            return on_unlock(sender, body);
        case MessageKind::expire:
            return on_expire(sender, body);
        case MessageKind::purge:
            return on_purge(sender, body);
        case MessageKind::serve:
            return;
    }
    complaints_.malformed(sender, "a message of unknown kind");
}

void LckService::on_open(ais_node_id sender, Bytes body) {
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
    LocalOpen& open = found->second;
    open.is_delivered = opened == State::Opened::ok;
    switch (opened) {
        case State::Opened::ok:
            return tell_opened(open, SA_AIS_OK);
        case State::Opened::not_exist:
            tell_opened(open, SA_AIS_ERR_NOT_EXIST);
            break;
        case State::Opened::no_resources:
            tell_opened(open, SA_AIS_ERR_NO_RESOURCES);
            break;
    }
    forget_open(message.number);
}

void LckService::on_close(ais_node_id sender, Bytes body) {
    Reader in(body);
    const std::uint64_t request = in.u64();
    std::vector<std::uint64_t> numbers;
    if (!in.ok() || !decode_numbers(in.rest(), numbers)) {
        return complaints_.malformed(sender, "a close that does not decode");
    }
    Effects effects;
    state_.close(sender, numbers, effects);
    if (sender == state_.self()) {
        for (const std::uint64_t number : numbers) {
            forget_open(number);
        }
        answer(request, SA_AIS_OK);
    }
    tell(effects);
}

void LckService::on_lock(ais_node_id sender, Bytes body) {
    LockMessage message;
    if (!LockMessage::decode(body, message)) {
        return complaints_.malformed(sender, "a lock that does not decode");
    }
    Effects effects;
    const bool is_queued = state_.lock(sender, message, effects);
    if (sender == state_.self()) {
        const auto found = locks_.find(message.number);
        if (found != locks_.end()) {
            found->second.is_delivered = true;
            if (!is_queued) {
                tell_failed(found->second, SA_AIS_ERR_BAD_HANDLE);
                forget_lock(message.number);
            }
        }
    }
    tell(effects);
}

void LckService::on_unlock(ais_node_id sender, Bytes body) {
    TargetMessage message;
    if (!TargetMessage::decode(body, message)) {
        return complaints_.malformed(sender, "an unlock that does not decode");
    }
    Effects effects;
    const State::Unlocked unlocked = state_.unlock(sender, message.number, effects);
    if (sender == state_.self()) {
        const auto found = locks_.find(message.number);
        if (found != locks_.end() && unlocked != State::Unlocked::not_exist) {
            // Who waits for it in another thread comes back; a callback is dropped.
            if (found->second.serial != 0) {
                tell_status(found->second, Status::not_queued, {});
            }
            forget_lock(message.number);
        }
        answer(message.request,
               unlocked == State::Unlocked::not_exist ? SA_AIS_ERR_NOT_EXIST : SA_AIS_OK);
    }
    tell(effects);
}

void LckService::on_expire(ais_node_id sender, Bytes body) {
    std::vector<std::uint64_t> numbers;
    if (!decode_numbers(body, numbers)) {
        return complaints_.malformed(sender, "a list of timeouts that does not decode");
    }
    Effects effects;
    for (const std::uint64_t number : numbers) {
        if (!state_.expire(sender, number, effects) || sender != state_.self()) {
            continue;
        }
        const auto found = locks_.find(number);
        if (found != locks_.end()) {
            tell_failed(found->second, SA_AIS_ERR_TIMEOUT);
            forget_lock(number);
        }
    }
    tell(effects);
}

void LckService::on_purge(ais_node_id sender, Bytes body) {
    TargetMessage message;
    if (!TargetMessage::decode(body, message)) {
        return complaints_.malformed(sender, "a purge that does not decode");
    }
    Effects effects;
    const bool is_open = state_.purge(sender, message.number, effects);
    if (sender == state_.self()) {
        answer(message.request, is_open ? SA_AIS_OK : SA_AIS_ERR_BAD_HANDLE);
    }
    tell(effects);
}

// ---- Words to clients

void LckService::answer(std::uint64_t request, SaAisErrorT error) {
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) {
        return;
    }
    const Waiting waiting = found->second;
    waiting_.erase(found);
    if (waiting.serial != 0) {
        ipc_.respond(waiting.conn, waiting.serial, error);
        return;
    }
    std::uint8_t space[DoneEvent::size];
    Writer body(space);
    DoneEvent{waiting.invocation, waiting.id, error}.encode(body);
    ipc_.notify(waiting.conn, number_of(EventKind::unlocked), body.written());
}

void LckService::tell(const Effects& effects) {
    std::size_t losses = 0;
    std::uint32_t first_pid = 0;
    for (const Id id : effects.lost) {
        const auto found = locks_.find(id.number);
        if (id.node != state_.self() || found == locks_.end()) {
            continue;
        }
        const LocalLock& lock = found->second;
        if (losses++ == 0) {
            first_pid = ipc_.peer(lock.client->conn).pid;
        }
        if ((lock.client->watch & watch_losses) != 0) {
            std::uint8_t space[8];
            Writer body(space);
            body.u64(lock.id);
            ipc_.notify(lock.client->conn, number_of(EventKind::lost), body.written());
        }
        forget_lock(id.number);
    }
    if (losses > 0) {
        log_.notice("LCK-003",
                    "processes of this node, the first is pid ",
                    first_pid,
                    ", have lost ",
                    losses,
                    losses == 1 ? " lock" : " locks",
                    state_.is_primary() ? ", which another part of the cluster has"
                                        : ", because this part is not primary");
    }
    for (const Effects::Decided& decided : effects.decided) {
        if (decided.lock.node == state_.self()) {
            tell_decided(decided);
        }
    }
    for (const Effects::Waiter& waiter : effects.waiters) {
        const auto found = locks_.find(waiter.holder.number);
        if (waiter.holder.node != state_.self() || found == locks_.end() ||
            (found->second.client->watch & watch_waiters) == 0) {
            continue;
        }
        std::uint8_t space[WaiterEvent::size];
        Writer body(space);
        WaiterEvent{waiter.signal, found->second.id, waiter.held, waiter.requested}.encode(body);
        ipc_.notify(found->second.client->conn, number_of(EventKind::waiter), body.written());
    }
}

void LckService::tell_decided(const Effects::Decided& decided) {
    const auto found = locks_.find(decided.lock.number);
    if (found == locks_.end()) {
        return;  // its process is gone; the close is on the way
    }
    LocalLock& lock = found->second;
    tell_status(lock, decided.status, decided.fence);
    if (decided.status == Status::granted) {
        lock.is_granted = true;
        clear_deadline(decided.lock.number, lock);
    } else {
        forget_lock(decided.lock.number);
    }
}

void LckService::tell_opened(LocalOpen& open, SaAisErrorT error) const {
    if (open.is_async) {
        std::uint8_t space[DoneEvent::size];
        Writer body(space);
        DoneEvent{open.invocation, open.handle, error}.encode(body);
        ipc_.notify(open.client->conn, number_of(EventKind::opened), body.written());
    } else if (open.serial != 0) {
        ipc_.respond(open.client->conn, std::exchange(open.serial, 0), error);
    }
}

void LckService::tell_status(LocalLock& lock, Status status, Fence fence) const {
    if (lock.is_async) {
        std::uint8_t space[GrantedEvent::size];
        Writer body(space);
        GrantedEvent{lock.invocation, lock.id, status, SA_AIS_OK}.encode(body);
        ipc_.notify(lock.client->conn, number_of(EventKind::granted), body.written());
    } else if (lock.serial != 0) {
        std::uint8_t space[LockAnswer::size];
        Writer body(space);
        LockAnswer{status, fence}.encode(body);
        ipc_.respond(lock.client->conn, std::exchange(lock.serial, 0), SA_AIS_OK, body.written());
    }
}

void LckService::tell_failed(LocalLock& lock, SaAisErrorT error) const {
    if (lock.is_async) {
        std::uint8_t space[GrantedEvent::size];
        Writer body(space);
        GrantedEvent{lock.invocation, lock.id, Status::not_queued, error}.encode(body);
        ipc_.notify(lock.client->conn, number_of(EventKind::granted), body.written());
    } else if (lock.serial != 0) {
        ipc_.respond(lock.client->conn, std::exchange(lock.serial, 0), error);
    }
}

// Its requests that somebody waits for come back with BAD_HANDLE.
void LckService::forget_open(std::uint64_t number) {
    const auto found = opens_.find(number);
    if (found == opens_.end()) {
        return;
    }
    const std::set<std::uint64_t> numbers = found->second.locks;
    for (const std::uint64_t one : numbers) {
        LocalLock& lock = locks_.at(one);
        if (lock.serial != 0) {
            tell_failed(lock, SA_AIS_ERR_BAD_HANDLE);
        }
        forget_lock(one);
    }
    LocalOpen& open = found->second;
    open.client->opens.erase(open.handle);
    opens_.erase(found);
}

void LckService::forget_lock(std::uint64_t number) {
    const auto found = locks_.find(number);
    if (found == locks_.end()) {
        return;
    }
    LocalLock& lock = found->second;
    clear_deadline(number, lock);
    lock.client->locks.erase(lock.id);
    const auto open = opens_.find(lock.open);
    if (open != opens_.end()) {
        open->second.locks.erase(number);
    }
    locks_.erase(found);
}

// ---- The rest of a service

void LckService::configure(const ais_configuration& now) {
    const bool is_regular = now.kind == AIS_CONFIGURATION_REGULAR;
    const bool was_primary = state_.is_primary();
    const bool is_primary = primary_.is_primary == nullptr || primary_.is_primary(&host_) != 0;
    is_between_ = !is_regular;
    Effects effects;
    state_.configure(now, is_primary, effects);
    if (!is_regular) {
        return;
    }
    if (was_primary != is_primary) {
        log_.notice("LCK-004",
                    is_primary ? "this part of the cluster is primary: locks are granted again"
                               : "this part of the cluster is not primary: no locks are granted, "
                                 "and those that were are lost");
    }
    tell(effects);
    serve_is_due_ = is_leader();
    rearm();
}

ais_status LckService::save(StateWriter& out) {
    return out.write(lck::save(state_.image()));
}

ais_status LckService::merge(std::span<const SavedState> states) {
    const auto merged = lck::merge(states, state_.nodes());
    if (!merged) {
        log_.error("LCK-001", merged.error().text);
        return merged.error().code;
    }
    Effects effects;
    state_.replace(*merged, states.size() > 1, effects);
    for (const auto& [number, open] : opens_) {
        if (open.is_delivered && state_.find_open({state_.self(), number}) == nullptr) {
            // Why: others now believe that it is closed, and it will never be told.  A
            // replica that differs leaves.
            log_.error("LCK-001", "the merged state has lost an open resource of this node");
            return AIS_ERR_CORRUPT;
        }
    }
    tell(effects);
    return AIS_OK;
}

void LckService::dump(std::string& out) {
    out += "resources " + std::to_string(state_.resources().size()) + ", opens " +
           std::to_string(state_.open_count()) + ", locks " + std::to_string(state_.lock_count()) +
           ", here: opens " + std::to_string(opens_.size()) + ", locks " +
           std::to_string(locks_.size()) + ", malformed " +
           std::to_string(complaints_.malformed_count()) +
           (state_.is_primary() ? "" : ", not primary") +
           (state_.is_frozen() ? ", nothing is granted now" : "") + "\n";
    std::size_t lines = 0;
    for (const auto& [name, resource] : state_.resources()) {
        if (++lines > dump_resources_max) {
            out += "...\n";
            return;
        }
        out += "  " + name + ": opens " + std::to_string(resource->opens.size()) + ", granted " +
               std::to_string(resource->held.size() - resource->orphans) +
               (resource->exclusive > 0 ? " (exclusive)" : "") + ", orphans " +
               std::to_string(resource->orphans) + ", waiting " +
               std::to_string(resource->queue.size()) + "\n";
    }
}

namespace {

constexpr const char* needs[] = {
    AIS_GROUP_INTERFACE, AIS_IPC_INTERFACE, AIS_TIMER_INTERFACE, nullptr};

}  // namespace
}  // namespace ais::lck

AIS_EXPORT_PLUGIN = ais::describe<ais::lck::LckService>("lck", "1.0.0", ais::lck::needs);
