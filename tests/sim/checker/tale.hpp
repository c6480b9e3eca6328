// SPDX-License-Identifier: BSD-3-Clause
//
// Short histories for tests of the checkers: two nodes, two rings.

#pragma once

#include "sim/checker/history.hpp"

namespace ais::sim {

using totem::Members;

inline const LifeId a{NodeId(1), 11};
inline const LifeId b{NodeId(2), 22};
inline const RingId first{4, NodeId(1), 1};
inline const RingId second{8, NodeId(1), 1};

class Tale {
  public:
    Tale() {
        history.start(a);
        history.start(b);
    }

    Tale& regular(LifeId life, const RingId& ring, const Members& members, const Members& joined) {
        Configuration now;
        now.kind = Configuration::Kind::regular;
        now.ring = ring;
        now.members = members;
        now.joined = joined;
        for (std::size_t i = 0; i < members.size(); ++i) {
            now.previous[i] = ring == first ? RingId{} : first;
        }
        history.configure(life, next(), now);
        return *this;
    }
    Tale& transitional(LifeId life, const Members& members, const Members& left) {
        Configuration now;
        now.kind = Configuration::Kind::transitional;
        now.ring = first;
        now.members = members;
        now.left = left;
        history.configure(life, next(), now);
        return *this;
    }
    Tale& send(LifeId life, std::uint64_t number, Guarantee guarantee = Guarantee::agreed) {
        history.send(life, next(), {life, number}, guarantee);
        return *this;
    }
    Tale& deliver(LifeId life,
                  LifeId from,
                  std::uint64_t number,
                  Seq seq,
                  Guarantee guarantee = Guarantee::agreed) {
        history.deliver(life, next(), {from, number}, guarantee, first, seq);
        return *this;
    }
    // Both in the first ring.
    Tale& together() { return regular(a, first, both, both).regular(b, first, both, both); }
    // Both go on to the second ring.
    Tale& move(LifeId life) { return transitional(life, both, {}).regular(life, second, both, {}); }

    // The properties that this history breaks.
    std::string broken() {
        std::string names;
        std::string last;
        for (const std::string& text : check_all(history).texts) {
            const std::string name = text.substr(0, text.find(':'));
            if (name != last) {
                names += (names.empty() ? "" : ", ") + name;
                last = name;
            }
        }
        return names;
    }

    Instant next() { return clock += std::chrono::milliseconds(1); }

    const Members both{NodeId(1), NodeId(2)};
    Instant clock{};
    History history;
};

}  // namespace ais::sim
