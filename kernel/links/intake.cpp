// SPDX-License-Identifier: BSD-3-Clause

#include "links/intake.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

namespace ais::links {
namespace {

constexpr Duration twin_report_interval = std::chrono::seconds(10);

}  // namespace

Intake::Intake(Seal& seal, Log& log, NodeId self)
    : seal_(seal), log_(log), self_(self), faults_(log) {
    AIS_ASSERT(self.is_valid());
}

bool Intake::open(Instant now,
                  MutableBytes datagram,
                  MutableBytes landing,
                  std::string_view from,
                  const Transport& transport,
                  LinkStats& stats,
                  Seal::Opened& opened) {
    faults_.tick(now);
    ais_crypto_fault fault{};
    fault.struct_size = sizeof fault;
    if (!seal_.open_to(datagram, landing, opened, fault)) {
        ++stats.faults[fault.cause < stats.faults.size() ? fault.cause : 0];
        faults_.report(now, from.empty() ? transport.source() : from, fault);
        return false;
    }
    if (opened.sender == self_) {
        AIS_MARK("links.drops_own_copy");
        ++stats.own_copies;
        report_twin(now, from.empty() ? transport.source() : from);
        return false;
    }
    return true;
}

// Copies of our own come from our own address, and the transport keeps them to itself.
void Intake::report_twin(Instant now, std::string_view from) {
    if (now < next_twin_report_) {
        return;
    }
    next_twin_report_ = now + twin_report_interval;
    AIS_LOG(log_,
            error,
            "links",
            "LINK-009",
            "a datagram of our own node id ",
            self_.value(),
            " came from ",
            from.empty() ? "elsewhere" : from,
            ": two nodes have the same nodeid; give each its own");
}

}  // namespace ais::links
