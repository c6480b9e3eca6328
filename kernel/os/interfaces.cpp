// SPDX-License-Identifier: BSD-3-Clause

#include "os/interfaces.hpp"

#include "os/address_system.hpp"
#include "os/descriptor.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

namespace ais::os {
namespace {

unsigned prefix_of(const Address& mask) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) {
        bits += static_cast<unsigned>(std::popcount(mask.bytes[i]));
    }
    return bits;
}

std::size_t mtu_of(const Descriptor& socket, const std::string& name) {
    ifreq request{};
    if (!socket.is_open() || name.size() >= sizeof request.ifr_name) {
        return 0;
    }
    std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
    return ::ioctl(socket.get(), SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0
               ? static_cast<std::size_t>(request.ifr_mtu)
               : 0;
}

}  // namespace

Result<std::vector<Interface>> list_interfaces() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return failed(std::string("cannot list the network interfaces of this host: ") +
                      std::strerror(errno));
    }
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, ::freeifaddrs);
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::vector<Interface> host;
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        Interface entry;
        entry.address = from_sockaddr(at->ifa_addr).with_port(0);
        if (!entry.address.is_valid()) {
            continue;
        }
        entry.name = at->ifa_name;
        entry.index = ::if_nametoindex(at->ifa_name);
        entry.prefix = prefix_of(from_sockaddr(at->ifa_netmask));
        entry.is_up = (at->ifa_flags & IFF_UP) != 0;
        entry.has_carrier = (at->ifa_flags & (IFF_RUNNING | IFF_LOOPBACK)) != 0;
        entry.can_multicast = (at->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
        entry.mtu = mtu_of(socket, entry.name);
        host.push_back(std::move(entry));
    }
    return host;
}

std::string describe(const std::vector<Interface>& host) {
    std::string text;
    for (const Interface& entry : host) {
        text += text.empty() ? "" : ", ";
        text += entry.name + ' ' + entry.address.host_text() + '/' + std::to_string(entry.prefix);
        text += entry.is_up ? "" : " (down)";
    }
    return text.empty() ? "no address at all" : text;
}

Result<Interface> choose_interface(const Address& bindnetaddr, const std::vector<Interface>& host) {
    if (bindnetaddr.is_any() || bindnetaddr.is_multicast()) {
        return invalid(
            "bindnetaddr " + bindnetaddr.host_text() +
            " cannot be bound to: give an address of this host or of its network; this host has: " +
            describe(host));
    }
    const Interface* best = nullptr;
    bool is_exact = false;
    for (const Interface& entry : host) {
        if (entry.address.family != bindnetaddr.family ||
            (bindnetaddr.scope != 0 && bindnetaddr.scope != entry.index)) {
            continue;
        }
        if (entry.address.bytes == bindnetaddr.bytes) {
            best = &entry;
            is_exact = true;
            break;
        }
        const bool is_in_network =
            entry.address.network(entry.prefix).bytes == bindnetaddr.network(entry.prefix).bytes;
        const bool is_better = best == nullptr || (entry.is_up && !best->is_up) ||
                               (entry.is_up == best->is_up && entry.prefix > best->prefix);
        if (is_in_network && is_better) {
            best = &entry;
        }
    }
    if (best == nullptr) {
        return not_found("no interface has an address in " + bindnetaddr.host_text() +
                         " (bindnetaddr); this host has: " + describe(host));
    }
    if (!best->is_up) {
        return failed("interface " + best->name + ", chosen by bindnetaddr " +
                      bindnetaddr.host_text() + ", is down; this host has: " + describe(host));
    }
    Interface chosen = *best;
    if (!is_exact && bindnetaddr.family == Family::ipv4 && bindnetaddr.is_loopback() &&
        bindnetaddr.network(best->prefix).bytes != bindnetaddr.bytes) {
        chosen.address.bytes = bindnetaddr.bytes;
    }
    if (chosen.address.is_link_local()) {
        chosen.address.scope = chosen.index;
    }
    return chosen;
}

Result<void> check_same_family(const std::vector<std::pair<std::string_view, Address>>& named) {
    for (const auto& [name, address] : named) {
        const auto& [first_name, first] = named.front();
        if (address.family != first.family) {
            return invalid(std::string(first_name) + " " + first.host_text() + " is " +
                           std::string(name_of(first.family)) + " and " + std::string(name) + " " +
                           address.host_text() + " is " + std::string(name_of(address.family)) +
                           ": all addresses of a cluster must be of one family");
        }
    }
    return {};
}

std::optional<NodeId> node_id_from(const Address& address) {
    if (address.family != Family::ipv4) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8 | address.bytes[i];
    }
    return value == 0 ? std::nullopt : std::optional(NodeId(value));
}

}  // namespace ais::os
