// SPDX-License-Identifier: BSD-3-Clause

#include "os/daemonize.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ais::os {
namespace {

[[noreturn]] void wait_for_child(int pipe, pid_t child) {
    unsigned char status = 0;
    ssize_t got = 0;
    do {
        got = ::read(pipe, &status, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) {
        ::_exit(status);
    }
    int ended = 0;
    ::waitpid(child, &ended, 0);
    if (WIFSIGNALED(ended)) {
        std::fprintf(stderr,
                     "aisexec: the executive was ended by signal %d during its start\n",
                     WTERMSIG(ended));
    } else {
        std::fprintf(stderr, "aisexec: the executive ended during its start; see its log\n");
    }
    ::_exit(WIFEXITED(ended) && WEXITSTATUS(ended) != 0 ? WEXITSTATUS(ended) : 1);
}

}  // namespace

Result<Readiness> Readiness::detach() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return ais::failed(std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) {
        const int error = errno;
        ::close(ends[0]);
        ::close(ends[1]);
        return ais::failed(std::string("cannot fork: ") + std::strerror(error));
    }
    if (child > 0) {
        ::close(ends[1]);
        wait_for_child(ends[0], child);
    }
    ::close(ends[0]);
    ::setsid();
    // Do not keep a file system busy.  (Paths of the configuration are absolute.)
    [[maybe_unused]] const int moved = ::chdir("/");
    Readiness readiness;
    readiness.is_background_ = true;
    readiness.pipe_ = Descriptor(ends[1]);
    return readiness;
}

void Readiness::tell(unsigned char status) {
    if (pipe_.is_open()) {
        // The parent may have been killed: then nobody waits.
        [[maybe_unused]] const ssize_t done = ::write(pipe_.get(), &status, 1);
        pipe_.reset();
    }
}

void Readiness::ready() {
    if (is_background_) {
        const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        for (int fd = 0; null.is_open() && fd <= 2; ++fd) {
            ::dup2(null.get(), fd);
        }
    }
    tell(0);
}

void Readiness::failed(int exit_status) {
    tell(static_cast<unsigned char>(exit_status == 0 ? 1 : exit_status));
}

Result<PidFile> PidFile::take(const std::string& path) {
    // Again if the holder removes the file between our open and our lock.
    for (int attempt = 0; attempt < 10; ++attempt) {
        Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
        if (!file.is_open()) {
            return ais::failed("cannot write the pid file " + path + ": " + std::strerror(errno));
        }
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            char text[32] = {};
            [[maybe_unused]] const ssize_t got = ::pread(file.get(), text, sizeof text - 1, 0);
            return ais::failed("another executive runs already, as process " +
                               std::to_string(std::atol(text)) + " (pid file " + path +
                               "); stop it, or choose another run directory");
        }
        struct stat ours {};
        struct stat there {};
        if (::fstat(file.get(), &ours) != 0 || ::stat(path.c_str(), &there) != 0 ||
            ours.st_ino != there.st_ino || ours.st_dev != there.st_dev) {
            continue;
        }
        const std::string text = std::to_string(::getpid()) + '\n';
        if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), text.data(), text.size(), 0) !=
                                                   static_cast<ssize_t>(text.size())) {
            return ais::failed("cannot write the pid file " + path + ": " + std::strerror(errno));
        }
        return PidFile(path, std::move(file));
    }
    return ais::failed("the pid file " + path + " is made and removed by somebody all the time");
}

PidFile::~PidFile() {
    if (file_.is_open()) {
        ::unlink(path_.c_str());
    }
}

Result<void> PidFile::give_to(std::uint32_t uid, std::uint32_t gid) {
    if (::fchown(file_.get(), uid, gid) != 0) {
        return ais::failed("cannot give the pid file " + path_ + " away: " + std::strerror(errno));
    }
    return {};
}

}  // namespace ais::os
