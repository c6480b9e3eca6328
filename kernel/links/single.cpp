// SPDX-License-Identifier: BSD-3-Clause
//
// One link: nothing to choose, so this file is only about batches.
//
// Data is sealed straight into one buffer, datagram behind datagram, for as
// long as sizes and receivers are equal.  A batch ends when a longer datagram
// or one for another receiver comes (it starts the next batch), after a shorter
// one (only the last may be short), at the limits of the offload, before a
// token or control datagram, and on flush().
//
// Invariants:
//   1. Datagrams leave in the order of transmit().
//   2. batch_ holds segments_ sealed datagrams; all but the last have segment_ bytes.
//   3. Nothing is allocated after construction.

#include "links/fault_log.hpp"
#include "links/links.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"

#include <algorithm>
#include <vector>

namespace ais::links {
namespace {

constexpr Duration twin_report_interval = std::chrono::seconds(10);

// Limit: what one UDP_SEGMENT call takes on every kernel that has it.
constexpr std::size_t segments_max = 64;
// Limit: below the 65,507 bytes of a UDP payload, headers of any kind included.
constexpr std::size_t batch_bytes_max = 60000;

class Single final : public Links {
  public:
    Single(Seal& seal,
           Transport& transport,
           Receiver& receiver,
           Log& log,
           NodeId self,
           std::size_t datagram_max)
        : seal_(seal),
          transport_(transport),
          receiver_(receiver),
          log_(log),
          self_(self),
          overhead_(seal.overhead()),
          datagram_max_(datagram_max),
          batch_(std::max(batch_bytes_max, datagram_max + overhead_)),
          urgent_(std::max(datagram_max, totem::control_datagram_max) + overhead_),
          faults_(log) {
        AIS_ASSERT(self.is_valid());
        AIS_ASSERT(datagram_max > 0);
    }

    void transmit(const totem::Transmit& what) override {
        if (what.traffic == totem::Traffic::data) {
            AIS_ASSERT(what.datagram.size() <= datagram_max_);
            append(what);
            return;
        }
        // Joins and commit tokens of large rings are longer than data may be.
        AIS_ASSERT(what.datagram.size() + overhead_ <= urgent_.size());
        // A token says what was sent before it: all of that goes first.
        flush();
        const MutableBytes out(urgent_.data(), what.datagram.size() + overhead_);
        if (seal(what.datagram, out)) {
            send(what.to, what.traffic, out, out.size(), 1);
        }
    }

    void flush() override {
        if (segments_ == 0) {
            return;
        }
        send(to_, totem::Traffic::data, Bytes(batch_.data(), used_), segment_, segments_);
        segments_ = 0;
        used_ = 0;
        segment_ = 0;
    }

    void on_received(Instant now,
                     totem::LinkId link,
                     MutableBytes datagram,
                     std::string_view from) override {
        faults_.tick(now);
        ++stats_.received_datagrams;
        stats_.received_bytes += datagram.size();
        Seal::Opened opened;
        ais_crypto_fault fault{};
        fault.struct_size = sizeof fault;
        if (!seal_.open(datagram, opened, fault)) {
            ++stats_.faults[fault.cause < stats_.faults.size() ? fault.cause : 0];
            faults_.report(now, from.empty() ? transport_.source() : from, fault);
            return;
        }
        if (opened.sender == self_) {
            AIS_MARK("links.drops_own_copy");
            ++stats_.own_copies;
            report_twin(now, from.empty() ? transport_.source() : from);
            return;
        }
        transport_.learn(opened.sender);
        receiver_.on_datagram(link, opened.sender, opened.plain);
    }

    [[nodiscard]] const LinkStats& stats(totem::LinkId) const override { return stats_; }

  private:
    void append(const totem::Transmit& what) {
        const std::size_t size = what.datagram.size() + overhead_;
        const bool fits = segments_ > 0 && what.to == to_ && size <= segment_ &&
                          segments_ < segments_max && used_ + size <= batch_bytes_max;
        if (!fits) {
            flush();
        }
        if (!seal(what.datagram, MutableBytes(batch_.data() + used_, size))) {
            return;
        }
        if (segments_ == 0) {
            to_ = what.to;
            segment_ = size;
        }
        used_ += size;
        ++segments_;
        AIS_ASSERT(used_ <= batch_.size());
        if (size < segment_) {
            AIS_MARK("links.short_datagram_ends_batch");
            flush();
        }
    }

    // Copies of our own come from our own address, and the transport keeps them to itself.
    void report_twin(Instant now, std::string_view from) {
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

    bool seal(Bytes plain, MutableBytes out) {
        if (seal_.seal(plain, out)) {
            is_seal_broken_ = false;
            return true;
        }
        ++stats_.seal_failures;
        if (!is_seal_broken_) {
            is_seal_broken_ = true;
            AIS_LOG(log_,
                    error,
                    "links",
                    "LINK-008",
                    "the crypto backend (",
                    seal_.cipher(),
                    ") cannot seal: nothing is sent until it can");
        }
        return false;
    }

    void send(std::optional<NodeId> to,
              totem::Traffic traffic,
              Bytes batch,
              std::size_t segment,
              std::size_t count) {
        ++stats_.batches;
        stats_.sent_datagrams += count;
        stats_.sent_bytes += batch.size();
        transport_.send(to, traffic, batch, segment);
    }

    Seal& seal_;
    Transport& transport_;
    Receiver& receiver_;
    Log& log_;
    const NodeId self_;
    const std::size_t overhead_;
    const std::size_t datagram_max_;

    // The batch being filled.
    std::vector<std::uint8_t> batch_;
    std::optional<NodeId> to_;
    std::size_t segment_ = 0;
    std::size_t segments_ = 0;
    std::size_t used_ = 0;

    std::vector<std::uint8_t> urgent_;  // one token or control datagram
    Instant next_twin_report_{};
    bool is_seal_broken_ = false;
    FaultLog faults_;
    LinkStats stats_;
};

}  // namespace

std::unique_ptr<Links> make_single(Seal& seal,
                                   Transport& transport,
                                   Receiver& receiver,
                                   Log& log,
                                   NodeId self,
                                   std::size_t datagram_max) {
    return std::make_unique<Single>(seal, transport, receiver, log, self, datagram_max);
}

}  // namespace ais::links
