// SPDX-License-Identifier: BSD-3-Clause
//
// What clients want, and their end.  Bodies are checked here and multicast as they
// are; what they mean is decided where they are delivered.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::ckpt {
namespace {

// Limit: large reads of one client whose parts are not all fetched.
constexpr std::size_t reads_max = 64;
// Limit: views that are handed out as they are; a message has at most 1024 parts
// (kernel/plugin/host.hpp), so more of them are copied together.
constexpr std::size_t views_max = 512;

template <typename Body>
bool is_body(Bytes from) {
    Body body;
    return Body::decode(from, body);
}
template <typename Body>
bool is_head(Bytes from) {
    Reader in(from);
    Body body;
    return Body::decode(in, body);
}

bool is_well_formed(Kind kind, Bytes body) {
    switch (kind) {
        case Kind::open:
            return is_body<Open>(body);
        case Kind::close:
        case Kind::set_active:
        case Kind::synchronize:
        case Kind::status:
        case Kind::finish:
            return is_body<HandleOnly>(body);
        case Kind::unlink:
            return is_name(body);
        case Kind::set_retention:
            return is_body<SetRetention>(body);
        case Kind::create:
            return is_head<CreateHead>(body);
        case Kind::overwrite:
            return is_head<OverwriteHead>(body);
        case Kind::remove:
            return is_body<Remove>(body);
        case Kind::set_expiration:
            return is_body<SetExpiration>(body);
        case Kind::iterate:
            return is_body<Iterate>(body);
        case Kind::write:
            return is_body<Write>(body);
        case Kind::read:
            return is_body<Read>(body);
        case Kind::begin:
            return is_body<Begin>(body);
        case Kind::piece:
            return is_body<Piece>(body);
        default:
            return false;
    }
}

std::uint32_t number_in(Bytes body) {
    Reader in(body);
    return in.u32();
}

}  // namespace

ais_status CkptService::client_open(ais_conn* who, Bytes hello_bytes) {
    Hello hello;
    if (!Hello::decode(hello_bytes, hello)) {
        return AIS_ERR_CORRUPT;
    }
    if (hello.version != wire_version) {
        return AIS_ERR_UNSUPPORTED;
    }
    do {
        ++last_connection_;
    } while (last_connection_ == 0 || clients_.count(last_connection_) != 0);
    auto client = std::make_unique<Client>();
    client->conn = who;
    client->pid = ipc_.peer(who).pid;
    client->connection = last_connection_;
    ipc_.set_context(who, client.get());
    clients_.emplace(last_connection_, std::move(client));
    return AIS_OK;
}

void CkptService::client_close(ais_conn* who) {
    auto* client = ipc_.context<Client>(who);
    if (client == nullptr) {
        return;
    }
    ipc_.set_context(who, nullptr);
    for (auto& [token, pending] : pending_) {
        if (pending.client == client) {
            pending.client = nullptr;
        }
    }
    const std::uint32_t connection = client->connection;
    clients_.erase(connection);
    post(Kind::depart, connection, {});
}

void CkptService::request(ais_conn* from, std::uint64_t serial, std::uint16_t number, Bytes body) {
    auto* client = ipc_.context<Client>(from);
    if (client == nullptr) {
        return;
    }
    const auto kind = static_cast<Kind>(number);
    switch (kind) {
        case Kind::open_async:
        case Kind::synchronize_async:
            return on_asynchronous(*client, kind, body);
        case Kind::list: {
            Appender page;
            state_.list(as_text(body)).encode(page);
            return succeed(*client, serial, page.written());
        }
        case Kind::read_part:
            return read_part(*client, serial, body);
        case Kind::read_done:
            client->reads.erase(number_in(body));
            return;
        default:
            break;
    }
    if (!is_well_formed(kind, body)) {
        return complaints_.broken_request(client->conn, number_of(kind));
    }
    switch (kind) {
        case Kind::status:
        case Kind::iterate:
        case Kind::read:
            return query(*client, kind, serial, body);
        default:
            return pass_on(*client, kind, serial, body);
    }
}

void CkptService::succeed(const Client& client, std::uint64_t serial, Bytes body) const {
    if (serial != 0) {
        ipc_.respond(client.conn, serial, static_cast<std::int32_t>(Error::ok), body);
    }
}

