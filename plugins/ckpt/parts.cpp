// SPDX-License-Identifier: BSD-3-Clause

#include "parts.hpp"

#include <ais/digest.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace ais::ckpt {
namespace {

constexpr std::uint64_t checkpoint_buckets = 256;
constexpr std::uint64_t section_buckets = 4096;

std::string encoded(const ObjectId& id) {
    Appender out;
    id.encode(out);
    return out.take();
}

std::string checkpoint_part(const ObjectId& id) {
    return bucket_name('C', digest_of(as_bytes(encoded(id)), 1) % checkpoint_buckets);
}

std::string section_part(const ObjectId& object, std::string_view id) {
    const std::uint64_t hash = digest_of(as_bytes(id), digest_of(as_bytes(encoded(object)), 2));
    return bucket_name('S', hash % section_buckets);
}

std::string section_blob(const ObjectId& object, std::string_view id) {
    std::string name = "D" + encoded(object);
    put_number(name, digest_of(as_bytes(id), 3));
    put_number(name, digest_of(as_bytes(id), 4));
    return name;
}

std::string staged_blob(const HandleId& who, std::uint32_t element) {
    std::string name = "T";
    put_number(name, who.node);
    put_number(name, who.connection);
    put_number(name, who.number);
    put_number(name, element);
    return name;
}

bool is_chunk(std::string_view name) {
    return name.size() > 4 && (name[0] == 'D' || name[0] == 'T');
}
std::string prefix_of(std::string_view name) {
    return std::string(name.substr(0, name.size() - 4));
}
}  // namespace

std::uint64_t Parts::offset_of(std::string_view name) const {
    std::uint32_t index = 0;
    for (const char byte : name.substr(name.size() - 4)) {
        index = index << 8 | static_cast<std::uint8_t>(byte);
    }
    return std::uint64_t{index} * chunk_size_;
}

Bytes Parts::chunk_at(const std::string& bytes, std::uint64_t offset) const {
    const Bytes all = as_bytes(bytes);
    return offset >= all.size() ? Bytes()
                                : all.subspan(offset, std::min(chunk_size_, all.size() - offset));
}

void Parts::add(std::string_view name, Content content) {
    Content& there = table_.own(name);
    std::move(content.checkpoints.begin(),
              content.checkpoints.end(),
              std::back_inserter(there.checkpoints));
    std::move(content.sections.begin(), content.sections.end(), std::back_inserter(there.sections));
}

void Parts::add_chunks(const std::string& prefix, const Blob& blob) {
    own_blobs_[prefix] = blob;
    for (std::uint64_t offset = 0; offset < blob->size(); offset += chunk_size_) {
        std::string name = prefix;
        put_number(name, static_cast<std::uint32_t>(offset / chunk_size_));
        table_.own(name).blob = blob;
    }
}

const PartListing& Parts::list(const Image& image) {
    forget();
    Content& header = table_.own("H");
    header.header = {image.ring, image.next_object, image.next_generation, image.applied};
    for (const auto& [id, checkpoint] : image.checkpoints) {
        Content content;
        Checkpoint bare;
        bare.name = checkpoint.name;
        bare.attributes = checkpoint.attributes;
        bare.is_linked = checkpoint.is_linked;
        bare.active_node = checkpoint.active_node;
        bare.generation = checkpoint.generation;
        bare.generated = checkpoint.generated;
        content.checkpoints.emplace_back(id, std::move(bare));
        add(checkpoint_part(id), std::move(content));
        for (const auto& [name, section] : checkpoint.sections) {
            const bool is_inline = section.size() <= inline_max_;
            Content row;
            row.sections.push_back({id, name, section, section.size(), is_inline});
            add(section_part(id, name), std::move(row));
            if (!is_inline) {
                add_chunks(section_blob(id, name), section.bytes);
            }
        }
    }
    Content& handles = table_.own("O");
    for (const auto& [who, opener] : image.openers) {
        HandleRow row{who, opener.object, opener.flags, opener.transfer != nullptr, {}};
        if (opener.transfer != nullptr) {
            row.transfer.plan = opener.transfer->plan;
            row.transfer.here = opener.transfer->here;
            row.transfer.is_direct = opener.transfer->is_direct;
            row.transfer.refused = opener.transfer->refused;
            for (std::uint32_t i = 0; i < opener.transfer->staged.size(); ++i) {
                add_chunks(staged_blob(who, i), opener.transfer->staged[i]);
            }
        }
        handles.handles.push_back(std::move(row));
    }
    return table_.describe([this](std::string_view name, const Content& content) {
        if (is_chunk(name)) {
            const Bytes chunk = chunk_at(*content.blob, offset_of(name));
            return ListedPart{digest_of(chunk, 5), chunk.size()};
        }
        Appender bytes;
        write(name, content, bytes);
        return ListedPart{digest_of(bytes.written(), 5), bytes.size()};
    });
}

