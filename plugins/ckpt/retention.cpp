// SPDX-License-Identifier: BSD-3-Clause

#include "retention.hpp"

#include <algorithm>

namespace ais::ckpt {
namespace {

// An instant that cannot be reached instead of an overflow.
std::int64_t add(std::int64_t now, std::int64_t duration) {
    return duration > time_end - now ? time_end : now + duration;
}

bool is_same(const Expire& a, const Expire& b) {
    return a.generation == b.generation && a.expiration == b.expiration;
}

}  // namespace

void Deadlines::start(const Expire& timer, std::int64_t at) {
    stop(timer.key);
    running_[timer.key] = {timer, at};
    order_.insert({at, timer.key});
}

void Deadlines::stop(const TimerKey& key) {
    const auto found = running_.find(key);
    if (found != running_.end()) {
        order_.erase({found->second.at, key});
        running_.erase(found);
    }
}

void Deadlines::apply(const TimerChange& change, std::int64_t now) {
    if (change.duration == time_end) {
        stop(change.timer.key);
    } else {
        start(change.timer, add(now, change.duration));
    }
}

void Deadlines::replace(const std::vector<TimerChange>& wanted, std::int64_t now) {
    const auto before = std::exchange(running_, {});
    order_.clear();
    for (const TimerChange& change : wanted) {
        if (change.duration == time_end) {
            continue;
        }
        const auto found = before.find(change.timer.key);
        const bool goes_on = found != before.end() && is_same(found->second.timer, change.timer);
        start(change.timer, goes_on ? found->second.at : add(now, change.duration));
    }
}

void Deadlines::shorten(const Remaining& remaining, std::int64_t now) {
    const auto found = running_.find(remaining.timer.key);
    if (found == running_.end() || !is_same(found->second.timer, remaining.timer)) {
        return;
    }
    const std::int64_t at = add(now, remaining.left);
    if (at < found->second.at) {
        start(remaining.timer, at);
    }
}

std::optional<std::int64_t> Deadlines::next() const {
    if (order_.empty()) {
        return std::nullopt;
    }
    return order_.begin()->first;
}

std::vector<Expire> Deadlines::take_due(std::int64_t now) {
    std::vector<Expire> list;
    while (!order_.empty() && order_.begin()->first <= now) {
        list.push_back(running_.at(order_.begin()->second).timer);
        order_.erase(order_.begin());
    }
    return list;
}

void Deadlines::tell_again() {
    for (const auto& [key, running] : running_) {
        order_.insert({running.at, key});
    }
}

std::vector<Remaining> Deadlines::remaining(std::int64_t now) const {
    std::vector<Remaining> list;
    list.reserve(running_.size());
    for (const auto& [key, running] : running_) {
        list.push_back({running.timer, std::max<std::int64_t>(running.at - now, 0)});
    }
    return list;
}

}  // namespace ais::ckpt
