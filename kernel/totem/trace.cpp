// SPDX-License-Identifier: BSD-3-Clause

#include "totem/trace.hpp"

#include <charconv>

namespace ais::totem::trace {

namespace {

void put(std::string& to, std::uint64_t value, int base = 10) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, base);
    static_cast<void>(error);  // 20 digits are enough for 64 bits
    to.append(digits, end);
}

void put(std::string& to, const RingId& ring) {
    if (!ring.is_valid()) {
        to += '-';
        return;
    }
    put(to, ring.representative.value());
    to += '.';
    put(to, ring.seq);
    to += '.';
    put(to, ring.salt, 16);
}

void put(std::string& to, const Members& members) {
    const char* separator = "";
    for (const NodeId node : members) {
        to += separator;
        put(to, node.value());
        separator = ",";
    }
    to += members.empty() ? "-" : "";
}

void put(std::string& to, Who who) {
    put(to, who.node.value());
    to += '/';
    put(to, who.incarnation, 16);
}

void begin(std::string& to, Instant at, Who who, std::string_view kind) {
    put(to, static_cast<std::uint64_t>(at.time_since_epoch().count()));
    to += ' ';
    put(to, who);
    to += ' ';
    to += kind;
}

std::string_view name_of(Guarantee guarantee) {
    return guarantee == Guarantee::safe ? " safe " : " agreed ";
}

void begin_deliver(
    std::string& to, Instant at, Who who, Guarantee guarantee, const RingId& ring, Seq seq) {
    begin(to, at, who, "deliver");
    to += name_of(guarantee);
    put(to, ring);
    to += ' ';
    put(to, seq);
    to += ' ';
}

}  // namespace

void start(std::string& to, Instant at, Who who) {
    begin(to, at, who, "start\n");
}

void configure(std::string& to, Instant at, Who who, const Configuration& now) {
    const bool is_regular = now.kind == Configuration::Kind::regular;
    begin(to, at, who, is_regular ? "regular " : "transitional ");
    put(to, now.ring);
    to += ' ';
    if (!is_regular) {
        put(to, now.members);
        to += " left ";
        put(to, now.left);
        to += '\n';
        return;
    }
    for (std::size_t i = 0; i < now.members.size(); ++i) {
        to += i == 0 ? "" : ",";
        put(to, now.members[i].value());
        to += '=';
        put(to, now.previous[i]);
    }
    to += " joined ";
    put(to, now.joined);
    to += '\n';
}

void send(std::string& to,
          Instant at,
          Who who,
          Guarantee guarantee,
          std::uint64_t number,
          std::uint64_t hash) {
    begin(to, at, who, "send");
    to += name_of(guarantee);
    put(to, number);
    to += ' ';
    put(to, hash, 16);
    to += '\n';
}

void deliver(std::string& to,
             Instant at,
             Who who,
             Guarantee guarantee,
             const RingId& ring,
             Seq seq,
             NodeId sender,
             std::uint64_t hash) {
    begin_deliver(to, at, who, guarantee, ring, seq);
    put(to, sender.value());
    to += ':';
    put(to, hash, 16);
    to += '\n';
}

void deliver(std::string& to,
             Instant at,
             Who who,
             Guarantee guarantee,
             const RingId& ring,
             Seq seq,
             Who origin,
             std::uint64_t number) {
    begin_deliver(to, at, who, guarantee, ring, seq);
    put(to, origin);
    to += '#';
    put(to, number);
    to += '\n';
}

void quorum(std::string& to, Instant at, Who who, bool primary) {
    begin(to, at, who, primary ? "quorum yes\n" : "quorum no\n");
}

void state(std::string& to,
           Instant at,
           Who who,
           std::string_view service,
           std::uint64_t place,
           std::uint64_t digest) {
    begin(to, at, who, "state ");
    to += service;
    to += ' ';
    put(to, place);
    to += ' ';
    put(to, digest, 16);
    to += '\n';
}

void end(std::string& to, Instant at, Who who) {
    begin(to, at, who, "end\n");
}

std::uint64_t hash_of(Bytes payload) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::uint8_t byte : payload) {
        hash = (hash ^ byte) * 0x100000001b3;
    }
    return hash;
}

}  // namespace ais::totem::trace
