// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <algorithm>
#include <utility>

namespace ais::ckpt {
namespace {

Outcome failure(Error error) {
    return {error, 0, {}};
}

std::uint64_t staged_bytes(const Opener& opener) {
    std::uint64_t sum = 0;
    if (opener.transfer != nullptr) {
        for (const Blob& blob : opener.transfer->staged) {
            sum += blob->size();
        }
    }
    return sum;
}

// Where the generations of a ring begin: another place in each, so that a timer of
// one side of a divided cluster is not taken for one of the other.
std::uint64_t first_generation(const Ring& ring) {
    std::uint64_t mixed = ring.seq * 0x9e3779b97f4a7c15ULL;
    mixed ^= (std::uint64_t{ring.representative} << 32 | ring.salt) + (mixed >> 29);
    mixed *= 0xbf58476d1ce4e5b9ULL;
    mixed ^= mixed >> 32;
    // 24 bits to count in, and never 0.
    return (mixed << 24) | 1;
}

// Where a side of a ring goes on with it.
constexpr unsigned side_shift = 32;

}  // namespace

State::Found State::at(const HandleId& who) {
    const auto opener = image_.openers.find(who);
    if (opener == image_.openers.end()) {
        return {};
    }
    return {&opener->second, &image_.checkpoints.find(opener->second.object)->second};
}

Error State::writable(const HandleId& who, Found& found) {
    found = at(who);
    if (found.opener == nullptr) {
        return Error::bad_handle;
    }
    return (found.opener->flags & open_write) == 0 ? Error::access : Error::ok;
}

const Checkpoint* State::find(const HandleId& who) const {
    const auto opener = image_.openers.find(who);
    return opener == image_.openers.end() ? nullptr
                                          : &image_.checkpoints.find(opener->second.object)->second;
}

Error State::open(const HandleId& who, const Open& wanted, std::int64_t stamp) {
    if (has(who)) {
        return Error::invalid_param;
    }
    const auto handles = handles_.find({who.node, who.connection});
    if (handles != handles_.end() && handles->second >= opens_max) {
        return Error::no_resources;
    }
    const auto named = names_.find(wanted.name);
    if (named != names_.end()) {
        const Checkpoint& there = image_.checkpoints.find(named->second)->second;
        if (wanted.has_attributes && !are_alike(wanted.attributes, there.attributes)) {
            return Error::exist;
        }
        attach(who, named->second, wanted.flags);
        return Error::ok;
    }
    if (!wanted.has_attributes) {
        return Error::not_exist;
    }
    const ObjectId id = new_object();
    image_.checkpoints.emplace(id, Checkpoint(wanted.name, wanted.attributes, stamp));
    section_bytes_ += wanted.attributes.has_default_section() ? section_cost : 0;
    names_.emplace(wanted.name, id);
    attach(who, id, wanted.flags);
    return Error::ok;
}

ObjectId State::new_object() {
    const Ring& ring = image_.ring;
    return {ring.seq,
            ring.representative,
            ring.salt,
            (std::uint64_t{side_} << side_shift) + image_.next_object++};
}

std::uint64_t State::next_generation() const {
    return image_.next_generation ^ (std::uint64_t{side_} << side_shift);
}

void State::attach(const HandleId& who, const ObjectId& object, std::uint32_t flags) {
    Checkpoint& checkpoint = image_.checkpoints.find(object)->second;
    image_.openers[who] = {object, flags, nullptr};
    ++handles_[{who.node, who.connection}];
    if (checkpoint.openers++ == 0) {
        stop_retention(object, checkpoint);
    }
}

void State::detach(std::map<HandleId, Opener>::iterator opener) {
    give_up(opener->second);
    const auto found = image_.checkpoints.find(opener->second.object);
    const auto handles = handles_.find({opener->first.node, opener->first.connection});
    if (--handles->second == 0) {
        handles_.erase(handles);
    }
    image_.openers.erase(opener);
    Checkpoint& checkpoint = found->second;
    if (--checkpoint.openers != 0) {
        return;
    }
    if (!checkpoint.is_linked || checkpoint.attributes.retention == 0) {
        erase(found);
    } else {
        start_retention(found->first, checkpoint);
    }
}

Error State::close(const HandleId& who) {
    const auto opener = image_.openers.find(who);
    if (opener == image_.openers.end()) {
        return Error::bad_handle;
    }
    detach(opener);
    return Error::ok;
}

void State::depart(std::uint32_t node, std::uint32_t connection) {
    auto opener = image_.openers.lower_bound({node, connection, 0});
    while (opener != image_.openers.end() && opener->first.node == node &&
           opener->first.connection == connection) {
        detach(opener++);
    }
}

Error State::unlink(std::string_view name) {
    const auto named = names_.find(name);
    if (named == names_.end()) {
        return Error::not_exist;
    }
    const auto found = image_.checkpoints.find(named->second);
    names_.erase(named);
    found->second.is_linked = false;
    if (found->second.openers == 0) {
        erase(found);
    }
    return Error::ok;
}

Error State::set_retention(const HandleId& who, std::int64_t duration) {
    const Found found = at(who);
    if (found.opener == nullptr) {
        return Error::bad_handle;
    }
    if (!found.checkpoint->is_linked) {
        return Error::bad_operation;
    }
    found.checkpoint->attributes.retention = duration;
    return Error::ok;
}

Error State::set_active(const HandleId& who) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return error;
    }
    const Attributes& attributes = found.checkpoint->attributes;
    if (!attributes.is_collocated() || attributes.is_synchronous()) {
        return Error::bad_operation;
    }
    found.checkpoint->active_node = who.node;
    return Error::ok;
}

