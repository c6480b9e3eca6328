// SPDX-License-Identifier: BSD-3-Clause

#include "os/udp.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "os/address_system.hpp"
#include "os/udp_errors.hpp"
#include "os/udp_peers.hpp"
#include "os/udp_sender.hpp"
#include "os/udp_slots.hpp"
#include "os/udp_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace ais::os {
namespace {

enum class Channel : std::uint8_t { data, control };

// Limit: 32 offloaded buffers are 2,048 datagrams of one system call.
constexpr std::size_t offload_slots = 32;
constexpr std::size_t offload_slot_size = 65536;
constexpr std::size_t plain_slots = 64;
constexpr std::size_t control_slots = 16;
// Limit: receive calls of one turn on one data socket; others get their turn.
constexpr int calls_per_turn = 8;
// Limit: how long a token waits for data that came before it.  A window fits
// many times; a flood of foreign datagrams must not starve the token.
constexpr int calls_before_token = 64;
// Limit: ICMP messages of one turn.
constexpr int errors_per_turn = 64;
// Lines about the same trouble.
constexpr Duration line_interval = std::chrono::seconds(10);

struct Socket {
    UdpSocket opened;
    Channel channel = Channel::data;
    WatchId watch = 0;
    std::uint32_t overruns = 0;
};

// One line per interval, with the count of what was left out.
struct RateLimit {
    Instant next = Instant::min();
    std::uint64_t held_back = 0;
    bool pass(Instant now, std::uint64_t count, std::uint64_t& total) {
        held_back += count;
        if (now < next) {
            return false;
        }
        total = held_back;
        held_back = 0;
        next = now + line_interval;
        return true;
    }
};

}  // namespace

struct UdpTransport::Impl {
    Impl(const UdpConfig& wish,
         const Address& own_address,
         Watcher& watcher_port,
         Timers& timers_port,
         Log& log_port)
        : config(wish),
          own(own_address),
          own_text(own_address.host_text()),
          watcher(watcher_port),
          timers(timers_port),
          log(log_port),
          peers(wish.self, own_address),
          sender(wish.offload,
                 stats,
                 [this](const auto& target, int error, std::size_t lost) {
                     on_send_trouble(target, error, lost);
                 }),
          control_room(control_slots,
                       std::max({std::size_t{2048}, wish.datagram_max + 1, wish.control_max + 1})) {
    }

    ~Impl() {
        for (const Socket& socket : sockets) {
            watcher.unwatch(socket.watch);
        }
    }

    // -- opening

    Result<void> open() {
        if (auto ready = configure(config.peers); !ready) {
            return ready;
        }
        if (!config.interface.address.is_valid()) {
            receive_room = config.receive_buffer;
            return {};
        }
        return open_sockets();
    }

    Result<void> open_sockets() {
        if (auto opened = open_channel(Channel::data); !opened) {
            return opened;
        }
        if (auto opened = open_channel(Channel::control); !opened) {
            return opened;
        }
        bool gets_offloaded = false;
        for (const Socket& socket : sockets) {
            gets_offloaded = gets_offloaded || socket.opened.receives_offloaded;
            if (socket.channel == Channel::data) {
                receive_room = std::min(receive_room, socket.opened.receive_room);
            }
        }
        data_room = gets_offloaded
                        ? std::make_unique<UdpSlots>(offload_slots, offload_slot_size)
                        : std::make_unique<UdpSlots>(plain_slots, config.datagram_max + 1);
        if (receive_room < config.receive_buffer) {
            AIS_LOG(log,
                    notice,
                    "udp",
                    "UDP-001",
                    "receive buffer of link ",
                    int{config.link},
                    ": wanted ",
                    config.receive_buffer,
                    " bytes, got ",
                    receive_room,
                    "; as an ordinary user, raise net.core.rmem_max");
        }
        return {};
    }

    Result<void> configure(const std::vector<UdpConfig::Peer>& list) {
        for (const UdpConfig::Peer& peer : list) {
            if (!peers.configure(peer.node, complete(peer.address))) {
                return invalid("more than " + std::to_string(UdpPeers::peers_max) +
                               " addresses of members");
            }
        }
        rebuild_targets();
        return {};
    }

    [[nodiscard]] Address complete(const Address& configured) const {
        Address address =
            configured.with_port(configured.port == 0 ? config.port : configured.port);
        if (address.is_link_local() && address.scope == 0) {
            address.scope = config.interface.index;
        }
        return address;
    }

