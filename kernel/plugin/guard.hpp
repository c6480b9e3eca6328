// SPDX-License-Identifier: BSD-3-Clause
//
// Every call into a plugin goes through here.
//
// The guard turns the kernel's ports (service::Service, links::Seal, config::Parser,
// sync::Quorum) into calls of C tables, and keeps each side from seeing what it must not: the
// kernel's own mistakes are asserted (a message for a closed client), a plugin's answers are
// checked (a view outside of the datagram, a success that reported errors) and turned
// into failures that are counted and logged.
//
// Exceptions do not pass: the SDK's trampolines are noexcept, and so are these functions.  A
// service that throws in deliver ends the process, since a replica that did half of a
// delivery differs from the others; calls.hpp has its name for the last words.
//
// An Instance outlives its guards.  Threads: none.

#pragma once

#include "config/parser.hpp"
#include "links/seal.hpp"
#include "plugin/instance.hpp"
#include "service/service.hpp"
#include "sync/quorum.hpp"

#include <ais/abi/crypto.h>
#include <ais/abi/draft/bulk.h>
#include <ais/abi/draft/handover.h>
#include <ais/abi/draft/parts.h>
#include <ais/abi/parser.h>
#include <ais/abi/quorum.h>
#include <ais/abi/service.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ais::plugin {

class ServiceGuard final : public service::Service {
  public:
    // Limit: a saved state above this many bytes does not fit the exchange of snapshots.
    static constexpr std::size_t state_max = 512U << 20;
    static constexpr std::size_t dump_max = 1U << 20;

    // Requires: the instance offers ais.service/1.
    explicit ServiceGuard(Instance& instance);

    [[nodiscard]] service::ServiceId id() const override { return table_.service_id; }
    [[nodiscard]] std::string_view name() const override { return instance_.name(); }
    void deliver(NodeId sender, std::uint16_t kind, Bytes body) noexcept override;
    [[nodiscard]] bool takes_pieces() const override { return bulk_.deliver_pieces != nullptr; }
    void deliver_pieces(NodeId sender,
                        std::uint16_t kind,
                        std::span<const ais_bytes> pieces) noexcept override;
    [[nodiscard]] bool is_opaque(std::uint16_t kind) const override {
        return kind < 64 && (bulk_.opaque_requests >> kind & 1) != 0;
    }
    void configure(const totem::Configuration& now) noexcept override;
    void request(ais_conn* from,
                 std::uint64_t serial,
                 std::uint16_t kind,
                 Bytes body) noexcept override;
    ais_status client_open(ais_conn* who, Bytes hello) noexcept override;
    void client_close(ais_conn* who) noexcept override;
    [[nodiscard]] bool is_synchronised() const override { return table_.save != nullptr; }
    [[nodiscard]] ais_status save(std::string& out) noexcept override;
    [[nodiscard]] ais_status merge(std::span<const ais_saved_state> states) noexcept override;
    [[nodiscard]] bool in_parts() const override { return parts_.list != nullptr; }
    [[nodiscard]] ais_status list(std::vector<sync::Part>& out) noexcept override;
    [[nodiscard]] ais_status save_part(const std::string& name, std::string& out) noexcept override;
    [[nodiscard]] ais_status merge_begin(
        std::span<const ais_component> components) noexcept override;
    [[nodiscard]] ais_status merge_part(const std::string& name,
                                        std::span<const ais_part_state> states) noexcept override;
    [[nodiscard]] ais_status merge_end(bool commit) noexcept override;
    void dump(std::string& out) noexcept override;

    // Of ais.service.handover/1 (abi/draft/handover.h).  Requires: it is offered.
    [[nodiscard]] ais_status save_local(const std::vector<ais_conn*>& conns,
                                        std::string& out) noexcept;
    // The clients are known to the instance afterwards, whatever it answers.
    [[nodiscard]] ais_status restore_local(const std::vector<ais_conn*>& conns,
                                           std::string_view saved,
                                           const std::string& from_version) noexcept;
    [[nodiscard]] Instance& instance() { return instance_; }

  private:
    ais_status cannot(Call call, ais_status status);

    Instance& instance_;
    ais_service_v1 table_;
    ais_service_parts_v1 parts_;
    ais_service_handover_v1 handover_;
    ais_service_bulk_v1 bulk_;
    AbiConfiguration configuration_;
};

class SealGuard final : public links::Seal {
  public:
    // Limit: a backend that adds more leaves no room for the datagram.
    static constexpr std::size_t overhead_max = 512;

    // Opens a session.  Requires: the instance offers ais.crypto/1.  The caller wipes the key.
    static Result<std::unique_ptr<SealGuard>> open_session(Instance& instance,
                                                           const ais_crypto_params& params);
    ~SealGuard();
    SealGuard(const SealGuard&) = delete;
    SealGuard& operator=(const SealGuard&) = delete;

    [[nodiscard]] std::size_t overhead() const override { return overhead_; }
    [[nodiscard]] std::string_view cipher() const override { return cipher_; }
    [[nodiscard]] bool seal(Bytes plain, MutableBytes out) noexcept override;
    [[nodiscard]] bool open(MutableBytes datagram,
                            Opened& opened,
                            ais_crypto_fault& fault) noexcept override;
    [[nodiscard]] bool open_to(MutableBytes datagram,
                               MutableBytes to,
                               Opened& opened,
                               ais_crypto_fault& fault) noexcept override;

    // Calls that failed other than by a bad datagram: seals, and opens that answered nonsense.
    [[nodiscard]] std::uint64_t failures() const { return failures_; }

  private:
    SealGuard(Instance& instance, const ais_crypto_v1& table, void* session);
    void failed(const char* what);
    // The backend's answer about a datagram whose plain text must lie in `where`.
    bool judge(ais_status status,
               ais_bytes plain,
               ais_node_id sender,
               Bytes where,
               Opened& opened,
               ais_crypto_fault& fault);

    Instance& instance_;
    ais_crypto_v1 table_;
    void* session_;
    std::size_t overhead_ = 0;
    std::string cipher_;
    std::uint64_t failures_ = 0;
};

class ParserGuard final : public config::Parser {
  public:
    // Limit: sections inside sections.
    static constexpr std::uint32_t depth_max = 32;

    // Requires: the instance offers ais.config.parser/1.
    explicit ParserGuard(Instance& instance);

    [[nodiscard]] std::string_view name() const override { return instance_.name(); }
    [[nodiscard]] std::uint32_t flags() const override { return table_.flags; }
    [[nodiscard]] ais_status parse(const std::string& source,
                                   Bytes text,
                                   const ais_parser_sink& sink) override;

  private:
    Instance& instance_;
    ais_parser_v1 table_;
};

class QuorumGuard final : public sync::Quorum {
  public:
    // Requires: the instance offers ais.quorum/1.
    explicit QuorumGuard(Instance& instance);
    [[nodiscard]] bool is_primary(const totem::Configuration& now) noexcept override;

  private:
    Instance& instance_;
    ais_quorum_v1 table_;
    AbiConfiguration configuration_;
};

}  // namespace ais::plugin
