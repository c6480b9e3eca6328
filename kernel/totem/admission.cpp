// SPDX-License-Identifier: BSD-3-Clause

#include "totem/admission.hpp"

#include <algorithm>

namespace ais::totem {

namespace {

// Why: a node that is refused calls several times a second, for days.
constexpr Duration say_again_after = std::chrono::seconds(60);

std::uint64_t digest_of(std::string_view text) {
    std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
    for (const char byte : text) {
        digest = (digest ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3;
    }
    return digest;
}

std::string_view shown(std::string_view value) {
    return value.substr(0, WireTerm::value_max);
}

}  // namespace

Admission::Admission(const std::vector<Term>& terms) : terms_(terms) {
    terms_.resize(std::min(terms_.size(), WireTerm::count_max));
    encoded_.resize(WireTerm::size_max);
    Writer to(encoded_);
    to.u8(static_cast<std::uint8_t>(terms_.size()));
    for (Term& term : terms_) {
        term.name.resize(std::min(term.name.size(), WireTerm::name_max));
        write_term(to, {term.name, shown(term.value), digest_of(term.value)});
    }
    encoded_.resize(to.size());
}

std::string Admission::objection(Bytes terms, const Features& features) const {
    std::string why;
    const auto differs = [&](const std::string& what) { why += (why.empty() ? "" : "; ") + what; };
    if (const std::uint64_t lacking = own_features.required & ~features.offered; lacking != 0) {
        differs("it lacks features that this node needs (bits " + std::to_string(lacking) + ")");
    }
    if (const std::uint64_t lacking = features.required & ~own_features.offered; lacking != 0) {
        differs("it needs features that this node lacks (bits " + std::to_string(lacking) + ")");
    }
    if (terms.empty() || std::equal(terms.begin(), terms.end(), encoded_.begin(), encoded_.end())) {
        return why;
    }
    Reader from(terms);
    for (std::size_t count = from.u8(); count > 0; --count) {
        const WireTerm theirs = read_term(from);
        const auto ours = std::find_if(terms_.begin(), terms_.end(), [&](const Term& term) {
            return term.name == theirs.name;
        });
        if (ours == terms_.end() || digest_of(ours->value) == theirs.digest) {
            continue;
        }
        differs(ours->name + " is '" + std::string(shown(ours->value)) + "' here and '" +
                std::string(theirs.value) + "' there");
    }
    return why;
}

bool Admission::refuse(NodeId node, std::string_view why, Instant now) {
    refused_.insert(node);
    const std::uint64_t digest = digest_of(why);
    std::size_t at = 0;
    while (at < said_count_ && said_[at].node != node) {
        ++at;
    }
    if (at < said_count_ && said_[at].why == digest && now - said_[at].at < say_again_after) {
        return false;
    }
    if (at == said_.size()) {
        at = 0;  // so many that one may be said too often
    } else if (at == said_count_) {
        ++said_count_;
    }
    said_[at] = {node, digest, now};
    return true;
}

}  // namespace ais::totem
