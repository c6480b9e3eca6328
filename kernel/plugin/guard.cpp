// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/guard.hpp"

#include "base/assert.hpp"

#include <ais/copy_min.hpp>

#include <functional>

namespace ais::plugin {

namespace {

// Where save and dump write to: bounded, and deaf after the first refusal.
struct BoundedString {
    std::string& out;
    std::size_t max;
    bool overflowed = false;

    static ais_status write(void* context, ais_bytes bytes) noexcept {
        auto& self = *static_cast<BoundedString*>(context);
        if (bytes.data == nullptr && bytes.size != 0) {
            return AIS_ERR_INVALID;
        }
        if (self.overflowed || bytes.size > self.max - self.out.size()) {
            self.overflowed = true;
            return AIS_ERR_TOO_BIG;
        }
        try {
            self.out.append(as_text(bytes));
        } catch (const std::bad_alloc&) {
            self.overflowed = true;
            return AIS_ERR_NO_MEMORY;
        }
        return AIS_OK;
    }
    ais_writer writer() { return {sizeof(ais_writer), 0, this, &write}; }
};

// Where list writes to: checks every part, and is deaf after the first bad one.
struct PartList {
    std::vector<sync::Part>& out;
    ais_status status = AIS_OK;

    static ais_status write(void* context, const ais_part* theirs) noexcept {
        auto& self = *static_cast<PartList*>(context);
        if (self.status != AIS_OK) {
            return self.status;
        }
        const auto part = copy_min<ais_part>(theirs);
        const bool is_named =
            part.name.data != nullptr && part.name.size >= 1 && part.name.size <= AIS_PART_NAME_MAX;
        const bool is_next =
            is_named &&
            (self.out.empty() || std::string_view(self.out.back().name) < as_text(part.name));
        if (!is_next) {
            return self.status = AIS_ERR_INVALID;
        }
        if (self.out.size() >= AIS_PARTS_MAX) {
            return self.status = AIS_ERR_TOO_BIG;
        }
        try {
            self.out.push_back({std::string(as_text(part.name)), part.digest, part.size});
        } catch (const std::bad_alloc&) {
            return self.status = AIS_ERR_NO_MEMORY;
        }
        return AIS_OK;
    }
    ais_part_writer writer() { return {sizeof(ais_part_writer), 0, this, &write}; }
};

}  // namespace

ServiceGuard::ServiceGuard(Instance& instance)
    : instance_(instance),
      table_(instance.table<ais_service_v1>(AIS_SERVICE_INTERFACE)),
      parts_(instance.table<ais_service_parts_v1>(AIS_SERVICE_PARTS_INTERFACE)),
      handover_(instance.table<ais_service_handover_v1>(AIS_SERVICE_HANDOVER_INTERFACE)),
      bulk_(instance.table<ais_service_bulk_v1>(AIS_SERVICE_BULK_INTERFACE)) {
    AIS_ASSERT(table_.deliver != nullptr);
}

void ServiceGuard::deliver(NodeId sender, std::uint16_t kind, Bytes body) noexcept {
    AIS_ASSERT(sender.is_valid());
    const CallScope scope(instance_.calls(), Call::deliver);
    table_.deliver(instance_.self(), sender.value(), kind, to_abi(body));
}

void ServiceGuard::deliver_pieces(NodeId sender,
                                  std::uint16_t kind,
                                  std::span<const ais_bytes> pieces) noexcept {
    AIS_ASSERT(sender.is_valid() && takes_pieces());
    AIS_ASSERT(pieces.size() >= 2 && pieces.size() <= AIS_PIECES_MAX);
    const CallScope scope(instance_.calls(), Call::deliver);
    bulk_.deliver_pieces(instance_.self(),
                         sender.value(),
                         kind,
                         pieces.data(),
                         static_cast<std::uint32_t>(pieces.size()));
}

void ServiceGuard::configure(const totem::Configuration& now) noexcept {
    if (now.kind == totem::Configuration::Kind::regular) {
        instance_.host().set_configuration(now);
    }
    if (table_.configure == nullptr) {
        return;
    }
    configuration_.set(now);
    const CallScope scope(instance_.calls(), Call::configure);
    table_.configure(instance_.self(), &configuration_.get());
}

void ServiceGuard::request(ais_conn* from,
                           std::uint64_t serial,
                           std::uint16_t kind,
                           Bytes body) noexcept {
    AIS_ASSERT(instance_.host().knows(from));
    const CallScope scope(instance_.calls(), Call::request);
    table_.request(instance_.self(), from, serial, kind, to_abi(body));
}

ais_status ServiceGuard::client_open(ais_conn* who, Bytes hello) noexcept {
    if (table_.client_open == nullptr) {
        return AIS_ERR_UNSUPPORTED;
    }
    // Known from here on, so that the service can already use it.
    instance_.host().client_opened(who);
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::client_open);
        status = Host::known_status(table_.client_open(instance_.self(), who, to_abi(hello)));
    }
    if (status != AIS_OK) {
        instance_.host().client_closed(who);
    }
    return status;
}

