// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the service that serves operators, and asks programs before a node is locked.

#include "service.hpp"

// Its own user may administer, and root.
#include <unistd.h>

#include <map>
#include <string_view>

namespace ais::clm {
namespace {

// How soon a full send queue is tried again.
constexpr std::chrono::milliseconds retry_delay(20);

std::uint32_t flag_of(Step step) {
    return step == Step::validate ? TrackRequest::validate_step : TrackRequest::start_step;
}

const char* name_of(Operation operation) {
    switch (operation) {
        case Operation::unlock:
            return "unlock";
        case Operation::lock:
            return "lock";
        case Operation::shutdown:
            return "shutdown";
    }
    return "?";
}

}  // namespace

void ClmService::administer(Client& client, std::uint64_t serial, const AdminRequest& wanted) {
    const std::uint32_t uid = ipc_.peer(client.conn).uid;
    if (uid != 0 && uid != ::geteuid()) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_ACCESS);
        return;
    }
    if (client.admin_serial != 0) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BUSY);
        return;
    }
    Appender body;
    wanted.encode(body);
    body.u64(last_ticket_ + 1);
    if (group_.multicast(static_cast<std::uint16_t>(MessageKind::administer), body.written()) !=
        AIS_OK) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_TRY_AGAIN);
        return;
    }
    client.admin_serial = serial;
    client.admin_ticket = ++last_ticket_;
}

void ClmService::list_nodes(Client& client, std::uint64_t serial) {
    const std::vector<NodeLine> lines = state_.lines();
    Appender body;
    body.u32(static_cast<std::uint32_t>(lines.size()));
    for (const NodeLine& line : lines) {
        line.encode(body);
    }
    ipc_.respond(client.conn, serial, SA_AIS_OK, body.written());
}

void ClmService::on_events(const std::vector<AdminEvent>& events) {
    for (const AdminEvent& event : events) {
        if (event.step == Step::validate || event.step == Step::start) {
            begin_step(event);
            continue;
        }
        const bool was_refused_at_once = event.step == Step::aborted && !event.report;
        if (!was_refused_at_once) {
            end_step();
            log_.notice(event.step == Step::completed ? "CLM-007" : "CLM-008",
                        name_of(event.change.operation),
                        " of node ",
                        event.change.node,
                        " '",
                        event.change.name,
                        "', asked for on node ",
                        event.change.asked_by,
                        event.step == Step::completed ? ", is done"
                        : event.result == SA_AIS_ERR_TRY_AGAIN
                            ? ", was given up because nodes have come; try again"
                            : ", was given up because a program objected");
        }
        if (event.report) {
            if (event.step == Step::completed) {
                tell(*event.report);
            } else {
                tell_step(event,
                          event.reached == Step::start
                              ? TrackRequest::validate_step | TrackRequest::start_step
                              : TrackRequest::validate_step,
                          0);
            }
        }
        for (const auto& client : clients_) {
            if (event.change.asked_by == state_.self() && client->admin_serial != 0 &&
                client->admin_ticket == event.change.ticket) {
                ipc_.respond(client->conn, client->admin_serial, event.result);
                client->admin_serial = 0;
            }
        }
    }
}

// `invocation`, if it is not 0, is what they shall answer.
void ClmService::tell_step(const AdminEvent& event,
                           std::uint32_t to_flags,
                           std::uint64_t invocation) {
    if (!state_.is_member()) {
        return;  // its programs have no say
    }
    for (const auto& client : clients_) {
        if ((client->track_flags & to_flags) == 0) {
            continue;
        }
        const auto wanted = select(*event.report, client->track_flags, state_.self());
        if (!wanted) {
            continue;
        }
        StepEvent told;
        told.step = event.step;
        told.invocation = invocation;
        if (invocation != 0) {
            told.supervision = std::chrono::nanoseconds(step_timeout()).count();
        }
        told.cause = event.change.name;
        told.report = *wanted;
        Appender body;
        body.u32(client->epoch);
        told.encode(body);
        client->awaited = invocation;
        ipc_.notify(client->conn, static_cast<std::uint16_t>(EventKind::step), body.written());
    }
}

void ClmService::begin_step(const AdminEvent& event) {
    end_step();
    step_.invocation = event.change.invocation();
    tell_step(event, flag_of(event.step), step_.invocation);
    start_timer(step_timeout());
    check_answers();
}

void ClmService::end_step() {
    end_timer();
    step_ = {};
    for (const auto& client : clients_) {
        client->awaited = 0;
    }
}

// It does not answer any more, because it does not track.
void ClmService::forget(Client& client) {
    client.awaited = 0;
    check_answers();
}

void ClmService::answer(Client& client, std::uint64_t serial, Bytes body) {
    Reader in(body);
    const std::uint64_t invocation = in.u64();
    const auto verdict = static_cast<Verdict>(in.u32());
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "response");
    }
    const bool is_validate = invocation % 4 == static_cast<std::uint32_t>(Step::validate);
    if (invocation == 0 || client.awaited != invocation || verdict < Verdict::ok ||
        verdict > Verdict::error || (verdict == Verdict::rejected && !is_validate)) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_INVALID_PARAM);
        return;
    }
    client.awaited = 0;
    ipc_.respond(client.conn, serial, SA_AIS_OK);
    if (verdict == Verdict::ok) {
        check_answers();
        return;
    }
    log_.notice("CLM-009",
                "pid ",
                client.pid,
                verdict == Verdict::rejected ? " objects to the lock of a node"
                : is_validate                ? " cannot say whether a node may be locked"
                                             : " could not prepare for the lock of a node");
    if (is_validate && step_.invocation == invocation && !step_.due) {
        report_step(verdict);
        return;
    }
    check_answers();
}

void ClmService::check_answers() {
    if (step_.invocation == 0 || step_.due) {
        return;
    }
    for (const auto& client : clients_) {
        if (client->awaited == step_.invocation) {
            return;
        }
    }
    report_step(Verdict::ok);
}

void ClmService::report_step(Verdict verdict) {
    Appender body;
    body.u64(step_.invocation);
    body.u32(static_cast<std::uint32_t>(verdict));
    end_timer();
    if (group_.multicast(static_cast<std::uint16_t>(MessageKind::step_over), body.written()) ==
        AIS_OK) {
        step_ = {};
        return;
    }
    step_.due = verdict;
    start_timer(retry_delay);
}

void ClmService::on_step_timer() {
    timer_id_ = 0;
    if (step_.due) {
        return report_step(*step_.due);
    }
    for (const auto& client : clients_) {
        if (client->awaited != 0) {
            log_.warning("CLM-006",
                         "pid ",
                         client->pid,
                         " has not answered within clm.step_timeout that a node is about to be "
                         "locked; it goes on without it");
        }
    }
    report_step(Verdict::ok);
}

void ClmService::end_timer() {
    if (timer_id_ != 0) {
        timer_.cancel(timer_id_);
        timer_id_ = 0;
    }
}

void ClmService::start_timer(std::chrono::milliseconds delay) {
    timer_.start<&ClmService::on_step_timer>(delay, *this, timer_id_);
}

std::chrono::milliseconds ClmService::step_timeout() const {
    return std::chrono::milliseconds(config_.number("clm.step_timeout").value_or(10000));
}

}  // namespace ais::clm
