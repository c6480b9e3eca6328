// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace ais::ckpt {
namespace {

constexpr std::uint32_t snapshot_version = 1;
// Bytes from which on a section is handed out on its own.
constexpr std::size_t large = 4096;

// Gathers fields, and hands out large data by itself.
class Out {
  public:
    explicit Out(const std::function<void(Bytes)>& to) : to_(to) {}
    ~Out() { flush(); }
    Out(const Out&) = delete;
    Out& operator=(const Out&) = delete;

    Appender& fields() {
        if (fields_.size() > (64U << 10)) {
            flush();
        }
        return fields_;
    }
    void data(const std::string& bytes) {
        fields_.u64(bytes.size());
        if (bytes.size() < large) {
            fields_.bytes(as_bytes(bytes));
            return;
        }
        flush();
        to_(as_bytes(bytes));
    }
    void flush() {
        if (fields_.size() != 0) {
            to_(fields_.written());
            fields_ = Appender();
        }
    }

  private:
    const std::function<void(Bytes)>& to_;
    Appender fields_;
};

void save_checkpoint(Out& out, const ObjectId& id, const Checkpoint& checkpoint) {
    Appender& fields = out.fields();
    id.encode(fields);
    fields.text(checkpoint.name);
    checkpoint.attributes.encode(fields);
    fields.u8(checkpoint.is_linked ? 1 : 0);
    fields.u32(checkpoint.active_node);
    fields.u64(checkpoint.generation);
    fields.u64(checkpoint.generated);
    fields.u32(static_cast<std::uint32_t>(checkpoint.sections.size()));
    for (const auto& [name, section] : checkpoint.sections) {
        Appender& of_section = out.fields();
        of_section.text(name);
        section.expiration.encode(of_section);
        of_section.u64(section.generation);
        of_section.u32(static_cast<std::uint32_t>(section.state));
        of_section.i64(section.last_update);
        out.data(*section.bytes);
    }
}

void save_opener(Out& out, const HandleId& who, const Opener& opener) {
    Appender& fields = out.fields();
    fields.u32(who.node);
    fields.u32(who.connection);
    fields.u32(who.number);
    opener.object.encode(fields);
    fields.u32(opener.flags);
    fields.u8(opener.transfer != nullptr ? 1 : 0);
    if (opener.transfer == nullptr) {
        return;
    }
    const Transfer& transfer = *opener.transfer;
    transfer.plan.encode(fields);
    fields.u8(transfer.is_direct ? 1 : 0);
    fields.i32(static_cast<std::int32_t>(transfer.refused.error));
    fields.u32(transfer.refused.index);
    fields.u32(static_cast<std::uint32_t>(transfer.here.size()));
    for (const std::uint64_t here : transfer.here) {
        fields.u64(here);
    }
    fields.u32(static_cast<std::uint32_t>(transfer.staged.size()));
    for (const Blob& blob : transfer.staged) {
        out.data(*blob);
    }
}

// Reads one snapshot.  The first thing that is wrong is remembered, the rest
// reads as nothing.
class Restore {
  public:
    explicit Restore(Bytes from) : in_(from) {}

    Result<Image> run() {
        if (in_.u32() != snapshot_version) {
            return corrupt("its version is unknown");
        }
        image_.ring = {in_.u64(), in_.u32(), in_.u32()};
        image_.next_object = in_.u64();
        image_.next_generation = in_.u64();
        image_.applied = in_.u64();
        const std::uint32_t checkpoints = in_.u32();
        for (std::uint32_t i = 0; i < checkpoints && is_well(); ++i) {
            read_checkpoint();
        }
        const std::uint32_t openers = in_.u32();
        for (std::uint32_t i = 0; i < openers && is_well(); ++i) {
            read_opener();
        }
        check_retention();
        if (wrong_ == nullptr && !in_.finished()) {
            wrong_ = "it ends too early or too late";
        }
        if (wrong_ != nullptr) {
            return corrupt(wrong_);
        }
        return std::move(image_);
    }

  private:
    static ais::Error corrupt(const char* what) {
        return {AIS_ERR_CORRUPT, std::string("snapshot of ckpt: ") + what};
    }
    [[nodiscard]] bool is_well() const { return wrong_ == nullptr && in_.ok(); }
    void require(bool is_right, const char* otherwise) {
        if (wrong_ == nullptr && in_.ok() && !is_right) {
            wrong_ = otherwise;
        }
    }

