// SPDX-License-Identifier: BSD-3-Clause
//
// Why an association may not come about, and why a call must be repeated, for each service: the
// service is not loaded, this user may not, all places are taken, this process has no descriptors
// left, replicas are being made equal.

#include "program.hpp"

#include <openais/cpg.h>
#include <openais/evs.h>
#include <openais/saCkpt.h>
#include <openais/saClm.h>
#include <openais/saEvt.h>
#include <openais/saLck.h>
#include <openais/saMsg.h>

#include <ais/abi/types.h>
#include <ais/ipc_wire.hpp>

#include <gtest/gtest.h>

#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ais::conformance {
namespace {

void on_open(SaInvocationT, SaEvtChannelHandleT, SaAisErrorT) {}
void on_event(SaEvtSubscriptionIdT, SaEvtEventHandleT, SaSizeT) {}
void on_cpg(cpg_handle_t, const cpg_name*, std::uint32_t, std::uint32_t, void*, std::size_t) {}

template <typename Callbacks>
int initialize_sa(SaAisErrorT (*initialize)(SaUint64T*, const Callbacks*, SaVersionT*),
                  std::uint64_t& handle) {
    SaVersionT version{'B', 1, 1};
    return initialize(&handle, nullptr, &version);
}

// Each library's Initialize, and what the results are called there.
struct Service {
    const char* name;
    std::function<int(std::uint64_t&)> initialize;
    int not_supported = SA_AIS_ERR_NOT_SUPPORTED;
    int full = SA_AIS_ERR_NO_RESOURCES;
    int denied = SA_AIS_ERR_ACCESS;
    int foreign = SA_AIS_ERR_LIBRARY;
};
const std::vector<Service> services = {
    {"clm", [](std::uint64_t& handle) { return initialize_sa(saClmInitialize, handle); }},
    {"ckpt", [](std::uint64_t& handle) { return initialize_sa(saCkptInitialize, handle); }},
    {"evt", [](std::uint64_t& handle) { return initialize_sa(saEvtInitialize, handle); }},
    {"lck", [](std::uint64_t& handle) { return initialize_sa(saLckInitialize, handle); }},
    {"msg", [](std::uint64_t& handle) { return initialize_sa(saMsgInitialize, handle); }},
    {"evs",
     [](std::uint64_t& handle) {
         evs_callbacks_t callbacks{};
         return static_cast<int>(evs_initialize(&handle, &callbacks));
     },
     EVS_ERR_NOT_SUPPORTED,
     EVS_ERR_NO_MEMORY,
     EVS_ERR_SECURITY,
     EVS_ERR_LIBRARY},
    {"cpg",
     [](std::uint64_t& handle) {
         cpg_callbacks_t callbacks{};
         return static_cast<int>(cpg_initialize(&handle, &callbacks));
     },
     CS_ERR_NOT_SUPPORTED,
     CS_ERR_NO_RESOURCES,
     CS_ERR_ACCESS,
     CS_ERR_VERSION},
};
constexpr int no_memory = SA_AIS_ERR_NO_MEMORY;
static_assert(no_memory == CS_ERR_NO_MEMORY && no_memory == EVS_ERR_NO_MEMORY);

int patiently(const std::function<int()>& call) {
    int error = 0;
    wait_until([&] { return (error = call()) != SA_AIS_ERR_TRY_AGAIN; }, patience);
    return error;
}

// Runs it in a child; what it returns (0: all is well) is the child's status.
int in_child(const std::function<int()>& what) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);
        _exit(what());
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

// The number, from 1, of the first service that does not say what it should; 0: all do.
int first_wrong(int Service::*wanted) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        std::uint64_t handle = 42;
        const int error = patiently([&] { return services[i].initialize(handle); });
        if (error != services[i].*wanted || handle != 42) {
            fprintf(stderr, "%s says %d\n", services[i].name, error);
            return static_cast<int>(i) + 1;
        }
    }
    return 0;
}

