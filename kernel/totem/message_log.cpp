// SPDX-License-Identifier: BSD-3-Clause

#include "totem/message_log.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <bit>

namespace ais::totem {

MessageLog::MessageLog(std::size_t slots, std::size_t datagram_max)
    : datagram_max_(datagram_max),
      stride_((datagram_max + 63) / 64 * 64),
      entries_(std::bit_ceil(slots)),
      traces_(entries_.size()),
      // Why: not initialised, so that untouched pages cost nothing.
      pool_(new std::uint8_t[entries_.size() * stride_]) {
    AIS_ASSERT(slots > 0 && datagram_max > 0);
    free_.reserve(entries_.size());
    reset();
}

void MessageLog::reset() {
    std::fill(entries_.begin(), entries_.end(), Entry{});
    std::fill(traces_.begin(), traces_.end(), Trace{});
    free_.clear();
    for (std::size_t at = entries_.size(); at-- > 0;) {
        free_.push_back(static_cast<std::uint32_t>(at));
    }
    aru_ = high_ = freed_ = 0;
}

MutableBytes MessageLog::room() {
    AIS_ASSERT(!free_.empty());
    return buffer(free_.back());
}

MessageLog::Entry& MessageLog::store(Seq seq, std::size_t size) {
    AIS_ASSERT(fits(seq) && !holds(seq));
    AIS_ASSERT(!free_.empty() && size <= datagram_max_);
    Entry& entry = entries_[index(seq)];
    AIS_ASSERT(entry.seq == 0);
    entry = Entry{};
    entry.seq = seq;
    entry.buffer = free_.back();
    entry.size = static_cast<std::uint32_t>(size);
    free_.pop_back();
    high_ = std::max(high_, seq);
    while (holds(aru_ + 1)) {
        ++aru_;
    }
    return entry;
}

MessageLog::Entry& MessageLog::entry(Seq seq) {
    AIS_ASSERT(holds(seq));
    return entries_[index(seq)];
}

MutableBytes MessageLog::datagram(Seq seq) {
    const Entry& held = entry(seq);
    return buffer(held.buffer).first(held.size);
}

MessageLog::Trace& MessageLog::trace(Seq seq) {
    AIS_ASSERT(fits(seq));
    Trace& trace = traces_[index(seq)];
    if (trace.seq != seq) {
        trace = Trace{};
        trace.seq = seq;
    }
    return trace;
}

void MessageLog::free_to(Seq seq) {
    AIS_ASSERT(seq <= aru_);
    while (freed_ < seq) {
        ++freed_;
        Entry& entry = entries_[index(freed_)];
        AIS_ASSERT(entry.seq == freed_);
        free_.push_back(entry.buffer);
        entry.seq = 0;
    }
}

}  // namespace ais::totem
