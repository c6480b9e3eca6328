// SPDX-License-Identifier: BSD-3-Clause
//
// The configuration as types, for the parts of the kernel that use it.  Made
// once from a checked tree; afterwards nobody in the kernel reads text.
//
// Here are no types of other parts: kernel/settings.hpp turns this into
// totem::Config and its like.  Names are those of openais.conf(5).
// Threads: none.

#pragma once

#include "base/address.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"
#include "config/tree.hpp"

#include <ais/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ais::config {

inline constexpr std::string_view secure_backend = "crypto_sodium";   // secauth: on
inline constexpr std::string_view plaintext_backend = "crypto_none";  // secauth: off
inline constexpr std::size_t plugin_name_max = 31;

struct Interface {
    std::uint32_t ring_number = 0;
    Address bind;                      // address of an interface, or its network
    std::optional<Address> multicast;  // always there with Transport::udp
    std::uint16_t port = 5405;         // and the one below; 0 (embedded only): the system chooses
    std::vector<Address> members;      // Transport::udpu without a nodelist
};

inline constexpr std::size_t links_max = 8;

struct Node {
    Address address;  // on ring 0
    // By ring number; [0] is `address`.
    std::array<std::optional<Address>, links_max> addresses;
    std::optional<NodeId> id;
    std::string name;  // may be empty
};

// What carries data when there are several interfaces (openais.conf(5), rrp_mode).
enum class Redundancy : std::uint8_t { none, active, passive };

enum class Transport : std::uint8_t { udp, udpu };

struct TotemSettings {
    std::optional<NodeId> node_id;
    std::string cluster_name;
    Transport transport = Transport::udp;
    std::string crypto_backend{secure_backend};
    std::string crypto_cipher = "auto";
    std::size_t netmtu = 1500;

    Duration detection_time{};
    Duration token{};
    Duration token_retransmit{};
    Duration hold{};
    Duration stay{};
    Duration join{};
    Duration consensus{};
    Duration merge{};
    std::uint32_t fail_recv_const = 0;
    std::uint32_t seqno_unchanged_const = 0;
    std::uint32_t window_size = 0;
    std::uint32_t max_messages = 0;
    std::uint32_t accelerated_window = 0;

    Redundancy rrp_mode = Redundancy::none;
    Duration rrp_token_expired{};  // follows detection_time
    std::uint32_t rrp_problem_count_threshold = 3;
    Duration rrp_problem_count{};
    bool mixed_families = false;

    std::optional<std::size_t> rcvbuf;  // nothing: sized from window_size and netmtu
    bool offload = true;

    std::vector<Interface> interfaces;  // by ring_number; never empty
};

struct Logger {
    std::string subsystem;  // small letters
    bool debug = false;
};

struct LoggingSettings {
    bool to_stderr = true;
    bool to_syslog = true;
    std::optional<std::string> logfile;  // there if to_file is on
    bool debug = false;
    bool timestamp = true;
    std::string syslog_facility = "daemon";
    std::vector<Logger> loggers;
};

// Who may connect besides root, the executive's own user and its group.  A rule with both wants
// both.
struct UidGidRule {
    std::optional<std::string> user;  // name or number
    std::optional<std::string> group;
};

struct IpcLimits {
    std::size_t message_max = 1U << 20;
    std::size_t request_ring = 4U << 20;
    std::size_t response_ring = 2U << 20;
    std::size_t event_ring = 4U << 20;
    std::size_t outbox_max = 16U << 20;
    Duration stall_timeout = std::chrono::milliseconds(1000);
    Duration request_wait = std::chrono::milliseconds(10000);
    Duration busy_poll = std::chrono::microseconds(50);
    std::size_t clients_max = 1024;
};

struct Settings {
    TotemSettings totem;
    Duration compare = std::chrono::seconds(60);  // how often replicas are; zero: never
    std::vector<Node> nodes;
    LoggingSettings logging;
    std::string user = "ais";
    std::string group = "ais";
    bool realtime = true;
    std::vector<UidGidRule> uidgid;
    std::optional<std::vector<std::string>> plugins;  // nothing: every service that is found
    std::vector<std::string> plugin_dirs;
    IpcLimits ipc;
};

// Requires: check() found no error and fill_defaults() has run.  A tree that did not go that way
// gives an Error that names the key.
[[nodiscard]] Result<Settings> make_settings(const Tree& tree);

struct KnownNode {
    Address address;
    std::optional<NodeId> id;
};
// The peers on the network of `interface`: its member sections, else the nodelist's addresses with
// its ring number.
[[nodiscard]] std::vector<KnownNode> known_nodes(const Settings& settings,
                                                 const Interface& interface);

// Identity of this node, given the address it turned out to use: totem.nodeid, else the nodelist's
// entry with that address, else, as openais did, an IPv4 address as a number.  Not valid with IPv6
// and none of these.
[[nodiscard]] NodeId node_id_for(const Settings& settings, const Address& local);

// The configuration of --embedded: one node on 127.0.0.1, nobody else, any free port, no key, log
// to standard error.  The same as a file would give (settings_test.cpp), the port excepted.
[[nodiscard]] Tree embedded_tree();
[[nodiscard]] Settings embedded_settings();

// "fast", "lan", "wan" or milliseconds within 50..60000; nothing: it is none of them.
[[nodiscard]] std::optional<Duration> parse_detection_time(std::string_view text);

// "clm, cpg" → clm cpg; empty parts are left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);
// The same for names of plugins, where "none" alone is the empty list.
[[nodiscard]] std::vector<std::string> plugin_list(std::string_view text);
// [a-z][a-z0-9_]*, at most plugin_name_max bytes.
[[nodiscard]] bool is_plugin_name(std::string_view name);

}  // namespace ais::config
