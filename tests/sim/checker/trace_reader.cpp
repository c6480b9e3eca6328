// SPDX-License-Identifier: BSD-3-Clause
//
// Two passes: lines are parsed and kept, since a message may be delivered in
// one file and sent in the next; take() knows all sends and names messages.

#include "sim/checker/trace.hpp"
#include "totem/trace.hpp"

#include <algorithm>
#include <charconv>
#include <istream>
#include <optional>
#include <string_view>
#include <tuple>

namespace ais::sim {

namespace {

// Words of one line, taken from the front.
class Words {
  public:
    explicit Words(std::string_view line) : rest_(line) {}

    std::string_view next() {
        const auto end = std::min(rest_.find(' '), rest_.size());
        const std::string_view word = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return word;
    }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<NodeId> node(std::string_view text) {
    const auto value = number<ais_node_id>(text);
    return value && *value != 0 ? std::optional(NodeId(*value)) : std::nullopt;
}

std::optional<LifeId> life(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto id = node(text.substr(0, slash));
    const auto incarnation = number<std::uint64_t>(text.substr(slash + 1), 16);
    return id && incarnation ? std::optional(LifeId{*id, *incarnation}) : std::nullopt;
}

std::optional<RingId> ring(std::string_view text) {
    if (text == "-") {
        return RingId{};
    }
    const auto dot = text.find('.');
    const auto second = dot == std::string_view::npos ? dot : text.find('.', dot + 1);
    if (second == std::string_view::npos) {
        return std::nullopt;
    }
    const auto representative = node(text.substr(0, dot));
    const auto seq = number<std::uint64_t>(text.substr(dot + 1, second - dot - 1));
    const auto salt = number<std::uint32_t>(text.substr(second + 1), 16);
    if (!representative || !seq || !salt) {
        return std::nullopt;
    }
    return RingId{*seq, *representative, *salt};
}

// Calls take(part) for each part between commas; false as soon as that is false.
template <typename Take>
bool for_each_part(std::string_view text, Take&& take) {
    if (text == "-") {
        return true;
    }
    for (;;) {
        const auto end = std::min(text.find(','), text.size());
        if (!take(text.substr(0, end))) {
            return false;
        }
        if (end == text.size()) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<totem::Members> members(std::string_view text) {
    totem::Members set;
    const bool ok = for_each_part(text, [&](std::string_view part) {
        const auto id = node(part);
        return id && !set.contains(*id) && set.insert(*id);
    });
    return ok ? std::optional(set) : std::nullopt;
}

std::optional<Guarantee> guarantee(std::string_view text) {
    if (text == "agreed") {
        return Guarantee::agreed;
    }
    return text == "safe" ? std::optional(Guarantee::safe) : std::nullopt;
}

}  // namespace

struct TraceReader::Impl {
    enum class Kind : std::uint8_t { configure, send, deliver, quorum, state };

    // What a line says, but for its life.
    struct Line {
        Kind kind = Kind::configure;
        Guarantee guarantee = Guarantee::agreed;
        bool by_hash = false;      // deliver
        bool yes = false;          // quorum
        std::uint32_t index = 0;   // configure, state: into the table
        std::uint64_t number = 0;  // send, deliver; state: place
        std::uint64_t hash = 0;    // send, deliver; state: digest
        Seq seq = 0;               // deliver
        RingId ring;               // deliver; send: the ring installed last
        LifeId origin;             // deliver
        Instant at{};
    };
    struct Told {
        LifeId id;
        Instant begin{};
        bool ended = false;
        RingId ring;  // installed last
        std::vector<Line> lines;
    };

    using Problem = std::optional<std::string>;  // nothing is wrong, or what was expected

    Problem parse(std::string_view text);
    Problem parse_configure(Told& told, Line& line, std::string_view kind, Words& words);
    Problem parse_deliver(Line& line, Words& words);

    TraceLimits limits;
    std::size_t events = 0;
    std::size_t torn = 0;
    std::vector<Told> lives;
    std::map<LifeId, std::size_t> index;
    std::vector<Configuration> configurations;
    std::vector<std::string> services;
};

TraceReader::TraceReader(const TraceLimits& limits) : impl_(std::make_unique<Impl>()) {
    impl_->limits = limits;
}
TraceReader::~TraceReader() = default;

std::size_t TraceReader::torn_lines() const {
    return impl_->torn;
}

TraceReader::Impl::Problem TraceReader::Impl::parse_configure(Told& told,
                                                              Line& line,
                                                              std::string_view kind,
                                                              Words& words) {
    Configuration now;
    const auto id = ring(words.next());
    if (!id || !id->is_valid()) {
        return "a ring, REPRESENTATIVE.SEQ.SALT";
    }
    now.ring = *id;
    const std::string_view who = words.next();
    const std::string_view word = words.next();
    const auto others = members(words.next());
    if (kind == "transitional") {
        const auto moving = members(who);
        if (!moving || moving->empty() || word != "left" || !others) {
            return "transitional RING SET left SET";
        }
        now.kind = Configuration::Kind::transitional;
        now.members = *moving;
        now.left = *others;
    } else {
        now.kind = Configuration::Kind::regular;
        std::map<NodeId, RingId> from;
        const bool ok = for_each_part(who, [&](std::string_view part) {
            const auto equals = std::min(part.find('='), part.size());
            const auto member = node(part.substr(0, equals));
            const auto old = ring(part.substr(std::min(equals + 1, part.size())));
            return member && old && from.emplace(*member, *old).second &&
                   now.members.insert(*member);
        });
        if (!ok || from.empty() || word != "joined" || !others) {
            return "regular RING NODE=RING,… joined SET, at most 128 members, each once";
        }
        now.joined = *others;
        for (std::size_t i = 0; i < now.members.size(); ++i) {
            now.previous[i] = from[now.members[i]];
        }
        told.ring = now.ring;
    }
    line.kind = Kind::configure;
    line.index = static_cast<std::uint32_t>(configurations.size());
    configurations.push_back(now);
    return std::nullopt;
}

TraceReader::Impl::Problem TraceReader::Impl::parse_deliver(Line& line, Words& words) {
    line.kind = Kind::deliver;
    const auto how = guarantee(words.next());
    const auto id = ring(words.next());
    const auto seq = number<Seq>(words.next());
    const std::string_view what = words.next();
    if (!how || !id || !id->is_valid() || !seq || *seq == 0) {
        return "deliver agreed|safe RING SEQ MESSAGE";
    }
    line.guarantee = *how;
    line.ring = *id;
    line.seq = *seq;
    const auto hash = what.find('#');
    const auto colon = what.find(':');
    if (hash != std::string_view::npos) {
        const auto origin = life(what.substr(0, hash));
        const auto count = number<std::uint64_t>(what.substr(hash + 1));
        if (!origin || !count) {
            return "a message, NODE/INCARNATION#NUMBER";
        }
        line.origin = *origin;
        line.number = *count;
        return std::nullopt;
    }
    const auto sender = node(what.substr(0, std::min(colon, what.size())));
    const auto bytes = colon == std::string_view::npos
                           ? std::nullopt
                           : number<std::uint64_t>(what.substr(colon + 1), 16);
    if (!sender || !bytes) {
        return "a message, NODE/INCARNATION#NUMBER or NODE:HASH";
    }
    line.by_hash = true;
    line.origin = LifeId{*sender, 0};
    line.hash = *bytes;
    return std::nullopt;
}

TraceReader::Impl::Problem TraceReader::Impl::parse(std::string_view text) {
    Words words(text);
    const auto at = number<std::uint64_t>(words.next());
    const auto who = life(words.next());
    const std::string_view kind = words.next();
    if (!at || *at > INT64_MAX || !who) {
        return "TIME NODE/INCARNATION KIND";
    }
    Line line;
    line.at = Instant(Duration(static_cast<std::int64_t>(*at)));
    const auto known = index.find(*who);
    if (kind == "start") {
        if (known != index.end()) {
            return "a life that has not started before";
        }
        index[*who] = lives.size();
        Told told;
        told.id = *who;
        told.begin = line.at;
        lives.push_back(std::move(told));
        return words.empty() ? Problem() : Problem("nothing behind start");
    }
    if (known == index.end()) {
        return "start first: this life is not known";
    }
    Told& told = lives[known->second];
    if (told.ended) {
        return "nothing more of this life: it has ended";
    }
    if (kind == "end") {
        told.ended = true;
        return words.empty() ? Problem() : Problem("nothing behind end");
    }
    if (kind == "regular" || kind == "transitional") {
        if (auto problem = parse_configure(told, line, kind, words)) {
            return problem;
        }
    } else if (told.lines.empty()) {
        return "a configuration before anything else";
    } else if (kind == "send") {
        line.kind = Kind::send;
        const auto how = guarantee(words.next());
        const auto count = number<std::uint64_t>(words.next());
        const std::string_view hash = words.next();
        const auto bytes =
            hash == "-" ? std::optional<std::uint64_t>(0) : number<std::uint64_t>(hash, 16);
        if (!how || !count || !bytes) {
            return "send agreed|safe NUMBER HASH";
        }
        line.guarantee = *how;
        line.number = *count;
        line.hash = *bytes;
        line.ring = told.ring;
    } else if (kind == "deliver") {
        if (auto problem = parse_deliver(line, words)) {
            return problem;
        }
    } else if (kind == "quorum") {
        line.kind = Kind::quorum;
        const std::string_view answer = words.next();
        if (answer != "yes" && answer != "no") {
            return "quorum yes|no";
        }
        line.yes = answer == "yes";
    } else if (kind == "state") {
        line.kind = Kind::state;
        const std::string_view service = words.next();
        const auto place = number<std::uint64_t>(words.next());
        const auto digest = number<std::uint64_t>(words.next(), 16);
        if (service.empty() || !place || !digest) {
            return "state SERVICE PLACE DIGEST";
        }
        line.number = *place;
        line.hash = *digest;
        line.index = static_cast<std::uint32_t>(services.size());
        services.emplace_back(service);
    } else {
        return "start, regular, transitional, send, deliver, quorum, state or end";
    }
    if (!words.empty()) {
        return "the end of the line";
    }
    if (++events > limits.events_max) {
        return "at most " + std::to_string(limits.events_max) + " events; judge a shorter run";
    }
    told.lines.push_back(line);
    return std::nullopt;
}

Result<void> TraceReader::read(std::istream& from, const std::string& name) {
    // A line is looked at when the next one is known: directly before a first line of a
    // later life it is what a killed process did not finish.
    std::string line;
    std::string next;
    std::size_t count = 0;  // lines begun
    bool has_begun = false;
    const auto wrong = [&](std::size_t at, const std::string& expected) {
        return invalid(name + ':' + std::to_string(at) + ": expected " + expected);
    };
    const std::string head = "the first line \"ais-trace 1\"";
    for (;;) {
        next.clear();
        char byte = 0;
        while (from.get(byte) && byte != '\n') {
            if (next.size() == impl_->limits.line_max) {
                return wrong(
                    count + 1,
                    "a line of at most " + std::to_string(impl_->limits.line_max) + " bytes");
            }
            next += byte;
        }
        if (from.bad()) {
            return invalid(name + ": cannot be read to its end");
        }
        const bool is_head = from && next + '\n' == totem::trace::first_line;
        if (!line.empty() && is_head) {
            ++impl_->torn;
        } else if (!line.empty()) {
            if (!has_begun) {
                return wrong(count, head);
            }
            if (const auto problem = impl_->parse(line)) {
                return wrong(count, *problem);
            }
        }
        line.clear();
        if (!from) {
            // Only a whole line ends with a newline.
            impl_->torn += next.empty() ? 0 : 1;
            return has_begun ? Result<void>() : wrong(count, head);
        }
        ++count;
        if (is_head) {
            has_begun = true;
        } else {
            std::swap(line, next);
        }
    }
}

History TraceReader::take() {
    Impl& all = *impl_;
    History history;
    using Sent = std::tuple<NodeId, RingId, std::uint64_t>;
    std::map<Sent, std::vector<MessageId>> sent;
    std::map<NodeId, Instant> last_begin;
    for (const Impl::Told& told : all.lives) {
        Instant& begin = last_begin[told.id.node];
        begin = std::max(begin, told.begin);
        for (const Impl::Line& line : told.lines) {
            if (line.kind == Impl::Kind::send) {
                sent[{told.id.node, line.ring, line.hash}].push_back({told.id, line.number});
            }
        }
    }
    for (Impl::Told& told : all.lives) {
        history.start(told.id);
        std::map<Sent, std::size_t> seen;
        for (const Impl::Line& line : told.lines) {
            switch (line.kind) {
                case Impl::Kind::configure:
                    history.configure(told.id, line.at, all.configurations[line.index]);
                    break;
                case Impl::Kind::send:
                    history.send(told.id, line.at, {told.id, line.number}, line.guarantee);
                    break;
                case Impl::Kind::deliver: {
                    MessageId message{line.origin, line.number};
                    if (line.by_hash) {
                        const Sent key{line.origin.node, line.ring, line.hash};
                        const auto at = sent.find(key);
                        const std::size_t turn = seen[key]++;
                        message = at != sent.end() && turn < at->second.size()
                                      ? at->second[turn]
                                      : MessageId{line.origin, line.hash};
                    }
                    history.deliver(told.id, line.at, message, line.guarantee, line.ring, line.seq);
                    break;
                }
                case Impl::Kind::quorum:
                    history.quorum(told.id, line.yes);
                    break;
                case Impl::Kind::state:
                    history.state(told.id, all.services[line.index], line.number, line.hash);
                    break;
            }
        }
        if (told.ended || told.begin < last_begin[told.id.node]) {
            history.end(told.id);
        }
        told.lines = {};
    }
    return history;
}

}  // namespace ais::sim
