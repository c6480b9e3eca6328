// SPDX-License-Identifier: BSD-3-Clause
//
// The exchange of docs/protocol/sync.md.
//
// Invariants:
//   1. Everything that decides (hellos_, snapshots_) comes from the
//      configuration and from delivered messages, so it is the same on all
//      members at the same place of the total order.
//   2. Participants are touched at two places only: save when the last hello is
//      delivered, merge when the last chunk is.

#include "sync/barrier.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "sync/messages.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <sstream>

namespace ais::sync {
namespace {

constexpr std::uint16_t kernel_service = 0;
// Limit: memory that is set aside for a snapshot because its sender says how
// long it will be; above, it grows with what really comes.
constexpr std::uint64_t reserve_max = 64U << 20;

struct Component {
    Lineage lineage;
    std::vector<ais_node_id> members;  // ascending
};

// One snapshot that somebody has to send.
struct Snapshot {
    std::uint16_t service = 0;
    NodeId saver;
    std::size_t component = 0;
    bool is_wanted = false;  // this node has the service
    std::string bytes;       // ours: what we saved; others': what has come
    // As the chunks say, known from the first one (ours: when it is saved).
    std::uint64_t total = 0;
    std::uint64_t digest = 0;
    // Delivered so far, in order.
    std::uint32_t chunks = 0;
    std::uint64_t received = 0;

    [[nodiscard]] bool is_complete() const { return chunks > 0 && received == total; }
};

enum class Phase : std::uint8_t {
    idle,       // before the first configuration
    hellos,     // waiting for hellos
    snapshots,  // waiting for snapshots
    synced,
    failed,  // diverged: the node is being stopped
};

}  // namespace

struct Barrier::Impl {
    Impl(NodeId node, group::Groups& to, Participants& services, Log& lines)
        : self(node),
          groups(to),
          participants(services),
          log(lines),
          lineage(lineage_of_fresh(node)) {}

    void on_configure(const totem::Configuration& now);
    void on_hello(NodeId sender, Bytes body);
    void on_chunk(NodeId sender, Bytes body);
    void begin_snapshots();
    void pump();
    void send_hello();
    void merge_all();
    void open();
    void fail(std::uint16_t service, const std::string& why);
    void refuse(NodeId sender, std::string_view what);
    void forget();
    [[nodiscard]] std::vector<NodeId> silent_members() const;

    NodeId self;
    group::Groups& groups;
    Participants& participants;
    Log& log;

    Phase phase = Phase::idle;
    Lineage lineage;
    totem::RingId ring;
    totem::Members members;

