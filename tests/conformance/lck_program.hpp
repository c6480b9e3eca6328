// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of libSaLck have in common: programs on the nodes of a cluster, their calls, and
// what their callbacks have heard, as text.

#pragma once

#include "common.hpp"

#include <openais/saLck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace ais::conformance {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr SaTimeT second = SA_TIME_ONE_SECOND;
constexpr SaLckLockModeT ex = SA_LCK_EX_LOCK_MODE;
constexpr SaLckLockModeT pr = SA_LCK_PR_LOCK_MODE;

inline std::mutex heard_mutex;
inline std::vector<std::string> heard_lines;
inline std::map<SaInvocationT, SaLckResourceHandleT> opened_handles;
inline std::function<void(SaInvocationT)> in_grant;

inline void hear(std::string line) {
    const std::lock_guard lock(heard_mutex);
    heard_lines.push_back(std::move(line));
}
inline std::vector<std::string> heard() {
    const std::lock_guard lock(heard_mutex);
    return std::exchange(heard_lines, {});
}
inline std::size_t heard_count() {
    const std::lock_guard lock(heard_mutex);
    return heard_lines.size();
}

inline void on_open(SaInvocationT invocation, SaLckResourceHandleT resource, SaAisErrorT error) {
    hear("opened " + std::to_string(invocation) + " error " + std::to_string(error));
    {
        const std::lock_guard lock(heard_mutex);
        opened_handles[invocation] = resource;
    }
    called_back(invocation);
}
inline void on_grant(SaInvocationT invocation, SaLckLockStatusT status, SaAisErrorT error) {
    if (in_grant) {
        in_grant(invocation);
    }
    hear("decided " + std::to_string(invocation) + " status " + std::to_string(status) + " error " +
         std::to_string(error));
}
inline void on_waiter(SaLckWaiterSignalT signal,
                      SaLckLockIdT id,
                      SaLckLockModeT held,
                      SaLckLockModeT requested) {
    hear("waiter " + std::to_string(signal) + " for " + std::to_string(id) + " " +
         std::to_string(held) + "/" + std::to_string(requested));
}
inline void on_unlock(SaInvocationT invocation, SaAisErrorT error) {
    hear("unlocked " + std::to_string(invocation) + " error " + std::to_string(error));
}
inline void on_lost(SaLckResourceHandleT, SaLckLockIdT id) {
    hear("lost " + std::to_string(id));
}

struct Result {
    SaAisErrorT error = SA_AIS_OK;
    int status = 0;
    SaLckLockIdT id = 0;

    friend bool operator==(const Result& a, const Result& b) {
        return a.error == b.error && a.status == b.status;
    }
    friend std::ostream& operator<<(std::ostream& out, const Result& result) {
        return out << "error " << result.error << " status " << result.status;
    }
};
inline const Result granted{SA_AIS_OK, SA_LCK_LOCK_GRANTED};
inline const Result timed_out{SA_AIS_ERR_TIMEOUT, 0};
inline Result status(SaLckLockStatusT value) {
    return {SA_AIS_OK, static_cast<int>(value)};
}

// One association with the executive of a node.
class Program {
  public:
    Program(const Cluster& cluster, int node, bool with_callbacks = true) {
        cluster.use(node);
        const SaLckCallbacksT callbacks{on_open, on_grant, on_waiter, on_unlock};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', 3, 1};
                      return saLckInitialize(
                          &handle, with_callbacks ? &callbacks : nullptr, &version);
                  }),
                  SA_AIS_OK);
    }
    ~Program() { saLckFinalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    SaAisErrorT try_open(std::string_view name,
                         SaLckResourceOpenFlagsT flags,
                         SaLckResourceHandleT& out) {
        const SaNameT wanted = name_of(name);
        return patiently(
            [&] { return saLckResourceOpen(handle, &wanted, flags, 10 * second, &out); });
    }
    SaLckResourceHandleT open(std::string_view name) {
        SaLckResourceHandleT resource = 0;
        EXPECT_EQ(try_open(name, SA_LCK_RESOURCE_CREATE, resource), SA_AIS_OK);
        return resource;
    }
    // Dispatches until the condition holds.
    bool until(const std::function<bool()>& condition) const {
        const auto descriptor = [&] {
            SaSelectionObjectT fd = 0;
            saLckSelectionObjectGet(handle, &fd);
            return fd;
        };
        const auto dispatch = [&] { EXPECT_EQ(saLckDispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK); };
        return dispatch_until(descriptor, dispatch, condition);
    }
    // What was asked of this node before is delivered here: it answers in that order.
    void settle() {
        const SaNameT wanted = name_of("settle");
        SaLckResourceHandleT resource = 0;
        EXPECT_EQ(patiently([&] {
                      return saLckResourceOpen(
                          handle, &wanted, SA_LCK_RESOURCE_CREATE, 20 * second, &resource);
                  }),
                  SA_AIS_OK);
        EXPECT_EQ(saLckDispatch(handle, SA_DISPATCH_ALL), SA_AIS_OK);
        EXPECT_EQ(patiently([&] { return saLckResourceClose(resource); }), SA_AIS_OK);
    }

    SaLckHandleT handle = 0;
};

inline Result lock(SaLckResourceHandleT resource,
                   SaLckLockModeT mode,
                   SaLckLockFlagsT flags = 0,
                   SaTimeT timeout = 20 * second,
                   SaLckWaiterSignalT signal = 0) {
    Result result;
    SaLckLockStatusT decided{};
    result.error = patiently([&] {
        return saLckResourceLock(resource, &result.id, mode, flags, signal, timeout, &decided);
    });
    result.status = result.error == SA_AIS_OK ? static_cast<int>(decided) : 0;
    return result;
}
inline std::future<Result> lock_in_thread(SaLckResourceHandleT resource, SaLckLockModeT mode) {
    return std::async(std::launch::async, [=] { return lock(resource, mode); });
}
inline SaLckLockIdT lock_async(SaLckResourceHandleT resource,
                               SaInvocationT invocation,
                               SaLckLockModeT mode,
                               SaLckWaiterSignalT signal = 0,
                               SaLckLockFlagsT flags = 0) {
    SaLckLockIdT id = 0;
    EXPECT_EQ(patiently([&] {
                  return saLckResourceLockAsync(resource, invocation, &id, mode, flags, signal);
              }),
              SA_AIS_OK);
    return id;
}
inline SaAisErrorT unlock(SaLckLockIdT id) {
    return patiently([=] { return saLckResourceUnlock(id, 10 * second); });
}
inline SaAisErrorT purge(SaLckResourceHandleT resource) {
    return patiently([=] { return saLckLockPurge(resource); });
}
inline SaLckFenceT fence_of(SaLckLockIdT id) {
    SaLckFenceT fence{};
    EXPECT_EQ(patiently([&] { return saLckLockFenceGet(id, &fence); }), SA_AIS_OK);
    return fence;
}

class Lck : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        heard();
        in_grant = nullptr;
        name = std::string("resource of ") +
               testing::UnitTest::GetInstance()->current_test_info()->name();
    }
    static inline std::unique_ptr<Cluster> cluster_;
    std::string name;
};

}  // namespace ais::conformance
