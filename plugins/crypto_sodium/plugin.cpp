// SPDX-License-Identifier: BSD-3-Clause
//
// The backend as the kernel sees it: ais.crypto/1 with libsodium.

#include "session.hpp"

#include <ais/crypto.hpp>
#include <ais/host.hpp>

#include <stdexcept>

namespace ais::crypto_sodium {
namespace {

// A session that tells the log when it gives way.
class LoggedSession {
  public:
    LoggedSession(const Session::Options& options, Bytes authkey, const host::Log& log)
        : session_(options, authkey), log_(log) {
        log_.info("SODIUM-001",
                  "sealing datagrams with ",
                  cipher(),
                  ", key id ",
                  std::hex,
                  session_.key_id());
    }

    [[nodiscard]] std::uint32_t overhead() const { return Session::overhead; }
    [[nodiscard]] const char* cipher() const { return envelope::cipher_name(session_.cipher()); }

    ais_status seal(Bytes plain, std::uint8_t* out) { return session_.seal(plain, out); }

    ais_status open(MutableBytes datagram,
                    Bytes& plain,
                    ais_node_id& sender,
                    ais_crypto_fault& fault) {
        const Cipher before = session_.cipher();
        const ais_status status = session_.open(datagram, plain, sender, fault);
        if (session_.cipher() != before) {
            log_.notice("SODIUM-002",
                        "node ",
                        session_.gave_way_to(),
                        " seals with ",
                        cipher(),
                        ": sealing with it from now on instead of ",
                        envelope::cipher_name(before));
        }
        return status;
    }

  private:
    Session session_;
    host::Log log_;
};

class Backend {
  public:
    static constexpr std::uint32_t key_size_min = envelope::authkey_size;
    using Session = LoggedSession;

    explicit Backend(const ais_host& host) : log_(host) {
        if (sodium_init() < 0) {
            throw std::runtime_error("libsodium does not start: no source of random numbers?");
        }
    }

    Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params) {
        crypto_sodium::Session::Options options;
        options.local_node = params.local_node;
        copy_bytes(options.salt.data(), params.boot_salt);
        if (params.local_node == 0 || options.salt == envelope::Salt{}) {
            return invalid("the kernel gave no node id or no boot salt");
        }
        if (params.key.size < key_size_min) {
            return invalid("the key has " + std::to_string(params.key.size) +
                           " bytes and needs at least " + std::to_string(key_size_min) +
                           ": make one with ais-keygen");
        }
        const Result<void> chosen = choose(params.cipher, options);
        if (!chosen) {
            return chosen.error();
        }
        return std::make_unique<Session>(options, from_abi(params.key), log_);
    }

  private:
    // Fills cipher and gives_way in.
    static Result<void> choose(std::string_view name, crypto_sodium::Session::Options& options) {
        if (name == "auto") {
            options.gives_way = true;
            options.cipher = is_available(Cipher::aes_256_gcm) ? Cipher::aes_256_gcm
                                                               : Cipher::xchacha20_poly1305;
            return {};
        }
        for (const Cipher cipher :
             {Cipher::aes_256_gcm, Cipher::xchacha20_poly1305, Cipher::chacha20_poly1305}) {
            if (name != envelope::cipher_name(cipher)) {
                continue;
            }
            if (!is_available(cipher)) {
                return Error{AIS_ERR_UNSUPPORTED,
                             "this machine has no AES instructions, so " + std::string(name) +
                                 " cannot be used: take auto or xchacha20-poly1305"};
            }
            options.cipher = cipher;
            return {};
        }
        return Error{AIS_ERR_UNSUPPORTED,
                     "unknown cipher '" + std::string(name) +
                         "': auto, aes-256-gcm, xchacha20-poly1305 or chacha20-poly1305"};
    }

    host::Log log_;
};

}  // namespace
}  // namespace ais::crypto_sodium

AIS_EXPORT_PLUGIN = ais::describe<ais::crypto_sodium::Backend>("crypto_sodium", "1.0.0");
