// SPDX-License-Identifier: BSD-3-Clause

#include "os/trace_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ais::os {

namespace {

// Lines that wait for flush(); more is written at once.
constexpr std::size_t lines_max = 64 * 1024;

}  // namespace

Result<std::unique_ptr<TraceFile>> TraceFile::open(const std::string& path,
                                                   totem::trace::Who who,
                                                   std::function<Instant()> clock,
                                                   Log& log) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!file.is_open()) {
        return invalid("--trace: " + path +
                       " cannot be opened for writing: " + std::strerror(errno));
    }
    auto trace = std::make_unique<TraceFile>(std::move(file), path, who, std::move(clock), log);
    trace->flush();
    return trace;
}

TraceFile::TraceFile(Descriptor file,
                     const std::string& path,
                     totem::trace::Who who,
                     std::function<Instant()> clock,
                     Log& log)
    : file_(std::move(file)), path_(path), who_(who), clock_(std::move(clock)), log_(log) {
    // A life before us may have torn its last line: ours begins a new one.
    lines_ = '\n';
    lines_ += totem::trace::first_line;
    totem::trace::start(lines_, clock_(), who_);
}

void TraceFile::flush() {
    std::size_t done = 0;
    while (file_.is_open() && done < lines_.size()) {
        const ssize_t count = ::write(file_.get(), lines_.data() + done, lines_.size() - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            AIS_LOG(log_,
                    error,
                    "main",
                    "OS-009",
                    "the trace ends here: ",
                    path_,
                    " cannot be written: ",
                    std::strerror(errno));
            file_.reset();
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    lines_.clear();
}

void TraceFile::end() {
    totem::trace::end(lines_, clock_(), who_);
    flush();
    file_.reset();
}

void TraceFile::on_take(MutableBytes payload, totem::Guarantee guarantee) {
    totem::trace::send(
        lines_, clock_(), who_, guarantee, ++number_, totem::trace::hash_of(payload));
    flush();
}

void TraceFile::on_deliver(const totem::Deliver& message) {
    totem::trace::deliver(lines_,
                          clock_(),
                          who_,
                          message.guarantee,
                          message.ring,
                          message.seq,
                          message.sender,
                          totem::trace::hash_of(message.payload));
    if (lines_.size() > lines_max) {
        flush();
    }
}

void TraceFile::on_configure(const totem::Configuration& now) {
    totem::trace::configure(lines_, clock_(), who_, now);
    flush();
}

}  // namespace ais::os
