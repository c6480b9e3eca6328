// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include "wire.hpp"

#include <ais/codec.hpp>

namespace counter {

std::int64_t State::add(const Origin& origin, std::string_view name, std::int64_t amount) {
    Contribution& own = counters_[std::string(name)][origin];
    ++own.additions;
    own.sum += static_cast<std::uint64_t>(amount);
    return value(name);
}

std::int64_t State::value(std::string_view name) const {
    std::uint64_t sum = 0;
    const auto found = counters_.find(name);
    if (found != counters_.end()) {
        for (const auto& [origin, contribution] : found->second) {
            sum += contribution.sum;
        }
    }
    return static_cast<std::int64_t>(sum);
}

std::string State::save() const {
    ais::Appender out;
    out.u32(static_cast<std::uint32_t>(counters_.size()));
    for (const auto& [name, counter] : counters_) {
        out.text(name);
        out.u32(static_cast<std::uint32_t>(counter.size()));
        for (const auto& [origin, contribution] : counter) {
            out.u32(origin.node);
            out.u64(origin.ring_seq);
            out.u32(origin.ring_salt);
            out.u64(contribution.additions);
            out.u64(contribution.sum);
        }
    }
    return out.take();
}

bool State::merge_with(ais::Bytes snapshot) {
    ais::Reader reader(snapshot);
    // A count may be a lie, but every round of these loops uses up bytes, or ends them.
    for (std::uint32_t names = reader.u32(); names != 0 && reader.ok(); --names) {
        const std::string name(reader.text());
        for (std::uint32_t origins = reader.u32(); origins != 0 && reader.ok(); --origins) {
            Origin origin;
            origin.node = reader.u32();
            origin.ring_seq = reader.u64();
            origin.ring_salt = reader.u32();
            Contribution theirs;
            theirs.additions = reader.u64();
            theirs.sum = reader.u64();
            if (!reader.ok() || name.size() > name_max) {
                return false;
            }
            Contribution& ours = counters_[name][origin];
            if (theirs.additions > ours.additions) {
                ours = theirs;
            }
        }
    }
    return reader.finished();
}

}  // namespace counter