    Result<void> reconfigure(const std::vector<UdpConfig::Peer>& list) {
        std::vector<Address> addresses;
        for (const UdpConfig::Peer& peer : list) {
            addresses.push_back(complete(peer.address));
        }
        peers.forget_others(addresses, members);
        source_learned = NodeId();
        return configure(list);
    }

    void close() {
        for (const Socket& socket : sockets) {
            watcher.unwatch(socket.watch);
        }
        sockets.clear();
        data_fd = control_fd = -1;
        receive_room = SIZE_MAX;
        is_data_looped = false;
        source_raw = {};  // the next datagram sets everything that is derived from it
        source_learned = NodeId();
    }

    Result<void> rebind(const Interface& interface) {
        ++stats.rebinds;
        close();
        config.interface = interface;
        own = interface.address.with_port(config.port);
        own_text = own.host_text();
        peers.set_own(own);
        if (auto opened = open_sockets(); !opened) {
            close();
            return opened;
        }
        rebuild_targets();
        watch_sockets();
        return {};
    }

    Result<void> open_channel(Channel channel) {
        const bool is_control = channel == Channel::control;
        UdpSocketConfig wish;
        // Port 0: a node that nobody has to find; the system chooses both.
        wish.bind = is_control && own.port != 0
                        ? own.with_port(static_cast<std::uint16_t>(own.port - 1))
                        : own;
        wish.interface_index = config.interface.index;
        wish.group = config.group;
        wish.is_control = is_control;
        wish.receive_offload = config.offload && !is_control;
        // A token or a join is small, and few are under way.
        wish.receive_buffer = is_control ? std::min<std::size_t>(config.receive_buffer, 256U << 10)
                                         : config.receive_buffer;
        wish.send_buffer =
            is_control ? std::min<std::size_t>(config.send_buffer, 256U << 10) : config.send_buffer;
        wish.multicast_ttl = config.multicast_ttl;
        wish.dscp = config.control_dscp;
        if (auto opened = add_socket(wish); !opened) {
            return opened;
        }
        (is_control ? control_fd : data_fd) = sockets.back().opened.fd.get();
        if (!config.group) {
            return {};
        }
        wish.bind = config.group->with_port(wish.bind.port);
        if (wish.bind.is_link_local()) {
            wish.bind.scope = config.interface.index;
        }
        to_sockaddr_of(wish.bind, is_control ? group_control : group_data);
        wish.is_group_socket = true;
        return add_socket(wish);
    }

    Result<void> add_socket(const UdpSocketConfig& wish) {
        auto opened = open_udp_socket(wish);
        if (!opened) {
            return opened.error();
        }
        sockets.push_back(
            {opened.take(), wish.is_control ? Channel::control : Channel::data, 0, 0});
        return {};
    }

    static void to_sockaddr_of(const Address& address, UdpTarget& target) {
        target.size = to_sockaddr(address, target.address);
    }

    // -- sending

    void rebuild_targets() {
        data_targets.resize(peers.all().size());
        data_to_all.clear();
        control_targets.resize(peers.all().size());
        for (std::size_t i = 0; i < peers.all().size(); ++i) {
            const Address& address = peers.all()[i].address;
            to_sockaddr_of(address, data_targets[i]);
            to_sockaddr_of(address.with_port(static_cast<std::uint16_t>(address.port - 1)),
                           control_targets[i]);
            if (is_wanted(peers.all()[i].node)) {
                data_to_all.push_back(data_targets[i]);
            }
        }
    }

    [[nodiscard]] bool is_wanted(NodeId node) const {
        return !has_members || members.contains(node) || learned_since.contains(node);
    }

    void on_members(const totem::Members& now) {
        has_members = true;
        members = now;
        learned_since.clear();
        source_learned = NodeId();
        rebuild_targets();
    }

    void send(std::optional<NodeId> to, totem::Traffic traffic, Bytes batch, std::size_t segment) {
        if (sockets.empty()) {
            stats.dropped_closed += (batch.size() + segment - 1) / segment;
            return;
        }
        const bool is_data = traffic == totem::Traffic::data;
        const int fd = is_data ? data_fd : control_fd;
        const auto& targets = is_data ? data_targets : control_targets;
        if (to) {
            const UdpPeers::Peer* peer = peers.find(*to);
            if (peer == nullptr) {
                AIS_MARK("udp.drops_for_unknown_node");
                stats.dropped_unknown += (batch.size() + segment - 1) / segment;
                return;
            }
            const auto index = static_cast<std::size_t>(peer - peers.all().data());
            sender.send(fd, std::span(&targets[index], 1), batch, segment);
        } else if (config.group) {
            sender.send(fd, std::span(is_data ? &group_data : &group_control, 1), batch, segment);
        } else {
            sender.send(fd, is_data ? data_to_all : control_targets, batch, segment);
        }
    }

