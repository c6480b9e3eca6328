// SPDX-License-Identifier: BSD-3-Clause
//
// What no key can say alone: rules that join several keys and sections.  Each
// rule names the line that an operator would change, and the other line that
// it contradicts.  A value that its own key refuses is skipped here, so that
// one mistake gives one message.

#include "base/address.hpp"
#include "config/builder.hpp"
#include "config/schema.hpp"
#include "config/settings.hpp"

#include <ais/abi/types.h>

#include <array>
#include <map>
#include <set>

namespace ais::config {

namespace {

constexpr std::size_t interfaces_max = 8;

std::string at_line(std::uint32_t line) {
    return line == 0 ? "" : " at line " + std::to_string(line);
}

std::optional<Address> address_of(const Key* key) {
    return key == nullptr ? std::nullopt : parse_address(key->value);
}

std::optional<std::int64_t> number_of(const Section& section, std::string_view name) {
    const auto* key = section.find_key(name);
    return key == nullptr ? std::nullopt : parse_number(key->value);
}

bool is_on(const Section& section, std::string_view name) {
    const auto* key = section.find_key(name);
    return key != nullptr && parse_bool(key->value).value_or(false);
}

class Rules {
  public:
    Rules(const Tree& tree, Findings& findings) : root_(tree.root()), findings_(findings) {}

    void run() {
        const auto totems = root_.find_sections("totem");
        const auto nodelists = root_.find_sections("nodelist");
        may_mix_ = !totems.empty() && is_on(*totems.front(), "mixed_families");
        if (!nodelists.empty()) {
            check_nodelist(*nodelists.front());
        }
        if (totems.empty()) {
            error(id::missing,
                  0,
                  "totem",
                  "the section is missing; without it there is no network to use");
        } else {
            check_totem(*totems.front());
        }
        for (const auto* section : root_.find_sections("logging")) {
            check_logging(*section);
        }
        for (const auto* section : root_.find_sections("plugins")) {
            check_plugins(*section);
        }
        for (const auto* section : root_.find_sections("ipc")) {
            check_ipc(*section);
        }
        for (const auto* section : root_.find_sections("uidgid")) {
            if (section->find_key("uid") == nullptr && section->find_key("gid") == nullptr) {
                error(id::missing,
                      section->line,
                      "uidgid",
                      "uid or gid is missing in the section that begins here");
            }
        }
    }

  private:
    void check_totem(const Section& totem) {
        const auto interfaces = totem.find_sections("interface");
        const auto* transport_key = totem.find_key("transport");
        const bool is_unicast = transport_key != nullptr && transport_key->value == "udpu";
        const auto node_id = number_of(totem, "nodeid");
        const auto own = node_id ? nodes_by_id_.find(*node_id) : nodes_by_id_.end();

        if (interfaces.empty() && !(is_unicast && own != nodes_by_id_.end())) {
            error(id::missing,
                  totem.line,
                  "totem.interface",
                  is_unicast ? "the section is missing; either it says with bindnetaddr which "
                               "network to use, or "
                               "totem.nodeid names a node of the nodelist"
                             : "the section is missing; its bindnetaddr says which network to use");
        }
        if (interfaces.size() > interfaces_max) {
            error(id::out_of_range,
                  interfaces[interfaces_max]->line,
                  "totem.interface",
                  std::to_string(interfaces.size()) + " interface sections; at most " +
                      std::to_string(interfaces_max) + " are allowed");
        }
        std::size_t members = 0;
        std::map<std::int64_t, std::uint32_t> ring_lines;
        for (const auto* section : interfaces) {
            const auto ring = section->find_key("ringnumber") == nullptr
                                  ? std::optional<std::int64_t>(0)
                                  : number_of(*section, "ringnumber");
            const auto known_ring = static_cast<std::size_t>(
                ring && *ring >= 0 && *ring < std::int64_t{links_max} ? *ring : 0);
            check_interface(*section, is_unicast, known_ring);
            const auto own_members = check_members(*section, is_unicast, known_ring);
            members += own_members;
            if (is_unicast && own_members == 0) {
                check_is_listed(*section, known_ring);
            }
            is_ring_used_[known_ring] = true;
            if (ring) {
                const auto [first, is_new] = ring_lines.try_emplace(*ring, section->line);
                if (!is_new) {
                    error(id::repeated,
                          section->line,
                          "totem.interface",
                          "ringnumber " + std::to_string(*ring) + " is that of the interface" +
                              at_line(first->second) + "; give each its own");
                }
            }
        }
        if (is_unicast && members == 0 && node_count_ == 0) {
            error(id::missing,
                  transport_key->line,
                  "totem.transport",
                  "udpu needs the addresses of the nodes: a nodelist section, or member sections "
                  "in the interface");
        }
        check_unused_addresses();
        check_node_id(totem, is_unicast, own != nodes_by_id_.end());
        check_crypto(totem);
        const auto* detection = totem.find_key("detection_time");
        if (detection != nullptr && !detection->value.empty() &&
            !parse_detection_time(detection->value)) {
            error(id::out_of_range,
                  detection->line,
                  "totem.detection_time",
                  "\"" + detection->value +
                      "\" is none of fast, lan and wan, and no number of milliseconds "
                      "(50..60000)");
        }
    }

