// SPDX-License-Identifier: BSD-3-Clause
//
// What this executive sees of the ring, written to a file: --trace.
//
// Format: docs/protocol/trace.md; ais-check judges it.  A line of a send is
// written before the datagram leaves, with all lines before it; others at the
// latest at flush().  So what a killed process did not write, nobody has seen.
//
// A file that cannot be written any more ends the trace, with one line of log.
// Threads: none.  One system call for each datagram sent: not for every day.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "os/descriptor.hpp"
#include "service/node.hpp"
#include "totem/trace.hpp"

#include <ais/result.hpp>

#include <functional>
#include <memory>
#include <string>

namespace ais::os {

class TraceFile final : public service::Tap {
  public:
    // Appends to `path`, which is made if it is not there (mode 0640).
    static Result<std::unique_ptr<TraceFile>> open(const std::string& path,
                                                   totem::trace::Who who,
                                                   std::function<Instant()> clock,
                                                   Log& log);
    // For open().
    TraceFile(Descriptor file,
              const std::string& path,
              totem::trace::Who who,
              std::function<Instant()> clock,
              Log& log);

    void flush();
    // We leave the ring.
    void end();

    // service::Tap
    void on_take(MutableBytes payload, totem::Guarantee guarantee) override;
    void on_deliver(const totem::Deliver& message) override;
    void on_configure(const totem::Configuration& now) override;

  private:
    Descriptor file_;
    std::string path_;
    totem::trace::Who who_;
    std::function<Instant()> clock_;
    Log& log_;
    std::string lines_;
    std::uint64_t number_ = 0;
};

}  // namespace ais::os
