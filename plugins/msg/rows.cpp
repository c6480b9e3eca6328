// SPDX-License-Identifier: BSD-3-Clause

#include "rows.hpp"

#include <algorithm>
#include <string_view>

namespace ais::msg {

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
}

void write_group(Appender& out, const Group& group) {
    out.text(group.name);
    out.u32(static_cast<std::uint32_t>(group.policy));
    out.u64(group.turns);
    out.u32(static_cast<std::uint32_t>(group.members.size()));
    for (const Group::Member& member : group.members) {
        member.queue.encode(out);
        out.u64(member.turn);
    }
}

bool read_flag(Reader& in) {
    const std::uint8_t flag = in.u8();
    if (flag > 1) {
        in.fail();
    }
    return flag == 1;
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
    if (is_open
            ? queue.closed_at != 0 || queue.is_closed_at_guessed || queue.deadline != no_deadline
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
    return nullptr;
}

const char* read_group(Reader& in, Group& group) {
    group.name = in.text();
    const std::uint32_t policy = in.u32();
    group.turns = in.u64();
    const std::uint32_t count = in.u32();
    if (!in.ok() || !is_name(group.name) || !is_policy(policy) || group.turns >> 63 != 0 ||
        count > in.remaining() / 20) {
        return "a group has a bad name or policy, or an impossible number of members";
    }
    group.policy = static_cast<Policy>(policy);
    for (std::uint32_t i = 0; i < count; ++i) {
        const OpenId queue = OpenId::decode(in);
        group.members.push_back({queue, in.u64()});
        if (group.members.back().turn > group.turns) {
            return "a member of a group has had a turn that was not yet";
        }
    }
    return nullptr;
}

namespace {

template <typename T>
bool has_twice(std::vector<T>& list) {
    std::sort(list.begin(), list.end());
    return std::adjacent_find(list.begin(), list.end()) != list.end();
}

const char* find_fault(const QueueImage& queue) {
    std::vector<MessageId> ids;
    for (const auto& area : queue.areas) {
        for (const Stored& message : area) {
            if (message.is_taken && queue.owner.node == 0) {
                return "a message is taken by nobody";
            }
            ids.push_back(message.id);
        }
    }
    return has_twice(ids) ? "a message is in a queue twice" : nullptr;
}

}  // namespace

const char* find_fault(const Image& image) {
    std::map<OpenId, bool> queues;  // unlinked?
    std::vector<std::string_view> names;
    std::vector<OpenId> opens;
    for (const QueueImage& queue : image.queues) {
        if (!queues.empty() && queue.id <= queues.rbegin()->first) {
            return "queues are out of order";
        }
        if (const char* wrong = find_fault(queue)) {
            return wrong;
        }
        queues.emplace_hint(queues.end(), queue.id, queue.is_unlinked);
        if (!queue.is_unlinked) {
            names.emplace_back(queue.name);
        }
        if (queue.owner.node != 0) {
            opens.push_back(queue.owner);
        }
    }
    std::string_view last;
    for (const Group& group : image.groups) {
        if (group.name <= last) {
            return "groups are out of order";
        }
        last = group.name;
        names.emplace_back(group.name);
        std::vector<OpenId> members;
        for (const Group::Member& member : group.members) {
            const auto found = queues.find(member.queue);
            if (found == queues.end() || found->second) {
                return "a member of a group is no queue";
            }
            members.push_back(member.queue);
        }
        if (has_twice(members)) {
            return "a group has a member twice";
        }
    }
    if (has_twice(names) || has_twice(opens)) {
        return "a name or an open is taken twice";
    }
    return nullptr;
}

}  // namespace ais::msg
