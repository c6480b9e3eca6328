// SPDX-License-Identifier: BSD-3-Clause

#include "section.hpp"

namespace ais::ckpt {
namespace {

// Limit: memory that a section which has become small may keep.
constexpr std::size_t spare_max = 64U << 10;

}  // namespace

std::string& Section::own(bool keep_content) {
    if (bytes.use_count() > 1) {
        bytes =
            keep_content ? std::make_shared<std::string>(*bytes) : std::make_shared<std::string>();
    }
    return *bytes;
}

void Section::write(std::uint64_t offset, Bytes data) {
    std::string& target = own(true);
    const std::uint64_t end = offset + data.size();
    if (offset == target.size()) {
        target.append(as_text(data));
        return;
    }
    if (end > target.size()) {
        target.resize(end);
    }
    target.replace(offset, data.size(), as_text(data));
}

void Section::overwrite(Bytes data) {
    std::string& target = own(false);
    if (target.capacity() > spare_max && target.capacity() / 4 > data.size()) {
        std::string().swap(target);
    }
    target.assign(as_text(data));
}

}  // namespace ais::ckpt
