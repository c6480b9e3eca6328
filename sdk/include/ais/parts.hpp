// SPDX-License-Identifier: BSD-3-Clause
//
// A service whose state moves in parts (draft: abi/draft/parts.h has the contract, and how to cut
// a state).  Besides save and merge the class has
//
//   ais_status list_parts(PartWriter& out)                                   InParts: these five
//   ais_status save_part(Bytes name, StateWriter& out)
//   ais_status merge_begin(std::span<const Component> components)
//   ais_status merge_part(Bytes name, std::span<const PartState> states)
//   ais_status merge_end(bool commit)
//
// Included by service.hpp.

#pragma once

#include <ais/abi/draft/parts.h>
#include <ais/copy_min.hpp>
#include <ais/plugin.hpp>
#include <ais/state_writer.hpp>

#include <span>
#include <vector>

namespace ais {

// Where list_parts() writes to: strictly ascending names.
class PartWriter {
  public:
    explicit PartWriter(const ais_part_writer& to) : to_(to) {}

    // `size` is for progress only.  After a failure nothing more is written; status() has it.
    ais_status part(Bytes name, std::uint64_t digest, std::uint64_t size) {
        if (status_ == AIS_OK) {
            const ais_part part{sizeof(ais_part), 0, to_abi(name), digest, size};
            status_ = to_.part(to_.context, &part);
        }
        return status_;
    }
    ais_status part(std::string_view name, std::uint64_t digest, std::uint64_t size) {
        return part(as_bytes(name), digest, size);
    }
    [[nodiscard]] ais_status status() const { return status_; }

  private:
    const ais_part_writer& to_;
    ais_status status_ = AIS_OK;
};

// One of the components that come together; the view is valid until merge_end().
struct Component {
    bool is_own = false;
    ais_node_id lowest = 0;  // member that has the service
    std::span<const ais_node_id> members;
};

// A part as one component has it; views are valid until merge_part() returns.
struct PartState {
    bool is_own = false;
    bool is_here = false;  // as this instance has it: nothing was sent, bytes is empty
    std::uint32_t component = 0;
    std::uint64_t digest = 0;
    Bytes bytes{};
};

template <typename T>
concept InParts = requires(T service,
                           PartWriter& list,
                           StateWriter& out,
                           Bytes name,
                           std::span<const Component> components,
                           std::span<const PartState> states,
                           bool commit) {
    { service.list_parts(list) } -> std::same_as<ais_status>;
    { service.save_part(name, out) } -> std::same_as<ais_status>;
    { service.merge_begin(components) } -> std::same_as<ais_status>;
    { service.merge_part(name, states) } -> std::same_as<ais_status>;
    { service.merge_end(commit) } -> std::same_as<ais_status>;
};

namespace sdk {

// Structs that may be longer than the ones we know are walked by their own size.
template <typename Struct, typename Take>
void walk(const Struct* first, std::uint32_t count, Take take) {
    const auto* at = reinterpret_cast<const unsigned char*>(first);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint32_t stride = 0;
        std::memcpy(&stride, at, sizeof stride);
        take(copy_min<Struct>(at));
        at += stride;
    }
}

template <typename T>
struct PartsCalls {
    static ais_status list(void* self, const ais_part_writer* out) noexcept {
        const auto copy = copy_min<ais_part_writer>(out);
        PartWriter writer(copy);
        const ais_status status = instance<T>(self).list_parts(writer);
        return status != AIS_OK ? status : writer.status();
    }
    static ais_status save_part(void* self, ais_bytes name, const ais_writer* out) noexcept {
        const auto copy = copy_min<ais_writer>(out);
        StateWriter writer(copy);
        const ais_status status = instance<T>(self).save_part(from_abi(name), writer);
        return status != AIS_OK ? status : writer.status();
    }
    static ais_status merge_begin(void* self,
                                  const ais_component* components,
                                  std::uint32_t count) noexcept {
        std::vector<Component> list;
        list.reserve(count);
        walk(components, count, [&](const ais_component& one) {
            list.push_back(
                {(one.flags & AIS_STATE_OWN) != 0, one.lowest, {one.members, one.member_count}});
        });
        return instance<T>(self).merge_begin(list);
    }
    static ais_status merge_part(void* self,
                                 ais_bytes name,
                                 const ais_part_state* states,
                                 std::uint32_t count) noexcept {
        std::vector<PartState> list;
        list.reserve(count);
        walk(states, count, [&](const ais_part_state& one) {
            list.push_back({(one.flags & AIS_STATE_OWN) != 0,
                            (one.flags & AIS_PART_HERE) != 0,
                            one.component,
                            one.digest,
                            from_abi(one.bytes)});
        });
        return instance<T>(self).merge_part(from_abi(name), list);
    }
    static ais_status merge_end(void* self, std::uint32_t commit) noexcept {
        return instance<T>(self).merge_end(commit != 0);
    }
};

template <typename T>
struct PartsTable {
    using Calls = PartsCalls<T>;
    static constexpr ais_service_parts_v1 table = {sizeof(ais_service_parts_v1),
                                                   0,
                                                   &Calls::list,
                                                   &Calls::save_part,
                                                   &Calls::merge_begin,
                                                   &Calls::merge_part,
                                                   &Calls::merge_end};
};

// One of them alone makes a class a service in parts, so that a wrong signature is an error and
// not a class that offers nothing.
template <typename T>
concept NamesParts = requires {
    &T::list_parts;
}
|| requires {
    &T::merge_part;
};

template <NamesParts T>
struct Offer<PartsInterface, T> {
    static_assert(
        InParts<T>,
        "list_parts, save_part, merge_begin, merge_part and merge_end come together, with "
        "the signatures of <ais/parts.hpp>");
    static constexpr const char* id = AIS_SERVICE_PARTS_INTERFACE;
    static constexpr const void* table = &PartsTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
