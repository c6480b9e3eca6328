// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the state that operators change: locks, and changes in steps.

#include "state.hpp"

#include <algorithm>
#include <utility>

namespace ais::clm {

// 0: there is no such node.  Of several with one name, the one with the lowest number.
std::uint32_t State::resolve(const AdminRequest& request) const {
    if (request.node != 0) {
        const bool is_known =
            view_.members.contains(request.node) || view_.administered.contains(request.node);
        return is_known ? request.node : 0;
    }
    for (const NodeLine& line : lines()) {
        if (line.member.facts.name == request.name) {
            return line.member.facts.node;
        }
    }
    return 0;
}

std::string State::name_of(std::uint32_t node) const {
    if (const auto up = view_.members.find(node); up != view_.members.end()) {
        return up->second.facts.name;
    }
    const auto known = view_.administered.find(node);
    return known != view_.administered.end() ? known->second.name : std::string();
}

std::vector<NodeLine> State::lines() const {
    std::map<std::uint32_t, NodeLine> lines;
    for (const auto& [node, done] : view_.administered) {
        NodeLine& line = lines[node];
        line.member.facts.node = node;
        line.member.facts.name = done.name;
        line.state = done.is_locked ? AdminState::locked : AdminState::unlocked;
    }
    for (const auto& [node, member] : view_.members) {
        NodeLine& line = lines[node];
        line.member = member;
        line.is_up = true;
    }
    if (view_.change && view_.change->operation == Operation::shutdown &&
        view_.change->step == Step::start) {
        lines[view_.change->node].state = AdminState::shutting_down;
    }
    std::vector<NodeLine> list;
    for (auto& [node, line] : lines) {
        line.member.facts.node = node;
        list.push_back(std::move(line));
    }
    return list;
}

// All members as they are, and what shall become of one.
ViewReport State::plan() const {
    ViewReport report = this->report();
    for (Item& item : report.items) {
        if (item.member.facts.node == view_.change->node) {
            item.change =
                view_.change->operation == Operation::shutdown ? Change::shutdown : Change::left;
        }
    }
    return report;
}

std::optional<ViewReport> State::set_locked(const PendingChange& change, bool is_locked) {
    View next = view_;
    next.administered[change.node] = {is_locked, change.id, change.name};
    const auto member = next.members.find(change.node);
    if (member == next.members.end()) {
        view_ = std::move(next);
        return std::nullopt;
    }
    ++next.number;
    if (!is_locked) {
        member->second.initial_view = next.number;
    }
    // Why: in a transitional configuration some have left whom the regular one will take out.
    std::vector<ais_node_id> left = pending_left_;
    auto report = enter(std::move(next));
    pending_left_ = std::move(left);
    return report;
}

std::vector<AdminEvent> State::administer(ais_node_id sender,
                                          const AdminRequest& request,
                                          std::uint64_t ticket) {
    AdminEvent event;
    event.change.operation = request.operation;
    event.change.node = resolve(request);
    event.change.asked_by = sender;
    event.change.ticket = ticket;
    event.change.name = name_of(event.change.node);
    const bool wants_lock = request.operation != Operation::unlock;
    event.result = event.change.node == 0                             ? SA_AIS_ERR_NOT_EXIST
                   : view_.change                                     ? SA_AIS_ERR_BUSY
                   : view_.is_locked(event.change.node) == wants_lock ? SA_AIS_ERR_NO_OP
                                                                      : SA_AIS_OK;
    if (event.result != SA_AIS_OK) {
        event.step = Step::aborted;
        return {std::move(event)};
    }
    event.change.id = ++view_.operations;
    if (!wants_lock) {
        event.report = set_locked(event.change, false);
        return {std::move(event)};
    }
    view_.change = std::move(event.change);
    std::vector<AdminEvent> events;
    begin_step(Step::validate, events);
    advance(events);
    return events;
}

std::vector<AdminEvent> State::step_over(ais_node_id sender,
                                         std::uint64_t invocation,
                                         Verdict verdict) {
    if (!view_.change || view_.change->invocation() != invocation ||
        std::erase(view_.change->awaited, sender) == 0) {
        return {};  // of a step that is over
    }
    std::vector<AdminEvent> events;
    if (view_.change->step == Step::validate && verdict != Verdict::ok) {
        events.push_back(abort(SA_AIS_ERR_FAILED_OPERATION));
        return events;
    }
    advance(events);
    return events;
}

std::vector<AdminEvent> State::settle() {
    std::vector<AdminEvent> events;
    if (!view_.change) {
        return events;
    }
    if (has_newcomers()) {
        events.push_back(abort(SA_AIS_ERR_TRY_AGAIN));
        return events;
    }
    std::erase_if(view_.change->awaited, [this](ais_node_id node) {
        return !std::binary_search(nodes_.begin(), nodes_.end(), node);
    });
    advance(events);
    return events;
}

AdminEvent State::abort(SaAisErrorT why) {
    AdminEvent event;
    event.step = Step::aborted;
    event.reached = view_.change->step;
    event.result = why;
    event.report = plan();
    event.change = *std::exchange(view_.change, std::nullopt);
    return event;
}

void State::begin_step(Step step, std::vector<AdminEvent>& events) {
    view_.change->step = step;
    view_.change->awaited = nodes_;
    AdminEvent event;
    event.step = step;
    event.change = *view_.change;
    event.report = plan();
    events.push_back(std::move(event));
}

void State::advance(std::vector<AdminEvent>& events) {
    while (view_.change && view_.change->awaited.empty()) {
        if (view_.change->step == Step::validate) {
            begin_step(Step::start, events);
            continue;
        }
        AdminEvent event;
        event.step = Step::completed;
        event.change = *std::exchange(view_.change, std::nullopt);
        event.report = set_locked(event.change, true);
        events.push_back(std::move(event));
    }
}

}  // namespace ais::clm