// An executive of which only the door is there: it answers everybody with the same bytes.
class Door {
  public:
    Door() {
        EXPECT_NE(mkdtemp(dir_), nullptr);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_ = std::string(dir_) + "/" + ipc::socket_name;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(socket_, 10), 0);
        setenv("OPENAIS_RUN_DIR", dir_, 1);
    }
    ~Door() {
        close(socket_);
        unlink(path_.c_str());
        rmdir(dir_);
    }
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    // What Initialize says when it is answered so.
    int ask(const Service& service, const ipc::ConnectReply& reply, std::size_t size) const {
        std::thread answering([&] {
            const int client = accept(socket_, nullptr, nullptr);
            ipc::ConnectRequest request;
            EXPECT_EQ(recv(client, &request, sizeof request, 0), ssize_t{sizeof request});
            EXPECT_EQ(send(client, &reply, size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
            close(client);
        });
        std::uint64_t handle = 42;
        const int error = service.initialize(handle);
        answering.join();
        EXPECT_EQ(handle, 42U);
        return error;
    }

  private:
    char dir_[32] = "/tmp/ais-door-XXXXXX";
    std::string path_;
    int socket_ = -1;
};

TEST(Refusals, executive_that_speaks_otherwise_is_told_from_one_that_is_busy) {
    const Door door;
    for (const Service& service : services) {
        SCOPED_TRACE(service.name);
        ipc::ConnectReply reply;
        reply.status = AIS_ERR_UNSUPPORTED;
        EXPECT_EQ(door.ask(service, reply, sizeof reply), service.foreign);
        reply.version = ipc::protocol_version + 1;
        EXPECT_EQ(door.ask(service, reply, sizeof reply), service.foreign);
        reply = {};
        reply.status = AIS_ERR_AGAIN;
        EXPECT_EQ(door.ask(service, reply, sizeof reply), SA_AIS_ERR_TRY_AGAIN);
        reply = {};
        EXPECT_EQ(door.ask(service, reply, sizeof reply), SA_AIS_ERR_TRY_AGAIN)
            << "without descriptors";
        EXPECT_EQ(door.ask(service, reply, 3), SA_AIS_ERR_TRY_AGAIN) << "cut off";
        reply.magic = 0;
        EXPECT_EQ(door.ask(service, reply, sizeof reply), SA_AIS_ERR_TRY_AGAIN);
    }
}

TEST(Refusals, service_that_is_not_loaded_is_not_supported) {
    Cluster cluster(1, "", "plugins {\n    load: none\n}\n");
    cluster.start_all();
    cluster.use(1);
    EXPECT_EQ(first_wrong(&Service::not_supported), 0);
}

TEST(Refusals, places_descriptors_and_rights_that_are_missing_have_their_names) {
    Cluster cluster(1, "", "ipc {\n    clients_max: 3\n}\n");
    cluster.start_all();
    cluster.use(1);
    cpg_handle_t places[3] = {};
    for (cpg_handle_t& place : places) {
        ASSERT_EQ(patiently([&] { return services.back().initialize(place); }), CS_OK);
    }
    EXPECT_EQ(first_wrong(&Service::full), 0);
    for (const cpg_handle_t place : places) {
        ASSERT_EQ(cpg_finalize(place), CS_OK);
    }

    if (geteuid() == 0) {
        EXPECT_EQ(in_child([] {
                      if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) {
                          return 100;
                      }
                      return first_wrong(&Service::denied);
                  }),
                  0);
    }

    // None for the socket; one for it; one for the first of what the executive sends.
    EXPECT_EQ(in_child([] {
                  const int free_one = dup(0);
                  close(free_one);
                  for (int room = 0; room < 3; ++room) {
                      const rlimit limit{static_cast<rlim_t>(free_one + room), 4096};
                      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
                          return 100;
                      }
                      for (const Service& service : services) {
                          std::uint64_t handle = 42;
                          // The place of the attempt before may be free only soon.
                          int error = 0;
                          wait_until([&] {
                              errno = 0;  // nothing of an earlier failure helps
                              error = service.initialize(handle);
                              return error == no_memory;
                          });
                          if (error != no_memory || handle != 42) {
                              fprintf(stderr, "%s, %d free: %d\n", service.name, room, error);
                              return room + 1;
                          }
                      }
                      if (room == 0 && dup(0) >= 0) {
                          return 50;
                      }
                  }
                  return 0;
              }),
              0);
    for (cpg_handle_t& place : places) {
        EXPECT_TRUE(
            wait_until([&] { return services.back().initialize(place) == CS_OK; }, patience))
            << "nothing is left behind";
    }
    for (const cpg_handle_t place : places) {
        EXPECT_EQ(cpg_finalize(place), CS_OK);
    }
}

// What a thread does again and again: `call` is the function that is looked at; what comes before
// and after is not.
struct Caller {
    Caller(const char* function,
           std::function<int()> before,
           std::function<int()> looked_at,
           std::function<int()> after)
        : name(function),
          prepare(std::move(before)),
          call(std::move(looked_at)),
          undo(std::move(after)) {}

