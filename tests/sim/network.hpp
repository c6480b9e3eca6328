// SPDX-License-Identifier: BSD-3-Clause
//
// A network that loses, delays, doubles and reorders as it is told, and that
// can be cut in any direction.  Without reordering a pair of nodes is FIFO.
// All chance comes from the world's generator.
//
// A path is one direction between two nodes on one link; each link has weather of its own.  What a
// path does to a datagram, in this order: cut, loss (independent, in bursts, of big ones only),
// waiting for the sender's line (bandwidth, a queue that overflows), delay, tail, reordering,
// doubling.

#pragma once

#include "base/node_id.hpp"
#include "base/prng.hpp"
#include "base/time.hpp"
#include "totem/members.hpp"
#include "totem/types.hpp"

#include <ais/bytes.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace ais::sim {

struct Conditions {
    Duration delay = std::chrono::microseconds(150);
    Duration jitter = std::chrono::microseconds(100);
    std::uint32_t loss_ppm = 0;
    std::uint32_t duplicate_ppm = 0;
    std::uint32_t reorder_ppm = 0;  // arrives late, behind others
    Duration reorder_delay = std::chrono::milliseconds(3);

    // Now and then a datagram takes much longer, and those behind it wait.
    std::uint32_t tail_ppm = 0;
    Duration tail = std::chrono::milliseconds(10);

    // Bursts (Gilbert): each datagram may begin or end one; inside, burst_loss_ppm are lost.
    std::uint32_t burst_begin_ppm = 0;
    std::uint32_t burst_end_ppm = 100000;
    std::uint32_t burst_loss_ppm = 900000;

    // A path of too small an MTU: datagrams of more bytes than this are lost.
    std::size_t big_size = 1000;
    std::uint32_t big_loss_ppm = 0;

    // Bytes per second that a node can send on a link, 0: any number; and how many may wait.
    std::uint64_t bandwidth = 0;
    std::size_t queue_max = 256U << 10;
};

// What faults add to the conditions, for a time.  Faults of one kind add up.
struct Disturbance {
    std::uint32_t loss_ppm = 0;
    std::uint32_t big_loss_ppm = 0;
    std::uint32_t duplicate_ppm = 0;
    std::uint32_t reorder_ppm = 0;
    Duration delay{};
};

class Network {
  public:
    // True: this datagram is lost.
    using Filter = std::function<bool(NodeId from, NodeId to, Bytes datagram)>;

    explicit Network(Prng& prng, std::size_t links = 1)
        : prng_(prng), links_(links), conditions_(links), of_link_(links) {}

    // Of all links, or of one.
    void set(const Conditions& conditions) { conditions_.assign(links_, conditions); }
    void set(totem::LinkId link, const Conditions& conditions) { conditions_[link] = conditions; }
    [[nodiscard]] const Conditions& conditions(totem::LinkId link = 0) const {
        return conditions_[link];
    }
    void set_filter(Filter filter) { filter_ = std::move(filter); }
    // Of all links; and what one has besides.
    [[nodiscard]] Disturbance& disturbance() { return disturbance_; }
    [[nodiscard]] Disturbance& disturbance(totem::LinkId link) { return of_link_[link]; }
    [[nodiscard]] std::size_t links() const { return links_; }

    void cut(NodeId from, NodeId to);
    void mend(NodeId from, NodeId to);
    // Cuts everything between different groups, and nothing else.
    void partition(const std::vector<totem::Members>& groups);
    void heal();
    [[nodiscard]] bool connects(NodeId from, NodeId to, totem::LinkId link = 0);

    // The same, but several faults may block one path, and each must unblock it.
    void block(NodeId from, NodeId to, totem::LinkId link);
    void unblock(NodeId from, NodeId to, totem::LinkId link);

    // A datagram of `from` goes to the wire.  False: its queue is full.  Once for a multicast.
    [[nodiscard]] bool depart(Instant now, totem::LinkId link, NodeId from, std::size_t size);

    // When copies of a datagram arrive; none if it is lost.
    void plan(Instant now,
              NodeId from,
              NodeId to,
              Bytes datagram,
              std::vector<Instant>& arrivals,
              totem::LinkId link = 0);

  private:
    struct Path {
        Instant last;  // arrival of the latest one
        std::uint16_t blocks = 0;
        bool is_cut = false;
        bool is_in_burst = false;
    };
    struct Line {
        Instant free;  // the sender's queue is empty then
    };

    Path& path(NodeId from, NodeId to, totem::LinkId link);
    [[nodiscard]] bool is_lost(
        Path& path, NodeId from, NodeId to, Bytes datagram, totem::LinkId link);

    Prng& prng_;
    std::size_t links_;
    std::vector<Conditions> conditions_;
    Disturbance disturbance_;
    std::vector<Disturbance> of_link_;
    Filter filter_;
    std::size_t stride_ = 0;  // ids below it have a place in paths_
    std::vector<Path> paths_;
    std::vector<Line> lines_;
};

}  // namespace ais::sim
