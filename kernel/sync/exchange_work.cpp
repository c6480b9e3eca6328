// SPDX-License-Identifier: BSD-3-Clause
//
// What an exchange does with the services: save what is ours to send, merge
// what has come.

#include "sync/exchange.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>

namespace ais::sync {
namespace {

constexpr Duration progress_interval = std::chrono::seconds(1);

std::string megabytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20U) + " MiB";
}

// MB/s, in whole numbers.
std::uint64_t rate(std::uint64_t bytes, Duration took) {
    const auto microseconds = std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    return bytes / static_cast<std::uint64_t>(microseconds);
}

}  // namespace

void Exchange::pump(Instant now) {
    now_ = now;
    if (!began_) {
        began_ = reported_ = now;
    }
    report(now);
    std::size_t budget = pump_max;
    for (; outgoing_ < streams_.size(); ++outgoing_) {
        Stream& stream = streams_[outgoing_];
        if (stream.sender != self_ || stream.is_sent || stream.is_complete) {
            continue;
        }
        if (budget == 0 || failure_) {
            return;
        }
        if (loaded_stream_ != outgoing_ && !fill(stream)) {
            return;
        }
        const Bytes all = as_bytes(outgoing_bytes_);
        std::size_t offset = std::size_t(stream.chunks_sent) * chunk_data_max;
        do {
            if (budget == 0) {
                return;
            }
            const Bytes data = all.subspan(offset, std::min(chunk_data_max, all.size() - offset));
            const std::string header = encode_header({ring_,
                                                      static_cast<std::uint32_t>(outgoing_),
                                                      stream.chunks_sent,
                                                      all.size(),
                                                      outgoing_digest_,
                                                      {}});
            const ais_bytes parts[] = {to_abi(std::string_view(header)), to_abi(data)};
            if (groups_.multicast(group::Lane::kernel,
                                  kernel_service,
                                  static_cast<std::uint16_t>(Kind::chunk),
                                  totem::Guarantee::agreed,
                                  parts) != AIS_OK) {
                AIS_MARK("sync.waits_for_lane");
                return;
            }
            stats_.snapshot_bytes_sent += data.size();
            budget -= std::min(budget, data.size());
            ++stream.chunks_sent;
            offset += data.size();
        } while (offset < all.size());
        stream.is_sent = true;
        outgoing_bytes_ = {};
        loaded_stream_ = SIZE_MAX;
    }
}

// The bytes of a stream that is ours to send.
bool Exchange::fill(const Stream& stream) {
    const ServicePlan& service = plan_.services[stream.service];
    outgoing_bytes_.clear();
    ais_status status = AIS_OK;
    std::uint64_t limit = snapshot_max;
    if (stream.what == What::state) {
        status = participants_.save(service.service, outgoing_bytes_);
    } else if (stream.what == What::list) {
        std::vector<Part> parts;
        status = participants_.list(service.service, parts);
        outgoing_bytes_ = encode_list(parts);
    } else {
        limit = AIS_PART_MAX;
        status = participants_.save_part(
            service.service, tables_[stream.service].rows[stream.part].name, outgoing_bytes_);
    }
    if (status != AIS_OK) {
        fail(service.service, "saving its state failed with status " + std::to_string(status));
        return false;
    }
    if (outgoing_bytes_.size() > limit) {
        fail(service.service,
             "its state, or a part of it, is larger than the limit of " + megabytes(limit));
        return false;
    }
    outgoing_digest_ = digest_of(as_bytes(outgoing_bytes_));
    if (stream.what != What::part && service.is_comparable && outgoing_digest_ != stream.content) {
        fail(service.service,
             "it saved the same state in different bytes, or changed its state while "
             "replicas were being made equal");
        return false;
    }
    loaded_stream_ = outgoing_;
    return true;
}

void Exchange::report(Instant now) {
    if (expected_ < progress_min || now - reported_ < progress_interval || missing_ == 0) {
        return;
    }
    reported_ = now;
    const Stream& stream = streams_[last_stream_];
    AIS_LOG(log_,
            notice,
            "sync",
            "SYNC-005",
            "exchange in ring ",
            ring_,
            ": ",
            megabytes(received_),
            " of ",
            megabytes(expected_),
            " (",
            100 * received_ / expected_,
            " %), ",
            rate(received_, now - *began_),
            " MB/s; now service ",
            name_of(stream),
            " from node ",
            stream.sender.value());
}

