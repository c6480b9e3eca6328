// SPDX-License-Identifier: BSD-3-Clause
//
// For the tests of this folder: a log that keeps its lines and a directory
// that is removed with what is in it.

#pragma once

#include "base/log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace ais::os {

class KeptLines final : public Log {
  public:
    void write(Level, std::string_view, std::string_view id, std::string_view text) override {
        all.push_back(std::string(id) + " " + std::string(text));
    }
    [[nodiscard]] bool wants(Level, std::string_view) const override { return true; }
    [[nodiscard]] std::size_t count(std::string_view id) const {
        std::size_t found = 0;
        for (const auto& line : all) {
            found += line.starts_with(id) ? 1 : 0;
        }
        return found;
    }
    std::vector<std::string> all;
};

class TestDirectory {
  public:
    TestDirectory() {
        std::string name = testing::TempDir() + "aisexec.XXXXXX";
        path = ::mkdtemp(name.data()) == nullptr ? std::string() : name;
        EXPECT_FALSE(path.empty());
    }
    ~TestDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return path + '/' + name; }
    std::string path;
};

inline std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace ais::os
