// SPDX-License-Identifier: BSD-3-Clause
//
// One network over UDP.
//
// Two channels on two ports: data on `port` (openais' mcastport), tokens and
// control on `port` - 1, so that a token never waits behind data in a socket.
// Each channel has a socket bound to the node's own address; all sending is
// done with it.  With IP multicast there is one more per channel, bound to the
// group, that only receives (a socket bound to a unicast address is not given
// multicasts).  Without a group, "to all" is one copy per known peer.
//
// Order: datagrams that had arrived on the data sockets when the loop woke for a token
// are handed up before the token.
//
// Offload: a batch of equal segments goes out as one UDP_SEGMENT message per
// receiver and comes in as one UDP_GRO buffer, which is split here.  A driver
// that refuses turns sending with offload off for this link, with one log line.
//
// Peers: configured addresses, and every node from which an authenticated
// datagram came (learn).  Identity is the node id; an address may change.
//
// Several nodes on one host: on a real interface the operating system returns
// multicasts to the host only if the sender asks.  Control is sent so always;
// data only once a peer is known to have an address of this host, since the
// copy costs as much as the sending.  Own copies are dropped by source address.
//
// Whom data is for: to everybody at first; once the ring's members are known, to them
// and to whoever was learned since, so that no copy is made for configured nodes that are
// dead.  Control goes to every address, since that is how nodes find each other.
//
// Addresses of our own come and go (rebind): the sockets are opened anew at the
// new address and everything else stays, the identity first of all.  A link whose
// address is not there yet is opened closed, and bound when it comes.
//
// Faults of the network never stop the node: each is counted, a few are logged
// (DIAGNOSTICS.md), and the datagram is lost, as datagrams may be.
//
// Threads: the loop's.

#pragma once

#include "base/log.hpp"
#include "base/timers.hpp"
#include "base/watcher.hpp"
#include "links/links.hpp"
#include "os/address.hpp"
#include "os/interfaces.hpp"
#include "totem/detector.hpp"

#include <ais/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ais::os {

struct UdpConfig {
    totem::LinkId link = 0;
    NodeId self;
    Interface interface;           // chosen by choose_interface; without an address: not there yet
    std::optional<Address> group;  // multicast; none: udpu
    // At least 2; or 0, if nobody has to find this node: the system chooses.
    std::uint16_t port = 5405;
    struct Peer {
        NodeId node;      // invalid: not known before it is heard
        Address address;  // port 0: as ours
    };
    std::vector<Peer> peers;  // this node may be among them

    // Sealed; longer ones are counted and dropped.  Data fits the interface; control of
    // a large ring may be longer, then IP fragments it.  0: as data.
    std::size_t datagram_max = 1472;
    std::size_t control_max = 0;
    // Bytes of payload that each data socket should hold.
    std::size_t receive_buffer = 4U << 20;
    std::size_t send_buffer = 1U << 20;
    std::uint8_t multicast_ttl = 1;
    std::uint8_t control_dscp = 48;  // CS6, network control
    bool offload = true;
};

struct UdpStats {
    std::uint64_t send_calls = 0;
    std::uint64_t receive_calls = 0;
    std::uint64_t sent = 0;             // datagrams, each receiver's copy
    std::uint64_t received = 0;         // datagrams handed up
    std::uint64_t waits = 0;            // a full send buffer was waited for
    std::uint64_t dropped_full = 0;     // datagrams: it stayed full
    std::uint64_t dropped_error = 0;    // datagrams: the system refused
    std::uint64_t dropped_unknown = 0;  // datagrams for a node whose address is not known
    std::uint64_t too_long = 0;         // received longer than datagram_max
    std::uint64_t overruns = 0;  // at least so many lost in full receive buffers (SO_RXQ_OVFL)
    std::uint64_t own_copies = 0;
    std::uint64_t receive_errors = 0;
    std::uint64_t dropped_closed = 0;  // datagrams: the link has no address now
    std::uint64_t rebinds = 0;
    std::uint64_t network_errors = 0;  // ICMP messages about control that we sent
};

// Where received datagrams go, one by one, in the order described above.
class DatagramSink {
  public:
    // `datagram` may be opened in place; during the call Transport::source()
    // and learn() speak of its source.
    virtual void on_received(totem::LinkId link, MutableBytes datagram) = 0;
    // Tokens or control were read on `link`, and its own data was handed up: with several
    // links the others' data comes now (drain_data), and the token after it.
    virtual void before_control(totem::LinkId link) { static_cast<void>(link); }
    // The network says that control for `node` did not arrive (ICMP).
    virtual void on_hint(totem::LinkId link, NodeId node, totem::Hint what) {
        static_cast<void>(link);
        static_cast<void>(node);
        static_cast<void>(what);
    }

  protected:
    ~DatagramSink() = default;
};

class UdpTransport final : public links::Transport {
  public:
    // Opens and binds the sockets; receiving begins with start().  `watcher`,
    // `timers` and `log` outlive it.
    static Result<std::unique_ptr<UdpTransport>> open(const UdpConfig& config,
                                                      Watcher& watcher,
                                                      Timers& timers,
                                                      Log& log);
    ~UdpTransport();

    void start(DatagramSink& sink);
    // Hand up what lies on the data sockets; bounded.
    void drain_data();

    // Our address or interface has changed: new sockets there.  Fails if the system
    // refuses; then the link is closed until the next rebind.  Not from inside a callback of the
    // sink.
    Result<void> rebind(const Interface& interface);
    [[nodiscard]] bool is_open() const;
    [[nodiscard]] const Interface& interface() const;
    // The list of members was read again: replaces the configured addresses.  Who is not
    // in it any more is forgotten unless it speaks.
    Result<void> reconfigure(const std::vector<UdpConfig::Peer>& peers);

    // links::Transport
    void send(std::optional<NodeId> to,
              totem::Traffic traffic,
              Bytes batch,
              std::size_t segment) override;
    [[nodiscard]] std::string_view address_of(NodeId node) const override;
    void learn(NodeId node) override;
    [[nodiscard]] std::string_view source() const override;
    void on_members(const totem::Members& members) override;

    // Address of its control channel; nothing if it is not known.
    [[nodiscard]] std::optional<Address> control_address(NodeId node) const;
    [[nodiscard]] Address own_control_address() const;
    // Is a peer on this host, as far as is known?
    [[nodiscard]] bool knows_host(const Address& address) const;

    // Payload bytes that the data socket holds for certain, as the system granted
    // it: half of its accounting, the other half is overhead.  The sum of what may
    // be under way to one node has to stay below.
    [[nodiscard]] std::size_t receive_room() const;
    [[nodiscard]] bool is_offload_on() const;
    [[nodiscard]] const UdpStats& stats() const;

  private:
    struct Impl;
    explicit UdpTransport(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ais::os
