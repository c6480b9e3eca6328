// SPDX-License-Identifier: BSD-3-Clause
//
// On Boost.Asio.  Its handlers only note which descriptors are readable; the
// callbacks are called by turn(), so that their order, their number and the
// time they see are ours.  A descriptor is waited for again only at the end of
// the turn: a wait that is renewed says at once that bytes are left, which makes
// watches level-triggered and keeps poll() from running for ever on a busy socket.
//
// Timers are ours, too: asio would set its timer descriptor anew whenever the
// earliest deadline changes, which is at every token.  The earliest deadline is
// the limit of the sleep itself (epoll_wait's timeout, rounded up to the next
// millisecond): no call to set it, and no wake-up for one that has moved.

#include "os/loop.hpp"

#include "base/assert.hpp"
#include "os/clock.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <unordered_map>
#include <vector>

namespace ais::os {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
// Typed on the one executor: no indirect calls, no work counting.
using Executor = asio::io_context::executor_type;
using WaitDescriptor = asio::posix::basic_stream_descriptor<Executor>;

// Room for the one operation that an object has under way, so that asio does
// not go to the heap for every wait.
class HandlerMemory {
  public:
    void* take(std::size_t size) {
        if (!is_used_ && size <= sizeof room_) {
            is_used_ = true;
            return room_;
        }
        return ::operator new(size);
    }
    void give_back(void* at) {
        if (at == room_) {
            is_used_ = false;
        } else {
            ::operator delete(at);
        }
    }

  private:
    alignas(std::max_align_t) std::byte room_[256];
    bool is_used_ = false;
};

template <typename T>
class HandlerAllocator {
  public:
    using value_type = T;
    explicit HandlerAllocator(HandlerMemory& memory) : memory_(&memory) {}
    template <typename U>
    HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory_) {}
    T* allocate(std::size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
    void deallocate(T* at, std::size_t) { memory_->give_back(at); }
    template <typename U>
    bool operator==(const HandlerAllocator<U>& other) const {
        return memory_ == other.memory_;
    }

  private:
    template <typename U>
    friend class HandlerAllocator;
    HandlerMemory* memory_;
};

struct Watched {
    Watched(WatchId name, asio::io_context& io, int fd, std::function<void()> call)
        : id(name), descriptor(io, fd), on_readable(std::move(call)) {}
    WatchId id;
    WaitDescriptor descriptor;
    std::function<void()> on_readable;
    bool is_removed = false;
    HandlerMemory memory;
};
using WatchedPointer = std::shared_ptr<Watched>;

struct WaitHandler {
    using allocator_type = HandlerAllocator<char>;
    [[nodiscard]] allocator_type get_allocator() const { return allocator_type(watched->memory); }
    void operator()(const error_code&) const {
        // An aborted wait belongs to a watch that is removed.
        if (!watched->is_removed) {
            ready->push_back(watched);
        }
    }
    WatchedPointer watched;
    std::vector<WatchedPointer>* ready;
};

std::chrono::steady_clock::time_point to_steady(Instant at) {
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch()));
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

    explicit Impl(const LoopOptions& wish) : options(wish), io(1), work(asio::make_work_guard(io)) {
        now = monotonic_now();
    }

    ~Impl() {
        for (auto& [id, watched] : watches) {
            watched->is_removed = true;
            watched->descriptor.release();  // not ours to close
        }
    }

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

    void arm_watches() {
        for (auto& watched : to_arm) {
            if (!watched->is_removed) {
                watched->descriptor.async_wait(WaitDescriptor::wait_read,
                                               WaitHandler{watched, &ready});
            }
        }
        to_arm.clear();
    }

    // Gather what is ready; sleep before, unless `at` is now.
    void wait(std::optional<Instant> at) {
        arm_watches();
        if ((at && *at <= now) || (options.spin > Duration(0) && is_busy && spin())) {
            io.poll();
            return;
        }
        ++stats.sleeps;
        const Instant before = options.spin > Duration(0) ? monotonic_now() : now;
        if (at) {
            io.run_one_until(to_steady(*at));
        } else {
            io.run_one();
        }
        io.poll();
        // Spinning pays only while events follow each other quickly.
        is_busy = options.spin > Duration(0) && monotonic_now() - before < 4 * options.spin;
    }

    bool spin() {
        const Instant until = monotonic_now() + options.spin;
        do {
            io.poll();
        } while (ready.empty() && monotonic_now() < until);
        return !ready.empty();
    }

    void turn(std::optional<Instant> limit) {
        auto at = is_turn_wanted ? std::optional<Instant>(now) : earliest();
        if (limit && (!at || *limit < *at)) {
            at = limit;
        }
        wait(at);
        now = monotonic_now();
        ++stats.turns;

        batch.swap(ready);
        for (auto& watched : batch) {
            if (!watched->is_removed) {
                ++stats.callbacks;
                watched->on_readable();
            }
        }
        for (auto& watched : batch) {
            if (!watched->is_removed) {
                to_arm.push_back(std::move(watched));
            }
        }
        batch.clear();
        fire_due();
        if (wake && *wake <= now) {
            wake.reset();
        }
        is_turn_wanted = turn_hook && turn_hook();
    }

    const LoopOptions options;
    asio::io_context io;
    asio::executor_work_guard<Executor> work;

    Instant now;
    bool is_stopping = false;
    bool is_turn_wanted = false;
    bool is_busy = false;
    std::function<bool()> turn_hook;
    std::optional<Instant> wake;

    std::vector<Timer> timers;
    std::vector<std::uint32_t> free_slots;
    std::vector<Due> heap;
    std::uint64_t next_order = 0;
    std::size_t cancelled = 0;

    WatchId next_watch = 1;
    std::unordered_map<WatchId, WatchedPointer> watches;
    std::vector<WatchedPointer> ready;
    std::vector<WatchedPointer> batch;
    std::vector<WatchedPointer> to_arm;
    LoopStats stats;
};

Loop::Loop(const LoopOptions& options) : impl_(std::make_unique<Impl>(options)) {}
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
    auto watched = std::make_shared<Watched>(id, impl_->io, fd, std::move(on_readable));
    impl_->to_arm.push_back(watched);
    impl_->watches.emplace(id, std::move(watched));
    return id;
}

void Loop::unwatch(WatchId id) {
    const auto at = impl_->watches.find(id);
    if (at == impl_->watches.end()) {
        return;
    }
    // The object lives on in the batch or in asio's queue until nobody uses it.
    const WatchedPointer watched = at->second;
    impl_->watches.erase(at);
    watched->is_removed = true;
    watched->descriptor.release();
}

void Loop::set_turn(std::function<bool()> turn) {
    impl_->turn_hook = std::move(turn);
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
