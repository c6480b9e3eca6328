// SPDX-License-Identifier: BSD-3-Clause
//
// Where a service writes its state to: save(), save_part() and save_local() get one.

#pragma once

#include <ais/abi/service.h>
#include <ais/bytes.hpp>

#include <string_view>

namespace ais {

class StateWriter {
  public:
    explicit StateWriter(const ais_writer& to) : to_(to) {}

    // Copied at once.  After a failure nothing more is written; status() has it.
    ais_status write(Bytes bytes) {
        if (status_ == AIS_OK) {
            status_ = to_.write(to_.context, to_abi(bytes));
        }
        return status_;
    }
    ais_status write(std::string_view text) { return write(as_bytes(text)); }
    [[nodiscard]] ais_status status() const { return status_; }

  private:
    const ais_writer& to_;
    ais_status status_ = AIS_OK;
};

}  // namespace ais
