// SPDX-License-Identifier: BSD-3-Clause

#include "snapshot.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ais::msg {
namespace {

constexpr std::uint32_t snapshot_version = 1;

Error corrupt(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("snapshot of msg: ") + what};
}

void write_queue(Appender& out, const QueueImage& queue) {
    queue.id.encode(out);
    out.text(queue.name);
    out.u8(queue.is_unlinked ? 1 : 0);
    queue.attributes.encode(out);
    queue.thresholds.encode(out);
    out.u8(queue.reached);
    queue.owner.encode(out);
    out.u32(queue.open_flags);
    out.u64(queue.closings);
    out.i64(queue.closed_at);
    out.u8(queue.is_closed_at_guessed ? 1 : 0);
    out.u64(queue.deadline);
    out.u32(static_cast<std::uint32_t>(queue.removed.size()));
    for (const auto& [sender, number] : queue.removed) {
        out.u64(sender.start);
        out.u32(sender.node);
        out.u8(sender.priority);
        out.u64(number);
    }
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

bool read_flag(Reader& in) {
    const std::uint8_t flag = in.u8();
    if (flag > 1) {
        in.fail();
    }
    return flag == 1;
}

// Null, or what is wrong.
const char* read_messages(Reader& in, QueueImage& queue) {
    std::set<MessageId> ids;
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
            if (!in.ok() || !Message::decode(bytes, message) || message.priority != priority ||
                !ids.insert(stored.id).second || (stored.is_taken && queue.owner.node == 0)) {
                return "a message does not decode, is there twice, or is taken by nobody";
            }
            stored.size = message.data.size();
            stored.bytes = std::make_shared<const std::string>(as_text(bytes));
            queue.areas[priority].push_back(std::move(stored));
        }
    }
    return nullptr;
}

const char* read_queue(Reader& in, QueueImage& queue) {
    queue.id = OpenId::decode(in);
    queue.name = in.text();
    queue.is_unlinked = read_flag(in);
    queue.attributes = Attributes::decode(in);
    queue.thresholds = Thresholds::decode(in);
    queue.reached = in.u8();
    queue.owner = OpenId::decode(in);
    queue.open_flags = in.u32();
    queue.closings = in.u64();
    queue.closed_at = in.i64();
    queue.is_closed_at_guessed = read_flag(in);
    queue.deadline = in.u64();
    const bool is_open = queue.owner.node != 0;
    if (!in.ok() || queue.id.node == 0 || !is_name(queue.name) || queue.attributes.is_too_big() ||
        !queue.thresholds.fits(queue.attributes.sizes) || queue.reached > 15 ||
        queue.open_flags > flags_all || queue.closed_at < 0) {
        return "a queue has impossible attributes";
    }
    if (is_open ? queue.closed_at != 0 || queue.is_closed_at_guessed ||
                      queue.deadline != no_deadline
                : queue.is_unlinked || queue.owner.number != 0 || queue.open_flags != 0 ||
                      queue.closed_at == 0 ||
                      (queue.attributes.is_persistent() && queue.deadline != no_deadline)) {
        return "a queue is neither open nor closed";
    }
    const std::uint32_t count = in.u32();
    if (!in.ok() || count > removed_max) {
        return "a queue remembers too many senders";
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        Sender sender;
        sender.start = in.u64();
        sender.node = in.u32();
        sender.priority = in.u8();
        if (!in.ok() || sender.priority >= priorities ||
            (!queue.removed.empty() && sender <= queue.removed.rbegin()->first)) {
            return "remembered senders are out of order";
        }
        queue.removed.emplace(sender, in.u64());
    }
    return read_messages(in, queue);
}

const char* read_group(Reader& in, Group& group, const std::map<OpenId, bool>& queues) {
    group.name = in.text();
    const std::uint32_t policy = in.u32();
    group.turns = in.u64();
    const std::uint32_t count = in.u32();
    if (!in.ok() || !is_name(group.name) || !is_policy(policy) || group.turns >> 63 != 0 ||
        count > in.remaining() / 20) {
        return "a group has a bad name or policy, or an impossible number of members";
    }
    group.policy = static_cast<Policy>(policy);
    std::set<OpenId> seen;
    for (std::uint32_t i = 0; i < count; ++i) {
        const OpenId queue = OpenId::decode(in);
        const std::uint64_t turn = in.u64();
        const auto found = queues.find(queue);
        if (found == queues.end() || found->second || !seen.insert(queue).second ||
            turn > group.turns) {
            return "a group has a member twice, or one that is no queue";
        }
        group.members.push_back({queue, turn});
    }
    return nullptr;
}

// One side of a merge.
struct Side {
    Image image;
    std::span<const ais_node_id> members;

