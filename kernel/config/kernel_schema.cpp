// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel's own keys, and those that openais.conf(5) always had and that a
// plugin or a later release will read: a file that openais took is taken here,
// and says what of it does nothing.  The man page of config_openais explains
// each key at length; a test compares the two.
//
// Defaults of the protocol are those of totem/config.hpp (kernel/settings_test.cpp
// compares them), except where a value follows from another and is left open
// here: token_retransmit and hold follow token, consensus follows join, and
// the windows follow window_size (settings.cpp).

#include "config/schema.hpp"

namespace ais::config {

namespace {

struct Row {
    const char* section;
    const char* name;
    KeyType type;
    std::int64_t minimum;
    std::int64_t maximum;
    const char* unit_or_choices;
    const char* fallback;  // nullptr: none
    const char* help;
    const char* no_effect;  // nullptr: it has one
};

constexpr auto number = KeyType::number;
constexpr auto text = KeyType::text;
constexpr auto yes_no = KeyType::boolean;
constexpr auto choice = KeyType::choice;
constexpr auto address = KeyType::address;

constexpr const char* ms = "milliseconds";
constexpr std::int64_t mib = 1 << 20;

constexpr Row rows[] = {
    // clang-format off
    {"totem", "version", choice, 0, 0, "2", "2",
     "version of this section's keys", nullptr},
    {"totem", "nodeid", number, 1, 0xffffffff, "", nullptr,
     "identity of this node, different on every node", nullptr},
    {"totem", "cluster_name", text, 0, 0, "", nullptr,
     "name of the cluster, equal on all members", nullptr},
    {"totem", "transport", choice, 0, 0, "udp|udpu", "udp",
     "udp: IP multicast; udpu: unicast to every node of a list", nullptr},
    {"totem", "secauth", yes_no, 0, 0, "", "on",
     "authenticate and encrypt with the authkey", nullptr},
    {"totem", "crypto_backend", text, 0, 0, "", nullptr,
     "plugin that seals datagrams; overrides secauth", nullptr},
    {"totem", "crypto_cipher", text, 0, 0, "", "auto",
     "cipher of the backend; auto: it chooses", nullptr},
    {"totem", "netmtu", number, 1000, 9216, "bytes", "1500",
     "largest IP packet of the network", nullptr},
    {"totem", "detection_time", text, 0, 0, "", nullptr,
     "fast, lan (the default), wan, or milliseconds (50..60000): a node that does not answer "
     "is left out by then; the timeouts below follow", nullptr},
    {"totem", "token", number, 10, 60000, ms, nullptr,
     "token lost though all answer: form a new ring; follows detection_time if left out", nullptr},
    {"totem", "token_retransmit", number, 1, 60000, ms, nullptr,
     "token sent again; follows detection_time if left out", nullptr},
    {"totem", "token_retransmits_before_loss_const", number, 1, 100, "retransmissions", "4",
     "how many fit into token; gives token_retransmit", nullptr},
    {"totem", "hold", number, 1, 60000, ms, nullptr,
     "how long an idle ring rests; follows detection_time if left out", nullptr},
    {"totem", "stay", number, 0, 60000, ms, "4",
     "how long the token stays at most at a node that alone sends now and then; 0: never", nullptr},
    {"totem", "join", number, 1, 60000, ms, nullptr,
     "a join message is repeated; follows detection_time if left out", nullptr},
    {"totem", "consensus", number, 2, 60000, ms, nullptr,
     "who does not agree on the members by then is left out; follows join if left out", nullptr},
    {"totem", "merge", number, 1, 60000, ms, nullptr,
     "an idle ring looks for other rings; follows detection_time if left out", nullptr},
    {"totem", "fail_recv_const", number, 1, 1000000, "rotations", "50",
     "rotations without progress until a node that receives nothing is left out", nullptr},
    {"totem", "seqno_unchanged_const", number, 1, 1000000, "rotations", "30",
     "idle rotations before the token rests", nullptr},
    {"totem", "window_size", number, 1, 4096, "datagrams", "256",
     "datagrams of all nodes in one rotation", nullptr},
    {"totem", "max_messages", number, 1, 4096, "datagrams", nullptr,
     "datagrams of one node in one rotation; follows window_size if left out", nullptr},
    {"totem", "accelerated_window", number, 0, 4096, "datagrams", nullptr,
     "datagrams of a visit that follow the token; follows max_messages if left out", nullptr},
    {"totem", "rcvbuf", number, 65536, 1024 * mib, "bytes", nullptr,
     "receive buffer of each socket; follows window_size if left out", nullptr},
    {"totem", "offload", yes_no, 0, 0, "", "yes",
     "let the system cut and join datagrams (UDP segmentation offload)", nullptr},
    {"totem", "threads", number, 0, 1024, "threads", nullptr,
     "", "the ring runs on one thread, which is fast enough to fill it"},
    {"totem", "rrp_mode", choice, 0, 0, "none|active|passive", "none",
     "data with several interfaces: on the best, on all, or on each in turn", nullptr},
    {"totem", "rrp_token_expired_timeout", number, 4, 3600000, ms, nullptr,
     "silence of a link that counts as a problem; follows detection_time if left out", nullptr},
    {"totem", "rrp_problem_count_threshold", number, 1, 1000000, "problems", "3",
     "problems after which a link is taken to be down", nullptr},
    {"totem", "rrp_problem_count_timeout", number, 1, 3600000, ms, "1000",
     "after so long one problem is forgiven", nullptr},
    {"totem", "mixed_families", yes_no, 0, 0, "", "no",
     "some interfaces may use IPv4 and others IPv6", nullptr},
    {"totem", "downcheck", number, 1, 3600000, ms, nullptr,
     "", "the system tells at once when an interface goes down or comes up"},
    {"totem", "send_join", number, 0, 60000, ms, nullptr,
     "", "join messages are spread by the protocol itself"},
    {"totem", "heartbeat_failures_allowed", number, 0, 1000000, "heartbeats", nullptr,
     "", "failures are found by the token and by the system's messages"},
    {"totem", "max_network_delay", number, 0, 60000, ms, nullptr,
     "", "it belonged to heartbeat_failures_allowed"},

    {"totem.interface", "ringnumber", number, 0, 7, "", "0",
     "number of this network; each has one of its own", nullptr},
    {"totem.interface", "bindnetaddr", address, 0, 0, "", nullptr,
     "network or address of the interface to use", nullptr},
    {"totem.interface", "mcastaddr", address, 0, 0, "", nullptr,
     "multicast group of the cluster", nullptr},
    {"totem.interface", "mcastport", number, 2, 65535, "", "5405",
     "UDP port; the port below it is used, too", nullptr},
    {"totem.interface", "broadcast", yes_no, 0, 0, "", nullptr,
     "not supported, only \"no\" is taken", nullptr},

    {"totem.interface.member", "memberaddr", address, 0, 0, "", nullptr,
     "address of one node, for transport udpu", nullptr},

    {"nodelist.node", "ring0_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 0", nullptr},
    {"nodelist.node", "ring1_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 1", nullptr},
    {"nodelist.node", "ring2_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 2", nullptr},
    {"nodelist.node", "ring3_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 3", nullptr},
    {"nodelist.node", "ring4_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 4", nullptr},
    {"nodelist.node", "ring5_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 5", nullptr},
    {"nodelist.node", "ring6_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 6", nullptr},
    {"nodelist.node", "ring7_addr", address, 0, 0, "", nullptr,
     "address of the node on the network with ringnumber 7", nullptr},
    {"nodelist.node", "nodeid", number, 1, 0xffffffff, "", nullptr,
     "identity of the node", nullptr},
    {"nodelist.node", "name", text, 0, 0, "", nullptr,
     "name of the node, for logs and status", nullptr},

    {"logging", "to_stderr", yes_no, 0, 0, "", "yes",
     "log to standard error", nullptr},
    {"logging", "to_syslog", yes_no, 0, 0, "", "yes",
     "log to the system's log", nullptr},
    {"logging", "to_file", yes_no, 0, 0, "", "no",
     "log to logfile", nullptr},
    {"logging", "logfile", text, 0, 0, "", nullptr,
     "path of the file", nullptr},
    {"logging", "debug", yes_no, 0, 0, "", "off",
     "log what only a developer wants", nullptr},
    {"logging", "timestamp", yes_no, 0, 0, "", "on",
     "date and time before each line", nullptr},
    {"logging", "syslog_facility", choice, 0, 0,
     "daemon|user|local0|local1|local2|local3|local4|local5|local6|local7", "daemon",
     "facility of lines in the system's log", nullptr},
    {"logging", "fileline", yes_no, 0, 0, "", nullptr,
     "", "lines carry a message id instead of a place in the source"},
    {"logging", "function_name", yes_no, 0, 0, "", nullptr,
     "", "lines carry a message id instead of a place in the source"},

    {"logging.logger", "ident", text, 0, 0, "", nullptr,
     "subsystem that this section is about, e.g. totem or cpg", nullptr},
    {"logging.logger", "debug", yes_no, 0, 0, "", "off",
     "debug for this subsystem alone", nullptr},
    {"logging.logger", "tags", text, 0, 0, "", nullptr,
     "", "there are no trace tags, debug gives everything"},

    {"aisexec", "user", text, 0, 0, "", "ais",
     "user to become when started as root", nullptr},
    {"aisexec", "group", text, 0, 0, "", "ais",
     "group to become; its members may use the services", nullptr},
    {"aisexec", "realtime", yes_no, 0, 0, "", "yes",
     "real-time scheduling, where the system allows it", nullptr},

    {"uidgid", "uid", text, 0, 0, "", nullptr,
     "user, by name or number, who may use the services", nullptr},
    {"uidgid", "gid", text, 0, 0, "", nullptr,
     "group, by name or number, whose members may use the services", nullptr},

    {"plugins", "load", text, 0, 0, "", nullptr,
     "plugins to load, separated by commas; if left out, all that are found", nullptr},
    {"plugins", "dir", text, 0, 0, "", nullptr,
     "one more directory to look into; may be repeated", nullptr},

    {"ipc", "message_max", number, 4096, 64 * mib, "bytes", "1048576",
     "largest message of a client", nullptr},
    {"ipc", "request_ring", number, 65536, 1024 * mib, "bytes", "4194304",
     "shared memory of a client's requests", nullptr},
    {"ipc", "response_ring", number, 65536, 1024 * mib, "bytes", "2097152",
     "shared memory of the answers to a client", nullptr},
    {"ipc", "event_ring", number, 65536, 1024 * mib, "bytes", "4194304",
     "shared memory of a client's callbacks", nullptr},
    {"ipc", "outbox_max", number, 65536, 1024 * mib, "bytes", "16777216",
     "what is kept for a client whose rings are full", nullptr},
    {"ipc", "stall_timeout", number, 10, 60000, ms, "1000",
     "a client that takes nothing for so long no longer slows the cluster", nullptr},
    {"ipc", "request_wait", number, 0, 3600000, ms, "10000",
     "while replicas are made equal requests wait so long, then they are answered \"try again\"", nullptr},
    {"ipc", "busy_poll", number, 0, 10000, "microseconds", "50",
     "after a client that calls and waits, look awake for its next call; 0: sleep at once", nullptr},
    {"ipc", "clients_max", number, 1, 65536, "clients", "1024",
     "clients of this node at the same time", nullptr},

    {"sync", "compare", number, 0, 86400, "seconds", "60",
     "how often the replicas of all services are compared; 0: only when a node joins", nullptr},

    {"amf", "mode", choice, 0, 0, "disabled|enabled", nullptr,
     "", "no plugin that is loaded reads it"},

    {"event", "delivery_queue_size", number, 1, 1000000, "events", nullptr,
     "", "no plugin that is loaded reads it"},
    {"event", "delivery_queue_resume", number, 1, 1000000, "events", nullptr,
     "", "no plugin that is loaded reads it"},

    {"service", "name", text, 0, 0, "", nullptr,
     "", "plugins.load chooses the plugins"},
    {"service", "ver", text, 0, 0, "", nullptr,
     "", "plugins.load chooses the plugins"},
    // clang-format on
};

constexpr const char* repeated_sections[] = {
    "totem.interface",
    "totem.interface.member",
    "nodelist.node",
    "logging.logger",
    "uidgid",
    "service",
};

}  // namespace

Schema kernel_schema() {
    Schema schema;
    for (const auto& row : rows) {
        KeySpec key;
        key.section = row.section;
        key.name = row.name;
        key.type = row.type;
        key.minimum = row.minimum;
        key.maximum = row.maximum;
        (row.type == KeyType::choice ? key.choices : key.unit) = row.unit_or_choices;
        if (row.fallback != nullptr) {
            key.fallback = row.fallback;
        }
        key.help = row.help;
        key.no_effect = row.no_effect == nullptr ? "" : row.no_effect;
        key.is_repeatable = key.section == "plugins" && key.name == "dir";
        schema.add(std::move(key));
    }
    for (const auto* path : repeated_sections) {
        schema.add(SectionSpec{path, true});
    }
    return schema;
}

}  // namespace ais::config
