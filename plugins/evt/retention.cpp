// SPDX-License-Identifier: BSD-3-Clause
//
// The end of what is kept.  The lowest member tells all when an event is over, and lets the clock
// of the state go on (state.hpp); the others have the same list, in case it goes.

#include "service.hpp"

#include <algorithm>

namespace ais::evt {
namespace {

// Limit: ids in one message.
constexpr std::size_t expired_max = 8192;
// After the send queue was full.
constexpr std::chrono::milliseconds retry_interval{10};

}  // namespace

bool EvtService::is_leader() const {
    return !state_.nodes().empty() && state_.nodes().front() == state_.self();
}

// `deadline` is on the state's clock.
void EvtService::watch(std::uint64_t id, std::uint64_t deadline) {
    const auto now = timer_.now();
    const auto left = std::min(state_.remaining(deadline), std::chrono::nanoseconds::max() - now);
    deadlines_.set(id, now + left);
}

void EvtService::watch_all() {
    deadlines_.clear();
    announced_.clear();
    tick_is_under_way_ = false;
    for (const auto& [id, deadline] : state_.deadlines()) {
        watch(id, deadline);
    }
    last_tick_ = timer_.now();
    rearm();
}

void EvtService::rearm() {
    if (state_.needs_ticks() != ticking_) {
        ticking_ = !ticking_;
        last_tick_ = timer_.now();
    }
    auto at = std::chrono::nanoseconds::max();
    if (is_leader()) {
        at = ticking_ && !tick_is_under_way_ ? last_tick_ + tick_interval : at;
        at = std::min(at, deadlines_.next(announced_).value_or(at));
    }
    if (!pending_closes_.empty()) {
        at = std::min(at, timer_.now() + retry_interval);
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
        if (timer_.start<&EvtService::on_timer>(at - timer_.now(), *this, timer_id_) != AIS_OK) {
            timer_id_ = 0;  // the next occasion arms it
        }
    }
}

void EvtService::on_timer() {
    timer_id_ = 0;
    flush_closes();
    if (is_leader()) {
        const auto now = timer_.now();
        bool is_behind = !send_expired(now);
        const auto elapsed = now - last_tick_;
        if (ticking_ && !tick_is_under_way_ && elapsed >= tick_interval) {
            std::uint8_t space[8];
            Writer body(space);
            body.u64(static_cast<std::uint64_t>(elapsed.count()));
            const auto kind = number_of(MessageKind::tick);
            if (group_.multicast(kind, body.written()) == AIS_OK) {
                last_tick_ = now;
                tick_is_under_way_ = true;
            } else {
                is_behind = true;
            }
        }
        if (is_behind) {
            timer_at_ = now + retry_interval;
            if (timer_.start<&EvtService::on_timer>(retry_interval, *this, timer_id_) != AIS_OK) {
                timer_id_ = 0;
            }
            return;
        }
    }
    rearm();
}

bool EvtService::send_expired(std::chrono::nanoseconds now) {
    const auto due = deadlines_.due(now, expired_max, announced_);
    if (due.empty()) {
        return true;
    }
    Appender body;
    for (const std::uint64_t id : due) {
        body.u64(id);
    }
    if (group_.multicast(number_of(MessageKind::expire), body.written()) != AIS_OK) {
        return false;
    }
    announced_.insert(due.begin(), due.end());
    return true;
}

}  // namespace ais::evt
