// SPDX-License-Identifier: BSD-3-Clause
//
// The streams of one exchange, from the plan to the outcome.
//
// A stream is something that one member sends and all others follow: a state in
// one piece, a list of parts, or a part.  All members have the same streams with
// the same numbers (docs/protocol/sync.md), the same sender for each, and judge
// each chunk alike, so they find the exchange complete, and a member excluded, at the
// same place of the total order.
//
// Invariants:
//   1. What decides (streams, senders, exclusion) comes from the plan and from
//      delivered messages, never from what this node has itself.
//   2. No service changes before commit(); what was begun and not committed is
//      taken back by the destructor.
//   3. The work of one call is bounded: one part to save or merge, and pump_max bytes; except
//      for services in one piece.
//
// Threads: none.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "group/groups.hpp"
#include "sync/participants.hpp"
#include "sync/plan.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ais::sync {

struct SyncStats {
    std::uint64_t exchanges = 0;
    std::uint64_t aborted = 0;
    std::uint64_t snapshot_bytes_sent = 0;
    std::uint64_t snapshot_bytes_merged = 0;
    std::uint64_t parts_merged = 0;
    std::uint64_t comparisons = 0;  // that this node has answered
};

class Exchange {
  public:
    // Limit: bytes that one pump() queues.  Why: it keeps a turn of the loop short, and is
    // more than the ring takes in one rotation.
    static constexpr std::size_t pump_max = 1U << 20;
    // Exchanges of more bytes report progress.
    static constexpr std::uint64_t progress_min = 16U << 20;

    // All but the plan outlive it.
    Exchange(NodeId self,
             const totem::RingId& ring,
             Plan plan,
             group::Groups& groups,
             Participants& participants,
             SyncStats& stats,
             Log& log);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Why a chunk was refused, or nullptr.  Its sender is then excluded, if it should have known
    // better.
    const char* on_chunk(NodeId sender, Bytes body);
    // Queue what the lane takes; a line of progress when it is time.
    void pump(Instant now);
    // Every stream is here or given up, and what came is prepared.
    [[nodiscard]] bool is_complete() const { return failure_ == std::nullopt && missing_ == 0; }
    // Requires: is_complete().  The outcome becomes true.
    void commit();

    // This node cannot go on.
    struct Failure {
        std::uint16_t service = 0;
        std::string why;
    };
    [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] std::size_t stream_count() const { return streams_.size(); }
    [[nodiscard]] std::uint64_t bytes_received() const { return received_; }
    // "waiting for 2 of 5 streams; service cpg from node 3: 0 of 17 bytes", a few of them.
    [[nodiscard]] std::string describe() const;

  private:
    enum class What : std::uint8_t { state, list, part };

    struct Stream {
        std::size_t service = 0;  // index in plan_.services
        What what = What::state;
        std::uint32_t part = 0;       // index in tables_[service].parts
        std::size_t first_share = 0;  // that has what it carries
        std::uint64_t content = 0;    // digest by which shares have it
        NodeId sender;                // invalid: given up
        bool is_kept = false;         // this node needs the bytes
        bool is_complete = false;
        std::string bytes;
        std::uint64_t total = 0;  // as the chunks say
        std::uint64_t digest = 0;
        std::uint32_t chunks = 0;  // delivered so far, in order
        std::uint64_t received = 0;
        std::unique_ptr<RunningDigest> running;
        std::uint32_t chunks_sent = 0;  // if we are the sender
        bool is_sent = false;
    };
    struct Cell {  // a part as one share has it
        bool is_there = false;
        std::uint64_t digest = 0;
        std::uint64_t size = 0;
    };
    struct PartRow {
        std::string name;
        std::vector<Cell> cells;       // by share
        std::size_t first_stream = 0;  // its streams are adjacent
        std::uint32_t stream_count = 0;
        std::uint32_t missing = 0;
    };
    struct Table {                             // of one service in parts
        std::vector<std::vector<Part>> lists;  // by share, until the rows are made
        std::vector<PartRow> rows;
        bool is_begun = false;  // merge_begin was called here
    };

    void add_stream(std::size_t service,
                    What what,
                    std::uint32_t part,
                    std::size_t share,
                    std::uint64_t content);
    void open_first_streams();
    void open_part_streams();
    void make_rows(std::size_t service);
    bool begin_merge(std::size_t service);
    void finish(std::size_t number);
    void give_up(std::size_t number);
    void exclude(NodeId node);
    const char* refuse(NodeId sender, const char* why);
    bool merge_row(std::size_t service, PartRow& row);
    bool merge_whole(std::size_t service);
    bool fill(const Stream& stream);
    void report(Instant now);
    void fail(std::uint16_t service, std::string why);

    [[nodiscard]] bool has(const Stream& stream, std::size_t share) const;
    [[nodiscard]] NodeId holder_of(const Stream& stream) const;
    [[nodiscard]] bool is_ours(const Share& share) const;
    [[nodiscard]] bool is_loaded(const ServicePlan& service) const;
    [[nodiscard]] const Share* own_share(const ServicePlan& service) const;
    [[nodiscard]] std::string name_of(const Stream& stream) const;

    NodeId self_;
    totem::RingId ring_;
    Plan plan_;
    group::Groups& groups_;
    Participants& participants_;
    SyncStats& stats_;
    Log& log_;

    std::vector<std::uint16_t> loaded_;  // services of this node
    std::vector<Table> tables_;          // by service
    std::vector<Stream> streams_;
    std::size_t first_missing_ = 0;  // of the streams that only come first: states and lists
    bool has_part_streams_ = false;
    std::size_t missing_ = 0;
    std::set<NodeId> excluded_;
    std::optional<Failure> failure_;

    std::size_t outgoing_ = 0;  // no stream before it is ours to send
    std::size_t loaded_stream_ = SIZE_MAX;
    std::string outgoing_bytes_;
    std::uint64_t outgoing_digest_ = 0;

    std::uint64_t expected_ = 0;
    std::uint64_t received_ = 0;
    std::optional<Instant> began_;
    Instant reported_{};
    Instant now_{};                // of the last pump
    std::size_t last_stream_ = 0;  // of the last chunk that came
};

}  // namespace ais::sync
