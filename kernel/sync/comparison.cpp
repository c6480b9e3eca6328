// SPDX-License-Identifier: BSD-3-Clause

#include "sync/comparison.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>

namespace ais::sync {

void Comparison::begin(const totem::RingId& ring, const totem::Members& members) {
    end();
    ring_ = ring;
    members_ = members;
}

void Comparison::end() {
    members_ = {};
    next_.reset();
    asked_ = number_ = 0;
    put_off_ = 0;
    wanted_.clear();
    answers_.clear();
}

std::optional<Compare> Comparison::ask(Instant now,
                                       NodeId self,
                                       const std::vector<std::uint16_t>& services) {
    if (interval_ == Duration::zero() || members_.size() < 2 || members_.lowest() != self) {
        return std::nullopt;
    }
    if (!next_) {
        next_ = now + interval_;
    }
    if (now < *next_) {
        return std::nullopt;
    }
    next_ = now + interval_;
    // Why: a ring that is slower than our questions would fill with answers that come too late.
    const bool is_last_over = asked_ == number_ && wanted_.empty();
    if (!is_last_over && put_off_ < put_off_max) {
        AIS_MARK("comparison.waits_for_the_last_one");
        ++put_off_;
        return std::nullopt;
    }
    put_off_ = 0;
    Compare compare{ring_, asked_ + 1, {}};
    for (const std::uint16_t service : services) {
        std::uint64_t& left = rounds_left_[service];
        if (left > 0) {
            AIS_MARK("comparison.spares_what_is_large");
            --left;
            continue;
        }
        left = sizes_[service] / bytes_per_round;
        compare.services.push_back(service);
    }
    if (compare.services.empty()) {
        return std::nullopt;
    }
    ++asked_;
    return compare;
}

bool Comparison::on_compare(NodeId sender, const Compare& compare) {
    AIS_ASSERT(compare.ring == ring_);
    if (members_.size() == 0 || sender != members_.lowest() || compare.number <= number_) {
        return false;
    }
    number_ = compare.number;
    wanted_ = compare.services;
    answers_.clear();
    return true;
}

bool Comparison::on_compared(NodeId sender, const Compared& compared) {
    AIS_ASSERT(compared.ring == ring_);
    if (compared.number < number_) {
        AIS_MARK("comparison.ignores_a_late_answer");
        return true;
    }
    const bool is_asked_for =
        std::all_of(compared.offers.begin(), compared.offers.end(), [this](const Offer& offer) {
            return std::binary_search(wanted_.begin(), wanted_.end(), offer.service);
        });
    if (wanted_.empty() || compared.number != number_ || !members_.contains(sender) ||
        !is_asked_for) {
        return false;
    }
    // Why one lineage: all members are one component since replicas were made equal.
    return answers_.emplace(sender, Hello{ring_, {}, compared.offers}).second;
}

void Comparison::on_no_answer(NodeId sender) {
    if (!wanted_.empty() && members_.contains(sender)) {
        answers_.emplace(sender, Hello{ring_, {}, {}});
    }
}

bool Comparison::is_over() const {
    return !wanted_.empty() && answers_.size() == members_.size();
}

std::vector<Divergence> Comparison::judge() {
    AIS_ASSERT(is_over());
    std::vector<Divergence> diverged = make_plan(answers_).diverged;
    wanted_.clear();
    answers_.clear();
    return diverged;
}

}  // namespace ais::sync
