// SPDX-License-Identifier: BSD-3-Clause
//
// The client's view of the memory that the executive has handed over
// (docs/protocol/ipc_wire.md), and the two waits: futex and socket.

#pragma once

#include <ais/ipc_wire.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ais::client {

// Not inherited by children (MADV_DONTFORK).
class Mapping {
  public:
    Mapping() = default;
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    // False, with errno: it is not what the reply says, or it cannot be mapped.
    bool map(int fd, const ipc::ConnectReply& reply);
    // In a forked child there is nothing to unmap.
    void forget();

    [[nodiscard]] ipc::SharedPage& page() const { return *page_; }
    [[nodiscard]] std::uint8_t* request() const { return request_; }
    [[nodiscard]] std::uint8_t* response() const { return response_; }
    [[nodiscard]] std::uint8_t* event() const { return event_; }
    [[nodiscard]] std::size_t request_size() const { return request_size_; }
    [[nodiscard]] std::size_t response_size() const { return response_size_; }
    [[nodiscard]] std::size_t event_size() const { return event_size_; }

  private:
    ipc::SharedPage* page_ = nullptr;
    std::uint8_t* request_ = nullptr;
    std::uint8_t* response_ = nullptr;
    std::uint8_t* event_ = nullptr;
    std::size_t request_size_ = 0;
    std::size_t response_size_ = 0;
    std::size_t event_size_ = 0;
};

// Sleep while the word has this value, at most so long.  May return early.
void futex_wait(std::atomic<std::uint32_t>& word,
                std::uint32_t value,
                std::chrono::nanoseconds timeout);
void futex_wake_all(std::atomic<std::uint32_t>& word);

}  // namespace ais::client
