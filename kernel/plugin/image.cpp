// SPDX-License-Identifier: BSD-3-Clause
//
// Names of structures and constants are those of the System V ABI, chapter "Object Files".

#include "plugin/image.hpp"

#include <ais/codec.hpp>

#include <cstddef>
#include <optional>
#include <unordered_map>

namespace ais::plugin {

namespace {

constexpr std::uint16_t et_dyn = 3;
constexpr std::uint32_t pt_load = 1;
constexpr std::uint32_t pt_dynamic = 2;
constexpr std::uint64_t dt_null = 0;
constexpr std::uint64_t dt_strtab = 5;
constexpr std::uint64_t dt_symtab = 6;
constexpr std::uint64_t dt_rela = 7;
constexpr std::uint64_t dt_relasz = 8;
constexpr std::uint64_t dt_strsz = 10;

// Limit: relocations looked at, and symbols in a string table's reach.
constexpr std::size_t rela_max = 1U << 20;
constexpr std::size_t symbol_max = 1U << 20;
constexpr std::size_t segment_max = 64;
constexpr std::size_t symbol_size = 24;
constexpr std::size_t rela_size = 24;

// Relocation types that fill in a pointer: base + addend, and symbol + addend.
struct Machine {
    std::uint16_t id;
    std::uint32_t relative;
    std::uint32_t absolute;
};
constexpr Machine machines[] = {
    {62, 8, 1},        // EM_X86_64: R_X86_64_RELATIVE, R_X86_64_64
    {183, 1027, 257},  // EM_AARCH64: R_AARCH64_RELATIVE, R_AARCH64_ABS64
    {243, 3, 2},       // EM_RISCV: R_RISCV_RELATIVE, R_RISCV_64
    {21, 22, 38},      // EM_PPC64: R_PPC64_RELATIVE, R_PPC64_ADDR64
};

Error bad(const char* what) {
    return {AIS_ERR_CORRUPT, std::string("not a shared object: ") + what};
}

struct Segment {
    std::uint64_t offset;
    std::uint64_t address;
    std::uint64_t size;  // in the file
};

struct Symbol {
    std::string_view name;
    std::uint16_t section = 0;  // 0: undefined
    std::uint64_t address = 0;
    std::uint64_t size = 0;
};

class Reading {
  public:
    explicit Reading(Bytes file) : file_(file) {}

    Result<Image> run() {
        if (auto result = read_headers(); !result) {
            return result.error();
        }
        if (machine_ == nullptr) {
            Image image;
            image.cannot_tell = true;
            return image;
        }
        if (auto result = read_dynamic(); !result) {
            return result.error();
        }
        const auto manifest = find_manifest();
        if (!manifest) {
            return Error{AIS_ERR_NOT_FOUND,
                         "not a plugin: a shared object without the symbol ais_plugin"};
        }
        read_relocations();
        return read_manifest_at(*manifest);
    }

  private:
    // `size` bytes of the file, or nothing.
    [[nodiscard]] std::optional<Bytes> part(std::uint64_t offset, std::uint64_t size) const {
        if (offset > file_.size() || size > file_.size() - offset) {
            return std::nullopt;
        }
        return file_.subspan(offset, size);
    }

    // What lies at `address` once mapped, to the end of its segment.
    [[nodiscard]] Bytes at(std::uint64_t address) const {
        for (const Segment& segment : segments_) {
            if (address >= segment.address && address - segment.address < segment.size) {
                const std::uint64_t skip = address - segment.address;
                const auto bytes = part(segment.offset + skip, segment.size - skip);
                return bytes ? *bytes : Bytes();
            }
        }
        return {};
    }