Error State::check_synchronize(const HandleId& who) const {
    const auto opener = image_.openers.find(who);
    if (opener == image_.openers.end()) {
        return Error::bad_handle;
    }
    if ((opener->second.flags & open_write) == 0) {
        return Error::access;
    }
    const Checkpoint& checkpoint = image_.checkpoints.find(opener->second.object)->second;
    if (checkpoint.attributes.is_synchronous()) {
        return Error::bad_operation;
    }
    return checkpoint.has_active_replica() ? Error::ok : Error::not_exist;
}

Outcome State::create(const HandleId& who,
                      const Data& data,
                      std::int64_t expiration,
                      std::int64_t stamp) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    const Account account(bytes_used_, *found.checkpoint);
    Outcome outcome = found.checkpoint->create(
        data, Expiration::said(expiration, stamp), stamp, next_generation());
    if (outcome.error == Error::ok) {
        section_bytes_ += section_cost + outcome.id.size();
    }
    if (outcome.error == Error::ok && expiration != time_end) {
        ++image_.next_generation;
        start_expiration(found.opener->object, outcome.id, *found.checkpoint->find(outcome.id));
    }
    return outcome;
}

Outcome State::remove(const HandleId& who, std::string_view id) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    const Account account(bytes_used_, *found.checkpoint);
    Outcome outcome = found.checkpoint->remove(id);
    if (outcome.error == Error::ok) {
        section_bytes_ -= section_cost + id.size();
        stop_expiration(found.opener->object, id);
    }
    return outcome;
}

Outcome State::set_expiration(const HandleId& who,
                              std::string_view id,
                              std::int64_t expiration,
                              std::int64_t stamp) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    Outcome outcome = found.checkpoint->set_expiration(
        id, Expiration::said(expiration, stamp), next_generation());
    if (outcome.error != Error::ok) {
        return outcome;
    }
    if (expiration == time_end) {
        stop_expiration(found.opener->object, id);
    } else {
        ++image_.next_generation;
        start_expiration(found.opener->object, id, *found.checkpoint->find(id));
    }
    return outcome;
}

Outcome State::write(const HandleId& who, std::span<const Data> all, std::int64_t stamp) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    const Account account(bytes_used_, *found.checkpoint);
    return found.checkpoint->write(all, stamp);
}

Outcome State::overwrite(const HandleId& who, const Data& data, std::int64_t stamp) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    const Account account(bytes_used_, *found.checkpoint);
    return found.checkpoint->overwrite(data, stamp);
}

bool State::expire(const Expire& timer) {
    const auto found = image_.checkpoints.find(timer.key.object);
    if (found == image_.checkpoints.end()) {
        return false;
    }
    Checkpoint& checkpoint = found->second;
    if (!timer.key.is_section) {
        if (timer.generation == 0 || checkpoint.generation != timer.generation) {
            return false;
        }
        erase(found);
        return true;
    }
    const auto section = checkpoint.sections.find(timer.key.section);
    if (section == checkpoint.sections.end() || timer.generation == 0 ||
        section->second.generation != timer.generation ||
        section->second.expiration.at != timer.expiration) {
        return false;
    }
    const Account account(bytes_used_, checkpoint);
    checkpoint.erase(section);
    section_bytes_ -= section_cost + timer.key.section.size();
    stop_expiration(timer.key.object, timer.key.section);
    return true;
}

void State::erase(std::map<ObjectId, Checkpoint>::iterator checkpoint) {
    if (checkpoint->second.is_linked) {
        names_.erase(checkpoint->second.name);
    }
    stop_retention(checkpoint->first, checkpoint->second);
    for (const auto& [id, section] : checkpoint->second.sections) {
        section_bytes_ -= section_cost + id.size();
        if (section.generation != 0) {
            stop_expiration(checkpoint->first, id);
        }
    }
    bytes_used_ -= checkpoint->second.used;
    image_.checkpoints.erase(checkpoint);
}

