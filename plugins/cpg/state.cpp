// SPDX-License-Identifier: BSD-3-Clause
//
// Joins, leaves, configurations and merges, applied to the groups.

#include "state.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ais::cpg {
namespace {

bool before(const Member& a, const Member& b) {
    return std::pair(a.node, a.pid) < std::pair(b.node, b.pid);
}

Process process(const Member& member, Reason reason) {
    return {member.node, member.pid, reason};
}

std::vector<Process> processes(std::span<const Member> members, Reason reason) {
    std::vector<Process> all;
    all.reserve(members.size());
    for (const Member& member : members) {
        all.push_back(process(member, reason));
    }
    return all;
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

template <typename T>
void insert_ascending(std::vector<T>& list, const T& value) {
    const auto place = std::lower_bound(list.begin(), list.end(), value);
    if (place == list.end() || *place != value) {
        list.insert(place, value);
    }
}

// Ids of nodes from the ABI; an absent list is an empty one.
std::span<const ais_node_id> node_list(const ais_node_id* first, std::uint32_t count) {
    return count == 0 ? std::span<const ais_node_id>() : std::span(first, count);
}

}  // namespace

std::vector<std::string> Change::encode(const Group* whole, std::size_t bytes_max) const {
    std::vector<std::string> events;
    std::span<const Member> members_left;
    if (whole != nullptr) {
        members_left = whole->members;
    }
    std::span<const Process> left_left = left;
    std::span<const Process> joined_left = joined;
    do {
        std::size_t room = std::max(bytes_max, ChangeEvent::head_size + ChangeEvent::process_size) -
                           ChangeEvent::head_size;
        const auto take = [&room](auto& from, std::size_t size) {
            const auto taken = from.first(std::min(from.size(), room / size));
            from = from.subspan(taken.size());
            room -= taken.size() * size;
            return taken;
        };
        const auto members_now = take(members_left, ChangeEvent::member_size);
        const auto left_now = take(left_left, ChangeEvent::process_size);
        const auto joined_now = take(joined_left, ChangeEvent::process_size);
        const bool has_more = !members_left.empty() || !left_left.empty() || !joined_left.empty();

        Appender out;
        out.u32((has_more ? ChangeEvent::more : 0) | (whole != nullptr ? ChangeEvent::whole : 0));
        out.u64(digest);
        out.u32(static_cast<std::uint32_t>(members_now.size()));
        out.u32(static_cast<std::uint32_t>(left_now.size()));
        out.u32(static_cast<std::uint32_t>(joined_now.size()));
        for (const Member& member : members_now) {
            out.u32(member.node);
            out.u32(member.pid);
        }
        for (const auto& list : {left_now, joined_now}) {
            for (const Process& entry : list) {
                encode_process(out, entry);
            }
        }
        events.push_back(out.take());
    } while (!members_left.empty() || !left_left.empty() || !joined_left.empty());
    return events;
}

std::optional<Change> State::join(ais_node_id sender, const JoinMessage& message) {
    const std::string_view name = as_text(message.group);
    if (const Seat* taken = find_seat(sender, message.seat); taken != nullptr && taken->group) {
        return std::nullopt;  // invariant 3: the service of that node lets nobody join twice
    }
    if (is_member(name, sender, message.pid)) {
        return std::nullopt;  // invariant 2
    }
    Group& joined = group(name);
    const Member member{sender, message.pid, message.seat, message.instance};
    insert(joined, member);
    Change change = describe(joined);
    change.joined.push_back(process(member, Reason::join));
    if (sender == self_) {
        change.newcomer = LocalSeat{message.seat, message.instance};
    }
    return change;
}

std::optional<Change> State::leave(ais_node_id sender, const LeaveMessage& message) {
    const Seat* taken = find_seat(sender, message.seat);
    if (taken == nullptr || taken->group == nullptr || taken->instance != message.instance) {
        return std::nullopt;
    }
    Group& left = *taken->group;
    const Member key{sender, taken->pid, message.seat, message.instance};
    const auto place = std::lower_bound(left.members.begin(), left.members.end(), key, before);
    forget(left, *place);
    left.members.erase(place);
    Change change = describe(left);
    change.left.push_back(process(key, message.reason));
    if (sender == self_ && message.reason == Reason::leave) {
        insert_ascending(change.audience, {message.seat, message.instance});
    }
    erase_if_empty(left);
    return change;
}

std::vector<Change> State::configure(const ais_configuration& now) {
    for (const ais_node_id node : node_list(now.left, now.left_count)) {
        insert_ascending(pending_left_, node);
    }
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return {};
    }
    const auto members = node_list(now.members, now.member_count);
    nodes_.assign(members.begin(), members.end());
    const auto is_gone = [this](const Member& member) {
        // A node that left and is back already starts anew: what it has kept
        // comes with its snapshot.
        return contains(pending_left_, member.node) || !contains(nodes_, member.node);
    };

