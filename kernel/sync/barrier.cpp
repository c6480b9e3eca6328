// SPDX-License-Identifier: BSD-3-Clause
//
// The exchange of docs/protocol/sync.md, but for its streams (exchange.cpp).
//
// Invariants:
//   1. Everything that decides (hellos, exchange, done) comes from the
//      configuration and from delivered messages, so it is the same on all
//      members at the same place of the total order.
//   2. No service changes before the last Done is delivered.

#include "sync/barrier.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "base/mutation.hpp"
#include "sync/comparison.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace ais::sync {
namespace {

enum class Phase : std::uint8_t {
    idle,     // before the first configuration
    hellos,   // waiting for hellos
    streams,  // waiting for streams, then for everybody's done
    synced,
    failed,  // diverged: the node is being stopped
};

}  // namespace

struct Barrier::Impl {
    Impl(NodeId node, group::Groups& to, Participants& services, Log& lines, Duration compare)
        : self(node),
          groups(to),
          participants(services),
          log(lines),
          lineage(lineage_of_fresh(node)),
          comparison(compare) {}

    void on_configure(const totem::Configuration& now);
    void on_hello(NodeId sender, Bytes body);
    void on_chunk(NodeId sender, Bytes body);
    void on_done(NodeId sender, Bytes body);
    void on_compare(NodeId sender, Bytes body);
    void on_compared(NodeId sender, Bytes body);
    bool pump(Instant now);
    bool take_digests();
    bool take_digest(std::uint16_t service, std::vector<Offer>& offers);
    bool queue(Kind kind, const std::string& message);
    void add_hello(NodeId sender, Hello hello);
    void on_all_hellos();
    [[nodiscard]] bool report_divergence(const std::vector<Divergence>& diverged);
    void after_stream();
    void open();
    void fail(std::uint16_t service, const std::string& why);
    void refuse(NodeId sender, std::string_view what);
    void forget();
    [[nodiscard]] std::vector<NodeId> missing_of(const std::set<NodeId>& heard) const;

    NodeId self;
    group::Groups& groups;
    Participants& participants;
    Log& log;

    Phase phase = Phase::idle;
    Lineage lineage;
    totem::RingId ring;
    totem::Members members;

    Hello own;                              // grows while digests are taken
    std::vector<std::uint16_t> undigested;  // services, descending
    bool is_hello_queued = false;
    std::map<NodeId, Hello> hellos;
    std::optional<Exchange> exchange;
    bool is_done_queued = false;
    std::set<NodeId> done;
    Comparison comparison;
    std::uint64_t malformed = 0;
    Instant last_pump{};
    SyncStats stats;
};

Barrier::Barrier(
    NodeId self, group::Groups& groups, Participants& participants, Log& log, Duration compare)
    : impl_(std::make_unique<Impl>(self, groups, participants, log, compare)) {}

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
    const auto own_index = now.members.index_of(self);
    AIS_ASSERT(own_index.has_value());
    groups.set_gate(AIS_MUTATION(gate_open));
    if (phase == Phase::hellos || phase == Phase::streams) {
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
    const totem::RingId& previous = now.previous[*own_index];
    const auto together = static_cast<std::size_t>(
        std::count(now.previous.begin(), now.previous.begin() + members.size(), previous));
    if (was_synced && together == members.size()) {
        AIS_MARK("sync.opens_at_once");
        open();
        return;
    }
    lineage = lineage_of_unsynced(lineage, ring);
    phase = Phase::hellos;
    own.ring = ring;
    own.lineage = lineage;
    undigested = participants.synchronised_services();
    std::reverse(undigested.begin(), undigested.end());
    take_digests();
}

void Barrier::Impl::forget() {
    own = {};
    undigested.clear();
    is_hello_queued = false;
    hellos.clear();
    exchange.reset();
    is_done_queued = false;
    done.clear();
    comparison.end();
}

// Some of it, and the hello after the last; true: there is more.  The state of
// services stands still meanwhile, so it does not matter when.
bool Barrier::Impl::take_digests() {
    std::uint64_t digested = 0;
    while (!undigested.empty() && digested < digest_max) {
        if (!take_digest(undigested.back(), own.offers)) {
            return false;
        }
        undigested.pop_back();
        const Offer& offer = own.offers.back();
        digested += offer.in_parts ? 0 : offer.size;
    }
    if (!undigested.empty()) {
        AIS_MARK("sync.takes_digests_in_several_turns");
        return true;
    }
    is_hello_queued = queue(Kind::hello, encode(own));
    return false;
}

