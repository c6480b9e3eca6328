// SPDX-License-Identifier: BSD-3-Clause

#include "links/batcher.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>

namespace ais::links {
namespace {

// Limit: what one UDP_SEGMENT call takes on every kernel that has it.
constexpr std::size_t segments_max = 64;
// Limit: below the 65,507 bytes of a UDP payload, headers of any kind included.
constexpr std::size_t batch_bytes_max = 60000;

}  // namespace

Batcher::Batcher(
    Seal& seal, Outlet& outlet, Log& log, std::size_t datagram_max, std::uint64_t& seal_failures)
    : seal_(seal),
      outlet_(outlet),
      log_(log),
      overhead_(seal.overhead()),
      datagram_max_(datagram_max),
      batch_(std::max(batch_bytes_max, datagram_max + overhead_)),
      urgent_(std::max(datagram_max, totem::control_datagram_max) + overhead_),
      seal_failures_(seal_failures) {
    AIS_ASSERT(datagram_max > 0);
}

void Batcher::transmit(const totem::Transmit& what) {
    if (what.traffic == totem::Traffic::data) {
        AIS_ASSERT(what.datagram.size() <= datagram_max_);
        append(what);
        return;
    }
    // Joins and commit tokens of large rings are longer than data may be.
    AIS_ASSERT(what.datagram.size() + overhead_ <= urgent_.size());
    // A token says what was sent before it: all of that goes first.
    flush();
    const Bytes sealed = seal_alone(what.datagram);
    if (!sealed.empty()) {
        outlet_.send({what.to, what.traffic, what.is_repeat, sealed, sealed.size(), 1});
    }
}

Bytes Batcher::seal_alone(Bytes plain) {
    const MutableBytes out(urgent_.data(), plain.size() + overhead_);
    AIS_ASSERT(out.size() <= urgent_.size());
    return seal(plain, out) ? Bytes(out) : Bytes();
}

void Batcher::flush() {
    if (segments_ == 0) {
        return;
    }
    const Batch batch{
        to_, totem::Traffic::data, is_repeat_, Bytes(batch_.data(), used_), segment_, segments_};
    segments_ = 0;
    used_ = 0;
    segment_ = 0;
    outlet_.send(batch);
}

void Batcher::append(const totem::Transmit& what) {
    const std::size_t size = what.datagram.size() + overhead_;
    const bool fits = segments_ > 0 && what.to == to_ && what.is_repeat == is_repeat_ &&
                      size <= segment_ && segments_ < segments_max &&
                      used_ + size <= batch_bytes_max;
    if (!fits) {
        flush();
    }
    if (!seal(what.datagram, MutableBytes(batch_.data() + used_, size))) {
        return;
    }
    if (segments_ == 0) {
        to_ = what.to;
        is_repeat_ = what.is_repeat;
        segment_ = size;
    }
    used_ += size;
    ++segments_;
    AIS_ASSERT(used_ <= batch_.size());
    if (size < segment_) {
        AIS_MARK("links.short_datagram_ends_batch");
        flush();
    }
}

bool Batcher::seal(Bytes plain, MutableBytes out) {
    if (seal_.seal(plain, out)) {
        is_seal_broken_ = false;
        return true;
    }
    ++seal_failures_;
    if (!is_seal_broken_) {
        is_seal_broken_ = true;
        AIS_LOG(log_,
                error,
                "links",
                "LINK-008",
                "the crypto backend (",
                seal_.cipher(),
                ") cannot seal: nothing is sent until it can");
    }
    return false;
}

}  // namespace ais::links