    bool is_hello_queued = false;
    std::map<NodeId, Hello> hellos;
    std::vector<Component> components;
    std::vector<Snapshot> snapshots;  // ascending service, then component
    std::size_t missing = 0;          // snapshots that are not complete
    std::size_t outgoing = 0;         // index of the next snapshot that may be ours
    std::uint32_t outgoing_chunk = 0;
    std::uint64_t malformed = 0;
    SyncStats stats;
};

Barrier::Barrier(NodeId self, group::Groups& groups, Participants& participants, Log& log)
    : impl_(std::make_unique<Impl>(self, groups, participants, log)) {}

Barrier::~Barrier() = default;

void Barrier::on_configure(const totem::Configuration& now) {
    if (now.kind == totem::Configuration::Kind::regular) {
        impl_->on_configure(now);
    }
}

void Barrier::Impl::on_configure(const totem::Configuration& now) {
    if (phase == Phase::failed) {
        return;
    }
    const auto own = now.members.index_of(self);
    AIS_ASSERT(own.has_value());
    groups.set_gate(false);
    if (phase == Phase::hellos || phase == Phase::snapshots) {
        ++stats.aborted;
        AIS_LOG(log,
                notice,
                "sync",
                "SYNC-004",
                "the exchange of ring ",
                ring,
                " ends without a result: ring ",
                now.ring,
                " came; a new one begins");
    }
    const bool was_synced = phase == Phase::synced;
    forget();
    ring = now.ring;
    members = now.members;

    // Those who came from our ring came together with us; a node that came
    // from none came alone.
    const totem::RingId& previous = now.previous[*own];
    const auto together = static_cast<std::size_t>(
        std::count(now.previous.begin(), now.previous.begin() + members.size(), previous));
    if (was_synced && together == members.size()) {
        AIS_MARK("sync.opens_at_once");
        open();
        return;
    }
    lineage = lineage_of_unsynced(lineage, ring);
    phase = Phase::hellos;
    send_hello();
}

void Barrier::Impl::forget() {
    is_hello_queued = false;
    hellos.clear();
    components.clear();
    snapshots.clear();
    snapshots.shrink_to_fit();
    missing = 0;
    outgoing = 0;
    outgoing_chunk = 0;
}

void Barrier::Impl::send_hello() {
    const std::string hello = encode(Hello{ring, lineage, participants.synchronised_services()});
    const ais_bytes parts[] = {to_abi(std::string_view(hello))};
    is_hello_queued = groups.multicast(group::Lane::kernel,
                                       kernel_service,
                                       static_cast<std::uint16_t>(Kind::hello),
                                       totem::Guarantee::agreed,
                                       parts) == AIS_OK;
}

void Barrier::on_message(NodeId sender, std::uint16_t kind, Bytes body) {
    if (impl_->phase == Phase::failed) {
        return;
    }
    switch (static_cast<Kind>(kind)) {
        case Kind::hello:
            impl_->on_hello(sender, body);
            return;
        case Kind::chunk:
            impl_->on_chunk(sender, body);
            return;
    }
    impl_->refuse(sender, "a message of unknown kind");
}

void Barrier::Impl::on_hello(NodeId sender, Bytes body) {
    Hello hello;
    if (!decode(body, hello)) {
        refuse(sender, "a hello that does not decode");
        return;
    }
    if (hello.ring != ring) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    }
    if (phase != Phase::hellos || !members.contains(sender) || hellos.count(sender) != 0) {
        refuse(sender, "a hello that nobody waits for");
        return;
    }
    hellos.emplace(sender, std::move(hello));
    if (hellos.size() == members.size()) {
        begin_snapshots();
    }
}

// All hellos are here: who has what, and who sends what.
void Barrier::Impl::begin_snapshots() {
    std::vector<std::uint16_t> services;
    for (const auto& [node, hello] : hellos) {
        auto component = std::find_if(
            components.begin(), components.end(), [&hello = hello](const Component& known) {
                return known.lineage == hello.lineage;
            });
        if (component == components.end()) {
            component = components.insert(component, Component{hello.lineage, {}});
        }
        component->members.push_back(node.value());
        services.insert(services.end(), hello.services.begin(), hello.services.end());
    }
    if (components.size() == 1) {
        AIS_MARK("sync.one_component");
        open();
        return;
    }
    std::sort(services.begin(), services.end());
    services.erase(std::unique(services.begin(), services.end()), services.end());

    ++stats.exchanges;
    phase = Phase::snapshots;
    for (const std::uint16_t service : services) {
        for (std::size_t at = 0; at < components.size(); ++at) {
            const auto& nodes = components[at].members;
            const auto saver = std::find_if(nodes.begin(), nodes.end(), [&](ais_node_id node) {
                return hellos.at(NodeId(node)).has(service);
            });
            if (saver != nodes.end()) {
                Snapshot& snapshot = snapshots.emplace_back();
                snapshot.service = service;
                snapshot.saver = NodeId(*saver);
                snapshot.component = at;
                snapshot.is_wanted = hellos.at(self).has(service);
            }
        }
    }
    missing = snapshots.size();
    AIS_LOG(log,
            notice,
            "sync",
            "SYNC-001",
            components.size(),
            " components come together in ring ",
            ring,
            ": exchanging ",
            snapshots.size(),
            " snapshots of ",
            services.size(),
            " services");

    for (Snapshot& snapshot : snapshots) {
        if (snapshot.saver != self) {
            continue;
        }
        const ais_status status = participants.save(snapshot.service, snapshot.bytes);
        if (status != AIS_OK) {
            fail(snapshot.service, "saving its state failed with status " + std::to_string(status));
            return;
        }
        if (snapshot.bytes.size() > snapshot_max) {
            fail(snapshot.service, "its state is larger than a snapshot may be");
            return;
        }
        snapshot.total = snapshot.bytes.size();
        snapshot.digest = digest_of(as_bytes(snapshot.bytes));
    }
    if (missing == 0) {
        merge_all();  // no service anywhere has state
        return;
    }
    pump();
}

