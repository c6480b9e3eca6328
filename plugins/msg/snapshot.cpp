// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include "rows.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ais::msg {
namespace {

constexpr std::uint32_t snapshot_version = 1;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of msg: ") + what};
}

void write_messages(Appender& out, const QueueImage& queue) {
    for (const auto& area : queue.areas) {
        out.u32(static_cast<std::uint32_t>(area.size()));
        for (const Stored& message : area) {
            message.id.encode(out);
            out.u64(message.sender_id);
            out.u8(message.is_taken ? 1 : 0);
            out.text(*message.bytes);
        }
    }
}

// Null, or what is wrong.
const char* read_messages(Reader& in, QueueImage& queue) {
    for (std::size_t priority = 0; priority < priorities; ++priority) {
        const std::uint32_t count = in.u32();
        if (!in.ok() || count > in.remaining() / (MessageId::size + 13)) {
            return "an area has an impossible number of messages";
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            Stored stored;
            stored.id = MessageId::decode(in);
            stored.sender_id = in.u64();
            stored.is_taken = read_flag(in);
            const Bytes bytes = in.block();
            Message message;
            if (!in.ok() || !Message::decode(bytes, message) || message.priority != priority) {
                return "a message does not decode";
            }
            stored.size = message.data.size();
            stored.bytes = std::make_shared<const std::string>(as_text(bytes));
            queue.areas[priority].push_back(std::move(stored));
        }
    }
    return nullptr;
}

// Without a list of members it is a state put back as it was saved.
bool speaks_for(const Component& side, std::uint32_t node) {
    return side.members.empty() ||
           std::binary_search(side.members.begin(), side.members.end(), node);
}
// The side that decides where two differ.
bool outranks(const Component& side, const Component& other) {
    if (side.members.size() != other.members.size()) {
        return side.members.size() > other.members.size();
    }
    return !side.members.empty() && side.members.front() < other.members.front();
}

// One queue as the sides have it.
struct Source {
    std::size_t side = 0;
    const QueueImage* queue = nullptr;
};
using Sources = std::vector<Source>;

// Collects the queues of all sides: what is one queue.
class Uniter {
  public:
    void add(const Source& source) {
        const QueueImage& queue = *source.queue;
        const auto by_id = by_id_.find(queue.id);
        const auto by_name = queue.is_unlinked ? by_name_.end() : by_name_.find(queue.name);
        std::size_t place = united_.size();
        if (by_id != by_id_.end()) {
            place = by_id->second;
            if (by_name != by_name_.end() && by_name->second != place) {
                join(place, by_name->second);
            }
        } else if (by_name != by_name_.end()) {
            place = by_name->second;
        } else {
            united_.emplace_back();
        }
        by_id_[queue.id] = place;
        if (!queue.is_unlinked) {
            by_name_[queue.name] = place;
        }
        united_[place].push_back(source);
    }
    [[nodiscard]] const std::vector<Sources>& united() const { return united_; }

  private:
    // A name has turned out to be one queue with an id.
    void join(std::size_t into, std::size_t from) {
        united_[into].insert(united_[into].end(), united_[from].begin(), united_[from].end());
        united_[from].clear();
        for (auto& [id, place] : by_id_) {
            place = place == from ? into : place;
        }
        for (auto& [name, place] : by_name_) {
            place = place == from ? into : place;
        }
    }

    std::vector<Sources> united_;
    std::map<OpenId, std::size_t> by_id_;
    std::map<std::string, std::size_t> by_name_;
};

class Merger {
  public:
    Merger(const std::vector<Component>& sides, std::span<const ais_node_id> nodes)
        : sides_(sides), nodes_(nodes) {}

    Image merge() {
        Uniter uniter;
        for (std::size_t side = 0; side < sides_.size(); ++side) {
            const Image& image = sides_[side].image;
            merged_.clock = std::max(merged_.clock, image.clock);
            merged_.time_of_day = std::max(merged_.time_of_day, image.time_of_day);
            for (const QueueImage& queue : image.queues) {
                uniter.add({side, &queue});
            }

            for (const auto& [id, capacity] : image.requests) {
                const auto node = static_cast<std::uint32_t>(id >> 32);
                if (speaks_for(sides_[side], node) && is_here(node)) {
                    merged_.requests.emplace(id, capacity);
                }
            }
        }
        for (const Sources& sources : uniter.united()) {
            if (!sources.empty()) {
                unite(sources);
            }
        }
        std::sort(merged_.queues.begin(), merged_.queues.end(), [](const auto& a, const auto& b) {
            return a.id < b.id;
        });
        unite_groups();
        unite_refused();
        return std::move(merged_);
    }

