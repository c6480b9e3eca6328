// SPDX-License-Identifier: BSD-3-Clause

#include "sim/event_queue.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace ais::sim {

namespace {
constexpr std::size_t children = 4;
}  // namespace

void EventQueue::push(Instant at, Happening what) {
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.push_back(std::move(what));
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
        slots_[slot] = std::move(what);
    }
    const Key key{at, ++order_, slot};
    std::size_t hole = heap_.size();
    heap_.push_back(key);
    while (hole > 0) {
        const std::size_t parent = (hole - 1) / children;
        if (!(key < heap_[parent])) {
            break;
        }
        heap_[hole] = heap_[parent];
        hole = parent;
    }
    heap_[hole] = key;
}

Happening EventQueue::pop() {
    AIS_ASSERT(!heap_.empty());
    const std::uint32_t slot = heap_.front().slot;
    const Key last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) {
        std::size_t hole = 0;
        for (;;) {
            const std::size_t begin = hole * children + 1;
            if (begin >= heap_.size()) {
                break;
            }
            std::size_t least = begin;
            const std::size_t end = std::min(begin + children, heap_.size());
            for (std::size_t child = begin + 1; child < end; ++child) {
                if (heap_[child] < heap_[least]) {
                    least = child;
                }
            }
            if (!(heap_[least] < last)) {
                break;
            }
            heap_[hole] = heap_[least];
            hole = least;
        }
        heap_[hole] = last;
    }
    free_slots_.push_back(slot);
    return std::move(slots_[slot]);
}

Datagram* EventQueue::make(Bytes bytes) {
    if (free_datagrams_.empty()) {
        datagrams_.push_back(std::make_unique<Datagram>());
        free_datagrams_.push_back(datagrams_.back().get());
    }
    Datagram* const datagram = free_datagrams_.back();
    free_datagrams_.pop_back();
    datagram->bytes.assign(bytes.begin(), bytes.end());
    datagram->owners = 1;
    return datagram;
}

void EventQueue::release(Datagram* datagram) {
    AIS_ASSERT(datagram->owners > 0);
    if (--datagram->owners == 0) {
        free_datagrams_.push_back(datagram);
    }
}

}  // namespace ais::sim