    std::vector<Change> changes;
    for (auto next = groups_.begin(); next != groups_.end();) {
        Group& lessened = *next->second;
        ++next;  // the group may go away below
        std::vector<Member>& of_group = lessened.members;
        const auto gone =
            std::stable_partition(of_group.begin(), of_group.end(), [&](const Member& member) {
                return !is_gone(member);
            });
        if (gone == of_group.end()) {
            continue;
        }
        const std::vector<Member> left(gone, of_group.end());
        for (const Member& member : left) {
            forget(lessened, member);
        }
        of_group.erase(gone, of_group.end());
        changes.push_back(describe(lessened));
        changes.back().left = processes(left, Reason::node_down);
        erase_if_empty(lessened);
    }
    std::erase_if(seats_, [this](const NodeSeats& node) {
        return contains(pending_left_, node.node) || !contains(nodes_, node.node);
    });
    pending_left_.clear();
    return changes;
}

std::vector<Change> State::replace(const Membership& merged) {
    const Membership old = membership();
    groups_.clear();
    seats_.clear();
    for (const auto& [name, members] : merged) {
        Group& rebuilt = group(name);
        for (const Member& member : members) {
            insert(rebuilt, member);
        }
    }

    const std::vector<Member> nobody;  // not static: a plugin has no globals, constant or not
    const auto members_in = [&nobody](const Membership& all,
                                      const std::string& name) -> const auto& {
        const auto found = all.find(name);
        return found == all.end() ? nobody : found->second;
    };
    std::vector<std::string> names;
    const auto name_less = [](const auto& a, const auto& b) { return a < b; };
    for (const auto* all : {&old, &merged}) {
        for (const auto& [name, members] : *all) {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end(), name_less);
    names.erase(std::unique(names.begin(), names.end()), names.end());

    std::vector<Change> changes;
    for (const std::string& name : names) {
        const std::vector<Member>& then = members_in(old, name);
        const std::vector<Member>& now = members_in(merged, name);
        std::vector<Member> left;
        std::vector<Member> joined;
        std::set_difference(
            then.begin(), then.end(), now.begin(), now.end(), std::back_inserter(left));
        std::set_difference(
            now.begin(), now.end(), then.begin(), then.end(), std::back_inserter(joined));
        if (left.empty() && joined.empty()) {
            continue;
        }
        const Group* current = find(name);
        Change change = current != nullptr ? describe(*current) : Change{name, 0, {}, {}, {}, {}};
        change.left = processes(left, Reason::node_down);
        change.joined = processes(joined, Reason::node_up);
        changes.push_back(std::move(change));
    }
    return changes;
}

State::Sender State::sender(ais_node_id node, MessageHead head) const {
    const Seat* taken = find_seat(node, head.seat);
    if (taken == nullptr || taken->group == nullptr || taken->instance != head.instance) {
        return {};
    }
    return {taken->group, taken->pid};
}

const Group* State::find(std::string_view name) const {
    const auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : found->second.get();
}

bool State::is_member(std::string_view name, ais_node_id node, std::uint32_t pid) const {
    const Group* found = find(name);
    return found != nullptr &&
           std::binary_search(
               found->members.begin(), found->members.end(), Member{node, pid, 0, 0}, before);
}

std::size_t State::member_count() const {
    std::size_t count = 0;
    for (const auto& [name, group] : groups_) {
        count += group->members.size();
    }
    return count;
}

IteratePage State::iterate(const IterateRequest& request, std::size_t bytes_max) const {
    IteratePage page;
    std::size_t bytes = IteratePage::head_size;
    // False when the page is full.
    const auto take = [&](const std::string& name, std::uint32_t node, std::uint32_t pid) {
        bytes += name.size() + 12;
        if (bytes > bytes_max && !page.entries.empty()) {
            page.more = true;
            return false;
        }
        page.entries.push_back({name, node, pid});
        return true;
    };

    auto first = groups_.lower_bound(request.after.group);
    auto last = groups_.end();
    if (request.type == IterationType::one_group) {
        first = groups_.find(request.group);
        last = first == groups_.end() ? first : std::next(first);
    }
    for (; first != last; ++first) {
        const auto& [name, found] = *first;
        const bool resumes = name == request.after.group;
        if (request.type == IterationType::name_only) {
            if (!resumes && !take(name, 0, 0)) {
                return page;
            }
            continue;
        }
        auto member = found->members.begin();
        if (resumes) {
            const Member seen{request.after.node, request.after.pid, 0, 0};
            member = std::upper_bound(member, found->members.end(), seen, before);
        }
        for (; member != found->members.end(); ++member) {
            if (!take(name, member->node, member->pid)) {
                return page;
            }
        }
    }
    return page;
}

MembershipPage State::page(const Group& group,
                           const MembershipRequest& request,
                           std::size_t bytes_max) {
    MembershipPage page{group.digest, static_cast<std::uint32_t>(group.members.size()), {}};
    const std::size_t fits =
        (std::max(bytes_max, MembershipPage::head_size + MembershipPage::entry_size) -
         MembershipPage::head_size) /
        MembershipPage::entry_size;
    const std::size_t first = std::min<std::size_t>(request.at, group.members.size());
    const std::size_t count =
        std::min<std::size_t>({group.members.size() - first, request.limit, fits});
    page.members = processes({group.members.data() + first, count}, Reason::none);
    return page;
}

Membership State::membership() const {
    Membership all;
    for (const auto& [name, group] : groups_) {
        all.emplace_hint(all.end(), name, group->members);
    }
    return all;
}

const State::Seat* State::find_seat(ais_node_id node, std::uint32_t number) const {
    const auto of_node = std::lower_bound(
        seats_.begin(), seats_.end(), node, [](const NodeSeats& entry, ais_node_id wanted) {
            return entry.node < wanted;
        });
    if (of_node == seats_.end() || of_node->node != node || number >= of_node->seats.size()) {
        return nullptr;
    }
    return &of_node->seats[number];
}

State::Seat& State::seat(ais_node_id node, std::uint32_t number) {
    auto of_node = std::lower_bound(
        seats_.begin(), seats_.end(), node, [](const NodeSeats& entry, ais_node_id wanted) {
            return entry.node < wanted;
        });
    if (of_node == seats_.end() || of_node->node != node) {
        of_node = seats_.insert(of_node, NodeSeats{node, {}});
    }
    if (number >= of_node->seats.size()) {
        of_node->seats.resize(std::size_t{number} + 1);
    }
    return of_node->seats[number];
}

Group& State::group(std::string_view name) {
    auto found = groups_.find(name);
    if (found == groups_.end()) {
        auto created = std::make_unique<Group>();
        created->name = name;
        found = groups_.emplace(std::string(name), std::move(created)).first;
    }
    return *found->second;
}

void State::insert(Group& group, const Member& member) {
    const auto place = std::lower_bound(group.members.begin(), group.members.end(), member, before);
    group.members.insert(place, member);
    group.digest += digest_of(member.node, member.pid);
    seat(member.node, member.seat) = {&group, member.instance, member.pid};
    if (member.node == self_) {
        insert_ascending(group.local_seats, {member.seat, member.instance});
    }
}

void State::forget(Group& group, const Member& member) {
    group.digest -= digest_of(member.node, member.pid);
    seat(member.node, member.seat) = {};
    if (member.node == self_) {
        std::erase(group.local_seats, LocalSeat{member.seat, member.instance});
    }
}

Change State::describe(const Group& group) {
    return {group.name, group.digest, {}, {}, group.local_seats, {}};
}

void State::erase_if_empty(const Group& group) {
    if (group.members.empty()) {
        groups_.erase(groups_.find(group.name));
    }
}

}  // namespace ais::cpg
