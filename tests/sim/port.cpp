// SPDX-License-Identifier: BSD-3-Clause

#include "sim/port.hpp"

#include <algorithm>

namespace ais::sim {

void Port::add(NodeId node, Address address) {
    if (node != self_) {
        targets_.push_back({node, address});
    }
}

void Port::send(std::optional<NodeId> to,
                totem::Traffic traffic,
                Bytes batch,
                std::size_t segment) {
    targets_.clear();
    if (to) {
        if (to->value() <= known_.size()) {
            add(*to, known_[to->value() - 1].address);
        }
    } else {
        for (std::size_t i = 0; i < known_.size(); ++i) {
            const NodeId node(static_cast<ais_node_id>(i + 1));
            const Known& known = known_[i];
            if (is_multicast_) {
                add(node, everywhere);
            } else if (traffic == totem::Traffic::data) {
                if (known.gets_data) {
                    add(node, known.address);
                }
            } else {
                add(node, home);
                if (known.address != home) {
                    add(node, known.address);
                }
            }
        }
    }
    for (; !batch.empty(); batch = batch.subspan(std::min(segment, batch.size()))) {
        owner_.depart(link_, batch.first(std::min(segment, batch.size())), targets_);
    }
}

std::string Port::text_of(NodeId host, Address address) const {
    if (!host.is_valid() || address == foreign) {
        return "192.0.2.1";
    }
    return "10." + std::to_string(link_) + '.' + std::to_string(address) + '.' +
           std::to_string(host.value());
}

std::string_view Port::address_of(NodeId node) const {
    text_.clear();
    if (node.value() >= 1 && node.value() <= known_.size() && known_[node.value() - 1].is_heard) {
        text_ = text_of(node, known_[node.value() - 1].address);
    }
    return text_;
}

void Port::learn(NodeId node) {
    // A node that was silent for so long may have begun another life somewhere else.
    constexpr Duration silence = std::chrono::seconds(1);
    if (node.value() < 1 || node.value() > known_.size()) {
        return;
    }
    Known& known = known_[node.value() - 1];
    if (source_address_ != foreign) {
        known.sent = std::max(known.sent, source_sent_);
        known.heard = now_;
    } else if (source_sent_ < known.sent && now_ - known.heard < silence) {
        owner_.is_led_astray(link_, node);
    }
    known.address = source_address_;
    known.is_heard = known.gets_data = true;
}

std::string_view Port::source() const {
    text_ = text_of(source_host_, source_address_);
    return text_;
}

void Port::on_members(const totem::Members& members) {
    for (std::size_t i = 0; i < known_.size(); ++i) {
        known_[i].gets_data = members.contains(NodeId(static_cast<ais_node_id>(i + 1)));
    }
}

}  // namespace ais::sim
