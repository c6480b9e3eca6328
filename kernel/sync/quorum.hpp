// SPDX-License-Identifier: BSD-3-Clause
//
// The port to a quorum plugin (plugin/guard implements it on ais.quorum/1).

#pragma once

#include "totem/types.hpp"

namespace ais::sync {

class Quorum {
  public:
    virtual ~Quorum() = default;
    // The same answer on all members.
    [[nodiscard]] virtual bool is_primary(const totem::Configuration& now) = 0;
};

}  // namespace ais::sync