void CkptService::fail(const Client& client,
                       std::uint64_t serial,
                       Error error,
                       std::uint32_t index) const {
    if (serial == 0) {
        return;
    }
    std::uint8_t space[4];
    Writer body(space);
    if (index != 0) {
        body.u32(index);
    }
    ipc_.respond(client.conn, serial, static_cast<std::int32_t>(error), body.written());
}

void CkptService::multicast(
    Client& client, Kind kind, std::uint64_t serial, Bytes body, Pending pending) {
    const bool is_answered_at_once = kind == Kind::begin || kind == Kind::piece;
    const std::uint64_t token = is_answered_at_once ? 0 : ++last_token_;
    std::uint8_t space[MessageHead::size];
    Writer head(space);
    MessageHead{token, client.connection, node_.wall_clock()}.encode(head);
    const ais_status status = group_.multicast(number_of(kind), head.written(), body);
    if (status != AIS_OK) {
        if (pending.kind == Kind::open_async || pending.kind == Kind::synchronize_async) {
            return respond(pending, {Error::try_again, 0, {}});
        }
        const Error error = status == AIS_ERR_AGAIN ? Error::try_again : Error::no_resources;
        return fail(client, serial, error);
    }
    if (is_answered_at_once) {
        return succeed(client, serial);
    }
    pending_.emplace(token, std::move(pending));
}

void CkptService::pass_on(Client& client, Kind kind, std::uint64_t serial, Bytes body) {
    const Error error = check_limits(client, kind, body);
    if (error != Error::ok) {
        return fail(client, serial, error);
    }
    Pending pending;
    pending.client = &client;
    pending.kind = kind;
    pending.serial = serial;
    multicast(client, kind, serial, body, std::move(pending));
}

void CkptService::on_asynchronous(Client& client, Kind kind, Bytes body) {
    Reader in(body);
    Pending pending;
    pending.client = &client;
    pending.kind = kind;
    pending.invocation = in.u64();
    const Kind inner = kind == Kind::open_async ? Kind::open : Kind::synchronize;
    if (!in.ok() || !is_well_formed(inner, in.rest())) {
        return complaints_.broken_request(client.conn, number_of(kind));
    }
    pending.number = number_in(in.rest());
    const Error error = check_limits(client, inner, in.rest());
    if (error != Error::ok) {
        return respond(pending, {error, 0, {}});
    }
    multicast(client, inner, 0, in.rest(), std::move(pending));
}

// Against the limits of this node's configuration.  What the state is going to refuse
// anyhow is left to it, so that the client hears the reason of the standard.
Error CkptService::check_limits(const Client& client, Kind kind, Bytes body) {
    Reader in(body);
    switch (kind) {
        case Kind::open: {
            Open open;
            Open::decode(body, open);
            const bool is_new = open.has_attributes && !state_.is_linked(open.name);
            return is_new ? check_kept(checkpoint_cost) : Error::ok;
        }
        case Kind::create: {
            CreateHead create;
            CreateHead::decode(in, create);
            const Error error = check_size(handle(client, create.number), in.remaining());
            return error != Error::ok ? error : check_kept(section_cost + create.id.size());
        }
        case Kind::overwrite: {
            OverwriteHead overwrite;
            OverwriteHead::decode(in, overwrite);
            return check_size(handle(client, overwrite.number), in.remaining());
        }
        case Kind::write:
            Write::decode(body, write_);
            for (const WriteElement& element : write_.elements) {
                const Error error =
                    check_size(handle(client, write_.number), element.offset + element.data.size());
                if (error != Error::ok) {
                    return error;
                }
            }
            return Error::ok;
        case Kind::begin:
            return check_plan(client, body);
        default:
            return Error::ok;
    }
}

Error CkptService::check_plan(const Client& client, Bytes body) const {
    Begin begin;
    Begin::decode(body, begin);
    const HandleId who = handle(client, begin.number);
    std::uint64_t total = 0;
    for (const Plan::Element& element : begin.plan.elements) {
        const Error error = check_size(who, element.offset + element.size);
        if (error != Error::ok) {
            return error;
        }
        total += std::min(element.size, memory_max_ + 1);
    }
    if (total > memory_max_ || state_.bytes_used() + total > memory_max_) {
        return Error::no_resources;
    }
    return begin.plan.kind == Kind::create
               ? check_kept(section_cost + begin.plan.elements[0].id.size())
               : Error::ok;
}

