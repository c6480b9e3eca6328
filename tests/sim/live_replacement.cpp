// SPDX-License-Identifier: BSD-3-Clause

#include "sim/live_replacement.hpp"

namespace ais::sim {
namespace {

// As in kernel/daemon_control.cpp.
constexpr Duration synced_wait = std::chrono::seconds(10);
constexpr Duration held_wait = std::chrono::seconds(1);
constexpr Duration copy_wait = std::chrono::seconds(120);

}  // namespace

LiveReplacement::LiveReplacement(const Of& of, const Build& build, Instant now)
    : of_(of), build_(build), began_(now) {
    auto begun = plugin::Replacement::begin(build.plugin().name,
                                            {&build.plugin(), "another build"},
                                            of.plugins,
                                            of.guards,
                                            of.node.table(),
                                            of.kernel);
    if (begun) {
        work_ = begun.take();
    } else {
        refusal_ = begun.error().text;
    }
}

LiveReplacement::Outcome LiveReplacement::refused(const std::string& why, bool is_patience) const {
    of_.node.hold_requests(false);
    Outcome outcome;
    outcome.text = std::string(build_.plugin().name) + " goes on, and its build " +
                   build_.plugin().version + " does not start (flaw: " + name_of(build_.flaw()) +
                   "): " + why;
    if (build_.flaw() == Flaw::none && !is_patience) {
        outcome.violation = "replacement: a good build is refused: " + why;
    }
    return outcome;
}

std::string LiveReplacement::saved() const {
    std::string state;
    for (const auto& guard : of_.guards) {
        if (guard->name() == build_.plugin().name && guard->is_synchronised() &&
            guard->save(state) != AIS_OK) {
            state = "does not save";
        }
    }
    return state;
}

std::optional<LiveReplacement::Outcome> LiveReplacement::step(Instant now) {
    if (work_ == nullptr) {
        return refused(refusal_, false);
    }
    const Duration waited = now - began_;
    if (!of_.node.engine().is_operational() || !of_.node.barrier().is_synced()) {
        of_.node.hold_requests(false);
        held_since_.reset();
        if (waited > synced_wait) {
            return refused("replicas are not equal for long", true);
        }
        return std::nullopt;
    }
    const std::string before = saved();
    const auto progress = work_->step(of_.node.engine().configuration());
    Outcome outcome;
    switch (progress) {
        case plugin::Replacement::Progress::copying:
            if (waited > copy_wait) {
                return refused("the state changes faster than it is copied", true);
            }
            return std::nullopt;
        case plugin::Replacement::Progress::waiting:
            if (!held_since_) {
                held_since_ = now;
                of_.node.hold_requests(true);
            } else if (now - *held_since_ > held_wait) {
                return refused("clients wait for responses", true);
            }
            return std::nullopt;
        case plugin::Replacement::Progress::failed:
            outcome = refused(work_->error(), false);
            break;
        case plugin::Replacement::Progress::done:
            of_.node.hold_requests(false);
            outcome.text = work_->from() + " is replaced by " + work_->to() + ": " +
                           std::to_string(work_->clients()) + " clients and " +
                           std::to_string(work_->bytes()) + " bytes of state";
            if (build_.flaw() != Flaw::none) {
                outcome.violation = std::string("replacement: a build of ") + build_.plugin().name +
                                    " that fails (" + name_of(build_.flaw()) + ") has taken over";
            }
            break;
    }
    if (saved() != before) {
        outcome.violation = std::string("replacement: the state of ") + build_.plugin().name +
                            " is not what it was";
    }
    return outcome;
}

}  // namespace ais::sim
