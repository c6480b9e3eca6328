// SPDX-License-Identifier: BSD-3-Clause

#include "totem/flow_control.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <limits>

namespace ais::totem {

namespace {

constexpr std::uint32_t u32_max = std::numeric_limits<std::uint32_t>::max();
// Shares are counted in such parts.  Why 256: with the window (17 bits) and a backlog (32 bits) it
// fits into 64.
constexpr std::uint64_t share_unit = 256;

// The token comes from the network: its sums may be anything.
std::uint32_t less(std::uint32_t from, std::uint32_t part) {
    return from > part ? from - part : 0;
}
std::uint32_t bounded(std::uint64_t value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, u32_max));
}

}  // namespace

void FlowControl::reset(std::uint32_t window, std::uint32_t max_messages) {
    AIS_ASSERT(window > 0 && max_messages > 0);
    window_ = window;
    max_messages_ = std::min(max_messages, window);
    burst_max_ = max_messages_;
    my_trc_ = 0;
    my_pbl_ = 0;
    rest_ = 0;
}

std::uint32_t FlowControl::allowed(const Token& token, std::uint64_t backlog) {
    const std::uint32_t others_fcc = less(token.fcc, my_trc_);
    const std::uint32_t room = std::min(burst_max_, less(window_, others_fcc));
    const std::uint64_t mine = bounded(backlog);
    const std::uint64_t others = less(token.backlog, my_pbl_);
    if (mine == 0) {
        return room;  // for retransmissions
    }
    const std::uint64_t share = share_unit * window_ * mine / (others + mine) + rest_;
    const std::uint64_t fair = share / share_unit;
    rest_ = fair > 0 ? share % share_unit : 0;
    // Never nothing: where one node has nearly all the backlog it fills the window
    // in each of its visits, and those behind it would starve.
    return std::max<std::uint32_t>(1, std::min(room, bounded(fair)));
}

void FlowControl::account(Token& token, std::uint32_t sent, std::uint64_t backlog) {
    token.fcc = bounded(std::uint64_t{less(token.fcc, my_trc_)} + sent);
    token.backlog = bounded(std::uint64_t{less(token.backlog, my_pbl_)} + bounded(backlog));
    burst_max_ = std::min(max_messages_, burst_max_ + 1 + max_messages_ / 64);
    my_trc_ = sent;
    my_pbl_ = bounded(backlog);
}

std::uint32_t FlowControl::more(const Token& token) const {
    const std::uint32_t others_fcc = less(token.fcc, my_trc_);
    return less(std::min(burst_max_, less(window_, others_fcc)), my_trc_);
}

void FlowControl::add(Token& token, std::uint32_t sent, std::uint64_t backlog) {
    token.fcc = bounded(std::uint64_t{token.fcc} + sent);
    token.backlog = bounded(std::uint64_t{less(token.backlog, my_pbl_)} + bounded(backlog));
    my_trc_ = bounded(std::uint64_t{my_trc_} + sent);
    my_pbl_ = bounded(backlog);
}

void FlowControl::note_lost_token() {
    if (my_trc_ > 1) {
        burst_max_ = std::min(burst_max_, my_trc_ / 2);
    }
}

}  // namespace ais::totem
