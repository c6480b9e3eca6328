// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>
#include <utility>

namespace ais::evt {
namespace {

constexpr auto one_tick = static_cast<std::uint64_t>(tick_interval.count());

bool contains(const std::vector<ais_node_id>& ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

void insert_ascending(std::vector<ais_node_id>& ascending, ais_node_id node) {
    const auto place = std::lower_bound(ascending.begin(), ascending.end(), node);
    if (place == ascending.end() || *place != node) {
        ascending.insert(place, node);
    }
}

}  // namespace

State::Opened State::open(ais_node_id sender, const OpenMessage& message) {
    const OpenId id{sender, message.number};
    const auto named = names_.find(message.name);
    Channel* channel = named != names_.end() ? named->second : nullptr;
    if (channel == nullptr) {
        if ((message.flags & flag_create) == 0) {
            return Opened::not_exist;
        }
        if (channels_.size() >= channels_max) {
            return Opened::no_resources;
        }
    }
    if (opens_.contains(id) || (channel == nullptr && channels_.contains(id))) {
        return Opened::no_resources;  // a number that its node used in another life
    }
    if (channel == nullptr) {
        channel = &create(id, message.name);
        names_.emplace(message.name, channel);
    }
    add_open(*channel, id, message.flags);
    return Opened::ok;
}

Channel& State::create(OpenId id, std::string_view name) {
    auto& place = channels_[id];
    place = std::make_unique<Channel>();
    place->id = id;
    place->name = name;
    return *place;
}

void State::add_open(Channel& channel, OpenId id, std::uint32_t flags) {
    channel.opens.emplace(id, flags);
    opens_.emplace(id, &channel);
    if (id.node == self_) {
        auto& local = channel.local_opens;
        local.insert(std::lower_bound(local.begin(), local.end(), id.number), id.number);
    }
}

void State::close(ais_node_id sender, std::uint64_t number) {
    remove_open({sender, number});
}

void State::remove_open(OpenId id) {
    const auto found = opens_.find(id);
    if (found == opens_.end()) {
        return;
    }
    Channel& channel = *found->second;
    opens_.erase(found);
    channel.opens.erase(id);
    if (id.node == self_) {
        std::erase(channel.local_opens, id.number);
    }
    erase_if_over(channel);
}

bool State::unlink(std::string_view name) {
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return false;
    }
    Channel& channel = *found->second;
    names_.erase(found);
    channel.is_unlinked = true;
    erase_if_over(channel);
    return true;
}

void State::erase_if_over(Channel& channel) {
    if (!channel.is_unlinked || !channel.opens.empty()) {
        return;
    }
    while (!channel.kept.empty()) {
        drop(channel.kept.begin()->second.id);
    }
    channels_.erase(OpenId(channel.id));
}

const Channel* State::publish(ais_node_id sender,
                              std::uint64_t number,
                              const Event& event,
                              Bytes encoded) {
    auto& last = last_ids_[sender];
    last = std::max(last, event.id);
    const auto found = opens_.find({sender, number});
    if (found == opens_.end()) {
        return nullptr;
    }
    Channel& channel = *found->second;
    if (event.retention > 0 && !index_.contains(event.id)) {
        Kept kept;
        kept.event = std::make_shared<const std::string>(as_text(encoded));
        kept.id = event.id;
        // One tick more, since the clock may be that far behind.
        const auto retention = static_cast<std::uint64_t>(event.retention);
        kept.deadline =
            event.retention == retention_max ? no_deadline : clock_ + retention + one_tick;
        keep(channel, std::move(kept));
    }
    return &channel;
}

void State::keep(Channel& channel, Kept kept) {
    const std::uint64_t place = ++last_place_;
    finite_ += kept.deadline != no_deadline ? 1 : 0;
    kept_bytes_ += kept.event->size();
    index_[kept.id] = {&channel, place};
    channel.kept.emplace_hint(channel.kept.end(), place, std::move(kept));
}

// Requires: it is kept.
void State::drop(std::uint64_t id) {
    const auto found = index_.find(id);
    const Place place = found->second;
    index_.erase(found);
    const auto event = place.channel->kept.find(place.at);
    finite_ -= event->second.deadline != no_deadline ? 1 : 0;
    kept_bytes_ -= event->second.event->size();
    place.channel->kept.erase(event);
}

bool State::clear(ais_node_id sender, std::uint64_t number, std::uint64_t id) {
    const auto open = opens_.find({sender, number});
    const auto found = index_.find(id);
    if (open == opens_.end() || found == index_.end() || found->second.channel != open->second) {
        return false;
    }
    const Place place = found->second;
    const std::uint64_t deadline = place.channel->kept.at(place.at).deadline;
    drop(id);
    // Why remembered: another component may still keep it, and a merge must not bring it back.
    // Without a deadline of its own a day has to do.
    constexpr std::uint64_t day = 86'400'000'000'000;
    cleared_[id] = deadline != no_deadline ? deadline : clock_ + day;
    return true;
}

void State::expire(std::span<const std::uint64_t> ids) {
    for (const std::uint64_t id : ids) {
        cleared_.erase(id);
        if (index_.contains(id)) {
            drop(id);
        }
    }
}

void State::tick(std::uint64_t elapsed) {
    clock_ += std::min(elapsed, one_tick);
}

void State::configure(const ais_configuration& now) {
    for (std::uint32_t i = 0; i < now.left_count; ++i) {
        insert_ascending(pending_left_, now.left[i]);
    }
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        return;
    }
    nodes_.assign(now.members, now.members + now.member_count);
    std::vector<OpenId> gone;
    for (const auto& [id, channel] : opens_) {
        // A node that left and is back already starts anew: what it has comes with its
        // snapshot.
        if (contains(pending_left_, id.node) || !contains(nodes_, id.node)) {
            gone.push_back(id);
        }
    }
    for (const OpenId id : gone) {
        remove_open(id);
    }
    pending_left_.clear();
}

