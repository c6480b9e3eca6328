// SPDX-License-Identifier: BSD-3-Clause
//
// Simulated clients of ckpt: they open, create, write, read, unlink, close and die, also in the
// middle of a write that goes in pieces, and are held against what the service promises.
//
// A write brings one stamp, a number that is never used again, and fills all sections of its
// checkpoint with it, in one request.  So what is read tells which write it is of.
//
//   * A read of all sections in one request sees one stamp: a write is all or nothing, and a merge
//     takes one side's version wholly.  Only weak checkpoints, in pieces, may show a part of a
//     write.
//   * A read sees the last write that was acknowledged in its ring, or a later one; never one that
//     was over before that began.
//   * Once acknowledged in one ring of both, an older write to all replicas never comes back, in
//     any ring.
//   * What is to be kept for ever is there as long as one node lives of those that had it.
//   * Sizes and numbers of sections are within the limits that the creator has said.
//   * A handle that is open stays good through all rings; in the end it reads what the replica has.

#include "snapshot.hpp"
#include "wire.hpp"

#include <ais/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace ais::ckpt {
namespace {

using sim::Client;
using sim::ClientHandler;
using sim::Simulation;
using std::chrono::nanoseconds;

// Limit: of one message and of one part of a read here; larger data goes in pieces.
constexpr std::size_t piece_max = 7000;
constexpr std::size_t word = 8;
// Of sections that expire, in nanoseconds.
constexpr std::uint64_t max_life = 6'000'000'000;
constexpr std::uint32_t all_ways = open_read | open_write | open_create;

using RingName = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;

// In which ring the replica of a node is; all zero: in none.
RingName ring_of(Simulation& sim, ais_node_id node) {
    const std::string saved = sim.save(node, service_id);
    Reader in(as_bytes(saved));
    in.u32();
    const std::uint64_t seq = in.u64();
    const std::uint32_t representative = in.u32();
    return {seq, representative, in.u32()};
}

// What a checkpoint is like; all that open it agree.
struct Shape {
    std::string name;
    Attributes attributes;
    std::size_t bytes = 0;     // of a section
    bool is_fleeting = false;  // sections are made, deleted and expire; it is unlinked

    [[nodiscard]] std::vector<std::string> ids() const {
        if (attributes.has_default_section()) {
            return {""};
        }
        std::vector<std::string> ids;
        for (std::uint32_t i = 0; i < attributes.max_sections; ++i) {
            ids.push_back("section-" + std::to_string(i));
        }
        return ids;
    }
    [[nodiscard]] bool is_for_ever() const {
        return !is_fleeting && attributes.retention == time_end;
    }
};

// A write, from the request to the response.
struct Written {
    nanoseconds sent{};
    std::optional<nanoseconds> acknowledged;
    RingName ring;                  // the one in which it was sent and acknowledged
    std::set<ais_node_id> holders;  // nodes of that ring that have lived ever since
};

// All writes to the checkpoints of one name, by stamp.
class Ledger {
  public:
    std::uint64_t begin(std::uint64_t stamp, nanoseconds now) {
        writes_[stamp].sent = now;
        return stamp;
    }
    // `ring` is empty if it has changed meanwhile: then nothing is known of who else has it.
    void acknowledge(std::uint64_t stamp,
                     nanoseconds now,
                     const std::optional<RingName>& ring,
                     const std::vector<ais_node_id>& members) {
        Written& write = writes_[stamp];
        write.acknowledged = now;
        if (ring) {
            write.ring = *ring;
            write.holders.insert(members.begin(), members.end());
        }
    }
    void forget(ais_node_id node) {
        for (auto& [stamp, write] : writes_) {
            write.holders.erase(node);
        }
    }
    [[nodiscard]] bool has(std::uint64_t stamp) const { return writes_.contains(stamp); }
    [[nodiscard]] bool has_holder() const {
        return std::any_of(writes_.begin(), writes_.end(), [](const auto& of) {
            return !of.second.holders.empty();
        });
    }
    // A write that a read begun at `since` in `ring` (none: in more than one) must not miss, and
    // that `seen` (0: no write) is older than; 0 if there is none.
    [[nodiscard]] std::uint64_t missed(std::uint64_t seen,
                                       nanoseconds since,
                                       const std::optional<RingName>& ring,
                                       bool is_for_all_replicas) const {
        const auto of = writes_.find(seen);
        for (const auto& [stamp, write] : writes_) {
            const bool is_before = write.acknowledged && *write.acknowledged < since;
            if (!is_before || write.ring == RingName()) {
                continue;
            }
            const bool is_newer = of == writes_.end() || (of->second.acknowledged &&
                                                          *of->second.acknowledged < write.sent);
            const bool is_of_that_ring = ring && write.ring == *ring;
            const bool has_replaced =
                is_for_all_replicas && of != writes_.end() && of->second.ring == write.ring;
            if (is_newer && (is_of_that_ring || has_replaced)) {
                return stamp;
            }
        }
        return 0;
    }

