// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of ELF images, on files made here byte by byte; tests/load has it on real ones.

#include "plugin/image.hpp"

#include <ais/codec.hpp>

#include <cstddef>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A shared object with nothing but what the reader looks at.  File offsets and addresses
// differ by `base`, as they do in real ones.
struct Elf {
    static constexpr std::uint64_t base = 0x10000;
    std::uint16_t machine = 62;
    std::uint32_t relative = 8;
    std::uint32_t absolute = 1;
    const char* symbol = "ais_plugin";
    const char* name = "thing";
    std::uint32_t abi_major = 1;
    bool packed = false;     // pointers in place, no relocations (DT_RELR)
    bool by_symbol = false;  // `load` by an absolute relocation
    bool endless_needs = false;

    [[nodiscard]] std::string make() const {
        std::string file(4096, '\0');
        const auto put = [&](std::size_t at, std::uint64_t value, std::size_t size) {
            for (std::size_t i = 0; i < size; ++i) {
                file[at + i] = static_cast<char>(value >> (8 * i));
            }
        };
        const auto text = [&](std::size_t at, const char* words) {
            file.replace(at, std::strlen(words), words);
        };
        // Header.
        file.replace(0,
                     6,
                     "\x7f"
                     "ELF\x02\x01",
                     6);
        put(16, 3, 2);
        put(18, machine, 2);
        put(32, 64, 8);
        put(54, 56, 2);
        put(56, 2, 2);
        // Program headers: one segment with everything, and the dynamic section.
        put(64, 1, 4);
        put(64 + 8, 0, 8);
        put(64 + 16, base, 8);
        put(64 + 32, file.size(), 8);
        put(120, 2, 4);
        put(120 + 8, 256, 8);
        put(120 + 16, base + 256, 8);
        put(120 + 32, 96, 8);
        // Dynamic section: strings at 800, symbols at 600, relocations at 1000.
        const std::uint64_t dynamic[][2] = {{5, base + 800},
                                            {10, 100},
                                            {6, base + 600},
                                            {7, base + 1000},
                                            {8, packed ? 0U : 24U * 20},
                                            {0, 0}};
        for (std::size_t i = 0; i < 6; ++i) {
            put(256 + 16 * i, dynamic[i][0], 8);
            put(256 + 16 * i + 8, dynamic[i][1], 8);
        }
        text(801, "load_function");
        text(830, symbol);
        const auto symbol_at = [&](std::size_t index, std::size_t string, std::uint64_t address) {
            put(600 + 24 * index, string, 4);
            put(600 + 24 * index + 6, 7, 2);
            put(600 + 24 * index + 8, base + address, 8);
        };
        symbol_at(1, 1, 0xf00);
        symbol_at(2, 30, 2000);
        // The manifest at 2000, needs at 2100, offers at 2200, texts from 2500.
        put(2000, abi_major, 4);
        put(2004, 56, 4);
        text(2500, name);
        text(2600, "1.2.3");
        text(2700, "ais.group/1");
        text(2750, "ais.service/1");
        std::size_t relocations = 0;
        const auto point = [&](std::uint64_t at, std::uint64_t to) {
            if (packed) {
                put(at, base + to, 8);
                return;
            }
            put(1000 + 24 * relocations, base + at, 8);
            put(1000 + 24 * relocations + 8, relative, 8);
            put(1000 + 24 * relocations + 16, base + to, 8);
            ++relocations;
        };
        point(2008, 2500);
        point(2016, 2600);
        point(2024, 2100);
        point(2032, 2200);
        if (by_symbol) {
            put(1000 + 24 * relocations, base + 2040, 8);
            put(1000 + 24 * relocations + 8, (1ULL << 32) | absolute, 8);
            ++relocations;
        } else {
            point(2040, 0xf00);
        }
        point(2048, 0xf00);
        point(2100, 2700);
        point(2200, 2750);
        point(2208, 2800);
        if (endless_needs) {
            // Fills the file from 2100 on with the same pointer.
            for (std::size_t at = 2100; at + 8 <= 4096; at += 8) {
                put(at, base + 64, 8);
            }
        }
        return file;
    }
};

Result<Image> read(const Elf& elf) {
    const std::string file = elf.make();
    return read_image(as_bytes(file));
}

