// SPDX-License-Identifier: BSD-3-Clause
//
// Wiring, and the order of things inside one turn; see node.hpp.

#include "service/node.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace ais::service {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

Node::Node(const NodeOptions& options, Wire& wire, RingStore& store, Observer& observer, Log& log)
    : self_(options.identity.self),
      request_budget_(options.request_budget),
      request_wait_(options.request_wait),
      wire_(wire),
      store_(store),
      observer_(observer),
      router_(table_, log, [this](std::string_view why) { stop(why); }),
      groups_(options.group, router_, log),
      barrier_(options.identity.self, groups_, router_, log, options.compare),
      sessions_(router_, log),
      source_(
          groups_, options.tap, options.tap != nullptr && options.tap_stamps ? Tap::stamp_size : 0),
      engine_(options.totem, options.identity, source_, log) {
    router_.connect(groups_, barrier_);
    groups_.set_payload_max(engine_.payload_max() - (options.tap != nullptr ? Tap::stamp_size : 0));
}

Node::~Node() = default;

void Node::start(Instant now) {
    engine_.start(now, *this);
    wire_.flush();
}

void Node::on_datagram(Instant now, totem::LinkId link, NodeId sender, Bytes datagram) {
    if (!stopped_) {
        engine_.receive(now, link, sender, datagram, *this);
    }
}

// Limit: requests that are taken while the token waits.  As many small ones as fill a few
// datagrams.
constexpr std::size_t last_moment_budget = 64;

void Node::before_control(Instant now) {
    // Why only then: who has a queue fills this visit anyway, and more would hold up the token.
    if (!stopped_ && groups_.backlog() == 0) {
        sessions_.look();
        sessions_.run(now, last_moment_budget);
    }
}

void Node::on_hint(Instant now, NodeId peer, totem::LinkId link, totem::Hint what) {
    if (!stopped_) {
        engine_.hint(now, peer, link, what, *this);
    }
}

bool Node::turn(Instant now) {
    if (stopped_) {
        return false;
    }
    engine_.expire(now, *this);
    if (std::exchange(was_operational_, engine_.is_operational()) && !was_operational_) {
        observer_.on_gathering();
    }
    const bool has_digests_to_take = barrier_.pump(now);
    sessions_.run(now, request_budget_);
    refuse_what_waited_too_long(now);
    if (groups_.backlog() > 0) {
        engine_.wake(now, *this);
    }
    // Before clients are told of anything: a process that hears of its message and then kills this
    // node must not find that nobody else has it.
    wire_.flush();
    sessions_.flush(now);
    engine_.set_congested(sessions_.congested(now));
    wire_.flush();
    // Why asked again: wake() may have emptied the queue or opened the gate.
    return !stopped_ && (sessions_.run(now, 0) || has_digests_to_take);
}

// Limit: a client that waits is answered "try again" request_wait after replicas have ceased to be
// equal, or within this time after it asked, whichever is later.
constexpr Duration refuse_interval = std::chrono::milliseconds(20);

void Node::refuse_what_waited_too_long(Instant now) {
    if (barrier_.is_synced()) {
        unequal_since_.reset();
        refuse_at_.reset();
        return;
    }
    if (!unequal_since_) {
        unequal_since_ = now;
        refuse_at_ = now + request_wait_;
    }
    if (now - *unequal_since_ >= request_wait_) {
        sessions_.refuse(request_budget_);
        refuse_at_ = now + refuse_interval;
    }
}

std::optional<Instant> Node::deadline() const {
    if (stopped_) {
        return std::nullopt;
    }
    std::optional<Instant> first;
    for (const auto& at :
         {engine_.deadline(), sessions_.deadline(), barrier_.deadline(), refuse_at_}) {
        if (at && (!first || *at < *first)) {
            first = at;
        }
    }
    return first;
}

void Node::leave(Instant now) {
    if (left_) {
        return;
    }
    left_ = stopped_ = true;
    barrier_.stop();
    engine_.leave(now, *this);
    wire_.flush();
}

void Node::stop(std::string_view why) {
    if (!stopped_) {
        stopped_ = true;
        observer_.on_stop(why);
    }
}

// A stopped node passes the token on to the end of the call and says goodbye,
// but nothing reaches its services.
void Node::emit(const totem::Effect& effect) {
    std::visit(Overloaded{
                   [this](const totem::Persist& persist) { store_.store(persist.ring_seq); },
                   [this](const totem::Transmit& transmit) { wire_.transmit(transmit); },
                   [this](const totem::Deliver& deliver) {
                       if (!stopped_) {
                           this->deliver(deliver);
                       }
                   },
                   [this](const totem::Configure& change) {
                       if (!stopped_) {
                           configure(*change.now);
                       }
                   },
               },
               effect);
}

void Node::deliver(const totem::Deliver& message) {
    if (source_.tap == nullptr) {
        groups_.on_deliver(message);
        return;
    }
    source_.tap->on_deliver(message);
    totem::Deliver bare = message;
    bare.payload = message.payload.subspan(std::min(source_.stamp, message.payload.size()));
    groups_.on_deliver(bare);
}

std::size_t Node::TappedSource::take(MutableBytes room, totem::Guarantee& guarantee) {
    if (tap == nullptr) {
        return groups.take(room, guarantee);
    }
    const std::size_t size = groups.take(room.subspan(stamp), guarantee);
    if (size == 0) {
        return 0;
    }
    tap->on_take(room.first(stamp != 0 ? stamp : size), guarantee);
    return stamp + size;
}

void Node::configure(const totem::Configuration& now) {
    if (source_.tap != nullptr) {
        source_.tap->on_configure(now);
    }
    groups_.on_configure(now);
    router_.on_configure(now);
    observer_.on_configuration(now);
    if (now.kind == totem::Configuration::Kind::regular) {
        barrier_.on_configure(now);
    }
}

std::string Node::describe() const {
    std::ostringstream text;
    const auto& group = groups_.stats();
    text << "node " << self_.value() << "\n"
         << engine_.describe() << "\nsync: " << barrier_.describe() << "\ngroup: sent "
         << group.sent_messages << " messages, delivered " << group.delivered_messages << " ("
         << group.delivered_bytes << " bytes), partial dropped " << group.dropped_partial
         << ", malformed " << group.malformed << ", backlog " << groups_.backlog()
         << " datagrams, gate " << (groups_.gate_is_open() ? "open" : "closed")
         << "\nmessages of services not loaded here: " << router_.unknown_service_messages()
         << ", untimely: " << router_.untimely_messages() << "\nclients: " << sessions_.count()
         << "\n";
    for (Service* service : table_.all()) {
        std::string lines;
        service->dump(lines);
        text << "service " << service->id() << " " << service->name() << "\n" << lines;
        if (!lines.empty() && lines.back() != '\n') {
            text << "\n";
        }
    }
    return text.str();
}

}  // namespace ais::service
