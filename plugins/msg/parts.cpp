// SPDX-License-Identifier: BSD-3-Clause

#include "parts.hpp"

#include "rows.hpp"

#include <ais/digest.hpp>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace ais::msg {
namespace {

// What a hash is taken of, so that no two kinds have their buckets in step.
enum class Of : std::uint64_t { queue = 1, place, body, group, request, bytes, part };

std::uint64_t digest_of(Bytes bytes, Of what) {
    return ais::digest_of(bytes, static_cast<std::uint64_t>(what));
}

constexpr std::uint64_t buckets_of(char kind) {
    switch (kind) {
        case 'Q':
            return 1024;
        case 'P':
        case 'B':
            return 4096;
        default:  // G, R
            return 64;
    }
}

std::uint64_t queue_bucket(const OpenId& id) {
    std::uint8_t space[12];
    Writer out(space);
    id.encode(out);
    return digest_of(out.written(), Of::queue) % buckets_of('Q');
}
std::uint64_t place_bucket(const OpenId& queue, const MessageId& id) {
    std::uint8_t space[12 + MessageId::size];
    Writer out(space);
    queue.encode(out);
    id.encode(out);
    return digest_of(out.written(), Of::place) % buckets_of('P');
}
std::uint64_t body_bucket(const MessageId& id) {
    std::uint8_t space[MessageId::size];
    Writer out(space);
    id.encode(out);
    return digest_of(out.written(), Of::body) % buckets_of('B');
}
std::uint64_t group_bucket(std::string_view name) {
    return digest_of(as_bytes(name), Of::group) % buckets_of('G');
}
std::uint64_t request_bucket(std::uint64_t sender_id) {
    std::uint8_t space[8];
    Writer out(space);
    out.u64(sender_id);
    return digest_of(out.written(), Of::request) % buckets_of('R');
}

std::string large_name(const MessageId& id, std::uint64_t digest) {
    std::string name = "D";
    put_number(name, id.node);
    put_number(name, id.start);
    put_number(name, id.number);
    put_number(name, digest);
    return name;
}

std::uint64_t number_in(std::string_view name, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (const char byte : name.substr(at, size)) {
        value = value << 8 | static_cast<std::uint8_t>(byte);
    }
    return value;
}

constexpr std::size_t large_name_size = 1 + MessageId::size + 8;
constexpr std::size_t run_name_size = 5;

// Whether a row is where all members look for it.
bool is_in(std::string_view name, std::uint64_t bucket) {
    return number_in(name, 1, 2) == bucket;
}

// Bytes that a row takes in a part, about.
constexpr std::size_t place_size = 12 + 1 + 2 * MessageId::size + 8 + 1 + 8;
std::size_t size_of(const QueueImage& queue) {
    return 150 + queue.name.size() + 21 * queue.removed.size();
}
std::size_t size_of(const Group& group) {
    return 20 + group.name.size() + 20 * group.members.size();
}

}  // namespace

// Hands out the contents that rows go to, a new one when a bucket's is full.
class Parts::Cutter {
  public:
    explicit Cutter(PartTable<Content>& table, std::size_t run_size)
        : table_(table), run_size_(run_size) {}

    Content& at(char kind, std::uint64_t bucket, std::size_t size) {
        auto& runs = runs_[static_cast<std::size_t>(kind - 'A')];
        runs.resize(buckets_of(kind));
        Run& run = runs[bucket];
        if (run.content == nullptr || run.used > run_size_) {
            std::string name = bucket_name(kind, bucket);
            put_number(name, run.next++);
            run.content = &table_.own(name);
            run.used = 0;
        }
        run.used += size;
        return *run.content;
    }

  private:
    struct Run {
        Content* content = nullptr;
        std::size_t used = 0;
        std::uint16_t next = 0;
    };
    PartTable<Content>& table_;
    std::size_t run_size_;
    std::array<std::vector<Run>, 26> runs_;
};

