// SPDX-License-Identifier: BSD-3-Clause
//
// Preposted buffers for one recvmmsg.  With UDP_GRO a buffer may hold many
// datagrams of one sender; at() says how to split it.
//
// Limit: the room is reserved, not touched: pages that no datagram ever
// reaches cost nothing.

#pragma once

#include <ais/bytes.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ais::os {

class UdpSlots {
  public:
    UdpSlots(std::size_t count, std::size_t size);

    // How many slots were filled; 0: nothing there; -errno: an error.
    int receive(int fd);

    struct Content {
        MutableBytes bytes;
        std::size_t segment = 0;  // size of each datagram in it but the last
        bool is_truncated = false;
        const sockaddr_storage* source = nullptr;
        std::optional<std::uint32_t> overruns;  // datagrams lost so far, as the socket counts
    };
    [[nodiscard]] Content at(std::size_t slot) const;
    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    struct Control {
        alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(std::uint32_t))];
    };

    std::size_t count_;
    std::size_t size_;
    std::size_t stride_;
    std::unique_ptr<std::uint8_t[]> arena_;
    std::vector<mmsghdr> messages_;
    std::vector<iovec> parts_;
    std::vector<Control> controls_;
    std::vector<sockaddr_storage> sources_;
};

}  // namespace ais::os
