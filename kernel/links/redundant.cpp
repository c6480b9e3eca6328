// SPDX-License-Identifier: BSD-3-Clause
//
// Several links: tokens and control go out on all of them at once, so the
// death of one costs the ring nothing; data goes where the mode says, among
// those that the monitor calls good.  What comes twice is handed up once.
//
// A retransmission goes on every good link: whatever lost the first copy, it is
// not on all of them.

#include "links/batcher.hpp"
#include "links/copies.hpp"
#include "links/freshness.hpp"
#include "links/intake.hpp"
#include "links/links.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace ais::links {
namespace {

constexpr Duration wiring_report_interval = std::chrono::seconds(10);

LinkSet numbers_of(std::span<const LinkPort> ports) {
    LinkSet set = 0;
    for (const LinkPort& port : ports) {
        AIS_ASSERT(port.number < links_max && port.transport != nullptr);
        AIS_ASSERT(!has(set, port.number));
        set = with(set, port.number);
    }
    return set;
}

// "0, 2"
std::string text_of(LinkSet set) {
    std::string text;
    for (totem::LinkId link = 0; link < links_max; ++link) {
        if (has(set, link)) {
            text += (text.empty() ? "" : ", ") + std::to_string(link);
        }
    }
    return text.empty() ? "none" : text;
}

class Redundant final : public Links, private Outlet {
  public:
    Redundant(Seal& seal,
              std::span<const LinkPort> ports,
              std::unique_ptr<Mode> mode,
              const MonitorConfig& monitor,
              Receiver& receiver,
              Log& log,
              NodeId self,
              std::size_t datagram_max)
        : mode_(std::move(mode)),
          step_(monitor.step()),
          monitor_(self, numbers_of(ports), monitor),
          receiver_(receiver),
          log_(log),
          intake_(seal, log, self),
          batcher_(
              seal, *this, log, datagram_max, stats_[lowest(monitor_.configured())].seal_failures) {
        AIS_ASSERT(mode_ != nullptr);
        for (const LinkPort& port : ports) {
            transports_[port.number] = port.transport;
        }
    }

    void transmit(const totem::Transmit& what) override { batcher_.transmit(what); }
    void flush() override { batcher_.flush(); }

    void on_received(Instant now,
                     totem::LinkId link,
                     MutableBytes datagram,
                     std::string_view from) override {
        AIS_ASSERT(has(monitor_.configured(), link));
        LinkStats& stats = stats_[link];
        ++stats.received_datagrams;
        stats.received_bytes += datagram.size();
        // What it says is used only after the datagram, or one like it, has been opened.
        const auto stamp = read_stamp(datagram);
        if (stamp && copies_.is_copy(*stamp, link)) {
            ++stats.copies;
            return;
        }
        Seal::Opened opened;
        if (!intake_.open(
                now, datagram, receiver_.landing(), from, *transports_[link], stats, opened)) {
            return;
        }
        if (stamp) {
            copies_.note(*stamp, link);
        }
        if (!stamp || freshness_[link].is_newest(now, *stamp) || AIS_MUTATION(address_of_anyone)) {
            transports_[link]->learn(opened.sender);
        }
        if (is_hello(opened.plain)) {
            on_hello(now, link, opened);
            return;
        }
        receiver_.on_datagram(link, opened.sender, opened.plain);
    }

    void on_configuration(const totem::Configuration& now) override {
        monitor_.on_members(now.members);
        for_each(monitor_.configured(), [&](totem::LinkId link) {
            freshness_[link].on_configuration(now);
            transports_[link]->on_members(now.members);
        });
    }

    void on_gathering() override {
        for_each(monitor_.configured(),
                 [&](totem::LinkId link) { freshness_[link].on_gathering(); });
    }

    void start(Instant now) override {
        next_step_ = now;
        expire(now);
    }

    void expire(Instant now) override {
        if (!next_step_ || now < *next_step_) {
            return;
        }
        // One step, however late: what was missed says nothing about the links.
        next_step_ = now + step_;
        monitor_.step(now);
        report();
        send_hellos(now);
    }

