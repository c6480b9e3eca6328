// SPDX-License-Identifier: BSD-3-Clause
//
// State: large writes, in pieces.
//
// To an atomic checkpoint the data is gathered aside and takes effect with the last
// message, as if it had come in one.  A weak one gets every piece at once; whoever writes
// it and is cut off in between leaves sections that are marked as corrupted.

#include "state.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace ais::ckpt {
namespace {

// Limit: memory that is asked for before its bytes are here; what is larger grows
// as it comes.
constexpr std::uint64_t reserve_max = 1U << 30;

Outcome failure(Error error) {
    return {error, 0, {}};
}

// As operations see it; the bytes are what has come.
std::vector<Data> data_of(const Transfer& transfer) {
    std::vector<Data> all;
    all.reserve(transfer.staged.size());
    for (std::size_t i = 0; i < transfer.staged.size(); ++i) {
        const Plan::Element& element = transfer.plan.elements[i];
        all.push_back(
            {element.id, element.offset, as_bytes(*transfer.staged[i]), transfer.staged[i]});
    }
    return all;
}

bool is_complete(const Transfer& transfer) {
    for (std::size_t i = 0; i < transfer.here.size(); ++i) {
        if (transfer.here[i] != transfer.plan.elements[i].size) {
            return false;
        }
    }
    return true;
}

// What the plan would come to, without the data: sizes against limits.
Outcome check_sizes(const Checkpoint& checkpoint, const Plan& plan) {
    if (!checkpoint.has_active_replica()) {
        return failure(Error::not_exist);
    }
    std::uint64_t total = checkpoint.used;
    std::map<std::string_view, std::uint64_t> sizes;
    for (std::size_t i = 0; i < plan.elements.size(); ++i) {
        const Plan::Element& element = plan.elements[i];
        const auto index = static_cast<std::uint32_t>(i);
        const Section* section = checkpoint.find(element.id);
        if (section == nullptr) {
            return {Error::not_exist, index, {}};
        }
        const std::uint64_t end = element.offset + element.size;
        if (end > checkpoint.attributes.max_section_size ||
            (element.size == 0 && plan.kind == Kind::write)) {
            return {Error::invalid_param, index, {}};
        }
        const auto known = sizes.emplace(element.id, section->size()).first;
        const std::uint64_t after =
            plan.kind == Kind::overwrite ? end : std::max(known->second, end);
        total = total - known->second + after;
        known->second = after;
        if (total > checkpoint.attributes.size) {
            return {Error::no_space, index, {}};
        }
    }
    return {};
}

}  // namespace

// A weak write that is cut off shows.
void State::mark_cut(Checkpoint& checkpoint, const Transfer& transfer) {
    for (std::size_t i = 0; i < transfer.here.size(); ++i) {
        Section* section = checkpoint.find(transfer.plan.elements[i].id);
        if (section != nullptr &&
            (transfer.here[i] != 0 || transfer.plan.kind == Kind::overwrite)) {
            section->state = SectionState::corrupted;
        }
    }
}

// Ends what is under way.
void State::give_up(Opener& opener) {
    const auto transfer = std::exchange(opener.transfer, nullptr);
    if (transfer == nullptr) {
        return;
    }
    for (const Blob& blob : transfer->staged) {
        bytes_used_ -= blob->size();
    }
    if (transfer->is_direct && transfer->refused.error == Error::ok) {
        mark_cut(image_.checkpoints.find(opener.object)->second, *transfer);
    }
}

void State::begin(const HandleId& who, Plan plan, std::int64_t stamp) {
    Found found;
    if (writable(who, found) != Error::ok) {
        return;  // finish will say so
    }
    give_up(*found.opener);
    auto transfer = std::make_unique<Transfer>();
    transfer->here.resize(plan.elements.size());
    transfer->is_direct = found.checkpoint->attributes.is_weak() && plan.kind != Kind::create;
    if (transfer->is_direct) {
        transfer->refused = check_sizes(*found.checkpoint, plan);
        if (transfer->refused.error == Error::ok && plan.kind == Kind::overwrite) {
            const Account account(bytes_used_, *found.checkpoint);
            found.checkpoint->overwrite({plan.elements[0].id, 0, {}, nullptr}, stamp);
        }
    } else {
        transfer->staged.reserve(plan.elements.size());
        for (std::size_t i = 0; i < plan.elements.size(); ++i) {
            transfer->staged.push_back(std::make_shared<std::string>());
        }
    }
    transfer->plan = std::move(plan);
    found.opener->transfer = std::move(transfer);
}

void State::piece(const HandleId& who, const Piece& piece, std::int64_t stamp) {
    Found found;
    if (writable(who, found) != Error::ok || found.opener->transfer == nullptr) {
        return;
    }
    Transfer& transfer = *found.opener->transfer;
    if (piece.element >= transfer.here.size()) {
        return;
    }
    const Plan::Element& element = transfer.plan.elements[piece.element];
    std::uint64_t& here = transfer.here[piece.element];
    if (piece.offset != here || piece.data.size() > element.size - here) {
        return;  // finish finds it incomplete
    }
    if (!transfer.is_direct) {
        std::string& staged = *transfer.staged[piece.element];
        // What could never take effect needs no memory.
        if (element.size > found.checkpoint->attributes.max_section_size) {
            return;
        }
        if (staged.empty()) {
            staged.reserve(std::min<std::uint64_t>(element.size, reserve_max));
        }
        staged.append(as_text(piece.data));
        bytes_used_ += piece.data.size();
        here += piece.data.size();
        return;
    }
    if (transfer.refused.error != Error::ok) {
        return;
    }
    const Data data{element.id, element.offset + here, piece.data, nullptr};
    const Account account(bytes_used_, *found.checkpoint);
    const Outcome outcome = found.checkpoint->write({&data, 1}, stamp);
    if (outcome.error != Error::ok) {
        // The section was deleted, or there is no room any more.
        mark_cut(*found.checkpoint, transfer);
        transfer.refused = {outcome.error, piece.element, {}};
        return;
    }
    here += piece.data.size();
}

Outcome State::finish(const HandleId& who, std::int64_t stamp) {
    Found found;
    const Error error = writable(who, found);
    if (error != Error::ok) {
        return failure(error);
    }
    if (found.opener->transfer == nullptr) {
        return failure(Error::invalid_param);
    }
    if (found.opener->transfer->is_direct) {
        Outcome outcome = found.opener->transfer->refused;
        if (outcome.error == Error::ok && !is_complete(*found.opener->transfer)) {
            give_up(*found.opener);
            return failure(Error::invalid_param);
        }
        found.opener->transfer = nullptr;
        return outcome;
    }
    const auto transfer = std::exchange(found.opener->transfer, nullptr);
    for (const Blob& blob : transfer->staged) {
        bytes_used_ -= blob->size();
    }
    if (!is_complete(*transfer)) {
        return failure(Error::invalid_param);
    }
    const Plan& plan = transfer->plan;
    const std::vector<Data> all = data_of(*transfer);
    switch (plan.kind) {
        case Kind::create:
            return create(who, all[0], plan.expiration, stamp);
        case Kind::overwrite:
            return overwrite(who, all[0], stamp);
        default:
            return write(who, all, stamp);
    }
}

}  // namespace ais::ckpt