    void on_send_trouble(const UdpTarget& target, int error, std::size_t lost) {
        if (lost == 0) {
            AIS_LOG(log,
                    notice,
                    "udp",
                    "UDP-002",
                    "link ",
                    int{config.link},
                    ": interface ",
                    config.interface.name,
                    " refuses segmentation offload (",
                    std::strerror(error),
                    "); sending without it from now on");
            return;
        }
        std::uint64_t total = 0;
        if (!send_lines[static_cast<std::size_t>(error) % send_lines.size()].pass(
                timers.now(), lost, total)) {
            return;
        }
        const Address address = from_sockaddr(reinterpret_cast<const sockaddr*>(&target.address));
        if (error == EMSGSIZE) {
            AIS_LOG(log,
                    error,
                    "udp",
                    "UDP-003",
                    "datagrams to ",
                    address.text(),
                    " are too long for interface ",
                    config.interface.name,
                    " (mtu ",
                    config.interface.mtu,
                    "); lower totem.netmtu: ",
                    total,
                    " lost");
            return;
        }
        AIS_LOG(log,
                warning,
                "udp",
                "UDP-004",
                "cannot send to ",
                address.text(),
                ": ",
                std::strerror(error),
                ": ",
                total,
                " datagrams lost");
    }

    // -- receiving

    void start(DatagramSink& receiver) {
        AIS_ASSERT(sink == nullptr);
        sink = &receiver;
        watch_sockets();
    }

    void watch_sockets() {
        if (sink == nullptr) {
            return;
        }
        for (Socket& socket : sockets) {
            Socket* const at = &socket;  // sockets does not grow any more
            socket.watch = watcher.watch(socket.opened.fd.get(), [this, at] {
                if (at->channel == Channel::data) {
                    drain(*at, calls_per_turn);
                } else {
                    take_control(*at);
                }
            });
        }
    }

    void drain(Socket& socket, int calls) {
        while (calls-- > 0) {
            const int got = receive(socket, *data_room);
            for (int i = 0; i < got; ++i) {
                hand_up(socket, data_room->at(static_cast<std::size_t>(i)));
            }
            if (got < static_cast<int>(data_room->count())) {
                return;
            }
        }
    }

    // Read the token first and hand it up last: what lies on the data sockets
    // now was there before it was read.  (What came there since the loop woke waits for the next
    // turn, if there was nothing before.)
    void take_control(Socket& socket) {
        int got = receive(socket, control_room);
        if (got <= 0) {
            // Woken for nothing: an ICMP error wakes, too.  (One that comes together with a
            // datagram is told by the next turn.)
            take_errors(socket);
            got = receive(socket, control_room);
        }
        if (got <= 0) {
            return;
        }
        drain_data();
        sink->before_control(config.link);
        for (int i = 0; i < got; ++i) {
            hand_up(socket, control_room.at(static_cast<std::size_t>(i)));
        }
    }

    void drain_data() {
        for (Socket& socket : sockets) {
            // Why asked: an idle ring has only tokens, and each would cost a look at every socket.
            if (socket.channel == Channel::data && watcher.may_be_readable(socket.watch)) {
                drain(socket, calls_before_token);
            }
        }
    }

    void take_errors(const Socket& socket) {
        for (int i = 0; i < errors_per_turn; ++i) {
            const auto error = take_udp_error(socket.opened.fd.get());
            if (!error) {
                return;
            }
            ++stats.network_errors;
            const Address data =
                error->to.with_port(static_cast<std::uint16_t>(error->to.port + 1));
            const UdpPeers::Peer* const peer = peers.find_at(data);
            if (peer != nullptr && peer->node.is_valid()) {
                const NodeId node = peer->node;  // the call may move peers
                sink->on_hint(config.link,
                              node,
                              error->is_refused ? totem::Hint::refused : totem::Hint::unreachable);
            }
        }
    }

    int receive(Socket& socket, UdpSlots& room) {
        ++stats.receive_calls;
        const int got = room.receive(socket.opened.fd.get());
        if (got < 0) {
            // Why no more: ICMP errors come here, and each is reported once.
            ++stats.receive_errors;
            return 0;
        }
        return got;
    }