    [[nodiscard]] std::optional<Instant> deadline() const override { return next_step_; }

    void on_interface(Instant now, totem::LinkId link, bool is_up) override {
        monitor_.on_interface(now, link, is_up);
        report();
    }

    void on_moved(totem::LinkId link) override { send_hello(link); }

    [[nodiscard]] const LinkStats& stats(totem::LinkId link) const override {
        AIS_ASSERT(link < links_max);
        return stats_[link];
    }

    [[nodiscard]] PathState state(NodeId node, totem::LinkId link) const override {
        return monitor_.state(node, link);
    }

    [[nodiscard]] std::string describe() const override {
        std::ostringstream text;
        const FaultMonitor::Choice choice = monitor_.to_all();
        text << "links: " << text_of(monitor_.configured()) << "; rrp_mode " << mode_->name()
             << ", data to all may go on " << text_of(choice.links)
             << (choice.each_reaches ? "" : " (all of them are needed)") << "\n";
        for_each(monitor_.configured(), [&](totem::LinkId link) {
            const LinkStats& s = stats_[link];
            text << "link " << int{link} << ":";
            if (!has(monitor_.interfaces(), link)) {
                text << " interface down;";
            }
            for (const NodeId node : monitor_.peers()) {
                text << " node " << node.value() << " " << name_of(monitor_.state(node, link))
                     << ",";
            }
            text << " sent " << s.sent_datagrams << " datagrams (" << s.sent_bytes << " bytes) in "
                 << s.batches << " batches, received " << s.received_datagrams << " ("
                 << s.received_bytes << " bytes), copies " << s.copies << ", hellos " << s.hellos
                 << ", falls " << s.falls << ", recoveries " << s.recoveries << "\n";
        });
        return text.str();
    }

  private:
    template <typename Call>
    static void for_each(LinkSet set, Call&& call) {
        for (; set != 0; set = without(set, lowest(set))) {
            call(lowest(set));
        }
    }

    void send(const Batch& batch) override {
        for_each(links_for(batch), [&](totem::LinkId link) { send_on(link, batch); });
    }

    LinkSet links_for(const Batch& batch) {
        if (batch.traffic != totem::Traffic::data && !AIS_MUTATION(token_on_one_link)) {
            return monitor_.interfaces();
        }
        const FaultMonitor::Choice choice = batch.to ? monitor_.to(*batch.to) : monitor_.to_all();
        if (choice.links == 0 || batch.is_repeat) {
            return choice.links;
        }
        return mode_->choose(choice);
    }

    void send_on(totem::LinkId link, const Batch& batch) {
        LinkStats& stats = stats_[link];
        ++stats.batches;
        stats.sent_datagrams += batch.count;
        stats.sent_bytes += batch.bytes.size();
        transports_[link]->send(batch.to, batch.traffic, batch.bytes, batch.segment);
    }

    // Each is sealed for itself: only what was opened on a link speaks for it.
    void send_hellos(Instant now) {
        monitor_.fill(now, hello_);
        for_each(monitor_.interfaces(), [&](totem::LinkId link) { send_hello(link); });
    }

    void send_hello(totem::LinkId link) {
        hello_.link = link;
        std::array<std::uint8_t, hello_size_max> plain;
        const Bytes sealed =
            batcher_.seal_alone(Bytes(plain).first(encode(MutableBytes(plain), hello_)));
        if (!sealed.empty()) {
            send_on(link, {std::nullopt, totem::Traffic::control, false, sealed, sealed.size(), 1});
        }
    }

    void on_hello(Instant now, totem::LinkId link, const Seal::Opened& opened) {
        const auto hello = decode_hello(opened.plain);
        if (!hello) {
            AIS_MARK("links.drops_malformed_hello");
            ++stats_[link].faults[AIS_FAULT_MALFORMED];
            return;
        }
        ++stats_[link].hellos;
        if (hello->link != link) {
            report_wiring(now, link, opened.sender, hello->link);
            return;
        }
        monitor_.on_hello(now, link, opened.sender, hello->hears(self()));
    }

