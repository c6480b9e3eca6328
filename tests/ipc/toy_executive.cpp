// SPDX-License-Identifier: BSD-3-Clause

#include "toy_executive.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace ais::toy {
namespace {

Instant now() {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace

WatchId PollWatcher::watch(int fd, std::function<void()> on_readable) {
    entries_.emplace(++last_, std::make_shared<Entry>(Entry{fd, std::move(on_readable)}));
    return last_;
}

void PollWatcher::unwatch(WatchId id) {
    entries_.erase(id);
}

void PollWatcher::turn(int timeout_ms) {
    std::vector<pollfd> fds;
    std::vector<WatchId> ids;
    for (const auto& [id, entry] : entries_) {
        fds.push_back({entry->fd, POLLIN, 0});
        ids.push_back(id);
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) {
        return;
    }
    for (std::size_t i = 0; i < fds.size(); ++i) {
        const auto found = entries_.find(ids[i]);
        if (fds[i].revents != 0 && found != entries_.end()) {
            const std::shared_ptr<Entry> alive = found->second;
            alive->call();
        }
    }
}

ais_status Service::on_open(ipc::Session& session, Bytes hello) {
    if (session.service() == missing_service) {
        return AIS_ERR_NOT_FOUND;
    }
    if (session.service() == busy_service) {
        return AIS_ERR_AGAIN;
    }
    if (as_text(hello) == "unwelcome") {
        return AIS_ERR_EXISTS;
    }
    ++opened;
    return AIS_OK;
}

void Service::on_request(ipc::Session& session, const ipc::Session::Request& request) {
    const ais_bytes body = to_abi(request.body);
    switch (request.kind) {
        case echo:
            session.respond(request.serial, 1234, {&body, 1});
            break;
        case sink:
            ++sinks;
            break;
        case question: {
            const std::uint64_t count = sinks;
            const ais_bytes part{reinterpret_cast<const std::uint8_t*>(&count), sizeof count};
            session.respond(request.serial, 0, {&part, 1});
            break;
        }
        case flood:
        case burst: {
            Job job;
            std::memcpy(&job.flood, body.data, std::min(body.size, sizeof job.flood));
            if (request.kind == flood) {
                jobs_[&session] = job;
            } else {
                send_some(session, job, job.flood.count);
            }
            if (request.serial != 0) {
                session.respond(request.serial, 0, {});
            }
            break;
        }
        case kick:
            session.disconnect("it asked for it");
            break;
        default:
            break;
    }
}

void Service::on_close(ipc::Session& session) {
    jobs_.erase(&session);
    ++closed;
}

bool Service::send_some(ipc::Session& session, Job& job, std::uint32_t count) {
    event_.assign(std::max<std::size_t>(job.flood.size, 4), 0);
    for (std::uint32_t i = 0; i < count && job.next < job.flood.count; ++i, ++job.next) {
        std::memcpy(event_.data(), &job.next, 4);
        const ais_bytes part{event_.data(), event_.size()};
        if (session.notify(9, job.flood.flags, {&part, 1}) != AIS_OK) {
            ++dropped;
        }
    }
    return job.next < job.flood.count;
}

bool Service::pump(bool congested) {
    for (auto job = jobs_.begin(); !congested && job != jobs_.end();) {
        if (send_some(*job->first, job->second, job->second.flood.per_turn)) {
            ++job;
        } else {
            job = jobs_.erase(job);
        }
    }
    return !jobs_.empty();
}

void CollectingLog::write(Level, std::string_view, std::string_view id, std::string_view text) {
    const std::lock_guard lock(mutex_);
    lines_.append(id).append(" ").append(text).append("\n");
}

bool CollectingLog::has(std::string_view id) const {
    return all().find(id) != std::string::npos;
}

std::string CollectingLog::all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

Executive::Executive(std::string run_dir, const ipc::Limits& limits, os::AccessRules access)
    : sessions(service, log),
      server({std::move(run_dir), std::move(access), limits, NodeId(7)}, watcher, sessions, log),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watcher.watch(wake_fd_, [this] {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto size = ::read(wake_fd_, &count, sizeof count);
    });
}

Executive::~Executive() {
    ::close(wake_fd_);
}

void Executive::run() {
    bool more = false;
    while (!stopping_) {
        int timeout = 1000;
        if (more) {
            timeout = 0;
        } else if (const auto at = sessions.deadline()) {
            timeout = static_cast<int>(std::clamp<std::int64_t>(to_ms(*at - now()) + 1, 0, 1000));
        }
        watcher.turn(timeout);
        more = sessions.run(now(), 64);
        const bool floods = service.pump(sessions.congested(now()));
        sessions.flush(now());
        const bool congested = sessions.congested(now());
        was_congested += congested ? 1 : 0;
        more = more || (floods && !congested);
        clients = server.client_count();
        broke_rules = sessions.stats().broke_rules;
        overflowed = sessions.stats().overflowed;
    }
    server.close();
}

void Executive::stop() {
    stopping_ = true;
    wake();
}

void Executive::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto size = ::write(wake_fd_, &one, sizeof one);
}

ThreadExecutive::ThreadExecutive(const ipc::Limits& limits, os::AccessRules access)
    : dir_(make_temporary_dir()),
      executive_(std::make_unique<Executive>(dir_, limits, std::move(access))) {
    if (auto opened = executive_->open(); !opened) {
        throw std::runtime_error(opened.error().text);
    }
    thread_ = std::thread([this] { executive_->run(); });
}

void ThreadExecutive::stop() {
    if (thread_.joinable()) {
        executive_->stop();
        thread_.join();
    }
}

ThreadExecutive::~ThreadExecutive() {
    stop();
    remove_temporary_dir(dir_);
}

ProcessExecutive::ProcessExecutive(const ipc::Limits& limits) : dir_(make_temporary_dir()) {
    int ready[2];
    if (::pipe(ready) != 0) {
        throw std::runtime_error("pipe");
    }
    pid_ = ::fork();
    if (pid_ == 0) {
        Executive executive(dir_, limits);
        const bool opened = executive.open().ok();
        [[maybe_unused]] const auto size = ::write(ready[1], opened ? "y" : "n", 1);
        ::close(ready[0]);
        ::close(ready[1]);
        if (opened) {
            executive.run();
        }
        ::_exit(0);
    }
    char answer = 'n';
    [[maybe_unused]] const auto size = ::read(ready[0], &answer, 1);
    ::close(ready[0]);
    ::close(ready[1]);
    if (answer != 'y') {
        throw std::runtime_error("the executive's process did not open");
    }
}

void ProcessExecutive::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

ProcessExecutive::~ProcessExecutive() {
    kill();
    remove_temporary_dir(dir_);
}

std::string make_temporary_dir() {
    std::string name = (std::filesystem::temp_directory_path() / "ais-ipc-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    std::filesystem::permissions(name, std::filesystem::perms(0755));
    return name;
}

void remove_temporary_dir(const std::string& dir) {
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
}

}  // namespace ais::toy
