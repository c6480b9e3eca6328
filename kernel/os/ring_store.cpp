// SPDX-License-Identifier: BSD-3-Clause

#include "os/ring_store.hpp"

#include "os/descriptor.hpp"
#include "os/files.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ais::os {
namespace {

constexpr std::string_view file_head = "aisexec ring_seq ";
constexpr std::string_view file_middle = " node ";

}  // namespace

std::string format_ring_file(std::uint64_t ring_seq, NodeId self) {
    return std::string(file_head) + std::to_string(ring_seq) + std::string(file_middle) +
           std::to_string(self.value()) + '\n';
}

Result<std::uint64_t> parse_ring_file(std::string_view text, NodeId self) {
    const auto malformed = [] {
        return invalid("it does not read 'aisexec ring_seq NUMBER node NUMBER'");
    };
    if (!text.starts_with(file_head) || !text.ends_with('\n')) {
        return malformed();
    }
    std::uint64_t ring_seq = 0;
    std::uint32_t node = 0;
    const char* const end = text.data() + text.size() - 1;
    const auto first = std::from_chars(text.data() + file_head.size(), end, ring_seq);
    const std::string_view rest(first.ptr, static_cast<std::size_t>(end - first.ptr));
    if (first.ec != std::errc() || !rest.starts_with(file_middle)) {
        return malformed();
    }
    const auto second = std::from_chars(rest.data() + file_middle.size(), end, node);
    if (second.ec != std::errc() || second.ptr != end) {
        return malformed();
    }
    if (node != self.value()) {
        return invalid("it belongs to node " + std::to_string(node));
    }
    return ring_seq;
}

struct RingStore::Impl {
    Impl(const std::string& state_dir, NodeId node, Watcher& watcher_port, Log& log_port)
        : path(state_dir + "/ring_seq." + std::to_string(node.value())),
          self(node),
          watcher(watcher_port),
          log(log_port),
          event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    void load() {
        auto file = read_file(path, 256);
        if (!file && file.error().code == AIS_ERR_NOT_FOUND) {
            return;
        }
        auto number =
            file ? parse_ring_file(file->bytes, self) : Result<std::uint64_t>(file.error());
        if (!number) {
            AIS_LOG(log,
                    warning,
                    "ring_store",
                    "OS-001",
                    "the stored ring number in ",
                    path,
                    " is of no use: ",
                    number.error().text,
                    "; beginning as without it");
            return;
        }
        if (*number != 0) {
            stored = *number;
            last = stored;
            bound = stored;
        }
    }

    void write(std::uint64_t number) {
        const auto done = write_durably(path, as_bytes(format_ring_file(number, self)), 0644);
        if (done) {
            bound.store(number, std::memory_order_release);
        }
        const std::lock_guard guard(mutex);
        outcome = done ? std::string() : done.error().text;
    }

    // The helper thread.
    void serve() {
        std::unique_lock lock(mutex);
        while (true) {
            wake.wait(lock, [&] { return is_ending || wanted != 0; });
            if (is_ending) {
                return;
            }
            const std::uint64_t number = std::exchange(wanted, 0);
            lock.unlock();
            write(number);
            const std::uint64_t one = 1;
            [[maybe_unused]] const ssize_t told = ::write(event.get(), &one, sizeof one);
            lock.lock();
        }
    }

    void persist(std::uint64_t ring_seq) {
        if (ring_seq <= last) {
            return;
        }
        last = ring_seq;
        if (last + ahead / 2 > asked) {
            asked = last + ahead;
            {
                // Held by the helper for a few instructions, never during a write.
                const std::lock_guard guard(mutex);
                wanted = asked;
            }
            wake.notify_one();
        }
    }

    // A write has ended, on the loop.
    void on_written() {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(event.get(), &count, sizeof count);
        report();
    }

    void report() {
        std::string error;
        {
            const std::lock_guard guard(mutex);
            error = outcome;
        }
        if (!error.empty() && !is_failing) {
            AIS_LOG(
                log,
                warning,
                "ring_store",
                "OS-002",
                "the ring number cannot be stored: ",
                error,
                "; the node works, but after a restart it does not know which numbers were used");
        } else if (error.empty() && is_failing) {
            AIS_LOG(
                log, notice, "ring_store", "OS-003", "the ring number is stored again in ", path);
        }
        is_failing = !error.empty();
        if (is_failing) {
            asked = 0;  // the next persist tries again
        }
    }

    const std::string path;
    const NodeId self;
    Watcher& watcher;
    Log& log;
    Descriptor event;
    WatchId watch = 0;

    // The loop's.
    std::uint64_t stored = 0;
    std::uint64_t last = 0;
    std::uint64_t asked = 0;  // the bound that is written or being written
    bool is_failing = false;

    std::atomic<std::uint64_t> bound{0};  // on disk

    std::mutex mutex;
    std::condition_variable wake;
    std::uint64_t wanted = 0;  // under the mutex, as the next two
    bool is_ending = false;
    std::string outcome;

    std::thread helper;
};

RingStore::RingStore(
    const std::string& state_dir, NodeId self, std::uint64_t first, Watcher& watcher, Log& log)
    : impl_(std::make_unique<Impl>(state_dir, self, watcher, log)) {
    impl_->stored = first;
    impl_->last = first;
    impl_->load();
    // The loop does not run yet: the first bound may be waited for.
    impl_->asked = impl_->stored + ahead;
    impl_->write(impl_->asked);
    impl_->report();
    impl_->watch = watcher.watch(impl_->event.get(), [impl = impl_.get()] { impl->on_written(); });
    impl_->helper = std::thread([impl = impl_.get()] { impl->serve(); });
}

RingStore::~RingStore() {
    impl_->watcher.unwatch(impl_->watch);
    {
        const std::lock_guard guard(impl_->mutex);
        impl_->is_ending = true;
    }
    impl_->wake.notify_one();
    impl_->helper.join();
    impl_->write(impl_->last);
    impl_->report();
}

std::uint64_t RingStore::stored() const {
    return impl_->stored;
}

void RingStore::persist(std::uint64_t ring_seq) {
    impl_->persist(ring_seq);
}

bool RingStore::is_durable() const {
    return impl_->last <= impl_->bound.load(std::memory_order_acquire);
}

}  // namespace ais::os