    [[nodiscard]] NodeId self() const { return monitor_.self(); }

    void report_wiring(Instant now, totem::LinkId link, NodeId node, totem::LinkId theirs) {
        AIS_MARK("links.tells_of_crossed_links");
        if (now < next_wiring_report_) {
            return;
        }
        next_wiring_report_ = now + wiring_report_interval;
        AIS_LOG(log_,
                error,
                "links",
                "LINK-012",
                "what node ",
                node.value(),
                " sends on link ",
                int{theirs},
                " comes here on link ",
                int{link},
                ": cables or ringnumbers are crossed; the ringnumber of a network must be the same "
                "on all nodes");
    }

    // One line for each link and cause, however many nodes it concerns.
    void report() {
        auto& changes = monitor_.changes();
        while (!changes.empty()) {
            const PathChange first = changes.front();
            std::string nodes;
            Duration longest{};
            const auto is_like_first = [&](const PathChange& change) {
                if (change.link != first.link || change.cause != first.cause) {
                    return false;
                }
                nodes += (nodes.empty() ? "" : ", ") + std::to_string(change.node.value());
                longest = std::max(longest, change.lasted);
                ++(change.cause == PathChange::Cause::good ? stats_[change.link].recoveries
                                                           : stats_[change.link].falls);
                return true;
            };
            // (erase_if may look twice, hence by hand.)
            std::size_t kept = 0;
            for (std::size_t i = 0; i < changes.size(); ++i) {
                if (!is_like_first(changes[i])) {
                    changes[kept++] = changes[i];
                }
            }
            changes.resize(kept);
            report(first, nodes, longest);
        }
    }

    void report(const PathChange& change, const std::string& nodes, Duration lasted) {
        const bool is_one = nodes.find(',') == std::string::npos;
        const std::string to = (is_one ? " node " : " nodes ") + nodes;
        switch (change.cause) {
            case PathChange::Cause::good:
                AIS_LOG(log_,
                        notice,
                        "links",
                        "LINK-011",
                        "link ",
                        int{change.link},
                        " to",
                        to,
                        " is up again after ",
                        to_ms(lasted),
                        " ms; links for data to all: ",
                        text_of(monitor_.to_all().links));
                return;
            case PathChange::Cause::silent:
                AIS_LOG(log_,
                        warning,
                        "links",
                        "LINK-010",
                        "link ",
                        int{change.link},
                        " to",
                        to,
                        " is down: nothing came on it for ",
                        to_ms(lasted),
                        " ms, while other links work; links for data to all: ",
                        text_of(monitor_.to_all().links));
                return;
            case PathChange::Cause::deaf:
                AIS_LOG(log_,
                        warning,
                        "links",
                        "LINK-010",
                        "link ",
                        int{change.link},
                        " to",
                        to,
                        " is down: what we send does not arrive there, what is sent there "
                        "arrives here; links for data to all: ",
                        text_of(monitor_.to_all().links));
                return;
            case PathChange::Cause::interface:
                return;  // the network says so, with the interface's name
        }
    }

    std::array<Transport*, links_max> transports_{};
    std::unique_ptr<Mode> mode_;
    const Duration step_;
    FaultMonitor monitor_;
    std::optional<Instant> next_step_;

    Receiver& receiver_;
    Log& log_;
    std::array<LinkStats, links_max> stats_{};
    Intake intake_;
    Batcher batcher_;
    Copies copies_;
    std::array<Freshness, links_max> freshness_;
    Hello hello_;  // the last that was sent
    Instant next_wiring_report_{};
};

}  // namespace

std::unique_ptr<Links> make_redundant(Seal& seal,
                                      std::span<const LinkPort> ports,
                                      std::unique_ptr<Mode> mode,
                                      const MonitorConfig& monitor,
                                      Receiver& receiver,
                                      Log& log,
                                      NodeId self,
                                      std::size_t datagram_max) {
    return std::make_unique<Redundant>(
        seal, ports, std::move(mode), monitor, receiver, log, self, datagram_max);
}

}  // namespace ais::links
