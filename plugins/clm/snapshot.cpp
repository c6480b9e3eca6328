// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace ais::clm {
namespace {

constexpr std::uint32_t snapshot_version = 1;
// Limit: far from where one more is less.
constexpr std::uint64_t number_max = std::numeric_limits<std::uint64_t>::max() / 2;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of clm: ") + what};
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

}  // namespace

std::string save(const View& view) {
    Appender out;
    out.u32(snapshot_version);
    out.u64(view.number);
    out.u32(static_cast<std::uint32_t>(view.members.size()));
    for (const auto& [node, member] : view.members) {
        member.encode(out);
    }
    return out.take();
}

Result<View> restore(Bytes snapshot) {
    Reader in(snapshot);
    if (in.u32() != snapshot_version) {
        return corrupt("its version is unknown");
    }
    View view;
    view.number = in.u64();
    const std::uint32_t count = in.u32();
    if (!in.ok() || view.number == 0 || view.number > number_max) {
        return corrupt("its number is impossible");
    }
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        Member member;
        if (!Member::decode(in, member)) {
            return corrupt("a member does not decode");
        }
        if (member.facts.node <= last || member.initial_view > view.number) {
            return corrupt("members are out of order or from the future");
        }
        last = member.facts.node;
        view.members.emplace_hint(view.members.end(), last, std::move(member));
    }
    if (!in.finished()) {
        return corrupt("it ends too early or too late");
    }
    return view;
}

Result<View> merge(std::span<const SavedState> states, std::span<const ais_node_id> nodes) {
    std::vector<View> views;
    for (const SavedState& state : states) {
        auto restored = restore(state.bytes);
        if (!restored) {
            return restored.error();
        }
        // Without a list it is a state put back as it was saved.
        std::erase_if(restored->members, [&](const auto& entry) {
            return !(state.members.empty() || contains(state.members, entry.first)) ||
                   !(nodes.empty() || contains(nodes, entry.first));
        });
        views.push_back(restored.take());
    }
    if (views.empty()) {
        return corrupt("there is none");
    }
    if (views.size() == 1) {
        return std::move(views.front());
    }
    const auto main =
        std::max_element(views.begin(), views.end(), [](const View& a, const View& b) {
            // The first of equals wins, and they come in the order of their lowest members.
            return std::pair(a.members.size(), a.number) < std::pair(b.members.size(), b.number);
        });
    View merged;
    merged.number =
        std::max_element(views.begin(),
                         views.end(),
                         [](const View& a, const View& b) { return a.number < b.number; })
            ->number +
        1;
    for (auto view = views.begin(); view != views.end(); ++view) {
        for (auto& [node, member] : view->members) {
            if (view != main) {
                member.initial_view = merged.number;
            }
            if (!merged.members.emplace(node, std::move(member)).second) {
                return corrupt("two components claim the same node");
            }
        }
    }
    return merged;
}

}  // namespace ais::clm
