// SPDX-License-Identifier: BSD-3-Clause
//
// Time, and what this node multicasts without being asked by a client.

#include "service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ais::ckpt {
namespace {

// How long what did not fit the send queue waits for another try.
constexpr std::chrono::milliseconds retry_interval{10};
// Limit: bytes of one message about running timers.
constexpr std::size_t remaining_max = 64U << 10;

}  // namespace

void CkptService::update_timers() {
    const auto changes = state_.take_timer_changes();
    if (!changes.empty()) {
        const std::int64_t now = timer_.now().count();
        for (const TimerChange& change : changes) {
            deadlines_.apply(change, now);
        }
    }
    arm();
}

// One timer of the host, for the nearest deadline.
void CkptService::arm() {
    const auto next = deadlines_.next();
    if (alarm_ != 0) {
        if (next && *next == alarm_at_) {
            return;
        }
        timer_.cancel(alarm_);
        alarm_ = 0;
    }
    if (!next) {
        return;
    }
    const std::int64_t wait = std::max<std::int64_t>(*next - timer_.now().count(), 0);
    if (timer_.start<&CkptService::on_alarm>(std::chrono::nanoseconds(wait), *this, alarm_) !=
        AIS_OK) {
        alarm_ = 0;  // the next message tries again
    }
    alarm_at_ = *next;
}

void CkptService::on_alarm() {
    alarm_ = 0;
    const auto due = deadlines_.take_due(timer_.now().count());
    if (speaks_for_all()) {
        for (const Expire& timer : due) {
            Appender body;
            timer.encode(body);
            post(Kind::expire, 0, body.take());
        }
    }
    arm();
}

// That all changes so far are applied here.
void CkptService::say_applied() {
    if (is_saying_) {
        has_more_to_say_ = true;
        return;
    }
    is_saying_ = true;
    std::uint8_t space[Applied::size];
    Writer body(space);
    Applied{ring().seq, applied()}.encode(body);
    post(Kind::applied, 0, std::string(as_text(body.written())));
}

void CkptService::post(Kind kind, std::uint32_t connection, std::string body) {
    posts_.push_back({kind, connection, std::move(body)});
    flush();
}

// Such words are not requests, so they come when the send queue is full as well; they
// wait here, in order.
void CkptService::flush() {
    while (!posts_.empty()) {
        const Post& next = posts_.front();
        std::uint8_t space[MessageHead::size];
        Writer head(space);
        MessageHead{0, next.connection, 0}.encode(head);
        const ais_status status =
            group_.multicast(number_of(next.kind), head.written(), std::string_view(next.body));
        if (status == AIS_ERR_AGAIN) {
            break;
        }
        posts_.pop_front();
    }
    if (!posts_.empty()) {
        wait_to_flush();
    }
}

void CkptService::wait_to_flush() {
    if (retry_timer_ == 0 &&
        timer_.start<&CkptService::on_retry>(retry_interval, *this, retry_timer_) != AIS_OK) {
        retry_timer_ = 0;  // the next word tries again
    }
}

void CkptService::on_retry() {
    retry_timer_ = 0;
    flush();
}

// Those who came with another history begin their timers anew; we know better.
void CkptService::tell_remaining() {
    const auto all = deadlines_.remaining(timer_.now().count());
    std::size_t at = 0;
    while (at < all.size()) {
        Appender lines;
        std::uint32_t count = 0;
        for (; at < all.size() && (count == 0 || lines.size() < remaining_max); ++at, ++count) {
            all[at].timer.encode(lines);
            lines.i64(all[at].left);
        }
        Appender body;
        body.u32(count);
        body.bytes(lines.written());
        post(Kind::remaining, 0, body.take());
    }
}

}  // namespace ais::ckpt