    void read_checkpoint() {
        const ObjectId id = ObjectId::decode(in_);
        Checkpoint checkpoint;
        checkpoint.name = in_.text();
        checkpoint.attributes = Attributes::decode(in_);
        const std::uint8_t linked = in_.u8();
        checkpoint.is_linked = linked == 1;
        checkpoint.active_node = in_.u32();
        checkpoint.generation = in_.u64();
        checkpoint.generated = in_.u64();
        const std::uint32_t sections = in_.u32();
        require(
            is_name(as_bytes(checkpoint.name)) && are_valid(checkpoint.attributes) && linked <= 1,
            "a checkpoint has an impossible name or attributes");
        require(image_.checkpoints.empty() || image_.checkpoints.rbegin()->first < id,
                "its checkpoints are out of order");
        require(!checkpoint.is_linked || names_.insert(checkpoint.name).second,
                "a name is taken twice");
        require(sections <= checkpoint.attributes.max_sections &&
                    (!checkpoint.attributes.has_default_section() || sections == 1),
                "a checkpoint has an impossible number of sections");
        for (std::uint32_t i = 0; i < sections && is_well(); ++i) {
            read_section(checkpoint);
        }
        if (is_well()) {
            image_.checkpoints.emplace_hint(image_.checkpoints.end(), id, std::move(checkpoint));
        }
    }

    void read_section(Checkpoint& checkpoint) {
        const Attributes& attributes = checkpoint.attributes;
        const std::string_view id = in_.text();
        Section section;
        section.expiration = Expiration::decode(in_);
        section.generation = in_.u64();
        const std::uint32_t state = in_.u32();
        section.state = static_cast<SectionState>(state);
        section.last_update = in_.i64();
        const std::uint64_t size = in_.u64();
        require(id.empty() == attributes.has_default_section() && id.size() <= id_max &&
                    (checkpoint.sections.empty() || checkpoint.sections.rbegin()->first < id),
                "its sections are out of order or have bad ids");
        require(section.expiration.is_valid() && (state == 1 || state == 2) &&
                    (section.generation == 0) == (section.expiration.at == time_end),
                "a section has an impossible expiration or state");
        require(size <= attributes.max_section_size && size <= attributes.size - checkpoint.used,
                "a section is larger than its checkpoint allows");
        const Bytes bytes = in_.bytes(size);
        if (is_well()) {
            section.bytes->assign(as_text(bytes));
            checkpoint.used += size;
            checkpoint.sections.emplace_hint(
                checkpoint.sections.end(), std::string(id), std::move(section));
        }
    }

    void read_opener() {
        const HandleId who{in_.u32(), in_.u32(), in_.u32()};
        Opener opener;
        opener.object = ObjectId::decode(in_);
        opener.flags = in_.u32();
        const std::uint8_t has_transfer = in_.u8();
        const auto checkpoint = image_.checkpoints.find(opener.object);
        require(are_valid_open_flags(opener.flags) && has_transfer <= 1 &&
                    checkpoint != image_.checkpoints.end(),
                "a handle has impossible flags or no checkpoint");
        require(image_.openers.empty() || image_.openers.rbegin()->first < who,
                "its handles are out of order");
        if (is_well() && has_transfer == 1) {
            opener.transfer = std::make_unique<Transfer>();
            read_transfer(*opener.transfer);
        }
        if (is_well()) {
            ++checkpoint->second.openers;
            image_.openers.emplace_hint(image_.openers.end(), who, std::move(opener));
        }
    }

    void read_transfer(Transfer& transfer) {
        if (!Plan::decode(in_, transfer.plan)) {
            require(false, "a large write has an impossible plan");
            in_.fail();
            return;
        }
        const std::uint8_t direct = in_.u8();
        transfer.is_direct = direct == 1;
        transfer.refused.error = static_cast<Error>(in_.i32());
        transfer.refused.index = in_.u32();
        const std::uint32_t here = in_.u32();
        require(direct <= 1 && here == transfer.plan.elements.size(),
                "a large write has not its number of elements");
        for (std::uint32_t i = 0; i < here && is_well(); ++i) {
            transfer.here.push_back(in_.u64());
            require(transfer.here[i] <= transfer.plan.elements[i].size,
                    "a large write has more than was planned");
        }
        const std::uint32_t staged = in_.u32();
        require(staged == (transfer.is_direct ? 0 : here), "a large write has lost its data");
        for (std::uint32_t i = 0; i < staged && is_well(); ++i) {
            const std::uint64_t size = in_.u64();
            require(size == transfer.here[i], "a large write has lost some of its data");
            const Bytes bytes = in_.bytes(size);
            transfer.staged.push_back(std::make_shared<std::string>(as_text(bytes)));
        }
    }

