// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>
#include <utility>

namespace ais::clm {
namespace {

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

void insert_ascending(std::vector<ais_node_id>& list, ais_node_id node) {
    const auto place = std::lower_bound(list.begin(), list.end(), node);
    if (place == list.end() || *place != node) {
        list.insert(place, node);
    }
}

// Ids of nodes from the ABI; an absent list is an empty one.
std::span<const ais_node_id> node_list(const ais_node_id* first, std::uint32_t count) {
    return count == 0 ? std::span<const ais_node_id>() : std::span(first, count);
}

}  // namespace

std::optional<ViewReport> select(const ViewReport& report,
                                 std::uint32_t track_flags,
                                 ais_node_id self) {
    ViewReport wanted{report.number, report.members, {}};
    bool has_change = false;
    for (const Item& item : report.items) {
        const bool is_change = item.change != Change::none;
        if ((track_flags & TrackRequest::local) != 0 && item.member.facts.node != self) {
            continue;
        }
        has_change = has_change || is_change;
        if (is_change || (track_flags & TrackRequest::changes_only) == 0) {
            wanted.items.push_back(item);
        }
    }
    return has_change ? std::optional(std::move(wanted)) : std::nullopt;
}

State::State(const Facts& self) : self_(self.node) {
    view_.members.emplace(self_, Member{self, view_.number});
}

std::optional<ViewReport> State::configure(const ais_configuration& now) {
    for (const ais_node_id node : node_list(now.left, now.left_count)) {
        insert_ascending(pending_left_, node);
    }
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return std::nullopt;
    }
    const auto members = node_list(now.members, now.member_count);
    nodes_.assign(members.begin(), members.end());
    if (has_newcomers()) {
        return std::nullopt;  // they come with the merge
    }
    return enter(surviving());
}

bool State::has_newcomers() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [this](ais_node_id node) {
        return !view_.members.contains(node) || contains(pending_left_, node);
    });
}

std::optional<ViewReport> State::facts(ais_node_id sender, const Facts& facts) {
    const auto found = view_.members.find(sender);
    if (facts.node != sender || found == view_.members.end() || found->second.facts == facts) {
        return std::nullopt;
    }
    found->second.facts = facts;
    if (view_.is_locked(sender)) {
        return std::nullopt;
    }
    ++view_.number;
    ViewReport report = this->report();
    for (Item& item : report.items) {
        if (item.member.facts.node == sender) {
            item.change = Change::reconfigured;
        }
    }
    return report;
}

std::vector<ViewReport> State::replace(const View& merged) {
    std::vector<ViewReport> reports;
    const View rest = surviving();
    const bool has_returned =
        std::any_of(merged.members.begin(), merged.members.end(), [&](const auto& entry) {
            return view_.members.contains(entry.first) && !rest.members.contains(entry.first);
        });
    if (has_returned) {
        if (auto report = enter(rest)) {
            reports.push_back(std::move(*report));
        }
    }
    if (auto report = enter(merged)) {
        reports.push_back(std::move(*report));
    }
    return reports;
}

View State::surviving() const {
    View rest = view_;
    std::erase_if(rest.members, [this](const auto& entry) { return is_gone(entry.first); });
    if (rest.members.size() != view_.members.size()) {
        ++rest.number;
    }
    return rest;
}

ViewReport State::report() const {
    ViewReport all{view_.number, 0, {}};
    for (const auto& [node, member] : view_.members) {
        if (!view_.is_locked(node)) {
            all.items.push_back({Change::none, member});
        }
    }
    all.members = static_cast<std::uint32_t>(all.items.size());
    return all;
}

const Member* State::find(ais_node_id node) const {
    const auto found = view_.members.find(node);
    return found == view_.members.end() || view_.is_locked(node) ? nullptr : &found->second;
}

bool State::is_gone(ais_node_id node) const {
    return node != self_ &&
           (contains(pending_left_, node) || (!nodes_.empty() && !contains(nodes_, node)));
}

// Nothing to report when the same nodes with the same facts are members.
std::optional<ViewReport> State::enter(View next) {
    const View old = std::exchange(view_, std::move(next));
    pending_left_.clear();
    ViewReport report = this->report();
    bool has_change = false;
    for (Item& item : report.items) {
        const auto before = old.members.find(item.member.facts.node);
        if (before == old.members.end() || old.is_locked(before->first)) {
            item.change = Change::joined;
        } else if (before->second.facts != item.member.facts) {
            item.change = Change::reconfigured;
        }
        has_change = has_change || item.change != Change::none;
    }
    for (const auto& [node, member] : old.members) {
        if (!old.is_locked(node) && find(node) == nullptr) {
            report.items.push_back({Change::left, member});
            has_change = true;
        }
    }
    std::sort(report.items.begin(), report.items.end(), [](const Item& a, const Item& b) {
        return a.member.facts.node < b.member.facts.node;
    });
    return has_change ? std::optional(std::move(report)) : std::nullopt;
}

}  // namespace ais::clm
