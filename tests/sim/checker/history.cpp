// SPDX-License-Identifier: BSD-3-Clause

#include "sim/checker/history.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace ais::sim {

namespace {

std::size_t mix(std::uint64_t a, std::uint64_t b) {
    a = (a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccd;
    return a ^ (a >> 32);
}

}  // namespace

std::size_t History::IdHash::operator()(const LifeId& id) const {
    return mix(id.incarnation, id.node.value());
}
std::size_t History::IdHash::operator()(const MessageId& id) const {
    return mix((*this)(id.origin), id.number);
}
std::size_t History::IdHash::operator()(const RingId& id) const {
    return mix(mix(id.seq, id.representative.value()), id.salt);
}

void History::start(LifeId id) {
    AIS_ASSERT(!index_.contains(id));
    index_[id] = lives_.size();
    lives_.push_back(Life{id, {}, false, 0});
    computed_.reset();
}

std::size_t History::life(LifeId id) const {
    const auto at = index_.find(id);
    AIS_ASSERT(at != index_.end());
    return at->second;
}

void History::add(LifeId id, Event event) {
    Life& to = lives_[life(id)];
    if (event.kind != Event::Kind::configure) {
        AIS_ASSERT(!to.events.empty());  // configured before anything else
        event.configuration = to.events.back().configuration;
    }
    to.events.push_back(event);
    computed_.reset();
}

std::uint32_t History::index_of(const RingId& ring) {
    const auto [at, is_new] = ring_index_.emplace(ring, static_cast<std::uint32_t>(rings_.size()));
    if (is_new) {
        rings_.push_back(ring);
    }
    return at->second;
}

std::uint32_t History::index_of(const MessageId& message) {
    const auto [at, is_new] =
        message_index_.emplace(message, static_cast<std::uint32_t>(messages_.size()));
    if (is_new) {
        messages_.push_back(message);
    }
    return at->second;
}

void History::configure(LifeId id, Instant at, const Configuration& now) {
    Event event;
    event.kind = Event::Kind::configure;
    event.at = at;
    event.configuration = static_cast<std::uint32_t>(configurations_.size());
    event.ring = index_of(now.ring);
    configurations_.push_back(now);
    add(id, event);
}

void History::send(LifeId id, Instant at, const MessageId& message, Guarantee guarantee) {
    Event event;
    event.kind = Event::Kind::send;
    event.at = at;
    event.message = index_of(message);
    event.guarantee = guarantee;
    add(id, event);
}

void History::deliver(LifeId id,
                      Instant at,
                      const MessageId& message,
                      Guarantee guarantee,
                      const RingId& ring,
                      Seq seq) {
    ++deliveries_;
    Event event;
    event.kind = Event::Kind::deliver;
    event.at = at;
    event.message = index_of(message);
    event.guarantee = guarantee;
    event.ring = index_of(ring);
    event.seq = seq;
    add(id, event);
}

void History::end(LifeId id) {
    lives_[life(id)].crashed = true;
}

void History::unsent(LifeId id, std::size_t count) {
    lives_[life(id)].unsent = count;
}

void History::quorum(LifeId id, bool primary) {
    const std::size_t at = life(id);
    AIS_ASSERT(!lives_[at].events.empty());
    opinions_.push_back({at, lives_[at].events.back().configuration, primary});
}

void History::state(LifeId id,
                    std::string_view service,
                    std::uint64_t place,
                    std::uint64_t digest) {
    const std::size_t at = life(id);
    AIS_ASSERT(!lives_[at].events.empty());
    const RingId& ring = configurations_[lives_[at].events.back().configuration].ring;
    states_.push_back({at, index_of(ring), place, digest, std::string(service)});
}

std::uint64_t History::digest() const {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a over words
    const auto add_word = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3; };
    for (const Life& life : lives_) {
        add_word(life.id.node.value());
        add_word(life.id.incarnation);
        for (const Event& event : life.events) {
            add_word(static_cast<std::uint64_t>(event.kind));
            add_word(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
            if (event.kind != Event::Kind::configure) {
                add_word(messages_[event.message].origin.incarnation);
                add_word(messages_[event.message].number);
            }
            add_word(event.seq);
            add_word(configurations_[event.configuration].ring.seq);
        }
    }
    for (const StateDigest& state : states_) {
        add_word(state.digest);
    }
    return hash;
}

const History::Index& History::index() const {
    if (computed_) {
        return *computed_;
    }
    auto made = std::make_unique<Index>();
    made->order.resize(rings_.size());
    for (std::size_t at = 0; at < lives_.size(); ++at) {
        const std::vector<Event>& events = lives_[at].events;
        std::size_t place = 0;
        std::size_t begin = 0;  // of the part that we are in
        Span* span = nullptr;
        const auto close = [&](std::size_t end) {
            if (span != nullptr) {
                (span->has_transitional ? span->in_transitional : span->in_regular) =
                    std::span(events).subspan(begin, end - begin);
            }
        };
        for (std::size_t i = 0; i < events.size(); ++i) {
            const Event& event = events[i];
            if (event.kind == Event::Kind::deliver) {
                made->order[event.ring].push_back({event.seq, event.message});
            }
            if (event.kind != Event::Kind::configure) {
                continue;
            }
            if (configurations_[event.configuration].kind == Configuration::Kind::regular) {
                close(i);
                if (span != nullptr) {
                    span->has_next = true;
                    span->next = event.ring;
                    span->next_configuration = event.configuration;
                }
                Span next;
                next.life = at;
                next.place = place++;
                next.ring = event.ring;
                next.regular = event.configuration;
                span = &made->spans.emplace_back(next);
                begin = i + 1;
            } else if (span != nullptr && !span->has_transitional) {
                close(i);
                span->has_transitional = true;
                span->transitional = event.configuration;
                begin = i + 1;
            }
        }
        close(events.size());
    }
    for (auto& order : made->order) {
        std::sort(order.begin(), order.end());
        order.erase(std::unique(order.begin(), order.end()), order.end());
    }
    computed_ = std::move(made);
    return *computed_;
}

const std::vector<Span>& History::spans() const {
    return index().spans;
}

const std::vector<Place>& History::order(std::size_t ring) const {
    return index().order[ring];
}

std::string name_of(const LifeId& life) {
    std::ostringstream to;
    to << "node " << life.node.value() << '/' << std::hex << (life.incarnation & 0xffff);
    return to.str();
}

std::string name_of(const MessageId& message) {
    std::ostringstream to;
    to << 'm' << message.origin.node.value() << '/' << std::hex
       << (message.origin.incarnation & 0xffff) << std::dec << '#' << message.number;
    return to.str();
}

std::string name_of(const RingId& ring) {
    std::ostringstream to;
    to << ring;
    return to.str();
}

Violations check_all(const History& history) {
    struct Property {
        const char* name;
        void (*check)(const History&, Violations&);
    };
    static constexpr Property properties[] = {
        {"basic delivery", check_basic_delivery},
        {"configuration order", check_configuration_order},
        {"agreed order", check_agreed_order},
        {"self delivery", check_self_delivery},
        {"failure atomicity", check_failure_atomicity},
        {"safe delivery", check_safe_delivery},
        {"causality", check_causality},
        {"no holes", check_no_holes},
        {"primary history", check_primary_history},
        {"liveness", check_liveness},
        {"no change without cause", check_no_change_without_cause},
        {"same state", check_same_state},
    };
    Violations all;
    for (const Property& property : properties) {
        Violations found;
        property.check(history, found);
        for (const std::string& text : found.texts) {
            all.add(property.name, ": ", text);
        }
    }
    return all;
}

}  // namespace ais::sim
