// SPDX-License-Identifier: BSD-3-Clause
//
// Links: n networks look like one.
//
// Downwards: every datagram of the engine is sealed here and given to one or
// more transports.  Upwards: what a transport received is opened, counted
// and, if it is whole, handed to the engine with its authenticated sender.
// A datagram that does not open is the "Invalid digest" of the log: peer's
// address, cause, rate-limited.
//
// Data datagrams of one visit are sealed into one contiguous buffer at equal
// size (the last may be short) and go out as one batch, so that a transport can
// use segmentation offload (docs/protocol/flow.md).  A token flushes
// everything before it: order of effects is order on the wire.
//
// One link: single.cpp.  Several: redundant.cpp, with a mode that chooses links
// for data (mode.hpp) and a monitor that says which of them work
// (fault_monitor.hpp); docs/protocol/links.md has the rules.  Threads: none.

#pragma once

#include "base/log.hpp"
#include "base/time.hpp"
#include "links/link_set.hpp"
#include "links/mode.hpp"
#include "links/seal.hpp"
#include "totem/engine.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ais::links {

// One network: sockets in kernel/os, a queue in the simulator.
class Transport {
  public:
    // Send `batch`, datagrams of `segment` bytes laid end to end (the last may
    // be shorter), to one node or to all others.  Copies or sends before it
    // returns; a full socket drops, as a network does.
    virtual void send(std::optional<NodeId> to,
                      totem::Traffic traffic,
                      Bytes batch,
                      std::size_t segment) = 0;
    // Where `node` was last heard, as text for logs; empty if never.
    [[nodiscard]] virtual std::string_view address_of(NodeId node) const = 0;
    // An authenticated datagram of `node` came from the address that the
    // transport has just handed up: remember it.
    virtual void learn(NodeId node) = 0;
    // Source address of the datagram just handed up, as text for logs; asked
    // only for datagrams that did not open, so that nobody formats an address
    // per datagram.
    [[nodiscard]] virtual std::string_view source() const { return {}; }
    // The ring has these members now.  Data to all need go only to them and to
    // whom was learned since; control still goes to every known address.
    virtual void on_members(const totem::Members& members) { static_cast<void>(members); }

  protected:
    ~Transport() = default;
};

struct LinkStats {
    std::uint64_t sent_datagrams = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_datagrams = 0;
    std::uint64_t received_bytes = 0;
    // By AIS_FAULT_…; 0: a cause that this kernel does not know.
    std::array<std::uint64_t, 7> faults{};
    std::uint64_t own_copies = 0;     // ours, come back by multicast
    std::uint64_t seal_failures = 0;  // the backend could not seal: not sent
    std::uint64_t batches = 0;        // calls of Transport::send
    // Redundant links only.
    std::uint64_t copies = 0;      // of a datagram that another link had brought
    std::uint64_t hellos = 0;      // heard
    std::uint64_t falls = 0;       // paths to one node that went down, and
    std::uint64_t recoveries = 0;  // came back
};

// What comes up.
class Receiver {
  public:
    virtual void on_datagram(totem::LinkId link, NodeId sender, Bytes plain) = 0;
    // Where the next datagram would be kept, if it is kept: a seal that can opens it to there.
    // Anything may be written to it before on_datagram.  Empty: nowhere.
    [[nodiscard]] virtual MutableBytes landing() { return {}; }

  protected:
    ~Receiver() = default;
};

class Links {
  public:
    virtual ~Links() = default;

    // From the engine's effects.
    virtual void transmit(const totem::Transmit& what) = 0;
    // End of a batch of effects: everything goes out.
    virtual void flush() = 0;

    // From a transport: bytes as received, opened in place; `from` is the
    // source address as text, for logs only, and may be empty (then Transport::source is asked).
    virtual void on_received(Instant now,
                             totem::LinkId link,
                             MutableBytes datagram,
                             std::string_view from) = 0;

    // A regular configuration was delivered.
    virtual void on_configuration(const totem::Configuration& now) = 0;
    // The ring is over: those who were in it may have restarted.
    virtual void on_gathering() = 0;

    // Redundant links look after themselves: expire() at deadline() or when it is
    // due, and what the system says of the interfaces.  One link has nothing to do.
    virtual void start(Instant now) { static_cast<void>(now); }
    virtual void expire(Instant now) { static_cast<void>(now); }
    [[nodiscard]] virtual std::optional<Instant> deadline() const { return std::nullopt; }
    virtual void on_interface(Instant now, totem::LinkId link, bool is_up) {
        static_cast<void>(now);
        static_cast<void>(link);
        static_cast<void>(is_up);
    }

    // Our address on `link` is new: tell everybody there at once.
    virtual void on_moved(totem::LinkId link) = 0;

    [[nodiscard]] virtual const LinkStats& stats(totem::LinkId link) const = 0;
    // Of the path to a node; one link is always up.
    [[nodiscard]] virtual PathState state(NodeId node, totem::LinkId link) const = 0;
    // One line per link, for SIGUSR2.
    [[nodiscard]] virtual std::string describe() const = 0;
};

// One link.  `seal`, `transport`, `receiver` and `log` outlive it.  What comes
// from `self` is a copy that multicast brought back and is dropped.
// Requires: datagram_max is the engine's, before sealing.
std::unique_ptr<Links> make_single(Seal& seal,
                                   Transport& transport,
                                   Receiver& receiver,
                                   Log& log,
                                   NodeId self,
                                   std::size_t datagram_max);

struct LinkPort {
    totem::LinkId number = 0;
    Transport* transport = nullptr;
};

// Several links, each with a number of its own below links_max; what a transport
// hands up carries that number.
std::unique_ptr<Links> make_redundant(Seal& seal,
                                      std::span<const LinkPort> ports,
                                      std::unique_ptr<Mode> mode,
                                      const MonitorConfig& monitor,
                                      Receiver& receiver,
                                      Log& log,
                                      NodeId self,
                                      std::size_t datagram_max);

}  // namespace ais::links
