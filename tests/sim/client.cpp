// SPDX-License-Identifier: BSD-3-Clause

#include "sim/client.hpp"

#include "base/assert.hpp"

namespace ais::sim {

namespace {

// Each area is there twice: a frame that runs over the end of a ring goes on in the second half.
std::size_t memory_size(const ipc::Limits& limits) {
    return 2 * (limits.request_ring + limits.response_ring + limits.event_ring);
}

}  // namespace

SimClient::SimClient(ClientOwner& owner,
                     ClientHandler& handler,
                     const ipc::Limits& limits,
                     ipc::Peer peer,
                     std::uint16_t service,
                     ais_node_id node,
                     Log& log)
    : owner_(owner),
      handler_(handler),
      node_(node),
      memory_(std::make_unique_for_overwrite<std::uint8_t[]>(memory_size(limits))),
      requests_(page_.request, memory_.get(), limits.request_ring),
      responses_(page_.response,
                 memory_.get() + 2 * limits.request_ring,
                 limits.response_ring,
                 limits.message_max + limits.header_room),
      events_(page_.event,
              memory_.get() + 2 * (limits.request_ring + limits.response_ring),
              limits.event_ring,
              limits.message_max + limits.header_room),
      bell_(page_.event.sleeping, doorbell_) {
    ipc::Memory memory;
    memory.page = &page_;
    memory.request = memory_.get();
    memory.response = memory.request + 2 * limits.request_ring;
    memory.event = memory.response + 2 * limits.response_ring;
    memory.request_size = limits.request_ring;
    memory.response_size = limits.response_ring;
    memory.event_size = limits.event_ring;
    page_.response.sleeping = 1;
    ipc::Waker& waker = *this;
    session_.emplace(limits, memory, waker, peer, service, log);
}

bool SimClient::request(std::uint16_t kind, std::uint64_t serial, Bytes body) {
    AIS_ASSERT(!ended_);
    if (!requests_.has_room(body.size())) {
        return false;
    }
    ipc::FrameHeader header;
    header.size = static_cast<std::uint32_t>(body.size());
    header.kind = kind;
    header.serial = serial;
    const ais_bytes part = to_abi(body);
    requests_.put(header, {&part, 1});
    requests_.publish();
    if (page_.request.sleeping.exchange(0) != 0) {
        owner_.rings(*this);
    }
    return true;
}

void SimClient::close() {
    if (!ended_) {
        ended_ = true;
        owner_.has_ended(*this);
    }
}

void SimClient::set_dispatching(bool on) {
    dispatching_ = on;
    if (on) {
        owner_.wants_dispatch(*this);
    }
}

void SimClient::set_stuck(bool on) {
    stuck_ = on;
    if (!on) {
        owner_.wants_dispatch(*this);
    }
}

bool SimClient::is_held_back() const {
    return page_.held_back.load() != 0;
}

void SimClient::wake_response() {
    owner_.wants_dispatch(*this);
}

void SimClient::ring_doorbell() {
    ++doorbell_.bytes;
    owner_.wants_dispatch(*this);
}

void SimClient::close(std::string_view why) {
    owner_.is_cut_off(*this, why);
}

void SimClient::finished() {
    owner_.is_finished(*this);
}

void SimClient::run() {
    if (stuck_) {
        return;
    }
    take_responses();
    if (dispatching_ && !ended_) {
        take_events();
    }
}

void SimClient::take_responses() {
    for (;;) {
        page_.response.sleeping.store(0);
        ipc::FrameHeader header;
        const std::uint8_t* body = nullptr;
        while (!ended_ && responses_.look(header, body) == ipc::RingConsumer::Look::frame) {
            handler_.on_response(header.serial, header.error, Bytes(body, header.size));
            responses_.take(header);
            if (page_.response.room_wanted.exchange(0) != 0) {
                owner_.rings(*this);
            }
        }
        AIS_ASSERT(responses_.fault() == ipc::RingFault::none);
        page_.response.sleeping.store(1);
        if (ended_ || !responses_.refresh()) {
            return;
        }
    }
}

void SimClient::take_events() {
    const auto refresh = [this] { return events_.refresh(); };
    while (bell_.heard()) {
        ipc::FrameHeader header;
        const std::uint8_t* body = nullptr;
        while (events_.look(header, body) == ipc::RingConsumer::Look::frame) {
            handler_.on_event(header.kind, Bytes(body, header.size));
            events_.take(header);
            if (events_.waiting() <= events_.size() / 2 &&
                page_.event.room_wanted.exchange(0) != 0) {
                owner_.rings(*this);
            }
            if (ended_ || !dispatching_) {
                return;
            }
        }
        AIS_ASSERT(events_.fault() == ipc::RingFault::none);
        bell_.settle(events_.position(), refresh);
    }
}

}  // namespace ais::sim