void Barrier::pump() {
    impl_->pump();
}

void Barrier::Impl::pump() {
    if (phase == Phase::hellos && !is_hello_queued) {
        send_hello();
    }
    if (phase != Phase::snapshots) {
        return;
    }
    for (; outgoing < snapshots.size(); ++outgoing, outgoing_chunk = 0) {
        const Snapshot& snapshot = snapshots[outgoing];
        if (snapshot.saver != self) {
            continue;
        }
        const Bytes all = as_bytes(snapshot.bytes);
        std::size_t offset = std::size_t(outgoing_chunk) * chunk_data_max;
        do {
            const Bytes data = all.subspan(offset, std::min(chunk_data_max, all.size() - offset));
            const std::string header = encode_header(
                {ring, snapshot.service, outgoing_chunk, snapshot.total, snapshot.digest, {}});
            const ais_bytes parts[] = {to_abi(std::string_view(header)), to_abi(data)};
            if (groups.multicast(group::Lane::kernel,
                                 kernel_service,
                                 static_cast<std::uint16_t>(Kind::chunk),
                                 totem::Guarantee::agreed,
                                 parts) != AIS_OK) {
                AIS_MARK("sync.waits_for_lane");
                return;
            }
            stats.snapshot_bytes_sent += data.size();
            ++outgoing_chunk;
            offset += data.size();
        } while (offset < all.size());
    }
}

void Barrier::Impl::on_chunk(NodeId sender, Bytes body) {
    Chunk chunk;
    if (!decode(body, chunk)) {
        refuse(sender, "a chunk that does not decode");
        return;
    }
    if (chunk.ring != ring) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    }
    const auto found =
        std::find_if(snapshots.begin(), snapshots.end(), [&](const Snapshot& snapshot) {
            return snapshot.service == chunk.service && snapshot.saver == sender;
        });
    if (phase != Phase::snapshots || found == snapshots.end() || found->is_complete()) {
        refuse(sender, "a chunk that nobody waits for");
        return;
    }
    Snapshot& snapshot = *found;
    const bool is_ours = sender == self;
    if (snapshot.chunks == 0 && !is_ours) {
        snapshot.total = chunk.total;
        snapshot.digest = chunk.digest;
        if (snapshot.is_wanted) {
            snapshot.bytes.reserve(std::min(chunk.total, reserve_max));
        }
    }
    if (chunk.index != snapshot.chunks || chunk.total != snapshot.total ||
        chunk.digest != snapshot.digest) {
        refuse(sender, "a chunk that does not continue the one before");
        return;
    }
    if (snapshot.is_wanted && !is_ours) {
        snapshot.bytes.append(as_text(chunk.data));
    }
    ++snapshot.chunks;
    snapshot.received += chunk.data.size();
    if (!snapshot.is_complete()) {
        return;
    }
    if (snapshot.is_wanted && digest_of(as_bytes(snapshot.bytes)) != snapshot.digest) {
        fail(
            snapshot.service,
            "the snapshot of node " + std::to_string(sender.value()) + " does not have its digest");
        return;
    }
    if (--missing == 0) {
        merge_all();
    }
}

