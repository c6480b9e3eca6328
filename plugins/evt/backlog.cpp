// SPDX-License-Identifier: BSD-3-Clause

#include "backlog.hpp"

#include "event_table.hpp"

#include <algorithm>

namespace ais::evt {

namespace {

// Of a notice that events were lost, about.
constexpr std::size_t notice_bytes = 128;
constexpr std::uint32_t highest = 0;
constexpr std::uint32_t no_event = 0xffffffff;

}  // namespace

std::size_t Backlog::bytes_of(const Item& item) {
    return item.event != nullptr ? item.event->size() : notice_bytes;
}

bool Backlog::has_room(const Class& of, std::size_t bytes) const {
    return of.flight.empty() ||
           (of.flight.size() < flight_max_ && of.flight_bytes + bytes <= flight_bytes);
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

// 4 × (flight u32 × u64, queue u32 × (tag u32, subscription u32, event u32)), losing u8,
// told u32 × (tag u32, subscription u32), lost u64; the event of a notice is no_event.
void Backlog::save(Appender& out, EventTable& events) const {
    for (const Class& of : classes_) {
        out.u32(static_cast<std::uint32_t>(of.flight.size()));
        for (const std::size_t bytes : of.flight) {
            out.u64(bytes);
        }
        out.u32(static_cast<std::uint32_t>(of.queue.size()));
        for (const Item& item : of.queue) {
            out.u32(item.to.tag);
            out.u32(item.to.subscription);
            out.u32(item.event != nullptr ? events.number_of(item.event) : no_event);
        }
    }
    out.u8(losing_ ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(told_.size()));
    for (const Subscriber& to : told_) {
        out.u32(to.tag);
        out.u32(to.subscription);
    }
    out.u64(lost_);
}

bool Backlog::restore(Reader& in, std::span<const SharedEvent> events) {
    for (Class& of : classes_) {
        const std::uint32_t in_flight = in.u32();
        for (std::uint32_t i = 0; i < in_flight && in.ok(); ++i) {
            launch(of, in.u64());
            ++waiting_;
        }
        const std::uint32_t queued = in.u32();
        for (std::uint32_t i = 0; i < queued && in.ok(); ++i) {
            const Subscriber to{in.u32(), in.u32()};
            const std::uint32_t event = in.u32();
            if (!in.ok() || (event != no_event && event >= events.size())) {
                return false;
            }
            of.queue.push_back({to, event != no_event ? events[event] : nullptr});
            waiting_ += event != no_event ? 1 : 0;
        }
    }
    losing_ = in.u8() != 0;
    const std::uint32_t told = in.u32();
    for (std::uint32_t i = 0; i < told && in.ok(); ++i) {
        told_.insert({in.u32(), in.u32()});
    }
    lost_ = in.u64();
    return in.ok();
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
