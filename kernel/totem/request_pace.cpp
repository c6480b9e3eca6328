// SPDX-License-Identifier: BSD-3-Clause

#include "totem/request_pace.hpp"

#include <algorithm>

namespace ais::totem {

bool RequestPace::is_due(const MessageLog::Trace& trace,
                         std::uint64_t visits,
                         Instant now,
                         const Estimate& usual,
                         Duration longest) const {
    if (trace.asked == 0) {
        return true;
    }
    if (visits - trace.asked_at < visits_min) {
        return false;
    }
    Duration wait = answers_.is_known() ? answers_.bound() : usual.bound();
    if (trace.asked > 1) {
        wait *= 2;  // the estimate may be of better days, and samples come of first requests only
    }
    return now - trace.asked_when >= std::min(wait, longest);
}

bool RequestPace::note_request(MessageLog::Trace& trace, std::uint64_t visits, Instant now) {
    ++trace.asked;
    trace.asked_at = visits;
    trace.asked_when = now;
    return trace.asked > 1;
}

void RequestPace::on_answer(const MessageLog::Trace& trace, Instant now) {
    if (trace.asked == 1) {
        answers_.add(now - trace.asked_when);
    }
}

}  // namespace ais::totem
