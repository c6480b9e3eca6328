// SPDX-License-Identifier: BSD-3-Clause

#include "sim/checker/history.hpp"

#include "base/assert.hpp"

namespace ais::sim {

void History::start(LifeId id) {
    AIS_ASSERT(!index_.contains(id));
    index_[id] = lives_.size();
    lives_.push_back(Life{id, {}, false, 0});
}

Life& History::life(LifeId id) {
    const auto at = index_.find(id);
    AIS_ASSERT(at != index_.end());
    return lives_[at->second];
}

void History::add(LifeId id, Event event) {
    Life& to = life(id);
    if (event.kind != Event::Kind::configure) {
        AIS_ASSERT(!to.events.empty());  // configured before anything else
        event.configuration = to.events.back().configuration;
    }
    to.events.push_back(event);
}

void History::configure(LifeId id, Instant at, const Configuration& now) {
    Event event{};
    event.kind = Event::Kind::configure;
    event.at = at;
    event.configuration = configurations_.size();
    configurations_.push_back(now);
    add(id, event);
}

void History::send(LifeId id, Instant at, const MessageId& message, Guarantee guarantee) {
    Event event{};
    event.kind = Event::Kind::send;
    event.at = at;
    event.message = message;
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
    Event event{};
    event.kind = Event::Kind::deliver;
    event.at = at;
    event.message = message;
    event.guarantee = guarantee;
    event.ring = ring;
    event.seq = seq;
    add(id, event);
}

void History::end(LifeId id) {
    life(id).crashed = true;
}
void History::unsent(LifeId id, std::size_t count) {
    life(id).unsent = count;
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
            add_word(event.message.origin.incarnation);
            add_word(event.message.number);
            add_word(event.seq);
            add_word(configurations_[event.configuration].ring.seq);
        }
    }
    return hash;
}

std::vector<const Event*> Span::deliveries() const {
    std::vector<const Event*> all = in_regular;
    all.insert(all.end(), in_transitional.begin(), in_transitional.end());
    return all;
}

std::vector<Span> spans_of(const Life& life, const History& history) {
    std::vector<Span> spans;
    for (const Event& event : life.events) {
        if (event.kind == Event::Kind::configure) {
            const Configuration& now = history.configuration(event.configuration);
            if (now.kind == Configuration::Kind::regular) {
                if (!spans.empty()) {
                    spans.back().has_next = true;
                    spans.back().next = now.ring;
                    spans.back().next_configuration = event.configuration;
                }
                Span span;
                span.life = &life;
                span.regular = event.configuration;
                span.ring = now.ring;
                spans.push_back(span);
            } else if (!spans.empty()) {
                spans.back().has_transitional = true;
                spans.back().transitional = event.configuration;
            }
            continue;
        }
        if (spans.empty()) {
            continue;
        }
        Span& span = spans.back();
        if (event.kind == Event::Kind::send) {
            span.sends.push_back(&event);
        } else {
            (span.has_transitional ? span.in_transitional : span.in_regular).push_back(&event);
        }
    }
    return spans;
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
        {"configuration changes", check_configuration_changes},
        {"agreed order", check_agreed_order},
        {"self delivery", check_self_delivery},
        {"failure atomicity", check_failure_atomicity},
        {"safe delivery", check_safe_delivery},
        {"causality", check_causality},
        {"no holes", check_no_holes},
        {"liveness", check_liveness},
        {"stability", check_stability},
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
