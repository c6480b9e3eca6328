// SPDX-License-Identifier: BSD-3-Clause
//
// The plugins and workloads that are linked into this program.  Made by the build from
// plugins/*/workload.cpp and tests/sim/workload/*.cpp; no static constructors.

#pragma once

#include <ais/abi/plugin.h>
#include <ais/testing/simulation.hpp>

#include <span>

namespace ais::sim {

std::span<const ais_plugin* const> linked_plugins();
// In ascending order of names.
std::span<const WorkloadTable* const> linked_workloads();

}  // namespace ais::sim
