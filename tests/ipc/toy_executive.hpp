// SPDX-License-Identifier: BSD-3-Clause
//
// The smallest executive that has clients: the real unix server and the real
// sessions, a loop made of poll(), and a service that echoes, floods or keeps
// silent as its client asks.
//
// It runs in a thread of the test or in a process of its own (which can then
// be killed).

#pragma once

#include "base/watcher.hpp"
#include "ipc/session.hpp"
#include "os/unix_server.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ais::toy {

// Kinds of requests.
inline constexpr std::uint16_t echo = 1;      // response: the body
inline constexpr std::uint16_t flood = 2;     // body: Flood; events follow, paced by back pressure
inline constexpr std::uint16_t sink = 3;      // one way: counted
inline constexpr std::uint16_t silence = 4;   // never answered
inline constexpr std::uint16_t burst = 5;     // body: Flood; all events at once, no back pressure
inline constexpr std::uint16_t question = 6;  // response: u64, number of sinks so far
inline constexpr std::uint16_t kick = 7;      // the service disconnects the client

inline constexpr std::uint16_t service = 40;
inline constexpr std::uint16_t missing_service = 41;  // AIS_ERR_NOT_FOUND
inline constexpr std::uint16_t busy_service = 42;     // AIS_ERR_AGAIN

struct Flood {
    std::uint32_t count = 0;
    std::uint32_t size = 0;   // of each event; the first 4 bytes are its number
    std::uint32_t flags = 0;  // AIS_NOTIFY_...
    std::uint32_t per_turn = 64;
};

// Level-triggered poll(), and the contract of base/watcher.hpp.
class PollWatcher final : public Watcher {
  public:
    WatchId watch(int fd, std::function<void()> on_readable) override;
    void unwatch(WatchId id) override;
    void turn(int timeout_ms);

  private:
    struct Entry {
        int fd;
        std::function<void()> call;
    };
    std::map<WatchId, std::shared_ptr<Entry>> entries_;
    WatchId last_ = 0;
};

class Service final : public ipc::Dispatcher {
  public:
    [[nodiscard]] bool may_request() const override { return open_for_requests; }
    ais_status on_open(ipc::Session& session, Bytes hello) override;
    void on_request(ipc::Session& session, const ipc::Session::Request& request) override;
    void on_close(ipc::Session& session) override;
    // Floods go on, unless a client is congested.
    bool pump(bool congested);

    std::atomic<bool> open_for_requests{true};
    std::atomic<std::uint64_t> sinks{0};
    std::atomic<std::uint64_t> opened{0};
    std::atomic<std::uint64_t> closed{0};
    std::atomic<std::uint64_t> dropped{0};

  private:
    struct Job {
        Flood flood;
        std::uint32_t next = 0;
    };
    bool send_some(ipc::Session& session, Job& job, std::uint32_t count);

    std::map<ipc::Session*, Job> jobs_;
    std::vector<std::uint8_t> event_;
};

class CollectingLog final : public Log {
  public:
    void write(Level level,
               std::string_view subsystem,
               std::string_view id,
               std::string_view text) override;
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    [[nodiscard]] bool has(std::string_view id) const;
    [[nodiscard]] std::string all() const;

  private:
    mutable std::mutex mutex_;
    std::string lines_;
};

// Everything of one executive; run() is its loop.
class Executive {
  public:
    Executive(std::string run_dir, const ipc::Limits& limits, os::AccessRules access = {});
    ~Executive();

    Result<void> open() { return server.open(); }
    void run();   // until stop()
    void stop();  // from any thread
    void wake();  // make it look at its service's atomics

    CollectingLog log;
    PollWatcher watcher;
    Service service;
    ipc::Sessions sessions;
    os::UnixServer server;
    // For other threads; copied once per turn.
    std::atomic<std::size_t> clients{0};
    std::atomic<std::uint64_t> broke_rules{0};
    std::atomic<std::uint64_t> overflowed{0};
    std::atomic<std::uint64_t> was_congested{0};

  private:
    std::atomic<bool> stopping_{false};
    int wake_fd_;
};

// An executive in a thread.
class ThreadExecutive {
  public:
    explicit ThreadExecutive(const ipc::Limits& limits = {}, os::AccessRules access = {});
    ~ThreadExecutive();

    [[nodiscard]] const char* dir() const { return dir_.c_str(); }
    Executive& operator*() { return *executive_; }
    Executive* operator->() { return executive_.get(); }
    void stop();

  private:
    std::string dir_;
    std::unique_ptr<Executive> executive_;
    std::thread thread_;
};

// An executive in a process.  Make it before any thread of the test.
class ProcessExecutive {
  public:
    explicit ProcessExecutive(const ipc::Limits& limits = {});
    ~ProcessExecutive();

    [[nodiscard]] const char* dir() const { return dir_.c_str(); }
    [[nodiscard]] int pid() const { return pid_; }
    void kill();

  private:
    std::string dir_;
    int pid_ = -1;
};

std::string make_temporary_dir();
void remove_temporary_dir(const std::string& dir);

}  // namespace ais::toy
