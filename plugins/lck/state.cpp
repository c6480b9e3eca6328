// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>

namespace ais::lck {

void Past::note(Mode mode, const Fence& since) {
    any = std::max(any, since);
    if (mode == Mode::exclusive) {
        exclusive = std::max(exclusive, since);
    }
}

void Past::note(const Past& other) {
    any = std::max(any, other.any);
    exclusive = std::max(exclusive, other.exclusive);
}

void Image::forget_oldest() {
    while (purged.size() > purged_max) {
        purged.erase(purged.begin());
    }
    while (past.size() > past_max) {
        const auto oldest =
            std::min_element(past.begin(), past.end(), [](const auto& a, const auto& b) {
                return a.second.any < b.second.any;
            });
        forgotten = std::max(forgotten, oldest->second.any);
        past.erase(oldest);
    }
}

void State::thaw(Effects& effects) {
    if (is_frozen_ && !nodes_.empty()) {
        is_frozen_ = false;
        serve_all(effects);
    }
}

Resource& State::make_resource(std::string_view name) {
    auto found = resources_.find(name);
    if (found == resources_.end()) {
        found = resources_.emplace(name, std::make_unique<Resource>()).first;
        found->second->name = name;
        const auto past = past_.find(name);
        if (past != past_.end()) {
            found->second->past = past->second;
            past_order_.erase({past->second.any, past->first});
            past_.erase(past);
        }
    }
    return *found->second;
}

Open& State::add_open(Resource& resource, Id id, std::uint64_t client, std::uint32_t pid) {
    Open& open = opens_[id];
    open.id = id;
    open.client = client;
    open.pid = pid;
    open.resource = &resource;
    open.owner = &clients_[{id.node, client}];
    ++open.owner->opens;
    resource.opens.insert(id);
    return open;
}

State::Opened State::open(ais_node_id sender, const OpenMessage& message) {
    const Id id{sender, message.number};
    if (!resources_.contains(message.name)) {
        if ((message.flags & flag_create) == 0) {
            return Opened::not_exist;
        }
        if (resources_.size() >= resources_max) {
            return Opened::no_resources;
        }
    }
    if (opens_.contains(id)) {
        return Opened::no_resources;  // a number that its node used in another life
    }
    add_open(make_resource(message.name), id, message.client, message.pid);
    return Opened::ok;
}

void State::close(ais_node_id sender, std::span<const std::uint64_t> numbers, Effects& effects) {
    std::vector<Id> gone;
    gone.reserve(numbers.size());
    for (const std::uint64_t number : numbers) {
        gone.push_back({sender, number});
        const auto found = opens_.find(gone.back());
        if (found != opens_.end()) {
            for (const std::uint64_t id : found->second.locks) {
                const Lock& lock = locks_.at({sender, id});
                if ((lock.flags & flag_orphan) == 0) {  // else it stays
                    note_given_back(lock);
                }
            }
        }
    }
    remove_opens(gone, effects);
}

void State::remove_opens(std::span<const Id> gone, Effects& effects) {
    std::set<std::string> touched;
    for (const Id id : gone) {
        const auto found = opens_.find(id);
        if (found != opens_.end()) {
            touched.insert(found->second.resource->name);
            remove_open(found->second);
        }
    }
    after_change(touched, effects);
}

void State::remove_open(Open& open) {
    const std::set<std::uint64_t> numbers = open.locks;
    for (const std::uint64_t number : numbers) {
        Lock& lock = locks_.at({open.id.node, number});
        if (lock.kind == Kind::granted && (lock.flags & flag_orphan) != 0) {
            make_orphan(lock);
        } else {
            erase(lock);
        }
    }
    open.resource->opens.erase(open.id);
    if (--open.owner->opens == 0) {
        clients_.erase({open.id.node, open.client});
    }
    opens_.erase(Id(open.id));
}

void State::make_orphan(Lock& lock) {
    lock.kind = Kind::orphan;
    ++lock.resource->orphans;
    --lock.open->owner->granted;
    lock.open->locks.erase(lock.id.number);
    lock.open = nullptr;
}

void State::after_change(const std::set<std::string>& names, Effects& effects) {
    for (const std::string& name : names) {
        Resource& resource = *resources_.at(name);
        if (!erase_if_over(resource)) {
            serve(resource, effects);
        }
    }
}

bool State::erase_if_over(Resource& resource) {
    const bool is_over = resource.opens.empty() && resource.held.empty();
    if (is_over) {
        keep_past(resource.name, resource.past);
        resources_.erase(std::string(resource.name));
    }
    return is_over;
}

void State::keep_past(std::string_view name, const Past& past) {
    if (past.any == Fence{}) {
        return;
    }
    past_.emplace(name, past);
    past_order_.emplace(past.any, name);
    if (past_.size() > past_max) {
        const auto oldest = past_order_.begin();
        forgotten_ = std::max(forgotten_, oldest->first);
        past_.erase(past_.find(oldest->second));
        past_order_.erase(oldest);
    }
}

Lock& State::add_lock(Resource& resource, Open* open, const Image::LockPart& part) {
    Lock& lock = locks_[part.id];
    lock.id = part.id;
    lock.kind = part.kind;
    lock.mode = part.mode;
    lock.flags = part.flags;
    lock.signal = part.signal;
    lock.place = part.place;
    lock.fence = part.fence;
    lock.since = part.since;
    lock.resource = &resource;
    lock.open = open;
    if (lock.is_held()) {
        resource.held.emplace(lock.place, &lock);
        resource.exclusive += lock.mode == Mode::exclusive ? 1 : 0;
        resource.orphans += lock.kind == Kind::orphan ? 1 : 0;
    } else {
        resource.queue.emplace(lock.place, &lock);
    }
    if (open != nullptr) {
        open->locks.insert(lock.id.number);
        if (lock.kind == Kind::granted) {
            ++open->owner->granted;
        } else {
            open->owner->queued.emplace(lock.place, &lock);
        }
    }
    return lock;
}

// With the last number that its holder could use.
void State::note_given_back(const Lock& lock) {
    if (lock.is_held()) {
        lock.resource->past.note(lock.mode, lock.fence);
    }
}

void State::erase(Lock& lock) {
    Resource& resource = *lock.resource;
    if (lock.is_held()) {
        // Why since: its holder may live on another side, and must not be overtaken by itself.
        resource.past.note(lock.mode, lock.since);
        resource.held.erase(lock.place);
        resource.exclusive -= lock.mode == Mode::exclusive ? 1 : 0;
        resource.orphans -= lock.kind == Kind::orphan ? 1 : 0;
    } else {
        resource.queue.erase(lock.place);
    }
    if (lock.open != nullptr) {
        lock.open->locks.erase(lock.id.number);
        if (lock.kind == Kind::granted) {
            --lock.open->owner->granted;
        } else {
            lock.open->owner->queued.erase(lock.place);
        }
    }
    locks_.erase(Id(lock.id));
}

bool State::lock(ais_node_id sender, const LockMessage& message, Effects& effects) {
    const auto open = opens_.find({sender, message.open});
    const Id id{sender, message.number};
    if (open == opens_.end() || locks_.contains(id)) {
        return false;
    }
    if (locks_.size() >= locks_max) {
        effects.decided.push_back({id, Status::no_more, {}});
        return true;
    }
    Resource& resource = *open->second.resource;
    Image::LockPart part;
    part.id = id;
    part.mode = message.mode;
    part.flags = message.flags;
    part.signal = message.signal;
    part.place = ++last_place_;
    add_lock(resource, &open->second, part);
    serve(resource, effects);
    return true;
}

State::Unlocked State::unlock(ais_node_id sender, std::uint64_t number, Effects& effects) {
    const auto found = locks_.find({sender, number});
    if (found == locks_.end() || found->second.kind == Kind::orphan) {
        return Unlocked::not_exist;
    }
    const bool was_granted = found->second.kind == Kind::granted;
    Resource& resource = *found->second.resource;
    note_given_back(found->second);
    erase(found->second);
    serve(resource, effects);
    return was_granted ? Unlocked::granted : Unlocked::queued;
}

bool State::expire(ais_node_id sender, std::uint64_t number, Effects& effects) {
    const auto found = locks_.find({sender, number});
    if (found == locks_.end() || found->second.is_held()) {
        return false;  // granted, or dropped, before
    }
    Resource& resource = *found->second.resource;
    erase(found->second);
    serve(resource, effects);
    return true;
}

bool State::purge(ais_node_id sender, std::uint64_t open, Effects& effects) {
    const auto found = opens_.find({sender, open});
    if (found == opens_.end()) {
        return false;
    }
    Resource& resource = *found->second.resource;
    std::vector<Lock*> orphans;
    for (const auto& [place, lock] : resource.held) {
        if (lock->kind == Kind::orphan) {
            orphans.push_back(lock);
        }
    }
    for (Lock* orphan : orphans) {
        purged_.emplace(count_, orphan->id);
        erase(*orphan);
    }
    while (purged_.size() > purged_max) {
        purged_.erase(purged_.begin());
    }
    serve(resource, effects);
    return true;
}

void State::configure(const ais_configuration& now, bool is_primary, Effects& effects) {
    is_frozen_ = true;
    pending_left_.insert(now.left, now.left + now.left_count);
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return;
    }
    nodes_.assign(now.members, now.members + now.member_count);
    ring_ = now.ring;
    is_primary_ = is_primary;
    std::vector<Id> gone;
    for (const auto& [id, open] : opens_) {
        // A node that left and is back already starts anew: what it has comes with its
        // snapshot.
        if (pending_left_.contains(id.node) ||
            !std::binary_search(nodes_.begin(), nodes_.end(), id.node)) {
            gone.push_back(id);
        }
    }
    pending_left_.clear();
    remove_opens(gone, effects);
    if (!is_primary_) {
        lose_all(effects);
    }
}

