// SPDX-License-Identifier: BSD-3-Clause

#include "checkpoint.hpp"

#include <algorithm>
#include <map>

namespace ais::ckpt {
namespace {

// Why these: an id that can be printed helps people, and any byte is allowed.
constexpr std::string_view digits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::string to_id(std::uint64_t number) {
    std::string id;
    do {
        id.insert(id.begin(), digits[number % digits.size()]);
        number /= digits.size();
    } while (number != 0);
    return id;
}

Outcome failure(Error error, std::size_t index = 0) {
    return {error, static_cast<std::uint32_t>(index), {}};
}

bool is_chosen(const Section& section, const Iterate& wanted) {
    switch (wanted.chosen) {
        case Chosen::forever:
            return section.expiration.at == time_end;
        case Chosen::at_most:
            return section.expiration.at <= wanted.expiration;
        case Chosen::at_least:
            return section.expiration.at >= wanted.expiration;
        case Chosen::corrupted:
            return section.state == SectionState::corrupted;
        case Chosen::any:
            return true;
    }
    return false;
}

}  // namespace

Checkpoint::Checkpoint(std::string_view the_name,
                       const Attributes& the_attributes,
                       std::int64_t stamp)
    : name(the_name), attributes(the_attributes) {
    if (attributes.has_default_section()) {
        sections[{}].last_update = stamp;
    }
}

Section* Checkpoint::find(std::string_view id) {
    const auto found = sections.find(id);
    return found == sections.end() ? nullptr : &found->second;
}

const Section* Checkpoint::find(std::string_view id) const {
    const auto found = sections.find(id);
    return found == sections.end() ? nullptr : &found->second;
}

std::optional<std::string> Checkpoint::generate_id() {
    // One of any max_sections + 1 different ids is free; ids that would be too
    // long begin again with short ones, of which some may be free by now.
    for (std::uint64_t tried = 0; tried <= attributes.max_sections; ++tried) {
        std::string id = to_id(generated++);
        if (id.size() > attributes.max_id_size) {
            generated = 0;
            id = to_id(generated++);
        }
        if (id.size() <= attributes.max_id_size && sections.count(id) == 0) {
            return id;
        }
    }
    return std::nullopt;
}

Outcome Checkpoint::create(const Data& data,
                           const Expiration& expiration,
                           std::int64_t stamp,
                           std::uint64_t the_generation) {
    if (!has_active_replica()) {
        return failure(Error::not_exist);
    }
    if (expiration.is_past() || data.id.size() > attributes.max_id_size ||
        data.bytes.size() > attributes.max_section_size) {
        return failure(Error::invalid_param);
    }
    if (attributes.has_default_section() || find(data.id) != nullptr) {
        return failure(Error::exist);
    }
    if (sections.size() >= attributes.max_sections || data.bytes.size() > attributes.size - used) {
        return failure(Error::no_space);
    }
    std::string id(data.id);
    if (id.empty()) {
        auto made = generate_id();
        if (!made) {
            return failure(Error::no_space);
        }
        id = std::move(*made);
    }
    Section& section = sections[id];
    if (data.blob != nullptr) {
        section.overwrite(data.blob);
    } else {
        section.overwrite(data.bytes);
    }
    section.expiration = expiration;
    section.generation = expiration.at == time_end ? 0 : the_generation;
    section.last_update = stamp;
    used += data.bytes.size();
    return {Error::ok, 0, std::move(id)};
}

void Checkpoint::erase(Sections::iterator at) {
    used -= at->second.size();
    sections.erase(at);
}

Outcome Checkpoint::remove(std::string_view id) {
    if (id.empty()) {
        return failure(Error::invalid_param);
    }
    const auto found = sections.find(id);
    if (!has_active_replica() || found == sections.end()) {
        return failure(Error::not_exist);
    }
    erase(found);
    return {};
}

Outcome Checkpoint::set_expiration(std::string_view id,
                                   const Expiration& expiration,
                                   std::uint64_t the_generation) {
    if (id.empty() || expiration.is_past()) {
        return failure(Error::invalid_param);
    }
    Section* section = find(id);
    if (!has_active_replica() || section == nullptr) {
        return failure(Error::not_exist);
    }
    section->expiration = expiration;
    section->generation = expiration.at == time_end ? 0 : the_generation;
    return {};
}

Outcome Checkpoint::check_write(std::span<const Data> all) const {
    if (!has_active_replica()) {
        return failure(Error::not_exist);
    }
    // What sections will have grown to, if there are elements to come.
    std::map<std::string_view, std::uint64_t> grown;
    std::uint64_t total = used;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Section* section = find(all[i].id);
        if (section == nullptr) {
            return failure(Error::not_exist, i);
        }
        const std::uint64_t size = all[i].bytes.size();
        if (size == 0 || size > attributes.max_section_size ||
            all[i].offset > attributes.max_section_size - size) {
            return failure(Error::invalid_param, i);
        }
        const auto before = grown.find(all[i].id);
        const std::uint64_t now = before == grown.end() ? section->size() : before->second;
        const std::uint64_t after = std::max(now, all[i].offset + size);
        total += after - now;
        if (total > attributes.size) {
            return failure(Error::no_space, i);
        }
        if (all.size() > 1) {
            grown[all[i].id] = after;
        }
    }
    return {};
}