    void hand_up(Socket& socket, const UdpSlots::Content& content) {
        if (content.overruns) {
            count_overruns(socket, *content.overruns);
        }
        set_source(content.source, socket.channel);
        const std::size_t segment = content.segment;
        if (is_own_source) {
            stats.own_copies += segment == 0 ? 1 : (content.bytes.size() + segment - 1) / segment;
            return;
        }
        if (content.is_truncated || content.bytes.empty()) {
            // An empty datagram has nothing to open; it still is an attempt.
            stats.too_long += content.is_truncated ? 1 : 0;
            return;
        }
        const std::size_t longest = socket.channel == Channel::control
                                        ? std::max(config.datagram_max, config.control_max)
                                        : config.datagram_max;
        for (MutableBytes rest = content.bytes; !rest.empty();) {
            const MutableBytes datagram = rest.first(std::min(segment, rest.size()));
            rest = rest.subspan(datagram.size());
            if (datagram.size() > longest) {
                AIS_MARK("udp.drops_too_long");
                ++stats.too_long;
                continue;
            }
            ++stats.received;
            sink->on_received(config.link, datagram);
        }
    }

    void set_source(const sockaddr_storage* from, Channel channel) {
        const std::size_t used =
            from->ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        if (channel == source_channel && std::memcmp(from, &source_raw, used) == 0) {
            return;
        }
        source_raw = *from;
        source_channel = channel;
        source = from_sockaddr(reinterpret_cast<const sockaddr*>(from));
        source_data = channel == Channel::data
                          ? source
                          : source.with_port(static_cast<std::uint16_t>(source.port + 1));
        is_own_source = source_data == own;
        source_learned = NodeId();
        source_text.clear();
    }

    void learn(NodeId node) {
        // The ordinary case: the next datagram of the same sender.
        if (node == source_learned) {
            return;
        }
        source_learned = node;
        const bool is_new_here = !is_wanted(node) && learned_since.insert(node);
        if (!peers.learn(node, source_data)) {
            if (is_new_here) {
                rebuild_targets();
            }
            return;
        }
        rebuild_targets();
        AIS_LOG(log, info, "udp", "UDP-005", "node ", node.value(), " is at ", source_data.text());
        // (The loopback interface brings everything back anyway.)
        if (config.group && !own.is_loopback() && !is_data_looped && is_of_this_host(source_data)) {
            is_data_looped = true;
            set_multicast_loop(data_descriptor(), own.family, true);
            AIS_LOG(log,
                    info,
                    "udp",
                    "UDP-006",
                    "node ",
                    node.value(),
                    " runs on this host: multicasts are looped back to it");
        }
    }

    [[nodiscard]] const Descriptor& data_descriptor() const { return sockets.front().opened.fd; }

    [[nodiscard]] bool is_of_this_host(const Address& address) const {
        if (address.is_loopback()) {
            return true;
        }
        const auto host = list_interfaces();
        return host.ok() && std::any_of(host->begin(), host->end(), [&](const Interface& entry) {
                   return entry.address.family == address.family &&
                          entry.address.bytes == address.bytes;
               });
    }

    void count_overruns(Socket& socket, std::uint32_t so_far) {
        const std::uint32_t more = so_far - socket.overruns;
        if (more == 0) {
            return;
        }
        socket.overruns = so_far;
        stats.overruns += more;
        std::uint64_t total = 0;
        if (overrun_line.pass(timers.now(), more, total)) {
            AIS_LOG(
                log,
                warning,
                "udp",
                "UDP-007",
                total,
                " datagrams were lost because the receive buffer of link ",
                int{config.link},
                " was full (",
                socket.opened.receive_room,
                " bytes): this executive was not scheduled in time, or the buffer is too small");
        }
    }

    UdpConfig config;
    Address own;  // with the data port
    std::string own_text;
    Watcher& watcher;
    Timers& timers;
    Log& log;
    DatagramSink* sink = nullptr;
    UdpStats stats;

    std::vector<Socket> sockets;  // the data channel's unicast socket is the first
    int data_fd = -1;
    int control_fd = -1;
    std::size_t receive_room = SIZE_MAX;

    UdpPeers peers;
    std::vector<UdpTarget> data_targets;  // parallel to peers.all()
    std::vector<UdpTarget> control_targets;
    std::vector<UdpTarget> data_to_all;  // those of data_targets that need it
    bool has_members = false;
    totem::Members members;        // of the ring
    totem::Members learned_since;  // others who have spoken since it was formed
    UdpTarget group_data;
    UdpTarget group_control;
    bool is_data_looped = false;
    UdpSender sender;

    std::unique_ptr<UdpSlots> data_room;
    UdpSlots control_room;

