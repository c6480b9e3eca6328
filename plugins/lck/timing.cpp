// SPDX-License-Identifier: BSD-3-Clause
//
// What waits for a timer.  A timer decides nothing: it sends, and the place in the order decides.

#include "service.hpp"

#include <algorithm>

namespace ais::lck {
namespace {

// Limit: timeouts in one message.
constexpr std::size_t expired_max = 4096;
// After the send queue was full.
constexpr std::chrono::milliseconds retry_interval{10};

}  // namespace

bool LckService::is_leader() const {
    return !state_.nodes().empty() && state_.nodes().front() == state_.self();
}

void LckService::set_deadline(std::uint64_t number, LocalLock& lock, Instant deadline) {
    lock.deadline = deadline;
    if (deadline != Instant::max()) {
        deadlines_.emplace(deadline, number);
        rearm();
    }
}

void LckService::clear_deadline(std::uint64_t number, LocalLock& lock) {
    deadlines_.erase({std::exchange(lock.deadline, Instant::max()), number});
}

// Sends what had to wait.  What the send queue has no room for stays.
void LckService::flush() {
    if (!pending_closes_.empty()) {
        Appender body;
        body.u64(0);
        for (const std::uint64_t number : pending_closes_) {
            body.u64(number);
        }
        if (group_.multicast(number_of(MessageKind::close), body.written()) == AIS_OK) {
            pending_closes_.clear();
        }
    }
    while (!pending_cancels_.empty()) {
        std::uint8_t space[TargetMessage::size];
        Writer body(space);
        TargetMessage{0, pending_cancels_.back()}.encode(body);
        if (group_.multicast(number_of(MessageKind::unlock), body.written()) != AIS_OK) {
            return;
        }
        pending_cancels_.pop_back();
    }
}

void LckService::rearm() {
    auto at = Instant::max();
    if (serve_is_due_) {
        at = timer_.now();
    } else if (!pending_closes_.empty() || !pending_cancels_.empty()) {
        at = timer_.now() + retry_interval;
    }
    if (!deadlines_.empty()) {
        at = std::min(at, deadlines_.begin()->first);
    }
    if (timer_id_ != 0 && timer_at_ <= at) {
        return;  // it will ask again
    }
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
        timer_id_ = 0;
    }
    if (at != Instant::max()) {
        timer_at_ = at;
        if (timer_.start<&LckService::on_timer>(at - timer_.now(), *this, timer_id_) != AIS_OK) {
            timer_id_ = 0;  // the next occasion arms it
        }
    }
}

void LckService::on_timer() {
    timer_id_ = 0;
    flush();
    bool is_behind = false;
    if (serve_is_due_) {
        serve_is_due_ = group_.multicast(number_of(MessageKind::serve)) != AIS_OK;
        is_behind = serve_is_due_;
    }
    const auto now = timer_.now();
    Appender body;
    std::vector<std::pair<Instant, std::uint64_t>> due;
    for (const auto& one : deadlines_) {
        if (one.first > now || due.size() >= expired_max) {
            break;
        }
        due.push_back(one);
        body.u64(one.second);
    }
    if (!due.empty()) {
        if (group_.multicast(number_of(MessageKind::expire), body.written()) == AIS_OK) {
            // Said once: they are granted, or dropped, when it is delivered.
            for (const auto& one : due) {
                clear_deadline(one.second, locks_.at(one.second));
            }
        } else {
            is_behind = true;
        }
    }
    if (is_behind) {
        timer_at_ = now + retry_interval;
        if (timer_.start<&LckService::on_timer>(retry_interval, *this, timer_id_) != AIS_OK) {
            timer_id_ = 0;
        }
        return;
    }
    rearm();
}

}  // namespace ais::lck
