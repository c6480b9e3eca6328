// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {
namespace {

constexpr auto one_tick = static_cast<std::uint64_t>(tick_interval.count());
constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();

bool contains(const std::vector<ais_node_id>& ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

void insert_ascending(std::vector<ais_node_id>& ascending, ais_node_id node) {
    const auto place = std::lower_bound(ascending.begin(), ascending.end(), node);
    if (place == ascending.end() || *place != node) {
        ascending.insert(place, node);
    }
}

constexpr ais_node_id node_of(std::uint64_t sender_id) {
    return static_cast<ais_node_id>(sender_id >> 32);
}

}  // namespace

SaAisErrorT State::open(ais_node_id sender, const OpenMessage& message) {
    const OpenId id{sender, message.number};
    const bool creates = (message.flags & flag_create) != 0;
    const auto named = names_.find(message.name);
    if (named == names_.end()) {
        if (!creates) {
            return SA_AIS_ERR_NOT_EXIST;
        }
        if (groups_.contains(message.name)) {
            return SA_AIS_ERR_EXIST;
        }
        if (queues_.size() >= queues_max || queues_.contains(id) || opens_.contains(id)) {
            return SA_AIS_ERR_NO_RESOURCES;
        }
    } else {
        const Queue& queue = *named->second;
        if (creates && !(queue.attributes == message.attributes)) {
            return SA_AIS_ERR_EXIST;
        }
        if (queue.is_open()) {
            return SA_AIS_ERR_BUSY;
        }
        if (opens_.contains(id)) {
            return SA_AIS_ERR_NO_RESOURCES;  // a number that its node used in another life
        }
    }
    Queue* queue = named != names_.end() ? named->second : nullptr;
    if (queue == nullptr) {
        queue = &create(id, message.name);
        queue->attributes = message.attributes;
        queue->thresholds = {message.attributes.sizes, message.attributes.sizes};
        names_.emplace(message.name, queue);
    }
    stop_retention(*queue);
    queue->owner = id;
    queue->open_flags = message.flags;
    queue->closed_at = 0;
    opens_.emplace(id, queue);
    if ((message.flags & flag_empty) != 0) {
        stored_bytes_ -= queue->stored_bytes();
        queue->clear();
        note_capacity(*queue);
    }
    return SA_AIS_OK;
}

Queue& State::create(OpenId id, std::string_view name) {
    auto& place = queues_[id];
    place = std::make_unique<Queue>();
    place->id = id;
    place->name = name;
    return *place;
}

Queue* State::find_open(ais_node_id sender, std::uint64_t number) {
    const auto found = opens_.find({sender, number});
    return found != opens_.end() ? found->second : nullptr;
}

void State::close(ais_node_id sender, std::uint64_t number, std::int64_t now) {
    time_of_day_ = std::max(time_of_day_, now);
    if (Queue* queue = find_open(sender, number)) {
        close(*queue, now);
    }
}

// `now` 0: nobody has looked.
void State::close(Queue& queue, std::int64_t now) {
    opens_.erase(queue.owner);
    queue.owner = {};
    queue.open_flags = 0;
    ++queue.closings;
    queue.give_back();
    if (queue.is_over_when_closed()) {
        return erase(queue);
    }
    note_capacity(queue);
    queue.closed_at = std::max<std::int64_t>(now != 0 ? now : time_of_day_, 1);
    if (now == 0) {
        queue.is_closed_at_guessed = true;
        guessed_.insert(queue.id);
    }
    start_retention(queue);
}

void State::start_retention(Queue& queue) {
    const std::int64_t retention = queue.attributes.retention;
    if (queue.attributes.is_persistent() || retention == for_ever) {
        return;
    }
    // One tick more, since the clock may be that far behind.
    queue.deadline = clock_ + static_cast<std::uint64_t>(retention) + one_tick;
    closing_.insert(queue.id);
    started_.push_back(queue.id);
}

void State::stop_retention(Queue& queue) {
    queue.deadline = no_deadline;
    queue.is_closed_at_guessed = false;
    closing_.erase(queue.id);
    guessed_.erase(queue.id);
}

// Requires: it is closed.
void State::erase(Queue& queue) {
    leave_groups(queue);
    stop_retention(queue);
    if (!queue.is_unlinked) {
        names_.erase(queue.name);
    }
    stored_bytes_ -= queue.stored_bytes();
    if (queue.reached() != 0) {
        crossed_.emplace(queue.id, queue.reached());
    }
    queues_.erase(OpenId(queue.id));
}

void State::note_capacity(Queue& queue) {
    if (const auto before = queue.take_crossed()) {
        crossed_.emplace(queue.id, *before);
        crossed_groups_.insert(queue.groups.begin(), queue.groups.end());
    }
}

void State::leave_groups(Queue& queue) {
    for (const std::string& name : queue.groups) {
        Group& group = groups_.find(name)->second;
        std::erase_if(group.members, [&](const auto& member) { return member.queue == queue.id; });
        note(group).removed.push_back(queue.name);
    }
    queue.groups.clear();
}

State::Changed& State::note(const Group& group) {
    Changed& changed = changes_[group.name];
    changed.policy = group.policy;
    crossed_groups_.insert(group.name);
    return changed;
}

std::uint8_t State::reached(const Group& group) const {
    std::uint8_t all = group.members.empty() ? 0 : (1U << priorities) - 1;
    for (auto member = group.members.begin(); all != 0 && member != group.members.end(); ++member) {
        all &= queues_.at(member->queue)->reached();
    }
    return all;
}

bool State::put(Queue& queue, const Stored& message, std::uint8_t priority) {
    stored_bytes_ -= queue.stored_bytes();
    const bool is_new = queue.add(message, priority, ++last_place_);
    stored_bytes_ += queue.stored_bytes();
    note_capacity(queue);
    return is_new;
}

State::Sent State::send(ais_node_id sender,
                        const SendMessage& send,
                        const Message& message,
                        bool is_behind_hole) {
    Stored stored;
    stored.id = {sender, send.start, send.number};
    stored.sender_id = send.sender_id;
    stored.size = message.data.size();
    stored.bytes = std::make_shared<const std::string>(as_text(send.message));
    Sent sent;
    const auto group = groups_.find(send.destination);
    if (is_behind_hole) {
        // Why: who has what we lack may decide otherwise about it, and what follows it there could
        // be handed out first.
        sent.error = SA_AIS_ERR_TRY_AGAIN;
        refused_.insert(stored.id);
        if (refused_.size() > refused_max) {
            refused_.erase(refused_.begin());
        }
    } else if (stored_bytes_ + send.message.size() > stored_bytes_max) {
        sent.error = SA_AIS_ERR_NO_RESOURCES;
    } else if (group != groups_.end()) {
        sent = send_to_group(sender, group->second, stored, message.priority);
    } else {
        const auto named = names_.find(send.destination);
        if (named == names_.end()) {
            sent.error = SA_AIS_ERR_NOT_EXIST;
        } else if (!named->second->has_room(message.priority, stored.size) ||
                   !put(*named->second, stored, message.priority)) {
            sent.error = SA_AIS_ERR_QUEUE_FULL;
        } else {
            sent.queues.push_back(named->second);
        }
    }
    if (sent.error == SA_AIS_OK && send.sender_id != 0 && node_of(send.sender_id) == sender) {
        requests_[send.sender_id] = send.capacity;
    }
    return sent;
}

State::Sent State::send_to_group(ais_node_id sender,
                                 Group& group,
                                 const Stored& message,
                                 std::uint8_t priority) {
    Sent sent;
    if (group.policy == Policy::broadcast && message.sender_id != 0) {
        sent.error = SA_AIS_ERR_INVALID_PARAM;
        return sent;
    }
    if (group.members.empty()) {
        sent.error = SA_AIS_ERR_QUEUE_NOT_AVAILABLE;
        return sent;
    }
    const auto offer = [&](Queue& queue) {
        if (queue.has_room(priority, message.size) && put(queue, message, priority)) {
            sent.queues.push_back(&queue);
        }
    };
    if (group.policy == Policy::broadcast) {
        for (const Group::Member& member : group.members) {
            offer(*queues_.at(member.queue));
        }
    } else {
        offer(*choose(sender, group, priority));
    }
    sent.error = sent.queues.empty() ? SA_AIS_ERR_QUEUE_FULL : SA_AIS_OK;
    return sent;
}

// Whose turn it is.  Requires: the group has members.
Queue* State::choose(ais_node_id sender, Group& group, std::uint8_t priority) {
    const auto is_local = [&](const Group::Member& member) {
        return queues_.at(member.queue)->owner.node == sender;
    };
    const bool any_local = group.policy != Policy::round_robin &&
                           std::any_of(group.members.begin(), group.members.end(), is_local);
    const auto room = [&](const Group::Member& member) {
        return group.policy == Policy::local_best_queue && any_local
                   ? queues_.at(member.queue)->room(priority)
                   : 0;
    };
    Group::Member* best = nullptr;
    for (Group::Member& member : group.members) {
        if (any_local && !is_local(member)) {
            continue;
        }
        if (best == nullptr || room(member) > room(*best) ||
            (room(member) == room(*best) && member.turn < best->turn)) {
            best = &member;
        }
    }
    best->turn = ++group.turns;
    return queues_.at(best->queue).get();
}

const Stored* State::take(ais_node_id sender, const TakeMessage& take) {
    Queue* queue = find_open(sender, take.number);
    if (queue == nullptr) {
        return nullptr;
    }
    const Stored* taken = queue->take(take.id);
    note_capacity(*queue);
    return taken;
}

void State::got(ais_node_id sender, const GotMessage& got) {
    Queue* queue = find_open(sender, got.number);
    if (queue == nullptr) {
        const auto named = names_.find(got.queue);
        queue = named != names_.end() ? named->second : nullptr;
    }
    if (queue != nullptr) {
        stored_bytes_ -= queue->stored_bytes();
        queue->remove(got.id);
        stored_bytes_ += queue->stored_bytes();
        note_capacity(*queue);
    }
}

SaAisErrorT State::reply(std::uint64_t sender_id, std::uint64_t size) {
    const auto found = requests_.find(sender_id);
    if (found == requests_.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    const std::uint64_t capacity = found->second;
    requests_.erase(found);
    return size <= capacity ? SA_AIS_OK : SA_AIS_ERR_NO_SPACE;
}

void State::forget(std::span<const std::uint64_t> sender_ids) {
    for (const std::uint64_t id : sender_ids) {
        requests_.erase(id);
    }
}

SaAisErrorT State::unlink(std::string_view name) {
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    Queue& queue = *found->second;
    if (!queue.is_open()) {
        erase(queue);
        return SA_AIS_OK;
    }
    leave_groups(queue);
    names_.erase(found);
    queue.is_unlinked = true;
    return SA_AIS_OK;
}

SaAisErrorT State::set_retention(ais_node_id sender, std::uint64_t number, std::int64_t retention) {
    Queue* queue = find_open(sender, number);
    if (queue == nullptr) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    if (queue->attributes.is_persistent() || queue->is_unlinked) {
        return SA_AIS_ERR_BAD_OPERATION;
    }
    queue->attributes.retention = retention;
    return SA_AIS_OK;
}

SaAisErrorT State::set_thresholds(ais_node_id sender, std::uint64_t number, const Thresholds& now) {
    Queue* queue = find_open(sender, number);
    if (queue == nullptr) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    if (!now.fits(queue->attributes.sizes)) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    queue->set_thresholds(now);
    note_capacity(*queue);
    return SA_AIS_OK;
}

SaAisErrorT State::group_create(std::string_view name, Policy policy) {
    if (groups_.contains(name) || names_.contains(name)) {
        return SA_AIS_ERR_EXIST;
    }
    if (groups_.size() >= groups_max) {
        return SA_AIS_ERR_NO_RESOURCES;
    }
    Group& group = groups_[std::string(name)];
    group.name = name;
    group.policy = policy;
    return SA_AIS_OK;
}

SaAisErrorT State::group_insert(std::string_view group_name, std::string_view queue_name) {
    const auto group = groups_.find(group_name);
    const auto queue = names_.find(queue_name);
    if (group == groups_.end() || queue == names_.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    if (queue->second->groups.contains(group->first)) {
        return SA_AIS_ERR_EXIST;
    }
    if (group->second.members.size() >= members_max) {
        return SA_AIS_ERR_NO_RESOURCES;
    }
    group->second.members.push_back({queue->second->id, 0});
    queue->second->groups.insert(group->first);
    note(group->second).added.push_back(queue->first);
    return SA_AIS_OK;
}

SaAisErrorT State::group_remove(std::string_view group_name, std::string_view queue_name) {
    const auto group = groups_.find(group_name);
    const auto queue = names_.find(queue_name);
    if (group == groups_.end() || queue == names_.end() ||
        queue->second->groups.erase(group->first) == 0) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    std::erase_if(group->second.members,
                  [&](const auto& member) { return member.queue == queue->second->id; });
    note(group->second).removed.push_back(queue->first);
    return SA_AIS_OK;
}

SaAisErrorT State::group_delete(std::string_view name) {
    const auto group = groups_.find(name);
    if (group == groups_.end()) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    Changed& changed = note(group->second);
    changed.is_deleted = true;
    for (const Group::Member& member : group->second.members) {
        Queue& queue = *queues_.at(member.queue);
        queue.groups.erase(group->first);
        changed.removed.push_back(queue.name);
    }
    groups_.erase(group);
    return SA_AIS_OK;
}

void State::expire(std::span<const Closing> closings) {
    for (const Closing& closing : closings) {
        const auto found = queues_.find(closing.queue);
        if (found != queues_.end() && !found->second->is_open() &&
            found->second->deadline != no_deadline && found->second->closings == closing.closing) {
            erase(*found->second);
        }
    }
}

void State::tick(std::uint64_t elapsed, std::int64_t now) {
    clock_ += std::min(elapsed, one_tick);
    time_of_day_ = std::max(time_of_day_, now);
    for (const OpenId& id : guessed_) {
        Queue& queue = *queues_.at(id);
        queue.closed_at = std::max<std::int64_t>(now, 1);
        queue.is_closed_at_guessed = false;
    }
    guessed_.clear();
}

void State::configure(const ais_configuration& now) {
    for (std::uint32_t i = 0; i < now.left_count; ++i) {
        insert_ascending(pending_left_, now.left[i]);
    }
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return;
    }
    nodes_.assign(now.members, now.members + now.member_count);
    // A node that left and is back already starts anew: what it has comes with its snapshot.
    const auto is_gone = [&](ais_node_id node) {
        return contains(pending_left_, node) || !contains(nodes_, node);
    };
    std::vector<Queue*> ownerless;
    for (const auto& [open, queue] : opens_) {
        if (is_gone(open.node)) {
            ownerless.push_back(queue);
        }
    }
    for (Queue* queue : ownerless) {
        close(*queue, 0);
    }
    std::erase_if(requests_, [&](const auto& one) { return is_gone(node_of(one.first)); });
    pending_left_.clear();
}

Image State::image() const {
    Image image;
    image.clock = clock_;
    image.time_of_day = time_of_day_;
    image.requests = requests_;
    image.refused = refused_;
    image.queues.reserve(queues_.size());
    for (const auto& [id, queue] : queues_) {
        QueueImage one;
        one.id = id;
        one.name = queue->name;
        one.is_unlinked = queue->is_unlinked;
        one.attributes = queue->attributes;
        one.thresholds = queue->thresholds;
        one.reached = queue->reached();
        one.owner = queue->owner;
        one.open_flags = queue->open_flags;
        one.closings = queue->closings;
        one.closed_at = queue->closed_at;
        one.is_closed_at_guessed = queue->is_closed_at_guessed;
        one.deadline = queue->deadline;
        one.removed = queue->removed;
        for (std::size_t i = 0; i < priorities; ++i) {
            for (const auto& [place, message] : queue->areas()[i]) {
                one.areas[i].push_back(message);
            }
        }
        image.queues.push_back(std::move(one));
    }
    for (const auto& [name, group] : groups_) {
        image.groups.push_back(group);
    }
    return image;
}

void State::replace(const Image& merged) {
    std::map<OpenId, std::uint8_t> reached_before;
    for (const auto& [id, queue] : queues_) {
        reached_before.emplace(id, queue->reached());
    }
    for (const auto& [name, group] : groups_) {
        crossed_groups_.insert(name);
    }
    queues_.clear();
    names_.clear();
    opens_.clear();
    groups_.clear();
    closing_.clear();
    guessed_.clear();
    changes_.clear();
    started_.clear();
    stored_bytes_ = 0;
    clock_ = merged.clock;
    time_of_day_ = merged.time_of_day;
    requests_ = merged.requests;
    refused_ = merged.refused;
    for (const QueueImage& one : merged.queues) {
        Queue& queue = create(one.id, one.name);
        queue.is_unlinked = one.is_unlinked;
        queue.attributes = one.attributes;
        queue.thresholds = one.thresholds;
        queue.owner = one.owner;
        queue.open_flags = one.open_flags;
        queue.closings = one.closings;
        queue.closed_at = one.closed_at;
        queue.is_closed_at_guessed = one.is_closed_at_guessed;
        queue.deadline = one.deadline;
        queue.removed = one.removed;
        if (!one.is_unlinked) {
            names_.emplace(one.name, &queue);
        }
        if (queue.is_open()) {
            opens_.emplace(queue.owner, &queue);
        }
        if (queue.deadline != no_deadline) {
            closing_.insert(queue.id);
        }
        if (queue.is_closed_at_guessed) {
            guessed_.insert(queue.id);
        }
        for (std::uint8_t i = 0; i < priorities; ++i) {
            for (const Stored& message : one.areas[i]) {
                put(queue, message, i);
            }
        }
        queue.set_reached(one.reached);
        crossed_.erase(queue.id);  // on the way here
    }
    for (const auto& [id, reached] : reached_before) {
        const auto found = queues_.find(id);
        const std::uint8_t now = found != queues_.end() ? found->second->reached() : 0;
        if (now != reached) {
            crossed_.emplace(id, reached);
        }
    }
    for (const Group& group : merged.groups) {
        groups_.emplace(group.name, group);
        crossed_groups_.insert(group.name);
        for (const Group::Member& member : group.members) {
            queues_.at(member.queue)->groups.insert(group.name);
        }
    }
}

const Queue* State::find_queue(std::string_view name) const {
    const auto found = names_.find(name);
    return found != names_.end() ? found->second : nullptr;
}

const Group* State::find_group(std::string_view name) const {
    const auto found = groups_.find(name);
    return found != groups_.end() ? &found->second : nullptr;
}

const Queue* State::queue_of(OpenId open) const {
    const auto found = opens_.find(open);
    return found != opens_.end() ? found->second : nullptr;
}

std::map<Closing, std::uint64_t> State::deadlines() const {
    std::map<Closing, std::uint64_t> all;
    for (const OpenId& id : closing_) {
        const Queue& queue = *queues_.at(id);
        all[{id, queue.closings}] = queue.deadline;
    }
    return all;
}

std::chrono::nanoseconds State::remaining(std::uint64_t deadline) const {
    const std::uint64_t left = deadline - std::min(deadline, clock_);
    constexpr auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(left, most)));
}

}  // namespace ais::msg
