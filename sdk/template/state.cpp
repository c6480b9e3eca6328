// SPDX-License-Identifier: BSD-3-Clause

#include "state.hpp"

#include <ais/codec.hpp>

#include <utility>

namespace thing {

void State::write(ais::Bytes value) {
    ++writes_;
    value_ = ais::as_text(value);
}

std::string State::save() const {
    ais::Appender out;
    out.u64(writes_);
    out.text(value_);
    return out.take();
}

void State::clear() {
    writes_ = 0;
    value_.clear();
}

bool State::merge_with(ais::Bytes snapshot) {
    ais::Reader reader(snapshot);
    const std::uint64_t writes = reader.u64();
    std::string value(reader.text());
    if (!reader.finished()) {
        return false;
    }
    if (std::pair(writes, value) > std::pair(writes_, value_)) {
        writes_ = writes;
        value_ = std::move(value);
    }
    return true;
}

}  // namespace thing
