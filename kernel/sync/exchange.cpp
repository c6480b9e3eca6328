// SPDX-License-Identifier: BSD-3-Clause
//
// Which streams there are, what comes, and who is believed; sending and
// merging is in exchange_work.cpp.

#include "sync/exchange.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>
#include <sstream>

namespace ais::sync {
namespace {

// Limit: memory that is set aside because a sender says how much will come.
constexpr std::uint64_t reserve_max = 64U << 20;
// Lines of describe().
constexpr std::size_t described_max = 4;

}  // namespace

Exchange::Exchange(NodeId self,
                   const totem::RingId& ring,
                   Plan plan,
                   group::Groups& groups,
                   Participants& participants,
                   SyncStats& stats,
                   Log& log)
    : self_(self),
      ring_(ring),
      plan_(std::move(plan)),
      groups_(groups),
      participants_(participants),
      stats_(stats),
      log_(log),
      loaded_(participants.synchronised_services()),
      tables_(plan_.services.size()) {
    open_first_streams();
    if (first_missing_ == 0) {
        open_part_streams();
    }
}

Exchange::~Exchange() {
    for (std::size_t at = 0; at < tables_.size(); ++at) {
        if (tables_[at].is_begun) {
            // What it answers does not matter: nothing of it is used any more.
            (void)participants_.merge_end(plan_.services[at].service, false);
        }
    }
}

bool Exchange::is_ours(const Share& share) const {
    const auto& members = plan_.components[share.component].members;
    return std::binary_search(members.begin(), members.end(), self_.value());
}

bool Exchange::is_loaded(const ServicePlan& service) const {
    return std::binary_search(loaded_.begin(), loaded_.end(), service.service);
}

const Share* Exchange::own_share(const ServicePlan& service) const {
    const auto own = std::find_if(service.shares.begin(),
                                  service.shares.end(),
                                  [this](const Share& share) { return is_ours(share); });
    return own == service.shares.end() ? nullptr : &*own;
}

// Whether this stream carries what that share has.
bool Exchange::has(const Stream& stream, std::size_t share) const {
    const ServicePlan& service = plan_.services[stream.service];
    if (stream.what == What::part) {
        const Cell& cell = tables_[stream.service].rows[stream.part].cells[share];
        return cell.is_there && cell.digest == stream.content;
    }
    return service.is_comparable ? service.shares[share].digest == stream.content
                                 : share == stream.first_share;
}

// The first holder that is not excluded; invalid if there is none.
NodeId Exchange::holder_of(const Stream& stream) const {
    const auto& shares = plan_.services[stream.service].shares;
    for (std::size_t at = stream.first_share; at < shares.size(); ++at) {
        if (!has(stream, at)) {
            continue;
        }
        for (const NodeId node : shares[at].holders) {
            if (excluded_.count(node) == 0) {
                return node;
            }
        }
    }
    return {};
}

void Exchange::add_stream(
    std::size_t service, What what, std::uint32_t part, std::size_t share, std::uint64_t content) {
    Stream stream;
    stream.service = service;
    stream.what = what;
    stream.part = part;
    stream.first_share = share;
    stream.content = content;
    stream.sender = holder_of(stream);
    streams_.push_back(std::move(stream));
    ++missing_;
}

void Exchange::open_first_streams() {
    for (std::size_t at = 0; at < plan_.services.size(); ++at) {
        const ServicePlan& service = plan_.services[at];
        tables_[at].lists.resize(service.shares.size());
        if (service.is_equal()) {
            AIS_MARK("sync.equal_state_moves_nothing");
            continue;
        }
        for (std::size_t share = 0; share < service.shares.size(); ++share) {
            const std::uint64_t digest = service.shares[share].digest;
            const bool is_known =
                service.is_comparable &&
                std::any_of(service.shares.begin(),
                            service.shares.begin() + static_cast<std::ptrdiff_t>(share),
                            [&](const Share& earlier) { return earlier.digest == digest; });
            if (!is_known) {
                add_stream(at, service.in_parts ? What::list : What::state, 0, share, digest);
                streams_.back().is_kept = service.in_parts || is_loaded(service);
                expected_ += service.in_parts ? 0 : service.shares[share].size;
            }
        }
    }
    first_missing_ = missing_;
}

// All lists are here: which parts differ, and who sends them.
void Exchange::open_part_streams() {
    has_part_streams_ = true;
    for (std::size_t at = 0; at < plan_.services.size(); ++at) {
        const ServicePlan& service = plan_.services[at];
        if (!service.in_parts) {
            continue;
        }
        make_rows(at);
        if (is_loaded(service) && !begin_merge(at)) {
            return;
        }
    }
    // Every holder may have been excluded meanwhile.
    for (std::size_t number = 0; number < streams_.size(); ++number) {
        if (streams_[number].what == What::part && !streams_[number].sender.is_valid()) {
            give_up(number);
        }
    }
}

// Lists are sorted, so the rows come out of one walk through all of them.
void Exchange::make_rows(std::size_t at) {
    const ServicePlan& service = plan_.services[at];
    Table& table = tables_[at];
    std::vector<std::size_t> next(service.shares.size(), 0);
    for (;;) {
        const std::string* lowest = nullptr;
        for (std::size_t share = 0; share < next.size(); ++share) {
            const auto& list = table.lists[share];
            if (next[share] < list.size() &&
                (lowest == nullptr || list[next[share]].name < *lowest)) {
                lowest = &list[next[share]].name;
            }
        }
        if (lowest == nullptr) {
            break;
        }
        PartRow row;
        row.name = *lowest;
        row.cells.resize(next.size());
        bool is_equal = true;
        for (std::size_t share = 0; share < next.size(); ++share) {
            const auto& list = table.lists[share];
            if (next[share] < list.size() && list[next[share]].name == row.name) {
                const Part& part = list[next[share]++];
                row.cells[share] = {true, part.digest, part.size};
            }
            is_equal = is_equal && row.cells[share].is_there == row.cells[0].is_there &&
                       row.cells[share].digest == row.cells[0].digest;
        }
        if (is_equal) {
            AIS_MARK("sync.equal_part_moves_nothing");
            continue;
        }
        row.first_stream = streams_.size();
        table.rows.push_back(std::move(row));
        PartRow& made = table.rows.back();
        const Share* own = own_share(service);
        for (std::size_t share = 0; share < next.size(); ++share) {
            const Cell& cell = made.cells[share];
            const bool is_known =
                std::any_of(made.cells.begin(),
                            made.cells.begin() + static_cast<std::ptrdiff_t>(share),
                            [&](const Cell& earlier) {
                                return earlier.is_there && earlier.digest == cell.digest;
                            });
            if (!cell.is_there || is_known) {
                continue;
            }
            add_stream(at,
                       What::part,
                       static_cast<std::uint32_t>(table.rows.size() - 1),
                       share,
                       cell.digest);
            const bool is_here =
                own != nullptr &&
                has(streams_.back(), static_cast<std::size_t>(own - service.shares.data()));
            streams_.back().is_kept = is_loaded(service) && !is_here;
            expected_ += cell.size;
        }
        made.stream_count = static_cast<std::uint32_t>(streams_.size() - made.first_stream);
        made.missing = made.stream_count;
    }
    table.lists.clear();
    table.lists.shrink_to_fit();
}

const char* Exchange::on_chunk(NodeId sender, Bytes body) {
    if (excluded_.count(sender) != 0) {
        AIS_MARK("sync.ignores_excluded_sender");
        return nullptr;
    }
    Chunk chunk;
    if (!decode(body, chunk)) {
        return refuse(sender, "a chunk that does not decode");
    }
    if (chunk.ring != ring_) {
        AIS_MARK("sync.ignores_other_ring");
        return nullptr;
    }
    if (chunk.stream >= streams_.size()) {
        return refuse(sender, "a chunk of a stream that there is not");
    }
    Stream& stream = streams_[chunk.stream];
    if (stream.is_complete || stream.sender != sender) {
        return "a chunk that nobody waits for";
    }
    const ServicePlan& service = plan_.services[stream.service];
    if (stream.chunks == 0) {
        const bool is_announced =
            stream.what == What::part || !service.is_comparable || chunk.digest == stream.content;
        if (!is_announced || (stream.what == What::part && chunk.total > AIS_PART_MAX)) {
            return refuse(sender, "a stream that is not what was announced");
        }
        stream.total = chunk.total;
        stream.digest = chunk.digest;
        if (stream.is_kept) {
            stream.bytes.reserve(std::min(chunk.total, reserve_max));
        }
    }
    if (chunk.index != stream.chunks || chunk.total != stream.total ||
        chunk.digest != stream.digest) {
        return refuse(sender, "a chunk that does not continue the one before");
    }
    last_stream_ = chunk.stream;
    // Why by all, also by those who do not need the bytes: all must judge alike.
    const bool is_whole = chunk.data.size() == chunk.total;
    if (!is_whole) {
        if (stream.running == nullptr) {
            stream.running = std::make_unique<RunningDigest>();
        }
        stream.running->add(chunk.data);
    }
    if (stream.is_kept) {
        stream.bytes.append(as_text(chunk.data));
    }
    ++stream.chunks;
    stream.received += chunk.data.size();
    if (stream.what != What::list) {
        received_ += chunk.data.size();
    }
    if (stream.received < stream.total) {
        return nullptr;
    }
    const std::uint64_t digest = is_whole ? digest_of(chunk.data) : stream.running->value();
    stream.running.reset();
    if (digest != stream.digest) {
        return refuse(sender, "bytes that do not have their digest");
    }
    if (stream.what == What::list) {
        std::vector<Part> parts;
        if (!decode_list(as_bytes(stream.bytes), parts)) {
            return refuse(sender, "a list of parts that does not decode");
        }
        for (std::size_t share = 0; share < service.shares.size(); ++share) {
            if (has(stream, share)) {
                tables_[stream.service].lists[share] = parts;
            }
        }
        stream.bytes = {};
    }
    finish(chunk.stream);
    return nullptr;
}

void Exchange::finish(std::size_t number) {
    Stream& stream = streams_[number];
    AIS_ASSERT(!stream.is_complete && missing_ > 0);
    stream.is_complete = true;
    --missing_;
    if (stream.what == What::part) {
        PartRow& row = tables_[stream.service].rows[stream.part];
        if (--row.missing == 0 && !merge_row(stream.service, row)) {
            return;
        }
    } else if (--first_missing_ == 0) {
        open_part_streams();
    }
}

void Exchange::give_up(std::size_t number) {
    AIS_MARK("sync.gives_up_a_stream_without_holder");
    streams_[number].sender = {};
    streams_[number].bytes = {};
    finish(number);
}

const char* Exchange::refuse(NodeId sender, const char* why) {
    exclude(sender);
    return why;
}

// Its streams begin anew, from somebody else.
void Exchange::exclude(NodeId node) {
    AIS_MARK("sync.excludes_who_breaks_the_rules");
    excluded_.insert(node);
    if (node == self_) {
        fail(0, "what this node sent in the exchange was refused by all members");
        return;
    }
    // Not a range loop: giving up the last of the first streams opens others.
    for (std::size_t number = 0; number < streams_.size(); ++number) {
        Stream& stream = streams_[number];
        if (stream.is_complete || stream.sender != node) {
            continue;
        }
        if (stream.what != What::list) {
            received_ -= stream.received;
        }
        stream.bytes.clear();
        stream.running.reset();
        stream.chunks = 0;
        stream.received = 0;
        stream.sender = holder_of(stream);
        if (!stream.sender.is_valid()) {
            give_up(number);
        }
    }
    outgoing_ = 0;
}

void Exchange::fail(std::uint16_t service, std::string why) {
    if (!failure_) {
        failure_ = Failure{service, std::move(why)};
    }
}

std::string Exchange::name_of(const Stream& stream) const {
    return participants_.name_of(plan_.services[stream.service].service);
}

std::string Exchange::describe() const {
    std::ostringstream text;
    text << "waiting for " << missing_ << " of " << streams_.size() << " streams";
    std::size_t lines = 0;
    for (const Stream& stream : streams_) {
        if (stream.is_complete) {
            continue;
        }
        if (++lines > described_max) {
            text << "; ...";
            break;
        }
        text << "; service " << name_of(stream)
             << (stream.what == What::list   ? ", list of parts,"
                 : stream.what == What::part ? ", a part,"
                                             : "")
             << " from node " << stream.sender.value() << ": " << stream.received << " of "
             << stream.total << " bytes";
    }
    return text.str();
}

}  // namespace ais::sync