    void turn() {
        wrong += prepare && patiently(prepare) != SA_AIS_OK ? 1 : 0;
        // Not a wait: it is here most of the time, and not in a call that has been accepted, when
        // replicas begin to differ.
        std::this_thread::sleep_for(20ms);
        int error = call();
        if (error == SA_AIS_ERR_TRY_AGAIN) {
            ++refused;
            error = patiently(call);  // it has not taken effect, and the handle is good
        }
        wrong += error != SA_AIS_OK && error != SA_AIS_ERR_NOT_EXIST ? 1 : 0;
        wrong += undo && patiently(undo) != SA_AIS_OK ? 1 : 0;
    }

    const char* name;
    std::function<int()> prepare;
    std::function<int()> call;
    std::function<int()> undo;
    std::atomic<int> refused{0};
    std::atomic<int> wrong{0};
};

// Replicas are made equal for some tenths of a second here, and calls do not wait for that.
TEST(Refusals, functions_that_ask_say_try_again_while_replicas_are_made_equal) {
    Cluster cluster(2, "", "ipc {\n    request_wait: 0\n}\n");
    cluster.start_all();
    cluster.use(1);
    constexpr SaEvtChannelOpenFlagsT all =
        SA_EVT_CHANNEL_CREATE | SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER;
    const SaNameT name{7, {'c', 'h', 'a', 'n', 'n', 'e', 'l'}};
    const SaNameT nobody{6, {'n', 'o', 'b', 'o', 'd', 'y'}};
    const SaEvtCallbacksT of_evt{on_open, on_event};
    SaEvtHandleT evt = 0;
    SaEvtChannelHandleT channel = 0;
    ASSERT_EQ(patiently([&] {
                  SaVersionT version{'B', 1, 1};
                  return saEvtInitialize(&evt, &of_evt, &version);
              }),
              SA_AIS_OK);
    ASSERT_EQ(patiently([&] { return saEvtChannelOpen(evt, &name, all, SA_TIME_MAX, &channel); }),
              SA_AIS_OK);
    // About 20 MB that a node which comes must get.
    SaEvtEventHandleT large = 0;
    SaEvtEventHandleT small = 0;
    ASSERT_EQ(saEvtEventAllocate(channel, &large), SA_AIS_OK);
    ASSERT_EQ(saEvtEventAllocate(channel, &small), SA_AIS_OK);
    std::vector<SaUint8T> bytes(65536, 'x');
    std::vector<SaEvtEventPatternT> patterns(64, {0, 4096, bytes.data()});
    const SaEvtEventPatternArrayT array{0, patterns.size(), patterns.data()};
    ASSERT_EQ(saEvtEventAttributesSet(large, &array, 3, SA_TIME_MAX, nullptr), SA_AIS_OK);
    ASSERT_EQ(saEvtEventAttributesSet(small, nullptr, 3, SA_TIME_ONE_MILLISECOND, nullptr),
              SA_AIS_OK);
    const auto publish = [&](SaEvtEventHandleT event, SaSizeT size) {
        SaEvtEventIdT id = 0;
        return static_cast<int>(saEvtEventPublish(event, bytes.data(), size, &id));
    };
    for (int i = 0; i < 60; ++i) {
        ASSERT_EQ(patiently([&] { return publish(large, bytes.size()); }), SA_AIS_OK);
    }
    evs_handle_t evs = 0;
    evs_callbacks_t of_evs{};
    ASSERT_EQ(patiently([&] { return evs_initialize(&evs, &of_evs); }), EVS_OK);
    cpg_handle_t cpg = 0;
    cpg_handle_t asking = 0;
    cpg_handle_t leaving = 0;
    cpg_callbacks_t of_cpg{on_cpg, nullptr};
    for (cpg_handle_t* handle : {&cpg, &asking, &leaving}) {
        ASSERT_EQ(patiently([&] { return cpg_initialize(handle, &of_cpg); }), CS_OK);
    }

    SaEvtChannelHandleT opened = 0;
    SaEvtChannelHandleT closing = 0;
    SaEvtEventFilterT filter{SA_EVT_EXACT_FILTER, {0, 1, bytes.data()}};
    const SaEvtEventFilterArrayT filters{1, &filter};
    evs_group one{{'1'}};
    evs_group two{{'2'}};
    const cpg_name joined{1, "j"};
    const cpg_name left{1, "l"};
    const auto evt_open = [&](SaEvtChannelHandleT& handle) {
        return [&] { return saEvtChannelOpen(evt, &name, all, SA_TIME_MAX, &handle); };
    };
    const auto evt_close = [&](SaEvtChannelHandleT& handle) {
        return [&] { return saEvtChannelClose(handle); };
    };
    const auto subscribe = [&](SaEvtSubscriptionIdT id) {
        return [&, id] { return saEvtEventSubscribe(channel, &filters, id); };
    };
    const auto unsubscribe = [&](SaEvtSubscriptionIdT id) {
        return [&, id] { return saEvtEventUnsubscribe(channel, id); };
    };
    const auto evs_joins = [&](evs_group& group) {
        return [&] { return evs_join(evs, &group, 1); };
    };
    const auto evs_leaves = [&](evs_group& group) {
        return [&] { return evs_leave(evs, &group, 1); };
    };
    const auto cpg_joins = [](cpg_handle_t& handle, const cpg_name& group) {
        return [&] { return cpg_join(handle, &group); };
    };
    const auto cpg_leaves = [](cpg_handle_t& handle) {
        return [&] { return cpg_leave(handle, nullptr); };
    };
    std::vector<std::unique_ptr<Caller>> callers;
    const auto add = [&](const char* function,
                         std::function<int()> prepare,
                         std::function<int()> call,
                         std::function<int()> undo) {
        callers.push_back(std::make_unique<Caller>(
            function, std::move(prepare), std::move(call), std::move(undo)));
    };
    add("saEvtChannelOpen", nullptr, evt_open(opened), evt_close(opened));
    add("saEvtChannelClose", evt_open(closing), evt_close(closing), nullptr);
    add(
        "saEvtChannelUnlink", nullptr, [&] { return saEvtChannelUnlink(evt, &nobody); }, nullptr);
    add("saEvtEventSubscribe", nullptr, subscribe(1), unsubscribe(1));
    add("saEvtEventUnsubscribe", subscribe(2), unsubscribe(2), nullptr);
    add(
        "saEvtEventRetentionTimeClear",
        nullptr,
        [&] { return saEvtEventRetentionTimeClear(channel, 5000); },
        nullptr);
    add(
        "saEvtEventPublish", nullptr, [&] { return publish(small, 1); }, nullptr);
    add("evs_join", nullptr, evs_joins(one), evs_leaves(one));
    add("evs_leave", evs_joins(two), evs_leaves(two), nullptr);
    add(
        "evs_membership_get",
        nullptr,
        [&] {
            unsigned count = 0;
            return evs_membership_get(evs, nullptr, nullptr, &count);
        },
        nullptr);
    add("cpg_join", nullptr, cpg_joins(cpg, joined), cpg_leaves(cpg));
    add("cpg_leave", cpg_joins(leaving, left), cpg_leaves(leaving), nullptr);
    add(
        "cpg_membership_get",
        nullptr,
        [&] {
            cpg_name group{2, "no"};
            cpg_address list[2];
            int count = 2;
            return cpg_membership_get(asking, &group, list, &count);
        },
        nullptr);
    add(
        "cpg_iteration_initialize",
        nullptr,
        [&] {
            cpg_iteration_handle_t iteration = 0;
            const cs_error_t error =
                cpg_iteration_initialize(asking, CPG_ITERATION_ALL, nullptr, &iteration);
            return error == CS_OK ? cpg_iteration_finalize(iteration) : error;
        },
        nullptr);

    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (const auto& caller : callers) {
        threads.emplace_back([&stop, &mine = *caller] {
            while (!stop) {
                mine.turn();
            }
        });
    }
    const auto is_seen = [](const auto& caller) { return caller->refused > 0; };
    // Limit: one round is enough if everybody asks in time.
    for (int round = 0; round < 5 && !std::all_of(callers.begin(), callers.end(), is_seen);
         ++round) {
        EXPECT_EQ(cluster.stop(2), 0);
        cluster.start(2);
        cluster.wait_ring({1, 2});
        wait_until([&] { return std::all_of(callers.begin(), callers.end(), is_seen); }, 2s);
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const auto& caller : callers) {
        EXPECT_GT(caller->refused, 0) << caller->name;
        EXPECT_EQ(caller->wrong, 0) << caller->name;
    }
    EXPECT_EQ(saEvtFinalize(evt), SA_AIS_OK);
    EXPECT_EQ(evs_finalize(evs), EVS_OK);
    for (const cpg_handle_t handle : {cpg, asking, leaving}) {
        EXPECT_EQ(cpg_finalize(handle), CS_OK);
    }
}

}  // namespace
}  // namespace ais::conformance
