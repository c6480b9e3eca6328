// SPDX-License-Identifier: BSD-3-Clause
//
// With AIS_MICRO_ITERATIONS in the environment every micro-benchmark does exactly so many
// iterations: bench/instructions takes what n more of them cost.  Without it Google Benchmark
// chooses.

#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace ais {

inline void fix_iterations(benchmark::internal::Benchmark* each) {
    if (const char* wish = std::getenv("AIS_MICRO_ITERATIONS")) {
        each->Iterations(std::atol(wish));
    }
}

}  // namespace ais