bool Barrier::Impl::take_digest(std::uint16_t service, std::vector<Offer>& offers) {
    Offer offer;
    offer.service = service;
    offer.in_parts = participants.in_parts(service);
    ais_status status = AIS_OK;
    if (offer.in_parts) {
        std::vector<Part> parts;
        status = participants.list(service, parts);
        offer.digest = digest_of(as_bytes(encode_list(parts)));
        offer.size = size_of(parts);
    } else {
        std::string bytes;
        status = participants.save(service, bytes);
        offer.digest = digest_of(as_bytes(bytes));
        offer.size = bytes.size();
    }
    if (status == AIS_OK && !offer.in_parts && offer.size > snapshot_max) {
        fail(service, "its state is larger than a snapshot may be");
        return false;
    }
    if (status != AIS_OK) {
        fail(service, "saving its state failed with status " + std::to_string(status));
        return false;
    }
    comparison.note_size(service, offer.size);
    offers.push_back(offer);
    return true;
}

bool Barrier::Impl::queue(Kind kind, const std::string& message) {
    const ais_bytes parts[] = {to_abi(std::string_view(message))};
    return groups.multicast(group::Lane::kernel,
                            kernel_service,
                            static_cast<std::uint16_t>(kind),
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
        case Kind::done:
            impl_->on_done(sender, body);
            return;
        case Kind::compare:
            impl_->on_compare(sender, body);
            return;
        case Kind::compared:
            impl_->on_compared(sender, body);
            return;
    }
    impl_->refuse(sender, "a message of unknown kind");
}

void Barrier::Impl::on_hello(NodeId sender, Bytes body) {
    Hello hello;
    const bool is_good = decode(body, hello);
    if (is_good && hello.ring != ring) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    }
    if (!is_good) {
        refuse(sender, "a hello that does not decode");
        // Why taken all the same: everybody would wait for another one for ever.
        hello = Hello{ring, lineage_of_fresh(sender), {}};
    }
    if (phase != Phase::hellos || !members.contains(sender) || hellos.count(sender) != 0) {
        if (is_good) {
            refuse(sender, "a hello that nobody waits for");
        }
        return;
    }
    if (!is_good && sender == self) {
        fail(0, "what this node said of its state was refused by all members");
        return;
    }
    add_hello(sender, std::move(hello));
}

void Barrier::Impl::add_hello(NodeId sender, Hello hello) {
    hellos.emplace(sender, std::move(hello));
    if (hellos.size() == members.size()) {
        on_all_hellos();
    }
}

// Who has what, and who is not what the others are.
void Barrier::Impl::on_all_hellos() {
    Plan plan = make_plan(hellos);
    if (!report_divergence(plan.diverged)) {
        return;
    }
    if (plan.components.size() == 1) {
        AIS_MARK("sync.one_component");
        open();
        return;
    }
    ++stats.exchanges;
    phase = Phase::streams;
    const std::size_t components = plan.components.size();
    const std::size_t services = plan.services.size();
    const auto equal = static_cast<std::size_t>(
        std::count_if(plan.services.begin(), plan.services.end(), [](const ServicePlan& service) {
            return service.is_equal();
        }));
    AIS_LOG(log,
            notice,
            "sync",
            "SYNC-001",
            components,
            " components come together in ring ",
            ring,
            ": of ",
            services,
            " services ",
            services - equal,
            " differ and are exchanged");
    exchange.emplace(self, ring, std::move(plan), groups, participants, stats, log);
    exchange->pump(last_pump);
    after_stream();
}

// False: we are among them.
bool Barrier::Impl::report_divergence(const std::vector<Divergence>& diverged) {
    for (const Divergence& one : diverged) {
        if (one.node == self) {
            AIS_MARK("sync.diverged_replica_stops");
            std::ostringstream why;
            why << "its state is not what the other members of its component have (digest "
                << std::hex << one.digest << ", theirs " << one.right << ")";
            fail(one.service, why.str());
            return false;
        }
    }
    for (const Divergence& one : diverged) {
        AIS_LOG(log,
                warning,
                "sync",
                "SYNC-006",
                "the replica of service ",
                participants.name_of(one.service),
                " on node ",
                one.node.value(),
                " has diverged from the others: that node stops");
    }
    return true;
}

bool Barrier::pump(Instant now) {
    return impl_->pump(now);
}

bool Barrier::Impl::pump(Instant now) {
    if (phase == Phase::hellos && !is_hello_queued) {
        return take_digests();
    }
    last_pump = now;
    if (phase == Phase::streams) {
        exchange->pump(now);
        after_stream();
    } else if (phase == Phase::synced) {
        if (const auto compare = comparison.ask(now, self, participants.synchronised_services())) {
            queue(Kind::compare, encode(*compare));
        }
    }
    return false;
}

// At this place of the order, on every member.
void Barrier::Impl::on_compare(NodeId sender, Bytes body) {
    Compare compare;
    if (!decode(body, compare)) {
        return refuse(sender, "a compare that does not decode");
    }
    if (compare.ring != ring || phase != Phase::synced) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    }
    if (!comparison.on_compare(sender, compare)) {
        return refuse(sender, "a compare that it may not say");
    }
    Compared mine{ring, compare.number, {}};
    const std::vector<std::uint16_t> here = participants.synchronised_services();
    for (const std::uint16_t service : compare.services) {
        if (!std::binary_search(here.begin(), here.end(), service)) {
            continue;
        }
        if (!take_digest(service, mine.offers)) {
            return;
        }
        // Why: what list has prepared for an exchange is not needed.
        if (mine.offers.back().in_parts && participants.merge_end(service, false) != AIS_OK) {
            return fail(service, "it could not put its list of parts away");
        }
    }
    ++stats.comparisons;
    queue(Kind::compared, encode(mine));
}