void Parts::write(std::string_view name, const Content& content, Appender& out) {
    switch (name[0]) {
        case 'H':
            out.u64(content.header.ring.seq);
            out.u32(content.header.ring.representative);
            out.u32(content.header.ring.salt);
            out.u64(content.header.next_object);
            out.u64(content.header.next_generation);
            out.u64(content.header.applied);
            break;
        case 'C':
            out.u32(static_cast<std::uint32_t>(content.checkpoints.size()));
            for (const auto& [id, checkpoint] : content.checkpoints) {
                id.encode(out);
                out.text(checkpoint.name);
                checkpoint.attributes.encode(out);
                out.u8(checkpoint.is_linked ? 1 : 0);
                out.u32(checkpoint.active_node);
                out.u64(checkpoint.generation);
                out.u64(checkpoint.generated);
            }
            break;
        case 'S':
            out.u32(static_cast<std::uint32_t>(content.sections.size()));
            for (const SectionRow& row : content.sections) {
                row.object.encode(out);
                out.text(row.id);
                row.section.expiration.encode(out);
                out.u64(row.section.generation);
                out.u32(static_cast<std::uint32_t>(row.section.state));
                out.i64(row.section.last_update);
                out.u64(row.size);
                out.u8(row.is_inline ? 1 : 0);
                if (row.is_inline) {
                    out.bytes(as_bytes(*row.section.bytes));
                }
            }
            break;
        default:
            out.u32(static_cast<std::uint32_t>(content.handles.size()));
            for (const HandleRow& row : content.handles) {
                out.u32(row.who.node);
                out.u32(row.who.connection);
                out.u32(row.who.number);
                row.object.encode(out);
                out.u32(row.flags);
                out.u8(row.has_transfer ? 1 : 0);
                if (row.has_transfer) {
                    row.transfer.plan.encode(out);
                    out.u8(row.transfer.is_direct ? 1 : 0);
                    out.i32(static_cast<std::int32_t>(row.transfer.refused.error));
                    out.u32(row.transfer.refused.index);
                    for (const std::uint64_t here : row.transfer.here) {
                        out.u64(here);
                    }
                }
            }
    }
}

