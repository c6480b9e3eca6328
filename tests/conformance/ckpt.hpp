// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of libSaCkpt share: a program on a node, the calls in the form in which tests
// want them, and the cluster of three that all cases use which leave it whole.

#pragma once

#include "common.hpp"

#include <openais/saCkpt.h>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ais::conformance {

inline constexpr SaTimeT forever = SA_TIME_MAX;
inline constexpr SaCkptCheckpointOpenFlagsT read_flag = SA_CKPT_CHECKPOINT_READ;
inline constexpr SaCkptCheckpointOpenFlagsT write_flag = SA_CKPT_CHECKPOINT_WRITE;
inline constexpr SaCkptCheckpointOpenFlagsT both =
    SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE;
inline constexpr SaCkptCheckpointOpenFlagsT create_flag = SA_CKPT_CHECKPOINT_CREATE;

// What the executive of this run directory lists; nothing is opened by that.
inline std::string listing(const std::string& run_dir) {
    const std::string command = std::string(std::getenv("AIS_BUILD_DIR")) +
                                "/bin/aisctl --run-dir " + run_dir + " ckpt list --json";
    FILE* from = ::popen(command.c_str(), "r");
    std::string text;
    for (int c = from != nullptr ? std::fgetc(from) : EOF; c != EOF; c = std::fgetc(from)) {
        text += static_cast<char>(c);
    }
    EXPECT_TRUE(from != nullptr && ::pclose(from) == 0) << command;
    return text;
}

// Whether it has a checkpoint of the name: an open would stop its retention.
inline bool is_listed(const std::string& run_dir, const std::string& name) {
    return listing(run_dir).find("\"name\": \"" + name + '"') != std::string::npos;
}

inline SaTimeT wall_now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return SaTimeT{now.tv_sec} * 1000000000 + now.tv_nsec;
}

inline SaCkptCheckpointCreationAttributesT attributes_of(SaUint32T flags,
                                                         SaUint32T sections = 10,
                                                         SaSizeT section_size = 100,
                                                         SaTimeT retention = 0) {
    return {flags, sections * section_size, retention, sections, section_size, 16};
}

inline SaCkptSectionIdT id_of(const std::string& text) {
    return {static_cast<SaUint16T>(text.size()),
            text.empty() ? nullptr : reinterpret_cast<SaUint8T*>(const_cast<char*>(text.data()))};
}

