// SPDX-License-Identifier: BSD-3-Clause

#include "network.hpp"

#include "settings.hpp"

#include <algorithm>
#include <sstream>

namespace ais {
namespace {

std::string place_of(const os::Interface& interface) {
    return interface.address.host_text() + " on " + interface.name;
}

// The address that a link has now, if the host still has it: another one that
// would do as well is no reason to move.
const os::Interface* still_there(const os::Interface& now, const std::vector<os::Interface>& host) {
    const auto at = std::find_if(host.begin(), host.end(), [&](const os::Interface& entry) {
        return entry.index == now.index && entry.address.family == now.address.family &&
               entry.address.bytes == now.address.bytes && entry.is_up;
    });
    return at == host.end() ? nullptr : &*at;
}

std::unique_ptr<links::Mode> make_mode(config::Redundancy mode) {
    switch (mode) {
        case config::Redundancy::active:
            return links::make_active();
        case config::Redundancy::passive:
            return links::make_passive();
        case config::Redundancy::none:
            break;
    }
    return links::make_best();
}

}  // namespace

Network::Network(const config::Settings& settings, os::Loop& loop, Log& log)
    : settings_(settings), loop_(loop), log_(log) {}

Result<void> Network::choose() {
    auto host = os::list_interfaces();
    if (!host) {
        return host.error();
    }
    std::optional<Error> first_error;
    bool is_any_there = false;
    for (const config::Interface& wanted : settings_.totem.interfaces) {
        auto bind = os::resolve(wanted.bind);
        if (!bind) {
            return bind.error();
        }
        Link link;
        link.wanted = wanted;
        link.bind = *bind;
        if (auto chosen = os::choose_interface(*bind, *host); chosen) {
            link.chosen = chosen.take();
            is_any_there = true;
        } else if (!first_error) {
            first_error =
                Error{chosen.error().code, "totem.interface.bindnetaddr: " + chosen.error().text};
        }
        all_.push_back(std::move(link));
    }
    if (!is_any_there) {
        return *first_error;
    }
    const Link& first = all_.front();
    self_ =
        config::node_id_for(settings_, first.chosen ? first.chosen->address : first.wanted.bind);
    if (!self_.is_valid()) {
        return invalid(
            "totem.nodeid: this node has no identity: set nodeid, or give it an entry in nodelist");
    }
    if (!first.chosen && !settings_.totem.node_id) {
        return Error{first_error->code,
                     first_error->text +
                         "; without totem.nodeid that address is this node's "
                         "identity: set nodeid, or wait for the address"};
    }
    return {};
}

Result<void> Network::open(std::size_t seal_overhead) {
    const auto& totem = settings_.totem;
    sealed_max_ = sealed_datagram_max(settings_);
    for (const Link& link : all_) {
        if (!link.chosen || link.chosen->mtu == 0 || link.chosen->mtu >= totem.netmtu) {
            continue;
        }
        AIS_LOG(log_,
                warning,
                "main",
                "MAIN-013",
                "netmtu is ",
                totem.netmtu,
                ", but ",
                link.chosen->name,
                " carries only ",
                link.chosen->mtu,
                ": datagrams are made to fit; set netmtu: ",
                link.chosen->mtu,
                " on every node");
        sealed_max_ =
            std::min(sealed_max_, os::udp_payload_max(link.chosen->mtu, link.bind.family));
    }
    for (Link& link : all_) {
        auto config = udp_config(link, seal_overhead);
        if (!config) {
            return config.error();
        }
        auto transport = os::UdpTransport::open(*config, loop_, loop_, log_);
        if (!transport) {
            return transport.error();
        }
        link.transport = transport.take();
        link.is_up = link.transport->is_open();
        if (!link.is_up) {
            AIS_LOG(log_,
                    warning,
                    "main",
                    "MAIN-020",
                    "link ",
                    int{link.number()},
                    ": this host has no address in ",
                    link.bind.host_text(),
                    " (bindnetaddr) yet, or its interface is down; the link is used as soon as "
                    "that changes");
        }
    }
    open_lifelines();
    return {};
}

void Network::open_lifelines() {
    os::UdpTransport& transport = *all_.front().transport;
    if (!transport.is_open() || all_.front().wanted.port == 0) {
        return;  // nobody else can know the port, or: opened when the link is
    }
    if (!lifelines_) {
        lifelines_ = std::make_unique<os::Lifelines>(
            self_,
            loop_,
            loop_,
            [&transport](NodeId node) { return transport.control_address(node); },
            [&transport](const Address& from) { return transport.knows_host(from); },
            [this](NodeId node) { on_hint(all_.front().number(), node, totem::Hint::closed); });
    }
    if (auto opened = lifelines_->open(transport.own_control_address()); !opened) {
        AIS_LOG(log_,
                notice,
                "main",
                "MAIN-027",
                opened.error().text,
                ": that this process has ended is noticed by the others a little later");
    }
}

void Network::on_configuration(const totem::Configuration& now) {
    links_->on_configuration(now);
    if (lifelines_) {
        lifelines_->keep(now.members);
    }
}

void Network::on_hint(totem::LinkId link, NodeId node, totem::Hint what) {
    if (on_hint_) {
        on_hint_(node, link, what);
    }
}

Result<os::UdpConfig> Network::udp_config(const Link& link, std::size_t seal_overhead) const {
    const auto& totem = settings_.totem;
    os::UdpConfig udp;
    udp.link = link.number();
    udp.self = self_;
    if (link.chosen) {
        udp.interface = *link.chosen;
    }
    udp.port = link.wanted.port;
    udp.offload = totem.offload;
    udp.datagram_max = sealed_max_;
    udp.control_max = totem::control_datagram_max + seal_overhead;
    udp.receive_buffer = totem.rcvbuf ? *totem.rcvbuf
                                      : std::max<std::size_t>(udp.receive_buffer,
                                                              2 * totem.window_size * totem.netmtu);
    if (link.wanted.multicast && totem.transport == config::Transport::udp) {
        auto group = os::resolve(*link.wanted.multicast);
        if (!group) {
            return group.error();
        }
        udp.group = *group;
    }
    auto peers = peers_of(settings_, link.wanted);
    if (!peers) {
        return peers.error();
    }
    udp.peers = peers.take();
    return udp;
}

Result<std::vector<os::UdpConfig::Peer>> Network::peers_of(
    const config::Settings& settings, const config::Interface& interface) const {
    std::vector<os::UdpConfig::Peer> peers;
    for (const config::KnownNode& node : config::known_nodes(settings, interface)) {
        auto address = os::resolve(node.address);
        if (!address) {
            return address.error();
        }
        peers.push_back({node.id.value_or(NodeId()), *address});
    }
    return peers;
}

std::size_t Network::receive_room() const {
    std::size_t room = SIZE_MAX;
    for (const Link& link : all_) {
        room = std::min(room, link.transport->receive_room());
    }
    return room;
}

void Network::connect(links::Seal& seal, links::Receiver& receiver, std::size_t datagram_max) {
    if (all_.size() == 1) {
        links_ =
            links::make_single(seal, *all_.front().transport, receiver, log_, self_, datagram_max);
        return;
    }
    const auto& totem = settings_.totem;
    links::MonitorConfig monitor;
    monitor.silence = totem.rrp_token_expired;
    monitor.threshold = totem.rrp_problem_count_threshold;
    monitor.forgive = totem.rrp_problem_count;
    std::vector<links::LinkPort> ports;
    for (const Link& link : all_) {
        ports.push_back({link.number(), link.transport.get()});
    }
    links_ = links::make_redundant(
        seal, ports, make_mode(totem.rrp_mode), monitor, receiver, log_, self_, datagram_max);
    for (const Link& link : all_) {
        links_->on_interface(loop_.now(), link.number(), link.is_up);
    }
}

void Network::start(OnHint hint, std::function<void()> before_control) {
    before_control_ = std::move(before_control);
    on_hint_ = std::move(hint);
    for (Link& link : all_) {
        link.transport->start(*this);
    }
    links_->start(loop_.now());
    auto events = os::LinkEvents::open(loop_, [this] { on_change(); });
    if (!events) {
        AIS_LOG(log_,
                warning,
                "main",
                "MAIN-024",
                events.error().text,
                ": an address that changes is noticed at the next start only");
        return;
    }
    events_ = events.take();
    on_change();  // what changed since choose()
}

void Network::on_change() {
    auto host = os::list_interfaces();
    if (!host) {
        return;
    }
    for (Link& link : all_) {
        follow(link, *host);
    }
}

void Network::follow(Link& link, const std::vector<os::Interface>& host) {
    os::UdpTransport& transport = *link.transport;
    std::optional<os::Interface> now;
    if (transport.is_open()) {
        if (const os::Interface* same = still_there(transport.interface(), host)) {
            now = *same;
        }
    }
    if (!now) {
        auto chosen = os::choose_interface(link.bind, host);
        if (!chosen) {
            set_down(link, chosen.error().text);
            return;
        }
        now = chosen.take();
    }
    if (!now->has_carrier) {
        set_down(link, "interface " + now->name + " has no carrier (cable, switch)");
        return;
    }
    const bool is_elsewhere = !transport.is_open() ||
                              transport.interface().address.bytes != now->address.bytes ||
                              transport.interface().index != now->index;
    if (is_elsewhere) {
        const std::string before =
            transport.is_open() ? " (was " + place_of(transport.interface()) + ")" : std::string();
        if (auto bound = transport.rebind(*now); !bound) {
            set_down(link, bound.error().text);
            return;
        }
        AIS_LOG(log_,
                notice,
                "main",
                "MAIN-021",
                "link ",
                int{link.number()},
                " is now at ",
                place_of(*now),
                before,
                "; node ",
                self_.value(),
                " stays who it is");
        if (&link == &all_.front()) {
            open_lifelines();
        }
    } else if (link.is_up) {
        return;
    } else {
        AIS_LOG(log_,
                notice,
                "main",
                "MAIN-022",
                "link ",
                int{link.number()},
                ": interface ",
                now->name,
                " works again with ",
                now->address.host_text());
    }
    link.is_up = true;
    links_->on_interface(loop_.now(), link.number(), true);
    links_->on_moved(link.number());
}

void Network::set_down(Link& link, const std::string& why) {
    if (!link.is_up) {
        return;
    }
    link.is_up = false;
    AIS_LOG(
        log_, warning, "main", "MAIN-023", "link ", int{link.number()}, " carries nothing: ", why);
    links_->on_interface(loop_.now(), link.number(), false);
    on_hint(link.number(), NodeId(), totem::Hint::link_down);
}

Result<void> Network::reload(const config::Settings& settings) {
    for (Link& link : all_) {
        const auto& read = settings.totem.interfaces;
        const auto same = std::find_if(read.begin(), read.end(), [&](const auto& interface) {
            return interface.ring_number == link.wanted.ring_number;
        });
        if (same == read.end()) {
            continue;
        }
        auto peers = peers_of(settings, *same);
        if (!peers) {
            return peers.error();
        }
        if (auto done = link.transport->reconfigure(*peers); !done) {
            return done;
        }
    }
    return {};
}

std::string Network::address_of(NodeId node) const {
    std::string text;
    for (const Link& link : all_) {
        const std::string_view address = link.transport->address_of(node);
        if (!address.empty()) {
            text += text.empty() ? "" : " and ";
            text += address;
        }
    }
    return text;
}

std::vector<std::string> Network::own_addresses() const {
    std::vector<std::string> all;
    for (const Link& link : all_) {
        all.resize(link.wanted.ring_number + 1);
        if (link.transport->is_open()) {
            all.back() = link.transport->interface().address.host_text();
        }
    }
    return all;
}

std::string Network::describe() const {
    std::ostringstream text;
    text << links_->describe();
    for (const Link& link : all_) {
        const auto& udp = link.transport->stats();
        text << "udp: ";
        if (all_.size() > 1) {
            text << "link " << int{link.number()} << ": ";
        }
        text << "sent " << udp.sent << " datagrams in " << udp.send_calls << " calls, received "
             << udp.received << " in " << udp.receive_calls << "; lost in full buffers "
             << udp.overruns << ", refused by the system " << udp.dropped_error
             << ", without an address " << udp.dropped_closed << "; rebound " << udp.rebinds
             << " times; offload " << (link.transport->is_offload_on() ? "on" : "off") << "\n";
    }
    return text.str();
}

std::vector<Network::LinkView> Network::links_now() const {
    std::vector<LinkView> views;
    for (const Link& link : all_) {
        views.push_back({link.number(),
                         link.chosen ? link.chosen->name : std::string(),
                         link.chosen ? link.chosen->address.host_text() : std::string(),
                         link.is_up,
                         link.transport->is_offload_on(),
                         link.transport->stats().overruns});
    }
    return views;
}

void Network::on_received(totem::LinkId link, MutableBytes datagram) {
    links_->on_received(loop_.now(), link, datagram, {});
}

// A token must not overtake the data of the other links that has arrived with it.
void Network::before_control(totem::LinkId link) {
    for (Link& other : all_) {
        if (other.number() != link) {
            other.transport->drain_data();
        }
    }
    before_control_();
}

}  // namespace ais
