// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace ais::lck {
namespace {

constexpr std::uint32_t snapshot_version = 2;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of lck: ") + what};
}

bool contains(std::span<const ais_node_id> ascending, ais_node_id node) {
    return std::binary_search(ascending.begin(), ascending.end(), node);
}

bool is_held(Kind kind) {
    return kind == Kind::granted || kind == Kind::orphan;
}

void write_id(Appender& out, Id id) {
    out.u32(id.node);
    out.u64(id.number);
}
Id read_id(Reader& in) {
    const std::uint32_t node = in.u32();
    return {node, in.u64()};
}

bool read_past(Reader& in, Past& past) {
    past.any = Fence::decode(in);
    past.exclusive = Fence::decode(in);
    return in.ok() && !(past.any < past.exclusive);
}
void write_past(Appender& out, const Past& past) {
    past.any.encode(out);
    past.exclusive.encode(out);
}

// Decodes the resources of one snapshot and holds them against each other.
class Parts {
  public:
    Parts(Reader& in, std::uint64_t last_place) : in_(in), last_place_(last_place) {}

    // Null, or what is wrong.
    const char* read(Image::Part& part) {
        part.name = in_.text();
        if (!in_.ok() || !is_name(as_bytes(part.name))) {
            return "a resource has a bad name";
        }
        if (!read_past(in_, part.past)) {
            return "a resource has an impossible past";
        }
        const char* wrong = read_opens(part);
        return wrong != nullptr ? wrong : read_locks(part);
    }

  private:
    const char* read_opens(Image::Part& part) {
        const std::uint32_t count = in_.u32();
        if (!in_.ok() || count > in_.remaining() / 24) {
            return "a resource has an impossible number of opens";
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            Image::OpenPart open;
            open.id = read_id(in_);
            open.client = in_.u64();
            open.pid = in_.u32();
            if (!opens_.insert(open.id).second ||
                (!part.opens.empty() && open.id <= part.opens.back().id)) {
                return "opens are out of order, or twice";
            }
            part.opens.push_back(open);
        }
        return nullptr;
    }
    const char* read_locks(Image::Part& part) {
        const std::uint32_t count = in_.u32();
        if (!in_.ok() || count > in_.remaining() / 71) {
            return "a resource has an impossible number of locks";
        }
        std::size_t exclusive = 0;
        std::size_t held = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            Image::LockPart lock;
            lock.id = read_id(in_);
            const std::uint8_t kind = in_.u8();
            const std::uint8_t mode = in_.u8();
            lock.flags = in_.u8();
            lock.open = in_.u64();
            lock.signal = in_.u64();
            lock.place = in_.u64();
            lock.fence = Fence::decode(in_);
            lock.since = Fence::decode(in_);
            lock.kind = static_cast<Kind>(kind);
            lock.mode = static_cast<Mode>(mode);
            if (!in_.ok() || kind < 1 || kind > 4 || !is_mode(mode) ||
                (lock.flags & ~lock_flags_all) != 0 ||
                (lock.fence != Fence{}) != is_held(lock.kind) ||
                (lock.since != Fence{}) != is_held(lock.kind)) {
                return "a lock does not decode";
            }
            if (!locks_.insert(lock.id).second || !places_.insert(lock.place).second ||
                lock.place > last_place_ ||
                (!part.locks.empty() && lock.place <= part.locks.back().place)) {
                return "locks are out of order, or twice";
            }
            if (lock.kind == Kind::orphan ? lock.open != 0 || (lock.flags & flag_orphan) == 0
                                          : !has_open(part, {lock.id.node, lock.open})) {
                return "a lock has no open, or an orphan has one";
            }
            held += is_held(lock.kind) ? 1 : 0;
            exclusive += is_held(lock.kind) && lock.mode == Mode::exclusive ? 1 : 0;
            part.locks.push_back(lock);
        }
        if (exclusive > 0 && held > 1) {
            return "locks that are granted are in conflict";
        }
        if (part.opens.empty() && held == 0) {
            return "a resource has neither opens nor orphans";
        }
        return nullptr;
    }
    static bool has_open(const Image::Part& part, Id id) {
        const auto place = std::lower_bound(
            part.opens.begin(), part.opens.end(), id, [](const Image::OpenPart& open, Id wanted) {
                return open.id < wanted;
            });
        return place != part.opens.end() && place->id == id;
    }

    Reader& in_;
    std::uint64_t last_place_;
    std::set<Id> opens_;
    std::set<Id> locks_;
    std::set<std::uint64_t> places_;
};

bool is_there(const Image& image, std::string_view name) {
    const auto at = std::lower_bound(
        image.resources.begin(), image.resources.end(), name, [](const auto& part, auto wanted) {
            return part.name < wanted;
        });
    return at != image.resources.end() && at->name == name;
}

