// SPDX-License-Identifier: BSD-3-Clause
//
// A seal that seals nothing: the real header, so that stamps can be read, and no cipher.  It
// refuses what it has opened before, as every backend does.

#pragma once

#include "links/seal.hpp"
#include "links/stamp.hpp"

#include <set>
#include <utility>

namespace ais::links {

class ClearSeal final : public Seal {
  public:
    explicit ClearSeal(NodeId self, std::uint8_t life = 1) {
        header_.sender = self.value();
        header_.salt.fill(life);
    }
    [[nodiscard]] std::size_t overhead() const override { return envelope::header_size; }
    [[nodiscard]] std::string_view cipher() const override { return "clear"; }
    bool seal(Bytes plain, MutableBytes out) override {
        ++header_.counter;
        envelope::write_header(header_, out.data());
        copy_bytes(out.data() + envelope::header_size, plain);
        return true;
    }
    bool open(MutableBytes datagram, Opened& opened, ais_crypto_fault& fault) override {
        ++opens;
        const auto stamp = read_stamp(datagram);
        if (!stamp) {
            fault.cause = AIS_FAULT_MALFORMED;
            return false;
        }
        if (!seen_.insert({stamp->sender.value(), stamp->counter}).second) {
            fault.cause = AIS_FAULT_REPLAY;
            return false;
        }
        opened.sender = stamp->sender;
        opened.plain = datagram.subspan(envelope::header_size);
        return true;
    }
    int opens = 0;

  private:
    envelope::Header header_;
    std::set<std::pair<std::uint32_t, std::uint64_t>> seen_;
};

}  // namespace ais::links