  private:
    [[nodiscard]] bool is_here(std::uint32_t node) const {
        return nodes_.empty() || std::binary_search(nodes_.begin(), nodes_.end(), node);
    }
    [[nodiscard]] bool is_open(const Source& source) const {
        const std::uint32_t node = source.queue->owner.node;
        return node != 0 && speaks_for(sides_[source.side], node) && is_here(node);
    }
    // Does `a` decide rather than `b`?
    [[nodiscard]] bool decides(const Source& a, const Source& b) const {
        if (is_open(a) != is_open(b)) {
            return is_open(a);
        }
        if (a.side != b.side) {
            return outranks(sides_[a.side], sides_[b.side]) ||
                   (!outranks(sides_[b.side], sides_[a.side]) && a.side < b.side);
        }
        return a.queue->is_unlinked != b.queue->is_unlinked ? b.queue->is_unlinked
                                                            : a.queue->id < b.queue->id;
    }
    [[nodiscard]] std::uint64_t carry(std::uint64_t deadline, std::size_t side) const {
        const std::uint64_t from = sides_[side].image.clock;
        return deadline == no_deadline ? no_deadline
                                       : merged_.clock + (deadline - std::min(deadline, from));
    }

    void unite(const Sources& sources) {
        const Source* best = &sources.front();
        for (const Source& source : sources) {
            best = decides(source, *best) ? &source : best;
        }
        QueueImage queue;
        queue.id = best->queue->id;
        queue.name = best->queue->name;
        queue.attributes = best->queue->attributes;
        queue.thresholds = best->queue->thresholds;
        queue.is_unlinked = true;
        for (const Source& source : sources) {
            queue.id = std::min(queue.id, source.queue->id);
            if (queue.is_unlinked && !source.queue->is_unlinked) {
                queue.is_unlinked = false;
                queue.name = source.queue->name;
            }
            queue.closings = std::max(queue.closings, source.queue->closings);
            for (const auto& [sender, number] : source.queue->removed) {
                std::uint64_t& highest = queue.removed[sender];
                highest = std::max(highest, number);
            }
        }
        forget_oldest(queue.removed);
        if (is_open(*best)) {
            queue.owner = best->queue->owner;
            queue.open_flags = best->queue->open_flags;
        } else if (queue.is_unlinked) {
            return;  // nobody can ever have it again
        } else {
            close(queue, sources);
        }
        for (std::size_t priority = 0; priority < priorities; ++priority) {
            unite_messages(queue, sources, priority);
        }
        queue.reached = reached(queue, best->queue->reached);
        for (const Source& source : sources) {
            final_ids_[source.queue->id] = queue.id;
        }
        merged_.queues.push_back(std::move(queue));
    }

    void close(QueueImage& queue, const Sources& sources) const {
        // Why: a word that the retention is over may be on its way, from a side that knew less.
        ++queue.closings;
        bool has_rest = false;
        std::uint64_t latest = 0;
        for (const Source& source : sources) {
            queue.closed_at = std::max(queue.closed_at, source.queue->closed_at);
            queue.is_closed_at_guessed =
                queue.is_closed_at_guessed || source.queue->is_closed_at_guessed;
            if (source.queue->owner.node == 0) {
                has_rest = true;
                latest = std::max(latest, carry(source.queue->deadline, source.side));
            }
        }
        if (!has_rest) {
            // Open on sides that do not speak for their opens: as if closed now.
            queue.closed_at = std::max<std::int64_t>(merged_.time_of_day, 1);
            queue.is_closed_at_guessed = true;
        }
        const bool has_end = !queue.attributes.is_persistent() &&
                             queue.attributes.retention != std::numeric_limits<std::int64_t>::max();
        if (!has_end) {
            queue.deadline = no_deadline;
        } else if (has_rest && latest != no_deadline) {
            queue.deadline = latest;
        } else {
            queue.deadline = merged_.clock + static_cast<std::uint64_t>(queue.attributes.retention);
        }
    }

    // What a side knows of the messages of one queue.
    struct Knowledge {
        bool has_queue = false;
        Removed removed;
        std::vector<MessageId> listed;                 // ascending
        const std::set<MessageId>* refused = nullptr;  // by this side

        [[nodiscard]] bool has_consumed(const MessageId& id, std::uint8_t priority) const {
            const auto found = removed.find({id.start, id.node, priority});
            return has_queue && found != removed.end() && id.number <= found->second &&
                   !std::binary_search(listed.begin(), listed.end(), id) && !refused->contains(id);
        }
    };

