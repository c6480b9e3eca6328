// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ais::evt {
namespace {

constexpr std::uint32_t snapshot_version = 1;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of evt: ") + what};
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

void write_id(Appender& out, OpenId id) {
    out.u32(id.node);
    out.u64(id.number);
}
OpenId read_id(Reader& in) {
    return {in.u32(), in.u64()};
}

// Null, or what is wrong.
const char* read_part(Reader& in,
                      Image::Part& part,
                      std::set<OpenId>& opens,
                      std::set<std::uint64_t>& ids) {
    part.id = read_id(in);
    const std::uint8_t is_unlinked = in.u8();
    part.is_unlinked = is_unlinked == 1;
    part.name = in.text();
    const std::uint32_t open_count = in.u32();
    if (!in.ok() || is_unlinked > 1 || !is_name(as_bytes(part.name)) ||
        open_count > in.remaining() / 16) {
        return "a channel has a bad name or an impossible number of opens";
    }
    for (std::uint32_t i = 0; i < open_count; ++i) {
        const OpenId id = read_id(in);
        const std::uint32_t flags = in.u32();
        if (flags == 0 || (flags & ~flags_all) != 0 || !opens.insert(id).second ||
            (!part.opens.empty() && id <= part.opens.back().first)) {
            return "opens are out of order, twice, or have bad flags";
        }
        part.opens.emplace_back(id, flags);
    }
    const std::uint32_t kept_count = in.u32();
    if (!in.ok() || kept_count > in.remaining() / 12) {
        return "a channel has an impossible number of events";
    }
    Event event;
    for (std::uint32_t i = 0; i < kept_count; ++i) {
        Kept kept;
        kept.deadline = in.u64();
        const Bytes encoded = in.block();
        if (!in.ok() || !Event::decode(encoded, event) || event.id <= reserved_ids ||
            !ids.insert(event.id).second) {
            return "an event does not decode, or is there twice";
        }
        kept.id = event.id;
        kept.event = std::make_shared<const std::string>(as_text(encoded));
        part.kept.push_back(std::move(kept));
    }
    return nullptr;
}

// Collects the parts of all components into channels.
class Uniter {
  public:
    // The channel that `part` is of.
    Image::Part& find(const Image::Part& part) {
        const auto by_id = groups_by_id_.find(part.id);
        const auto by_name =
            part.is_unlinked ? groups_by_name_.end() : groups_by_name_.find(part.name);
        std::size_t group = 0;
        if (by_id != groups_by_id_.end()) {
            group = by_id->second;
            if (by_name != groups_by_name_.end() && by_name->second != group) {
                group = join(group, by_name->second);
            }
        } else if (by_name != groups_by_name_.end()) {
            group = by_name->second;
        } else {
            group = groups_.size();
            groups_.push_back(part);
            groups_.back().opens.clear();
            groups_.back().kept.clear();
        }
        Image::Part& found = groups_[group];
        found.id = std::min(found.id, part.id);
        found.is_unlinked = found.is_unlinked && part.is_unlinked;
        groups_by_id_[part.id] = group;
        if (!part.is_unlinked) {
            groups_by_name_[part.name] = group;
        }
        return found;
    }

    std::vector<Image::Part> take() {
        std::erase_if(groups_, [](const Image::Part& group) {
            return group.name.empty() || (group.is_unlinked && group.opens.empty());
        });
        for (Image::Part& group : groups_) {
            std::sort(group.opens.begin(), group.opens.end());
        }
        std::sort(groups_.begin(), groups_.end(), [](const auto& a, const auto& b) {
            return a.id < b.id;
        });
        return std::move(groups_);
    }

  private:
    // A name has turned out to be one channel with an id: the second goes into the first.
    std::size_t join(std::size_t into, std::size_t from) {
        Image::Part& to = groups_[into];
        Image::Part& gone = groups_[from];
        to.id = std::min(to.id, gone.id);
        to.is_unlinked = to.is_unlinked && gone.is_unlinked;
        to.opens.insert(to.opens.end(), gone.opens.begin(), gone.opens.end());
        std::move(gone.kept.begin(), gone.kept.end(), std::back_inserter(to.kept));
        gone = {};
        for (auto& [name, group] : groups_by_name_) {
            group = group == from ? into : group;
        }
        for (auto& [id, group] : groups_by_id_) {
            group = group == from ? into : group;
        }
        return into;
    }

    std::vector<Image::Part> groups_;
    std::map<OpenId, std::size_t> groups_by_id_;
    std::map<std::string, std::size_t> groups_by_name_;
};

std::uint64_t carry(std::uint64_t deadline, std::uint64_t from, std::uint64_t to) {
    // Why unchanged on the same clock: what is put back must be what was saved, also when it is
    // overdue.
    if (deadline == no_deadline || from == to) {
        return deadline;
    }
    return to + (deadline - std::min(deadline, from));
}

}  // namespace

