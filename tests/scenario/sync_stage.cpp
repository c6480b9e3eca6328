// SPDX-License-Identifier: BSD-3-Clause

#include "scenario/sync_stage.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace ais::scenario {
namespace {

// Words end with it on the wire, so that they can be found there.
constexpr std::string_view mark = "<>";

// Of comparisons; time passes by `compare` only.
constexpr Duration interval = std::chrono::seconds(60);

const std::string usage = "error: cannot read this command\n";

std::uint32_t number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// {1,2,3}; empty: that is no list of nodes.
std::vector<std::uint32_t> nodes_of(std::string_view text) {
    std::vector<std::uint32_t> nodes;
    if (text.size() < 3 || text.front() != '{' || text.back() != '}') {
        return nodes;
    }
    std::istringstream from(std::string(text.substr(1, text.size() - 2)));
    for (std::string part; std::getline(from, part, ',');) {
        nodes.push_back(number(part));
    }
    return nodes;
}

}  // namespace

const SyncStage::Command SyncStage::commands[] = {
    {"node", &SyncStage::node},    // node N [SERVICE[/parts]…]: a fresh one, in no ring
    {"put", &SyncStage::put},      // put N SERVICE WORD…: into this replica only
    {"ring", &SyncStage::ring},    // ring {1,2}: a new configuration of these
    {"say", &SyncStage::say},      // say N SERVICE WORD: a message of the service
    {"step", &SyncStage::step},    // step N [COUNT]: payloads of the ring of N, in turn
    {"run", &SyncStage::run_all},  // run N: until nobody in its ring has anything to send
    {"last", &SyncStage::last},    // last N {1,2}: its next payload, to these only: the ring splits
    {"compare", &SyncStage::compare},  // compare: the lowest members of all rings say it now
    {"crash", &SyncStage::crash},      // crash N
    {"tamper", &SyncStage::tamper},    // tamper N: a byte of its next data is another one
    {"show", &SyncStage::show},        // show: who is synced, and what the replicas have
};

SyncStage::SyncStage() {
    bus_.compare = interval;
    bus_.tamper = [this](NodeId sender, std::vector<std::uint8_t>& payload) {
        const std::string_view text = as_text(Bytes(payload));
        const std::size_t at = text.find(mark);
        if (at != std::string_view::npos && at > 0 && tampered_.erase(sender.value()) != 0) {
            payload[at - 1] ^= 1;
        }
    };
}

std::string SyncStage::run(std::string_view line) {
    std::istringstream from{std::string(line)};
    Words words;
    for (std::string word; from >> word;) {
        words.push_back(word);
    }
    for (const Command& command : commands) {
        if (!words.empty() && words[0] == command.name) {
            return (this->*command.run)(words);
        }
    }
    return usage;
}

std::string SyncStage::node(const Words& words) {
    const std::uint32_t id = words.size() >= 2 ? number(words[1]) : 0;
    if (id == 0 || is_there(id)) {
        return usage;
    }
    std::vector<std::uint16_t> services;
    for (std::size_t i = 2; i < words.size(); ++i) {
        services.push_back(
            static_cast<std::uint16_t>(number(words[i].substr(0, words[i].find('/')))));
        if (services.back() == 0) {
            return usage;
        }
    }
    sync::TestNode& made = bus_.add(id, services);
    for (std::size_t i = 0; i < services.size(); ++i) {
        made.replicas[services[i]].in_parts = words[i + 2].ends_with("/parts");
    }
    made.sees_configurations = false;
    made.tell = [this, id](const std::string& event) {
        std::string text = event;
        if (const std::size_t at = text.find(mark); at != std::string::npos) {
            text.erase(at, mark.size());
        }
        seen_.add(id, text);
    };
    living_.insert(id);
    return {};
}