Outcome Checkpoint::write(std::span<const Data> all, std::int64_t stamp) {
    const Outcome outcome = check_write(all);
    if (outcome.error != Error::ok) {
        return outcome;
    }
    for (const Data& data : all) {
        Section& section = *find(data.id);
        used -= section.size();
        if (data.blob != nullptr && data.offset == 0 && data.bytes.size() >= section.size()) {
            section.overwrite(data.blob);
        } else {
            section.write(data.offset, data.bytes);
        }
        used += section.size();
        section.last_update = stamp;
    }
    return {};
}

Outcome Checkpoint::overwrite(const Data& data, std::int64_t stamp) {
    Section* section = find(data.id);
    if (!has_active_replica() || section == nullptr) {
        return failure(Error::not_exist);
    }
    if (data.bytes.size() > attributes.max_section_size) {
        return failure(Error::invalid_param);
    }
    if (data.bytes.size() > attributes.size - (used - section->size())) {
        return failure(Error::no_space);
    }
    used -= section->size();
    if (data.blob != nullptr) {
        section->overwrite(data.blob);
    } else {
        section->overwrite(data.bytes);
    }
    used += section->size();
    section->last_update = stamp;
    section->state = SectionState::valid;
    return {};
}

Outcome Checkpoint::read(std::span<const ReadElement> all, std::vector<View>& views) const {
    views.clear();
    if (!has_active_replica()) {
        return failure(Error::not_exist);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Section* section = find(all[i].id);
        const ReadElement& wanted = all[i];
        Error error = Error::ok;
        if (section == nullptr) {
            error = Error::not_exist;
        } else if (wanted.offset > section->size()) {
            error = Error::invalid_param;
        } else if (wanted.size != ReadElement::rest &&
                   (wanted.size > attributes.max_section_size ||
                    wanted.offset > attributes.max_section_size - wanted.size)) {
            error = Error::invalid_param;
        }
        if (error != Error::ok) {
            views.clear();
            return failure(error, i);
        }
        const std::uint64_t size = std::min(wanted.size, section->size() - wanted.offset);
        views.push_back({section->bytes, as_bytes(*section->bytes).subspan(wanted.offset, size)});
    }
    return {};
}

StatusReply Checkpoint::status() const {
    return {attributes, static_cast<std::uint32_t>(sections.size()), used};
}

Page Checkpoint::page(const Iterate& wanted, std::size_t bytes_max) const {
    Page page;
    // Why one: without an active replica the next call must say so, so each asks.
    const std::size_t most = attributes.is_collocated() && !attributes.is_synchronous()
                                 ? 1
                                 : std::numeric_limits<std::size_t>::max();
    std::size_t bytes = Page::head_size;
    auto at = wanted.has_after ? sections.upper_bound(wanted.after) : sections.begin();
    for (; at != sections.end(); ++at) {
        if (!is_chosen(at->second, wanted)) {
            continue;
        }
        bytes += at->first.size() + Descriptor::size_without_id;
        if (!page.sections.empty() && (bytes > bytes_max || page.sections.size() >= most)) {
            page.more = true;
            return page;
        }
        const Section& section = at->second;
        page.sections.push_back(
            {at->first, section.expiration.at, section.size(), section.state, section.last_update});
    }
    return page;
}

}  // namespace ais::ckpt