// A program on a node.
class Program {
  public:
    explicit Program(const std::string& run_dir, bool with_callbacks = true, int major = 1) {
        setenv("OPENAIS_RUN_DIR", run_dir.c_str(), 1);
        const SaCkptCallbacksT callbacks{on_open, on_synchronize};
        EXPECT_EQ(patiently([&] {
                      SaVersionT version{'B', static_cast<SaUint8T>(major), 1};
                      return saCkptInitialize(
                          &handle, with_callbacks ? &callbacks : nullptr, &version);
                  }),
                  SA_AIS_OK);
    }
    ~Program() { saCkptFinalize(handle); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    SaAisErrorT try_open(const std::string& name,
                         SaCkptCheckpointHandleT& opened,
                         SaCkptCheckpointOpenFlagsT flags = both,
                         std::optional<SaCkptCheckpointCreationAttributesT> attributes = {},
                         SaTimeT timeout = forever) {
        const SaNameT wire = name_of(name);
        return saCkptCheckpointOpen(
            handle, &wire, attributes ? &*attributes : nullptr, flags, timeout, &opened);
    }
    // What it is worth to open it, and close it again.
    SaAisErrorT probe(const std::string& name, SaCkptCheckpointOpenFlagsT flags = both) {
        SaCkptCheckpointHandleT opened = 0;
        const SaAisErrorT error = try_open(name, opened, flags);
        if (error == SA_AIS_OK) {
            EXPECT_EQ(saCkptCheckpointClose(opened), SA_AIS_OK);
        }
        return error;
    }
    SaCkptCheckpointHandleT open(const std::string& name, SaCkptCheckpointOpenFlagsT flags = both) {
        SaCkptCheckpointHandleT opened = 0;
        EXPECT_EQ(try_open(name, opened, flags), SA_AIS_OK) << name;
        return opened;
    }
    SaCkptCheckpointHandleT create(const std::string& name,
                                   const SaCkptCheckpointCreationAttributesT& attributes,
                                   SaCkptCheckpointOpenFlagsT flags = both) {
        SaCkptCheckpointHandleT opened = 0;
        EXPECT_EQ(try_open(name, opened, flags | create_flag, attributes), SA_AIS_OK) << name;
        return opened;
    }
    SaAisErrorT unlink(const std::string& name) {
        const SaNameT wire = name_of(name);
        return saCkptCheckpointUnlink(handle, &wire);
    }
    SaAisErrorT dispatch(SaDispatchFlagsT flags = SA_DISPATCH_ALL) {
        current_ = this;
        const SaAisErrorT error = saCkptDispatch(handle, flags);
        current_ = nullptr;
        return error;
    }
    template <typename Condition>
    bool until(Condition condition, Clock::duration longest = patience) {
        const auto descriptor = [&] {
            SaSelectionObjectT fd = 0;
            saCkptSelectionObjectGet(handle, &fd);
            return fd;
        };
        return dispatch_until(
            descriptor, [&] { dispatch(); }, condition, longest);
    }

    struct Opened {
        SaInvocationT invocation;
        SaCkptCheckpointHandleT checkpoint;
        SaAisErrorT error;
    };
    SaCkptHandleT handle = 0;
    std::vector<Opened> answers;
    std::vector<std::pair<SaInvocationT, SaAisErrorT>> synchronized;

  private:
    static void on_open(SaInvocationT invocation,
                        SaCkptCheckpointHandleT checkpoint,
                        SaAisErrorT error) {
        ASSERT_NE(current_, nullptr);
        current_->answers.push_back({invocation, checkpoint, error});
        if (error == SA_AIS_OK) {
            // It can be used in here.
            SaCkptCheckpointDescriptorT status;
            EXPECT_EQ(saCkptCheckpointStatusGet(checkpoint, &status), SA_AIS_OK);
        }
    }
    static void on_synchronize(SaInvocationT invocation, SaAisErrorT error) {
        ASSERT_NE(current_, nullptr);
        current_->synchronized.emplace_back(invocation, error);
    }
    static inline thread_local Program* current_ = nullptr;
};

inline SaAisErrorT create_section(SaCkptCheckpointHandleT checkpoint,
                                  const std::string& id,
                                  const std::string& data = "",
                                  SaTimeT expiration = SA_TIME_END) {
    SaCkptSectionIdT section = id_of(id);
    SaCkptSectionCreationAttributesT create{&section, expiration};
    return saCkptSectionCreate(checkpoint, &create, data.data(), data.size());
}
inline SaAisErrorT delete_section(SaCkptCheckpointHandleT checkpoint, const std::string& id) {
    const SaCkptSectionIdT section = id_of(id);
    return saCkptSectionDelete(checkpoint, &section);
}
inline SaAisErrorT set_expiration(SaCkptCheckpointHandleT checkpoint,
                                  const std::string& id,
                                  SaTimeT at) {
    const SaCkptSectionIdT section = id_of(id);
    return saCkptSectionExpirationTimeSet(checkpoint, &section, at);
}
inline SaAisErrorT write(SaCkptCheckpointHandleT checkpoint,
                         const std::string& id,
                         const std::string& data,
                         SaOffsetT offset = 0,
                         SaUint32T* index = nullptr) {
    const SaCkptIOVectorElementT element{
        id_of(id), const_cast<char*>(data.data()), data.size(), offset, 0};
    return saCkptCheckpointWrite(checkpoint, &element, 1, index);
}
inline SaAisErrorT overwrite(SaCkptCheckpointHandleT checkpoint,
                             const std::string& id,
                             const std::string& data) {
    const SaCkptSectionIdT section = id_of(id);
    return saCkptSectionOverwrite(checkpoint, &section, data.data(), data.size());
}
inline SaAisErrorT try_read(SaCkptCheckpointHandleT checkpoint,
                            const std::string& id,
                            std::string& data,
                            SaSizeT size = 100,
                            SaOffsetT offset = 0) {
    data.assign(size, '?');
    SaCkptIOVectorElementT element{id_of(id), data.data(), size, offset, 0};
    SaUint32T index = 77;
    const SaAisErrorT error = saCkptCheckpointRead(checkpoint, &element, 1, &index);
    EXPECT_EQ(index,
              error == SA_AIS_OK || error == SA_AIS_ERR_ACCESS || error == SA_AIS_ERR_BAD_HANDLE ||
                      error == SA_AIS_ERR_LIBRARY
                  ? index
                  : 0);
    data.resize(error == SA_AIS_OK ? element.readSize : 0);
    return error;
}
inline std::string read(SaCkptCheckpointHandleT checkpoint,
                        const std::string& id,
                        SaSizeT size = 100,
                        SaOffsetT offset = 0) {
    std::string data;
    const SaAisErrorT error = try_read(checkpoint, id, data, size, offset);
    return error == SA_AIS_OK ? data : "error " + std::to_string(error);
}
// All by a buffer of the library.
inline std::string read_all(SaCkptCheckpointHandleT checkpoint, const std::string& id) {
    SaCkptIOVectorElementT element{id_of(id), nullptr, 0, 0, 0};
    const SaAisErrorT error = saCkptCheckpointRead(checkpoint, &element, 1, nullptr);
    if (error != SA_AIS_OK) {
        return "error " + std::to_string(error);
    }
    EXPECT_EQ(element.dataSize, element.readSize);
    std::string data(static_cast<char*>(element.dataBuffer), element.readSize);
    std::free(element.dataBuffer);
    return data;
}
inline SaCkptCheckpointDescriptorT status_of(SaCkptCheckpointHandleT checkpoint) {
    SaCkptCheckpointDescriptorT status{};
    EXPECT_EQ(saCkptCheckpointStatusGet(checkpoint, &status), SA_AIS_OK);
    return status;
}
inline std::multiset<std::string> iterate(SaCkptCheckpointHandleT checkpoint,
                                          SaCkptSectionsChosenT chosen = SA_CKPT_SECTIONS_ANY,
                                          SaTimeT expiration = 0) {
    std::multiset<std::string> ids;
    SaCkptSectionIterationHandleT iteration = 0;
    EXPECT_EQ(saCkptSectionIterationInitialize(checkpoint, chosen, expiration, &iteration),
              SA_AIS_OK);
    SaCkptSectionDescriptorT section;
    SaAisErrorT error = SA_AIS_OK;
    while ((error = saCkptSectionIterationNext(iteration, &section)) == SA_AIS_OK) {
        ids.insert(
            std::string(reinterpret_cast<char*>(section.sectionId.id), section.sectionId.idLen));
    }
    EXPECT_EQ(error, SA_AIS_ERR_NO_SECTIONS);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_NO_SECTIONS);
    EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_OK);
    EXPECT_EQ(saCkptSectionIterationFinalize(iteration), SA_AIS_ERR_BAD_HANDLE);
    EXPECT_EQ(saCkptSectionIterationNext(iteration, &section), SA_AIS_ERR_BAD_HANDLE);
    return ids;
}

