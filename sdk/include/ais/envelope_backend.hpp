// SPDX-License-Identifier: BSD-3-Clause
//
// A crypto backend out of a suite (envelope_session.hpp): parameters, reasons and
// log lines, the same whatever library does the work.  A suite that is made into a
// plugin has besides:
//
//   Result<void> start()                            initialise the library; may be static
//   static bool has_fast_aes()                      whether "auto" begins with AES-256-GCM
//   static constexpr const char* sealing_id         log id of "sealing datagrams with …"
//   static constexpr const char* gave_way_id        log id of "node … seals with …"

#pragma once

#include <ais/crypto.hpp>
#include <ais/envelope_session.hpp>
#include <ais/host.hpp>

#include <stdexcept>
#include <string>

namespace ais::envelope {

// A session that tells the log when it gives way.
template <typename Suite>
class LoggedSession {
  public:
    LoggedSession(const SessionOptions& options,
                  Bytes authkey,
                  const Suite& suite,
                  const host::Log& log)
        : session_(options, authkey, suite), log_(log) {
        log_.info(Suite::sealing_id,
                  "sealing datagrams with ",
                  cipher(),
                  ", key id ",
                  std::hex,
                  session_.key_id());
    }

    [[nodiscard]] std::uint32_t overhead() const { return Session<Suite>::overhead; }
    [[nodiscard]] const char* cipher() const { return cipher_name(session_.cipher()); }

    ais_status seal(Bytes plain, std::uint8_t* out) { return session_.seal(plain, out); }

    ais_status open(MutableBytes datagram,
                    Bytes& plain,
                    ais_node_id& sender,
                    ais_crypto_fault& fault) {
        return open_to(datagram, datagram.data() + header_size, plain, sender, fault);
    }
    ais_status open_to(Bytes datagram,
                       std::uint8_t* to,
                       Bytes& plain,
                       ais_node_id& sender,
                       ais_crypto_fault& fault) {
        const Cipher before = session_.cipher();
        const ais_status status = session_.open_to(datagram, to, plain, sender, fault);
        if (session_.cipher() != before) {
            log_.notice(Suite::gave_way_id,
                        "node ",
                        session_.gave_way_to(),
                        " seals with ",
                        cipher(),
                        ": sealing with it from now on instead of ",
                        cipher_name(before));
        }
        return status;
    }

  private:
    Session<Suite> session_;
    host::Log log_;
};

template <typename Suite>
class Backend {
  public:
    static constexpr std::uint32_t key_size_min = authkey_size;
    using Session = LoggedSession<Suite>;

    // Throws when the library does not start.
    explicit Backend(const ais_host& host) : log_(host) {
        const Result<void> started = suite_.start();
        if (!started) {
            throw std::runtime_error(started.error().text);
        }
    }

    Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params) {
        SessionOptions options;
        options.local_node = params.local_node;
        copy_bytes(options.salt.data(), params.boot_salt);
        if (params.local_node == 0 || options.salt == Salt{}) {
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
        return std::make_unique<Session>(options, from_abi(params.key), suite_, log_);
    }

  private:
    // Fills cipher and gives_way in.
    static Result<void> choose(std::string_view name, SessionOptions& options) {
        if (name == "auto") {
            options.gives_way = true;
            options.cipher =
                Suite::has_fast_aes() ? Cipher::aes_256_gcm : Cipher::xchacha20_poly1305;
            return {};
        }
        for (const Cipher cipher :
             {Cipher::aes_256_gcm, Cipher::xchacha20_poly1305, Cipher::chacha20_poly1305}) {
            if (name != cipher_name(cipher)) {
                continue;
            }
            if (!Suite::is_available(cipher)) {
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

    Suite suite_;
    host::Log log_;
};

}  // namespace ais::envelope
