// SPDX-License-Identifier: BSD-3-Clause
//
// Timers: the end of retentions, the ticks of the state's clock, what had no room to be said,
// and lines about capacity that had to wait.  The lowest member tells all when a retention is over;
// the others have the same list, in case it goes.

#include "service.hpp"

#include <algorithm>

namespace ais::msg {
namespace {

// Limit: closings in one message.
constexpr std::size_t expired_max = 2048;
// After the send queue was full.
constexpr std::chrono::milliseconds retry_interval{10};

}  // namespace

// Ends of processes and receipts are not refused, so they wait here when there is no room.
void MsgService::post(MessageKind kind, Bytes body) {
    posts_.push_back({kind, std::string(as_text(body))});
    flush();
    rearm();
}

void MsgService::flush() {
    while (!posts_.empty() && group_.multicast(number_of(posts_.front().kind),
                                               std::string_view(posts_.front().body)) == AIS_OK) {
        posts_.pop_front();
    }
}

bool MsgService::is_leader() const {
    return !state_.nodes().empty() && state_.nodes().front() == state_.self();
}

// Retentions that have begun just now: their whole length from now on.
void MsgService::watch_started() {
    const auto now = timer_.now();
    for (const OpenId& id : state_.take_started()) {
        const auto found = state_.queues().find(id);
        if (found != state_.queues().end() && found->second->deadline != no_deadline) {
            const auto left =
                std::min(std::chrono::nanoseconds(found->second->attributes.retention),
                         std::chrono::nanoseconds::max() - now);
            deadlines_.set({id, found->second->closings}, now + left);
        }
    }
    rearm();
}

void MsgService::watch_all() {
    deadlines_.clear();
    announced_.clear();
    tick_is_under_way_ = false;
    const auto now = timer_.now();
    for (const auto& [closing, deadline] : state_.deadlines()) {
        const auto left =
            std::min(state_.remaining(deadline), std::chrono::nanoseconds::max() - now);
        deadlines_.set(closing, now + left);
    }
    last_tick_ = now;
    rearm();
}

void MsgService::rearm() {
    const auto now = timer_.now();
    if (state_.needs_ticks() != ticking_) {
        ticking_ = !ticking_;
        last_tick_ = now;
    }
    auto at = std::chrono::nanoseconds::max();
    if (is_leader()) {
        if (ticking_ && !tick_is_under_way_) {
            at = state_.has_guessed_times() ? now : last_tick_ + tick_interval;
        }
        at = std::min(at, deadlines_.next(announced_).value_or(at));
    }
    at = std::min(at, reports_.next().value_or(at));
    at = std::min(at, group_reports_.next().value_or(at));
    if (!posts_.empty() || !unserved_.empty()) {
        at = std::min(at, now + retry_interval);
    }
    if (timer_id_ != 0 && timer_at_ <= at) {
        return;  // it will ask again
    }
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
        timer_id_ = 0;
    }
    if (at != std::chrono::nanoseconds::max()) {
        timer_at_ = at;
        if (timer_.start<&MsgService::on_timer>(at - now, *this, timer_id_) != AIS_OK) {
            timer_id_ = 0;  // the next occasion arms it
        }
    }
}

void MsgService::on_timer() {
    timer_id_ = 0;
    flush();
    tell_capacity();
    for (const std::uint64_t number : std::exchange(unserved_, {})) {
        const auto open = opens_.find(number);
        if (open != opens_.end()) {
            serve(number, open->second);
        }
    }
    const auto now = timer_.now();
    if (is_leader() && !(send_expired(now) && send_tick(now))) {
        if (timer_id_ != 0) {
            timer_.cancel(timer_id_);
        }
        timer_at_ = now + retry_interval;
        if (timer_.start<&MsgService::on_timer>(retry_interval, *this, timer_id_) != AIS_OK) {
            timer_id_ = 0;
        }
        return;
    }
    rearm();
}