bool Exchange::begin_merge(std::size_t at) {
    const ServicePlan& service = plan_.services[at];
    std::vector<ais_component> components;
    for (const Share& share : service.shares) {
        const Component& component = plan_.components[share.component];
        components.push_back({sizeof(ais_component),
                              is_ours(share) ? AIS_STATE_OWN : 0,
                              share.holders.front().value(),
                              static_cast<std::uint32_t>(component.members.size()),
                              component.members.data()});
    }
    tables_[at].is_begun = true;
    const ais_status status = participants_.merge_begin(service.service, components);
    if (status != AIS_OK) {
        fail(service.service, "beginning a merge failed with status " + std::to_string(status));
        return false;
    }
    return true;
}

// All streams of a part are here, or given up.
bool Exchange::merge_row(std::size_t at, PartRow& row) {
    const ServicePlan& service = plan_.services[at];
    std::vector<ais_part_state> states;
    const Share* own = own_share(service);
    for (std::size_t share = 0; is_loaded(service) && share < row.cells.size(); ++share) {
        for (std::size_t i = 0; row.cells[share].is_there && i < row.stream_count; ++i) {
            const Stream& stream = streams_[row.first_stream + i];
            if (!has(stream, share) || !stream.sender.is_valid()) {
                continue;
            }
            const bool is_here = own != nullptr &&
                                 has(stream, static_cast<std::size_t>(own - service.shares.data()));
            ais_part_state state{};
            state.struct_size = sizeof state;
            state.flags = (is_ours(service.shares[share]) ? AIS_STATE_OWN : 0) |
                          (is_here ? AIS_PART_HERE : 0);
            state.component = static_cast<std::uint32_t>(share);
            state.digest = stream.content;
            state.bytes = to_abi(std::string_view(stream.bytes));
            states.push_back(state);
            stats_.snapshot_bytes_merged += state.bytes.size;
        }
    }
    if (!states.empty()) {
        ++stats_.parts_merged;
        const ais_status status = participants_.merge_part(service.service, row.name, states);
        if (status != AIS_OK) {
            fail(service.service, "merging a part failed with status " + std::to_string(status));
            return false;
        }
    }
    for (std::size_t i = 0; i < row.stream_count; ++i) {
        streams_[row.first_stream + i].bytes = {};
    }
    return true;
}

void Exchange::commit() {
    AIS_ASSERT(is_complete());
    for (std::size_t at = 0; at < plan_.services.size(); ++at) {
        const ServicePlan& service = plan_.services[at];
        if (!is_loaded(service)) {
            continue;
        }
        if (!service.in_parts) {
            if (!merge_whole(at)) {
                return;
            }
            continue;
        }
        tables_[at].is_begun = false;
        const ais_status status = participants_.merge_end(service.service, true);
        if (status != AIS_OK) {
            fail(service.service, "ending a merge failed with status " + std::to_string(status));
            return;
        }
    }
    if (expected_ >= progress_min && began_) {
        AIS_LOG(log_,
                notice,
                "sync",
                "SYNC-007",
                "exchange in ring ",
                ring_,
                " is over: ",
                megabytes(received_),
                " in ",
                to_ms(now_ - *began_),
                " ms, ",
                rate(received_, now_ - *began_),
                " MB/s");
    }
}

bool Exchange::merge_whole(std::size_t at) {
    const ServicePlan& service = plan_.services[at];
    std::string own;
    if (service.is_equal()) {
        const ais_status status = participants_.save(service.service, own);
        if (status != AIS_OK) {
            fail(service.service, "saving its state failed with status " + std::to_string(status));
            return false;
        }
    }
    std::vector<ais_saved_state> states;
    for (std::size_t share = 0; share < service.shares.size(); ++share) {
        const std::string* bytes = service.is_equal() ? &own : nullptr;
        for (const Stream& stream : streams_) {
            if (stream.service == at && stream.what == What::state && has(stream, share) &&
                stream.sender.is_valid()) {
                bytes = &stream.bytes;
            }
        }
        if (bytes == nullptr) {
            continue;  // given up
        }
        const Component& component = plan_.components[service.shares[share].component];
        ais_saved_state state{};
        state.struct_size = sizeof state;
        state.flags = is_ours(service.shares[share]) ? AIS_STATE_OWN : 0;
        state.saved_by = service.shares[share].holders.front().value();
        state.member_count = static_cast<std::uint32_t>(component.members.size());
        state.members = component.members.data();
        state.bytes = to_abi(std::string_view(*bytes));
        states.push_back(state);
        stats_.snapshot_bytes_merged += service.is_equal() ? 0 : bytes->size();
    }
    if (states.empty()) {
        return true;
    }
    const ais_status status = participants_.merge(service.service, states);
    if (status != AIS_OK) {
        fail(service.service,
             "merging " + std::to_string(states.size()) + " states failed with status " +
                 std::to_string(status));
        return false;
    }
    return true;
}

}  // namespace ais::sync
