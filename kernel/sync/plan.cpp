// SPDX-License-Identifier: BSD-3-Clause

#include "sync/plan.hpp"

#include <algorithm>
#include <set>

namespace ais::sync {
namespace {

// Members of one component that have a service with one digest, in one form.
struct Party {
    bool in_parts = false;
    std::uint64_t digest = 0;
    std::uint64_t size = 0;
    std::vector<NodeId> members;  // ascending
};

std::vector<Party> parties_of(const Component& component,
                              std::uint16_t service,
                              const std::map<NodeId, Hello>& hellos) {
    std::vector<Party> parties;
    for (const ais_node_id member : component.members) {
        const Offer* offer = hellos.at(NodeId(member)).find(service);
        if (offer == nullptr) {
            continue;
        }
        auto party = std::find_if(parties.begin(), parties.end(), [&](const Party& known) {
            return known.in_parts == offer->in_parts && known.digest == offer->digest;
        });
        if (party == parties.end()) {
            party = parties.insert(parties.end(),
                                   Party{offer->in_parts, offer->digest, offer->size, {}});
        }
        party->members.emplace_back(member);
    }
    return parties;
}

// The largest party is right; of equally large ones the one with the lowest
// member, which is the one that was found first.
const Party* right_one(const std::vector<Party>& parties, bool in_parts) {
    const Party* right = nullptr;
    for (const Party& party : parties) {
        if (party.in_parts == in_parts &&
            (right == nullptr || party.members.size() > right->members.size())) {
            right = &party;
        }
    }
    return right;
}

void add_shares(Plan& plan, ServicePlan& to, const std::map<NodeId, Hello>& hellos) {
    for (std::size_t at = 0; at < plan.components.size(); ++at) {
        const auto parties = parties_of(plan.components[at], to.service, hellos);
        Share share;
        share.component = at;
        for (const Party& party : parties) {
            const Party& right = *right_one(parties, party.in_parts);
            if (&party == &right) {
                share.digest = party.digest;
                share.size = party.size;
                share.holders.insert(
                    share.holders.end(), party.members.begin(), party.members.end());
                continue;
            }
            for (const NodeId node : party.members) {
                plan.diverged.push_back({to.service, node, party.digest, right.digest});
            }
        }
        if (!share.holders.empty()) {
            std::sort(share.holders.begin(), share.holders.end());
            to.shares.push_back(std::move(share));
        }
    }
}

}  // namespace

bool ServicePlan::is_equal() const {
    return is_comparable && std::all_of(shares.begin(), shares.end(), [this](const Share& share) {
               return share.digest == shares.front().digest;
           });
}

Plan make_plan(const std::map<NodeId, Hello>& hellos) {
    Plan plan;
    std::map<std::uint16_t, std::set<bool>> forms;
    for (const auto& [node, hello] : hellos) {
        auto component = std::find_if(
            plan.components.begin(),
            plan.components.end(),
            [&hello = hello](const Component& known) { return known.lineage == hello.lineage; });
        if (component == plan.components.end()) {
            component = plan.components.insert(component, Component{hello.lineage, {}});
        }
        component->members.push_back(node.value());
        for (const Offer& offer : hello.offers) {
            forms[offer.service].insert(offer.in_parts);
        }
    }
    for (const auto& [service, seen] : forms) {
        ServicePlan& made = plan.services.emplace_back();
        made.service = service;
        made.is_comparable = seen.size() == 1;
        made.in_parts = made.is_comparable && *seen.begin();
        add_shares(plan, made, hellos);
    }
    return plan;
}

}  // namespace ais::sync