// `end`: how large a section is going to be.
Error CkptService::check_size(const HandleId& who, std::uint64_t end) const {
    const Checkpoint* checkpoint = state_.find(who);
    if (checkpoint == nullptr || end > checkpoint->attributes.max_section_size) {
        return Error::ok;
    }
    return end > section_size_max_ || state_.bytes_used() + end > memory_max_ ? Error::no_resources
                                                                              : Error::ok;
}

// Why at all: what is empty takes memory on every node, too.
Error CkptService::check_kept(std::uint64_t more) const {
    return state_.bytes_kept() + more > memory_max_ ? Error::no_resources : Error::ok;
}

void CkptService::query(Client& client, Kind kind, std::uint64_t serial, Bytes body) {
    const Checkpoint* checkpoint = state_.find(handle(client, number_in(body)));
    if (checkpoint == nullptr || checkpoint->attributes.is_synchronous() ||
        state_.nodes().size() < 2) {
        return answer(client, kind, serial, body);
    }
    Pending pending;
    pending.client = &client;
    pending.kind = kind;
    pending.serial = serial;
    pending.query = as_text(body);
    multicast(client, Kind::point, serial, {}, std::move(pending));
}

void CkptService::answer(Client& client, Kind kind, std::uint64_t serial, Bytes body) {
    ++counters_.reads;
    const Checkpoint* checkpoint = state_.find(handle(client, number_in(body)));
    if (checkpoint == nullptr) {
        return fail(client, serial, Error::bad_handle);
    }
    if (kind == Kind::read) {
        Read::decode(body, read_);
        return answer_read(client, serial, *checkpoint);
    }
    if (!checkpoint->has_active_replica()) {
        return fail(client, serial, Error::not_exist);
    }
    Appender out;
    if (kind == Kind::status) {
        checkpoint->status().encode(out);
    } else {
        Iterate wanted;
        Iterate::decode(body, wanted);
        // Why: page_max is above the largest answer if ipc.message_max is small.
        checkpoint->page(wanted, std::min<std::size_t>(page_max, group_.message_max())).encode(out);
    }
    succeed(client, serial, out.written());
}

// Of read_.
void CkptService::answer_read(Client& client, std::uint64_t serial, const Checkpoint& from) {
    const Outcome outcome = from.read(read_.elements, views_);
    if (outcome.error != Error::ok) {
        return fail(client, serial, outcome.error, outcome.index);
    }
    std::uint64_t total = 0;
    for (const View& view : views_) {
        total += view.bytes.size();
    }
    ReadSizes sizes;
    const bool fits = total + 8 + 8 * views_.size() <= group_.message_max();
    if (fits && views_.size() == 1) {
        succeed(client, serial, views_[0].bytes);
        views_.clear();
        return;
    }
    if (!fits) {
        if (client.reads.size() >= reads_max) {
            views_.clear();
            return fail(client, serial, Error::no_resources);
        }
        sizes.read = ++client.last_read;
    }
    for (const View& view : views_) {
        sizes.sizes.push_back(view.bytes.size());
    }
    Appender head;
    sizes.encode(head);
    std::vector<ais_bytes> parts(1);
    for (const View& view : fits ? std::span<const View>(views_) : std::span<const View>()) {
        if (views_.size() > views_max) {
            head.bytes(view.bytes);
        } else {
            parts.push_back(to_abi(view.bytes));
        }
    }
    parts[0] = to_abi(head.written());
    const Error how = fits ? Error::together : Error::in_parts;
    if (serial != 0) {
        ipc_.respond_list(client.conn, serial, static_cast<std::int32_t>(how), parts);
    }
    if (!fits && serial != 0) {
        client.reads.emplace(sizes.read, std::move(views_));
    }
    views_.clear();
}

void CkptService::read_part(Client& client, std::uint64_t serial, Bytes body) {
    ReadPart part;
    if (!ReadPart::decode(body, part)) {
        return complaints_.broken_request(client.conn, number_of(Kind::read_part));
    }
    const auto read = client.reads.find(part.read);
    if (read == client.reads.end()) {
        return fail(client, serial, Error::try_again);
    }
    if (part.element >= read->second.size()) {
        return fail(client, serial, Error::invalid_param);
    }
    const Bytes bytes = read->second[part.element].bytes;
    const std::size_t size = std::min<std::size_t>(part.size, group_.message_max());
    if (part.offset > bytes.size()) {
        return fail(client, serial, Error::invalid_param);
    }
    succeed(client, serial, bytes.subspan(part.offset, std::min(size, bytes.size() - part.offset)));
}

}  // namespace ais::ckpt
