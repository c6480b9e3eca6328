// SPDX-License-Identifier: BSD-3-Clause
//
// 64-bit handles for client libraries: the number an application got from …Initialize and
// gives back with every call, from any thread, sometimes too late and sometimes wrong.
//
//   handle = check value (upper 32 bits) | index of the slot (lower 32 bits)
//
// Each use of a slot has a check value of its own, so a handle that was finalized, or never
// was one, is not found, even if its slot is in use again.
//
// pin() gives a reference that keeps the instance alive while a call is in progress.  close()
// takes the instance out at once: exactly one of several callers gets it (the others find
// nothing, as every later pin), and it is destroyed when the last pin lets go.
//
// Threads: all members may be called from any thread.  No lock is held while user code
// or a destructor runs.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ais {

using Handle = std::uint64_t;

template <typename T>
class HandleTable {
  public:
    using Pin = std::shared_ptr<T>;

    // `seed` sets the first check values apart from those of other tables, so that a handle
    // of one library is not found in another.
    explicit HandleTable(std::uint32_t seed = 0x9e3779b9U) : check_(seed | 1U) {}
    HandleTable(const HandleTable&) = delete;
    HandleTable& operator=(const HandleTable&) = delete;

    // Never 0.
    Handle insert(Pin instance) {
        const std::lock_guard lock(mutex_);
        std::uint32_t index = 0;
        if (!free_.empty()) {
            index = free_.back();
            free_.pop_back();
        } else {
            index = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
            free_.reserve(slots_.size());  // so that close() cannot fail
        }
        Slot& slot = slots_[index];
        slot.check = next_check();
        slot.instance = std::move(instance);
        return (static_cast<Handle>(slot.check) << 32) | index;
    }

    template <typename... Arguments>
    Handle emplace(Arguments&&... arguments) {
        return insert(std::make_shared<T>(std::forward<Arguments>(arguments)...));
    }

    // nullptr: no such handle (any more).
    [[nodiscard]] Pin pin(Handle handle) const {
        const std::lock_guard lock(mutex_);
        const Slot* slot = find(handle);
        return slot == nullptr ? nullptr : slot->instance;
    }

    // Takes the instance out.  nullptr: no such handle, or another thread was first.
    Pin close(Handle handle) {
        const std::lock_guard lock(mutex_);
        auto* slot = const_cast<Slot*>(find(handle));
        if (slot == nullptr) {
            return nullptr;
        }
        slot->check = 0;
        free_.push_back(static_cast<std::uint32_t>(handle & 0xffffffffU));
        return std::exchange(slot->instance, nullptr);
    }

    // All instances with their handles, pinned.
    [[nodiscard]] std::vector<std::pair<Handle, Pin>> all() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::pair<Handle, Pin>> list;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].instance != nullptr) {
                list.emplace_back((static_cast<Handle>(slots_[i].check) << 32) | i,
                                  slots_[i].instance);
            }
        }
        return list;
    }

    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return slots_.size() - free_.size();
    }

  private:
    struct Slot {
        std::uint32_t check = 0;  // 0: free
        Pin instance;
    };

    [[nodiscard]] const Slot* find(Handle handle) const {
        const auto index = static_cast<std::size_t>(handle & 0xffffffffU);
        const auto check = static_cast<std::uint32_t>(handle >> 32);
        if (check == 0 || index >= slots_.size() || slots_[index].check != check) {
            return nullptr;
        }
        return &slots_[index];
    }

    // A full-period walk through the odd numbers: never 0, no repetition for 2^31 handles.
    std::uint32_t next_check() {
        check_ += 0x6a09e66eU;
        return check_;
    }

    mutable std::mutex mutex_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::uint32_t check_;
};

}  // namespace ais
