// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl lck run NAME -- COMMAND: a command under a lock of the cluster, as flock(1) does it on
// one machine.
//
// The command's signals are its own: what a terminal sends goes to both, and this process waits;
// a TERM or HUP for this process goes on to the command.  When the lock is lost, or the executive
// is gone, the command is told by a signal and, unless the user wants otherwise, killed after a
// while.

#include "lck.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace ais::ctl {
namespace {

using Clock = LockOptions::Clock;

struct RunOptions {
    std::string on_loss = "term";
    double grace = 5;
    std::vector<std::string> command;
};

// What has ended the wait for a signal, a message or the grace.
class Running {
  public:
    Running(const LockClient& client, const LockOptions& options, const RunOptions& run)
        : client_(client), options_(options), run_(run) {}

    // The exit status of the command.
    int run(lck::Fence fence) {
        sigset_t ours;
        sigset_t before;
        sigemptyset(&ours);
        for (const int signal : {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
            sigaddset(&ours, signal);
        }
        if (sigprocmask(SIG_BLOCK, &ours, &before) != 0) {
            fail("sigprocmask");
        }
        const int signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0) {
            fail("signalfd");
        }
        std::vector<char*> words;
        for (const std::string& word : run_.command) {
            words.push_back(const_cast<char*>(word.c_str()));
        }
        words.push_back(nullptr);
        if (setenv("AIS_LOCK_FENCE", text_of(fence).c_str(), 1) != 0 ||
            setenv("AIS_LOCK_NAME", options_.name.c_str(), 1) != 0) {
            fail("setenv");
        }
        const pid_t self = getpid();
        child_ = fork();
        if (child_ < 0) {
            fail("fork");
        }
        if (child_ == 0) {
            sigprocmask(SIG_SETMASK, &before, nullptr);
            // If this process is killed the lock is lost, and nobody else can say so.
            if (prctl(PR_SET_PDEATHSIG, signal_of_loss()) != 0 || getppid() != self) {
                _exit(126);
            }
            execvp(words[0], words.data());
            const int error = errno;
            std::cerr << "aisctl: " << words[0] << ": " << std::strerror(error) << std::endl;
            _exit(error == ENOENT ? 127 : 126);
        }
        int status = 0;
        while (!has_ended(status)) {
            wait(signals);
        }
        ::close(signals);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    [[noreturn]] static void fail(const char* what) {
        throw Failure(Exit::failed, std::string(what) + ": " + std::strerror(errno));
    }
    [[nodiscard]] bool has_ended(int& status) const {
        return waitpid(child_, &status, WNOHANG) == child_;
    }
    void wait(int signals) {
        pollfd ready[] = {{signals, POLLIN, 0},
                          {is_lost_ ? -1 : client_.connection().fd(), POLLIN, 0}};
        int patience = -1;
        if (kill_at_) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Clock::now()).count();
            patience = left > 0 ? static_cast<int>(std::min<std::int64_t>(left, 1'000'000)) : 0;
        }
        if (poll(ready, 2, patience) < 0 && errno != EINTR) {
            fail("poll");
        }
        signalfd_siginfo info{};
        while (read(signals, &info, sizeof info) == sizeof info) {
            const auto signal = static_cast<int>(info.ssi_signo);
            // INT and QUIT come from the terminal, and the command has them itself.
            if (signal == SIGTERM || signal == SIGHUP) {
                ::kill(child_, signal);
            }
        }
        if (!is_lost_ && ready[1].revents != 0) {
            listen();
        }
        if (kill_at_ && Clock::now() >= *kill_at_) {
            kill_at_.reset();
            ::kill(child_, SIGKILL);
        }
    }
    // 0: none.
    [[nodiscard]] int signal_of_loss() const {
        return run_.on_loss == "term"   ? SIGTERM
               : run_.on_loss == "kill" ? SIGKILL
               : run_.on_loss == "usr1" ? SIGUSR1
                                        : 0;
    }
    void listen() {
        client::Event event;
        client::Status status = client::Status::ok;
        while ((status = client_.connection().take_event(event)) == client::Status::ok) {
            if (static_cast<lck::EventKind>(event.kind) == lck::EventKind::lost) {
                return on_loss("another part of the cluster has it, or this one is not primary");
            }
        }
        if (status != client::Status::try_again) {
            on_loss("the executive is gone");
        }
    }
    void on_loss(const char* why) {
        is_lost_ = true;
        std::cerr << "aisctl: the lock " << options_.name << " is lost: " << why << std::endl;
        if (const int signal = signal_of_loss(); signal != 0) {
            ::kill(child_, signal);
        }
        if (run_.on_loss == "term") {
            kill_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(run_.grace));
        }
    }

    const LockClient& client_;
    const LockOptions& options_;
    const RunOptions& run_;
    pid_t child_ = -1;
    bool is_lost_ = false;
    std::optional<Clock::time_point> kill_at_;
};

void run(const Context& context, const LockOptions& options, const RunOptions& how) {
    const LockClient client(context, lck::watch_losses);
    client.open(options.name, true);
    const auto deadline = options.deadline();
    const auto answer =
        client.lock(1, options.mode(), options.flags(), LockOptions::left(deadline));
    if (!answer || answer->status != lck::Status::granted) {
        throw Ended{options.conflict_status, options.name + " is locked"};
    }
    const int status = Running(client, options, how).run(answer->fence);
    if (client.connection().state() == client::Status::ok) {
        // When this returns, others can have it.
        std::vector<std::uint8_t> ignored;
        Appender body;
        body.u64(1);
        (void)client.ask(lck::RequestKind::unlock, body, ignored);
    }
    throw Ended{status, {}};
}

}  // namespace

void add_lck_run(CLI::App& command, Context& context) {
    const auto options = std::make_shared<LockOptions>();
    const auto how = std::make_shared<RunOptions>();
    CLI::App* run_under =
        command.add_subcommand("run", "run a command under the lock, and end with its exit status");
    add_options(*run_under, options);
    run_under
        ->add_option("--on-loss",
                     how->on_loss,
                     "when the lock is lost: term (and kill after --grace), kill, usr1, nothing")
        ->check(CLI::IsMember({"term", "kill", "usr1", "nothing"}))
        ->capture_default_str();
    run_under->add_option("--grace", how->grace, "seconds from term to kill")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    run_under->add_option("COMMAND", how->command, "after --")->required();
    run_under->callback([&context, options, how] { run(context, *options, *how); });
}

}  // namespace ais::ctl
