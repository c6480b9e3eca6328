// SPDX-License-Identifier: BSD-3-Clause
//
// What all SA Forum services promise alike (scenarios C1 to C20 of the reference), as tests
// that a service's program plugs into: it links common_test.cpp and defines
// service_under_test().
//
//     CommonService service_under_test() {
//         CommonService clm;
//         clm.name = "CLM";
//         clm.supported = {{'B', 1, 1}};
//         clm.initialize = [](SaUint64T* handle, bool with_callbacks, SaVersionT* version) {
//             SaClmCallbacksT callbacks{on_node, nullptr};           // on_node calls called_back()
//             return saClmInitialize(handle, with_callbacks ? &callbacks : nullptr, version);
//         };
//         …
//
// Nothing waits by sleeping for a result.

#pragma once

#include "program.hpp"

#include <openais/saAis.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ais::conformance {

struct CommonService {
    std::string name;
    // What Initialize serves when asked for its release with major 1.
    SaVersionT version{'B', 1, 1};

    // Its four functions of the life cycle.  Without callbacks: a null pointer.  A null
    // handle or version is passed on.
    std::function<SaAisErrorT(SaUint64T* handle, bool with_callbacks, SaVersionT* version)>
        initialize;
    std::function<SaAisErrorT(SaUint64T handle, SaSelectionObjectT* fd)> selection_object_get;
    std::function<SaAisErrorT(SaUint64T handle, SaDispatchFlagsT flags)> dispatch;
    std::function<SaAisErrorT(SaUint64T handle)> finalize;

    // An asynchronous call that is followed by exactly one callback; the callback says
    // called_back(number).
    std::function<SaAisErrorT(SaUint64T handle, SaUint64T number)> ask;
    // What ask returns when the callback was not given.
    SaAisErrorT without_callback = SA_AIS_ERR_INIT;
    // A synchronous call that succeeds whenever the executive is there, and is answered after
    // what was asked before.
    std::function<SaAisErrorT(SaUint64T handle)> call;
    // Every function that takes the handle of the association, with good arguments, by name; the
    // four above need not be here.
    std::vector<std::pair<std::string, std::function<SaAisErrorT(SaUint64T handle)>>> functions;

    // For services with named objects (C17 to C19): open or create by name; `same`: whether
    // two names are names of one object, asked with objects open.  Else left out.
    std::function<SaAisErrorT(SaUint64T handle, const SaNameT* name)> open;
    std::function<bool(SaUint64T handle, const SaNameT* one, const SaNameT* other)> same;
    SaAisErrorT too_long = SA_AIS_ERR_INVALID_PARAM;

    // For services with objects that a process holds (C16): take one, and whether one is
    // held, as another process sees it.  Else left out.
    std::function<void(SaUint64T handle)> hold;
    std::function<bool(SaUint64T handle)> is_held;
};

// The program's.
CommonService service_under_test();

// A callback came.  Runs what the test wants to happen inside a callback.
void called_back(SaUint64T number);

// A name of these bytes; what is behind them is `filler`.
SaNameT name_of(std::string_view text, unsigned char filler = 0);
inline std::string text_of(const SaNameT& name) {
    return {reinterpret_cast<const char*>(name.value), name.length};
}

// Initialize at the executive of this directory; waits while it says TRY_AGAIN.
SaUint64T initialize_at(const CommonService& service,
                        const std::string& run_dir,
                        bool with_callbacks = true);

// Calls again while it says TRY_AGAIN, at most 20 s.
SaAisErrorT patiently(const std::function<SaAisErrorT()>& call);

}  // namespace ais::conformance