void MsgService::note_capacity() {
    if (!state_.has_crossed()) {
        return;
    }
    const auto now = timer_.now();
    for (const auto& [queue, before] : state_.take_crossed()) {
        reports_.note(queue, before, now);
    }
    for (const std::string& group : state_.take_crossed_groups()) {
        group_reports_.note(group, 0, now);
    }
    tell_capacity();
    rearm();
}

// The node where the queue is open speaks; of a closed one and of a group, the lowest member.
void MsgService::tell_capacity() {
    reports_.tell(timer_.now(), [this](const OpenId& id, std::uint8_t told) {
        const auto found = state_.queues().find(id);
        if (found == state_.queues().end()) {
            return std::optional<std::uint8_t>();
        }
        const Queue& queue = *found->second;
        if (queue.is_open() ? queue.owner.node == state_.self() : is_leader()) {
            for (std::size_t i = 0; i < priorities; ++i) {
                if (((queue.reached() ^ told) >> i & 1) != 0) {
                    tell_capacity(queue, i);
                }
            }
        }
        return std::optional(queue.reached());
    });
    group_reports_.tell(timer_.now(), [this](const std::string& name, std::uint8_t told) {
        const Group* group = state_.find_group(name);
        if (group == nullptr) {
            return std::optional<std::uint8_t>();
        }
        const std::uint8_t reached = state_.reached(*group);
        for (std::size_t i = 0; i < priorities && is_leader(); ++i) {
            if (((reached ^ told) >> i & 1) != 0) {
                tell_capacity(*group, (reached >> i & 1) != 0, i);
            }
        }
        return std::optional(reached);
    });
}

void MsgService::tell_capacity(const Queue& queue, std::size_t priority) const {
    const AreaStatus area = queue.status(priority);
    if ((queue.reached() >> priority & 1) != 0) {
        log_.warning("MSG-005",
                     "queue ",
                     queue.name,
                     ", priority ",
                     priority,
                     ": critical capacity is reached, ",
                     area.used,
                     " of ",
                     area.size,
                     " bytes; messages wait: ",
                     area.messages);
    } else {
        log_.notice("MSG-006",
                    "queue ",
                    queue.name,
                    ", priority ",
                    priority,
                    ": capacity is available again, ",
                    area.used,
                    " of ",
                    area.size,
                    " bytes");
    }
}

void MsgService::tell_capacity(const Group& group, bool is_reached, std::size_t priority) const {
    if (is_reached) {
        log_.warning("MSG-007",
                     "group ",
                     group.name,
                     ", priority ",
                     priority,
                     ": critical capacity is reached in all its queues, which are ",
                     group.members.size());
    } else {
        log_.notice("MSG-008",
                    "group ",
                    group.name,
                    ", priority ",
                    priority,
                    ": capacity is available again");
    }
}

// False: there was no room.
bool MsgService::send_expired(std::chrono::nanoseconds now) {
    Appender body;
    std::vector<Closing> over;
    for (const Closing& closing : deadlines_.due(now, expired_max, announced_)) {
        const auto found = state_.queues().find(closing.queue);
        if (found == state_.queues().end() || found->second->is_open() ||
            found->second->closings != closing.closing) {
            deadlines_.erase(closing);  // opened again, or gone
            continue;
        }
        closing.queue.encode(body);
        body.u64(closing.closing);
        over.push_back(closing);
    }
    if (over.empty()) {
        return true;
    }
    if (group_.multicast(number_of(MessageKind::expire), body.written()) != AIS_OK) {
        return false;
    }
    announced_.insert(over.begin(), over.end());
    return true;
}

bool MsgService::send_tick(std::chrono::nanoseconds now) {
    const auto elapsed = now - last_tick_;
    if (!ticking_ || tick_is_under_way_ ||
        (elapsed < tick_interval && !state_.has_guessed_times())) {
        return true;
    }
    std::uint8_t space[16];
    Writer body(space);
    body.u64(static_cast<std::uint64_t>(elapsed.count()));
    body.i64(node_.wall_clock());
    if (group_.multicast(number_of(MessageKind::tick), body.written()) != AIS_OK) {
        return false;
    }
    last_tick_ = now;
    tick_is_under_way_ = true;
    return true;
}

}  // namespace ais::msg