    // Without a list it is a state put back as it was saved.
    [[nodiscard]] bool speaks_for(std::uint32_t node) const {
        return members.empty() || std::binary_search(members.begin(), members.end(), node);
    }
    // The side that decides where two differ.
    [[nodiscard]] bool outranks(const Side& other) const {
        if (members.size() != other.members.size()) {
            return members.size() > other.members.size();
        }
        return !members.empty() && members.front() < other.members.front();
    }
};

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
    Merger(const std::vector<Side>& sides, std::span<const ais_node_id> nodes)
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
                if (sides_[side].speaks_for(node) && is_here(node)) {
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
        return node != 0 && sides_[source.side].speaks_for(node) && is_here(node);
    }
    // Does `a` decide rather than `b`?
    [[nodiscard]] bool decides(const Source& a, const Source& b) const {
        if (is_open(a) != is_open(b)) {
            return is_open(a);
        }
        if (a.side != b.side) {
            return sides_[a.side].outranks(sides_[b.side]) ||
                   (!sides_[b.side].outranks(sides_[a.side]) && a.side < b.side);
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
        const bool has_end =
            !queue.attributes.is_persistent() &&
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
        std::set<MessageId> listed;
        const std::set<MessageId>* refused = nullptr;  // by this side

        [[nodiscard]] bool has_consumed(const MessageId& id, std::uint8_t priority) const {
            const auto found = removed.find({id.start, id.node, priority});
            return has_queue && found != removed.end() && id.number <= found->second &&
                   !listed.contains(id) && !refused->contains(id);
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
                side.listed.insert(message.id);
            }
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
                if (!is_gone && seen.insert(message.id).second) {
                    messages.push_back(message);
                }
            }
        }
        for (Stored& message : messages) {
            message.is_taken = taken.contains(message.id);
        }
        keep_order_of_senders(messages);
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
        std::set<MessageId> listed;
        for (const QueueImage& queue : merged_.queues) {
            for (const auto& area : queue.areas) {
                for (const Stored& message : area) {
                    listed.insert(message.id);
                }
            }
        }
        for (const Side& side : sides_) {
            for (const MessageId& id : side.image.refused) {
                const bool was_accepted =
                    listed.contains(id) ||
                    std::any_of(sides_.begin(), sides_.end(), [&](const Side& other) {
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
    static bool has_passed(const Side& side, const MessageId& id) {
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
        std::map<std::string, std::pair<Group, const Side*>> groups;
        for (const Side& side : sides_) {
            for (const Group& group : side.image.groups) {
                if (names.contains(group.name)) {
                    continue;  // on another side it is a queue
                }
                auto& [united, decider] = groups[group.name];
                if (decider == nullptr || side.outranks(*decider)) {
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

    const std::vector<Side>& sides_;
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
    }
    out.u32(static_cast<std::uint32_t>(image.groups.size()));
    for (const Group& group : image.groups) {
        out.text(group.name);
        out.u32(static_cast<std::uint32_t>(group.policy));
        out.u64(group.turns);
        out.u32(static_cast<std::uint32_t>(group.members.size()));
        for (const Group::Member& member : group.members) {
            member.queue.encode(out);
            out.u64(member.turn);
        }
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
    std::map<OpenId, bool> queues;  // unlinked?
    std::set<std::string> names;
    std::set<OpenId> opens;
    for (std::uint32_t i = 0; i < queue_count && in.ok(); ++i) {
        QueueImage queue;
        if (const char* wrong = read_queue(in, queue)) {
            return corrupt(wrong);
        }
        if (!image.queues.empty() && queue.id <= image.queues.back().id) {
            return corrupt("queues are out of order");
        }
        if ((!queue.is_unlinked && !names.insert(queue.name).second) ||
            (queue.owner.node != 0 && !opens.insert(queue.owner).second)) {
            return corrupt("a name or an open is taken twice");
        }
        queues[queue.id] = queue.is_unlinked;
        image.queues.push_back(std::move(queue));
    }
    const std::uint32_t group_count = in.u32();
    for (std::uint32_t i = 0; i < group_count && in.ok(); ++i) {
        Group group;
        if (const char* wrong = read_group(in, group, queues)) {
            return corrupt(wrong);
        }
        if ((!image.groups.empty() && group.name <= image.groups.back().name) ||
            names.contains(group.name)) {
            return corrupt("groups are out of order, or have the name of a queue");
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
    return image;
}

Result<Image> merge(std::span<const SavedState> states, std::span<const ais_node_id> nodes) {
    std::vector<Side> sides;
    for (const SavedState& state : states) {
        auto restored = restore(state.bytes);
        if (!restored) {
            return restored.error();
        }
        sides.push_back({restored.take(), state.members});
    }
    if (sides.size() == 1) {
        return std::move(sides.front().image);
    }
    return Merger(sides, nodes).merge();
}

}  // namespace ais::msg
