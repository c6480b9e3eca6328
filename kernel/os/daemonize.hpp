// SPDX-License-Identifier: BSD-3-Clause
//
// Into the background, and telling whoever waits when the start is over.
//
// The command returns when the executive works or has failed, not before: the
// process in the background tells its parent by a pipe.  If it dies without a
// word the parent says that.  Errors of the start are still written to the
// terminal, because standard error is given up only by ready().
//
// The pid file is locked for as long as the process lives; a file without a
// lock is left over from a crash and is taken, so nobody has to guess from the
// number in it.

#pragma once

#include "os/descriptor.hpp"

#include <ais/result.hpp>

#include <string>

namespace ais::os {

class Readiness {
  public:
    // Nobody waits: the executive stays in the foreground.
    Readiness() = default;
    // Forks.  Returns in the child only; the parent waits for ready() or
    // failed() and exits with 0 or that status.  Requires: no thread yet.
    static Result<Readiness> detach();

    // The start has succeeded.  In the background, standard input, output and
    // error become /dev/null.
    void ready();
    // It has not; the reason has been logged.
    void failed(int exit_status);
    [[nodiscard]] bool is_background() const { return is_background_; }

  private:
    void tell(unsigned char status);

    bool is_background_ = false;
    Descriptor pipe_;
};

class PidFile {
  public:
    // Takes the file and writes our pid; call it after the fork.  The error
    // names the process that has it.
    static Result<PidFile> take(const std::string& path);
    PidFile(PidFile&&) = default;
    PidFile& operator=(PidFile&&) = delete;
    // Removes the file.
    ~PidFile();

    // The file's new owner may remove it after privileges are dropped.
    Result<void> give_to(std::uint32_t uid, std::uint32_t gid);

  private:
    PidFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
    std::string path_;
    Descriptor file_;
};

}  // namespace ais::os