    Result<void> read_headers() {
        static constexpr std::uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
        if (file_.size() < 64 || !std::equal(std::begin(magic), std::end(magic), file_.begin())) {
            return bad("no ELF header");
        }
        Reader header(file_.first(64));
        header.bytes(4);
        const auto word_size = header.u8();
        const auto byte_order = header.u8();
        header.bytes(10);
        const auto type = header.u16();
        const auto machine = header.u16();
        header.u32();  // version
        header.u64();  // entry
        const auto segments_at = header.u64();
        header.u64();  // sections
        header.u32();  // flags
        header.u16();  // size of this header
        const auto segment_size = header.u16();
        const auto segment_count = header.u16();
        if (word_size != 2 || byte_order != 1) {
            return {};  // machine_ stays unknown
        }
        if (type != et_dyn) {
            return bad("ELF, but an executable or object file");
        }
        for (const Machine& known : machines) {
            if (known.id == machine) {
                machine_ = &known;
            }
        }
        if (segment_size != 56 || segment_count == 0 || segment_count > segment_max) {
            return bad("its program headers are broken");
        }
        const auto table = part(segments_at, std::uint64_t{segment_size} * segment_count);
        if (!table) {
            return bad("truncated in its program headers");
        }
        Reader reader(*table);
        for (std::uint16_t i = 0; i < segment_count; ++i) {
            const auto kind = reader.u32();
            reader.u32();  // flags
            Segment segment{};
            segment.offset = reader.u64();
            segment.address = reader.u64();
            reader.u64();  // physical
            segment.size = reader.u64();
            reader.u64();  // in memory
            reader.u64();  // alignment
            if (kind != pt_load && kind != pt_dynamic) {
                continue;
            }
            if (!part(segment.offset, segment.size)) {
                return bad("truncated: a segment goes beyond the end of the file");
            }
            if (kind == pt_load) {
                segments_.push_back(segment);
            } else {
                dynamic_ = *part(segment.offset, segment.size);
            }
        }
        return {};
    }

    Result<void> read_dynamic() {
        std::uint64_t strings = 0;
        std::uint64_t strings_size = 0;
        std::uint64_t symbols = 0;
        std::uint64_t rela = 0;
        std::uint64_t rela_bytes = 0;
        Reader reader(dynamic_);
        while (reader.remaining() >= 16) {
            const auto tag = reader.u64();
            const auto value = reader.u64();
            if (tag == dt_null) {
                break;
            }
            strings = tag == dt_strtab ? value : strings;
            strings_size = tag == dt_strsz ? value : strings_size;
            symbols = tag == dt_symtab ? value : symbols;
            rela = tag == dt_rela ? value : rela;
            rela_bytes = tag == dt_relasz ? value : rela_bytes;
        }
        strings_ = at(strings);
        strings_ = strings_.first(std::min<std::size_t>(strings_.size(), strings_size));
        symbols_ = at(symbols);
        // The table has no length of its own; by custom the strings follow it.
        if (strings > symbols) {
            symbols_ = symbols_.first(std::min<std::size_t>(symbols_.size(), strings - symbols));
        }
        rela_ = at(rela);
        rela_ = rela_.first(std::min<std::size_t>(rela_.size(), rela_bytes));
        if (strings_.empty() || symbols_.empty()) {
            return bad("its dynamic section names no symbols");
        }
        return {};
    }

    [[nodiscard]] std::string_view string_at(std::uint32_t offset) const {
        if (offset >= strings_.size()) {
            return {};
        }
        const auto rest = as_text(strings_.subspan(offset));
        const auto end = rest.find('\0');
        return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
    }

    [[nodiscard]] std::optional<Symbol> symbol(std::size_t index) const {
        if (index >= symbols_.size() / symbol_size) {
            return std::nullopt;
        }
        Reader reader(symbols_.subspan(index * symbol_size, symbol_size));
        Symbol found;
        found.name = string_at(reader.u32());
        reader.u8();  // type and binding
        reader.u8();  // visibility
        found.section = reader.u16();
        found.address = reader.u64();
        found.size = reader.u64();
        return found;
    }

