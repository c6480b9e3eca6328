// SPDX-License-Identifier: BSD-3-Clause
//
// One link: nothing to choose.  What is sent and what is heard goes straight
// through.

#include "links/batcher.hpp"
#include "links/freshness.hpp"
#include "links/hello.hpp"
#include "links/intake.hpp"
#include "links/links.hpp"

#include "base/mark.hpp"
#include "base/mutation.hpp"

#include <sstream>

namespace ais::links {
namespace {

class Single final : public Links, private Outlet {
  public:
    Single(Seal& seal,
           Transport& transport,
           Receiver& receiver,
           Log& log,
           NodeId self,
           std::size_t datagram_max)
        : transport_(transport),
          receiver_(receiver),
          intake_(seal, log, self),
          batcher_(seal, *this, log, datagram_max, stats_.seal_failures) {}

    void transmit(const totem::Transmit& what) override { batcher_.transmit(what); }
    void flush() override { batcher_.flush(); }

    void on_received(Instant now,
                     totem::LinkId link,
                     MutableBytes datagram,
                     std::string_view from) override {
        ++stats_.received_datagrams;
        stats_.received_bytes += datagram.size();
        const auto stamp = read_stamp(datagram);
        Seal::Opened opened;
        if (!intake_.open(now, datagram, receiver_.landing(), from, transport_, stats_, opened)) {
            return;
        }
        if (!stamp || freshness_.is_newest(now, *stamp) || AIS_MUTATION(address_of_anyone)) {
            transport_.learn(opened.sender);
        }
        if (is_hello(opened.plain)) {
            AIS_MARK("links.single_needs_no_hello");
            ++stats_.hellos;
            return;
        }
        receiver_.on_datagram(link, opened.sender, opened.plain);
    }

    void on_configuration(const totem::Configuration& now) override {
        freshness_.on_configuration(now);
        transport_.on_members(now.members);
    }

    void on_gathering() override { freshness_.on_gathering(); }

    // Any authentic datagram would do; a hello is one that every node understands.
    void on_moved(totem::LinkId link) override {
        Hello hello;
        hello.link = link;
        std::array<std::uint8_t, hello_size_max> plain;
        const Bytes sealed =
            batcher_.seal_alone(Bytes(plain).first(encode(MutableBytes(plain), hello)));
        if (!sealed.empty()) {
            send({std::nullopt, totem::Traffic::control, false, sealed, sealed.size(), 1});
        }
    }

    [[nodiscard]] const LinkStats& stats(totem::LinkId) const override { return stats_; }
    [[nodiscard]] PathState state(NodeId, totem::LinkId) const override { return PathState::up; }

    [[nodiscard]] std::string describe() const override {
        std::ostringstream text;
        text << "links: one; sent " << stats_.sent_datagrams << " datagrams (" << stats_.sent_bytes
             << " bytes) in " << stats_.batches << " batches, received "
             << stats_.received_datagrams << " (" << stats_.received_bytes << " bytes)\n";
        return text.str();
    }

  private:
    void send(const Batch& batch) override {
        ++stats_.batches;
        stats_.sent_datagrams += batch.count;
        stats_.sent_bytes += batch.bytes.size();
        transport_.send(batch.to, batch.traffic, batch.bytes, batch.segment);
    }

    Transport& transport_;
    Receiver& receiver_;
    LinkStats stats_;
    Intake intake_;
    Batcher batcher_;
    Freshness freshness_;
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
