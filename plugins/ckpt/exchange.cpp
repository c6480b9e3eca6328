// SPDX-License-Identifier: BSD-3-Clause
//
// The state as it goes from node to node: as one snapshot, or in parts.

#include "service.hpp"

#include "snapshot.hpp"

#include <utility>

namespace ais::ckpt {

ais_status CkptService::save(StateWriter& out) {
    ckpt::save(state_.image(), [&](Bytes piece) { out.write(piece); });
    return out.status();
}

ais_status CkptService::merge(std::span<const SavedState> states) {
    std::vector<Component> components;
    bool speaks = false;
    // Why the own state is not read again: it is here, and may be large.  A single one
    // is not ours but what another build of this service has saved.
    for (const SavedState& state : states) {
        Component component;
        component.members.assign(state.members.begin(), state.members.end());
        if (state.is_own && states.size() > 1) {
            component.image = state_.take_image();
            speaks = state.saved_by == self_;
        } else {
            auto restored = restore(state.bytes);
            if (!restored) {
                log_.error("CKPT-001", restored.error().text);
                return restored.error().code;
            }
            component.image = restored.take();
        }
        components.push_back(std::move(component));
    }
    take_over(std::move(components), speaks);
    return AIS_OK;
}

void CkptService::take_over(std::vector<Component> components, bool speaks) {
    state_.replace(ckpt::merge(std::move(components), state_.nodes()));
    deadlines_.replace(state_.all_timers(), timer_.now().count());
    if (speaks) {
        tell_remaining();
    }
    arm();
}

ais_status CkptService::list_parts(PartWriter& out) {
    for (const auto& [name, listed] : parts_.list(state_.image())) {
        out.part(name, listed.digest, listed.size);
    }
    return out.status();
}

ais_status CkptService::save_part(Bytes name, StateWriter& out) {
    const bool is_there = parts_.save(as_text(name), [&](Bytes piece) { out.write(piece); });
    return is_there ? out.status() : AIS_ERR_NOT_FOUND;
}

ais_status CkptService::merge_begin(std::span<const ais::Component> components) {
    coming_together_.clear();
    speaks_for_own_ = false;
    for (const ais::Component& component : components) {
        coming_together_.emplace_back(component.members.begin(), component.members.end());
        speaks_for_own_ = speaks_for_own_ || (component.is_own && component.lowest == self_);
    }
    parts_.begin(components.size());
    return AIS_OK;
}

ais_status CkptService::merge_part(Bytes name, std::span<const PartState> states) {
    return parts_.take(as_text(name), states) ? AIS_OK : refuse_part("a part does not decode");
}

ais_status CkptService::merge_end(bool commit) {
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
        take_over(std::move(components), speaks_for_own_ && coming_together_.size() > 1);
    }
    parts_.forget();
    coming_together_.clear();
    return AIS_OK;
}

ais_status CkptService::refuse_part(const char* what) {
    log_.error("CKPT-001", "state of ckpt in parts: ", what);
    return AIS_ERR_CORRUPT;
}

}  // namespace ais::ckpt
