// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel does with a state in parts when components come together, for tests of the
// code that cuts states (part_table.hpp): all members list, and each part that is not equal
// everywhere goes from the first member of a component that has it to all members.
//
// `Parts` has list(image), begin(count), save(name, out) and take(name, versions), as those of
// the services of this tree.

#pragma once

#include <ais/abi/types.h>
#include <ais/part_table.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace ais {

struct PartsMoved {
    std::vector<std::string> names;  // in the order of moving
    std::size_t bytes = 0;
    std::size_t largest = 0;
    bool is_well = true;  // false: a save or take has failed, and nothing moved after it
};

// After this image_of(i) of each member of `parts` has component i.  Parts move in an order that
// `random` chooses, since the kernel promises none.
template <typename Parts, typename ImageOf, typename Random>
PartsMoved exchange_parts(const std::vector<std::vector<ais_node_id>>& components,
                          std::map<ais_node_id, Parts>& parts,
                          ImageOf&& image_of,
                          Random& random) {
    std::map<ais_node_id, PartListing> lists;
    std::set<std::string> all_names;
    for (auto& [node, mine] : parts) {
        lists[node] = mine.list(image_of(node));
        mine.begin(components.size());
        for (const auto& [name, listed] : lists[node]) {
            all_names.insert(name);
        }
    }
    PartsMoved moved;
    std::vector<std::string> names(all_names.begin(), all_names.end());
    std::shuffle(names.begin(), names.end(), random);
    for (const std::string& name : names) {
        std::map<std::uint32_t, std::string> bytes;  // by component
        std::map<std::uint32_t, std::uint64_t> digests;
        std::set<std::uint64_t> different;
        for (std::uint32_t i = 0; i < components.size(); ++i) {
            const ais_node_id speaker = components[i].front();
            const auto listed = lists[speaker].find(name);
            if (listed != lists[speaker].end()) {
                digests[i] = listed->second.digest;
                different.insert(listed->second.digest);
                moved.is_well = moved.is_well && parts.at(speaker).save(name, [&](Bytes piece) {
                    bytes[i].append(as_text(piece));
                });
            }
        }
        if (digests.size() == components.size() && different.size() == 1) {
            continue;
        }
        moved.names.push_back(name);
        for (auto& [node, mine] : parts) {
            const auto own = lists[node].find(name);
            std::vector<PartState> states;
            for (const auto& [component, digest] : digests) {
                const bool is_here = own != lists[node].end() && own->second.digest == digest;
                states.push_back({.is_here = is_here,
                                  .component = component,
                                  .bytes = is_here ? Bytes() : as_bytes(bytes[component])});
            }
            moved.is_well = moved.is_well && mine.take(name, states);
        }
        for (const auto& [component, sent] : bytes) {
            moved.bytes += sent.size();
            moved.largest = std::max(moved.largest, sent.size());
        }
        if (!moved.is_well) {
            break;
        }
    }
    return moved;
}

}  // namespace ais