  private:
    std::map<std::uint64_t, Written> writes_;
};

class Program final : public ClientHandler {
  public:
    Program(Simulation& sim,
            ais_node_id node,
            std::uint64_t number,
            const Shape& shape,
            Ledger& ledger,
            std::uint64_t& last_stamp)
        : sim_(sim),
          node_(node),
          number_(number),
          shape_(shape),
          ledger_(ledger),
          last_stamp_(last_stamp) {}

    // False: the node takes no clients now.
    bool begin() {
        std::uint8_t space[Hello::size];
        Writer hello(space);
        Hello{}.encode(hello);
        client_ = sim_.connect(node_, service_id, hello.written(), *this);
        if (client_ == nullptr) {
            return false;
        }
        open();
        return true;
    }
    void die() {
        if (client_ != nullptr) {
            client_->close();
            client_ = nullptr;
        }
    }

    [[nodiscard]] bool is_gone() const { return client_ == nullptr; }
    [[nodiscard]] bool is_idle() const { return doing_ == Doing::nothing; }
    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] ais_node_id node() const { return node_; }
    [[nodiscard]] const Shape& shape() const { return shape_; }

    // What the last read has seen; nothing: it has failed, or something was asked for since.
    [[nodiscard]] const std::optional<std::vector<std::string>>& seen() const { return seen_; }
    [[nodiscard]] bool has_final() const { return has_final_; }
    void read_finally() {
        is_final_ = true;
        shape_.is_fleeting ? status() : read();
    }

    // One thing, as chance will; the caller has seen that it is idle.
    void act() {
        if (!is_open_) {
            return open();
        }
        if (shape_.is_fleeting) {
            return act_fleeting();
        }
        if (to_create_ > 0) {
            return create(shape_.ids()[--to_create_], {});
        }
        const std::uint64_t chance = sim_.random(20);
        if (chance < 9) {
            return shape_.attributes.has_default_section() ? overwrite() : write(shape_.ids());
        }
        if (chance == 9) {
            return status();
        }
        if (chance == 10) {
            return iterate();
        }
        if (chance == 11 && !shape_.attributes.is_synchronous()) {
            return number_only(Kind::synchronize, Doing::other);
        }
        if (chance == 12) {
            return number_only(Kind::close, Doing::close);
        }
        read();
    }

    void on_response(std::uint64_t serial, std::int32_t number, Bytes body) override {
        if (serial != serial_ || is_idle()) {
            return fail("gets a response that it does not wait for");
        }
        // The kernel has not let it through, as replicas were not equal for long.
        const auto error = number == AIS_ERR_AGAIN ? Error::try_again : static_cast<Error>(number);
        const Doing what = std::exchange(doing_, Doing::nothing);
        switch (what) {
            case Doing::open:
                return on_open(error);
            case Doing::close:
                is_open_ = is_open_ && error != Error::ok;
                return must_be(error, {Error::ok});
            case Doing::create:
                return on_created(error, body);
            case Doing::write:
                return on_written(error);
            case Doing::piece:
                return error == Error::ok ? go_on_writing() : must_be(error, {});
            case Doing::read:
                return on_read(error, body);
            case Doing::read_part:
                return on_part(error, body);
            case Doing::status:
                return on_status(error, body);
            case Doing::iterate:
                return on_page(error, body);
            case Doing::retention:  // the name may be gone
                return must_be(error, {Error::ok, Error::bad_operation});
            case Doing::expiration:  // which may be past
                return must_be(error, {Error::ok, Error::not_exist, Error::invalid_param});
            case Doing::active:
            case Doing::other:
                return must_be(error, {Error::ok, Error::not_exist});
            case Doing::nothing:
                break;
        }
    }
    void on_event(std::uint16_t, Bytes) override {
        fail("gets an event that it has not asked for");
    }
    void on_closed(std::string_view) override { client_ = nullptr; }

