// SPDX-License-Identifier: BSD-3-Clause
//
// The barrier's decoder and what stands behind it, with anything.  Node 1 is
// in a ring of three.  Input: messages as u8 (bits 0-1 sender; bits 2-3: 0 a
// hello of bytes, or a done, 1 a chunk of bytes, 2 a hello that fits, 3 a chunk whose
// header fits; bit 4: a list of parts in it; bit 5: of a comparison, and time for one has come), u8
// size, bytes.

#include "base/assert.hpp"
#include "sync/barrier.hpp"
#include "sync/messages.hpp"

#include <ais/codec.hpp>

namespace {

using namespace ais;

struct Services final : sync::Participants, group::Receiver {
    std::vector<std::uint16_t> synchronised_services() const override { return {1, 3}; }
    ais_status save(std::uint16_t, std::string& out) override {
        out = "state";
        return AIS_OK;
    }
    ais_status merge(std::uint16_t, std::span<const ais_saved_state> states) override {
        std::size_t own = 0;
        for (const ais_saved_state& state : states) {
            for (const std::uint8_t byte : from_abi(state.bytes)) {
                sum = sum * 31 + byte;  // all of it can be read
            }
            own += state.flags & AIS_STATE_OWN;
        }
        AIS_ASSERT(own <= 1);  // 0: ours was given up with the member that sent it
        return AIS_OK;
    }
    bool in_parts(std::uint16_t service) const override { return service == 3; }
    ais_status list(std::uint16_t, std::vector<sync::Part>& out) override {
        out = {{"a", 1, 5}, {"c", 3, 5}};
        return AIS_OK;
    }
    ais_status save_part(std::uint16_t, const std::string& name, std::string& out) override {
        out = "part " + name;
        return AIS_OK;
    }
    ais_status merge_begin(std::uint16_t, std::span<const ais_component> components) override {
        AIS_ASSERT(!is_merging && !components.empty());
        is_merging = true;
        return AIS_OK;
    }
    ais_status merge_part(std::uint16_t,
                          const std::string& name,
                          std::span<const ais_part_state> states) override {
        AIS_ASSERT(is_merging && !name.empty() && !states.empty());
        for (const ais_part_state& state : states) {
            AIS_ASSERT((state.flags & AIS_PART_HERE) == 0 || state.bytes.size == 0);
            for (const std::uint8_t byte : from_abi(state.bytes)) {
                sum = sum * 31 + byte;
            }
        }
        return AIS_OK;
    }
    ais_status merge_end(std::uint16_t, bool commit) override {
        AIS_ASSERT(is_merging || !commit);
        is_merging = false;
        return AIS_OK;
    }
    void diverged(std::uint16_t, std::string_view) override { stopped = true; }
    void on_message(NodeId, std::uint16_t, std::uint16_t, Bytes) override {}
    bool stopped = false;
    bool is_merging = false;
    std::uint64_t sum = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Services services;
    group::Groups groups({100000, 1, 1U << 20}, services, null_log());
    sync::Barrier barrier(NodeId(1), groups, services, null_log(), std::chrono::seconds(1));
    totem::Configuration now;
    now.ring = {5, NodeId(1), 6};
    now.members = {NodeId(1), NodeId(2), NodeId(3)};
    barrier.on_configure(now);

    // Our own messages come back to us, as on the ring.
    struct Loop final : group::Receiver {
        explicit Loop(sync::Barrier& to) : barrier(to) {}
        void on_message(NodeId sender, std::uint16_t, std::uint16_t kind, Bytes body) override {
            barrier.on_message(sender, kind, body);
        }
        sync::Barrier& barrier;
    } loop(barrier);
    group::Groups back({100000, 1, 1}, loop, null_log());
    const auto echo = [&] {
        std::uint8_t room[2000];
        auto guarantee = totem::Guarantee::agreed;
        while (const std::size_t taken = groups.take(room, guarantee)) {
            back.on_deliver({NodeId(1), now.ring, 1, guarantee, Bytes(room, taken)});
            back.before_free(1);
        }
    };

    Instant time{};
    Reader in(Bytes(data, size));
    while (in.remaining() > 0 && !services.stopped) {
        const std::uint8_t what = in.u8();
        // Never node 1: nobody can multicast in our name (links authenticate, the
        // engine refuses what claims to be ours).
        const NodeId sender((what & 3U) == 1 ? 4 : (what & 3U));
        const std::uint8_t wanted = in.u8();
        const Bytes bytes = in.bytes(std::min<std::size_t>(wanted, in.remaining()));
        if ((what & 0x40) != 0) {
            echo();
        }
        if ((what & 0x80) != 0) {
            ++now.ring.seq;
            groups.on_configure(now);
            back.on_configure(now);
            barrier.on_configure(now);
        }
        if ((what & 0x20) != 0) {
            time += std::chrono::seconds(1);
            barrier.on_message(sender, 4 + (wanted & 1U), bytes);
            std::vector<sync::Offer> offers;
            for (const std::uint8_t id : bytes) {
                offers.push_back({id, id % 3 == 0, id % 5U, id});
            }
            barrier.on_message(sender, 5, as_bytes(encode(sync::Compared{now.ring, 1, offers})));
        }
        switch ((what >> 2) & 3U) {
            case 0:
                if (bytes.empty()) {
                    barrier.on_message(sender, 3, as_bytes(encode(sync::Done{now.ring})));
                } else {
                    barrier.on_message(sender, 1, bytes);
                }
                break;
            case 1:
                barrier.on_message(sender, 2, bytes);
                break;
            case 2: {
                std::vector<sync::Offer> offers;
                for (const std::uint8_t id : bytes) {
                    if (id > 0 && (offers.empty() || id > offers.back().service)) {
                        offers.push_back({id, id % 3 == 0, id % 5U, id});
                    }
                }
                const sync::Lineage lineage{sender.value() + std::uint64_t(wanted & 1U)};
                barrier.on_message(
                    sender, 1, as_bytes(encode(sync::Hello{now.ring, lineage, offers})));
                break;
            }
            default: {
                if (bytes.size() < 2) {
                    break;
                }
                std::string body(as_text(bytes.subspan(2)));
                if ((what & 0x10) != 0) {
                    std::vector<sync::Part> parts;
                    for (const char c : body) {
                        const std::string name(1, c);
                        if (parts.empty() || name > parts.back().name) {
                            parts.push_back({name, std::uint64_t(c) & 3U, 5});
                        }
                    }
                    body = encode_list(parts);
                }
                const std::uint64_t digest =
                    (bytes[1] & 1U) != 0 ? (bytes[1] >> 1U) % 5U : sync::digest_of(as_bytes(body));
                std::string chunk = sync::encode_header({now.ring,
                                                         std::uint32_t(bytes[0]),
                                                         std::uint32_t(bytes[1] >> 5U),
                                                         body.size(),
                                                         digest,
                                                         {}});
                chunk += body;
                barrier.on_message(sender, 2, as_bytes(chunk));
            }
        }
        barrier.pump(time);
    }
    echo();
    return 0;
}