    void unite_messages(QueueImage& queue, const Sources& sources, std::size_t priority) const {
        std::vector<Knowledge> knowledge(sides_.size());
        for (const Source& source : sources) {
            Knowledge& side = knowledge[source.side];
            side.has_queue = true;
            side.refused = &sides_[source.side].image.refused;
            for (const auto& [sender, number] : source.queue->removed) {
                std::uint64_t& highest = side.removed[sender];
                highest = std::max(highest, number);
            }
            for (const Stored& message : source.queue->areas[priority]) {
                side.listed.push_back(message.id);
            }
        }
        for (Knowledge& side : knowledge) {
            std::sort(side.listed.begin(), side.listed.end());
        }
        std::set<MessageId> taken;
        std::set<MessageId> seen;
        auto& messages = queue.areas[priority];
        for (const Source& source : sources) {
            const bool keeps_taken = queue.owner.node != 0 && source.queue->owner == queue.owner;
            for (const Stored& message : source.queue->areas[priority]) {
                if (message.is_taken && keeps_taken) {
                    taken.insert(message.id);
                }
                const bool is_gone =
                    std::any_of(knowledge.begin(), knowledge.end(), [&](const auto& side) {
                        return side.has_consumed(message.id, static_cast<std::uint8_t>(priority));
                    });
                if (!is_gone && (sources.size() == 1 || seen.insert(message.id).second)) {
                    messages.push_back(message);
                }
            }
        }
        for (Stored& message : messages) {
            message.is_taken = taken.contains(message.id);
        }
        if (!is_in_order_of_senders(messages)) {
            keep_order_of_senders(messages);
        }
    }

    static bool is_in_order_of_senders(const std::vector<Stored>& messages) {
        std::map<std::uint32_t, const MessageId*> last;  // by node
        return std::all_of(messages.begin(), messages.end(), [&](const Stored& message) {
            const MessageId* before = std::exchange(last[message.id.node], &message.id);
            return before == nullptr || *before < message.id;
        });
    }

    // Those of one node into the order of their ids, in the places that they have.
    static void keep_order_of_senders(std::vector<Stored>& messages) {
        std::map<std::uint32_t, std::vector<std::size_t>> places;
        for (std::size_t i = 0; i < messages.size(); ++i) {
            places[messages[i].id.node].push_back(i);
        }
        for (const auto& [node, mine] : places) {
            std::vector<Stored> sorted;
            sorted.reserve(mine.size());
            for (const std::size_t place : mine) {
                sorted.push_back(messages[place]);
            }
            std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
                return a.id < b.id;
            });
            for (std::size_t i = 0; i < mine.size(); ++i) {
                messages[mine[i]] = std::move(sorted[i]);
            }
        }
    }

    // As Queue has it after these messages.
    static std::uint8_t reached(const QueueImage& queue, std::uint8_t before) {
        for (std::size_t i = 0; i < priorities; ++i) {
            std::uint64_t used = 0;
            for (const Stored& message : queue.areas[i]) {
                used += message.is_taken ? 0 : message.size;
            }
            const auto bit = static_cast<std::uint8_t>(1U << i);
            if (used >= queue.thresholds.reached[i] && used > 0) {
                before |= bit;
            } else if (used <= queue.thresholds.available[i]) {
                before &= static_cast<std::uint8_t>(~bit);
            }
        }
        return before;
    }

    // What every side that could have it has refused.  What another has accepted is in a queue
    // now, or was consumed there, and the marks are right about it.
    void unite_refused() {
        std::set<MessageId> refused;
        for (const Component& side : sides_) {
            refused.insert(side.image.refused.begin(), side.image.refused.end());
        }
        if (refused.empty()) {
            return;
        }
        std::set<MessageId> listed;
        for (const QueueImage& queue : merged_.queues) {
            for (const auto& area : queue.areas) {
                for (const Stored& message : area) {
                    if (refused.contains(message.id)) {
                        listed.insert(message.id);
                    }
                }
            }
        }
        for (const Component& side : sides_) {
            for (const MessageId& id : side.image.refused) {
                const bool was_accepted =
                    listed.contains(id) ||
                    std::any_of(sides_.begin(), sides_.end(), [&](const Component& other) {
                        return !other.image.refused.contains(id) && has_passed(other, id);
                    });
                if (!was_accepted) {
                    merged_.refused.insert(id);
                }
            }
        }
        while (merged_.refused.size() > refused_max) {
            merged_.refused.erase(merged_.refused.begin());
        }
    }
    // Something later of this sender has left a queue there.
    static bool has_passed(const Component& side, const MessageId& id) {
        return std::any_of(
            side.image.queues.begin(), side.image.queues.end(), [&](const QueueImage& queue) {
                return std::any_of(
                    queue.removed.begin(), queue.removed.end(), [&](const auto& mark) {
                        return mark.first.start == id.start && mark.first.node == id.node &&
                               mark.second >= id.number;
                    });
            });
    }

    void unite_groups() {
        std::map<OpenId, const QueueImage*> queues;
        std::set<std::string> names;
        for (const QueueImage& queue : merged_.queues) {
            queues[queue.id] = &queue;
            if (!queue.is_unlinked) {
                names.insert(queue.name);
            }
        }
        std::map<std::string, std::pair<Group, const Component*>> groups;
        for (const Component& side : sides_) {
            for (const Group& group : side.image.groups) {
                if (names.contains(group.name)) {
                    continue;  // on another side it is a queue
                }
                auto& [united, decider] = groups[group.name];
                if (decider == nullptr || outranks(side, *decider)) {
                    decider = &side;
                    united.policy = group.policy;
                }
                united.name = group.name;
                united.turns = std::max(united.turns, group.turns);
                for (const Group::Member& member : group.members) {
                    add_member(united, member, queues);
                }
            }
        }
        for (auto& [name, group] : groups) {
            merged_.groups.push_back(std::move(group.first));
        }
    }

    void add_member(Group& group,
                    const Group::Member& member,
                    const std::map<OpenId, const QueueImage*>& queues) const {
        const auto id = final_ids_.find(member.queue);
        const auto queue = id != final_ids_.end() ? queues.find(id->second) : queues.end();
        if (queue == queues.end() || queue->second->is_unlinked) {
            return;
        }
        const auto found = std::find_if(group.members.begin(),
                                        group.members.end(),
                                        [&](const auto& one) { return one.queue == queue->first; });
        if (found != group.members.end()) {
            found->turn = std::max(found->turn, member.turn);
        } else {
            group.members.push_back({queue->first, member.turn});
        }
    }

    const std::vector<Component>& sides_;
    std::span<const ais_node_id> nodes_;
    Image merged_;
    std::map<OpenId, OpenId> final_ids_;
};

}  // namespace

