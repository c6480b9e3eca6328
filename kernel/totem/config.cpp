// SPDX-License-Identifier: BSD-3-Clause
//
// The relations between timeouts, each with the reason in the message.  Keys
// are named as in openais.conf(5).

#include "totem/config.hpp"

#include <ais/abi/types.h>

#include <algorithm>
#include <sstream>
#include <string_view>

namespace ais::totem {

namespace {

template <typename... Parts>
Error wrong(std::string_view key, const Parts&... parts) {
    std::ostringstream text;
    text << "totem: " << key << ": ";
    (text << ... << parts);
    return invalid(text.str());
}

}  // namespace

Result<void> Config::validate() const {
    const auto positive = [](Duration value) { return value > Duration::zero(); };
    if (detection_time < std::chrono::milliseconds(50) ||
        detection_time > std::chrono::minutes(1)) {
        return wrong("detection_time", to_ms(detection_time), " ms is not in 50..60000");
    }
    if (!positive(join_timeout)) {
        return wrong("join", "must be at least 1 ms");
    }
    if (!positive(merge_timeout)) {
        return wrong("merge", "must be at least 1 ms");
    }
    if (!positive(hold_timeout)) {
        return wrong("hold", "must be at least 1 ms");
    }
    if (stay_max < Duration::zero()) {
        return wrong("stay", "must be at least 0 ms, which is never");
    }
    if (!positive(token_retransmit_timeout)) {
        return wrong("token_retransmit", "must be at least 1 ms");
    }
    if (token_timeout < 2 * token_retransmit_timeout) {
        return wrong("token_retransmit",
                     to_ms(token_retransmit_timeout),
                     " ms is more than half of token (",
                     to_ms(token_timeout),
                     " ms): a lost token could not be sent again in time; ",
                     to_ms(token_timeout) / 4,
                     " is usual");
    }
    if (token_timeout <= hold_timeout + token_retransmit_timeout) {
        return wrong("token",
                     to_ms(token_timeout),
                     " ms does not exceed hold + token_retransmit; at least ",
                     to_ms(hold_timeout + token_retransmit_timeout) + 1,
                     " would be right, or a shorter hold");
    }
    if (consensus_timeout < 3 * join_timeout) {
        return wrong("consensus",
                     to_ms(consensus_timeout),
                     " ms leaves no room for three joins; at least ",
                     to_ms(3 * join_timeout),
                     " would be right");
    }
    if (fail_to_receive_rotations < 10) {
        return wrong("fail_recv_const", fail_to_receive_rotations, " is too hasty; at least 10");
    }
    if (seqno_unchanged_rotations < 3) {
        return wrong("seqno_unchanged_const",
                     seqno_unchanged_rotations,
                     " holds the token before messages are stable; at least 3");
    }
    if (window_size == 0 || window_size > 65536) {
        return wrong("window_size", window_size, " is not in 1..65536");
    }
    if (max_messages == 0 || max_messages > window_size) {
        return wrong("max_messages", max_messages, " is not in 1..window_size (", window_size, ")");
    }
    if (accelerated_window > max_messages) {
        return wrong("accelerated_window",
                     accelerated_window,
                     " exceeds max_messages (",
                     max_messages,
                     "); 0 is the original protocol");
    }
    if (datagram_max < 700 || datagram_max > 65000) {
        return wrong("netmtu", datagram_max, " bytes for a datagram is not in 700..65000");
    }
    // Why 12: eight windows may be unstable (token.cpp), and a member may learn of
    // stability two rotations later than others.  A window is at least one
    // datagram per member.
    const std::size_t slots_min = 12 * std::max<std::size_t>(window_size, AIS_NODES_MAX);
    if (log_slots < slots_min || log_slots > 1024 * 1024) {
        return wrong("log_slots", log_slots, " is not in ", slots_min, "..1048576");
    }
    return {};
}

}  // namespace ais::totem
