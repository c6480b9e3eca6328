// SPDX-License-Identifier: BSD-3-Clause

#include "aes_gcm.hpp"

#include <sodium.h>

#include <memory>

namespace ais::crypto_ipsec_mb {

using envelope::header_size;
using envelope::tag_size;

namespace {

constexpr std::size_t nonce_size = 12;

struct FreeManager {
    void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};

Error no_use(const std::string& why) {
    return {AIS_ERR_UNSUPPORTED,
            why + ": set crypto_backend to crypto_sodium (the same ring, slower)"};
}

}  // namespace

Result<void> check_processor(std::uint64_t features) {
    if ((features & IMB_CPUFLAGS_SSE) != IMB_CPUFLAGS_SSE) {
        return no_use("this processor has no AES, PCLMULQDQ or SSE4.2 instructions");
    }
    return {};
}

Result<Functions> choose_functions() {
    const std::unique_ptr<IMB_MGR, FreeManager> manager(alloc_mb_mgr(0));
    if (!manager) {
        return Error{AIS_ERR_NO_MEMORY, "IPSec_MB has no memory for its manager"};
    }
    const Result<void> checked = check_processor(manager->features);
    if (!checked) {
        return checked.error();
    }
    init_mb_mgr_auto(manager.get(), nullptr);
    const int error = imb_get_errno(manager.get());
    if (error != 0) {
        return no_use(std::string("IPSec_MB does not start: ") + imb_get_strerror(error));
    }
    if ((manager->features & IMB_FEATURE_SELF_TEST) != 0 &&
        (manager->features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
        return no_use("IPSec_MB has failed its self-test");
    }
    return Functions{manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec};
}

AesGcm::~AesGcm() {
    sodium_memzero(&key_, sizeof key_);
}

void AesGcm::expand(const Functions& functions, const envelope::Key& key) {
    functions_ = functions;
    functions_.expand(key.data(), &key_);
}

void AesGcm::seal(std::uint64_t counter, Bytes plain, std::uint8_t* datagram) const {
    std::uint8_t* const to = datagram + header_size;
    gcm_context_data context;
    functions_.seal(&key_,
                    &context,
                    to,
                    plain.data(),
                    plain.size(),
                    envelope::nonce<nonce_size>(counter).data(),
                    datagram,
                    header_size,
                    to + plain.size(),
                    tag_size);
    sodium_memzero(&context, sizeof context);
}

bool AesGcm::open(std::uint64_t counter, Bytes datagram, std::uint8_t* to) const {
    const std::uint8_t* const in = datagram.data() + header_size;
    const std::size_t size = datagram.size() - header_size - tag_size;
    std::array<std::uint8_t, tag_size> tag;
    gcm_context_data context;
    functions_.open(&key_,
                    &context,
                    to,
                    in,
                    size,
                    envelope::nonce<nonce_size>(counter).data(),
                    datagram.data(),
                    header_size,
                    tag.data(),
                    tag_size);
    const bool is_right = sodium_memcmp(tag.data(), in + size, tag_size) == 0;
    sodium_memzero(&context, sizeof context);
    // Why: the tag that would have been right must not be found by who has a forgery.
    sodium_memzero(tag.data(), tag.size());
    if (!is_right) {
        sodium_memzero(to, size);
    }
    return is_right;
}

}  // namespace ais::crypto_ipsec_mb
