// SPDX-License-Identifier: BSD-3-Clause
//
// The parts of a state from list to merge_end (parts.hpp), for a service that cuts its state
// into tables: which parts there are here, which differ, and what each component has
// of them.  What is in a part is the service's own type `Content`; it makes, writes and
// reads it.
//
// Names.  A part's name begins with a letter for its kind.  Small things share a part: a hash
// says which (bucket_name).  Numbers are big-endian, so that names ascend as numbers do.
//
// Use:
//
//   list          forget, own (each part), describe
//   save_part     find_own
//   merge_begin   begin
//   merge_part    take
//   merge_end     contents_of (each component), forget
//
// Pure.  Threads: none.

#pragma once

#include <ais/bytes.hpp>
#include <ais/parts.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ais {

template <std::unsigned_integral T>
void put_number(std::string& name, T value) {
    for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8) {
        name.push_back(static_cast<char>(value >> shift & 0xff));
    }
}

inline std::string bucket_name(char kind, std::uint64_t bucket) {
    std::string name(1, kind);
    put_number(name, static_cast<std::uint16_t>(bucket));
    return name;
}

// A part as this node has it.
struct ListedPart {
    std::uint64_t digest = 0;
    std::uint64_t size = 0;  // bytes, about
};
using PartListing = std::map<std::string, ListedPart, std::less<>>;  // by name

template <typename Content>
class PartTable {
  public:
    struct Named {
        std::string_view name;
        const Content* content = nullptr;
    };

    // The part of this name, made if it is not there.  The reference stays valid until forget().
    Content& own(std::string_view name) {
        const auto found = own_.find(name);
        return found != own_.end() ? found->second : own_[std::string(name)];
    }
    // Null: there is none of this name.
    [[nodiscard]] const Content* find_own(std::string_view name) const {
        const auto found = own_.find(name);
        return found != own_.end() ? &found->second : nullptr;
    }
    // `describe(name, content)` gives the ListedPart of each.
    template <typename Describe>
    const PartListing& describe(Describe&& describe) {
        listed_.clear();
        for (const auto& [name, content] : own_) {
            listed_.emplace_hint(listed_.end(), name, describe(std::string_view(name), content));
        }
        return listed_;
    }

    void begin(std::size_t components) {
        components_ = components;
        changed_.clear();
    }
    // What becomes of one part; a name that comes again replaces what was said of it.
    // `read(component, name, bytes, content)` is false if bytes are no such part.  False: that, or
    // a state is of no component, or of what is not here.
    template <typename Read>
    [[nodiscard]] bool take(std::string_view name, std::span<const PartState> states, Read&& read) {
        if (name.empty()) {
            return false;
        }
        Versions all;
        for (const PartState& state : states) {
            if (state.component >= components_ || (state.is_here && find_own(name) == nullptr)) {
                return false;
            }
            std::shared_ptr<Content> content;
            if (!state.is_here) {
                content = std::make_shared<Content>();
                if (!read(state.component, name, state.bytes, *content)) {
                    return false;
                }
            }
            all.insert_or_assign(state.component, std::move(content));
        }
        changed_.insert_or_assign(std::string(name), std::move(all));
        return true;
    }
    // Whether something differs at all.
    [[nodiscard]] bool has_changes() const { return !changed_.empty(); }

    // All parts of one component: first those that are equal everywhere, then the others, each
    // ascending.
    [[nodiscard]] std::vector<Named> contents_of(std::size_t component) const {
        std::vector<Named> parts;
        for (const auto& [name, content] : own_) {
            if (changed_.find(name) == changed_.end()) {
                parts.push_back({name, &content});
            }
        }
        for (const auto& [name, versions] : changed_) {
            const auto version = versions.find(static_cast<std::uint32_t>(component));
            if (version != versions.end()) {
                const bool is_here = version->second == nullptr;
                parts.push_back({name, is_here ? find_own(name) : version->second.get()});
            }
        }
        return parts;
    }

    void forget() {
        own_.clear();
        listed_.clear();
        changed_.clear();
        components_ = 0;
    }

  private:
    // By component: null is the part as we have it; a component that is not there has none.
    using Versions = std::map<std::uint32_t, std::shared_ptr<const Content>>;

    std::map<std::string, Content, std::less<>> own_;
    PartListing listed_;
    std::size_t components_ = 0;
    std::map<std::string, Versions, std::less<>> changed_;
};

}  // namespace ais
