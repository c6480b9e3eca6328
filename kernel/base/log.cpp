// SPDX-License-Identifier: BSD-3-Clause

#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace ais {
namespace {

constexpr std::size_t lines_max = 64;
constexpr std::size_t line_max = 256;

struct Recent {
    std::array<std::array<char, line_max>, lines_max> lines{};
    std::size_t next = 0;
};

Recent& recent() {
    static Recent kept;  // Why static: assertion_failed has nothing else to ask.
    return kept;
}

class NullLog final : public Log {
  public:
    void write(Level, std::string_view, std::string_view, std::string_view) override {}
    [[nodiscard]] bool wants(Level, std::string_view) const override { return false; }
};

}  // namespace

Log& null_log() {
    static NullLog log;
    return log;
}

void remember_log_line(std::string_view line) {
    auto& kept = recent();
    auto& slot = kept.lines[kept.next++ % lines_max];
    const std::size_t size = std::min(line.size(), line_max - 1);
    std::memcpy(slot.data(), line.data(), size);
    slot[size] = '\0';
}

void print_recent_log_lines(std::FILE* to) {
    const auto& kept = recent();
    for (std::size_t i = 0; i < lines_max; ++i) {
        const auto& line = kept.lines[(kept.next + i) % lines_max];
        if (line[0] != '\0') {
            std::fprintf(to, "%s\n", line.data());
        }
    }
}

}  // namespace ais
