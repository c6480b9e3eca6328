// SPDX-License-Identifier: BSD-3-Clause
//
// The state as it goes from node to node: as one snapshot, or in parts; and what this
// node's clients see of a merge.

#include "service.hpp"

#include "snapshot.hpp"

#include <utility>

namespace ais::msg {

ais_status MsgService::save(StateWriter& out) {
    return out.write(msg::save(state_.image()));
}

ais_status MsgService::merge(std::span<const SavedState> states) {
    std::vector<Component> components;
    // Why the own state is not read again: it is here, and may be large.  A single one
    // is not ours but what another build of this service has saved.
    for (const SavedState& state : states) {
        Component component;
        component.members.assign(state.members.begin(), state.members.end());
        if (state.is_own && states.size() > 1) {
            component.image = state_.image();
        } else {
            auto restored = restore(state.bytes);
            if (!restored) {
                log_.error("MSG-001", restored.error().text);
                return restored.error().code;
            }
            component.image = restored.take();
        }
        components.push_back(std::move(component));
    }
    take_over(std::move(components));
    return AIS_OK;
}

void MsgService::take_over(std::vector<Component> components) {
    const auto groups_before = tracked();
    std::map<std::uint64_t, std::set<MessageId>> before;  // by open
    for (const auto& [number, open] : opens_) {
        const Queue* queue = state_.queue_of({state_.self(), number});
        if ((open.flags & flag_receive_callback) != 0 && queue != nullptr) {
            std::set<MessageId>& ids = before[number];
            for (const auto& area : queue->areas()) {
                for (const auto& [place, message] : area) {
                    ids.insert(message.id);
                }
            }
        }
    }
    state_.replace(msg::merge(std::move(components), state_.nodes()));
    for (auto open = opens_.begin(); open != opens_.end();) {
        const auto next = std::next(open);
        const Queue* queue = state_.queue_of({state_.self(), open->first});
        if (queue == nullptr && open->second.is_delivered && !open->second.is_lost) {
            deaden(open->first, open->second);
        } else if (queue != nullptr && before.contains(open->first)) {
            std::size_t gained = 0;
            for (const auto& area : queue->areas()) {
                for (const auto& [place, message] : area) {
                    gained += before[open->first].contains(message.id) ? 0 : 1;
                }
            }
            announce(*queue, gained);
        }
        open = next;
    }
    tell_merged(groups_before);
    watch_all();
    note_capacity();
    serve_all();
}

// The queue was open on another side as well, which keeps it.
void MsgService::deaden(std::uint64_t number, Open& open) {
    refuse_all(open, SA_AIS_ERR_BAD_HANDLE);
    log_.notice("MSG-003",
                "pid ",
                ipc_.peer(open.client->conn).pid,
                " has lost a queue that was open on another side of a partition as well");
    unserved_.erase(number);
    // What its library has been given may still be confirmed.
    open.is_lost = true;
    open.taking.clear();
    open.in_hand.clear();
}

ais_status MsgService::list_parts(PartWriter& out) {
    for (const auto& [name, listed] : parts_.list(state_.image())) {
        out.part(name, listed.digest, listed.size);
    }
    return out.status();
}

ais_status MsgService::save_part(Bytes name, StateWriter& out) {
    const bool is_there = parts_.save(as_text(name), [&](Bytes piece) { out.write(piece); });
    return is_there ? out.status() : AIS_ERR_NOT_FOUND;
}

ais_status MsgService::merge_begin(std::span<const ais::Component> components) {
    coming_together_.clear();
    for (const ais::Component& component : components) {
        coming_together_.emplace_back(component.members.begin(), component.members.end());
    }
    parts_.begin(components.size());
    return AIS_OK;
}

ais_status MsgService::merge_part(Bytes name, std::span<const PartState> states) {
    return parts_.take(as_text(name), states) ? AIS_OK : refuse_part("a part does not decode");
}

ais_status MsgService::merge_end(bool commit) {
    // Without changes all have what we have.
    if (commit && parts_.has_changes()) {
        std::vector<Component> components;
        for (std::size_t i = 0; i < coming_together_.size(); ++i) {
            auto image = parts_.image_of(i);
            if (!image) {
                return refuse_part("its parts do not fit together");
            }
            components.push_back({std::move(coming_together_[i]), std::move(*image)});
        }
        take_over(std::move(components));
    }
    parts_.forget();
    coming_together_.clear();
    return AIS_OK;
}

ais_status MsgService::refuse_part(const char* what) {
    log_.error("MSG-001", "state of msg in parts: ", what);
    return AIS_ERR_CORRUPT;
}

}  // namespace ais::msg
