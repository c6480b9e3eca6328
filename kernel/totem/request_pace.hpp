// SPDX-License-Identifier: BSD-3-Clause
//
// When may a node ask for a message again?
//
// The answer to a request takes up to a rotation of the token and one way from its
// holder; whoever asks again before has it sent twice.  So the time that answers
// take is measured, as TCP measures round trips, and a request is repeated only
// when an answer would be there: after the mean and four deviations.  A message
// that was asked for twice gives no sample, as nobody knows which request was
// answered (Karn).  The token must have come by twice in any case: on the first
// visit the answer may just be on its way.
//
// Sources: RFC 6298; Karn and Partridge, SIGCOMM 1987.

#pragma once

#include "totem/detector.hpp"
#include "totem/message_log.hpp"

namespace ais::totem {

class RequestPace {
  public:
    // Visits of the token from one request for a seq to the next, at least.
    static constexpr std::uint64_t visits_min = 2;

    // `usual`: what to go by until an answer was measured, the rotation of the token.
    // `longest`: limit of what to wait for an answer, as a wild measure may not delay a repair.
    [[nodiscard]] bool is_due(const MessageLog::Trace& trace,
                              std::uint64_t visits,
                              Instant now,
                              const Estimate& usual,
                              Duration longest) const;

    // Notes a request in `trace`; true if it is not the first.
    static bool note_request(MessageLog::Trace& trace, std::uint64_t visits, Instant now);

    // What was asked for has come as an answer.
    void on_answer(const MessageLog::Trace& trace, Instant now);

    [[nodiscard]] const Estimate& answer_time() const { return answers_; }

  private:
    Estimate answers_;
};

}  // namespace ais::totem
