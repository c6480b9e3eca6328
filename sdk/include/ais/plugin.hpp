// SPDX-License-Identifier: BSD-3-Clause
//
// A plugin is a constant.
//
//     AIS_EXPORT_PLUGIN = ais::describe<MyService>("mine", "1.0.0", needs);
//
// describe() runs in the compiler: it looks at the class, finds what it offers (service.hpp,
// parser.hpp, crypto.hpp and quorum.hpp say by which members), and builds the manifest
// of abi/plugin.h.  Nothing is registered, no static constructor runs, and an instance is
// an object of the class, so several of them in one process know nothing of each other.
//
// The class:
//   - is constructed from `const ais_host&`, which outlives it.  The constructor may throw:
//     load then fails, and the exception's text is logged as SDK-001;
//   - may have `static constexpr ais_config_key config_keys[]` (config_schema.hpp);
//   - may have `static constexpr ais_interface more_offers[]` for interfaces of its own;
//     their functions get a `void* self` for which ais::instance<T>(self) is the object.
//
// Compiled with AIS_STATIC_PLUGIN=name the symbol is ais_plugin_name, so that tests and the
// simulator link the whole plugin without a loader.
//
// Nothing here is part of the ABI: it is compiled into the plugin.

#pragma once

#include <ais/abi/plugin.h>
#include <ais/bytes.hpp>
#include <ais/config_schema.hpp>

#include <concepts>
#include <exception>
#include <iterator>
#include <new>

namespace ais {

namespace sdk {

// What `self` points to.
template <typename T>
struct Instance {
    const ais_host* host;
    T object;

    explicit Instance(const ais_host& from) : host(&from), object(from) {}
};

inline void log_failure(const ais_host& host, const char* id, const char* what) noexcept {
    host.log(&host, AIS_LOG_ERROR, id, to_abi(std::string_view(what)));
}

// Interfaces that a class may offer.  The header of each specialises Offer for
// the classes that do; `table` is then its constant table.
struct ServiceInterface {};
struct ParserInterface {};
struct CryptoInterface {};
struct QuorumInterface {};
struct PartsInterface {};
struct HandoverInterface {};
struct BulkInterface {};

template <typename Interface, typename T>
struct Offer {
    static constexpr const char* id = nullptr;
    static constexpr const void* table = nullptr;
};

template <typename T>
concept MoreOffers = requires {
    static_cast<const ais_interface*>(std::data(T::more_offers));
};

template <typename T>
struct Offers {
    static constexpr std::size_t capacity() {
        if constexpr (MoreOffers<T>) {
            return 8 + std::size(T::more_offers);
        } else {
            return 8;
        }
    }

    struct List {
        ais_interface entries[capacity()] = {};
        std::size_t count = 0;

        constexpr void add(const char* id, const void* table) {
            if (id != nullptr) {
                entries[count++] = {id, table};
            }
        }
    };

    static constexpr List make() {
        List made;
        made.add(Offer<ServiceInterface, T>::id, Offer<ServiceInterface, T>::table);
        made.add(Offer<PartsInterface, T>::id, Offer<PartsInterface, T>::table);
        made.add(Offer<HandoverInterface, T>::id, Offer<HandoverInterface, T>::table);
        made.add(Offer<BulkInterface, T>::id, Offer<BulkInterface, T>::table);
        made.add(Offer<ParserInterface, T>::id, Offer<ParserInterface, T>::table);
        made.add(Offer<CryptoInterface, T>::id, Offer<CryptoInterface, T>::table);
        made.add(Offer<QuorumInterface, T>::id, Offer<QuorumInterface, T>::table);
        if constexpr (Configurable<T>) {
            made.add(AIS_CONFIG_SCHEMA_INTERFACE, &SchemaTable<T>::table);
        }
        if constexpr (MoreOffers<T>) {
            for (const ais_interface& offer : T::more_offers) {
                made.add(offer.id, offer.table);
            }
        }
        return made;
    }

    static constexpr List list = make();
};

template <typename T>
ais_status load(const ais_host* host, void** self) noexcept {
    try {
        *self = new Instance<T>(*host);
        return AIS_OK;
    } catch (const std::bad_alloc&) {
        log_failure(*host, "SDK-001", "cannot start: not enough memory");
        return AIS_ERR_NO_MEMORY;
    } catch (const std::exception& error) {
        log_failure(*host, "SDK-001", error.what());
    } catch (...) {
        log_failure(*host, "SDK-001", "cannot start: exception that is no std::exception");
    }
    return AIS_ERR_FAILED;
}

template <typename T>
void unload(void* self) noexcept {
    delete static_cast<Instance<T>*>(self);
}

}  // namespace sdk

// The object behind the first argument of a table's function.
template <typename T>
T& instance(void* self) {
    return static_cast<sdk::Instance<T>*>(self)->object;
}
template <typename T>
const ais_host& host_of(void* self) {
    return *static_cast<sdk::Instance<T>*>(self)->host;
}

// Requires: name is [a-z][a-z0-9_]*, at most 31 bytes, equal to the file's stem; `needs` ends
// with nullptr (or is nullptr) and has static storage.  A wrong name does not compile.
template <typename T>
consteval ais_plugin describe(const char* name,
                              const char* version,
                              const char* const* needs = nullptr) {
    static_assert(std::constructible_from<T, const ais_host&>,
                  "a plugin's class needs a constructor that takes const ais_host&");
    static_assert(
        sdk::Offers<T>::list.count > 0,
        "the class offers nothing: include <ais/service.hpp>, <ais/parser.hpp>, <ais/crypto.hpp> "
        "or <ais/quorum.hpp> and give it the members they name");
    std::size_t length = 0;
    for (; name[length] != '\0'; ++length) {
        const char c = name[length];
        const bool legal =
            (c >= 'a' && c <= 'z') || (length > 0 && ((c >= '0' && c <= '9') || c == '_'));
        if (!legal) {
            throw "a plugin's name is [a-z][a-z0-9_]*";
        }
    }
    if (length == 0 || length > 31) {
        throw "a plugin's name has 1 to 31 bytes";
    }
    return {AIS_ABI_MAJOR,
            sizeof(ais_plugin),
            name,
            version,
            needs,
            sdk::Offers<T>::list.entries,
            &sdk::load<T>,
            &sdk::unload<T>};
}

}  // namespace ais

#define AIS_PLUGIN_JOIN_(a, b) a##b
#define AIS_PLUGIN_JOIN(a, b) AIS_PLUGIN_JOIN_(a, b)
#if defined(AIS_STATIC_PLUGIN)
#define AIS_PLUGIN_VARIABLE AIS_PLUGIN_JOIN(ais_plugin_, AIS_STATIC_PLUGIN)
#else
#define AIS_PLUGIN_VARIABLE ais_plugin
#endif

// At global scope, once in a plugin, followed by `= ais::describe<…>(…);`.
#define AIS_EXPORT_PLUGIN                                              \
    extern "C" AIS_EXPORT const struct ais_plugin AIS_PLUGIN_VARIABLE; \
    constinit const struct ais_plugin AIS_PLUGIN_VARIABLE