    void check_retention() {
        for (const auto& [id, checkpoint] : image_.checkpoints) {
            const bool is_waiting = checkpoint.is_linked && checkpoint.generation != 0;
            require((checkpoint.openers == 0) == is_waiting &&
                        (is_waiting || checkpoint.generation == 0),
                    "a checkpoint nobody has open does not wait for its end");
        }
    }

    Reader in_;
    Image image_;
    std::set<std::string, std::less<>> names_;
    const char* wrong_ = nullptr;
};

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

// Better ones first.
bool ranks_before(const Component& a, const Component& b) {
    if (a.members.size() != b.members.size()) {
        return a.members.size() > b.members.size();
    }
    return a.members < b.members;
}

// What the merge knows of names: who has won each.
using Names = std::map<std::string, ObjectId, std::less<>>;

// The objects of a component that are not there yet.
void take_objects(Image& merged, Names& names, Image& from) {
    for (auto at = from.checkpoints.begin(); at != from.checkpoints.end(); ++at) {
        if (merged.checkpoints.count(at->first) != 0) {
            continue;
        }
        if (at->second.is_linked && !names.emplace(at->second.name, at->first).second) {
            continue;  // another of this name has won
        }
        merged.checkpoints.emplace(at->first, std::move(at->second));
    }
}

// Its handles, each to what its object has become.
void take_openers(Image& merged,
                  const Names& names,
                  Component& component,
                  std::span<const ais_node_id> nodes,
                  const std::map<ObjectId, std::pair<std::string, Attributes>>& lost) {
    for (auto& [who, opener] : component.image.openers) {
        const bool is_own = component.members.empty() || contains(component.members, who.node);
        if (!is_own || (!nodes.empty() && !contains(nodes, who.node))) {
            continue;
        }
        if (merged.checkpoints.count(opener.object) == 0) {
            const auto& [name, attributes] = lost.at(opener.object);
            const auto winner = names.find(name);
            if (winner == names.end() ||
                !are_alike(attributes,
                           merged.checkpoints.find(winner->second)->second.attributes)) {
                continue;
            }
            opener.object = winner->second;
        }
        merged.openers.emplace(who, std::move(opener));
    }
}

}  // namespace

void save(const Image& image, const std::function<void(Bytes)>& to) {
    Out out(to);
    Appender& fields = out.fields();
    fields.u32(snapshot_version);
    fields.u64(image.ring.seq);
    fields.u32(image.ring.representative);
    fields.u32(image.ring.salt);
    fields.u64(image.next_object);
    fields.u64(image.next_generation);
    fields.u64(image.applied);
    fields.u32(static_cast<std::uint32_t>(image.checkpoints.size()));
    for (const auto& [id, checkpoint] : image.checkpoints) {
        save_checkpoint(out, id, checkpoint);
    }
    out.fields().u32(static_cast<std::uint32_t>(image.openers.size()));
    for (const auto& [who, opener] : image.openers) {
        save_opener(out, who, opener);
    }
}

std::string save(const Image& image) {
    std::string bytes;
    save(image, [&](Bytes piece) { bytes.append(as_text(piece)); });
    return bytes;
}

Result<Image> restore(Bytes snapshot) {
    return Restore(snapshot).run();
}

Image merge(std::vector<Component> components, std::span<const ais_node_id> nodes) {
    std::stable_sort(components.begin(), components.end(), ranks_before);
    Image merged;
    Names names;
    // Why all objects before any handle: a handle may go over to an object that
    // only a later component has.
    std::map<ObjectId, std::pair<std::string, Attributes>> lost;
    for (Component& component : components) {
        Image& image = component.image;
        const auto ring_of = [](const Image& of) {
            return std::tuple(of.ring.seq, of.ring.representative, of.ring.salt);
        };
        if (ring_of(image) > ring_of(merged)) {
            merged.ring = image.ring;
            merged.next_object = 0;
            merged.next_generation = 0;
            merged.applied = 0;
        }
        if (image.ring == merged.ring) {
            merged.next_object = std::max(merged.next_object, image.next_object);
            merged.next_generation = std::max(merged.next_generation, image.next_generation);
            merged.applied = std::max(merged.applied, image.applied);
        }
        for (const auto& [id, checkpoint] : image.checkpoints) {
            lost.try_emplace(id, checkpoint.name, checkpoint.attributes);
        }
        take_objects(merged, names, image);
    }
    for (Component& component : components) {
        take_openers(merged, names, component, nodes, lost);
    }
    for (auto& [id, checkpoint] : merged.checkpoints) {
        if (!nodes.empty() && checkpoint.active_node != 0 &&
            !contains(nodes, checkpoint.active_node)) {
            checkpoint.active_node = 0;
        }
    }
    return merged;
}

}  // namespace ais::ckpt