void ServiceGuard::client_close(ais_conn* who) noexcept {
    AIS_ASSERT(instance_.host().knows(who));
    {
        const CallScope scope(instance_.calls(), Call::client_close);
        table_.client_close(instance_.self(), who);
    }
    instance_.host().client_closed(who);
}

ais_status ServiceGuard::save(std::string& out) noexcept {
    AIS_ASSERT(is_synchronised());
    out.clear();
    BoundedString bounded{out, state_max};
    const ais_writer writer = bounded.writer();
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::save);
        status = Host::known_status(table_.save(instance_.self(), &writer));
    }
    if (status == AIS_OK && bounded.overflowed) {
        status = AIS_ERR_TOO_BIG;  // it did not look at what write() said
    }
    if (status != AIS_OK) {
        AIS_LOG(*instance_.kernel().log,
                error,
                "plugin",
                "PLUGIN-007",
                "service '",
                name(),
                "' cannot save its state (status ",
                status,
                ")");
    }
    return status;
}

ais_status ServiceGuard::merge(std::span<const ais_saved_state> states) noexcept {
    AIS_ASSERT(is_synchronised() && !states.empty());
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::merge);
        status = Host::known_status(table_.merge(
            instance_.self(), states.data(), static_cast<std::uint32_t>(states.size())));
    }
    if (status != AIS_OK) {
        AIS_LOG(*instance_.kernel().log,
                error,
                "plugin",
                "PLUGIN-008",
                "service '",
                name(),
                "' cannot merge ",
                states.size(),
                " saved states (status ",
                status,
                ")");
    }
    return status;
}

ais_status ServiceGuard::cannot(Call call, ais_status status) {
    if (status != AIS_OK) {
        AIS_LOG(*instance_.kernel().log,
                error,
                "plugin",
                "PLUGIN-012",
                "service '",
                name(),
                "' failed in ",
                to_text(call),
                " (status ",
                status,
                ")");
    }
    return status;
}

ais_status ServiceGuard::list(std::vector<sync::Part>& out) noexcept {
    AIS_ASSERT(in_parts());
    out.clear();
    PartList list{out};
    const ais_part_writer writer = list.writer();
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::list_parts);
        status = Host::known_status(parts_.list(instance_.self(), &writer));
    }
    return cannot(Call::list_parts, status == AIS_OK ? list.status : status);
}

ais_status ServiceGuard::save_part(const std::string& name, std::string& out) noexcept {
    AIS_ASSERT(in_parts());
    out.clear();
    BoundedString bounded{out, AIS_PART_MAX};
    const ais_writer writer = bounded.writer();
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::save_part);
        status = Host::known_status(
            parts_.save_part(instance_.self(), to_abi(std::string_view(name)), &writer));
    }
    return cannot(Call::save_part,
                  status == AIS_OK && bounded.overflowed ? AIS_ERR_TOO_BIG : status);
}