std::string SyncStage::put(const Words& words) {
    if (words.size() < 4 || !is_there(number(words[1]))) {
        return usage;
    }
    auto& replicas = bus_[number(words[1])].replicas;
    const auto replica = replicas.find(static_cast<std::uint16_t>(number(words[2])));
    if (replica == replicas.end()) {
        return "error: it does not have this service\n";
    }
    for (std::size_t i = 3; i < words.size(); ++i) {
        replica->second.words.insert(words[i] + std::string(mark));
    }
    return {};
}

std::string SyncStage::ring(const Words& words) {
    const auto members = words.size() == 2 ? nodes_of(words[1]) : std::vector<std::uint32_t>();
    if (members.empty() || !std::all_of(members.begin(), members.end(), [this](std::uint32_t id) {
            return is_there(id);
        })) {
        return usage;
    }
    bus_.configure(members);
    return {};
}

std::string SyncStage::say(const Words& words) {
    if (words.size() != 4 || !is_there(number(words[1]))) {
        return usage;
    }
    const ais_status status = bus_[number(words[1])].say(
        static_cast<std::uint16_t>(number(words[2])), words[3] + std::string(mark));
    return status == AIS_OK ? "" : "error: it has no room\n";
}

std::string SyncStage::step(const Words& words) {
    const std::uint32_t count = words.size() == 3 ? number(words[2]) : 1;
    if (words.size() < 2 || words.size() > 3 || !is_there(number(words[1])) || count == 0) {
        return usage;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!bus_.step(number(words[1]))) {
            return "error: nobody has anything to send\n";
        }
    }
    return {};
}

std::string SyncStage::run_all(const Words& words) {
    if (words.size() != 2 || !is_there(number(words[1]))) {
        return usage;
    }
    bus_.run(number(words[1]));
    return {};
}

std::string SyncStage::last(const Words& words) {
    const auto witnesses = words.size() == 3 ? nodes_of(words[2]) : std::vector<std::uint32_t>();
    if (witnesses.empty() || !is_there(number(words[1]))) {
        return usage;
    }
    return bus_.step(number(words[1]), witnesses) ? "" : "error: it has nothing to send\n";
}

std::string SyncStage::crash(const Words& words) {
    if (words.size() != 2 || !is_there(number(words[1]))) {
        return usage;
    }
    bus_.remove(number(words[1]));
    living_.erase(number(words[1]));
    return {};
}

std::string SyncStage::compare(const Words&) {
    bus_.advance(Duration::zero());  // those that have just opened count from here
    bus_.advance(interval);
    return {};
}

std::string SyncStage::tamper(const Words& words) {
    if (words.size() != 2 || !is_there(number(words[1]))) {
        return usage;
    }
    tampered_.insert(number(words[1]));
    return {};
}

std::string SyncStage::show(const Words&) {
    std::string text = seen_.take();
    for (const std::uint32_t id : living_) {
        sync::TestNode& node = bus_[id];
        const std::string state = node.barrier.describe();
        text += std::to_string(id) + ": " +
                (node.stopped.empty() ? state.substr(0, state.find(';')) : "stopped") + '\n';
        for (const auto& [service, replica] : node.replicas) {
            text += "   " + std::to_string(service) + ":";
            for (const std::string& word : replica.words) {
                text += ' ' + word.substr(0, word.find(mark));
            }
            text += '\n';
        }
    }
    return text;
}

std::string SyncStage::check() {
    std::string text;
    for (const std::uint32_t id : living_) {
        sync::TestNode& node = bus_[id];
        if (node.delivered_unsynced) {
            text += "violated: node " + std::to_string(id) + " was given a message unsynced\n";
        }
        std::vector<std::uint32_t> synced;
        for (const std::uint32_t other : living_) {
            if (bus_[other].ring == node.ring && bus_[other].barrier.is_synced() &&
                bus_[other].stopped.empty()) {
                synced.push_back(other);
            }
        }
        if (!synced.empty() && synced[0] == id && !bus_.is_equal(synced)) {
            text += "violated: replicas of node " + std::to_string(id) + "'s ring differ\n";
        }
    }
    return text;
}

}  // namespace ais::scenario
