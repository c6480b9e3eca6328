// SPDX-License-Identifier: BSD-3-Clause
//
// Who may be in a ring with us at all: nodes that speak a version of ours, have
// the features that we need, and are configured alike where members must be.
//
// Such values are terms: a name and a value, as an operator knows them.  Joins and merge detects
// carry them, so both sides refuse before there is a ring, and both can say which key differs. A
// term that only one side has is not compared: releases may add some.
//
// Threads: none.

#pragma once

#include "base/time.hpp"
#include "totem/config.hpp"
#include "totem/extensions.hpp"

#include <string>
#include <vector>

namespace ais::totem {

// Features that this release has, and those that it cannot do without.
constexpr Features own_features{feature_hearing, 0};

class Admission {
  public:
    // Limit: the first terms_max terms count.
    explicit Admission(const std::vector<Term>& terms);

    // The contents of extension 4.
    [[nodiscard]] Bytes terms() const { return encoded_; }

    // Why not: a sentence's rest for a log; empty if nothing is against it.
    // Requires: decode_terms(terms).
    [[nodiscard]] std::string objection(Bytes terms, const Features& features) const;

    void admit(NodeId node) { refused_.erase(node); }
    // True if that should be said now: it is new, has another reason, or a minute has passed.
    bool refuse(NodeId node, std::string_view why, Instant now);
    [[nodiscard]] bool is_refused(NodeId node) const { return refused_.contains(node); }
    [[nodiscard]] const Members& refused() const { return refused_; }

  private:
    struct Said {
        NodeId node;
        std::uint64_t why = 0;  // digest
        Instant at;
    };

    std::vector<Term> terms_;
    std::vector<std::uint8_t> encoded_;
    Members refused_;
    std::array<Said, Members::capacity> said_;
    std::size_t said_count_ = 0;
};

}  // namespace ais::totem
