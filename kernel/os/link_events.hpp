// SPDX-License-Identifier: BSD-3-Clause
//
// The system's word that links, interfaces or addresses of this host have
// changed (rtnetlink): a cable pulled, an interface down or up, an address gone
// or new.
//
// It says only *that* something changed, once per batch of messages; who wants to
// know what lists the interfaces (interfaces.hpp).  Messages may be lost when the
// system has too many of them: that counts as a change, too.
//
// Threads: the loop's.

#pragma once

#include "base/watcher.hpp"
#include "os/descriptor.hpp"

#include <ais/result.hpp>

#include <functional>
#include <memory>

namespace ais::os {

class LinkEvents {
  public:
    // `watcher` outlives it.  Fails where the system has no such socket to give
    // (a sandbox); the caller goes on without.
    static Result<std::unique_ptr<LinkEvents>> open(Watcher& watcher,
                                                    std::function<void()> on_change);
    ~LinkEvents();
    LinkEvents(const LinkEvents&) = delete;
    LinkEvents& operator=(const LinkEvents&) = delete;

  private:
    LinkEvents(Watcher& watcher, Descriptor fd, std::function<void()> on_change);
    void take();

    Watcher& watcher_;
    Descriptor fd_;
    std::function<void()> on_change_;
    WatchId watch_ = 0;
};

}  // namespace ais::os