void expect_thing(const Result<Image>& image) {
    ASSERT_TRUE(image) << image.error().text;
    EXPECT_FALSE(image->cannot_tell);
    EXPECT_EQ(image->manifest.name, "thing");
    EXPECT_EQ(image->manifest.version, "1.2.3");
    EXPECT_THAT(image->manifest.needs, ElementsAre("ais.group/1"));
    EXPECT_THAT(image->manifest.offers, ElementsAre("ais.service/1"));
    EXPECT_TRUE(check(image->manifest, "thing"));
}

TEST(Image, follows_relative_relocations_of_every_machine) {
    expect_thing(read({}));
    expect_thing(read({.machine = 183, .relative = 1027}));
    expect_thing(read({.machine = 243, .relative = 3}));
    expect_thing(read({.machine = 21, .relative = 22}));
}

TEST(Image, follows_symbols_and_pointers_in_place) {
    expect_thing(read({.by_symbol = true}));
    expect_thing(read({.machine = 183, .relative = 1027, .absolute = 257, .by_symbol = true}));
    expect_thing(read({.packed = true}));
}

TEST(Image, says_that_it_is_no_plugin) {
    EXPECT_THAT(read({.symbol = "ais_plugin_clm"}).error().text,
                HasSubstr("without the symbol ais_plugin"));
    EXPECT_THAT(read_image(as_bytes("#!/bin/sh\nexit 0\n")).error().text,
                HasSubstr("no ELF header"));
    EXPECT_THAT(read_image({}).error().text, HasSubstr("no ELF header"));
    std::string file = Elf{}.make();
    file[16] = 2;  // ET_EXEC
    EXPECT_THAT(read_image(as_bytes(file)).error().text, HasSubstr("executable or object file"));
}

TEST(Image, cannot_tell_on_other_machines) {
    const auto image = read({.machine = 22});
    ASSERT_TRUE(image);
    EXPECT_TRUE(image->cannot_tell);
    std::string file = Elf{}.make();
    file[4] = 1;  // 32 bit
    EXPECT_TRUE(read_image(as_bytes(file))->cannot_tell);
}

TEST(Image, of_another_major_gives_nothing_but_the_major) {
    const auto image = read({.abi_major = 7});
    ASSERT_TRUE(image);
    EXPECT_EQ(image->manifest.abi_major, 7U);
    EXPECT_EQ(image->manifest.name, "");
}

TEST(Image, bounds_lists_and_texts) {
    const auto image = read({.packed = true, .endless_needs = true});
    ASSERT_TRUE(image);
    EXPECT_LE(image->manifest.needs.size(), list_max + 1);
    EXPECT_FALSE(check(image->manifest, "thing"));
}

TEST(Image, truncated_anywhere_is_refused_or_harmless) {
    const std::string file = Elf{}.make();
    for (std::size_t size = 0; size < file.size(); size += 7) {
        // A copy of exactly that size, so that the sanitizer sees one byte too far.
        const std::vector<std::uint8_t> cut(file.begin(),
                                            file.begin() + static_cast<std::ptrdiff_t>(size));
        const auto image = read_image(cut);
        ASSERT_FALSE(image) << size;
        EXPECT_THAT(image.error().text, HasSubstr("not a shared object")) << size;
    }
}

TEST(Image, with_changed_bytes_never_leads_outside) {
    std::mt19937 random(5);
    const std::string file = Elf{}.make();
    const std::size_t interesting[] = {4, 5, 16, 18, 32, 54, 56, 64, 72, 80, 96, 120, 128, 152};
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::uint8_t> broken(file.begin(), file.end());
        for (int change = 0; change < 3; ++change) {
            const std::size_t near = round % 2 == 0 ? interesting[random() % std::size(interesting)]
                                                    : (random() % 2 == 0 ? 256 + random() % 1200
                                                                         : 2000 + random() % 300);
            broken[near + random() % 8] =
                static_cast<std::uint8_t>(random() % 3 == 0 ? 0xff : random());
        }
        const auto image = read_image(broken);
        if (image) {
            static_cast<void>(check(image->manifest, "thing"));
        }
    }
}

}  // namespace
}  // namespace ais::plugin
