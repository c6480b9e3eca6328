// SPDX-License-Identifier: BSD-3-Clause

#include "backlog.hpp"

#include <algorithm>

namespace ais::evt {

namespace {

// Of a notice that events were lost, about.
constexpr std::size_t notice_bytes = 128;
constexpr std::uint32_t highest = 0;

}  // namespace

std::size_t Backlog::bytes_of(const Item& item) {
    return item.event != nullptr ? item.event->size() : notice_bytes;
}

bool Backlog::has_room(const Class& of, std::size_t bytes) {
    return of.flight.empty() ||
           (of.flight.size() < flight_events && of.flight_bytes + bytes <= flight_bytes);
}

void Backlog::launch(Class& of, std::size_t bytes) {
    of.flight.push_back(bytes);
    of.flight_bytes += bytes;
}

bool Backlog::pass(std::uint32_t priority, std::size_t bytes) {
    Class& of = classes_[priority];
    if (!of.queue.empty() || losing_ || waiting_ >= size_ || !has_room(of, bytes)) {
        return false;
    }
    launch(of, bytes);
    ++waiting_;
    return true;
}

void Backlog::add(std::uint32_t priority, const Subscriber& to, SharedEvent event) {
    if (losing_ || waiting_ >= size_) {
        losing_ = true;
        // The newest of the lowest priority below this one's gives way.
        for (std::uint32_t lower = priorities - 1; lower > priority; --lower) {
            auto& queue = classes_[lower].queue;
            const auto newest = std::find_if(queue.rbegin(), queue.rend(), [](const Item& item) {
                return item.event != nullptr;
            });
            if (newest != queue.rend()) {
                const Subscriber loser = newest->to;
                queue.erase(std::next(newest).base());
                --waiting_;
                lose(loser);
                classes_[priority].queue.push_back({to, std::move(event)});
                ++waiting_;
                return;
            }
        }
        lose(to);
        return;
    }
    classes_[priority].queue.push_back({to, std::move(event)});
    ++waiting_;
}

void Backlog::lose(const Subscriber& to) {
    ++lost_;
    if (told_.insert(to).second) {
        classes_[highest].queue.push_back({to, nullptr});
    }
}

std::optional<Backlog::Item> Backlog::next() {
    for (Class& of : classes_) {
        if (!of.queue.empty() && has_room(of, bytes_of(of.queue.front()))) {
            Item item = std::move(of.queue.front());
            of.queue.pop_front();
            launch(of, bytes_of(item));
            if (item.event == nullptr) {
                ++waiting_;  // what is in flight is counted, since consume() cannot tell
            }
            return item;
        }
    }
    return std::nullopt;
}

bool Backlog::consume(std::uint32_t priority, std::uint32_t count) {
    Class& of = classes_[priority];
    if (count > of.flight.size()) {
        return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        of.flight_bytes -= of.flight.front();
        of.flight.pop_front();
    }
    waiting_ -= count;
    end_episode_if_over();
    return true;
}

void Backlog::end_episode_if_over() {
    if (losing_ && waiting_ <= resume_) {
        losing_ = false;
        told_.clear();
    }
}

template <typename Gone>
void Backlog::erase(Gone gone) {
    for (Class& of : classes_) {
        std::erase_if(of.queue, [&](const Item& item) {
            const bool goes = gone(item.to);
            if (goes && item.event != nullptr) {
                --waiting_;
            }
            return goes;
        });
    }
    std::erase_if(told_, gone);
    end_episode_if_over();
}

void Backlog::forget(const Subscriber& gone) {
    erase([&](const Subscriber& to) { return to == gone; });
}

void Backlog::forget(std::uint32_t tag) {
    erase([&](const Subscriber& to) { return to.tag == tag; });
}

}  // namespace ais::evt
