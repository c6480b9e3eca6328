// SPDX-License-Identifier: BSD-3-Clause
//
// What a machine has plugged into one network, and what an executive knows there.
//
// An Interface belongs to the host: it is up or down and has an address, which may become
// another one; a crash of the executive leaves it as it is.  A Port is the transport of one life
// on one link (links::Transport), as kernel/os/udp is: it sends to configured addresses and to
// those that it has learned.
//
// An address is a number beside the node id; where a node was configured is `home`.
//
//   one node              where it was heard last, or at home
//   all, control          at home, and where it was heard last
//   all, data (udpu)      where it was heard last: members, and whom it has heard since
//   all (multicast)       whoever is on that network
//
// Rule, judged here: a datagram that is played again from elsewhere moves no address of a node
// that has been heard since it was sent (docs/protocol/links.md, "Addresses").

#pragma once

#include "links/links.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ais::sim {

using Address = std::uint32_t;
constexpr Address home = 0;
constexpr Address everywhere = 0xffff;  // multicast
constexpr Address foreign = 0xfffe;     // somebody who is not one of us

struct Interface {
    std::uint32_t downs = 0;  // faults that keep it down
    Address address = home;
    [[nodiscard]] bool is_up() const { return downs == 0; }
};

struct Target {
    NodeId node;
    Address address = home;
};

// Where datagrams of a port go.
class PortOwner {
  public:
    virtual void depart(totem::LinkId link, Bytes datagram, const std::vector<Target>& to) = 0;
    virtual void is_led_astray(totem::LinkId link, NodeId node) = 0;

  protected:
    ~PortOwner() = default;
};

class Port final : public links::Transport {
  public:
    // Nodes are 1 to `nodes`.
    Port(PortOwner& owner, NodeId self, totem::LinkId link, std::size_t nodes, bool is_multicast)
        : owner_(owner), self_(self), link_(link), is_multicast_(is_multicast), known_(nodes) {}
    virtual ~Port() = default;

    // The next datagram that is handed up came from here; not valid: from a stranger's host.
    // `now` is of the host's clock, `sent` of the world's.
    void comes_from(Instant now, NodeId host, Address address, Instant sent) {
        now_ = now;
        source_host_ = host;
        source_address_ = address;
        source_sent_ = sent;
    }

    // links::Transport
    void send(std::optional<NodeId> to,
              totem::Traffic traffic,
              Bytes batch,
              std::size_t segment) override;
    [[nodiscard]] std::string_view address_of(NodeId node) const override;
    void learn(NodeId node) override;
    [[nodiscard]] std::string_view source() const override;
    void on_members(const totem::Members& members) override;

  private:
    struct Known {
        Address address = home;
        bool is_heard = false;
        bool gets_data = false;
        Instant heard{};  // from itself, and when it had sent the newest
        Instant sent{};
    };
    [[nodiscard]] std::string text_of(NodeId host, Address address) const;
    void add(NodeId node, Address address);

    PortOwner& owner_;
    const NodeId self_;
    const totem::LinkId link_;
    const bool is_multicast_;
    std::vector<Known> known_;  // by node, from 1
    Instant now_;
    NodeId source_host_;
    Instant source_sent_;
    Address source_address_ = home;
    std::vector<Target> targets_;
    mutable std::string text_;
};

}  // namespace ais::sim