ais_status ServiceGuard::merge_begin(std::span<const ais_component> components) noexcept {
    AIS_ASSERT(in_parts() && !components.empty());
    const CallScope scope(instance_.calls(), Call::merge_begin);
    return cannot(
        Call::merge_begin,
        Host::known_status(parts_.merge_begin(
            instance_.self(), components.data(), static_cast<std::uint32_t>(components.size()))));
}

ais_status ServiceGuard::merge_part(const std::string& name,
                                    std::span<const ais_part_state> states) noexcept {
    AIS_ASSERT(in_parts());
    const CallScope scope(instance_.calls(), Call::merge_part);
    return cannot(Call::merge_part,
                  Host::known_status(parts_.merge_part(instance_.self(),
                                                       to_abi(std::string_view(name)),
                                                       states.data(),
                                                       static_cast<std::uint32_t>(states.size()))));
}

ais_status ServiceGuard::merge_end(bool commit) noexcept {
    AIS_ASSERT(in_parts());
    const CallScope scope(instance_.calls(), Call::merge_end);
    return cannot(Call::merge_end,
                  Host::known_status(parts_.merge_end(instance_.self(), commit ? 1 : 0)));
}

ais_status ServiceGuard::save_local(const std::vector<ais_conn*>& conns,
                                    std::string& out) noexcept {
    AIS_ASSERT(handover_.save_local != nullptr);
    out.clear();
    BoundedString bounded{out, state_max};
    const ais_writer writer = bounded.writer();
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::save_local);
        status = Host::known_status(handover_.save_local(
            instance_.self(), conns.data(), static_cast<std::uint32_t>(conns.size()), &writer));
    }
    return status == AIS_OK && bounded.overflowed ? AIS_ERR_TOO_BIG : status;
}

ais_status ServiceGuard::restore_local(const std::vector<ais_conn*>& conns,
                                       std::string_view saved,
                                       const std::string& from_version) noexcept {
    AIS_ASSERT(handover_.restore_local != nullptr);
    for (ais_conn* conn : conns) {
        instance_.host().client_opened(conn);
    }
    const CallScope scope(instance_.calls(), Call::restore_local);
    return Host::known_status(handover_.restore_local(instance_.self(),
                                                      conns.data(),
                                                      static_cast<std::uint32_t>(conns.size()),
                                                      to_abi(saved),
                                                      from_version.c_str()));
}

void ServiceGuard::dump(std::string& out) noexcept {
    if (table_.dump == nullptr) {
        return;
    }
    std::string text;
    BoundedString bounded{text, dump_max};
    const ais_writer writer = bounded.writer();
    {
        const CallScope scope(instance_.calls(), Call::dump);
        table_.dump(instance_.self(), &writer);
    }
    out += text;
}

SealGuard::SealGuard(Instance& instance, const ais_crypto_v1& table, void* session)
    : instance_(instance), table_(table), session_(session) {}

SealGuard::~SealGuard() {
    table_.close_session(instance_.self(), session_);
}

Result<std::unique_ptr<SealGuard>> SealGuard::open_session(Instance& instance,
                                                           const ais_crypto_params& params) {
    const auto table = instance.table<ais_crypto_v1>(AIS_CRYPTO_INTERFACE);
    AIS_ASSERT(table.open_session != nullptr && params.cipher != nullptr);
    if (params.key.size < table.key_size_min) {
        return invalid("crypto plugin '" + instance.name() + "' needs a key of at least " +
                       std::to_string(table.key_size_min) + " bytes, this one has " +
                       std::to_string(params.key.size));
    }
    void* session = nullptr;
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance.calls(), Call::open_session);
        status = Host::known_status(table.open_session(instance.self(), &params, &session));
    }
    if (status != AIS_OK) {
        return Error{status,
                     "crypto plugin '" + instance.name() + "' does not start with cipher '" +
                         params.cipher + "' (status " + std::to_string(status) +
                         "); its own log lines say why"};
    }
    std::unique_ptr<SealGuard> guard(new SealGuard(instance, table, session));
    guard->overhead_ = table.overhead(instance.self(), session);
    const char* const cipher = table.cipher(instance.self(), session);
    guard->cipher_ = cipher == nullptr ? "?" : cipher;
    if (guard->overhead_ > overhead_max) {
        return ais::failed("crypto plugin '" + instance.name() + "' adds " +
                           std::to_string(guard->overhead_) +
                           " bytes to a datagram; at most 512 are possible");
    }
    return guard;
}

