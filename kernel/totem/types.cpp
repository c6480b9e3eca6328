// SPDX-License-Identifier: BSD-3-Clause

#include "totem/types.hpp"

#include <ostream>

namespace ais::totem {

std::ostream& operator<<(std::ostream& to, const RingId& ring) {
    return to << ring.representative.value() << '.' << ring.seq;
}

}  // namespace ais::totem
