// SPDX-License-Identifier: BSD-3-Clause

#include "settings.hpp"

#include <algorithm>
#include <bit>

namespace ais {

namespace {

constexpr std::size_t udp_header = 8;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
// For the check without a backend: more than any of ours adds, since a file must be right with all.
constexpr std::size_t overhead_max = 128;
// totem::Config wants room for twelve windows, of one datagram per member at least.
constexpr std::size_t windows_kept = 12;

// "totem: token: …" → the key's line and path.
config::Finding finding_of(const Error& error, const config::Tree& tree) {
    config::Finding finding;
    finding.id = config::id::contradiction;
    finding.text = error.text;
    constexpr std::string_view prefix = "totem: ";
    std::string_view rest = error.text;
    if (rest.substr(0, prefix.size()) != prefix) {
        return finding;
    }
    rest.remove_prefix(prefix.size());
    const auto colon = rest.find(": ");
    if (colon == std::string_view::npos) {
        return finding;
    }
    finding.path = "totem." + std::string(rest.substr(0, colon));
    finding.text = rest.substr(colon + 2);
    finding.line = tree.line_of(finding.path);
    if (finding.line == 0) {
        finding.line = tree.line_of("totem");
    }
    return finding;
}

}  // namespace

std::size_t sealed_datagram_max(const config::Settings& settings) {
    const auto& all = settings.totem.interfaces;
    const bool is_ipv6 = std::any_of(all.begin(), all.end(), [](const auto& interface) {
        return interface.bind.family == Family::ipv6;
    });
    const auto headers = udp_header + (is_ipv6 ? ipv6_header : ipv4_header);
    return settings.totem.netmtu - std::min(settings.totem.netmtu, headers);
}

Result<totem::Config> to_totem_config(const config::Settings& settings, std::size_t seal_overhead) {
    const auto& from = settings.totem;
    totem::Config to;
    to.detection_time = from.detection_time;
    to.token_timeout = from.token;
    to.token_retransmit_timeout = from.token_retransmit;
    to.hold_timeout = from.hold;
    to.stay_max = from.stay;
    to.join_timeout = from.join;
    to.consensus_timeout = from.consensus;
    to.merge_timeout = from.merge;
    to.fail_to_receive_rotations = from.fail_recv_const;
    to.seqno_unchanged_rotations = from.seqno_unchanged_const;
    to.window_size = from.window_size;
    to.max_messages = from.max_messages;
    to.accelerated_window = from.accelerated_window;
    const auto sealed = sealed_datagram_max(settings);
    to.datagram_max = sealed - std::min(sealed, seal_overhead);
    to.terms = {{"cluster_name", from.cluster_name},
                {"message_max", std::to_string(settings.ipc.message_max)}};
    const auto slots = windows_kept * std::max<std::size_t>(from.window_size, AIS_NODES_MAX);
    to.log_slots = std::max(to.log_slots, std::bit_ceil(slots));
    if (const auto valid = to.validate(); !valid) {
        return valid.error();
    }
    return to;
}

ipc::Limits to_ipc_limits(const config::Settings& settings) {
    const auto& from = settings.ipc;
    ipc::Limits to;
    to.message_max = from.message_max;
    to.request_ring = from.request_ring;
    to.response_ring = from.response_ring;
    to.event_ring = from.event_ring;
    to.outbox_max = from.outbox_max;
    to.stall_timeout = from.stall_timeout;
    to.clients_max = from.clients_max;
    return to;
}

CheckedConfig check_config(config::Tree& tree, const config::Schema& schema) {
    CheckedConfig checked;
    checked.findings = config::check(tree, schema);
    if (config::has_errors(checked.findings)) {
        return checked;
    }
    config::fill_defaults(tree, schema);
    auto settings = config::make_settings(tree);
    if (!settings) {
        checked.findings.push_back(
            {config::Severity::error, config::id::missing, 0, "", settings.error().text});
        return checked;
    }
    if (const auto config = to_totem_config(*settings, overhead_max); !config) {
        checked.findings.push_back(finding_of(config.error(), tree));
        return checked;
    }
    checked.settings = settings.take();
    return checked;
}

}  // namespace ais
