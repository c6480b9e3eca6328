// SPDX-License-Identifier: BSD-3-Clause
//
// Which counters of one sender have been seen: the highest one, and a bit for
// each of the `size` counters up to it.  Counters start at 1; 0 and everything
// older than the window counts as seen.
//
// The bits are a ring indexed by counter modulo size.  Moving the window
// forward clears whole words, so a step costs one word for every 64
// counters passed and never more than the ring.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ais {

class ReplayWindow {
  public:
    // Why 4,096: one visit of the token sends some hundred datagrams, and
    // several visits may be in flight or reordered.
    static constexpr std::uint64_t size = 4096;

    // False if `counter` was seen or is too old; otherwise it is seen now.
    bool accept(std::uint64_t counter) {
        if (counter == 0 || (counter <= top_ && top_ - counter >= size)) {
            return false;
        }
        if (counter > top_) {
            const std::uint64_t first = top_ / word_bits + 1;
            const std::uint64_t last = counter / word_bits;
            for (std::uint64_t word = first; word <= last && word < first + words; ++word) {
                bits_[word % words] = 0;
            }
            top_ = counter;
        }
        std::uint64_t& word = bits_[(counter / word_bits) % words];
        const std::uint64_t bit = std::uint64_t{1} << (counter % word_bits);
        if ((word & bit) != 0) {
            return false;
        }
        word |= bit;
        return true;
    }

    [[nodiscard]] std::uint64_t top() const { return top_; }

  private:
    static constexpr std::uint64_t word_bits = 64;
    // Why one more: a window that does not begin at a word's edge touches it.
    static constexpr std::uint64_t words = size / word_bits + 1;

    std::array<std::uint64_t, words> bits_{};
    std::uint64_t top_ = 0;
};

}  // namespace ais