std::string save(const Image& image) {
    Appender out;
    out.u32(snapshot_version);
    out.u64(image.clock);
    out.i64(image.time_of_day);
    out.u32(static_cast<std::uint32_t>(image.queues.size()));
    for (const QueueImage& queue : image.queues) {
        write_queue(out, queue);
        write_messages(out, queue);
    }
    out.u32(static_cast<std::uint32_t>(image.groups.size()));
    for (const Group& group : image.groups) {
        write_group(out, group);
    }
    out.u32(static_cast<std::uint32_t>(image.requests.size()));
    for (const auto& [id, capacity] : image.requests) {
        out.u64(id);
        out.u64(capacity);
    }
    out.u32(static_cast<std::uint32_t>(image.refused.size()));
    for (const MessageId& id : image.refused) {
        id.encode(out);
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
    image.time_of_day = in.i64();
    const std::uint32_t queue_count = in.u32();
    for (std::uint32_t i = 0; i < queue_count && in.ok(); ++i) {
        QueueImage queue;
        const char* wrong = read_queue(in, queue);
        if (wrong == nullptr) {
            wrong = read_messages(in, queue);
        }
        if (wrong != nullptr) {
            return corrupt(wrong);
        }
        image.queues.push_back(std::move(queue));
    }
    const std::uint32_t group_count = in.u32();
    for (std::uint32_t i = 0; i < group_count && in.ok(); ++i) {
        Group group;
        if (const char* wrong = read_group(in, group)) {
            return corrupt(wrong);
        }
        image.groups.push_back(std::move(group));
    }
    const std::uint32_t requests = in.u32();
    for (std::uint32_t i = 0; i < requests && in.ok(); ++i) {
        const std::uint64_t id = in.u64();
        if (!image.requests.empty() && id <= image.requests.rbegin()->first) {
            return corrupt("requests are out of order");
        }
        image.requests.emplace(id, in.u64());
    }
    const std::uint32_t refused = in.u32();
    if (refused > refused_max) {
        return corrupt("too many refused messages");
    }
    for (std::uint32_t i = 0; i < refused && in.ok(); ++i) {
        const MessageId id = MessageId::decode(in);
        if (!image.refused.empty() && id <= *image.refused.rbegin()) {
            return corrupt("refused messages are out of order");
        }
        image.refused.insert(id);
    }
    if (!in.finished()) {
        return corrupt("it ends too early or too late");
    }
    if (const char* wrong = find_fault(image)) {
        return corrupt(wrong);
    }
    return image;
}

Image merge(std::vector<Component> components, std::span<const ais_node_id> nodes) {
    if (components.size() == 1) {
        return std::move(components.front().image);
    }
    return Merger(components, nodes).merge();
}

}  // namespace ais::msg