// What is not there any more.  Null, or what is wrong.
const char* read_memory(Reader& in, Image& image) {
    const std::uint32_t resources = in.u32();
    if (!in.ok() || resources > past_max) {
        return "an impossible number of resources that are gone";
    }
    for (std::uint32_t i = 0; i < resources; ++i) {
        const std::string name(in.text());
        Past past;
        if (!read_past(in, past) || !is_name(as_bytes(name)) || past.any == Fence{} ||
            (!image.past.empty() && name <= image.past.rbegin()->first) || is_there(image, name)) {
            return "a resource that is gone does not decode";
        }
        image.past.emplace_hint(image.past.end(), name, past);
    }
    image.forgotten = Fence::decode(in);
    const std::uint32_t purged = in.u32();
    if (!in.ok() || purged > purged_max) {
        return "an impossible number of purged orphans";
    }
    for (std::uint32_t i = 0; i < purged; ++i) {
        const std::uint64_t count = in.u64();
        const Id id = read_id(in);
        if (!in.ok() || (!image.purged.empty() && std::pair(count, id) <= *image.purged.rbegin())) {
            return "a purged orphan does not decode";
        }
        image.purged.emplace_hint(image.purged.end(), count, id);
    }
    return nullptr;
}

// Where a lock comes in the merged order: what is granted before what waits (a lock of one
// component stays though another one's request, made before it, waits), then by rank, then as it
// was.
using Order = std::tuple<bool, std::size_t, std::uint64_t>;

Order order_of(std::size_t rank, const Image::LockPart& lock) {
    return {!is_held(lock.kind), rank, lock.place};
}

// One resource, as it is put together from all components, the first in rank first.
struct Union {
    Past past;
    std::map<Id, Image::OpenPart> opens;
    std::map<Order, Image::LockPart> locks;
};

class Uniter {
  public:
    explicit Uniter(std::span<const ais_node_id> nodes) : nodes_(nodes) {}

    // Before anything is added: what every component has seen come and go.
    void remember(std::span<const Image> images) {
        for (const Image& image : images) {
            for (const Image::Part& part : image.resources) {
                resources_[part.name].past.note(part.past);
            }
            for (const auto& [name, past] : image.past) {
                past_[name].note(past);
            }
            for (const auto& [count, id] : image.purged) {
                std::uint64_t& latest = purged_[id];
                latest = std::max(latest, count);
            }
            forgotten_ = std::max(forgotten_, image.forgotten);
        }
        for (auto& [name, whole] : resources_) {
            const auto past = past_.find(name);
            if (past != past_.end()) {
                whole.past.note(past->second);
                past_.erase(past);
            }
            // Who knows nothing of it may have forgotten it.
            for (const Image& image : images) {
                if (!image.past.contains(name) && !is_there(image, name)) {
                    whole.past.note({image.forgotten, image.forgotten});
                }
            }
        }
    }

    void add(std::size_t rank, const Image& image, std::span<const ais_node_id> members) {
        for (const Image::Part& part : image.resources) {
            Union& whole = resources_[part.name];
            std::set<Id> kept_before;
            bool has_exclusive = false;
            for (const auto& [place, lock] : whole.locks) {
                if (is_held(lock.kind)) {
                    kept_before.insert(lock.id);
                    has_exclusive = has_exclusive || lock.mode == Mode::exclusive;
                }
            }
            for (const Image::OpenPart& open : part.opens) {
                // Without a list it is a state put back as it was saved.
                if ((members.empty() || contains(members, open.id.node)) &&
                    (nodes_.empty() || contains(nodes_, open.id.node)) &&
                    opens_.insert(open.id).second) {
                    whole.opens.emplace(open.id, open);
                }
            }
            for (const Image::LockPart& lock : part.locks) {
                add_lock(rank, whole, lock, kept_before, has_exclusive);
            }
        }
    }

    // All places anew: what was before in rank is before in the queue.
    void take(Image& image) {
        std::map<Order, Image::LockPart*> order;
        for (auto& [name, whole] : resources_) {
            for (auto& [place, lock] : whole.locks) {
                order.emplace(place, &lock);
            }
        }
        image.last_place = 0;
        for (auto& [place, lock] : order) {
            lock->place = ++image.last_place;
        }
        for (auto& [name, whole] : resources_) {
            Image::Part part;
            part.name = name;
            part.past = whole.past;
            bool is_held_by_somebody = false;
            for (const auto& [id, open] : whole.opens) {
                part.opens.push_back(open);
            }
            for (const auto& [place, lock] : whole.locks) {
                is_held_by_somebody = is_held_by_somebody || is_held(lock.kind);
                part.locks.push_back(lock);
            }
            if (!part.opens.empty() || is_held_by_somebody) {
                image.resources.push_back(std::move(part));
            } else if (part.past.any != Fence{}) {
                past_.emplace(name, part.past);
            }
        }
        image.past = std::move(past_);
        image.forgotten = forgotten_;
        for (const auto& [id, count] : purged_) {
            if (!locks_.contains(id)) {  // else its holder lives
                image.purged.emplace(count, id);
            }
        }
        image.forget_oldest();
    }