  private:
    enum class Doing : std::uint8_t {
        nothing,
        open,
        close,
        active,
        create,
        write,
        piece,
        read,
        read_part,
        status,
        iterate,
        retention,
        expiration,
        other,
    };

    void ask(Kind kind, Doing doing, const Appender& body) {
        doing_ = doing;
        if (!client_->request(number_of(kind), ++serial_, body.written())) {
            fail("has no room for a request");
        }
    }
    void number_only(Kind kind, Doing doing) {
        Appender body;
        body.u32(handle_);
        ask(kind, doing, body);
    }
    void fail(const std::string& what) {
        sim_.fail("ckpt: program " + std::to_string(number_) + " on node " + std::to_string(node_) +
                  ", " + shape_.name + ": " + what);
    }
    void note(const char* what, std::uint64_t stamp) {
        if (sim_.is_traced()) {
            sim_.note("program " + std::to_string(number_) + ' ' + what + ' ' +
                      std::to_string(stamp) + " of " + shape_.name);
        }
    }
    // TRY_AGAIN is always right.
    void must_be(Error error, std::initializer_list<Error> good) {
        if (error != Error::try_again && std::find(good.begin(), good.end(), error) == good.end()) {
            fail("gets error " + std::to_string(static_cast<int>(error)) + " of request " +
                 std::to_string(serial_));
        }
    }

    void open() {
        Open wanted;
        wanted.number = ++handle_;
        wanted.flags = all_ways;
        wanted.name = shape_.name;
        wanted.has_attributes = true;
        wanted.attributes = shape_.attributes;
        Appender body;
        wanted.encode(body);
        ask(Kind::open, Doing::open, body);
    }
    void on_open(Error error) {
        must_be(error, {Error::ok});
        if (error != Error::ok) {
            return;
        }
        is_open_ = true;
        to_create_ = shape_.attributes.has_default_section() || shape_.is_fleeting
                         ? 0
                         : shape_.attributes.max_sections;
        if (shape_.attributes.is_collocated()) {
            number_only(Kind::set_active, Doing::active);
        }
    }

    void create(std::string_view id, Bytes data, std::int64_t expiration = time_end) {
        Appender body;
        CreateHead{handle_, expiration, id}.encode(body);
        body.bytes(data);
        created_ = id;
        ask(Kind::create, Doing::create, body);
    }
    void on_created(Error error, Bytes body) {
        if (shape_.is_fleeting) {
            // An expiration may be past, by a clock that was put forward.
            must_be(error, {Error::ok, Error::exist, Error::no_space, Error::invalid_param});
        } else {
            must_be(error, {Error::ok, Error::exist, Error::not_exist});
        }
        if (error == Error::try_again && !shape_.is_fleeting) {
            ++to_create_;
        }
        if (error == Error::ok) {
            if (as_text(body).empty() || (!created_.empty() && as_text(body) != created_)) {
                return fail("gets '" + std::string(as_text(body)) + "' created for '" + created_ +
                            "'");
            }
            ids_.emplace_back(as_text(body));
        }
    }

