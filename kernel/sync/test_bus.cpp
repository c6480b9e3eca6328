// SPDX-License-Identifier: BSD-3-Clause

#include "sync/test_bus.hpp"

#include "sync/messages.hpp"

#include <ais/codec.hpp>

#include <algorithm>
#include <sstream>

namespace ais::sync {
namespace {

constexpr std::size_t payload_max = 1350;

void write_words(const std::set<std::string>& words, std::string& out) {
    Appender to;
    for (const std::string& word : words) {
        to.text(word);
    }
    out = to.take();
}

std::string text_of(NodeId sender, std::uint16_t kind, Bytes body) {
    const std::string from = " of " + std::to_string(sender.value());
    Hello hello;
    Chunk chunk;
    Done done;
    if (static_cast<Kind>(kind) == Kind::hello && decode(body, hello)) {
        return "hello" + from;
    }
    if (static_cast<Kind>(kind) == Kind::chunk && decode(body, chunk)) {
        return "chunk" + from + ": stream " + std::to_string(chunk.stream) + ", " +
               std::to_string(chunk.total) + " bytes";
    }
    if (static_cast<Kind>(kind) == Kind::done && decode(body, done)) {
        return "done" + from;
    }
    Compare compare;
    Compared compared;
    if (static_cast<Kind>(kind) == Kind::compare && decode(body, compare)) {
        return "compare" + from;
    }
    if (static_cast<Kind>(kind) == Kind::compared && decode(body, compared)) {
        return "compared" + from;
    }
    return "nonsense" + from;
}

std::string components_of(std::span<const ais_component> components) {
    std::string text;
    for (const ais_component& component : components) {
        text += text.empty() ? "{" : " {";
        for (std::uint32_t i = 0; i < component.member_count; ++i) {
            text += (i > 0 ? "," : "") + std::to_string(component.members[i]);
        }
        text += "}";
    }
    return text;
}

}  // namespace

TestNode::TestNode(NodeId id, std::vector<std::uint16_t> services, Duration compare, Log& log)
    : self(id), groups(group::Limits{}, *this, log), barrier(id, groups, *this, log, compare) {
    for (const std::uint16_t service : services) {
        replicas[service];
    }
    groups.set_payload_max(payload_max);
}

void TestNode::on_message(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) {
    if (service == 0) {
        tell(text_of(sender, kind, body));
        const bool was_synced = barrier.is_synced();
        barrier.on_message(sender, kind, body);
        if (!was_synced && barrier.is_synced()) {
            tell("the gate opens");
        }
        return;
    }
    tell("deliver " + std::string(as_text(body)) + " of " + std::to_string(sender.value()));
    delivered_unsynced |= !barrier.is_synced();
    delivered.emplace_back(as_text(body));
    const auto replica = replicas.find(service);
    if (replica != replicas.end()) {
        replica->second.words.insert(delivered.back());
    }
}

std::vector<std::uint16_t> TestNode::synchronised_services() const {
    std::vector<std::uint16_t> ids;
    for (const auto& [id, replica] : replicas) {
        ids.push_back(id);
    }
    return ids;
}

ais_status TestNode::save(std::uint16_t service, std::string& out) {
    ++saves;
    if (fails_to_save) {
        return AIS_ERR_FAILED;
    }
    write_words(replicas.at(service).words, out);
    return AIS_OK;
}

ais_status TestNode::merge(std::uint16_t service, std::span<const ais_saved_state> states) {
    if (fails_to_merge) {
        return AIS_ERR_CORRUPT;
    }
    Replica& replica = replicas.at(service);
    std::set<std::string> words;
    std::vector<NodeId> savers;
    for (const ais_saved_state& state : states) {
        Reader in(from_abi(state.bytes));
        while (in.remaining() > 0) {
            words.emplace(in.text());
        }
        if (!in.ok()) {
            return AIS_ERR_CORRUPT;
        }
        savers.emplace_back(state.saved_by);
        if ((state.flags & AIS_STATE_OWN) != 0) {
            ++replica.own_states;
            if (std::find(state.members, state.members + state.member_count, self.value()) ==
                state.members + state.member_count) {
                return AIS_ERR_INVALID;
            }
        }
    }
    std::string from;
    for (const NodeId saver : savers) {
        from += ' ' + std::to_string(saver.value());
    }
    tell("merge of service " + std::to_string(service) + ", states of" + from);
    ++replica.merges;
    replica.merged_from.push_back(savers);
    replica.words = words;
    return AIS_OK;
}

std::set<std::string> Replica::part(const std::string& name) const {
    std::set<std::string> of_it;
    for (const std::string& word : words) {
        if (word.substr(0, 1) == name) {
            of_it.insert(word);
        }
    }
    return of_it;
}

bool TestNode::in_parts(std::uint16_t service) const {
    return replicas.at(service).in_parts;
}

ais_status TestNode::list(std::uint16_t service, std::vector<Part>& out) {
    const Replica& replica = replicas.at(service);
    for (const std::string& word : replica.words) {
        const std::string name = word.substr(0, 1);
        if (out.empty() || out.back().name != name) {
            std::string bytes;
            write_words(replica.part(name), bytes);
            out.push_back({name, digest_of(as_bytes(bytes)), bytes.size()});
        }
    }
    return AIS_OK;
}

ais_status TestNode::save_part(std::uint16_t service, const std::string& name, std::string& out) {
    Replica& replica = replicas.at(service);
    replica.parts_saved.push_back(name);
    tell("save part " + name + " of service " + std::to_string(service));
    write_words(replica.part(name), out);
    return fails_to_save ? AIS_ERR_FAILED : AIS_OK;
}

ais_status TestNode::merge_begin(std::uint16_t service, std::span<const ais_component> components) {
    Replica& replica = replicas.at(service);
    if (replica.is_merging) {
        return AIS_ERR_EXISTS;
    }
    tell("merge of service " + std::to_string(service) + " begins: " + components_of(components));
    replica.is_merging = true;
    replica.components = components.size();
    std::size_t own = 0;
    for (const ais_component& component : components) {
        const bool is_member =
            std::find(component.members,
                      component.members + component.member_count,
                      self.value()) != component.members + component.member_count;
        if (is_member != ((component.flags & AIS_STATE_OWN) != 0)) {
            return AIS_ERR_INVALID;
        }
        own += is_member ? 1 : 0;
    }
    return own == 1 ? AIS_OK : AIS_ERR_INVALID;
}

ais_status TestNode::merge_part(std::uint16_t service,
                                const std::string& name,
                                std::span<const ais_part_state> states) {
    Replica& replica = replicas.at(service);
    if (!replica.is_merging || states.empty() || replica.prepared.count(name) != 0) {
        return AIS_ERR_INVALID;
    }
    replica.parts_merged.push_back(name);
    tell("prepare part " + name + " of service " + std::to_string(service));
    std::set<std::string>& words = replica.prepared[name];
    for (const ais_part_state& state : states) {
        if (state.component >= replica.components) {
            return AIS_ERR_INVALID;
        }
        if ((state.flags & AIS_PART_HERE) != 0) {
            words.merge(replica.part(name));
            continue;
        }
        Reader in(from_abi(state.bytes));
        while (in.remaining() > 0) {
            words.emplace(in.text());
        }
        if (!in.ok()) {
            return AIS_ERR_CORRUPT;
        }
    }
    return fails_to_merge ? AIS_ERR_FAILED : AIS_OK;
}

ais_status TestNode::merge_end(std::uint16_t service, bool commit) {
    Replica& replica = replicas.at(service);
    if (!replica.is_merging) {
        // What ends a comparison.
        return commit ? AIS_ERR_INVALID : AIS_OK;
    }
    tell("merge of service " + std::to_string(service) +
         (commit ? " is made true" : " is given up"));
    replica.is_merging = false;
    if (commit) {
        ++replica.merges;
        for (const auto& [name, words] : replica.prepared) {
            replica.words.insert(words.begin(), words.end());
        }
    } else {
        ++replica.aborts;
    }
    replica.prepared.clear();
    return AIS_OK;
}

void TestNode::diverged(std::uint16_t, std::string_view why) {
    stopped = why;
    tell("stops: " + stopped);
}

void TestNode::configure(const totem::Configuration& now) {
    groups.on_configure(now);
    if (sees_configurations) {
        std::ostringstream word;
        word << (now.kind == totem::Configuration::Kind::regular ? "regular " : "transitional ")
             << now.ring << now.members;
        for (auto& [id, replica] : replicas) {
            replica.words.insert(word.str());
        }
    }
    if (now.kind == totem::Configuration::Kind::regular) {
        std::ostringstream text;
        text << "ring " << now.ring << ' ' << now.members;
        tell(text.str());
    }
    barrier.on_configure(now);
    if (now.kind == totem::Configuration::Kind::regular && barrier.is_synced()) {
        tell("the gate opens");
    }
    if (now.kind == totem::Configuration::Kind::regular) {
        ring = now.ring;
    }
}

ais_status TestNode::say(std::uint16_t service, const std::string& word) {
    const ais_bytes parts[] = {to_abi(std::string_view(word))};
    return groups.multicast(group::Lane::ordinary, service, 1, totem::Guarantee::agreed, parts);
}

TestNode& TestBus::add(std::uint32_t id, std::vector<std::uint16_t> services) {
    nodes_[id] = std::make_unique<TestNode>(NodeId(id), std::move(services), compare);
    return *nodes_[id];
}

std::vector<std::uint32_t> TestBus::ring_of(std::uint32_t id) const {
    std::vector<std::uint32_t> members;
    for (const auto& [other, node] : nodes_) {
        if (node->ring == nodes_.at(id)->ring) {
            members.push_back(other);
        }
    }
    return members;
}

void TestBus::configure(const std::vector<std::uint32_t>& ids) {
    totem::Configuration regular;
    regular.kind = totem::Configuration::Kind::regular;
    for (const std::uint32_t id : ids) {
        regular.members.insert(NodeId(id));
    }
    regular.ring = {++ring_seq_, regular.members.lowest(), 7};
    for (std::size_t at = 0; at < regular.members.size(); ++at) {
        regular.previous[at] = nodes_.at(regular.members[at].value())->ring;
    }
    for (const std::uint32_t id : ids) {
        TestNode& node = *nodes_.at(id);
        regular.joined.clear();
        totem::Configuration transitional;
        transitional.kind = totem::Configuration::Kind::transitional;
        transitional.ring = node.ring;
        for (std::size_t at = 0; at < regular.members.size(); ++at) {
            const bool is_together = node.ring.is_valid() ? regular.previous[at] == node.ring
                                                          : regular.members[at] == node.self;
            (is_together ? transitional.members : regular.joined).insert(regular.members[at]);
        }
        if (node.ring.is_valid()) {
            node.configure(transitional);
        }
    }
    for (const std::uint32_t id : ids) {
        nodes_.at(id)->configure(regular);
    }
}

void TestBus::deliver(std::uint32_t sender, const std::vector<std::uint32_t>& to) {
    std::vector<std::uint8_t> payload(payload_max);
    totem::Guarantee guarantee = totem::Guarantee::agreed;
    payload.resize(nodes_.at(sender)->groups.take(payload, guarantee));
    if (tamper) {
        tamper(NodeId(sender), payload);
    }
    for (const std::uint32_t id : to) {
        TestNode& node = *nodes_.at(id);
        node.groups.on_deliver({NodeId(sender), node.ring, 1, guarantee, payload});
        node.groups.before_free(1);
    }
    for (const std::uint32_t id : to) {
        nodes_.at(id)->barrier.pump(now_);
    }
}

void TestBus::advance(Duration time) {
    now_ += time;
    for (const auto& [id, node] : nodes_) {
        node->barrier.pump(now_);
    }
}

bool TestBus::step(std::uint32_t any_member) {
    const std::vector<std::uint32_t> members = ring_of(any_member);
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::uint32_t sender = members[++turn_ % members.size()];
        if (nodes_.at(sender)->groups.backlog() > 0) {
            deliver(sender, members);
            return true;
        }
    }
    return false;
}

bool TestBus::step(std::uint32_t sender, const std::vector<std::uint32_t>& witnesses) {
    if (nodes_.at(sender)->groups.backlog() == 0) {
        return false;
    }
    deliver(sender, witnesses);
    return true;
}

std::size_t TestBus::run(std::uint32_t any_member) {
    std::size_t payloads = 0;
    while (step(any_member)) {
        ++payloads;
    }
    return payloads;
}

bool TestBus::is_equal(const std::vector<std::uint32_t>& members) {
    std::map<std::uint16_t, const Replica*> first;
    for (const std::uint32_t id : members) {
        TestNode& node = *nodes_.at(id);
        if (!node.barrier.is_synced() || !node.groups.gate_is_open() || !node.stopped.empty()) {
            return false;
        }
        for (const auto& [service, replica] : node.replicas) {
            const auto [known, is_new] = first.emplace(service, &replica);
            if (!is_new && known->second->words != replica.words) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace ais::sync