  private:
    void add_lock(std::size_t rank,
                  Union& whole,
                  const Image::LockPart& lock,
                  const std::set<Id>& kept_before,
                  bool has_exclusive) {
        const bool has_open = whole.opens.contains({lock.id.node, lock.open});
        if (lock.kind != Kind::orphan && !has_open) {
            return;
        }
        if (lock.kind == Kind::orphan && purged_.contains(lock.id)) {
            return;
        }
        if (lock.kind == Kind::granted && whole.past.overtakes(lock.mode, lock.since)) {
            return;  // lost: somebody else had it meanwhile
        }
        if (is_held(lock.kind) && kept_before.contains(lock.id)) {
            // The same lock; an orphan there, while its holder lives here.
            if (lock.kind == Kind::granted) {
                for (auto& [place, kept] : whole.locks) {
                    if (kept.id == lock.id && kept.mode == lock.mode) {
                        kept = lock;
                    }
                }
            }
            return;
        }
        if (is_held(lock.kind) && !kept_before.empty() &&
            (has_exclusive || lock.mode == Mode::exclusive)) {
            return;  // lost
        }
        if (!locks_.insert(lock.id).second) {
            return;  // a number that its node used twice
        }
        whole.locks.emplace(order_of(rank, lock), lock);
    }

    std::span<const ais_node_id> nodes_;
    std::map<std::string, Union> resources_;
    std::map<std::string, Past, std::less<>> past_;
    Fence forgotten_;
    std::map<Id, std::uint64_t> purged_;
    std::set<Id> opens_;
    std::set<Id> locks_;
};

// More members first, then the lower lowest member.
std::vector<std::size_t> ranking(std::span<const SavedState> states) {
    std::vector<std::size_t> order(states.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return states[a].members.size() > states[b].members.size();
    });
    return order;  // states come in ascending order of the lowest member
}

}  // namespace

std::string save(const Image& image) {
    Appender out;
    out.u32(snapshot_version);
    out.u8(image.is_frozen ? 1 : 0);
    out.u64(image.count);
    out.u64(image.last_place);
    out.u32(static_cast<std::uint32_t>(image.resources.size()));
    for (const Image::Part& part : image.resources) {
        out.text(part.name);
        write_past(out, part.past);
        out.u32(static_cast<std::uint32_t>(part.opens.size()));
        for (const Image::OpenPart& open : part.opens) {
            write_id(out, open.id);
            out.u64(open.client);
            out.u32(open.pid);
        }
        out.u32(static_cast<std::uint32_t>(part.locks.size()));
        for (const Image::LockPart& lock : part.locks) {
            write_id(out, lock.id);
            out.u8(static_cast<std::uint8_t>(lock.kind));
            out.u8(static_cast<std::uint8_t>(lock.mode));
            out.u8(static_cast<std::uint8_t>(lock.flags));
            out.u64(lock.open);
            out.u64(lock.signal);
            out.u64(lock.place);
            lock.fence.encode(out);
            lock.since.encode(out);
        }
    }
    out.u32(static_cast<std::uint32_t>(image.past.size()));
    for (const auto& [name, past] : image.past) {
        out.text(name);
        write_past(out, past);
    }
    image.forgotten.encode(out);
    out.u32(static_cast<std::uint32_t>(image.purged.size()));
    for (const auto& [count, id] : image.purged) {
        out.u64(count);
        write_id(out, id);
    }
    return out.take();
}

Result<Image> restore(Bytes snapshot) {
    Reader in(snapshot);
    if (in.u32() != snapshot_version) {
        return corrupt("its version is unknown");
    }
    Image image;
    const std::uint8_t is_frozen = in.u8();
    image.is_frozen = is_frozen == 1;
    image.count = in.u64();
    image.last_place = in.u64();
    const std::uint32_t resources = in.u32();
    if (!in.ok() || is_frozen > 1) {
        return corrupt("its head does not decode");
    }
    Parts parts(in, image.last_place);
    for (std::uint32_t i = 0; i < resources && in.ok(); ++i) {
        Image::Part part;
        if (const char* wrong = parts.read(part)) {
            return corrupt(wrong);
        }
        if (!image.resources.empty() && part.name <= image.resources.back().name) {
            return corrupt("resources are out of order");
        }
        image.resources.push_back(std::move(part));
    }
    if (const char* wrong = read_memory(in, image)) {
        return corrupt(wrong);
    }
    if (!in.finished()) {
        return corrupt("it ends too early or too late");
    }
    return image;
}

Result<Image> merge(std::span<const SavedState> states, std::span<const ais_node_id> nodes) {
    std::vector<Image> images;
    for (const SavedState& state : states) {
        auto restored = restore(state.bytes);
        if (!restored) {
            return restored.error();
        }
        images.push_back(restored.take());
    }
    if (images.size() == 1) {
        return std::move(images.front());
    }
    Image merged;
    Uniter uniter(nodes);
    uniter.remember(images);
    std::size_t rank = 0;
    for (const std::size_t which : ranking(states)) {
        merged.count = std::max(merged.count, images[which].count);
        uniter.add(rank++, images[which], states[which].members);
    }
    uniter.take(merged);
    return merged;
}

}  // namespace ais::lck
