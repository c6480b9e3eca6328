// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ais::cpg {
namespace {

constexpr std::uint32_t snapshot_version = 1;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of cpg: ") + what};
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

}  // namespace

std::string save(const Membership& membership) {
    Appender out;
    out.u32(snapshot_version);
    out.u32(static_cast<std::uint32_t>(membership.size()));
    for (const auto& [name, members] : membership) {
        out.text(name);
        out.u32(static_cast<std::uint32_t>(members.size()));
        for (const Member& member : members) {
            out.u32(member.node);
            out.u32(member.pid);
            out.u32(member.seat);
            out.u32(member.instance);
        }
    }
    return out.take();
}

Result<Membership> restore(Bytes snapshot) {
    Reader in(snapshot);
    if (in.u32() != snapshot_version) {
        return corrupt("its version is unknown");
    }
    Membership all;
    std::set<std::pair<std::uint32_t, std::uint32_t>> seats;
    const std::uint32_t groups = in.u32();
    const std::string* last_name = nullptr;
    for (std::uint32_t i = 0; i < groups && in.ok(); ++i) {
        const std::string_view name = in.text();
        const std::uint32_t count = in.u32();
        if (!is_group_name(as_bytes(name)) || (last_name != nullptr && name <= *last_name)) {
            return corrupt("its groups are out of order or have bad names");
        }
        if (count == 0 || count > in.remaining() / 16) {
            return corrupt("a group has an impossible number of members");
        }
        const auto added = all.emplace_hint(all.end(), std::string(name), std::vector<Member>());
        last_name = &added->first;
        std::vector<Member>& members = added->second;
        members.reserve(count);
        for (std::uint32_t j = 0; j < count; ++j) {
            const Member member{in.u32(), in.u32(), in.u32(), in.u32()};
            if (!members.empty() && std::pair(member.node, member.pid) <=
                                        std::pair(members.back().node, members.back().pid)) {
                return corrupt("members are out of order");
            }
            if (member.seat >= seats_max || member.instance == 0 ||
                !seats.insert({member.node, member.seat}).second) {
                return corrupt("a seat is out of range or taken twice");
            }
            members.push_back(member);
        }
    }
    if (!in.finished()) {
        return corrupt("it ends too early or too late");
    }
    return all;
}

Result<Membership> merge(std::span<const SavedState> states, std::span<const ais_node_id> nodes) {
    Membership merged;
    for (const SavedState& state : states) {
        auto restored = restore(state.bytes);
        if (!restored) {
            return restored.error();
        }
        for (const auto& [name, members] : *restored) {
            for (const Member& member : members) {
                // Without a list it is a state put back as it was saved.
                const bool is_known = state.members.empty() || contains(state.members, member.node);
                if (is_known && (nodes.empty() || contains(nodes, member.node))) {
                    merged[name].push_back(member);
                }
            }
        }
    }
    for (auto& [name, members] : merged) {
        std::sort(members.begin(), members.end());
        const auto twice =
            std::adjacent_find(members.begin(), members.end(), [](const auto& a, const auto& b) {
                return a.node == b.node && a.pid == b.pid;
            });
        if (twice != members.end()) {
            return corrupt("two components claim the same process");
        }
    }
    return merged;
}

}  // namespace ais::cpg