Image State::image() const {
    Image image;
    image.clock = clock_;
    image.last_ids = last_ids_;
    image.cleared = cleared_;
    image.channels.reserve(channels_.size());
    for (const auto& [id, channel] : channels_) {
        Image::Part part;
        part.id = id;
        part.name = channel->name;
        part.is_unlinked = channel->is_unlinked;
        part.opens.assign(channel->opens.begin(), channel->opens.end());
        part.kept.reserve(channel->kept.size());
        for (const auto& [place, kept] : channel->kept) {
            part.kept.push_back(kept);
        }
        image.channels.push_back(std::move(part));
    }
    return image;
}

std::vector<State::Gained> State::replace(const Image& merged) {
    const auto before = std::exchange(index_, {});
    channels_.clear();
    names_.clear();
    opens_.clear();
    finite_ = 0;
    kept_bytes_ = 0;
    clock_ = merged.clock;
    last_ids_ = merged.last_ids;
    cleared_ = merged.cleared;
    std::vector<Gained> gained;
    for (const Image::Part& part : merged.channels) {
        Channel& channel = create(part.id, part.name);
        channel.is_unlinked = part.is_unlinked;
        if (!part.is_unlinked) {
            names_.emplace(part.name, &channel);
        }
        for (const auto& [id, flags] : part.opens) {
            add_open(channel, id, flags);
        }
        for (const Kept& kept : part.kept) {
            keep(channel, kept);
            if (!before.contains(kept.id)) {
                gained.push_back({&channel, &channel.kept.rbegin()->second});
            }
        }
    }
    return gained;
}

const Channel* State::channel_of(OpenId open) const {
    const auto found = opens_.find(open);
    return found != opens_.end() ? found->second : nullptr;
}

std::chrono::nanoseconds State::remaining(std::uint64_t deadline) const {
    const std::uint64_t left = deadline - std::min(deadline, clock_);
    constexpr auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(left, most)));
}

std::map<std::uint64_t, std::uint64_t> State::deadlines() const {
    std::map<std::uint64_t, std::uint64_t> all = cleared_;
    for (const auto& [id, place] : index_) {
        const Kept& kept = place.channel->kept.at(place.at);
        if (kept.deadline != no_deadline) {
            all[id] = kept.deadline;
        }
    }
    return all;
}

std::uint64_t State::last_id(ais_node_id node) const {
    const auto found = last_ids_.find(node);
    return found != last_ids_.end() ? found->second : 0;
}

}  // namespace ais::evt
