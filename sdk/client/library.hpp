// SPDX-License-Identifier: BSD-3-Clause
//
// What every Initialize, Finalize and Dispatch has in common: which version of
// an API is served, and from a handle to its association.
//
// A library has one `Library<Association> library;` where Association is a
// class of its own with a member `std::shared_ptr<Connection> connection`:
//
//     SaAisErrorT saClmDispatch(SaClmHandleT handle, SaDispatchFlagsT flags) {
//         const auto pin = library.pin(handle);      // nullptr: BAD_HANDLE
//         const auto done = dispatch(*pin->connection, mode, handler);
//         …
//
// The pin keeps association, connection and selection object alive until the
// call is over, whatever other threads finalize meanwhile.
//
// Threads: all members may be called from any thread.  In a child after fork()
// the parent's handles are not found, and new ones can be made, even if the
// parent had forked while another thread was in here.

#pragma once

#include "client/connection.hpp"
#include "client/process_mark.hpp"

#include <ais/handle_table.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ais::client {

// A version as SaVersionT has it: release letter, major, minor.
struct Version {
    std::uint8_t release = 0;
    std::uint8_t major = 0;
    std::uint8_t minor = 0;

    friend bool operator==(const Version&, const Version&) = default;
};

// The SA Forum's rule.  `supported` (not empty, ascending, the highest minor
// of each release and major) is what the library has; `version` holds what is
// required (the minor does not count) and is overwritten with what is served,
// also on failure.  True: satisfied.  A required major of 0 never is.
bool negotiate(std::span<const Version> supported, Version& version);

template <typename Association>
class Library {
  public:
    using Pin = std::shared_ptr<Association>;

    // `seed`: different for each library, so that a handle of one is not
    // found in another.
    explicit Library(std::uint32_t seed) : seed_(seed) {}
    // Why nothing is destroyed: at exit, threads of the application may still
    // be in a call.
    ~Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    // Never 0.
    Handle insert(Pin association) { return table().insert(std::move(association)); }

    // nullptr: no such handle (any more), or it is the parent's.
    [[nodiscard]] Pin pin(Handle handle) const {
        const Generation* mine = current_.load(std::memory_order_acquire);
        return mine != nullptr && mine->mark.is_owner() ? mine->handles.pin(handle) : nullptr;
    }

    // Finalize: exactly one caller gets the association; its connection is
    // closed, so that whoever waits in a call or a dispatch comes back.
    // nullptr: as for pin.
    Pin finalize(Handle handle) {
        Pin association = take(handle);
        if (association != nullptr && association->connection != nullptr) {
            association->connection->close();
        }
        return association;
    }
    // The same for what has no connection of its own, such as an iteration.
    Pin take(Handle handle) {
        Generation* mine = current_.load(std::memory_order_acquire);
        return mine != nullptr && mine->mark.is_owner() ? mine->handles.close(handle) : nullptr;
    }
    // All of this process with their handles, pinned.
    [[nodiscard]] std::vector<std::pair<Handle, Pin>> all() const {
        const Generation* mine = current_.load(std::memory_order_acquire);
        return mine != nullptr && mine->mark.is_owner() ? mine->handles.all()
                                                        : std::vector<std::pair<Handle, Pin>>();
    }

  private:
    // The handles of one process.  A child gets new ones with its first
    // insert: the mutex of its parent's may be held by a thread that does not exist in the
    // child, so they are left alone for ever.
    struct Generation {
        explicit Generation(std::uint32_t seed) : handles(seed) {}
        ProcessMark mark;
        HandleTable<Association> handles;
        Generation* parent = nullptr;  // kept reachable
    };

    HandleTable<Association>& table() {
        Generation* mine = current_.load(std::memory_order_acquire);
        while (mine == nullptr || !mine->mark.is_owner()) {
            // Another walk through the check values than the parent's.
            auto fresh = std::make_unique<Generation>(
                seed_ + generations_.fetch_add(1, std::memory_order_relaxed) * 0x51ed2701U);
            fresh->parent = mine;
            if (current_.compare_exchange_strong(mine, fresh.get(), std::memory_order_acq_rel)) {
                mine = fresh.release();
            }
        }
        return mine->handles;
    }

    const std::uint32_t seed_;
    std::atomic<std::uint32_t> generations_{0};
    std::atomic<Generation*> current_{nullptr};
};

}  // namespace ais::client