bool Parts::read(std::string_view name, Bytes bytes, Content& content) const {
    Reader in(bytes);
    if (name == "H") {
        content.header.ring = {in.u64(), in.u32(), in.u32()};
        content.header.next_object = in.u64();
        content.header.next_generation = in.u64();
        content.header.applied = in.u64();
        return in.finished();
    }
    const std::uint32_t count = in.u32();
    const char kind = name[0];
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        if (kind == 'C') {
            const ObjectId id = ObjectId::decode(in);
            Checkpoint checkpoint;
            checkpoint.name = in.text();
            checkpoint.attributes = Attributes::decode(in);
            const std::uint8_t linked = in.u8();
            checkpoint.is_linked = linked == 1;
            checkpoint.active_node = in.u32();
            checkpoint.generation = in.u64();
            checkpoint.generated = in.u64();
            if (!in.ok() || linked > 1 || !is_name(as_bytes(checkpoint.name)) ||
                !are_valid(checkpoint.attributes) || checkpoint_part(id) != name) {
                return false;
            }
            content.checkpoints.emplace_back(id, std::move(checkpoint));
        } else if (kind == 'S') {
            SectionRow row;
            row.object = ObjectId::decode(in);
            row.id = in.text();
            row.section.expiration = Expiration::decode(in);
            row.section.generation = in.u64();
            const std::uint32_t state = in.u32();
            row.section.state = static_cast<SectionState>(state);
            row.section.last_update = in.i64();
            row.size = in.u64();
            const std::uint8_t is_inline = in.u8();
            row.is_inline = is_inline == 1;
            const Bytes data = row.is_inline ? in.bytes(row.size) : Bytes();
            if (!in.ok() || is_inline > 1 || row.id.size() > id_max || state < 1 || state > 2 ||
                row.is_inline != (row.size <= inline_max_) || !row.section.expiration.is_valid() ||
                (row.section.generation == 0) != (row.section.expiration.at == time_end) ||
                section_part(row.object, row.id) != name) {
                return false;
            }
            row.section.bytes = std::make_shared<std::string>(as_text(data));
            content.sections.push_back(std::move(row));
        } else if (kind == 'O') {
            HandleRow row;
            row.who = {in.u32(), in.u32(), in.u32()};
            row.object = ObjectId::decode(in);
            row.flags = in.u32();
            const std::uint8_t has = in.u8();
            row.has_transfer = has == 1;
            if (row.has_transfer) {
                if (!Plan::decode(in, row.transfer.plan)) {
                    return false;
                }
                row.transfer.is_direct = in.u8() == 1;
                row.transfer.refused.error = static_cast<Error>(in.i32());
                row.transfer.refused.index = in.u32();
                for (const Plan::Element& element : row.transfer.plan.elements) {
                    row.transfer.here.push_back(in.u64());
                    if (row.transfer.here.back() > element.size) {
                        return false;
                    }
                }
            }
            if (!in.ok() || has > 1 || !are_valid_open_flags(row.flags)) {
                return false;
            }
            content.handles.push_back(std::move(row));
        } else {
            return false;
        }
    }
    return in.finished();
}

bool Parts::save(std::string_view name, const std::function<void(Bytes)>& out) const {
    const Content* content = table_.find_own(name);
    if (content == nullptr) {
        return false;
    }
    if (is_chunk(name)) {
        out(chunk_at(*content->blob, offset_of(name)));
        return true;
    }
    Appender bytes;
    write(name, *content, bytes);
    out(bytes.written());
    return true;
}

void Parts::begin(std::size_t components) {
    table_.begin(components);
    built_.clear();
}

// Bytes go to their place; what is around them is as we have it, until its own
// part comes.
void Parts::take_chunk(std::uint32_t component, std::string_view name, Bytes bytes) {
    const std::string prefix = prefix_of(name);
    const std::uint64_t offset = offset_of(name);
    Blob& blob = built_[{component, prefix}];
    if (blob == nullptr) {
        blob = std::make_shared<std::string>();
    }
    const auto own = own_blobs_.find(prefix);
    if (blob->size() < offset && own != own_blobs_.end()) {
        const std::string_view there(*own->second);
        if (blob->size() < there.size()) {
            blob->append(there.substr(blob->size(), offset - blob->size()));
        }
    }
    if (blob->size() < offset) {
        blob->resize(offset);
    }
    const std::size_t covered = std::min<std::size_t>(bytes.size(), blob->size() - offset);
    blob->replace(offset, covered, as_text(bytes));
}

bool Parts::take(std::string_view name, std::span<const PartState> states) {
    return table_.take(
        name,
        states,
        [this](std::uint32_t component, std::string_view part, Bytes bytes, Content& content) {
            if (!is_chunk(part)) {
                return read(part, bytes, content);
            }
            if (bytes.size() > chunk_size_) {
                return false;
            }
            take_chunk(component, part, bytes);
            return true;
        });
}

Blob Parts::blob_of(std::size_t component, const std::string& prefix, std::uint64_t size) const {
    const auto built = built_.find({static_cast<std::uint32_t>(component), prefix});
    const auto own = own_blobs_.find(prefix);
    if (built == built_.end()) {
        if (own == own_blobs_.end()) {
            return size == 0 ? std::make_shared<std::string>() : nullptr;
        }
        return own->second->size() == size ? own->second
               : own->second->size() > size
                   ? std::make_shared<std::string>(own->second->substr(0, size))
                   : nullptr;
    }
    const Blob blob = built->second;
    if (blob->size() > size) {
        blob->resize(size);
    }
    if (blob->size() < size && own != own_blobs_.end() && own->second->size() >= size) {
        blob->append(*own->second, blob->size(), size - blob->size());
    }
    return blob->size() == size ? blob : nullptr;
}

