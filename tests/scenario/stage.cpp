// SPDX-License-Identifier: BSD-3-Clause

#include "scenario/stage.hpp"

namespace ais::scenario {

std::string Seen::take() {
    std::string text;
    while (!seen_.empty()) {
        const auto events = seen_.begin()->second;
        std::string who;
        for (auto at = seen_.begin(); at != seen_.end();) {
            if (at->second == events) {
                who += (who.empty() ? "" : ",") + std::to_string(at->first);
                at = seen_.erase(at);
            } else {
                ++at;
            }
        }
        for (const std::string& event : events) {
            text += who + ": " + event + '\n';
        }
    }
    return text;
}

}  // namespace ais::scenario