void Barrier::Impl::merge_all() {
    AIS_ASSERT(phase == Phase::snapshots && missing == 0);
    std::uint64_t bytes = 0;
    for (auto first = snapshots.begin(); first != snapshots.end();) {
        const auto last = std::find_if(first, snapshots.end(), [&](const Snapshot& other) {
            return other.service != first->service;
        });
        std::vector<ais_saved_state> states;
        for (auto snapshot = first; snapshot != last; ++snapshot) {
            const Component& component = components[snapshot->component];
            ais_saved_state state{};
            state.struct_size = sizeof state;
            const bool is_own = std::binary_search(
                component.members.begin(), component.members.end(), self.value());
            state.flags = is_own ? AIS_STATE_OWN : 0;
            state.saved_by = snapshot->saver.value();
            state.member_count = static_cast<std::uint32_t>(component.members.size());
            state.members = component.members.data();
            state.bytes = to_abi(std::string_view(snapshot->bytes));
            states.push_back(state);
        }
        if (first->is_wanted) {
            const ais_status status = participants.merge(first->service, states);
            if (status != AIS_OK) {
                fail(first->service,
                     "merging " + std::to_string(states.size()) + " states failed with status " +
                         std::to_string(status));
                return;
            }
            for (const ais_saved_state& state : states) {
                bytes += state.bytes.size;
            }
        }
        first = last;
    }
    stats.snapshot_bytes_merged += bytes;
    AIS_LOG(log,
            notice,
            "sync",
            "SYNC-002",
            "replicas are equal in ring ",
            ring,
            ": ",
            snapshots.size(),
            " snapshots, ",
            bytes,
            " bytes merged");
    open();
}

void Barrier::Impl::open() {
    lineage = lineage_of_synced(ring);
    phase = Phase::synced;
    forget();
    groups.set_gate(true);
}

void Barrier::Impl::fail(std::uint16_t service, const std::string& why) {
    phase = Phase::failed;
    participants.diverged(service, why);
}

void Barrier::Impl::refuse(NodeId sender, std::string_view what) {
    ++malformed;
    if (std::has_single_bit(
            malformed)) {  // Why: 1, 2, 4, …: a flood of them must not be a flood of lines
        AIS_LOG(log,
                warning,
                "sync",
                "SYNC-003",
                "node ",
                sender.value(),
                " sent ",
                what,
                "; ignored (",
                malformed,
                " such so far)");
    }
}

std::vector<NodeId> Barrier::Impl::silent_members() const {
    std::vector<NodeId> silent;
    std::copy_if(members.begin(), members.end(), std::back_inserter(silent), [this](NodeId node) {
        return hellos.count(node) == 0;
    });
    return silent;
}

bool Barrier::is_synced() const {
    return impl_->phase == Phase::synced;
}

const SyncStats& Barrier::stats() const {
    return impl_->stats;
}

std::string Barrier::describe() const {
    const Impl& now = *impl_;
    std::ostringstream text;
    switch (now.phase) {
        case Phase::idle:
            return "no ring yet";
        case Phase::synced:
            text << "replicas are equal in ring " << now.ring;
            break;
        case Phase::failed:
            text << "this replica has diverged";
            break;
        case Phase::hellos:
            text << "ring " << now.ring << ": waiting for the hellos of";
            for (const NodeId node : now.silent_members()) {
                text << " " << node.value();
            }
            break;
        case Phase::snapshots:
            text << "ring " << now.ring << ": waiting for " << now.missing << " of "
                 << now.snapshots.size() << " snapshots";
            for (const Snapshot& snapshot : now.snapshots) {
                if (!snapshot.is_complete()) {
                    text << "; service " << snapshot.service << " from node "
                         << snapshot.saver.value() << ": " << snapshot.received << " of "
                         << snapshot.total << " bytes";
                }
            }
            break;
    }
    text << "; exchanges " << now.stats.exchanges << ", aborted " << now.stats.aborted
         << ", malformed " << now.malformed;
    return text.str();
}

}  // namespace ais::sync
