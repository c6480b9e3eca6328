// SPDX-License-Identifier: BSD-3-Clause
//
// libcpg: who is in which group, of the whole cluster.

#include "client_instance.hpp"

namespace ais::cpg {
namespace {

cs_error_t begin(const std::shared_ptr<Instance>& instance,
                 IterateRequest request,
                 cpg_iteration_handle_t& handle) {
    auto iteration = std::make_shared<Iteration>();
    iteration->owner = instance;
    IteratePage page;
    do {
        Appender body;
        request.encode(body);
        const ais_bytes parts[] = {to_abi(body.written())};
        std::vector<std::uint8_t> response;
        const cs_error_t error = call(*instance, RequestKind::iterate, parts, response);
        if (error != CS_OK) {
            return error;
        }
        if (!IteratePage::decode(response, page)) {
            return CS_ERR_LIBRARY;
        }
        for (Entry& entry : page.entries) {
            iteration->entries.push_back(std::move(entry));
        }
        if (page.more) {
            request.after = iteration->entries.back();
        }
    } while (page.more);
    handle = iterations().insert(std::move(iteration));
    return CS_OK;
}

}  // namespace
}  // namespace ais::cpg

extern "C" {

AIS_EXPORT cs_error_t cpg_iteration_initialize(cpg_handle_t handle,
                                               cpg_iteration_type_t iteration_type,
                                               const struct cpg_name* group,
                                               cpg_iteration_handle_t* cpg_iteration_handle) {
    return ais::cpg::with_instance(handle, [=](ais::cpg::Instance&) {
        if (cpg_iteration_handle == nullptr || iteration_type < CPG_ITERATION_NAME_ONLY ||
            iteration_type > CPG_ITERATION_ALL) {
            return CS_ERR_INVALID_PARAM;
        }
        ais::cpg::IterateRequest request;
        request.type = static_cast<ais::cpg::IterationType>(iteration_type);
        if (iteration_type == CPG_ITERATION_ONE_GROUP) {
            const cs_error_t error = ais::cpg::check_name(group);
            if (error != CS_OK) {
                return error;
            }
            request.group = ais::as_text(ais::cpg::name_bytes(*group));
        }
        const auto pinned = ais::cpg::instances().pin(handle);
        if (pinned == nullptr) {
            return CS_ERR_BAD_HANDLE;
        }
        return ais::cpg::begin(pinned, std::move(request), *cpg_iteration_handle);
    });
}

AIS_EXPORT cs_error_t cpg_iteration_next(cpg_iteration_handle_t handle,
                                         struct cpg_iteration_description_t* description) {
    const auto iteration = ais::cpg::iterations().pin(handle);
    if (iteration == nullptr) {
        return CS_ERR_BAD_HANDLE;
    }
    const auto owner = iteration->owner.lock();
    if (owner == nullptr || owner->connection->is_closed() ||
        owner->connection->state() == ais::client::Status::forked) {
        return CS_ERR_BAD_HANDLE;
    }
    if (description == nullptr) {
        return CS_ERR_INVALID_PARAM;
    }
    const std::lock_guard lock(iteration->mutex);
    if (iteration->next == iteration->entries.size()) {
        return CS_ERR_NO_SECTIONS;
    }
    const ais::cpg::Entry& entry = iteration->entries[iteration->next++];
    description->group = ais::cpg::make_name(entry.group);
    description->nodeid = entry.node;
    description->pid = entry.pid;
    return CS_OK;
}

AIS_EXPORT cs_error_t cpg_iteration_finalize(cpg_iteration_handle_t handle) {
    return ais::cpg::iterations().take(handle) != nullptr ? CS_OK : CS_ERR_BAD_HANDLE;
}

}  // extern "C"