    static std::string stamped(std::uint64_t stamp, std::size_t size) {
        Appender bytes;
        while (bytes.written().size() < size) {
            bytes.u64(stamp);
        }
        return bytes.take();
    }
    void begin_write() {
        stamp_ = ledger_.begin(++last_stamp_, sim_.now());
        note("writes", stamp_);
        ring_ = ring_of(sim_, node_);
    }
    // All of them in one request, each in two halves.
    void write(const std::vector<std::string>& ids) {
        begin_write();
        const std::string half = stamped(stamp_, shape_.bytes / 2);
        plan_ = {};
        plan_.kind = Kind::write;
        for (const std::string& id : ids) {
            plan_.elements.push_back({id, half.size(), half.size()});
            plan_.elements.push_back({id, 0, half.size()});
        }
        if (half.size() * plan_.elements.size() > piece_max) {
            return write_in_pieces();
        }
        Appender body;
        Write::encode_head(body, handle_, plan_.elements.size());
        for (const Plan::Element& element : plan_.elements) {
            WriteElement{element.id, element.offset, as_bytes(half)}.encode_head(body);
            body.bytes(as_bytes(half));
        }
        ask(Kind::write, Doing::write, body);
    }
    void overwrite() {
        begin_write();
        plan_ = {};
        plan_.kind = Kind::overwrite;
        plan_.elements.push_back({"", 0, shape_.bytes});
        if (shape_.bytes > piece_max) {
            return write_in_pieces();
        }
        Appender body;
        OverwriteHead{handle_, ""}.encode(body);
        body.bytes(as_bytes(stamped(stamp_, shape_.bytes)));
        ask(Kind::overwrite, Doing::write, body);
    }
    void write_in_pieces() {
        element_ = 0;
        offset_ = 0;
        Appender body;
        Begin{handle_, plan_}.encode(body);
        ask(Kind::begin, Doing::piece, body);
    }
    void go_on_writing() {
        if (element_ == plan_.elements.size()) {
            return number_only(Kind::finish, Doing::write);
        }
        const std::uint64_t size = plan_.elements[element_].size;
        const std::size_t next = std::min<std::uint64_t>(piece_max / word * word, size - offset_);
        Appender body;
        body.u32(handle_);
        body.u32(element_);
        body.u64(offset_);
        body.bytes(as_bytes(stamped(stamp_, next)));
        offset_ += next;
        if (offset_ == size) {
            offset_ = 0;
            ++element_;
        }
        ask(Kind::piece, Doing::piece, body);
    }
    void on_written(Error error) {
        if (shape_.is_fleeting) {
            must_be(error, {Error::ok, Error::not_exist, Error::no_space});
        } else {
            must_be(error, {Error::ok, Error::not_exist});
        }
        if (error == Error::ok) {
            note("has written", stamp_);
            const RingName ring = ring_of(sim_, node_);
            // Why not all members: the ring may not have noticed yet that one has died.
            std::vector<ais_node_id> holders = sim_.members(node_);
            std::erase_if(holders, [&](ais_node_id other) {
                return !sim_.is_up(other) || ring_of(sim_, other) != ring;
            });
            ledger_.acknowledge(
                stamp_, sim_.now(), ring == ring_ ? std::optional(ring) : std::nullopt, holders);
        }
        create_what_is_missing(error);
    }
    // The version that has won a merge may have fewer sections than ours had.
    void create_what_is_missing(Error error) {
        if (error == Error::not_exist && !shape_.is_fleeting) {
            to_create_ = shape_.attributes.max_sections;
            if (shape_.attributes.is_collocated() && sim_.random(2) == 0) {
                number_only(Kind::set_active, Doing::active);
            }
        }
    }

