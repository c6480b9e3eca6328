// SPDX-License-Identifier: BSD-3-Clause

#include "sim/builds.hpp"

#include "plugin/manifest.hpp"

#include <ais/copy_min.hpp>

namespace ais::sim {
namespace {

ais_status refuse_load(const ais_host*, void**) noexcept {
    return AIS_ERR_FAILED;
}
ais_status refuse_merge(void*, const ais_saved_state*, std::uint32_t) noexcept {
    return AIS_ERR_CORRUPT;
}
ais_status refuse_part(void*, ais_bytes, const ais_part_state*, std::uint32_t) noexcept {
    return AIS_ERR_CORRUPT;
}
ais_status refuse_end(void*, std::uint32_t) noexcept {
    return AIS_ERR_CORRUPT;
}
ais_status refuse_clients(void*, ais_conn* const*, std::uint32_t, ais_bytes, const char*) noexcept {
    return AIS_ERR_CORRUPT;
}

template <typename Table>
bool copy(const ais_plugin& of, const char* id, Table& to) {
    to = copy_min<Table>(plugin::offered_table(of, id));
    return to.struct_size != 0;
}

}  // namespace

const char* name_of(Flaw flaw) {
    static constexpr const char* names[flaws] = {"none", "load", "merge", "part", "handover"};
    return names[static_cast<std::size_t>(flaw)];
}

void Build::offer(const char* id, const void* table) {
    for (ais_interface& one : offers_) {
        if (one.id != nullptr && std::string_view(one.id) == id) {
            one.table = table;
        }
    }
}

std::unique_ptr<Build> Build::make(const ais_plugin& of, Flaw flaw, std::uint32_t number) {
    std::unique_ptr<Build> made(new Build);
    made->flaw_ = flaw;
    made->plugin_ = of;
    made->version_ = std::string(of.version) + '+' + std::to_string(number);
    made->plugin_.version = made->version_.c_str();
    for (const ais_interface* one = of.offers; one != nullptr && one->id != nullptr; ++one) {
        made->offers_.push_back(*one);
    }
    made->offers_.push_back({nullptr, nullptr});
    made->plugin_.offers = made->offers_.data();
    const bool is_service = copy(of, AIS_SERVICE_INTERFACE, made->service_);
    const bool in_parts = copy(of, AIS_SERVICE_PARTS_INTERFACE, made->parts_);
    const bool hands_over = copy(of, AIS_SERVICE_HANDOVER_INTERFACE, made->handover_);
    switch (flaw) {
        case Flaw::none:
            break;
        case Flaw::load:
            made->plugin_.load = &refuse_load;
            break;
        case Flaw::merge:
            if (!is_service || made->service_.merge == nullptr) {
                return nullptr;
            }
            made->service_.merge = &refuse_merge;
            made->offer(AIS_SERVICE_INTERFACE, &made->service_);
            if (in_parts) {
                made->parts_.merge_end = &refuse_end;
                made->offer(AIS_SERVICE_PARTS_INTERFACE, &made->parts_);
            }
            break;
        case Flaw::part:
            if (!in_parts) {
                return nullptr;
            }
            made->parts_.merge_part = &refuse_part;
            made->offer(AIS_SERVICE_PARTS_INTERFACE, &made->parts_);
            break;
        case Flaw::handover:
            if (!hands_over) {
                return nullptr;
            }
            made->handover_.restore_local = &refuse_clients;
            made->offer(AIS_SERVICE_HANDOVER_INTERFACE, &made->handover_);
            break;
    }
    return made;
}

}  // namespace ais::sim
