// SPDX-License-Identifier: BSD-3-Clause
//
// A bounded first-in first-out queue; the storage is allocated once.

#pragma once

#include "base/assert.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace ais {

template <typename T>
class RingBuffer {
  public:
    explicit RingBuffer(std::size_t capacity) : slots_(capacity) {}

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ == slots_.size(); }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::size_t capacity() const { return slots_.size(); }

    // Requires: !full().
    void push(T value) {
        AIS_ASSERT(!full());
        slots_[(first_ + count_) % slots_.size()] = std::move(value);
        ++count_;
    }

    // Requires: !empty().
    [[nodiscard]] T& front() {
        AIS_ASSERT(!empty());
        return slots_[first_];
    }
    T pop() {
        AIS_ASSERT(!empty());
        T value = std::move(slots_[first_]);
        first_ = (first_ + 1) % slots_.size();
        --count_;
        return value;
    }
    void clear() {
        while (!empty()) {
            pop();
        }
    }

  private:
    std::vector<T> slots_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace ais
