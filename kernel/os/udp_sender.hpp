// SPDX-License-Identifier: BSD-3-Clause
//
// Batches out of one socket: with segmentation offload one message per
// receiver, without it one per datagram, as many as go into one sendmmsg.
//
// A full send buffer is waited for, but briefly: it empties at the speed of
// the network, and a ring has nothing better to do than keep pace with it.
// What does not go out then is dropped.
//
// Invariant: nothing is allocated by send().

#pragma once

#include "os/udp.hpp"

#include <ais/bytes.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <span>

namespace ais::os {

struct UdpTarget {
    sockaddr_storage address{};
    socklen_t size = 0;
};

class UdpSender {
  public:
    // Told about datagrams that the system refused (`lost` of them), and once
    // when a driver refuses offload (`lost` is 0: they went out without).
    using Trouble = std::function<void(const UdpTarget& target, int error, std::size_t lost)>;

    UdpSender(bool offload, UdpStats& stats, Trouble trouble);

    // Requires: segment > 0, !batch.empty().
    void send(int fd, std::span<const UdpTarget> targets, Bytes batch, std::size_t segment);
    [[nodiscard]] bool is_offload_on() const { return is_offload_on_; }

  private:
    // Limit: calls of more messages gain nothing measurable.
    static constexpr std::size_t messages_max = 64;
    struct Control {
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> room{};
    };

    void add(const UdpTarget& target, Bytes part, std::size_t segment);
    void push(int fd);
    void on_error(int fd, std::size_t at, int error);
    bool wait_for_room(int fd);

    bool is_offload_on_;
    UdpStats& stats_;
    Trouble trouble_;
    Duration may_wait_{0};

    std::size_t count_ = 0;
    std::array<mmsghdr, messages_max> messages_{};
    std::array<iovec, messages_max> parts_{};
    std::array<Control, messages_max> controls_{};
    std::array<const UdpTarget*, messages_max> targets_{};
    std::array<std::size_t, messages_max> segments_{};  // size of one, or of the only one
};

}  // namespace ais::os