    void read() { read(shape_.ids()); }
    void read(std::vector<std::string> ids) {
        asked_ = sim_.now();
        ring_ = ring_of(sim_, node_);
        seen_.reset();
        Appender body;
        body.u32(handle_);
        body.u32(static_cast<std::uint32_t>(ids.size()));
        for (const std::string& id : ids) {
            ReadElement{id, 0, ReadElement::rest}.encode(body);
        }
        sections_.assign(ids.size(), {});
        ask(Kind::read, Doing::read, body);
    }
    void on_read(Error error, Bytes body) {
        answered_ring_ = ring_of(sim_, node_);
        if (error == Error::ok && sections_.size() == 1) {
            sections_[0] = as_text(body);
            return on_all_read();
        }
        if (error == Error::together || error == Error::in_parts) {
            Reader in(body);
            if (!ReadSizes::decode(in, sizes_) || sizes_.sizes.size() != sections_.size()) {
                return fail("gets sizes of a read that do not decode");
            }
            element_ = 0;
            if (error == Error::in_parts) {
                return go_on_reading();
            }
            for (std::size_t i = 0; i < sections_.size(); ++i) {
                sections_[i] = as_text(in.bytes(sizes_.sizes[i]));
            }
            return in.finished() ? on_all_read() : fail("reads more or less than it is told");
        }
        must_be(error, {Error::not_exist});
        if (error == Error::not_exist && !shape_.is_fleeting &&
            (!shape_.attributes.is_collocated() || shape_.attributes.is_synchronous())) {
            judge(0);
        }
        has_final_ = has_final_ || (is_final_ && error == Error::not_exist);
        is_final_ = false;
        create_what_is_missing(error);
    }
    void go_on_reading() {
        while (element_ < sections_.size() &&
               sections_[element_].size() == sizes_.sizes[element_]) {
            ++element_;
        }
        Appender body;
        if (element_ == sections_.size()) {
            body.u32(sizes_.read);
            client_->request(number_of(Kind::read_done), 0, body.written());
            return on_all_read();
        }
        body.u32(sizes_.read);
        body.u32(element_);
        body.u64(sections_[element_].size());
        body.u32(piece_max);
        ask(Kind::read_part, Doing::read_part, body);
    }
    void on_part(Error error, Bytes body) {
        if (error != Error::ok) {
            is_final_ = false;
            return must_be(error, {});
        }
        if (body.empty()) {
            return fail("gets a part of a read that has nothing");
        }
        sections_[element_] += as_text(body);
        go_on_reading();
    }
    void on_all_read() {
        std::uint64_t seen = 0;
        for (const std::string& section : sections_) {
            if (section.size() > shape_.attributes.max_section_size || section.size() % word != 0) {
                return fail("reads a section of " + std::to_string(section.size()) + " bytes");
            }
            if (!shape_.attributes.is_weak() && !section.empty() &&
                section.size() != shape_.bytes) {
                return fail("reads " + std::to_string(section.size()) + " bytes of a section");
            }
            // A weak one may have zeroes where pieces have not come.
            for (Reader in(as_bytes(section)); in.remaining() > 0;) {
                const std::uint64_t stamp = in.u64();
                if (stamp == 0 ? !shape_.attributes.is_weak() : !ledger_.has(stamp)) {
                    return fail("reads bytes that nobody has written");
                }
                if (seen != 0 && stamp != seen && !shape_.attributes.is_weak() &&
                    !shape_.is_fleeting) {
                    return fail("reads writes " + std::to_string(seen) + " and " +
                                std::to_string(stamp) + " in one");
                }
                seen = stamp;
            }
        }
        if (!shape_.attributes.is_weak() && !shape_.is_fleeting) {
            judge(seen);
        }
        seen_ = sections_;
        has_final_ = has_final_ || is_final_;
        is_final_ = false;
    }
    void judge(std::uint64_t seen) {
        const std::uint64_t missed =
            ledger_.missed(seen,
                           asked_,
                           ring_ == answered_ring_ ? std::optional(ring_) : std::nullopt,
                           shape_.attributes.is_synchronous());
        note("sees", seen);
        if (missed != 0) {
            fail("reads write " + std::to_string(seen) + ", and " + std::to_string(missed) +
                 " was acknowledged after it");
        }
    }

    void status() { number_only(Kind::status, Doing::status); }
    void on_status(Error error, Bytes body) {
        must_be(error, {Error::ok, Error::not_exist});
        has_final_ = has_final_ || (is_final_ && error != Error::try_again);
        is_final_ = false;
        if (error != Error::ok) {
            return;
        }
        StatusReply status;
        if (!StatusReply::decode(body, status) ||
            !are_alike(status.attributes, shape_.attributes)) {
            return fail("gets the status of another checkpoint");
        }
        if (status.used > shape_.attributes.size ||
            status.sections > shape_.attributes.max_sections) {
            fail("has " + std::to_string(status.sections) + " sections of " +
                 std::to_string(status.used) + " bytes");
        }
    }
    void iterate() {
        Iterate wanted;
        wanted.number = handle_;
        Appender body;
        wanted.encode(body);
        ask(Kind::iterate, Doing::iterate, body);
    }
    void on_page(Error error, Bytes body) {
        must_be(error, {Error::ok, Error::not_exist, Error::no_sections});
        if (error != Error::ok) {
            return;
        }
        Page page;
        if (!Page::decode(body, page)) {
            return fail("gets a page that does not decode");
        }
        ids_.clear();
        for (const Descriptor& section : page.sections) {
            if (section.size > shape_.attributes.max_section_size ||
                (!ids_.empty() && section.id <= ids_.back())) {
                return fail("is told of section '" + section.id + "' of " +
                            std::to_string(section.size) + " bytes");
            }
            clock_ = std::max(clock_, section.last_update);
            ids_.push_back(section.id);
        }
    }