    // Who has no address on a network is not reached there before it speaks itself.
    void check_is_listed(const Section& interface, std::size_t ring) {
        const auto& listed = listed_on_ring_[ring];
        if (ring == 0 || node_count_ == 0 || listed.count == node_count_) {
            return;
        }
        warning(id::missing,
                interface.line,
                "totem.interface",
                "of " + std::to_string(node_count_) + " nodes of the nodelist only " +
                    std::to_string(listed.count) + " have a " + ring_key(ring) +
                    " for the interface that begins here; give it to all");
    }

    void check_unused_addresses() {
        for (std::size_t ring = 1; ring < links_max; ++ring) {
            if (listed_on_ring_[ring].count > 0 && !is_ring_used_[ring]) {
                warning(id::no_effect,
                        listed_on_ring_[ring].line,
                        "nodelist.node." + ring_key(ring),
                        "accepted, but without effect: no interface has ringnumber " +
                            std::to_string(ring));
            }
        }
    }

    static std::string ring_key(std::size_t ring) {
        return "ring" + std::to_string(ring) + "_addr";
    }

    void check_interface(const Section& section, bool is_unicast, std::size_t ring) {
        const auto* bind = section.find_key("bindnetaddr");
        if (bind == nullptr) {
            error(id::missing,
                  section.line,
                  "totem.interface",
                  "bindnetaddr is missing in the interface section that begins here; it is the "
                  "address of an "
                  "interface of this node, or its network, such as 192.168.1.0");
        } else if (const auto address = address_of(bind)) {
            if (address->is_multicast() || address->is_any()) {
                error(id::bad_value,
                      bind->line,
                      "totem.interface.bindnetaddr",
                      in_quotes(bind->value) + " is not an address or a network of an interface");
            } else {
                bind_ = bind_ ? bind_ : address;
            }
            same_family(*address, bind->line, "totem.interface.bindnetaddr", ring);
        }
        const auto* group = section.find_key("mcastaddr");
        if (is_on(section, "broadcast")) {
            error(id::bad_value,
                  section.find_key("broadcast")->line,
                  "totem.interface.broadcast",
                  "broadcast is not supported; use mcastaddr, or transport: udpu with a nodelist");
        } else if (group == nullptr && !is_unicast) {
            error(id::missing,
                  section.line,
                  "totem.interface",
                  "mcastaddr is missing in the interface section that begins here; it is the "
                  "multicast group of the "
                  "cluster, such as 239.255.1.1 or ff05::1");
        }
        if (const auto address = address_of(group)) {
            if (!address->is_multicast()) {
                error(id::bad_value,
                      group->line,
                      "totem.interface.mcastaddr",
                      in_quotes(group->value) +
                          " is not a multicast address; those are 224.0.0.0 to 239.255.255.255 and "
                          "ff00::/8");
            }
            same_family(*address, group->line, "totem.interface.mcastaddr", ring);
        }
    }

    std::size_t check_members(const Section& interface, bool is_unicast, std::size_t ring) {
        std::map<Address, std::uint32_t> lines;
        const auto members = interface.find_sections("member");
        for (const auto* section : members) {
            const auto* key = section->find_key("memberaddr");
            if (key == nullptr) {
                error(id::missing,
                      section->line,
                      "totem.interface.member",
                      "memberaddr is missing in the member section that begins here");
                continue;
            }
            if (const auto address = address_of(key)) {
                host_address(*address, *key, "totem.interface.member.memberaddr", lines, ring);
            }
        }
        if (!members.empty() && !is_unicast) {
            warning(id::no_effect,
                    members.front()->line,
                    "totem.interface.member",
                    "accepted, but without effect: member sections belong to transport: udpu");
        }
        if (members.size() > AIS_NODES_MAX) {
            too_many(members[AIS_NODES_MAX]->line, "totem.interface.member", members.size());
        }
        return members.size();
    }

