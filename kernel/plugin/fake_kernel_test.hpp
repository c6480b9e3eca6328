// SPDX-License-Identifier: BSD-3-Clause
//
// A kernel for the tests of this folder: real groups, sessions and configuration, and timers
// that fire when told.

#pragma once

#include "config/tree.hpp"
#include "group/groups.hpp"
#include "ipc/session.hpp"
#include "plugin/kernel.hpp"

#include <ais/ipc_ring.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ais::plugin {

class RecordingLog final : public Log {
  public:
    void write(Level level,
               std::string_view subsystem,
               std::string_view id,
               std::string_view text) override {
        static_cast<void>(level);
        lines.push_back(std::string(subsystem) + " " + std::string(id) + " " + std::string(text));
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    [[nodiscard]] bool has(std::string_view part) const {
        return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(part) != std::string::npos;
        });
    }
    std::vector<std::string> lines;
};

class ManualTimers final : public Timers {
  public:
    [[nodiscard]] Instant now() const override { return now_; }
    TimerId start(Instant at, std::function<void()> fire) override {
        waiting_[++last_] = {at, std::move(fire)};
        return last_;
    }
    bool cancel(TimerId id) override { return waiting_.erase(id) != 0; }
    void advance(Duration by) {
        now_ += by;
        for (auto at = waiting_.begin(); at != waiting_.end();) {
            if (at->second.first <= now_) {
                auto fire = std::move(at->second.second);
                waiting_.erase(at);
                fire();
                at = waiting_.begin();
            } else {
                ++at;
            }
        }
    }
    [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  private:
    Instant now_ = Instant(std::chrono::seconds(10));
    TimerId last_ = 500;
    std::map<TimerId, std::pair<Instant, std::function<void()>>> waiting_;
};

class ManualStopwatch final : public Stopwatch {
  public:
    [[nodiscard]] Duration reading() const override { return at += step; }
    mutable Duration at{};
    Duration step = std::chrono::microseconds(1);
};

// A client's session with memory of its own.  Too little is written to come round the ring.
class TestSession final : public ipc::Waker {
  public:
    TestSession(Log& log, std::uint16_t service) {
        limits_.message_max = 1024;
        limits_.header_room = 0;
        ipc::Memory memory;
        memory.page = &page_;
        memory.request = memory_.data();
        memory.response = memory_.data() + 2 * size;
        memory.event = memory_.data() + 4 * size;
        memory.request_size = memory.response_size = memory.event_size = size;
        session = std::make_unique<ipc::Session>(
            limits_, memory, *this, ipc::Peer{77, 1001, 1002}, service, log);
    }
    // A request of the client; take it with session->next_request.
    void ask(std::uint64_t serial, std::uint16_t kind) {
        ipc::FrameHeader header;
        header.kind = kind;
        header.serial = serial;
        requests_.put(header, {});
        requests_.publish();
    }
    void wake_response() override {}
    void wake_room() override {}
    void ring_doorbell() override {}
    void close(std::string_view why) override { closed_because = why; }
    [[nodiscard]] ais_conn* conn() const { return session.get(); }
    [[nodiscard]] std::string responses() const { return frames(page_.response, 2 * size); }
    [[nodiscard]] std::string events() const { return frames(page_.event, 4 * size); }

    std::unique_ptr<ipc::Session> session;
    std::string closed_because;

  private:
    static constexpr std::size_t size = 16384;

    [[nodiscard]] std::string frames(const ipc::RingControl& ring, std::size_t base) const {
        session->flush(Instant());
        std::string text;
        for (std::size_t at = 0; at < ring.written;) {
            ipc::FrameHeader header;
            std::memcpy(&header, memory_.data() + base + at, sizeof header);
            text += std::to_string(header.kind) + "/" + std::to_string(header.serial) + "/" +
                    std::to_string(header.error) + ":" +
                    std::string(
                        reinterpret_cast<const char*>(memory_.data() + base + at + sizeof header),
                        header.size) +
                    " ";
            at += ipc::frame_space(header.size);
        }
        return text;
    }

    ipc::Limits limits_;
    ipc::SharedPage page_;
    std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(6 * size);
    ipc::RingProducer requests_{page_.request, memory_.data(), size};
};

class FixedFacts final : public NodeFacts {
  public:
    [[nodiscard]] std::string_view host_name() const override { return "machine"; }
    [[nodiscard]] std::string_view address(std::uint32_t ring) const override {
        return ring == 0 ? "10.0.0.3" : "";
    }
    [[nodiscard]] std::int64_t boot_time() const override { return 1000; }
    [[nodiscard]] std::int64_t wall_clock() const override { return 2000; }
};

struct TestKernel final : group::Receiver {
    TestKernel() {
        kernel.self = NodeId(3);
        kernel.log = &log;
        groups.set_payload_max(1400);
        groups.set_gate(true);
        kernel.groups = &groups;
        kernel.has_clients = true;
        kernel.timers = &timers;
        tree.root().child("demo").set("size", "0x20");
        tree.root().child("demo").set("word", "hello");
        kernel.config = &tree;
        kernel.stopwatch = &stopwatch;
        kernel.node = &facts;
    }
    void on_message(NodeId, std::uint16_t, std::uint16_t, Bytes) override {}

    RecordingLog log;
    ManualTimers timers;
    ManualStopwatch stopwatch;
    FixedFacts facts;
    config::Tree tree{"test.conf"};
    group::Groups groups{group::Limits{}, *this, log};
    Kernel kernel;
};

inline totem::Configuration regular(std::initializer_list<NodeId> members) {
    totem::Configuration now;
    now.ring = {8, *members.begin(), 5};
    now.members = members;
    return now;
}

}  // namespace ais::plugin
