// SPDX-License-Identifier: BSD-3-Clause
//
// No cryptography: the envelope with cipher 0, for tests, for measuring, and
// for networks that are protected otherwise.
//
// Whoever can send to the ring's port can speak for every node and read
// everything.  The header is kept so that a node with another version or with
// encryption is named as such in the log instead of being misunderstood.
// Nothing is judged that anyone could forge: no replay window, no key.
//
// docs/protocol/envelope.md.  Threads: none.

#include <ais/crypto.hpp>
#include <ais/envelope.hpp>
#include <ais/host.hpp>

namespace ais::crypto_none {
namespace {

using envelope::Cipher;

class PlainSession {
  public:
    explicit PlainSession(const ais_crypto_params& params) {
        next_.sender = params.local_node;
        copy_bytes(next_.salt.data(), params.boot_salt);
        next_.counter = 1;
    }

    [[nodiscard]] std::uint32_t overhead() const { return envelope::header_size; }
    [[nodiscard]] const char* cipher() const { return envelope::cipher_name(Cipher::none); }

    ais_status seal(Bytes plain, std::uint8_t* out) {
        envelope::write_header(next_, out);
        copy_bytes(out + envelope::header_size, plain);
        ++next_.counter;
        return AIS_OK;
    }

    ais_status open(MutableBytes datagram,
                    Bytes& plain,
                    ais_node_id& sender,
                    ais_crypto_fault& fault) {
        envelope::Header header;
        const auto is_plain = [](Cipher cipher) { return cipher == Cipher::none; };
        const ais_status status = envelope::inspect(datagram, 0, is_plain, header, fault);
        if (status != AIS_OK) {
            return status;
        }
        if (header.sender == 0) {
            return envelope::refuse(fault, AIS_FAULT_MALFORMED);
        }
        plain = datagram.subspan(envelope::header_size);
        sender = header.sender;
        return AIS_OK;
    }

  private:
    envelope::Header next_;
};

class Backend {
  public:
    static constexpr std::uint32_t key_size_min = 0;
    using Session = PlainSession;

    explicit Backend(const ais_host& host) : log_(host) {}

    Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params) {
        if (params.local_node == 0) {
            return invalid("the kernel gave no node id");
        }
        const std::string_view name = params.cipher;
        if (name != "auto" && name != envelope::cipher_name(Cipher::none)) {
            return Error{AIS_ERR_UNSUPPORTED,
                         "crypto_none does not know the cipher '" + std::string(name) +
                             "': load crypto_sodium to encrypt"};
        }
        log_.warning("NOCRYPTO-001",
                     "datagrams are neither encrypted nor authenticated: anyone who can send to "
                     "this ring can speak for every node of it");
        return std::make_unique<Session>(params);
    }

  private:
    host::Log log_;
};

}  // namespace
}  // namespace ais::crypto_none

AIS_EXPORT_PLUGIN = ais::describe<ais::crypto_none::Backend>("crypto_none", "1.0.0");
