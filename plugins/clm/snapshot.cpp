// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

namespace ais::clm {
namespace {

constexpr std::uint32_t snapshot_version = 2;
// Limit: far from where one more is less.
constexpr std::uint64_t number_max = std::numeric_limits<std::uint64_t>::max() / 2;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of clm: ") + what};
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

bool restore_administered(Reader& in, View& view) {
    view.operations = in.u64();
    const std::uint32_t count = in.u32();
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const std::uint32_t node = in.u32();
        const std::uint32_t is_locked = in.u32();
        Administered done{is_locked != 0, in.u64(), std::string(in.text())};
        if (node <= last || is_locked > 1 || done.when > view.operations ||
            done.name.size() > name_max) {
            return false;
        }
        last = node;
        view.administered.emplace_hint(view.administered.end(), node, std::move(done));
    }
    return in.ok() && view.operations <= number_max / 4;
}

bool restore_change(Reader& in, View& view) {
    const std::uint32_t count = in.u32();
    if (count == 0) {
        return in.ok();
    }
    PendingChange& change = view.change.emplace();
    change.operation = static_cast<Operation>(in.u32());
    change.step = static_cast<Step>(in.u32());
    change.node = in.u32();
    change.asked_by = in.u32();
    change.ticket = in.u64();
    change.id = in.u64();
    const std::uint32_t awaited = in.u32();
    for (std::uint32_t i = 0; i < awaited && in.ok(); ++i) {
        const std::uint32_t node = in.u32();
        if (!change.awaited.empty() && node <= change.awaited.back()) {
            return false;
        }
        change.awaited.push_back(node);
    }
    change.name = in.text();
    return in.ok() && count == 1 && change.id != 0 && change.id <= view.operations &&
           change.name.size() <= name_max &&
           (change.operation == Operation::lock || change.operation == Operation::shutdown) &&
           (change.step == Step::validate || change.step == Step::start);
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
    out.u64(view.operations);
    out.u32(static_cast<std::uint32_t>(view.administered.size()));
    for (const auto& [node, done] : view.administered) {
        out.u32(node);
        out.u32(done.is_locked ? 1 : 0);
        out.u64(done.when);
        out.text(done.name);
    }
    out.u32(view.change ? 1 : 0);
    if (view.change) {
        out.u32(static_cast<std::uint32_t>(view.change->operation));
        out.u32(static_cast<std::uint32_t>(view.change->step));
        out.u32(view.change->node);
        out.u32(view.change->asked_by);
        out.u64(view.change->ticket);
        out.u64(view.change->id);
        out.u32(static_cast<std::uint32_t>(view.change->awaited.size()));
        for (const ais_node_id node : view.change->awaited) {
            out.u32(node);
        }
        out.text(view.change->name);
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
    if (!restore_administered(in, view)) {
        return corrupt("what operators did does not decode");
    }
    if (!restore_change(in, view)) {
        return corrupt("the change on its way does not decode");
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
            if (view != main || view->is_locked(node)) {
                member.initial_view = merged.number;
            }
            if (!merged.members.emplace(node, std::move(member)).second) {
                return corrupt("two components claim the same node");
            }
        }
        merged.operations = std::max(merged.operations, view->operations);
        for (auto& [node, done] : view->administered) {
            const auto [known, is_new] = merged.administered.emplace(node, done);
            if (!is_new &&
                std::tie(known->second.when, known->second.is_locked, known->second.name) <
                    std::tie(done.when, done.is_locked, done.name)) {
                known->second = std::move(done);
            }
        }
    }
    return merged;
}

}  // namespace ais::clm