void State::lose_all(Effects& effects) {
    for (auto at = locks_.begin(); at != locks_.end();) {
        Lock& lock = at->second;
        ++at;
        if (lock.kind == Kind::granted) {
            effects.lost.push_back(lock.id);
            erase(lock);
        }
    }
}

Image State::image() const {
    Image image;
    image.is_frozen = is_frozen_;
    image.count = count_;
    image.last_place = last_place_;
    image.past = past_;
    image.forgotten = forgotten_;
    image.purged = purged_;
    image.resources.reserve(resources_.size());
    for (const auto& [name, resource] : resources_) {
        Image::Part part;
        part.name = name;
        part.past = resource->past;
        for (const Id id : resource->opens) {
            const Open& open = opens_.at(id);
            part.opens.push_back({id, open.client, open.pid});
        }
        const auto add = [&part](const auto& locks) {
            for (const auto& [place, lock] : locks) {
                part.locks.push_back({lock->id,
                                      lock->kind,
                                      lock->mode,
                                      lock->flags,
                                      lock->open != nullptr ? lock->open->id.number : 0,
                                      lock->signal,
                                      place,
                                      lock->fence,
                                      lock->since});
            }
        };
        add(resource->held);
        add(resource->queue);
        std::sort(part.locks.begin(), part.locks.end(), [](const auto& a, const auto& b) {
            return a.place < b.place;
        });
        image.resources.push_back(std::move(part));
    }
    return image;
}

