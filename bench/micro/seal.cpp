// SPDX-License-Identifier: BSD-3-Clause
//
// Sealing and opening a datagram by each backend and cipher, through the table that the kernel
// uses.
//
// An opened datagram may not be opened twice (the replay window), so datagrams are sealed in
// batches without the clock and opened with it.

#include "fixed.hpp"

#include <ais/abi/crypto.h>
#include <ais/abi/plugin.h>
#include <ais/bytes.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#ifdef AIS_WITH_IPSEC_MB
extern "C" const struct ais_plugin ais_plugin_crypto_ipsec_mb;
#endif
extern "C" const struct ais_plugin ais_plugin_crypto_openssl;
extern "C" const struct ais_plugin ais_plugin_crypto_sodium;

namespace ais {
namespace {

// One instance of a backend with one session, as one node has it.
class Node {
  public:
    Node(const ais_plugin& plugin, const char* cipher, ais_node_id id) : plugin_(plugin) {
        host_.struct_size = sizeof host_;
        host_.log = [](const ais_host*, std::uint32_t, const char*, ais_bytes) {};
        host_.find = [](const ais_host*, const char*) -> const void* { return nullptr; };
        for (const ais_interface* offer = plugin.offers; offer->id != nullptr; ++offer) {
            if (std::string_view(offer->id) == AIS_CRYPTO_INTERFACE) {
                table_ = static_cast<const ais_crypto_v1*>(offer->table);
            }
        }
        const std::string key(128, 'k');
        ais_crypto_params params{};
        params.struct_size = sizeof params;
        params.local_node = id;
        params.key = to_abi(std::string_view(key));
        params.cipher = cipher;
        params.boot_salt[0] = static_cast<std::uint8_t>(id);
        if (table_ == nullptr || plugin.load(&host_, &self_) != AIS_OK) {
            std::abort();
        }
        is_open_ = table_->open_session(self_, &params, &session_) == AIS_OK;
    }
    ~Node() {
        if (session_ != nullptr) {
            table_->close_session(self_, session_);
        }
        plugin_.unload(self_);
    }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] std::size_t overhead() const { return table_->overhead(self_, session_); }
    bool seal(Bytes plain, std::uint8_t* out) {
        return table_->seal(self_, session_, to_abi(plain), out) == AIS_OK;
    }
    bool open(std::uint8_t* datagram, std::size_t size) {
        ais_bytes plain{};
        ais_node_id sender = 0;
        ais_crypto_fault fault{};
        fault.struct_size = sizeof fault;
        return table_->open(self_, session_, datagram, size, &plain, &sender, &fault) == AIS_OK;
    }

  private:
    const ais_plugin& plugin_;
    ais_host host_{};
    const ais_crypto_v1* table_ = nullptr;
    void* self_ = nullptr;
    void* session_ = nullptr;
    bool is_open_ = false;
};

void seal(benchmark::State& state, const ais_plugin& plugin, const char* cipher) {
    Node node(plugin, cipher, 1);
    if (!node.is_open()) {
        state.SkipWithError("this machine does not have the cipher");
        return;
    }
    const std::vector<std::uint8_t> plain(static_cast<std::size_t>(state.range(0)), 7);
    std::vector<std::uint8_t> sealed(plain.size() + node.overhead());
    for (auto _ : state) {
        benchmark::DoNotOptimize(node.seal(plain, sealed.data()));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * plain.size()));
}

void open(benchmark::State& state, const ais_plugin& plugin, const char* cipher) {
    Node sender(plugin, cipher, 1);
    Node receiver(plugin, cipher, 2);
    if (!sender.is_open() || !receiver.is_open()) {
        state.SkipWithError("this machine does not have the cipher");
        return;
    }
    constexpr std::size_t batch = 256;
    const std::vector<std::uint8_t> plain(static_cast<std::size_t>(state.range(0)), 7);
    const std::size_t size = plain.size() + sender.overhead();
    std::vector<std::uint8_t> sealed(batch * size);
    while (state.KeepRunningBatch(batch)) {
        state.PauseTiming();
        for (std::size_t i = 0; i < batch; ++i) {
            sender.seal(plain, sealed.data() + i * size);
        }
        state.ResumeTiming();
        for (std::size_t i = 0; i < batch; ++i) {
            if (!receiver.open(sealed.data() + i * size, size)) {
                state.SkipWithError("a datagram did not open");
                return;
            }
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * plain.size()));
}

const bool registered = [] {
    const ais_plugin* const plugins[] = {
        &ais_plugin_crypto_sodium,
        &ais_plugin_crypto_openssl,
#ifdef AIS_WITH_IPSEC_MB
        &ais_plugin_crypto_ipsec_mb,
#endif
    };
    for (const ais_plugin* plugin : plugins) {
        for (const char* cipher : {"aes-256-gcm", "xchacha20-poly1305"}) {
            const std::string name = std::string(plugin->name) + "/" + cipher;
            for (const int size : {64, 1400, 8900}) {
                benchmark::RegisterBenchmark(("seal/" + name).c_str(), seal, *plugin, cipher)
                    ->Apply(fix_iterations)
                    ->Arg(size);
                benchmark::RegisterBenchmark(("open/" + name).c_str(), open, *plugin, cipher)
                    ->Apply(fix_iterations)
                    ->Arg(size);
            }
        }
    }
    return true;
}();

}  // namespace
}  // namespace ais
