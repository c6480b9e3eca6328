// SPDX-License-Identifier: BSD-3-Clause
//
// Events that wait, named by number: an event that waits for many subscribers goes once
// from one build of the service to the next.
//
// Threads: none.

#pragma once

#include "backlog.hpp"
#include "wire.hpp"

#include <map>
#include <vector>

namespace ais::evt {

class EventTable {
  public:
    // The same number for the same event, which lives as long as the table.
    std::uint32_t number_of(const SharedEvent& event) {
        const auto [place, is_new] =
            numbers_.emplace(event.get(), static_cast<std::uint32_t>(events_.size()));
        if (is_new) {
            events_.push_back(event);
        }
        return place->second;
    }
    void encode(Appender& out) const {
        out.u32(static_cast<std::uint32_t>(events_.size()));
        for (const SharedEvent& event : events_) {
            out.text(*event);
        }
    }
    // False: something in it is no event.
    [[nodiscard]] static bool decode(Reader& in, std::vector<SharedEvent>& events) {
        const std::uint32_t count = in.u32();
        Event event;
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            const Bytes encoded = in.block();
            if (!in.ok() || !Event::decode(encoded, event)) {
                return false;
            }
            events.push_back(std::make_shared<const std::string>(as_text(encoded)));
        }
        return in.ok();
    }

  private:
    std::map<const std::string*, std::uint32_t> numbers_;  // never walked: addresses have no order
    std::vector<SharedEvent> events_;
};

}  // namespace ais::evt
