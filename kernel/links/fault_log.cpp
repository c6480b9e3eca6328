// SPDX-License-Identifier: BSD-3-Clause

#include "links/fault_log.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace ais::links {
namespace {

constexpr std::string_view unknown_peer = "an unknown address";

}  // namespace

std::string_view fault_id(std::uint32_t cause) {
    switch (cause) {
        case AIS_FAULT_MALFORMED:
            return "LINK-001";
        case AIS_FAULT_VERSION:
            return "LINK-002";
        case AIS_FAULT_CIPHER:
            return "LINK-003";
        case AIS_FAULT_KEY_ID:
            return "LINK-004";
        case AIS_FAULT_TAG:
            return "LINK-005";
        case AIS_FAULT_REPLAY:
            return "LINK-006";
        default:
            return "LINK-007";
    }
}

std::string fault_text(const ais_crypto_fault& fault) {
    std::ostringstream text;
    switch (fault.cause) {
        case AIS_FAULT_MALFORMED:
            text << "too short, or not a datagram of this protocol";
            break;
        case AIS_FAULT_VERSION:
            text << "envelope version " << fault.detail << ", this executive speaks "
                 << AIS_ENVELOPE_VERSION << ": the releases do not match";
            break;
        case AIS_FAULT_CIPHER:
            text << "cipher " << fault.detail << (fault.detail == 0 ? " (not encrypted)" : "")
                 << ", which this ring does not use: the crypto settings differ";
            break;
        case AIS_FAULT_KEY_ID:
            text << "sealed with key " << std::hex << std::setw(8) << std::setfill('0')
                 << fault.key_id << ", which is not known here: the authkey files differ";
            break;
        case AIS_FAULT_TAG:
            text << "the key is known, but the tag is wrong: changed on the way, or forged";
            break;
        case AIS_FAULT_REPLAY:
            text << "seen before: duplicated by the network, or replayed";
            break;
        default:
            text << "the crypto backend gave cause " << fault.cause
                 << ", which this kernel does not know";
            break;
    }
    return text.str();
}

FaultLog::Entry& FaultLog::entry_for(Instant now,
                                     std::string_view peer,
                                     std::uint32_t cause,
                                     bool& is_new) {
    Entry* free = nullptr;
    for (Entry& entry : entries_) {
        if (entry.used && entry.fault.cause == cause && entry.peer == peer) {
            is_new = false;
            return entry;
        }
        // An old pair that is quiet again makes room.
        const bool is_free = !entry.used || (entry.held_back == 0 && entry.next <= now);
        if (is_free && free == nullptr) {
            free = &entry;
        }
    }
    if (free != nullptr) {
        free->used = true;
        free->peer = peer;
        free->held_back = 0;
        is_new = true;
        return *free;
    }
    is_new = !others_.used || others_.next <= now;
    others_.used = true;
    others_.peer = "other addresses";
    return others_;
}

void FaultLog::report(Instant now, std::string_view peer, const ais_crypto_fault& fault) {
    tick(now);
    bool is_new = false;
    Entry& entry = entry_for(now, peer.empty() ? unknown_peer : peer, fault.cause, is_new);
    entry.fault = fault;
    if (is_new || (entry.next <= now && entry.held_back == 0)) {
        entry.next = now + interval;
        write(entry, 1);
        return;
    }
    ++entry.held_back;
    ++held_back_;
    next_summary_ = std::min(next_summary_, entry.next);
}

void FaultLog::tick(Instant now) {
    if (held_back_ == 0 || now < next_summary_) {
        return;
    }
    next_summary_ = Instant::max();
    const auto summarise = [&](Entry& entry) {
        if (entry.held_back == 0) {
            return;
        }
        if (entry.next <= now) {
            write(entry, entry.held_back);
            held_back_ -= entry.held_back;
            entry.held_back = 0;
            entry.next = now + interval;
        } else {
            next_summary_ = std::min(next_summary_, entry.next);
        }
    };
    std::for_each(entries_.begin(), entries_.end(), summarise);
    summarise(others_);
}

void FaultLog::write(const Entry& entry, std::uint64_t count) {
    // Why: networks duplicate now and then; that is worth a line, not a warning.
    const Level level = entry.fault.cause == AIS_FAULT_REPLAY ? Level::notice : Level::warning;
    std::ostringstream who;
    who << entry.peer;
    if (entry.fault.claimed_sender != 0) {
        who << " (says it is node " << entry.fault.claimed_sender << ")";
    }
    if (count == 1) {
        log_line(log_,
                 level,
                 "links",
                 fault_id(entry.fault.cause),
                 "Invalid digest: datagram from ",
                 who.view(),
                 " dropped: ",
                 fault_text(entry.fault));
    } else {
        log_line(log_,
                 level,
                 "links",
                 fault_id(entry.fault.cause),
                 "Invalid digest: ",
                 count,
                 " more datagrams from ",
                 who.view(),
                 " dropped, the last: ",
                 fault_text(entry.fault));
    }
}

}  // namespace ais::links
