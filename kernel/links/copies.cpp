// SPDX-License-Identifier: BSD-3-Clause

#include "links/copies.hpp"

#include "base/mark.hpp"

#include <algorithm>

namespace ais::links {
namespace {

std::uint8_t bit(totem::LinkId link) {
    return static_cast<std::uint8_t>(1U << link);
}

}  // namespace

Copies::Sender* Copies::find(NodeId node) {
    if (last_ < senders_.size() && senders_[last_]->node == node) {
        return senders_[last_].get();
    }
    for (std::size_t i = 0; i < senders_.size(); ++i) {
        if (senders_[i]->node == node) {
            last_ = i;
            return senders_[i].get();
        }
    }
    return nullptr;
}

bool Copies::is_copy(const Stamp& stamp, totem::LinkId link) {
    Sender* const sender = find(stamp.sender);
    if (sender == nullptr || sender->boot != stamp.boot || stamp.counter > sender->top ||
        sender->top - stamp.counter >= window) {
        return false;
    }
    std::uint8_t& links = sender->links[stamp.counter % window];
    if (links == 0 || (links & bit(link)) != 0) {
        return false;
    }
    links = static_cast<std::uint8_t>(links | bit(link));
    return true;
}

void Copies::note(const Stamp& stamp, totem::LinkId link) {
    Sender* sender = find(stamp.sender);
    if (sender == nullptr) {
        if (senders_.size() < senders_max) {
            senders_.push_back(std::make_unique<Sender>());
            sender = senders_.back().get();
        } else {
            AIS_MARK("copies.forgets_a_sender");
            sender = senders_[next_victim_++ % senders_max].get();
        }
        *sender = Sender{};
        sender->node = stamp.sender;
        sender->boot = stamp.boot;
    } else if (sender->boot != stamp.boot) {
        *sender = Sender{};
        sender->node = stamp.sender;
        sender->boot = stamp.boot;
    }
    if (stamp.counter > sender->top) {
        const std::uint64_t passed = std::min(stamp.counter - sender->top, window);
        for (std::uint64_t i = 0; i < passed; ++i) {
            sender->links[(stamp.counter - i) % window] = 0;
        }
        sender->top = stamp.counter;
    } else if (sender->top - stamp.counter >= window) {
        return;
    }
    std::uint8_t& links = sender->links[stamp.counter % window];
    links = static_cast<std::uint8_t>(links | bit(link));
}

}  // namespace ais::links
