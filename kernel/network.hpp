// SPDX-License-Identifier: BSD-3-Clause
//
// The networks of this node: from the interface sections to one Links.
//
// Each section gets a transport of its own; with several of them kernel/links
// makes them redundant.  When the system says that interfaces or addresses have
// changed, this is where it is looked up what that means for each section: the
// same address again, another one, or none.  The node's identity was decided at
// the start and never follows an address.
//
// Order of calls: choose(), open(), connect(), start().  Threads: the loop's.

#pragma once

#include "base/log.hpp"
#include "config/settings.hpp"
#include "links/links.hpp"
#include "os/interfaces.hpp"
#include "os/lifeline.hpp"
#include "os/link_events.hpp"
#include "os/loop.hpp"
#include "os/udp.hpp"

#include <ais/result.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ais {

class Network final : private os::DatagramSink {
  public:
    // About a peer, or (not valid) about all who are reached by a link.
    using OnHint = std::function<void(NodeId peer, totem::LinkId link, totem::Hint what)>;

    // All outlive it.
    Network(const config::Settings& settings, os::Loop& loop, Log& log);

    // Which address each section means.  At least one must be there now; the first
    // one is needed if nothing else says who this node is.
    Result<void> choose();
    // By the configuration, or the address of the first section.
    [[nodiscard]] NodeId self() const { return self_; }
    // Opens the sockets.
    Result<void> open(std::size_t seal_overhead);
    // Largest sealed datagram that all interfaces carry whole.
    [[nodiscard]] std::size_t sealed_max() const { return sealed_max_; }
    // Bytes that every link's socket holds for certain.
    [[nodiscard]] std::size_t receive_room() const;

    void connect(links::Seal& seal, links::Receiver& receiver, std::size_t datagram_max);
    // Receiving begins.  What the system notices of peers goes to `on_hint`.
    // `before_control`: control datagrams have come and are handed over next.
    void start(OnHint on_hint, std::function<void()> before_control);
    // The ring has these members now.
    void on_configuration(const totem::Configuration& now);
    [[nodiscard]] links::Links& links() { return *links_; }

    // The configuration was read again: takes the lists of members from it, nothing else.
    Result<void> reload(const config::Settings& settings);

    // "10.0.0.1", with several links "10.0.0.1 and 10.1.0.1"; empty if `node` was never heard.
    [[nodiscard]] std::string address_of(NodeId node) const;
    // By ring number; empty where there is none now.
    [[nodiscard]] std::vector<std::string> own_addresses() const;
    // One line per link.
    [[nodiscard]] std::string describe() const;
    // By ring number.
    struct LinkView {
        totem::LinkId number = 0;
        std::string interface;  // empty where there is none now
        std::string address;
        bool is_up = false;
        bool is_offloading = false;
        std::uint64_t overruns = 0;
    };
    [[nodiscard]] std::vector<LinkView> links_now() const;

  private:
    struct Link {
        config::Interface wanted;
        Address bind;
        std::optional<os::Interface> chosen;
        std::unique_ptr<os::UdpTransport> transport;
        bool is_up = false;
        [[nodiscard]] totem::LinkId number() const {
            return static_cast<totem::LinkId>(wanted.ring_number);
        }
    };

    // os::DatagramSink
    void on_received(totem::LinkId link, MutableBytes datagram) override;
    void before_control(totem::LinkId link) override;
    void on_hint(totem::LinkId link, NodeId node, totem::Hint what) override;

    // On the first link: one connection tells of a process, by whatever network.
    void open_lifelines();
    Result<os::UdpConfig> udp_config(const Link& link, std::size_t seal_overhead) const;
    Result<std::vector<os::UdpConfig::Peer>> peers_of(const config::Settings& settings,
                                                      const config::Interface& interface) const;
    void on_change();
    void follow(Link& link, const std::vector<os::Interface>& host);
    void set_down(Link& link, const std::string& why);

    const config::Settings& settings_;
    os::Loop& loop_;
    Log& log_;
    NodeId self_;
    std::size_t sealed_max_ = 0;
    std::vector<Link> all_;  // by ring number
    std::unique_ptr<links::Links> links_;
    std::unique_ptr<os::LinkEvents> events_;
    std::unique_ptr<os::Lifelines> lifelines_;
    OnHint on_hint_;
    std::function<void()> before_control_;
};

}  // namespace ais
