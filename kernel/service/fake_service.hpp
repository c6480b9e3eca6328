// SPDX-License-Identifier: BSD-3-Clause
//
// For unit tests: a service whose replicated state is the list of words it was
// told, and that notes every call.  A merge puts the lists one after the other.

#pragma once

#include "service/service.hpp"

#include <ais/codec.hpp>

#include <functional>
#include <string>
#include <vector>

namespace ais::service {

class FakeService : public Service {
  public:
    explicit FakeService(ServiceId id, std::string name = "fake")
        : id_(id), name_(std::move(name)) {}

    ServiceId id() const override { return id_; }
    std::string_view name() const override { return name_; }
    void deliver(NodeId sender, std::uint16_t kind, Bytes body) override {
        note("deliver " + std::to_string(sender.value()) + " " + std::to_string(kind) + " " +
             std::string(as_text(body)));
        words.emplace_back(as_text(body));
    }
    void configure(const totem::Configuration& now) override {
        note(now.kind == totem::Configuration::Kind::regular ? "regular" : "transitional");
        if (shared != nullptr) {
            shared->push_back(id_);
        }
    }
    void request(ais_conn* from, std::uint64_t serial, std::uint16_t kind, Bytes body) override {
        note("request " + std::to_string(serial) + " " + std::to_string(kind) + " " +
             std::string(as_text(body)));
        if (on_request) {
            on_request(from, serial, body);
        }
    }
    ais_status client_open(ais_conn*, Bytes hello) override {
        note("open " + std::string(as_text(hello)));
        return open_status;
    }
    void client_close(ais_conn*) override { note("close"); }
    bool is_synchronised() const override { return synchronised; }
    ais_status save(std::string& out) override {
        Appender to;
        for (const std::string& word : words) {
            to.text(word);
        }
        out = to.take();
        return save_status;
    }
    ais_status merge(std::span<const ais_saved_state> states) override {
        words.clear();
        for (const ais_saved_state& state : states) {
            Reader in(from_abi(state.bytes));
            while (in.remaining() > 0) {
                words.emplace_back(in.text());
            }
        }
        note("merge " + std::to_string(states.size()));
        return merge_status;
    }
    void dump(std::string& out) override { out = "words: " + std::to_string(words.size()); }

    void note(std::string call) { calls.push_back(std::move(call)); }

    std::vector<std::string> calls;
    std::vector<std::string> words;
    std::vector<ServiceId>* shared = nullptr;  // notes the order among several services
    std::function<void(ais_conn*, std::uint64_t serial, Bytes body)> on_request;
    bool synchronised = true;
    ais_status open_status = AIS_OK;
    ais_status save_status = AIS_OK;
    ais_status merge_status = AIS_OK;

  private:
    ServiceId id_;
    std::string name_;
};

}  // namespace ais::service
