// SPDX-License-Identifier: BSD-3-Clause

#include "config/settings.hpp"

#include "base/assert.hpp"
#include "config/schema.hpp"

#include <algorithm>

namespace ais::config {

namespace {

// Shared memory is laid out in pages; 64 KiB is a multiple of every page size in use.
constexpr std::size_t page_max = 65536;

// Milliseconds of detection_time.
constexpr std::int64_t detection_min = 50;
constexpr std::int64_t detection_max = 60000;
constexpr std::int64_t detection_default = 500;
constexpr std::int64_t hasty_max = 200;

// Reads keys of one section and remembers the first that is not as check() left it.
class Reader {
  public:
    Reader(const Section& section, std::string path) : section_(section), path_(std::move(path)) {}

    std::int64_t number(std::string_view name) {
        const auto* key = section_.find_key(name);
        const auto value = key == nullptr ? std::nullopt : parse_number(key->value);
        return value ? *value : (miss(name), 0);
    }
    std::optional<std::int64_t> try_number(std::string_view name) {
        return section_.find_key(name) == nullptr ? std::nullopt : std::optional(number(name));
    }
    template <typename T>
    T size(std::string_view name) {
        return static_cast<T>(number(name));
    }
    Duration ms(std::string_view name) { return std::chrono::milliseconds(number(name)); }
    bool flag(std::string_view name) {
        const auto* key = section_.find_key(name);
        const auto value = key == nullptr ? std::nullopt : parse_bool(key->value);
        return value ? *value : (miss(name), false);
    }
    std::string text(std::string_view name) {
        const auto* key = section_.find_key(name);
        return key != nullptr ? key->value : (miss(name), std::string());
    }
    std::optional<std::string> try_text(std::string_view name) {
        const auto* key = section_.find_key(name);
        return key == nullptr ? std::nullopt : std::optional(key->value);
    }
    Address address(std::string_view name) {
        const auto* key = section_.find_key(name);
        const auto value = key == nullptr ? std::nullopt : parse_address(key->value);
        return value ? *value : (miss(name), Address());
    }
    [[nodiscard]] const std::string& missed() const { return missed_; }

