// SPDX-License-Identifier: BSD-3-Clause
//
// One epoll descriptor, level-triggered: what a callback leaves unread is said
// again in the next turn, and nothing has to be armed anew.  A turn is one
// system call of ours, epoll_wait, and what its callbacks do.
//
// Timers need no descriptor: the earliest deadline is the limit of the sleep
// (rounded up to the next millisecond, unless it is closer than one), so there is no call to set
// it, and no wake-up for one that has moved.

#include "os/loop.hpp"

#include "base/assert.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"

#include <sched.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <unordered_map>
#include <vector>

namespace ais::os {
namespace {

// Limit: descriptors of one turn; what is beyond comes in the next one.
constexpr std::size_t ready_max = 64;

constexpr Duration forever = Duration::max();
// Waits shorter than this are not rounded up to milliseconds.
constexpr Duration fine_below = std::chrono::milliseconds(1);

int open_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    AIS_ASSERT(fd >= 0);  // at the start of the process, before anything that could use them up
    return fd;
}

bool has_several_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

}  // namespace

struct Loop::Impl {
    struct Timer {
        std::function<void()> fire;
        std::uint32_t generation = 1;
        bool is_set = false;
    };
    struct Due {
        Instant at;
        std::uint64_t order;  // equal times fire in the order of start()
        TimerId id;
        bool operator<(const Due& other) const {  // heap: the earliest on top
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    struct Watched {
        int fd;
        std::function<void()> on_readable;
    };

    Impl() : epoll(open_epoll()) { now = monotonic_now(); }

    // -- timers

    Timer* find(TimerId id) {
        const auto slot = static_cast<std::size_t>((id & 0xffffffffU) - 1);
        if (id == 0 || slot >= timers.size() || timers[slot].generation != id >> 32 ||
            !timers[slot].is_set) {
            return nullptr;
        }
        return &timers[slot];
    }

    void free_timer(TimerId id) {
        Timer& timer = timers[static_cast<std::size_t>((id & 0xffffffffU) - 1)];
        timer.is_set = false;
        timer.fire = nullptr;
        ++timer.generation;
        free_slots.push_back(static_cast<std::uint32_t>(id & 0xffffffffU) - 1);
    }

    TimerId start(Instant at, std::function<void()> fire) {
        if (free_slots.empty()) {
            free_slots.push_back(static_cast<std::uint32_t>(timers.size()));
            timers.emplace_back();
        }
        const std::uint32_t slot = free_slots.back();
        free_slots.pop_back();
        Timer& timer = timers[slot];
        timer.fire = std::move(fire);
        timer.is_set = true;
        const TimerId id = (std::uint64_t{timer.generation} << 32) | (slot + 1U);
        heap.push_back({at, next_order++, id});
        std::push_heap(heap.begin(), heap.end());
        return id;
    }

    bool cancel(TimerId id) {
        if (find(id) == nullptr) {
            return false;
        }
        free_timer(id);
        ++cancelled;
        // Limit: cancelled entries are at most half of the heap, or 64.
        if (cancelled > 64 && cancelled * 2 > heap.size()) {
            std::erase_if(heap, [&](const Due& due) { return find(due.id) == nullptr; });
            std::make_heap(heap.begin(), heap.end());
            cancelled = 0;
        }
        return true;
    }

    void drop_cancelled() {
        while (!heap.empty() && find(heap.front().id) == nullptr) {
            pop_due();
            cancelled -= cancelled > 0 ? 1 : 0;
        }
    }

    void pop_due() {
        std::pop_heap(heap.begin(), heap.end());
        heap.pop_back();
    }

    void fire_due() {
        // A timer that is started by a callback waits for the next turn.
        const std::uint64_t end = next_order;
        drop_cancelled();
        while (!heap.empty() && heap.front().at <= now && heap.front().order < end) {
            const TimerId id = heap.front().id;
            pop_due();
            const auto fire = std::move(find(id)->fire);
            free_timer(id);
            ++stats.timers;
            fire();
            drop_cancelled();
        }
    }

    std::optional<Instant> earliest() {
        drop_cancelled();
        std::optional<Instant> at = wake;
        if (!heap.empty() && (!at || heap.front().at < *at)) {
            at = heap.front().at;
        }
        return at;
    }

    // -- one turn

    // True: something is ready.  Sleeps so long at most; forever: until something is.
    bool look(Duration limit) {
        const int got = wait_for_events(limit);
        AIS_ASSERT(got >= 0 || errno == EINTR);
        ready_count = got > 0 ? static_cast<std::size_t>(got) : 0;
        return ready_count > 0;
    }

    // Gather what is ready; sleep before, unless `at` is now.
    void wait(std::optional<Instant> at) {
        if (at && *at <= now) {
            look(Duration(0));
            return;
        }
        if (awake_for > Duration(0) && wait_awake(at)) {
            return;
        }
        ++stats.sleeps;
        look(at ? std::max(*at - monotonic_now(), Duration(0)) : forever);
    }

    // Milliseconds, rounded up: a timer is never early.  Only who dozes for less (a stream of a
    // client) is worth a call that not every kernel has.
    int wait_for_events(Duration limit) {
        using std::chrono::milliseconds;
        const auto room = static_cast<int>(ready.size());
        if (limit > Duration(0) && limit < fine_below && has_fine_wait) {
            const timespec time{0, static_cast<long>(limit.count())};
            const int got = ::epoll_pwait2(epoll.get(), ready.data(), room, &time, nullptr);
            if (got >= 0 || errno != ENOSYS) {
                return got;
            }
            has_fine_wait = false;  // Linux before 5.11
        }
        // Limit: an hour; then the turn finds that nothing is due.
        const auto left = std::min(std::chrono::ceil<milliseconds>(limit), milliseconds(3'600'000));
        return ::epoll_wait(epoll.get(),
                            ready.data(),
                            room,
                            limit == forever ? -1 : static_cast<int>(left.count()));
    }

    // True: something is ready, or a timer is due.
    bool wait_awake(std::optional<Instant> at) {
        // Limit: after 8 vain waits in a row only every 16th is tried.
        if (vain >= 8 && vain % 16 != 0) {
            ++vain;
            return false;
        }
        ++stats.awake;
        const Instant until = monotonic_now() + awake_for;
        for (;;) {
            if (look(Duration(0))) {
                vain = 0;
                return true;
            }
            const Instant current = monotonic_now();
            if (at && *at <= current) {
                return true;
            }
            if (current >= until) {
                ++vain;
                return false;
            }
            ::sched_yield();
        }
    }

    void call_ready() {
        for (std::size_t i = 0; i < ready_count; ++i) {
            // By name: a callback of this turn may have ended the watch.  Why a copy: epoll_event is packed, and find
            // takes a reference, which would not be aligned.
            const std::uint64_t id = ready[i].data.u64;
            const auto at = watches.find(id);
            if (at != watches.end()) {
                ++stats.callbacks;
                const auto watched = at->second;  // lives on when the callback ends its own watch
                watched->on_readable();
            }
        }
        ready_count = 0;
    }

    void turn(std::optional<Instant> limit) {
        auto at = is_turn_wanted ? std::optional<Instant>(now) : earliest();
        if (limit && (!at || *limit < *at)) {
            at = limit;
        }
        wait(at);
        awake_for = Duration(0);
        now = monotonic_now();
        ++stats.turns;

        call_ready();
        fire_due();
        if (wake && *wake <= now) {
            wake.reset();
        }
        is_turn_wanted = turn_hook && turn_hook();
    }

    Descriptor epoll;

    Instant now;
    bool is_stopping = false;
    bool is_turn_wanted = false;
    const bool may_look_awake = has_several_processors();
    Duration awake_for{0};
    std::uint32_t vain = 0;  // waits awake in a row that nothing ended
    bool has_fine_wait = true;
    std::function<bool()> turn_hook;
    std::optional<Instant> wake;

    std::vector<Timer> timers;
    std::vector<std::uint32_t> free_slots;
    std::vector<Due> heap;
    std::uint64_t next_order = 0;
    std::size_t cancelled = 0;

    WatchId next_watch = 1;
    std::unordered_map<WatchId, std::shared_ptr<const Watched>> watches;
    std::array<epoll_event, ready_max> ready{};
    std::size_t ready_count = 0;
    LoopStats stats;
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

Instant Loop::now() const {
    return impl_->now;
}

TimerId Loop::start(Instant at, std::function<void()> fire) {
    AIS_ASSERT(fire != nullptr);
    return impl_->start(at, std::move(fire));
}

bool Loop::cancel(TimerId id) {
    return impl_->cancel(id);
}

WatchId Loop::watch(int fd, std::function<void()> on_readable) {
    AIS_ASSERT(fd >= 0);
    AIS_ASSERT(on_readable != nullptr);
    const WatchId id = impl_->next_watch++;
    impl_->watches.emplace(
        id, std::make_shared<const Impl::Watched>(Impl::Watched{fd, std::move(on_readable)}));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    const int added = ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event);
    AIS_ASSERT(added == 0);  // one watch a descriptor, and only such as can be waited for
    return id;
}

void Loop::unwatch(WatchId id) {
    const auto at = impl_->watches.find(id);
    if (at == impl_->watches.end()) {
        return;
    }
    // A descriptor that is closed already is not there any more: no error.
    ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, at->second->fd, nullptr);
    impl_->watches.erase(at);
}

bool Loop::may_be_readable(WatchId id) const {
    // A full list may not have them all; none: this is no callback of a watch.
    const std::size_t count = impl_->ready_count;
    return count == 0 || count == ready_max ||
           std::any_of(impl_->ready.begin(),
                       impl_->ready.begin() + static_cast<std::ptrdiff_t>(count),
                       [&](const epoll_event& event) { return event.data.u64 == id; });
}

void Loop::set_turn(std::function<bool()> turn) {
    impl_->turn_hook = std::move(turn);
}

void Loop::look_awake(Duration time) {
    if (impl_->may_look_awake) {
        impl_->awake_for = time;
    }
}

void Loop::wake_at(std::optional<Instant> at) {
    impl_->wake = at;
}

void Loop::run() {
    while (!impl_->is_stopping) {
        impl_->turn(std::nullopt);
    }
    impl_->is_stopping = false;
}

void Loop::stop() {
    impl_->is_stopping = true;
}

void Loop::run_once(Duration sleep_max) {
    impl_->turn(monotonic_now() + sleep_max);
}

const LoopStats& Loop::stats() const {
    return impl_->stats;
}

}  // namespace ais::os