const PartListing& Parts::list(Image image) {
    forget();
    table_.own("H").header = {image.clock, image.time_of_day, image.refused};
    Cutter cutter(table_, run_size_);
    std::vector<Body> bodies;
    for (QueueImage& queue : image.queues) {
        const auto areas = std::exchange(queue.areas, {});
        for (std::uint8_t priority = 0; priority < priorities; ++priority) {
            MessageId before;
            for (const Stored& message : areas[priority]) {
                const std::uint64_t digest = digest_of(as_bytes(*message.bytes), Of::bytes);
                cutter.at('P', place_bucket(queue.id, message.id), place_size)
                    .places.push_back({queue.id,
                                       priority,
                                       message.id,
                                       before,
                                       message.sender_id,
                                       message.is_taken,
                                       digest});
                bodies.push_back({message.id, digest, message.bytes, priority, message.size});
                before = message.id;
            }
        }
        cutter.at('Q', queue_bucket(queue.id), size_of(queue)).queues.push_back(std::move(queue));
    }
    // In an order that all members have; a broadcast's once.
    std::sort(bodies.begin(), bodies.end(), [](const Body& a, const Body& b) {
        return std::tie(a.id, a.digest) < std::tie(b.id, b.digest);
    });
    bodies.erase(std::unique(bodies.begin(),
                             bodies.end(),
                             [](const Body& a, const Body& b) {
                                 return a.id == b.id && a.digest == b.digest;
                             }),
                 bodies.end());
    for (Body& body : bodies) {
        const std::size_t size = body.bytes->size();
        Content& content = size > inline_max_ ? table_.own(large_name(body.id, body.digest))
                                              : cutter.at('B', body_bucket(body.id), 24 + size);
        content.bodies.push_back(std::move(body));
    }
    for (Group& group : image.groups) {
        cutter.at('G', group_bucket(group.name), size_of(group)).groups.push_back(std::move(group));
    }
    for (const auto& request : image.requests) {
        cutter.at('R', request_bucket(request.first), 16).requests.push_back(request);
    }
    return table_.describe([](std::string_view name, const Content& content) {
        if (name[0] == 'D') {
            return ListedPart{content.bodies[0].digest, content.bodies[0].bytes->size()};
        }
        Appender bytes;
        write(content, name[0], bytes);
        return ListedPart{digest_of(bytes.written(), Of::part), bytes.size()};
    });
}

void Parts::write(const Content& content, char kind, Appender& out) {
    const auto count = [&](const auto& rows) { out.u32(static_cast<std::uint32_t>(rows.size())); };
    switch (kind) {
        case 'H':
            out.u64(content.header.clock);
            out.i64(content.header.time_of_day);
            count(content.header.refused);
            for (const MessageId& id : content.header.refused) {
                id.encode(out);
            }
            break;
        case 'Q':
            count(content.queues);
            for (const QueueImage& queue : content.queues) {
                write_queue(out, queue);
            }
            break;
        case 'P':
            count(content.places);
            for (const Place& place : content.places) {
                place.queue.encode(out);
                out.u8(place.priority);
                place.id.encode(out);
                place.before.encode(out);
                out.u64(place.sender_id);
                out.u8(place.is_taken ? 1 : 0);
                out.u64(place.digest);
            }
            break;
        case 'B':
            count(content.bodies);
            for (const Body& body : content.bodies) {
                body.id.encode(out);
                out.text(*body.bytes);
            }
            break;
        case 'G':
            count(content.groups);
            for (const Group& group : content.groups) {
                write_group(out, group);
            }
            break;
        default:
            count(content.requests);
            for (const auto& [sender_id, capacity] : content.requests) {
                out.u64(sender_id);
                out.u64(capacity);
            }
    }
}

bool Parts::save(std::string_view name, const std::function<void(Bytes)>& out) const {
    const Content* content = table_.find_own(name);
    if (content == nullptr) {
        return false;
    }
    if (name[0] == 'D') {
        out(as_bytes(*content->bodies[0].bytes));
        return true;
    }
    Appender bytes;
    write(*content, name[0], bytes);
    out(bytes.written());
    return true;
}

bool Parts::take(std::string_view name, std::span<const PartState> states) {
    return table_.take(
        name,
        states,
        [this](std::uint32_t /*component*/, std::string_view part, Bytes bytes, Content& content) {
            return read(part, bytes, content);
        });
}

namespace {

template <typename Body>
bool read_body(MessageId id, Bytes bytes, Body& body) {
    Message message;
    if (!Message::decode(bytes, message)) {
        return false;
    }
    body.id = id;
    body.digest = digest_of(bytes, Of::bytes);
    body.bytes = std::make_shared<const std::string>(as_text(bytes));
    body.priority = message.priority;
    body.size = message.data.size();
    return true;
}

}  // namespace

bool Parts::read(std::string_view name, Bytes bytes, Content& content) const {
    if (name[0] == 'D') {
        if (name.size() != large_name_size || bytes.size() <= inline_max_) {
            return false;
        }
        const MessageId id{static_cast<std::uint32_t>(number_in(name, 1, 4)),
                           number_in(name, 5, 8),
                           number_in(name, 13, 8)};
        Body& body = content.bodies.emplace_back();
        return read_body(id, bytes, body) && large_name(body.id, body.digest) == name;
    }
    Reader in(bytes);
    if (name == "H") {
        content.header.clock = in.u64();
        content.header.time_of_day = in.i64();
        const std::uint32_t refused = in.u32();
        for (std::uint32_t i = 0; i < refused && in.ok(); ++i) {
            content.header.refused.insert(content.header.refused.end(), MessageId::decode(in));
        }
        return in.finished() && refused <= refused_max && content.header.refused.size() == refused;
    }
    if (name.size() != run_name_size) {
        return false;
    }
    const std::uint32_t rows = in.u32();
    for (std::uint32_t i = 0; i < rows; ++i) {
        if (!read_row(name, in, content) || !in.ok()) {
            return false;
        }
    }
    return in.finished();
}