bool Parts::put_section(std::size_t component, const SectionRow& row, Image& image) const {
    const auto found = image.checkpoints.find(row.object);
    if (found == image.checkpoints.end()) {
        return false;
    }
    Checkpoint& checkpoint = found->second;
    const Attributes& attributes = checkpoint.attributes;
    Section section = row.section;
    if (!row.is_inline) {
        section.bytes = blob_of(component, section_blob(row.object, row.id), row.size);
        if (section.bytes == nullptr) {
            return false;
        }
    }
    if (row.id.empty() != attributes.has_default_section() ||
        row.size > attributes.max_section_size || row.size > attributes.size - checkpoint.used ||
        checkpoint.sections.size() >= attributes.max_sections) {
        return false;
    }
    checkpoint.used += row.size;
    return checkpoint.sections.emplace(row.id, std::move(section)).second;
}

bool Parts::put_handle(std::size_t component, const HandleRow& row, Image& image) const {
    const auto found = image.checkpoints.find(row.object);
    if (found == image.checkpoints.end()) {
        return false;
    }
    Opener opener{row.object, row.flags, nullptr};
    if (row.has_transfer) {
        opener.transfer = std::make_unique<Transfer>();
        opener.transfer->plan = row.transfer.plan;
        opener.transfer->here = row.transfer.here;
        opener.transfer->is_direct = row.transfer.is_direct;
        opener.transfer->refused = row.transfer.refused;
        for (std::uint32_t i = 0; !row.transfer.is_direct && i < row.transfer.here.size(); ++i) {
            const Blob blob = blob_of(component, staged_blob(row.who, i), row.transfer.here[i]);
            if (blob == nullptr) {
                return false;
            }
            opener.transfer->staged.push_back(blob);
        }
    }
    ++found->second.openers;
    return image.openers.emplace(row.who, std::move(opener)).second;
}

bool Parts::put(std::size_t component, const Content& content, Image& image) const {
    for (const auto& [id, checkpoint] : content.checkpoints) {
        if (!image.checkpoints.emplace(id, checkpoint).second) {
            return false;
        }
    }
    for (const SectionRow& row : content.sections) {
        if (!put_section(component, row, image)) {
            return false;
        }
    }
    for (const HandleRow& row : content.handles) {
        if (!put_handle(component, row, image)) {
            return false;
        }
    }
    return true;
}

std::optional<Image> Parts::image_of(std::size_t component) const {
    // Its parts, checkpoints before what refers to them.
    std::vector<const Content*> parts;
    for (const auto& [name, content] : table_.contents_of(component)) {
        if (!is_chunk(name)) {
            parts.push_back(content);
        }
    }
    std::stable_sort(parts.begin(), parts.end(), [](const Content* a, const Content* b) {
        return !a->checkpoints.empty() && b->checkpoints.empty();
    });
    Image image;
    for (const Content* content : parts) {
        if (!put(component, *content, image)) {
            return std::nullopt;
        }
        if (content->header.next_generation != 0) {
            image.ring = content->header.ring;
            image.next_object = content->header.next_object;
            image.next_generation = content->header.next_generation;
            image.applied = content->header.applied;
        }
    }
    std::set<std::string_view> names;
    for (const auto& [id, checkpoint] : image.checkpoints) {
        const bool waits = checkpoint.is_linked && checkpoint.generation != 0;
        if ((checkpoint.is_linked && !names.insert(checkpoint.name).second) ||
            (checkpoint.openers == 0) != waits || (!waits && checkpoint.generation != 0) ||
            (checkpoint.attributes.has_default_section() && checkpoint.sections.size() != 1)) {
            return std::nullopt;
        }
    }
    return image;
}

void Parts::forget() {
    table_.forget();
    own_blobs_.clear();
    built_.clear();
}

}  // namespace ais::ckpt
