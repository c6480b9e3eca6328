// SPDX-License-Identifier: BSD-3-Clause

#include "scenario/commands.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace ais::scenario {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

NodeId node(std::string_view text) {
    return NodeId(static_cast<ais_node_id>(number(text).value_or(0)));
}

// 2s, 300ms, 50us
std::optional<Duration> duration(std::string_view text) {
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) {
        return std::nullopt;
    }
    const auto value = number(text.substr(0, digits));
    const std::string_view unit = text.substr(digits);
    if (!value) {
        return std::nullopt;
    }
    const auto count = static_cast<std::int64_t>(*value);
    if (unit == "s") {
        return std::chrono::seconds(count);
    }
    if (unit == "ms") {
        return std::chrono::milliseconds(count);
    }
    if (unit == "us") {
        return std::chrono::microseconds(count);
    }
    return std::nullopt;
}

// {1,2,3}
totem::Members members(std::string_view text) {
    totem::Members set;
    std::string digits;
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            digits += c;
        } else if (!digits.empty()) {
            set.insert(node(digits));
            digits.clear();
        }
    }
    return set;
}

std::uint8_t packet_type(std::string_view name) {
    static constexpr const char* names[] = {
        "any", "data", "token", "join", "commit", "merge", "hold_cancel"};
    for (std::uint8_t type = 0; type < 7; ++type) {
        if (name == names[type]) {
            return type;
        }
    }
    return 255;
}

const std::string usage = "error: cannot read this command\n";

}  // namespace

const TotemStage::Command TotemStage::commands[] = {
    {"cluster", &TotemStage::cluster},      // cluster N: start nodes 1 to N, wait for their ring
    {"set", &TotemStage::set},              // set KEY VALUE: configuration of nodes started later
    {"advance", &TotemStage::advance},      // advance 200ms: let time pass
    {"until", &TotemStage::until},          // until PHASE NODE: at most 10 s, in steps of 10 us
    {"partition", &TotemStage::partition},  // partition {1,2} {3}
    {"heal", &TotemStage::heal},            // heal
    {"cut", &TotemStage::cut},              // cut FROM TO: one way
    {"mend", &TotemStage::mend},            // mend FROM TO
    {"crash", &TotemStage::crash},          // crash N
    {"start", &TotemStage::start},          // start N [wiped]
    {"leave", &TotemStage::leave},          // leave N
    {"pause", &TotemStage::pause},          // pause N
    {"resume", &TotemStage::resume},        // resume N
    {"congest", &TotemStage::congest},      // congest N on|off
    {"send", &TotemStage::send},            // send N agreed|safe TEXT
    {"drop", &TotemStage::drop},            // drop TYPE FROM TO COUNT [after SKIP]; * is any node
    {"show", &TotemStage::show},            // show: phases
};

TotemStage::TotemStage() : world_(1) {
    world_.watch(this);
    world_.network().set_filter(
        [this](NodeId from, NodeId to, Bytes datagram) { return is_dropped(from, to, datagram); });
}

std::string TotemStage::run(std::string_view line) {
    std::istringstream from{std::string(line)};
    Words words;
    for (std::string word; from >> word;) {
        words.push_back(word);
    }
    if (words.empty()) {
        return usage;
    }
    for (const Command& command : commands) {
        if (words[0] == command.name) {
            return (this->*command.run)(words);
        }
    }
    return usage;
}

std::string TotemStage::check() {
    std::string text;
    // The story may end in the middle of things: liveness is not judged.
    world_.history().is_quiet = false;
    const sim::Violations found = sim::check_all(world_.history());
    for (const std::string& violation : found.texts) {
        text += "violated: " + violation + '\n';
    }
    return text;
}

std::string TotemStage::cluster(const Words& words) {
    const auto count = words.size() == 2 ? number(words[1]) : std::nullopt;
    if (!count || *count == 0 || *count > totem::Members::capacity) {
        return usage;
    }
    for (ais_node_id id = 1; id <= *count; ++id) {
        world_.start(NodeId(id));
    }
    const Instant patience = world_.now() + std::chrono::seconds(10);
    const auto is_complete = [&] {
        for (const NodeId id : world_.living()) {
            if (!world_.engine(id)->is_operational() ||
                world_.engine(id)->configuration().members.size() != *count) {
                return false;
            }
        }
        return true;
    };
    while (!is_complete() && world_.now() < patience) {
        world_.run_until(world_.now() + std::chrono::milliseconds(1));
    }
    return {};
}

std::string TotemStage::set(const Words& words) {
    if (words.size() != 3) {
        return usage;
    }
    const auto value = number(words[2]);
    const auto time = duration(words[2]);
    if (words[1] == "accelerated_window" && value) {
        config_.accelerated_window = static_cast<std::uint32_t>(*value);
    } else if (words[1] == "max_messages" && value) {
        config_.max_messages = static_cast<std::uint32_t>(*value);
    } else if (words[1] == "window_size" && value) {
        config_.window_size = static_cast<std::uint32_t>(*value);
    } else if (words[1] == "cluster_name") {
        config_.terms = {{words[1], words[2]}};
    } else if (words[1] == "datagram_max" && value) {
        config_.datagram_max = *value;
    } else if (words[1] == "token" && time) {
        config_.token_timeout = *time;
    } else if (words[1] == "hold" && time) {
        config_.hold_timeout = *time;
    } else if (words[1] == "merge" && time) {
        config_.merge_timeout = *time;
    } else {
        return usage;
    }
    world_.configure(config_);
    const auto valid = config_.validate();
    return valid ? "" : "error: " + valid.error().text + '\n';
}