    // Of the datagram being handed up.
    sockaddr_storage source_raw{};
    Channel source_channel = Channel::data;
    Address source;
    Address source_data;  // the sender's data channel
    bool is_own_source = false;
    NodeId source_learned;
    std::string source_text;

    std::array<RateLimit, 16> send_lines;  // by errno
    RateLimit overrun_line;
};

UdpTransport::UdpTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpTransport::~UdpTransport() = default;

Result<std::unique_ptr<UdpTransport>> UdpTransport::open(const UdpConfig& config,
                                                         Watcher& watcher,
                                                         Timers& timers,
                                                         Log& log) {
    const Family family = config.interface.address.family;
    const bool has_address = config.interface.address.is_valid();
    if (config.port == 1) {
        return invalid("port " + std::to_string(config.port) +
                       " (mcastport) is too low: it and the one below are used");
    }
    if (config.group && !config.group->is_multicast()) {
        return invalid(config.group->host_text() + " (mcastaddr) is not a multicast address");
    }
    std::vector<std::pair<std::string_view, Address>> named;
    if (has_address) {
        named.emplace_back("the address of this node", config.interface.address);
    }
    if (config.group) {
        named.emplace_back("mcastaddr", *config.group);
    }
    for (const UdpConfig::Peer& peer : config.peers) {
        named.emplace_back("memberaddr", peer.address);
    }
    if (auto checked = check_same_family(named); !checked) {
        return checked.error();
    }
    if (has_address && config.interface.mtu != 0 &&
        config.datagram_max > udp_payload_max(config.interface.mtu, family)) {
        return invalid("datagrams of " + std::to_string(config.datagram_max) +
                       " bytes do not fit interface " + config.interface.name + ", whose mtu is " +
                       std::to_string(config.interface.mtu) + ": lower totem.netmtu");
    }
    if (config.datagram_max == 0 ||
        config.datagram_max > udp_payload_max(65535, has_address ? family : Family::ipv4)) {
        return invalid("datagrams of " + std::to_string(config.datagram_max) +
                       " bytes are not possible with UDP");
    }
    auto impl = std::make_unique<Impl>(
        config, config.interface.address.with_port(config.port), watcher, timers, log);
    if (auto opened = impl->open(); !opened) {
        return opened.error();
    }
    return std::unique_ptr<UdpTransport>(new UdpTransport(std::move(impl)));
}

void UdpTransport::start(DatagramSink& sink) {
    impl_->start(sink);
}

void UdpTransport::drain_data() {
    impl_->drain_data();
}

Result<void> UdpTransport::rebind(const Interface& interface) {
    return impl_->rebind(interface);
}

bool UdpTransport::is_open() const {
    return !impl_->sockets.empty();
}

const Interface& UdpTransport::interface() const {
    return impl_->config.interface;
}

Result<void> UdpTransport::reconfigure(const std::vector<UdpConfig::Peer>& peers) {
    return impl_->reconfigure(peers);
}

void UdpTransport::on_members(const totem::Members& members) {
    impl_->on_members(members);
}

void UdpTransport::send(std::optional<NodeId> to,
                        totem::Traffic traffic,
                        Bytes batch,
                        std::size_t segment) {
    impl_->send(to, traffic, batch, segment);
}

std::string_view UdpTransport::address_of(NodeId node) const {
    if (node == impl_->config.self) {
        return impl_->own_text;
    }
    const UdpPeers::Peer* peer = impl_->peers.find(node);
    return peer == nullptr ? std::string_view() : std::string_view(peer->host);
}

void UdpTransport::learn(NodeId node) {
    impl_->learn(node);
}

std::string_view UdpTransport::source() const {
    if (impl_->source_text.empty() && impl_->source.is_valid()) {
        impl_->source_text = impl_->source.text();
    }
    return impl_->source_text;
}

std::optional<Address> UdpTransport::control_address(NodeId node) const {
    const UdpPeers::Peer* peer = impl_->peers.find(node);
    if (peer == nullptr) {
        return std::nullopt;
    }
    return peer->address.with_port(static_cast<std::uint16_t>(peer->address.port - 1));
}

Address UdpTransport::own_control_address() const {
    return impl_->own.with_port(static_cast<std::uint16_t>(impl_->own.port - 1));
}

bool UdpTransport::knows_host(const Address& address) const {
    return impl_->peers.find_host(address) != nullptr;
}

std::size_t UdpTransport::receive_room() const {
    return impl_->receive_room;
}

bool UdpTransport::is_offload_on() const {
    return impl_->sender.is_offload_on();
}

const UdpStats& UdpTransport::stats() const {
    return impl_->stats;
}

}  // namespace ais::os
