// SPDX-License-Identifier: BSD-3-Clause
//
// What a member knows of its group: the list of members, kept from changes.
//
// The service says what left and what joined (wire.hpp); the application wants the
// whole list with each change.  So it is kept here: begun by the whole change that
// brings the member in, changed in place, and held against the digest that
// each change carries.
//
// An application may look at the list of one change while the next one is heard (its
// callback dispatches, or another thread does).  A list that somebody looks at
// is therefore not changed: the next change gets a list of its own.
//
// Threads: hear() is called by one thread at a time, and in the order of the events.
// A Told may go anywhere, at any time.

#pragma once

#include "include/cpg.h"
#include "wire.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace ais::cpg {

using Addresses = std::vector<cpg_address>;

// A change as the application is told of it.  members() stays as it is until this object
// goes, or hears the next change.
class Told {
  public:
    Told() = default;
    ~Told() { let_go(); }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;

    // Requires: View::hear() has said `change`.
    [[nodiscard]] const Addresses& members() const { return list_->members; }
    [[nodiscard]] const Addresses& left() const { return left_; }
    [[nodiscard]] const Addresses& joined() const { return joined_; }
    // Nobody looks at members() any more.
    void let_go() {
        if (list_ != nullptr) {
            list_->readers.fetch_sub(1, std::memory_order_release);
            list_ = nullptr;
        }
    }

  private:
    friend class View;
    struct List {
        Addresses members;  // by (node, pid), without reasons
        std::atomic<std::uint32_t> readers{0};
    };

    void hold(std::shared_ptr<List> list) {
        list_ = std::move(list);
        list_->readers.fetch_add(1, std::memory_order_relaxed);
    }

    std::shared_ptr<List> list_;
    Addresses left_;
    Addresses joined_;
};

class View {
  public:
    enum class Heard : std::uint8_t {
        part,    // there is more to come
        change,  // `told` has it
        broken,  // it does not follow from what was told before; hear nothing more
    };

    // Throws std::bad_alloc, and has not heard the event then.
    Heard hear(const ChangeEvent& event, Told& told) {
        told.let_go();
        members_.append(event.members);
        left_.append(event.left);
        joined_.append(event.joined);
        if (!event.has_more()) {
            if (!finish(event)) {
                return Heard::broken;
            }
            told.hold(list_);
            told.left_ = left_.take();
            told.joined_ = joined_.take();
        }
        members_.keep();
        left_.keep();
        joined_.keep();
        return event.has_more() ? Heard::part : Heard::change;
    }

  private:
    // A list that comes in parts.
    class Parts {
      public:
        [[nodiscard]] const Addresses& list() const { return list_; }
        // What was appended and not kept is forgotten.
        void append(const std::vector<Process>& part) {
            list_.resize(kept_);
            list_.reserve(kept_ + part.size());
            for (const Process& process : part) {
                list_.push_back(
                    {process.node, process.pid, static_cast<std::uint32_t>(process.reason)});
            }
        }
        void keep() { kept_ = list_.size(); }
        Addresses take() {
            kept_ = 0;
            return std::exchange(list_, {});
        }

      private:
        Addresses list_;
        std::size_t kept_ = 0;
    };

    static bool precedes(const cpg_address& a, const cpg_address& b) {
        return std::pair(a.nodeid, a.pid) < std::pair(b.nodeid, b.pid);
    }
    static bool is_ascending(const Addresses& list) {
        return std::adjacent_find(list.begin(), list.end(), [](const auto& a, const auto& b) {
                   return !precedes(a, b);
               }) == list.end();
    }
    static std::uint64_t digest_of_all(const Addresses& list) {
        std::uint64_t sum = 0;
        for (const cpg_address& address : list) {
            sum += digest_of(address.nodeid, address.pid);
        }
        return sum;
    }

    // The last part of a change is here.
    bool finish(const ChangeEvent& event) {
        if (!is_ascending(members_.list()) || !is_ascending(left_.list()) ||
            !is_ascending(joined_.list())) {
            return false;
        }
        if (event.is_whole()) {
            auto begun = std::make_shared<Told::List>();
            begun->members = members_.take();
            list_ = std::move(begun);
            number_ = event.number;
            digest_ = digest_of_all(list_->members);
            return digest_ == event.digest;
        }
        if (list_ == nullptr || number_ != event.number || !members_.list().empty()) {
            return false;
        }
        const bool is_one = left_.list().size() + joined_.list().size() == 1;
        const bool is_read = list_->readers.load(std::memory_order_acquire) != 0;
        if (!(is_one && !is_read ? change_one() : rebuild())) {
            return false;
        }
        digest_ += digest_of_all(joined_.list()) - digest_of_all(left_.list());
        return digest_ == event.digest;
    }

    bool change_one() {
        Addresses& members = list_->members;
        const bool joins = left_.list().empty();
        cpg_address one = joins ? joined_.list().front() : left_.list().front();
        const auto place = std::lower_bound(members.begin(), members.end(), one, precedes);
        const bool is_member = place != members.end() && !precedes(one, *place);
        if (joins && !is_member) {
            one.reason = CPG_REASON_UNDEFINED;
            members.insert(place, one);
        } else if (!joins && is_member) {
            members.erase(place);
        }
        return joins != is_member;
    }

    bool rebuild() {
        const Addresses& members = list_->members;
        const Addresses& left = left_.list();
        Addresses joined = joined_.list();
        for (cpg_address& address : joined) {
            address.reason = CPG_REASON_UNDEFINED;
        }
        Addresses stayed;
        stayed.reserve(members.size());
        std::set_difference(members.begin(),
                            members.end(),
                            left.begin(),
                            left.end(),
                            std::back_inserter(stayed),
                            precedes);
        auto rebuilt = std::make_shared<Told::List>();
        rebuilt->members.reserve(stayed.size() + joined.size());
        std::set_union(stayed.begin(),
                       stayed.end(),
                       joined.begin(),
                       joined.end(),
                       std::back_inserter(rebuilt->members),
                       precedes);
        // Who was no member cannot leave, and who is one cannot join.
        const bool follows = stayed.size() + left.size() == members.size() &&
                             rebuilt->members.size() == stayed.size() + joined.size();
        list_ = std::move(rebuilt);
        return follows;
    }

    std::shared_ptr<Told::List> list_;  // null: never was a member
    std::uint32_t number_ = 0;          // of the join that the list is of
    std::uint64_t digest_ = 0;
    Parts members_;
    Parts left_;
    Parts joined_;
};

}  // namespace ais::cpg