  private:
    void miss(std::string_view name) {
        if (missed_.empty()) {
            missed_ = path_ + '.' + std::string(name);
        }
    }
    const Section& section_;
    std::string path_;
    std::string missed_;
};

// docs/protocol/detection.md has the table that this makes.
void read_timeouts(Reader& from, TotemSettings& to) {
    const auto token = from.try_number("token");
    const auto wish = from.try_text("detection_time");
    const auto wanted = wish ? parse_detection_time(*wish) : std::nullopt;
    // Why: whoever wrote token alone meant the time until a dead node is noticed; 500 ms are
    // to the 400 ms of token as this rule has it.
    const std::int64_t detection =
        wanted  ? to_ms(*wanted)
        : token ? std::clamp<std::int64_t>(*token * 5 / 4, detection_min, detection_max)
                : detection_default;
    to.detection_time = std::chrono::milliseconds(detection);
    to.token = std::chrono::milliseconds(token.value_or(2 * detection));
    const auto base = token.value_or(detection * 4 / 5);
    const auto ms = [&](const char* name, std::int64_t otherwise) -> Duration {
        const auto given = from.try_number(name);
        return std::chrono::milliseconds(given.value_or(std::max<std::int64_t>(1, otherwise)));
    };
    // After the last of n retransmissions there must be some time left for it to arrive before
    // the loss is declared: 0.4 of a part.  With the defaults that gives 90 ms.
    const auto parts = from.number("token_retransmits_before_loss_const");
    to.token_retransmit = ms("token_retransmit", base * 10 / (parts * 10 + 4));
    // Why less below 200 ms: two rests are in the way of detection, and whoever wants
    // so much haste pays for it with an idle ring that wakes up more often.  Why not more above:
    // two rests, late, probe and suspect are 94 % of detection_time (docs/protocol/detection.md).
    to.hold = ms("hold", detection <= hasty_max ? base / 8 : base * 7 / 20);
    // A patient token says nothing about the network, a patient detection does.
    const auto join = detection / 25;
    to.join = ms("join", wanted ? join : std::min<std::int64_t>(join, 20));
    to.consensus = ms("consensus", std::min<std::int64_t>(12 * to_ms(to.join), 60000));
    to.merge = ms("merge", std::max<std::int64_t>(200, wanted ? detection * 2 / 5 : 0));
}

void read_redundancy(Reader& from, TotemSettings& to) {
    const auto mode = from.text("rrp_mode");
    to.rrp_mode = mode == "active"    ? Redundancy::active
                  : mode == "passive" ? Redundancy::passive
                                      : Redundancy::none;
    const auto expired = from.try_number("rrp_token_expired_timeout");
    to.rrp_token_expired = std::chrono::milliseconds(
        expired.value_or(std::max<std::int64_t>(4, to_ms(to.detection_time) / 5)));
    to.rrp_problem_count_threshold = from.size<std::uint32_t>("rrp_problem_count_threshold");
    to.rrp_problem_count = from.ms("rrp_problem_count_timeout");
    to.mixed_families = from.flag("mixed_families");
}

void read_windows(Reader& from, TotemSettings& to) {
    to.fail_recv_const = from.size<std::uint32_t>("fail_recv_const");
    to.stay = from.ms("stay");
    to.seqno_unchanged_const = from.size<std::uint32_t>("seqno_unchanged_const");
    to.window_size = from.size<std::uint32_t>("window_size");
    to.max_messages = static_cast<std::uint32_t>(
        from.try_number("max_messages").value_or(std::min<std::int64_t>(256, to.window_size)));
    to.accelerated_window =
        static_cast<std::uint32_t>(from.try_number("accelerated_window")
                                       .value_or(std::min<std::int64_t>(128, to.max_messages)));
}

Result<std::vector<Interface>> read_interfaces(const Section& totem) {
    std::vector<Interface> interfaces;
    for (const auto* section : totem.find_sections("interface")) {
        Reader from(*section, "totem.interface");
        Interface interface;
        interface.ring_number = from.size<std::uint32_t>("ringnumber");
        interface.bind = from.address("bindnetaddr");
        if (section->find_key("mcastaddr") != nullptr) {
            interface.multicast = from.address("mcastaddr");
        }
        interface.port = from.size<std::uint16_t>("mcastport");
        for (const auto* member : section->find_sections("member")) {
            Reader member_from(*member, "totem.interface.member");
            interface.members.push_back(member_from.address("memberaddr"));
            if (!member_from.missed().empty()) {
                return invalid(member_from.missed() + " is missing or wrong");
            }
        }
        if (!from.missed().empty()) {
            return invalid(from.missed() + " is missing or wrong");
        }
        interfaces.push_back(std::move(interface));
    }
    std::stable_sort(
        interfaces.begin(), interfaces.end(), [](const Interface& a, const Interface& b) {
            return a.ring_number < b.ring_number;
        });
    return interfaces;
}

// With udpu and a nodelist the interface section may be left out: it is the network of our own
// entry.
std::optional<Interface> interface_of(const Settings& settings) {
    for (const auto& node : settings.nodes) {
        if (node.id && node.id == settings.totem.node_id) {
            Interface interface;
            interface.bind = node.address;
            return interface;
        }
    }
    return std::nullopt;
}

Result<void> read_totem(const Section& root, Settings& settings) {
    const auto totems = root.find_sections("totem");
    if (totems.empty()) {
        return invalid("totem is missing");
    }
    const auto& totem = *totems.front();
    Reader from(totem, "totem");
    auto& to = settings.totem;
    if (const auto id = from.try_number("nodeid")) {
        to.node_id = NodeId(static_cast<ais_node_id>(*id));
    }
    to.cluster_name = from.try_text("cluster_name").value_or("");
    to.transport = from.text("transport") == "udpu" ? Transport::udpu : Transport::udp;
    const auto by_secauth = from.flag("secauth") ? secure_backend : plaintext_backend;
    to.crypto_backend = from.try_text("crypto_backend").value_or(std::string(by_secauth));
    to.crypto_cipher = from.text("crypto_cipher");
    to.netmtu = from.size<std::size_t>("netmtu");
    read_timeouts(from, to);
    read_windows(from, to);
    read_redundancy(from, to);
    if (const auto size = from.try_number("rcvbuf")) {
        to.rcvbuf = static_cast<std::size_t>(*size);
    }
    to.offload = from.flag("offload");
    if (!from.missed().empty()) {
        return invalid(from.missed() + " is missing or wrong");
    }
    auto interfaces = read_interfaces(totem);
    if (!interfaces) {
        return interfaces.error();
    }
    to.interfaces = interfaces.take();
    if (to.interfaces.empty()) {
        const auto own = interface_of(settings);
        if (!own) {
            return invalid("totem.interface is missing");
        }
        to.interfaces.push_back(*own);
    }
    return {};
}

Result<void> read_nodes(const Section& root, Settings& settings) {
    for (const auto* list : root.find_sections("nodelist")) {
        for (const auto* section : list->find_sections("node")) {
            Reader from(*section, "nodelist.node");
            Node node;
            node.address = from.address("ring0_addr");
            node.addresses[0] = node.address;
            for (std::size_t ring = 1; ring < links_max; ++ring) {
                const auto key = "ring" + std::to_string(ring) + "_addr";
                if (section->find_key(key) != nullptr) {
                    node.addresses[ring] = from.address(key);
                }
            }
            if (const auto id = from.try_number("nodeid")) {
                node.id = NodeId(static_cast<ais_node_id>(*id));
            } else if (node.address.family == Family::ipv4) {
                node.id = NodeId(node.address.ipv4_number());
            }
            node.name = from.try_text("name").value_or("");
            if (!from.missed().empty()) {
                return invalid(from.missed() + " is missing or wrong");
            }
            settings.nodes.push_back(std::move(node));
        }
    }
    return {};
}

std::string to_lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

Result<void> read_logging(const Section& root, LoggingSettings& to) {
    for (const auto* section : root.find_sections("logging")) {
        Reader from(*section, "logging");
        to.to_stderr = from.flag("to_stderr");
        to.to_syslog = from.flag("to_syslog");
        if (from.flag("to_file")) {
            to.logfile = from.text("logfile");
        }
        to.debug = from.flag("debug");
        to.timestamp = from.flag("timestamp");
        to.syslog_facility = from.text("syslog_facility");
        for (const auto* logger : section->find_sections("logger")) {
            Reader logger_from(*logger, "logging.logger");
            to.loggers.push_back({to_lower(logger_from.text("ident")), logger_from.flag("debug")});
            if (!logger_from.missed().empty()) {
                return invalid(logger_from.missed() + " is missing or wrong");
            }
        }
        if (!from.missed().empty()) {
            return invalid(from.missed() + " is missing or wrong");
        }
    }
    return {};
}

Result<void> read_ipc(const Section& root, IpcLimits& to) {
    for (const auto* section : root.find_sections("ipc")) {
        Reader from(*section, "ipc");
        const auto ring = [&](const char* name) {
            const auto size = from.size<std::size_t>(name);
            return (size + page_max - 1) / page_max * page_max;
        };
        to.message_max = from.size<std::size_t>("message_max");
        to.request_ring = ring("request_ring");
        to.response_ring = ring("response_ring");
        to.event_ring = ring("event_ring");
        to.outbox_max = from.size<std::size_t>("outbox_max");
        to.stall_timeout = from.ms("stall_timeout");
        to.request_wait = from.ms("request_wait");
        to.busy_poll = std::chrono::microseconds(from.size<std::uint32_t>("busy_poll"));
        to.clients_max = from.size<std::size_t>("clients_max");
        if (!from.missed().empty()) {
            return invalid(from.missed() + " is missing or wrong");
        }
    }
    return {};
}

Result<void> read_sync(const Section& root, Settings& settings) {
    for (const auto* section : root.find_sections("sync")) {
        Reader from(*section, "sync");
        settings.compare = std::chrono::seconds(from.size<std::uint32_t>("compare"));
        if (!from.missed().empty()) {
            return invalid(from.missed() + " is missing or wrong");
        }
    }
    return {};
}

void read_people_and_plugins(const Section& root, Settings& settings) {
    for (const auto* section : root.find_sections("aisexec")) {
        Reader from(*section, "aisexec");
        settings.user = from.try_text("user").value_or(settings.user);
        settings.group = from.try_text("group").value_or(settings.group);
        settings.realtime = from.flag("realtime");
    }
    for (const auto* section : root.find_sections("uidgid")) {
        Reader from(*section, "uidgid");
        settings.uidgid.push_back({from.try_text("uid"), from.try_text("gid")});
    }
    for (const auto* section : root.find_sections("plugins")) {
        for (const auto& key : section->keys) {
            if (key.name == "load") {
                settings.plugins = plugin_list(key.value);
            } else if (key.name == "dir") {
                settings.plugin_dirs.push_back(key.value);
            }
        }
    }
}

}  // namespace

Result<Settings> make_settings(const Tree& tree) {
    Settings settings;
    const auto& root = tree.root();
    const auto in_file = [&](const Error& error) {
        return Error{error.code, tree.source() + ": " + error.text};
    };
    if (const auto read = read_nodes(root, settings); !read) {
        return in_file(read.error());
    }
    if (const auto read = read_totem(root, settings); !read) {
        return in_file(read.error());
    }
    if (const auto read = read_logging(root, settings.logging); !read) {
        return in_file(read.error());
    }
    if (const auto read = read_ipc(root, settings.ipc); !read) {
        return in_file(read.error());
    }
    if (const auto read = read_sync(root, settings); !read) {
        return in_file(read.error());
    }
    read_people_and_plugins(root, settings);
    return settings;
}

std::vector<KnownNode> known_nodes(const Settings& settings, const Interface& interface) {
    std::vector<KnownNode> nodes;
    for (const auto& node : settings.nodes) {
        if (const auto& address = node.addresses[interface.ring_number]) {
            nodes.push_back({*address, node.id});
        }
    }
    if (!nodes.empty()) {
        return nodes;
    }
    // Why no id on other rings: there an address says nothing about the identity.
    const bool is_identity = settings.nodes.empty() && interface.ring_number == 0;
    for (const auto& address : interface.members) {
        const bool has_id = is_identity && address.family == Family::ipv4;
        nodes.push_back(
            {address, has_id ? std::optional(NodeId(address.ipv4_number())) : std::nullopt});
    }
    return nodes;
}

NodeId node_id_for(const Settings& settings, const Address& local) {
    if (settings.totem.node_id) {
        return *settings.totem.node_id;
    }
    for (const auto& node : settings.nodes) {
        if (node.id && node.address.family == local.family && node.address.bytes == local.bytes) {
            return *node.id;
        }
    }
    return NodeId(local.ipv4_number());
}

Tree embedded_tree() {
    Tree tree("embedded configuration");
    auto& totem = tree.root().child("totem");
    totem.set("nodeid", "1");
    totem.set("transport", "udpu");
    totem.set("secauth", "off");
    totem.child("interface").set("bindnetaddr", "127.0.0.1");
    auto& node = tree.root().child("nodelist").child("node");
    node.set("ring0_addr", "127.0.0.1");
    node.set("nodeid", "1");
    node.set("name", "embedded");
    tree.root().child("logging").set("to_syslog", "no");
    return tree;
}

Settings embedded_settings() {
    auto tree = embedded_tree();
    const auto schema = kernel_schema();
    AIS_ASSERT(!has_errors(check(tree, schema)));
    fill_defaults(tree, schema);
    auto settings = make_settings(tree);
    AIS_ASSERT(settings.ok());
    settings->totem.interfaces.front().port = 0;
    settings->realtime = false;  // a programmer's machine has other work
    return settings.take();
}

std::optional<Duration> parse_detection_time(std::string_view text) {
    using Name = std::pair<std::string_view, std::int64_t>;
    for (const auto& [name, time] :
         {Name{"fast", 100}, Name{"lan", detection_default}, Name{"wan", 3000}}) {
        if (text == name) {
            return std::chrono::milliseconds(time);
        }
    }
    const auto number = parse_number(text);
    if (!number || *number < detection_min || *number > detection_max) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(*number);
}

std::vector<std::string> split_list(std::string_view text) {
    static constexpr std::string_view separators = ", \t";
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find_first_of(separators);
        if (end != 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return parts;
}

std::vector<std::string> plugin_list(std::string_view text) {
    auto names = split_list(text);
    if (names.size() == 1 && names.front() == "none") {
        names.clear();
    }
    return names;
}

bool is_plugin_name(std::string_view name) {
    return !name.empty() && name.size() <= plugin_name_max && name.front() >= 'a' &&
           name.front() <= 'z' && std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
           });
}

}  // namespace ais::config
