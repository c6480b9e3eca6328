// SPDX-License-Identifier: BSD-3-Clause
//
// A service with a large state and nothing else, to measure the exchange: bulk.size_mib MiB that
// are there from the start, in parts of bulk.part_kib KiB.

#include <ais/host.hpp>
#include <ais/service.hpp>

#include <cstring>
#include <map>
#include <string>

namespace {

class Bulk {
  public:
    static constexpr std::uint16_t service_id = 1003;
    static constexpr ais_config_key config_keys[] = {
        {"bulk", "size_mib", AIS_KEY_NUMBER, 0, 0, 2048, nullptr, "0", "state at the start"},
        {"bulk", "part_kib", AIS_KEY_NUMBER, 0, 1, 65536, nullptr, "512", "one part of it"},
    };

    explicit Bulk(const ais_host& host) : config_(host) {
        const auto size = static_cast<std::uint64_t>(config_.number("bulk.size_mib").value_or(0))
                          << 20U;
        const auto part = static_cast<std::uint64_t>(config_.number("bulk.part_kib").value_or(512))
                          << 10U;
        std::uint64_t word = 88172645463325252ULL;
        for (std::uint64_t at = 0; at < size; at += part) {
            std::string bytes(part, '\0');
            for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
                word ^= word << 13U;
                word ^= word >> 7U;
                word ^= word << 17U;
                std::memcpy(bytes.data() + i, &word, sizeof word);
            }
            put(std::to_string(1000000 + at / part), std::move(bytes));
        }
    }

    void deliver(ais_node_id, std::uint16_t, ais::Bytes) {}

    ais_status save(ais::StateWriter& out) {
        for (const auto& [name, part] : parts_) {
            out.write(part.bytes);
        }
        return AIS_OK;
    }
    ais_status merge(std::span<const ais::SavedState>) { return AIS_ERR_UNSUPPORTED; }

    ais_status list_parts(ais::PartWriter& out) {
        for (const auto& [name, part] : parts_) {
            out.part(name, part.digest, part.bytes.size());
        }
        return AIS_OK;
    }
    ais_status save_part(ais::Bytes name, ais::StateWriter& out) {
        return out.write(parts_.find(ais::as_text(name))->second.bytes);
    }
    ais_status merge_begin(std::span<const ais::Component>) { return AIS_OK; }
    ais_status merge_part(ais::Bytes name, std::span<const ais::PartState> states) {
        if (!states.empty() && !states.front().is_here) {
            prepared_[std::string(ais::as_text(name))] = ais::as_text(states.front().bytes);
        }
        return AIS_OK;
    }
    ais_status merge_end(bool commit) {
        for (auto& [name, bytes] : prepared_) {
            if (commit) {
                put(name, std::move(bytes));
            }
        }
        prepared_.clear();
        return AIS_OK;
    }

    void dump(std::string& out) {
        std::uint64_t all = 0;
        std::uint64_t size = 0;
        for (const auto& [name, part] : parts_) {
            all = all * 31 + part.digest;
            size += part.bytes.size();
        }
        out += "bulk of " + std::to_string(size) + " bytes, " + std::to_string(all) + "\n";
    }

  private:
    struct Part {
        std::string bytes;
        std::uint64_t digest = 0;
    };

    void put(const std::string& name, std::string bytes) {
        std::uint64_t digest = bytes.size();
        for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + i, sizeof word);
            digest = (digest ^ word) * 0x9e3779b97f4a7c15ULL;
            digest ^= digest >> 29U;
        }
        parts_[name] = {std::move(bytes), digest};
    }

    ais::host::Config config_;
    std::map<std::string, Part, std::less<>> parts_;
    std::map<std::string, std::string> prepared_;
};

constexpr const char* needs[] = {AIS_CONFIG_INTERFACE, nullptr};

}  // namespace

AIS_EXPORT_PLUGIN = ais::describe<Bulk>("bulk", "1.0.0", needs);