void State::start_retention(const ObjectId& id, Checkpoint& checkpoint) {
    checkpoint.generation = next_generation();
    ++image_.next_generation;
    timer_changes_.push_back(
        {{{id, false, {}}, checkpoint.generation, time_end}, checkpoint.attributes.retention});
}

void State::stop_retention(const ObjectId& id, Checkpoint& checkpoint) {
    if (checkpoint.generation != 0) {
        checkpoint.generation = 0;
        timer_changes_.push_back({{{id, false, {}}, 0, time_end}, time_end});
    }
}

void State::start_expiration(const ObjectId& id, std::string_view section, const Section& what) {
    timer_changes_.push_back(
        {{{id, true, std::string(section)}, what.generation, what.expiration.at},
         what.expiration.remaining});
}

void State::stop_expiration(const ObjectId& id, std::string_view section) {
    timer_changes_.push_back({{{id, true, std::string(section)}, 0, time_end}, time_end});
}

std::vector<TimerChange> State::take_timer_changes() {
    return std::exchange(timer_changes_, {});
}

std::vector<TimerChange> State::all_timers() const {
    std::vector<TimerChange> list;
    for (const auto& [id, checkpoint] : image_.checkpoints) {
        if (checkpoint.generation != 0) {
            list.push_back({{{id, false, {}}, checkpoint.generation, time_end},
                            checkpoint.attributes.retention});
        }
        for (const auto& [name, section] : checkpoint.sections) {
            if (section.generation != 0) {
                list.push_back({{{id, true, name}, section.generation, section.expiration.at},
                                section.expiration.remaining});
            }
        }
    }
    return list;
}

void State::configure(const ais_configuration& now) {
    const std::span<const ais_node_id> members(now.members, now.member_count);
    if (now.kind != AIS_CONFIGURATION_REGULAR) {
        pending_left_.insert(pending_left_.end(), now.left, now.left + now.left_count);
        side_ = members.front();
        return;
    }
    const auto is_gone = [&](std::uint32_t node) {
        return !std::binary_search(members.begin(), members.end(), node) ||
               std::find(pending_left_.begin(), pending_left_.end(), node) != pending_left_.end();
    };
    side_ = 0;
    image_.ring = {now.ring.seq, now.ring.representative, now.ring.salt};
    image_.next_object = 0;
    image_.applied = 0;
    image_.next_generation = first_generation(image_.ring);
    for (auto opener = image_.openers.begin(); opener != image_.openers.end();) {
        if (is_gone(opener->first.node)) {
            detach(opener++);
        } else {
            ++opener;
        }
    }
    for (auto& [id, checkpoint] : image_.checkpoints) {
        if (checkpoint.active_node != 0 && is_gone(checkpoint.active_node)) {
            checkpoint.active_node = 0;
        }
    }
    nodes_.assign(members.begin(), members.end());
    pending_left_.clear();
}

void State::replace(Image merged) {
    image_ = std::move(merged);
    rebuild();
}

void State::rebuild() {
    names_.clear();
    handles_.clear();
    bytes_used_ = 0;
    section_bytes_ = 0;
    for (auto& [id, checkpoint] : image_.checkpoints) {
        checkpoint.openers = 0;
        bytes_used_ += checkpoint.used;
        for (const auto& [name, section] : checkpoint.sections) {
            section_bytes_ += section_cost + name.size();
        }
        if (checkpoint.is_linked) {
            names_.emplace(checkpoint.name, id);
        }
    }
    for (const auto& [who, opener] : image_.openers) {
        ++image_.checkpoints.find(opener.object)->second.openers;
        ++handles_[{who.node, who.connection}];
        bytes_used_ += staged_bytes(opener);
    }
    // What a merge has left without openers, or given some.
    for (auto at = image_.checkpoints.begin(); at != image_.checkpoints.end();) {
        const auto here = at++;
        Checkpoint& checkpoint = here->second;
        if (checkpoint.openers != 0) {
            stop_retention(here->first, checkpoint);
        } else if (!checkpoint.is_linked || checkpoint.attributes.retention == 0) {
            erase(here);
        } else if (checkpoint.generation == 0) {
            start_retention(here->first, checkpoint);
        }
    }
    timer_changes_.clear();  // all_timers() has the whole
}

NameList State::list(std::string_view after) const {
    NameList list;
    std::size_t bytes = 0;
    for (auto at = after.empty() ? names_.begin() : names_.upper_bound(after); at != names_.end();
         ++at) {
        if (bytes >= page_max) {
            list.more = true;
            break;
        }
        const Checkpoint& checkpoint = image_.checkpoints.find(at->second)->second;
        list.lines.push_back({at->first, checkpoint.status(), checkpoint.openers});
        bytes += at->first.size() + 64;
    }
    return list;
}

}  // namespace ais::ckpt