bool Parts::read_row(std::string_view name, Reader& in, Content& content) const {
    switch (name[0]) {
        case 'Q': {
            QueueImage& queue = content.queues.emplace_back();
            return read_queue(in, queue) == nullptr && is_in(name, queue_bucket(queue.id));
        }
        case 'P': {
            Place& place = content.places.emplace_back();
            place.queue = OpenId::decode(in);
            place.priority = in.u8();
            place.id = MessageId::decode(in);
            place.before = MessageId::decode(in);
            place.sender_id = in.u64();
            place.is_taken = read_flag(in);
            place.digest = in.u64();
            return in.ok() && place.priority < priorities &&
                   is_in(name, place_bucket(place.queue, place.id));
        }
        case 'B': {
            const MessageId id = MessageId::decode(in);
            const Bytes bytes = in.block();
            return in.ok() && bytes.size() <= inline_max_ && is_in(name, body_bucket(id)) &&
                   read_body(id, bytes, content.bodies.emplace_back());
        }
        case 'G': {
            Group& group = content.groups.emplace_back();
            return read_group(in, group) == nullptr && is_in(name, group_bucket(group.name));
        }
        case 'R': {
            const std::uint64_t sender_id = in.u64();
            content.requests.emplace_back(sender_id, in.u64());
            return is_in(name, request_bucket(sender_id));
        }
        default:
            return false;
    }
}

const Parts::Body* Parts::Pieces::find(const Place& place) const {
    const auto found = std::lower_bound(
        bodies.begin(), bodies.end(), place, [](const Body* body, const Place& wanted) {
            return std::tie(body->id, body->digest) < std::tie(wanted.id, wanted.digest);
        });
    return found != bodies.end() && (*found)->id == place.id && (*found)->digest == place.digest
               ? *found
               : nullptr;
}

// `places` are those of one area, by the message before.  They are an order if the chain that
// begins with nothing goes over all of them.
bool Parts::put_area(QueueImage& queue,
                     std::span<const Place* const> places,
                     const Pieces& pieces) {
    const std::uint8_t priority = places.front()->priority;
    auto& area = queue.areas[priority];
    area.reserve(places.size());
    MessageId before;
    while (area.size() < places.size()) {
        const auto next = std::lower_bound(
            places.begin(), places.end(), before, [](const Place* place, const MessageId& wanted) {
                return place->before < wanted;
            });
        if (next == places.end() || (*next)->before != before) {
            return false;
        }
        const Place& place = **next;
        const Body* body = pieces.find(place);
        if (body == nullptr || body->priority != priority) {
            return false;
        }
        area.push_back({place.id, body->bytes, place.sender_id, body->size, place.is_taken});
        before = place.id;
    }
    return true;
}

std::optional<Image> Parts::image_of(std::size_t component) const {
    Image image;
    Pieces pieces;
    std::size_t requests = 0;
    for (const auto& [name, content] : table_.contents_of(component)) {
        if (name == "H") {
            image.clock = content->header.clock;
            image.time_of_day = content->header.time_of_day;
            image.refused = content->header.refused;
        }
        image.queues.insert(image.queues.end(), content->queues.begin(), content->queues.end());
        image.groups.insert(image.groups.end(), content->groups.begin(), content->groups.end());
        image.requests.insert(content->requests.begin(), content->requests.end());
        requests += content->requests.size();
        for (const Place& place : content->places) {
            pieces.places.push_back(&place);
        }
        for (const Body& body : content->bodies) {
            pieces.bodies.push_back(&body);
        }
    }
    if (image.requests.size() != requests) {
        return std::nullopt;
    }
    std::sort(image.queues.begin(), image.queues.end(), [](const auto& a, const auto& b) {
        return a.id < b.id;
    });
    std::sort(image.groups.begin(), image.groups.end(), [](const auto& a, const auto& b) {
        return a.name < b.name;
    });
    std::sort(pieces.bodies.begin(), pieces.bodies.end(), [](const Body* a, const Body* b) {
        return std::tie(a->id, a->digest) < std::tie(b->id, b->digest);
    });
    std::sort(pieces.places.begin(), pieces.places.end(), [](const Place* a, const Place* b) {
        return std::tie(a->queue, a->priority, a->before) <
               std::tie(b->queue, b->priority, b->before);
    });
    auto queue = image.queues.begin();
    for (auto at = pieces.places.begin(); at != pieces.places.end();) {
        const Place& first = **at;
        const auto end = std::find_if(at, pieces.places.end(), [&](const Place* place) {
            return place->queue != first.queue || place->priority != first.priority;
        });
        while (queue != image.queues.end() && queue->id < first.queue) {
            ++queue;
        }
        if (queue == image.queues.end() || queue->id != first.queue ||
            !put_area(*queue, {at, end}, pieces)) {
            return std::nullopt;
        }
        at = end;
    }
    if (find_fault(image) != nullptr) {
        return std::nullopt;
    }
    return image;
}

}  // namespace ais::msg