void SealGuard::failed(const char* what) {
    ++failures_;
    if ((failures_ & (failures_ - 1)) == 0) {
        AIS_LOG(*instance_.kernel().log,
                error,
                "plugin",
                "PLUGIN-009",
                "crypto plugin '",
                instance_.name(),
                "' failed (",
                failures_,
                " so far): ",
                what);
    }
}

bool SealGuard::seal(Bytes plain, MutableBytes out) noexcept {
    AIS_ASSERT(out.size() >= plain.size() + overhead_);
    const CallScope scope(instance_.calls(), Call::seal);
    if (table_.seal(instance_.self(), session_, to_abi(plain), out.data()) != AIS_OK) {
        failed("cannot seal");
        return false;
    }
    return true;
}

bool SealGuard::open(MutableBytes datagram, Opened& opened, ais_crypto_fault& fault) noexcept {
    fault = ais_crypto_fault{};
    fault.struct_size = sizeof fault;
    ais_bytes plain{};
    ais_node_id sender = 0;
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::open);
        status = table_.open(
            instance_.self(), session_, datagram.data(), datagram.size(), &plain, &sender, &fault);
    }
    return judge(status, plain, sender, datagram, opened, fault);
}

bool SealGuard::open_to(MutableBytes datagram,
                        MutableBytes to,
                        Opened& opened,
                        ais_crypto_fault& fault) noexcept {
    const bool fits = datagram.size() >= overhead_ && datagram.size() - overhead_ <= to.size();
    if (table_.open_to == nullptr || !fits) {
        return open(datagram, opened, fault);
    }
    fault = ais_crypto_fault{};
    fault.struct_size = sizeof fault;
    ais_bytes plain{};
    ais_node_id sender = 0;
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::open);
        status = table_.open_to(instance_.self(),
                                session_,
                                datagram.data(),
                                datagram.size(),
                                to.data(),
                                &plain,
                                &sender,
                                &fault);
    }
    return judge(status, plain, sender, to, opened, fault);
}

bool SealGuard::judge(ais_status status,
                      ais_bytes plain,
                      ais_node_id sender,
                      Bytes where,
                      Opened& opened,
                      ais_crypto_fault& fault) {
    if (status == AIS_OK) {
        // What the backend calls plain text must lie where it had to be, or we would read
        // wherever it points.
        const std::less_equal<const std::uint8_t*> le;
        const bool inside =
            plain.size <= where.size() &&
            (plain.size == 0 || (le(where.data(), plain.data) &&
                                 le(plain.data + plain.size, where.data() + where.size())));
        if (inside && sender != 0) {
            opened = {from_abi(plain), NodeId(sender)};
            return true;
        }
        failed("it opened a datagram to something outside of it, or without a sender");
        fault.cause = AIS_FAULT_MALFORMED;
        return false;
    }
    if (fault.cause < AIS_FAULT_MALFORMED || fault.cause > AIS_FAULT_REPLAY) {
        failed("it refused a datagram without a cause");
        fault.cause = AIS_FAULT_MALFORMED;
    }
    return false;
}

ParserGuard::ParserGuard(Instance& instance)
    : instance_(instance), table_(instance.table<ais_parser_v1>(AIS_PARSER_INTERFACE)) {
    AIS_ASSERT(table_.parse != nullptr);
}

namespace {

// Stands between the parser and the builder of the tree.
struct CheckedSink {
    const ais_parser_sink& to;
    std::uint32_t depth = 0;
    std::uint64_t errors = 0;
    ais_status stopped = AIS_OK;

    static CheckedSink& of(void* context) { return *static_cast<CheckedSink*>(context); }
    static bool readable(ais_bytes view) { return view.data != nullptr || view.size == 0; }

