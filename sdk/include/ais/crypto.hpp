// SPDX-License-Identifier: BSD-3-Clause
//
// A crypto backend as a class:
//
//   static constexpr std::uint32_t key_size_min                bytes of key needed; 0 if none
//   class Session                                              nested, with the four below
//   Result<std::unique_ptr<Session>> open_session(const ais_crypto_params& params)
//
//   std::uint32_t Session::overhead() const                    constant for the session
//   const char*   Session::cipher() const
//   ais_status    Session::seal(Bytes plain, std::uint8_t* out)
//   ais_status    Session::open(MutableBytes datagram, Bytes& plain, ais_node_id& sender,
//                               ais_crypto_fault& fault)
//   ais_status    Session::open_to(Bytes datagram, std::uint8_t* out, Bytes& plain,      optional
//                                  ais_node_id& sender, ais_crypto_fault& fault)
//
// The error text of open_session is logged as SDK-002.  An exception makes the one call
// fail; it does not cross the border.  `params.key` is wiped by the kernel after the call.

#pragma once

#include <ais/abi/crypto.h>
#include <ais/copy_min.hpp>
#include <ais/plugin.hpp>
#include <ais/result.hpp>

#include <memory>

namespace ais {

template <typename S>
concept CryptoSession = requires(S session,
                                 const S& constant,
                                 Bytes plain,
                                 std::uint8_t* out,
                                 MutableBytes datagram,
                                 Bytes& opened,
                                 ais_node_id& sender,
                                 ais_crypto_fault& fault) {
    { constant.overhead() } -> std::same_as<std::uint32_t>;
    { constant.cipher() } -> std::same_as<const char*>;
    { session.seal(plain, out) } -> std::same_as<ais_status>;
    { session.open(datagram, opened, sender, fault) } -> std::same_as<ais_status>;
};

template <typename S>
concept OpensTo = requires(S session,
                           Bytes datagram,
                           std::uint8_t* out,
                           Bytes& opened,
                           ais_node_id& sender,
                           ais_crypto_fault& fault) {
    { session.open_to(datagram, out, opened, sender, fault) } -> std::same_as<ais_status>;
};

template <typename T>
concept CryptoBackend = requires(T backend, const ais_crypto_params& params) {
    requires std::convertible_to<decltype(T::key_size_min), std::uint32_t>;
    requires CryptoSession<typename T::Session>;
    { backend.open_session(params) } -> std::same_as<Result<std::unique_ptr<typename T::Session>>>;
};

namespace sdk {

template <typename T>
struct CryptoCalls {
    using Session = typename T::Session;

    static ais_status open_session(void* self,
                                   const ais_crypto_params* params,
                                   void** session) noexcept {
        const auto copy = copy_min<ais_crypto_params>(params);
        try {
            auto opened = instance<T>(self).open_session(copy);
            if (!opened) {
                log_failure(host_of<T>(self), "SDK-002", opened.error().text.c_str());
                return opened.error().code != AIS_OK ? opened.error().code : AIS_ERR_FAILED;
            }
            *session = opened.take().release();
            return AIS_OK;
        } catch (const std::exception& error) {
            log_failure(host_of<T>(self), "SDK-002", error.what());
        } catch (...) {
            log_failure(host_of<T>(self), "SDK-002", "open_session threw an unknown exception");
        }
        return AIS_ERR_FAILED;
    }
    static void close_session(void*, void* session) noexcept {
        delete static_cast<Session*>(session);
    }

    static std::uint32_t overhead(void*, void* session) noexcept {
        return static_cast<const Session*>(session)->overhead();
    }
    static const char* cipher(void*, void* session) noexcept {
        return static_cast<const Session*>(session)->cipher();
    }

    static ais_status seal(void*, void* session, ais_bytes plain, std::uint8_t* out) noexcept {
        try {
            return static_cast<Session*>(session)->seal(from_abi(plain), out);
        } catch (...) {
            return AIS_ERR_FAILED;
        }
    }

    static ais_status open(void*,
                           void* session,
                           std::uint8_t* datagram,
                           std::size_t size,
                           ais_bytes* plain,
                           ais_node_id* sender,
                           ais_crypto_fault* fault) noexcept {
        return answer(plain, fault, [&](Bytes& opened, ais_crypto_fault& why) {
            return static_cast<Session*>(session)->open({datagram, size}, opened, *sender, why);
        });
    }
    static ais_status open_to(void*,
                              void* session,
                              const std::uint8_t* datagram,
                              std::size_t size,
                              std::uint8_t* out,
                              ais_bytes* plain,
                              ais_node_id* sender,
                              ais_crypto_fault* fault) noexcept requires OpensTo<Session> {
        return answer(plain, fault, [&](Bytes& opened, ais_crypto_fault& why) {
            return static_cast<Session*>(session)->open_to(
                {datagram, size}, out, opened, *sender, why);
        });
    }

  private:
    template <typename Open>
    static ais_status answer(ais_bytes* plain, ais_crypto_fault* fault, Open&& open) noexcept {
        ais_crypto_fault why{};
        Bytes opened;
        ais_status status = AIS_ERR_FAILED;
        try {
            status = open(opened, why);
        } catch (...) {
            status = AIS_ERR_FAILED;
        }
        if (status == AIS_OK) {
            *plain = to_abi(opened);
        } else {
            copy_back(fault, why);
        }
        return status;
    }
};

template <typename T>
struct CryptoTable {
    static_assert(CryptoBackend<T>, "the class has not the members that <ais/crypto.hpp> names");
    static_assert(
        OpensTo<typename T::Session> || !requires { &T::Session::open_to; },
        "open_to has another signature than <ais/crypto.hpp> names");
    using Calls = CryptoCalls<T>;
    static constexpr ais_crypto_v1 make() {
        ais_crypto_v1 made = {sizeof(ais_crypto_v1),
                              T::key_size_min,
                              &Calls::open_session,
                              &Calls::close_session,
                              &Calls::overhead,
                              &Calls::cipher,
                              &Calls::seal,
                              &Calls::open,
                              nullptr};
        if constexpr (OpensTo<typename T::Session>) {
            made.open_to = &Calls::open_to;
        }
        return made;
    }
    static constexpr ais_crypto_v1 table = make();
};

template <typename T>
requires requires {
    &T::open_session;
}
struct Offer<CryptoInterface, T> {
    static constexpr const char* id = AIS_CRYPTO_INTERFACE;
    static constexpr const void* table = &CryptoTable<T>::table;
};

}  // namespace sdk
}  // namespace ais
