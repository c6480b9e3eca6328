// SPDX-License-Identifier: BSD-3-Clause

#include "queue.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {

void forget_oldest(Removed& removed) {
    while (removed.size() > removed_max) {
        removed.erase(removed.begin());
    }
}

bool Queue::has_room(std::uint8_t priority, std::uint64_t size) const {
    // An area of no size takes nothing, not even a message of no size.
    return attributes.sizes[priority] > 0 && size <= room(priority) &&
           areas_[priority].size() < area_messages_max;
}

std::uint64_t Queue::room(std::uint8_t priority) const {
    const std::uint64_t size = attributes.sizes[priority];
    return size - std::min(size, used_[priority]);
}

bool Queue::add(Stored message, std::uint8_t priority, std::uint64_t place) {
    if (!index_.emplace(message.id, Place{priority, place}).second) {
        return false;
    }
    stored_bytes_ += message.bytes->size() + message_overhead;
    if (!message.is_taken) {
        count(priority, message, true);
    }
    areas_[priority].emplace_hint(areas_[priority].end(), place, std::move(message));
    return true;
}

void Queue::count(std::uint8_t priority, const Stored& message, bool is_more) {
    if (is_more) {
        used_[priority] += message.size;
        ++waiting_[priority];
    } else {
        used_[priority] -= message.size;
        --waiting_[priority];
    }
    note_usage(priority);
}

void Queue::note_usage(std::size_t priority) {
    const auto bit = static_cast<std::uint8_t>(1U << priority);
    const std::uint8_t before = reached_;
    if (used_[priority] >= thresholds.reached[priority] && used_[priority] > 0) {
        reached_ |= bit;
    }
    if (used_[priority] < thresholds.reached[priority] &&
        used_[priority] <= thresholds.available[priority]) {
        reached_ &= static_cast<std::uint8_t>(~bit);
    }
    if (reached_ != before && !crossed_from_) {
        crossed_from_ = before;
    }
}

void Queue::set_thresholds(const Thresholds& now) {
    thresholds = now;
    const std::uint8_t before = std::exchange(reached_, 0);
    const auto crossed = crossed_from_;
    for (std::size_t i = 0; i < priorities; ++i) {
        note_usage(i);
    }
    crossed_from_ = crossed || reached_ == before ? crossed : std::optional(before);
}

const Stored* Queue::take(const MessageId& wanted) {
    const auto found = index_.find(wanted);
    if (found == index_.end()) {
        return nullptr;
    }
    const Place place = found->second;
    Stored& message = areas_[place.priority].at(place.at);
    if (message.is_taken) {
        return nullptr;
    }
    message.is_taken = true;
    count(place.priority, message, false);
    return &message;
}

bool Queue::remove(const MessageId& gone) {
    const auto found = index_.find(gone);
    if (found == index_.end()) {
        return false;
    }
    const Place place = found->second;
    index_.erase(found);
    const auto at = areas_[place.priority].find(place.at);
    const Stored message = std::move(at->second);
    areas_[place.priority].erase(at);
    stored_bytes_ -= message.bytes->size() + message_overhead;
    if (!message.is_taken) {
        count(place.priority, message, false);
    }
    note_removed(message.id, place.priority);
    return true;
}

void Queue::note_removed(const MessageId& gone, std::uint8_t priority) {
    std::uint64_t& highest = removed[{gone.start, gone.node, priority}];
    highest = std::max(highest, gone.number);
    forget_oldest(removed);
}

void Queue::clear() {
    while (!index_.empty()) {
        remove(MessageId(index_.begin()->first));
    }
}

void Queue::give_back() {
    for (std::uint8_t priority = 0; priority < priorities; ++priority) {
        for (auto& [place, message] : areas_[priority]) {
            if (message.is_taken) {
                message.is_taken = false;
                count(priority, message, true);
            }
        }
    }
}

const Stored* Queue::find(const MessageId& wanted) const {
    const auto found = index_.find(wanted);
    return found != index_.end() ? &areas_[found->second.priority].at(found->second.at) : nullptr;
}

AreaStatus Queue::status(std::size_t priority) const {
    return {attributes.sizes[priority], used_[priority], waiting_[priority]};
}

std::uint64_t Queue::waiting_count() const {
    std::uint64_t count = 0;
    for (const std::uint32_t waiting : waiting_) {
        count += waiting;
    }
    return count;
}

}  // namespace ais::msg