    ais_status stop(ais_status status) {
        if (status != AIS_OK && stopped == AIS_OK) {
            stopped = status;
        }
        return status;
    }
    ais_status broken(std::uint32_t line, std::string_view what) {
        ++errors;
        to.error(to.context, line, to_abi(what));
        return stop(AIS_ERR_CORRUPT);
    }

    static ais_status begin_section(void* context, ais_bytes name, std::uint32_t line) noexcept {
        CheckedSink& self = of(context);
        if (self.stopped != AIS_OK) {
            return self.stopped;
        }
        if (!readable(name)) {
            return self.broken(line, "the parser plugin gave a section without a name");
        }
        if (self.depth >= ParserGuard::depth_max) {
            return self.broken(line, "sections are nested more than 32 deep");
        }
        ++self.depth;
        return self.stop(self.to.begin_section(self.to.context, name, line));
    }
    static ais_status end_section(void* context, std::uint32_t line) noexcept {
        CheckedSink& self = of(context);
        if (self.stopped != AIS_OK) {
            return self.stopped;
        }
        if (self.depth == 0) {
            return self.broken(line, "the parser plugin ended a section that it did not begin");
        }
        --self.depth;
        return self.stop(self.to.end_section(self.to.context, line));
    }
    static ais_status key(void* context,
                          ais_bytes name,
                          ais_bytes value,
                          std::uint32_t line) noexcept {
        CheckedSink& self = of(context);
        if (self.stopped != AIS_OK) {
            return self.stopped;
        }
        if (!readable(name) || !readable(value)) {
            return self.broken(line, "the parser plugin gave a key without a name or value");
        }
        return self.stop(self.to.key(self.to.context, name, value, line));
    }
    static void error(void* context, std::uint32_t line, ais_bytes what) noexcept {
        CheckedSink& self = of(context);
        ++self.errors;
        self.to.error(
            self.to.context, line, readable(what) ? what : to_abi(std::string_view("(no text)")));
    }
    static void warning(void* context, std::uint32_t line, ais_bytes what) noexcept {
        CheckedSink& self = of(context);
        if (readable(what)) {
            self.to.warning(self.to.context, line, what);
        }
    }
};

}  // namespace

ais_status ParserGuard::parse(const std::string& source, Bytes text, const ais_parser_sink& sink) {
    CheckedSink checked{sink};
    const ais_parser_sink between = {sizeof(ais_parser_sink),
                                     0,
                                     &checked,
                                     &CheckedSink::begin_section,
                                     &CheckedSink::end_section,
                                     &CheckedSink::key,
                                     &CheckedSink::error,
                                     &CheckedSink::warning};
    ais_status status = AIS_OK;
    {
        const CallScope scope(instance_.calls(), Call::parse);
        status = Host::known_status(
            table_.parse(instance_.self(), source.c_str(), to_abi(text), &between));
    }
    if (checked.stopped != AIS_OK) {
        return checked.stopped;
    }
    if (status == AIS_OK && checked.errors != 0) {
        return AIS_ERR_CORRUPT;  // it reported errors: then it did not succeed
    }
    if (status == AIS_OK && checked.depth != 0) {
        return checked.broken(0, "the parser plugin did not end every section");
    }
    if (status != AIS_OK && checked.errors == 0) {
        CheckedSink::error(
            &checked, 0, to_abi(std::string_view("the parser plugin failed without a reason")));
    }
    return status;
}

QuorumGuard::QuorumGuard(Instance& instance)
    : instance_(instance), table_(instance.table<ais_quorum_v1>(AIS_QUORUM_INTERFACE)) {
    AIS_ASSERT(table_.is_primary != nullptr);
}

bool QuorumGuard::is_primary(const totem::Configuration& now) noexcept {
    configuration_.set(now);
    const CallScope scope(instance_.calls(), Call::is_primary);
    return table_.is_primary(instance_.self(), &configuration_.get()) != 0;
}

}  // namespace ais::plugin