std::string TotemStage::advance(const Words& words) {
    const auto time = words.size() == 2 ? duration(words[1]) : std::nullopt;
    if (!time) {
        return usage;
    }
    world_.run_until(world_.now() + *time);
    return {};
}

std::string TotemStage::until(const Words& words) {
    if (words.size() != 3 || world_.engine(node(words[2])) == nullptr) {
        return usage;
    }
    const totem::Engine& engine = *world_.engine(node(words[2]));
    const std::string wanted = ' ' + words[1] + ',';
    const Instant patience = world_.now() + std::chrono::seconds(10);
    while (engine.describe().find(wanted) == std::string::npos) {
        if (world_.now() >= patience) {
            return "error: that did not happen\n";
        }
        world_.run_until(world_.now() + std::chrono::microseconds(10));
    }
    return {};
}

std::string TotemStage::partition(const Words& words) {
    std::vector<totem::Members> groups;
    for (std::size_t i = 1; i < words.size(); ++i) {
        groups.push_back(members(words[i]));
    }
    world_.network().partition(groups);
    return groups.size() < 2 ? usage : "";
}

std::string TotemStage::heal(const Words&) {
    world_.network().heal();
    drops_.clear();
    return {};
}

std::string TotemStage::cut(const Words& words) {
    if (words.size() != 3) {
        return usage;
    }
    world_.network().cut(node(words[1]), node(words[2]));
    return {};
}

std::string TotemStage::mend(const Words& words) {
    if (words.size() != 3) {
        return usage;
    }
    world_.network().mend(node(words[1]), node(words[2]));
    return {};
}

std::string TotemStage::crash(const Words& words) {
    if (words.size() != 2 || !world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.crash(node(words[1]));
    return {};
}

std::string TotemStage::start(const Words& words) {
    if (words.size() < 2 || !node(words[1]).is_valid() || world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.start(node(words[1]), words.size() > 2 && words[2] == "wiped");
    return {};
}

std::string TotemStage::leave(const Words& words) {
    if (words.size() != 2 || !world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.leave(node(words[1]));
    return {};
}

std::string TotemStage::pause(const Words& words) {
    if (words.size() != 2 || !world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.pause(node(words[1]));
    return {};
}

std::string TotemStage::resume(const Words& words) {
    if (words.size() != 2 || !world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.resume(node(words[1]));
    return {};
}

std::string TotemStage::congest(const Words& words) {
    if (words.size() != 3 || !world_.is_alive(node(words[1]))) {
        return usage;
    }
    world_.set_congested(node(words[1]), words[2] == "on");
    return {};
}

std::string TotemStage::send(const Words& words) {
    if (words.size() < 4 || !world_.is_alive(node(words[1])) ||
        (words[2] != "agreed" && words[2] != "safe")) {
        return usage;
    }
    for (std::size_t i = 3; i < words.size(); ++i) {
        world_.send(node(words[1]),
                    words[2] == "safe" ? totem::Guarantee::safe : totem::Guarantee::agreed,
                    words[i]);
    }
    return {};
}

std::string TotemStage::drop(const Words& words) {
    if (words.size() < 5 || packet_type(words[1]) == 255 || !number(words[4])) {
        return usage;
    }
    Drop drop{};
    drop.type = packet_type(words[1]);
    drop.from = node(words[2]);
    drop.to = node(words[3]);
    drop.count = *number(words[4]);
    drop.skip = words.size() == 7 ? number(words[6]).value_or(0) : 0;
    drops_.push_back(drop);
    return {};
}

std::string TotemStage::show(const Words&) {
    std::string text = take_seen();
    for (const NodeId id : world_.living()) {
        const std::string all = world_.engine(id)->describe();
        const std::string prefix = "totem: node " + std::to_string(id.value()) + ' ';
        text += std::to_string(id.value()) + ": " +
                all.substr(prefix.size(), all.find('\n') - prefix.size());
        text += all.find("held here") != std::string::npos ? ", holds the token\n" : "\n";
    }
    return text;
}

void TotemStage::on_configure(NodeId id, const totem::Configuration& now) {
    std::ostringstream to;
    if (now.kind == totem::Configuration::Kind::transitional) {
        to << "configure transitional " << now.ring << ' ' << now.members << " left " << now.left;
    } else {
        to << "configure regular      " << now.ring << ' ' << now.members << " joined "
           << now.joined;
    }
    seen_.add(id.value(), to.str());
}

void TotemStage::on_deliver(NodeId id, const totem::Deliver& what, Bytes text) {
    std::ostringstream to;
    to << "deliver " << what.sender.value() << ' '
       << (what.guarantee == totem::Guarantee::safe ? "safe " : "agreed ") << as_text(text);
    seen_.add(id.value(), to.str());
}

bool TotemStage::is_dropped(NodeId from, NodeId to, Bytes datagram) {
    for (Drop& drop : drops_) {
        if (drop.count == 0 || (drop.type != 0 && datagram[3] != drop.type) ||
            (drop.from.is_valid() && drop.from != from) || (drop.to.is_valid() && drop.to != to)) {
            continue;
        }
        if (drop.skip > 0) {
            --drop.skip;
            continue;
        }
        --drop.count;
        return true;
    }
    return false;
}

}  // namespace ais::scenario