    [[nodiscard]] std::optional<Symbol> find_manifest() const {
        const std::size_t count = std::min(symbols_.size() / symbol_size, symbol_max);
        for (std::size_t i = 1; i < count; ++i) {
            const auto candidate = symbol(i);
            if (candidate && candidate->section != 0 && candidate->name == AIS_PLUGIN_SYMBOL) {
                return candidate;
            }
        }
        return std::nullopt;
    }

    void read_relocations() {
        const std::size_t count = std::min(rela_.size() / rela_size, rela_max);
        pointers_.reserve(count);
        Reader reader(rela_);
        for (std::size_t i = 0; i < count; ++i) {
            const auto place = reader.u64();
            const auto info = reader.u64();
            const auto addend = reader.u64();
            const auto type = static_cast<std::uint32_t>(info & 0xffffffffU);
            if (type == machine_->relative) {
                pointers_[place] = addend;
            } else if (type == machine_->absolute) {
                const auto target = symbol(static_cast<std::size_t>(info >> 32));
                // An undefined one lies in another library: nothing we could read.
                pointers_[place] = target && target->section != 0 ? target->address + addend : 0;
            }
        }
    }

    // The pointer stored at `address`.  One without a relocation is either null or packed
    // (DT_RELR), where the place itself holds the value.
    [[nodiscard]] std::uint64_t pointer(std::uint64_t address) const {
        const auto found = pointers_.find(address);
        if (found != pointers_.end()) {
            return found->second;
        }
        return Reader(at(address)).u64();
    }

    [[nodiscard]] std::string text(std::uint64_t address) const {
        const auto rest = as_text(at(address));
        const auto end = std::min(rest.find('\0'), text_max + 1);
        return std::string(rest.substr(0, end));
    }

    Result<Image> read_manifest_at(const Symbol& symbol) {
        Image image;
        Manifest& manifest = image.manifest;
        const std::uint64_t base = symbol.address;
        const Bytes bytes = at(base);
        if (bytes.size() < 8) {
            return bad("its symbol ais_plugin points nowhere");
        }
        Reader reader(bytes);
        manifest.abi_major = reader.u32();
        manifest.struct_size = reader.u32();
        if (manifest.abi_major != AIS_ABI_MAJOR || manifest.struct_size < sizeof(ais_plugin)) {
            return image;
        }
        if (bytes.size() < sizeof(ais_plugin)) {
            return bad("its symbol ais_plugin is cut off");
        }
        const auto member = [&](std::size_t offset) { return pointer(base + offset); };
        manifest.name = text(member(offsetof(ais_plugin, name)));
        manifest.version = text(member(offsetof(ais_plugin, version)));
        manifest.has_load = member(offsetof(ais_plugin, load)) != 0;
        manifest.has_unload = member(offsetof(ais_plugin, unload)) != 0;
        if (const auto needs = member(offsetof(ais_plugin, needs)); needs != 0) {
            for (std::uint64_t i = 0; i <= list_max; ++i) {
                const auto id = pointer(needs + i * 8);
                if (id == 0) {
                    break;
                }
                manifest.needs.push_back(text(id));
            }
        }
        if (const auto offers = member(offsetof(ais_plugin, offers)); offers != 0) {
            for (std::uint64_t i = 0; i <= list_max; ++i) {
                const auto id = pointer(offers + i * sizeof(ais_interface));
                if (id == 0) {
                    break;
                }
                manifest.offers.push_back(text(id));
            }
        }
        return image;
    }

    static_assert(sizeof(void*) != 8 || sizeof(ais_plugin) == 56);

    Bytes file_;
    const Machine* machine_ = nullptr;
    std::vector<Segment> segments_;
    Bytes dynamic_;
    Bytes strings_;
    Bytes symbols_;
    Bytes rela_;
    std::unordered_map<std::uint64_t, std::uint64_t> pointers_;
};

}  // namespace

Result<Image> read_image(Bytes file) {
    if constexpr (sizeof(void*) != 8) {
        // The offsets of struct ais_plugin are those of this build.
        Image image;
        image.cannot_tell = true;
        return image;
    }
    return Reading(file).run();
}

}  // namespace ais::plugin
