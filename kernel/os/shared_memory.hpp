// SPDX-License-Identifier: BSD-3-Clause
//
// The memory that the kernel shares with one client: a sealed memfd, mapped as
// docs/protocol/ipc_wire.md lays it out.
//
// Sealed against shrinking and growing before it is mapped: a client that
// truncates it gets EPERM instead of giving the kernel a SIGBUS.  It has no
// name, so there is nothing to guess and nothing is left behind.

#pragma once

#include "ipc/session.hpp"
#include "os/descriptor.hpp"

#include <ais/result.hpp>

#include <cstddef>
#include <utility>

namespace ais::os {

// Sizes of the rings for these limits: powers of two, each at least a page and
// enough for one frame of the largest size.
struct RingSizes {
    std::size_t request = 0;
    std::size_t response = 0;
    std::size_t event = 0;
};
RingSizes ring_sizes(const ipc::Limits& limits);

class SharedMemory {
  public:
    static Result<SharedMemory> make(const RingSizes& sizes);

    SharedMemory() = default;
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&& other) noexcept;
    ~SharedMemory();

    [[nodiscard]] const ipc::Memory& memory() const { return memory_; }
    // For the client; may be dropped when it has been sent.
    [[nodiscard]] int fd() const { return fd_.get(); }
    void drop_fd() { fd_.reset(); }

  private:
    void unmap();

    Descriptor fd_;
    ipc::Memory memory_;
};

}  // namespace ais::os
