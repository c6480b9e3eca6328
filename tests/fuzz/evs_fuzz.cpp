// SPDX-License-Identifier: BSD-3-Clause
//
// What evs takes from other nodes, from clients and, in the library, from the
// executive.  Input: pieces, each as u8 (what), u8 (client), u16 size, bytes.
// Checked: who hears a group is who has joined it, each once and in order; a configuration
// that is accepted is written again as it was.

#include "service_fuzz.hpp"
#include "state.hpp"
#include "wire.hpp"

#include <map>
#include <set>

namespace {

using namespace ais;

// The same in the simplest way.
using Model = std::map<std::uint32_t, std::multiset<evs::Key>>;

void change(evs::State& state, Model& model, bool joins, std::uint32_t who, evs::KeyList keys) {
    auto& mine = model[who];
    if (joins) {
        const bool fits = mine.size() + keys.size() <= evs::groups_max;
        AIS_ASSERT((state.join(who, keys) == evs::Outcome::done) == fits);
        for (std::size_t i = 0; fits && i < keys.size(); ++i) {
            mine.insert(keys.at(i));
        }
        return;
    }
    bool all_were_there = true;
    for (std::size_t i = 0; all_were_there && i < keys.size(); ++i) {
        const auto known = mine.find(keys.at(i));
        all_were_there = known != mine.end();
        if (all_were_there) {
            mine.erase(known);
        }
    }
    AIS_ASSERT((state.leave(who, keys) == evs::Outcome::done) == all_were_there);
}

void deliver(evs::State& state, const Model& model, evs::KeyList keys) {
    std::vector<std::uint32_t> expected;
    for (const auto& [who, joined] : model) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (joined.contains(keys.at(i))) {
                expected.push_back(who);
                break;
            }
        }
    }
    const auto found = state.listeners(keys);
    AIS_ASSERT(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
}

void read_as_library(Bytes event) {
    evs::ConfigurationEvent now;
    evs::Hello hello;
    Reader in(event);
    (void)evs::DeliveryHead::decode(in);
    (void)evs::Hello::decode(event, hello);
    if (evs::ConfigurationEvent::decode(event, now)) {
        Appender out;
        now.encode(out);
        const Bytes again = out.written();
        AIS_ASSERT(std::equal(event.begin(), event.end(), again.begin(), again.end()));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    evs::State state;
    Model model;
    fuzz::for_each_piece(data, size, [&](std::uint8_t what, std::uint8_t from, Bytes bytes) {
        const std::uint32_t who = from & 3U;
        Reader body(bytes);
        evs::KeyList keys;
        const bool has_keys = evs::KeyList::decode(body, keys);
        switch (what % 5) {
            case 0:
            case 1:
                if (has_keys) {
                    change(state, model, what % 5 == 0, who, keys);
                }
                break;
            case 2:
                if (has_keys) {
                    deliver(state, model, keys);
                }
                break;
            case 3:
                state.remove(who);
                model.erase(who);
                break;
            default:
                read_as_library(bytes);
        }
        for (const auto& [client, joined] : model) {
            AIS_ASSERT(state.joined(client).size() % evs::key_size == 0);
            AIS_ASSERT(state.joined(client).empty() == joined.empty());
        }
    });
    return 0;
}
