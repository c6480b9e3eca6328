// SPDX-License-Identifier: BSD-3-Clause
//
// The state of msg cut into parts (ais.service.parts/1); docs/protocol/msg.md, "The state in
// parts", says why so, and which parts there are.
//
//   H                       clock u64, time of day i64, refused u32 × id
//   Q bucket u16, run u16   count u32 × queue (rows.hpp)
//   P bucket u16, run u16   count u32 × (queue (node u32, number u64), priority u8, id,
//                           id before it (node 0: it is the first), sender id u64, taken u8, digest
//                           u64)
//   B bucket u16, run u16   count u32 × (id, message block)
//   D id, digest u64        the message
//   G bucket u16, run u16   count u32 × group (rows.hpp)
//   R bucket u16, run u16   count u32 × (sender id u64, capacity u64)
//
// How it becomes one state is as in ckpt: parts are decoded as they come; at the end each
// component's image is put together of what is ready, and merged by snapshot.hpp.
//
// Digests are made anew at each list.
//
// Pure.  Threads: none.

#pragma once

#include "image.hpp"

#include <ais/bytes.hpp>
#include <ais/codec.hpp>
#include <ais/part_table.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ais::msg {

class Parts {
  public:
    // Sizes from which on a bucket is cut, and of the largest message beside others: other ones
    // are for tests.
    explicit Parts(std::size_t run_size = 1U << 20, std::size_t inline_max = 64U << 10)
        : run_size_(run_size), inline_max_(inline_max) {}

    const PartListing& list(Image image);
    // False: list has not named it.
    [[nodiscard]] bool save(std::string_view name, const std::function<void(Bytes)>& out) const;

    void begin(std::size_t components) { table_.begin(components); }
    // False: it does not decode.
    [[nodiscard]] bool take(std::string_view name, std::span<const PartState> states);
    // Whether something differs at all.
    [[nodiscard]] bool has_changes() const { return table_.has_changes(); }
    // The image of one component.  Nothing: what came does not fit together.
    [[nodiscard]] std::optional<Image> image_of(std::size_t component) const;
    void forget() { table_.forget(); }

  private:
    struct Header {
        std::uint64_t clock = 0;
        std::int64_t time_of_day = 0;
        std::set<MessageId> refused;
    };
    // Where a message is.
    struct Place {
        OpenId queue;
        std::uint8_t priority = 0;
        MessageId id;
        MessageId before;  // in its area; node 0: it is the first
        std::uint64_t sender_id = 0;
        bool is_taken = false;
        std::uint64_t digest = 0;  // of its bytes
    };
    // What a message is.
    struct Body {
        MessageId id;
        std::uint64_t digest = 0;
        std::shared_ptr<const std::string> bytes;
        std::uint8_t priority = 0;
        std::uint64_t size = 0;  // of the data
    };
    // What a part has; which of them its name says.
    struct Content {
        Header header;
        std::vector<QueueImage> queues;
        std::vector<Place> places;
        std::vector<Body> bodies;
        std::vector<Group> groups;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> requests;
    };
    class Cutter;
    // All parts of one component, by what they are about.
    struct Pieces {
        std::vector<const Place*> places;  // by queue, priority, message before
        std::vector<const Body*> bodies;   // by id, digest

        [[nodiscard]] const Body* find(const Place& place) const;
    };

    static void write(const Content& content, char kind, Appender& out);
    [[nodiscard]] bool read(std::string_view name, Bytes bytes, Content& content) const;
    [[nodiscard]] bool read_row(std::string_view name, Reader& in, Content& content) const;
    [[nodiscard]] static bool put_area(QueueImage& queue,
                                       std::span<const Place* const> places,
                                       const Pieces& pieces);

    const std::size_t run_size_;
    const std::size_t inline_max_;
    PartTable<Content> table_;
};

}  // namespace ais::msg
