// SPDX-License-Identifier: BSD-3-Clause
//
// Who watches groups: each node tells its own clients what it sees happen.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {

Members MsgService::members_of(const Group& group) const {
    Members members;
    members.policy = group.policy;
    for (const Group::Member& member : group.members) {
        members.members.push_back({Change::none, state_.queue(member.queue).name});
    }
    return members;
}

// A track request in its place of the order: from here on, each change is told.
void MsgService::track(const Waiting& query) {
    Reader in(as_bytes(query.body));
    const std::uint8_t flags = in.u8();
    const std::uint32_t room = in.u32();
    const std::string_view name = as_text(in.rest());
    Client& client = *ipc_.context<Client>(query.conn);
    const Group* group = state_.find_group(name);
    if (group == nullptr) {
        ipc_.respond(query.conn, query.serial, SA_AIS_ERR_NOT_EXIST);
        return;
    }
    const Members members = members_of(*group);
    const bool is_in_response = (flags & track_current) != 0 && (flags & track_by_callback) == 0;
    const bool fits = !is_in_response || members.members.size() <= room;
    const auto kind = static_cast<std::uint8_t>(flags & (track_changes | track_changes_only));
    if (kind != 0 && fits) {
        client.trackings.insert_or_assign(std::string(name), kind);
    }
    Appender body;
    if (is_in_response) {
        members.encode(body);
    }
    ipc_.respond(query.conn, query.serial, fits ? SA_AIS_OK : SA_AIS_ERR_NO_SPACE, body.written());
    if ((flags & track_current) != 0 && !is_in_response) {
        tell_members(client, name, members.members.size(), members);
    }
}

SaAisErrorT MsgService::track_stop(Client& client, std::string_view name) {
    const auto found = client.trackings.find(name);
    if (found == client.trackings.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    client.trackings.erase(found);
    return SA_AIS_OK;
}

void MsgService::tell_members(Client& client,
                              std::string_view group,
                              std::size_t member_count,
                              const Members& members) const {
    Appender body;
    body.text(group);
    body.u32(static_cast<std::uint32_t>(member_count));
    members.encode(body);
    ipc_.notify(client.conn, number_of(EventKind::tracked), body.written());
}

void MsgService::tell_changes() {
    for (const auto& [group, changed] : state_.take_changes()) {
        tell_change(group, changed);
    }
}

void MsgService::tell_change(const std::string& name, const State::Changed& changed) {
    Members all;
    const Group* group = changed.is_deleted ? nullptr : state_.find_group(name);
    if (group != nullptr) {
        all = members_of(*group);
    }
    all.policy = changed.policy;
    const std::size_t member_count = all.members.size();
    Members only;
    only.policy = changed.policy;
    for (Member& member : all.members) {
        if (std::find(changed.added.begin(), changed.added.end(), member.name) !=
            changed.added.end()) {
            member.change = Change::added;
            only.members.push_back(member);
        }
    }
    for (const std::string& removed : changed.removed) {
        all.members.push_back({Change::removed, removed});
        only.members.push_back({Change::removed, removed});
    }
    for (const auto& [number, client] : clients_) {
        const auto tracking = client->trackings.find(name);
        if (tracking == client->trackings.end()) {
            continue;
        }
        const bool wants_all = tracking->second == track_changes;
        if (!only.members.empty()) {
            tell_members(*client, name, member_count, wants_all ? all : only);
        }
        if (changed.is_deleted) {
            client->trackings.erase(tracking);
        }
    }
}

MsgService::TrackedGroups MsgService::tracked() const {
    TrackedGroups groups;
    for (const auto& [number, client] : clients_) {
        for (const auto& [name, kind] : client->trackings) {
            const Group* group = state_.find_group(name);
            if (group == nullptr || groups.contains(name)) {
                continue;
            }
            TrackedGroup& one = groups[name];
            one.policy = group->policy;
            for (const Member& member : members_of(*group).members) {
                one.members.emplace(member.name);
            }
        }
    }
    return groups;
}

// What a merge has changed.
void MsgService::tell_merged(const TrackedGroups& before) {
    const TrackedGroups after = tracked();
    for (const auto& [name, was] : before) {
        State::Changed changed;
        changed.policy = was.policy;
        const auto is = after.find(name);
        const std::set<std::string> none;
        const std::set<std::string>& now = is != after.end() ? is->second.members : none;
        changed.is_deleted = is == after.end();
        if (is != after.end()) {
            changed.policy = is->second.policy;
        }
        std::set_difference(now.begin(),
                            now.end(),
                            was.members.begin(),
                            was.members.end(),
                            std::back_inserter(changed.added));
        std::set_difference(was.members.begin(),
                            was.members.end(),
                            now.begin(),
                            now.end(),
                            std::back_inserter(changed.removed));
        if (changed.is_deleted || !changed.added.empty() || !changed.removed.empty()) {
            tell_change(name, changed);
        }
    }
}

}  // namespace ais::msg