// One cluster of three for all scenarios that leave it whole.
class Ckpt : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        cluster_ = std::make_unique<Cluster>(3);
        cluster_->start_all();
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    static std::string dir(int node) { return cluster_->run_dir(node); }
    // A name of this test's own.
    static std::string a(const std::string& suffix = "") {
        return std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + suffix;
    }
    static inline std::unique_ptr<Cluster> cluster_;
};
// All functions that take the handle of a checkpoint, with good arguments.
inline std::vector<SaAisErrorT> call_all(SaCkptCheckpointHandleT handle) {
    SaCkptCheckpointDescriptorT status;
    SaCkptSectionIterationHandleT iteration = 0;
    std::string data;
    SaUint8T* memory = static_cast<SaUint8T*>(std::malloc(1));
    void* more_memory = std::malloc(1);
    std::vector<SaAisErrorT> results = {
        saCkptCheckpointStatusGet(handle, &status),
        saCkptCheckpointRetentionDurationSet(handle, 0),
        saCkptActiveReplicaSet(handle),
        create_section(handle, "all", "x"),
        set_expiration(handle, "all", SA_TIME_END),
        write(handle, "all", "y"),
        overwrite(handle, "all", "z"),
        try_read(handle, "all", data),
        delete_section(handle, "all"),
        saCkptSectionIterationInitialize(handle, SA_CKPT_SECTIONS_ANY, 0, &iteration),
        saCkptCheckpointSynchronize(handle, forever),
        saCkptCheckpointSynchronizeAsync(handle, 1),
        saCkptSectionIdFree(handle, memory),
        saCkptIOVectorElementDataFree(handle, more_memory),
    };
    if (results.back() != SA_AIS_OK) {
        std::free(memory);
        std::free(more_memory);
    }
    return results;
}

}  // namespace ais::conformance