void Barrier::Impl::on_compared(NodeId sender, Bytes body) {
    Compared compared;
    if (!decode(body, compared)) {
        refuse(sender, "a compared that does not decode");
        comparison.on_no_answer(sender);  // as with hellos
    } else if (compared.ring != ring || phase != Phase::synced) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    } else if (!comparison.on_compared(sender, compared)) {
        return refuse(sender, "a compared that nobody waits for");
    }
    if (comparison.is_over()) {
        static_cast<void>(report_divergence(comparison.judge()));
    }
}

void Barrier::Impl::on_chunk(NodeId sender, Bytes body) {
    if (phase != Phase::streams) {
        refuse(sender, "a chunk that nobody waits for");
        return;
    }
    if (const char* why = exchange->on_chunk(sender, body)) {
        refuse(sender, why);
    }
    after_stream();
}

// Failed, complete, or neither.
void Barrier::Impl::after_stream() {
    if (exchange->failure()) {
        const Exchange::Failure failure = *exchange->failure();
        fail(failure.service, failure.why);
    } else if (exchange->is_complete() && !is_done_queued) {
        is_done_queued = queue(Kind::done, encode(Done{ring}));
    }
}

void Barrier::Impl::on_done(NodeId sender, Bytes body) {
    Done message;
    if (!decode(body, message)) {
        refuse(sender, "a done that does not decode");
        message.ring = ring;  // as with hellos
    }
    if (message.ring != ring) {
        AIS_MARK("sync.ignores_other_ring");
        return;
    }
    if (phase != Phase::streams || !members.contains(sender) || !done.insert(sender).second) {
        refuse(sender, "a done that nobody waits for");
        return;
    }
    if (done.size() < members.size()) {
        return;
    }
    AIS_ASSERT(exchange->is_complete());  // or ours would not be among them
    exchange->commit();
    if (exchange->failure()) {
        const Exchange::Failure failure = *exchange->failure();
        fail(failure.service, failure.why);
        return;
    }
    AIS_LOG(log,
            notice,
            "sync",
            "SYNC-002",
            "replicas are equal in ring ",
            ring,
            ": ",
            exchange->stream_count(),
            " streams, ",
            exchange->bytes_received(),
            " bytes");
    open();
}

void Barrier::Impl::open() {
    lineage = lineage_of_synced(ring);
    phase = Phase::synced;
    forget();
    comparison.begin(ring, members);
    groups.set_gate(true);
}

void Barrier::Impl::fail(std::uint16_t service, const std::string& why) {
    phase = Phase::failed;
    const std::string reason = why;  // it may be the exchange's
    exchange.reset();
    comparison.end();
    participants.diverged(service, reason);
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
                " (",
                malformed,
                " such so far)");
    }
}

std::vector<NodeId> Barrier::Impl::missing_of(const std::set<NodeId>& heard) const {
    std::vector<NodeId> silent;
    std::copy_if(members.begin(), members.end(), std::back_inserter(silent), [&](NodeId node) {
        return heard.count(node) == 0;
    });
    return silent;
}

void Barrier::stop() {
    impl_->phase = Phase::failed;
    impl_->forget();
}

bool Barrier::is_synced() const {
    return impl_->phase == Phase::synced;
}

std::optional<Instant> Barrier::deadline() const {
    return impl_->comparison.deadline();
}

NodeId Barrier::self() const {
    return impl_->self;
}

const SyncStats& Barrier::stats() const {
    return impl_->stats;
}

std::string Barrier::describe() const {
    const Impl& now = *impl_;
    std::ostringstream text;
    const auto list = [&](const std::set<NodeId>& heard) {
        for (const NodeId node : now.missing_of(heard)) {
            text << " " << node.value();
        }
    };
    switch (now.phase) {
        case Phase::idle:
            return "no ring yet";
        case Phase::synced:
            text << "replicas are equal in ring " << now.ring;
            break;
        case Phase::failed:
            text << "this replica has diverged";
            break;
        case Phase::hellos: {
            std::set<NodeId> heard;
            for (const auto& [node, hello] : now.hellos) {
                heard.insert(node);
            }
            text << "ring " << now.ring << ": waiting for the hellos of";
            list(heard);
            break;
        }
        case Phase::streams:
            text << "ring " << now.ring << ": ";
            if (now.exchange->is_complete()) {
                text << "all streams are here, waiting for the done of";
                list(now.done);
            } else {
                text << now.exchange->describe();
            }
            break;
    }
    text << "; exchanges " << now.stats.exchanges << ", aborted " << now.stats.aborted
         << ", comparisons " << now.stats.comparisons << ", malformed " << now.malformed;
    return text.str();
}

}  // namespace ais::sync