std::string save(const Image& image) {
    Appender out;
    out.u32(snapshot_version);
    out.u64(image.clock);
    out.u32(static_cast<std::uint32_t>(image.last_ids.size()));
    for (const auto& [node, id] : image.last_ids) {
        out.u32(node);
        out.u64(id);
    }
    out.u32(static_cast<std::uint32_t>(image.cleared.size()));
    for (const auto& [id, deadline] : image.cleared) {
        out.u64(id);
        out.u64(deadline);
    }
    out.u32(static_cast<std::uint32_t>(image.channels.size()));
    for (const Image::Part& part : image.channels) {
        write_id(out, part.id);
        out.u8(part.is_unlinked ? 1 : 0);
        out.text(part.name);
        out.u32(static_cast<std::uint32_t>(part.opens.size()));
        for (const auto& [id, flags] : part.opens) {
            write_id(out, id);
            out.u32(flags);
        }
        out.u32(static_cast<std::uint32_t>(part.kept.size()));
        for (const Kept& kept : part.kept) {
            out.u64(kept.deadline);
            out.text(*kept.event);
        }
    }
    return out.take();
}

Result<Image> restore(Bytes snapshot) {
    Reader in(snapshot);
    if (in.u32() != snapshot_version) {
        return corrupt("its version is unknown");
    }
    Image image;
    image.clock = in.u64();
    const std::uint32_t nodes = in.u32();
    for (std::uint32_t i = 0; i < nodes && in.ok(); ++i) {
        const std::uint32_t node = in.u32();
        if (!image.last_ids.empty() && node <= image.last_ids.rbegin()->first) {
            return corrupt("nodes are out of order");
        }
        image.last_ids.emplace(node, in.u64());
    }
    const std::uint32_t cleared = in.u32();
    for (std::uint32_t i = 0; i < cleared && in.ok(); ++i) {
        const std::uint64_t id = in.u64();
        if (!image.cleared.empty() && id <= image.cleared.rbegin()->first) {
            return corrupt("cleared events are out of order");
        }
        image.cleared.emplace(id, in.u64());
    }
    const std::uint32_t channels = in.u32();
    std::set<std::string> names;
    std::set<OpenId> opens;
    std::set<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < channels && in.ok(); ++i) {
        Image::Part part;
        if (const char* wrong = read_part(in, part, opens, ids)) {
            return corrupt(wrong);
        }
        if (!image.channels.empty() && part.id <= image.channels.back().id) {
            return corrupt("channels are out of order");
        }
        if (part.is_unlinked ? part.opens.empty() : !names.insert(part.name).second) {
            return corrupt("a name is taken twice, or an unlinked channel has nobody");
        }
        image.channels.push_back(std::move(part));
    }
    if (!in.finished()) {
        return corrupt("it ends too early or too late");
    }
    return image;
}

Result<Image> merge(std::span<const SavedState> states, std::span<const ais_node_id> nodes) {
    std::vector<Image> images;
    Image merged;
    for (const SavedState& state : states) {
        auto restored = restore(state.bytes);
        if (!restored) {
            return restored.error();
        }
        merged.clock = std::max(merged.clock, restored->clock);
        images.push_back(restored.take());
    }
    for (const Image& image : images) {
        for (const auto& [node, id] : image.last_ids) {
            auto& last = merged.last_ids[node];
            last = std::max(last, id);
        }
        for (const auto& [id, deadline] : image.cleared) {
            auto& latest = merged.cleared[id];
            latest = std::max(latest, carry(deadline, image.clock, merged.clock));
        }
    }

    std::map<std::uint64_t, std::uint64_t> longest;
    for (const Image& image : images) {
        for (const Image::Part& part : image.channels) {
            for (const Kept& kept : part.kept) {
                auto& latest = longest[kept.id];
                latest = std::max(latest, carry(kept.deadline, image.clock, merged.clock));
            }
        }
    }

    Uniter channels;
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const SavedState& state = states[i];
        for (const Image::Part& part : images[i].channels) {
            Image::Part& channel = channels.find(part);
            for (const auto& open : part.opens) {
                // Without a list it is a state put back as it was saved.
                const ais_node_id node = open.first.node;
                if ((state.members.empty() || contains(state.members, node)) &&
                    (nodes.empty() || contains(nodes, node))) {
                    channel.opens.push_back(open);
                }
            }
            for (Kept kept : part.kept) {
                if (!merged.cleared.contains(kept.id) && seen.insert(kept.id).second) {
                    kept.deadline = longest[kept.id];
                    channel.kept.push_back(std::move(kept));
                }
            }
        }
    }
    merged.channels = channels.take();
    return merged;
}

}  // namespace ais::evt