    void check_nodelist(const Section& nodelist) {
        std::array<std::map<Address, std::uint32_t>, links_max> address_lines;
        const auto nodes = nodelist.find_sections("node");
        node_count_ = nodes.size();
        if (nodes.empty()) {
            warning(id::missing, nodelist.line, "nodelist", "there is no node section in it");
        }
        if (nodes.size() > AIS_NODES_MAX) {
            too_many(nodes[AIS_NODES_MAX]->line, "nodelist.node", nodes.size());
        }
        for (const auto* section : nodes) {
            const auto* key = section->find_key("ring0_addr");
            const auto address = address_of(key);
            if (key == nullptr) {
                error(id::missing,
                      section->line,
                      "nodelist.node",
                      "ring0_addr is missing in the node section that begins here");
            } else if (address) {
                host_address(*address, *key, "nodelist.node.ring0_addr", address_lines[0], 0);
            }
            for (std::size_t ring = 1; ring < links_max; ++ring) {
                const auto* more = section->find_key(ring_key(ring));
                if (const auto there = address_of(more)) {
                    const auto path = "nodelist.node." + ring_key(ring);
                    host_address(*there, *more, path.c_str(), address_lines[ring], ring);
                    ++listed_on_ring_[ring].count;
                    listed_on_ring_[ring].line = more->line;
                }
            }
            const auto* id_key = section->find_key("nodeid");
            if (id_key == nullptr) {
                has_node_without_id_ = true;
                if (address && address->family == Family::ipv6) {
                    error(id::missing,
                          section->line,
                          "nodelist.node",
                          "nodeid is missing in the node section that begins here; with IPv6 every "
                          "node needs one");
                }
                continue;
            }
            if (const auto value = parse_number(id_key->value)) {
                const auto [first, is_new] = nodes_by_id_.try_emplace(*value, id_key->line);
                if (!is_new) {
                    error(id::repeated,
                          id_key->line,
                          "nodelist.node.nodeid",
                          std::to_string(*value) + " is the nodeid of the node" +
                              at_line(first->second) + ", too; every node needs its own");
                }
                if (address) {
                    addresses_with_id_.insert(*address);
                }
            }
        }
    }

    void check_node_id(const Section& totem, bool is_unicast, bool is_listed) {
        const auto* key = totem.find_key("nodeid");
        if (key != nullptr) {
            if (node_count_ > 0 && !has_node_without_id_ && !is_listed &&
                parse_number(key->value)) {
                auto text =
                    in_quotes(key->value) + " is not the nodeid of any node of the nodelist";
                if (is_unicast) {
                    error(id::contradiction, key->line, "totem.nodeid", std::move(text));
                } else {
                    warning(id::contradiction, key->line, "totem.nodeid", std::move(text));
                }
            }
            return;
        }
        const bool is_ipv6 = family_ == Family::ipv6;
        const bool nodelist_knows = bind_ && addresses_with_id_.count(*bind_) > 0;
        if (is_ipv6 && !nodelist_knows) {
            error(id::missing,
                  totem.line,
                  "totem",
                  "nodeid is missing in the totem section that begins here; with IPv6 every node "
                  "needs one of its own "
                  "(1..4294967295)");
        }
    }

    void check_crypto(const Section& totem) {
        const auto* backend = totem.find_key("crypto_backend");
        if (backend == nullptr) {
            return;
        }
        if (!is_plugin_name(backend->value)) {
            bad_plugin_name(*backend, "totem.crypto_backend", backend->value);
        }
        const auto* secauth = totem.find_key("secauth");
        if (secauth == nullptr || secauth->line == 0) {
            return;
        }
        const auto is_secure = parse_bool(secauth->value);
        if (is_secure && *is_secure == (backend->value == plaintext_backend)) {
            warning(id::contradiction,
                    secauth->line,
                    "totem.secauth",
                    in_quotes(secauth->value) + " contradicts crypto_backend" +
                        at_line(backend->line) + ", which counts (" + in_quotes(backend->value) +
                        ")");
        }
    }

    void check_logging(const Section& logging) {
        const auto* file = logging.find_key("logfile");
        if (is_on(logging, "to_file") && file == nullptr) {
            error(id::missing,
                  logging.find_key("to_file")->line,
                  "logging.to_file",
                  "logfile has to name the file");
        }
        if (file != nullptr && !is_on(logging, "to_file")) {
            warning(id::contradiction,
                    file->line,
                    "logging.logfile",
                    "nothing is written to it: to_file is not yes");
        }
        for (const auto* logger : logging.find_sections("logger")) {
            if (logger->find_key("ident") == nullptr) {
                error(id::missing,
                      logger->line,
                      "logging.logger",
                      "ident is missing in the logger section that begins here; it names the "
                      "subsystem");
            }
        }
    }

    void check_plugins(const Section& plugins) {
        for (const auto& key : plugins.keys) {
            if (key.name == "load") {
                for (const auto& name : split_list(key.value)) {
                    if (!is_plugin_name(name)) {
                        bad_plugin_name(key, "plugins.load", name);
                    }
                }
            } else if (key.name == "dir" && !key.value.empty() && key.value.front() != '/') {
                error(id::bad_value,
                      key.line,
                      "plugins.dir",
                      in_quotes(key.value) +
                          " is not an absolute path; the executive changes its directory");
            }
        }
    }