void State::replace(const Image& image, bool is_merged, Effects& effects) {
    // What this node's clients had, and what they were told of.
    std::set<Id> had;
    std::set<std::pair<Id, Id>> told;  // holder, request
    const auto each_pair = [this](const auto& action) {
        for (const auto& [name, resource] : resources_) {
            for (const auto& [place, lock] : resource->held) {
                if (lock->kind != Kind::granted || lock->id.node != self_) {
                    continue;
                }
                for (const auto& [later, request] : resource->queue) {
                    if (request->kind == Kind::waiting &&
                        are_in_conflict(lock->mode, request->mode)) {
                        action(*lock, *request);
                    }
                }
            }
        }
    };
    for (const auto& [id, lock] : locks_) {
        if (id.node == self_ && lock.kind == Kind::granted) {
            had.insert(id);
        }
    }
    each_pair([&told](const Lock& lock, const Lock& request) {
        told.insert({lock.id, request.id});
    });

    resources_.clear();
    opens_.clear();
    locks_.clear();
    clients_.clear();
    is_frozen_ = image.is_frozen;
    count_ = image.count;
    last_place_ = image.last_place;
    past_.clear();
    past_order_.clear();
    for (const auto& [name, past] : image.past) {
        keep_past(name, past);
    }
    forgotten_ = image.forgotten;
    purged_ = image.purged;
    for (const Image::Part& part : image.resources) {
        Resource& resource = make_resource(part.name);
        resource.past = part.past;
        for (const Image::OpenPart& open : part.opens) {
            add_open(resource, open.id, open.client, open.pid);
        }
        for (const Image::LockPart& lock : part.locks) {
            Open* open =
                lock.kind == Kind::orphan ? nullptr : &opens_.at({lock.id.node, lock.open});
            add_lock(resource, open, lock);
        }
    }

    for (const Id id : had) {
        const Lock* lock = find_lock(id);
        if (lock == nullptr || lock->kind != Kind::granted) {
            effects.lost.push_back(id);
        }
    }
    if (!is_merged) {
        return;
    }
    std::vector<Lock*> kept;
    for (auto& [id, lock] : locks_) {
        if (lock.kind == Kind::granted) {
            kept.push_back(&lock);
        }
    }
    std::sort(kept.begin(), kept.end(), [](const Lock* a, const Lock* b) {
        return std::pair(a->fence, a->id) < std::pair(b->fence, b->id);
    });
    for (Lock* lock : kept) {
        lock->fence = next_fence();
    }
    is_frozen_ = false;
    break_cycles(effects);
    each_pair([&](const Lock& lock, const Lock& request) {
        if (!told.contains({lock.id, request.id})) {
            effects.waiters.push_back({lock.id, request.signal, lock.mode, request.mode});
        }
    });
    serve_all(effects);
}

const Open* State::find_open(Id id) const {
    const auto found = opens_.find(id);
    return found != opens_.end() ? &found->second : nullptr;
}

const Lock* State::find_lock(Id id) const {
    const auto found = locks_.find(id);
    return found != locks_.end() ? &found->second : nullptr;
}

}  // namespace ais::lck