    void act_fleeting() {
        const std::string id = ids_.empty() || sim_.random(4) == 0
                                   ? "s" + std::to_string(sim_.random(6))
                                   : ids_[sim_.random(ids_.size())];
        Appender body;
        body.u32(handle_);
        switch (sim_.random(12)) {
            case 0:
            case 1:
            case 2: {
                begin_write();
                const bool expires = clock_ != 0 && sim_.random(2) == 0;
                return create(
                    sim_.random(2) == 0 ? std::string() : id,
                    as_bytes(stamped(stamp_, shape_.bytes)),
                    expires ? clock_ + static_cast<std::int64_t>(sim_.random(max_life)) : time_end);
            }
            case 3:
            case 4:
                return write({id});
            case 5:
                body.bytes(as_bytes(id));
                return ask(Kind::remove, Doing::other, body);
            case 6:
                return iterate();
            case 7:
                return status();
            case 8:
                if (sim_.random(2) == 0) {
                    body.i64(static_cast<std::int64_t>(sim_.random(3'000'000'000)));
                    return ask(Kind::set_retention, Doing::retention, body);
                }
                body.i64(clock_ == 0 ? time_end
                                     : clock_ + static_cast<std::int64_t>(sim_.random(max_life)));
                body.bytes(as_bytes(id));
                return ask(Kind::set_expiration, Doing::expiration, body);
            case 9: {
                Appender name;
                name.bytes(as_bytes(shape_.name));
                return ask(Kind::unlink, Doing::other, name);
            }
            case 10:
                return number_only(Kind::close, Doing::close);
            default:
                return read({id});
        }
    }

    Simulation& sim_;
    ais_node_id node_;
    std::uint64_t number_;
    const Shape& shape_;
    Ledger& ledger_;
    std::uint64_t& last_stamp_;
    Client* client_ = nullptr;
    std::uint64_t serial_ = 0;
    std::uint32_t handle_ = 0;
    bool is_open_ = false;
    Doing doing_ = Doing::nothing;
    std::size_t to_create_ = 0;
    std::string created_;           // the id that was wanted; empty: any
    std::vector<std::string> ids_;  // that it knows of
    std::int64_t clock_ = 0;        // the latest time that it has seen
    // A write or a read that is under way.
    std::uint64_t stamp_ = 0;
    nanoseconds asked_{};
    RingName ring_;
    RingName answered_ring_;
    Plan plan_;
    std::uint32_t element_ = 0;
    std::uint64_t offset_ = 0;
    ReadSizes sizes_;
    std::vector<std::string> sections_;
    bool is_final_ = false;
    bool has_final_ = false;
    std::optional<std::vector<std::string>> seen_;
};

class Checkpoints final : public sim::Workload {
  public:
    void setup(Simulation& sim) override {
        gap_ = std::chrono::microseconds(10000 + sim.random(200000));
        programs_max_ = 1 + sim.random(3);
        churn_percent_ = sim.random(15);
        const bool is_large = sim.random(3) == 0;
        const std::uint64_t count = 1 + sim.random(4);
        for (std::uint64_t i = 0; i < count; ++i) {
            add_shape(sim, i, is_large);
        }
        ledgers_.resize(shapes_.size());
    }
    void start(Simulation& sim) override {
        for (ais_node_id node = 1; node <= sim.nodes(); ++node) {
            act_later(sim, node);
        }
    }
    void on_node_down(Simulation&, ais_node_id node) override {
        for (Ledger& ledger : ledgers_) {
            ledger.forget(node);
        }
    }
    // First everything that was begun ends; then all read once more, with nobody writing.
    [[nodiscard]] bool is_settled(Simulation&) override {
        const auto here = [](const auto& program) { return !program->is_gone(); };
        for (const auto& program : programs_) {
            if (here(program) && !program->is_idle()) {
                return false;
            }
        }
        bool is_over = true;
        for (const auto& program : programs_) {
            if (here(program) && program->is_open() && !program->has_final()) {
                program->read_finally();
                is_over = false;
            }
        }
        return is_over;
    }
    void check(Simulation& sim) override {
        const std::string saved = sim.save(1, service_id);
        const auto image = restore(as_bytes(saved));
        if (!image) {
            return sim.fail("ckpt: a replica does not decode");
        }
        std::map<std::string, const Checkpoint*> linked;
        for (const auto& [id, checkpoint] : image->checkpoints) {
            if (checkpoint.is_linked && !linked.emplace(checkpoint.name, &checkpoint).second) {
                sim.fail("ckpt: two checkpoints are " + checkpoint.name);
            }
        }
        for (std::size_t i = 0; i < shapes_.size(); ++i) {
            if (shapes_[i].is_for_ever() && ledgers_[i].has_holder() &&
                !linked.contains(shapes_[i].name)) {
                sim.fail("ckpt: " + shapes_[i].name + " is lost, and a node lives that had it");
            }
        }
        for (const auto& program : programs_) {
            if (!program->is_gone() && program->has_final() && program->seen() &&
                !program->shape().is_fleeting) {
                compare(sim, *program, linked);
            }
        }
    }

  private:
    void compare(Simulation& sim,
                 const Program& program,
                 const std::map<std::string, const Checkpoint*>& linked) {
        const auto found = linked.find(program.shape().name);
        const std::vector<std::string> ids = program.shape().ids();
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const Section* section = found == linked.end() ? nullptr : found->second->find(ids[i]);
            if (section == nullptr || *section->bytes != (*program.seen())[i]) {
                return sim.fail("ckpt: node " + std::to_string(program.node()) + " reads '" +
                                ids[i] + "' of " + program.shape().name +
                                " otherwise than the replicas have it");
            }
        }
    }
    void add_shape(Simulation& sim, std::uint64_t number, bool is_large) {
        constexpr std::array<std::uint32_t, 5> ways = {wr_all_replicas,
                                                       wr_all_replicas,
                                                       wr_active_replica,
                                                       wr_active_replica_weak,
                                                       wr_active_replica | collocated};
        Shape shape;
        shape.name = "checkpoint-" + std::to_string(number);
        shape.is_fleeting = sim.random(4) == 0;
        Attributes& how = shape.attributes;
        how.creation_flags = shape.is_fleeting ? wr_all_replicas : ways[sim.random(ways.size())];
        how.max_sections = static_cast<std::uint32_t>(shape.is_fleeting ? 4 : 1 + sim.random(4));
        shape.bytes = 2 * word * (1 + sim.random(is_large && !shape.is_fleeting ? 3000 : 20));
        how.max_section_size = shape.bytes;
        how.max_id_size = 64;
        // A fleeting one has not room for all its sections.
        how.size = how.max_section_size * how.max_sections - (shape.is_fleeting ? 8 : 0);
        how.retention =
            shape.is_fleeting ? static_cast<std::int64_t>(sim.random(3)) * 1'000'000'000 : time_end;
        shapes_.push_back(shape);
    }
    void act_later(Simulation& sim, ais_node_id node) {
        const auto gap = static_cast<std::uint64_t>(gap_.count());
        sim.after(nanoseconds(gap / 2 + sim.random(gap)), [this, &sim, node] {
            if (!sim.is_calm()) {
                act(sim, node);
                act_later(sim, node);
            }
        });
    }
    void act(Simulation& sim, ais_node_id node) {
        std::vector<Program*> here;
        for (const auto& program : programs_) {
            if (!program->is_gone() && program->node() == node) {
                here.push_back(program.get());
            }
        }
        if (here.size() < programs_max_) {
            const std::uint64_t which = sim.random(shapes_.size());
            programs_.push_back(std::make_unique<Program>(
                sim, node, programs_.size() + 1, shapes_[which], ledgers_[which], last_stamp_));
            if (!programs_.back()->begin()) {
                programs_.pop_back();
            }
            return;
        }
        Program& program = *here[sim.random(here.size())];
        if (sim.random(100) < churn_percent_) {
            return program.die();
        }
        if (program.is_idle()) {
            program.act();
        }
    }

    nanoseconds gap_{};
    std::uint64_t programs_max_ = 1;
    std::uint64_t churn_percent_ = 0;
    std::uint64_t last_stamp_ = 0;
    std::vector<Shape> shapes_;
    std::vector<Ledger> ledgers_;  // of the shapes
    std::vector<std::unique_ptr<Program>> programs_;
};

constexpr const char* plugins[] = {"ckpt", nullptr};

}  // namespace
}  // namespace ais::ckpt

AIS_WORKLOAD(ckpt) = ais::sim::describe_workload<ais::ckpt::Checkpoints>(
    "ckpt",
    "checkpoints: writes of many sections, in pieces, reads, expiry, deaths, merges",
    ais::ckpt::plugins,
    80U << 10);