    void check_ipc(const Section& ipc) {
        const auto message_max = number_of(ipc, "message_max").value_or(default_message_max);
        for (const auto* name : {"request_ring", "response_ring", "event_ring"}) {
            const auto* key = ipc.find_key(name);
            const auto size = key == nullptr ? default_ring(name)
                                             : parse_number(key->value).value_or(2 * message_max);
            if (size / 2 >= message_max) {
                continue;
            }
            const auto* at = key == nullptr || key->line == 0 ? ipc.find_key("message_max") : key;
            error(id::contradiction,
                  at == nullptr ? ipc.line : at->line,
                  std::string("ipc.") + name,
                  std::to_string(size) + " bytes cannot hold two messages of message_max (" +
                      std::to_string(message_max) + " bytes); at least " +
                      std::to_string(2 * message_max) + " are needed");
        }
    }

    static std::int64_t default_ring(std::string_view name) {
        const IpcLimits limits;
        const auto size = name == "request_ring"    ? limits.request_ring
                          : name == "response_ring" ? limits.response_ring
                                                    : limits.event_ring;
        return static_cast<std::int64_t>(size);
    }

    // An address of one node: no multicast, no duplicate, one family.
    void host_address(const Address& address,
                      const Key& key,
                      const char* path,
                      std::map<Address, std::uint32_t>& lines,
                      std::size_t ring) {
        if (address.is_multicast() || address.is_any()) {
            error(id::bad_value,
                  key.line,
                  path,
                  in_quotes(key.value) + " is not the address of a node");
        }
        const auto [first, is_new] = lines.try_emplace(address, key.line);
        if (!is_new) {
            error(id::repeated,
                  key.line,
                  path,
                  in_quotes(key.value) + " is listed" + at_line(first->second) + ", too");
        }
        same_family(address, key.line, path, ring);
    }

    // One family on each network, and the same on all, unless the operator says otherwise.
    void same_family(const Address& address,
                     std::uint32_t line,
                     const char* path,
                     std::size_t ring) {
        family_ = family_ ? family_ : address.family;
        FirstFamily& first = first_family_[may_mix_ ? ring : 0];
        if (!first.family) {
            first = {address.family, line, path};
            return;
        }
        if (*first.family != address.family) {
            error(id::contradiction,
                  line,
                  path,
                  '"' + address.host_text() + "\" is " + std::string(name_of(address.family)) +
                      ", but " + first.path + at_line(first.line) + " is " +
                      std::string(name_of(*first.family)) +
                      (may_mix_ ? "; a network uses one of the two"
                       : ring > 0
                           ? "; the whole cluster uses one of the two, or say mixed_families: yes"
                           : "; the whole cluster uses one of the two"));
        }
    }

    void too_many(std::uint32_t line, const char* path, std::size_t count) {
        error(id::out_of_range,
              line,
              path,
              std::to_string(count) + " sections; a cluster has at most " +
                  std::to_string(AIS_NODES_MAX) + " nodes");
    }

    void bad_plugin_name(const Key& key, const char* path, std::string_view name) {
        error(id::bad_value,
              key.line,
              path,
              in_quotes(name) +
                  " is not the name of a plugin: a small letter, then small letters, digits and "
                  "\"_\", at most " +
                  std::to_string(plugin_name_max) + " in all");
    }

    void error(std::string_view message_id,
               std::uint32_t line,
               std::string path,
               std::string text) {
        findings_.push_back({Severity::error, message_id, line, std::move(path), std::move(text)});
    }
    void warning(std::string_view message_id,
                 std::uint32_t line,
                 std::string path,
                 std::string text) {
        findings_.push_back(
            {Severity::warning, message_id, line, std::move(path), std::move(text)});
    }

    static constexpr std::int64_t default_message_max = 1 << 20;

    const Section& root_;
    Findings& findings_;
    std::size_t node_count_ = 0;
    bool has_node_without_id_ = false;
    std::map<std::int64_t, std::uint32_t> nodes_by_id_;  // nodeid → line
    std::set<Address> addresses_with_id_;
    std::optional<Address> bind_;   // of the first interface
    std::optional<Family> family_;  // of the first address
    bool may_mix_ = false;
    struct FirstFamily {
        std::optional<Family> family;
        std::uint32_t line = 0;
        std::string path;
    };
    std::array<FirstFamily, links_max> first_family_;  // by ring number; all in [0] if not mixed
    struct Listed {
        std::size_t count = 0;
        std::uint32_t line = 0;
    };
    std::array<Listed, links_max> listed_on_ring_;
    std::array<bool, links_max> is_ring_used_{};
};

}  // namespace

void check_rules(const Tree& tree, Findings& findings) {
    Rules(tree, findings).run();
}

}  // namespace ais::config
