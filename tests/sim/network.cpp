// SPDX-License-Identifier: BSD-3-Clause

#include "sim/network.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace ais::sim {

namespace {

Duration up_to(Prng& prng, Duration bound) {
    return Duration(
        static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(bound.count()) + 1)));
}

// Draws in any case, so that weather that changes leaves the rest of a run as it was.
bool may_happen(Prng& prng, std::uint32_t ppm) {
    return prng.chance(ppm, 1000000);
}

// No draw for what few seeds have.
bool happens(Prng& prng, std::uint32_t ppm) {
    return ppm > 0 && prng.chance(ppm, 1000000);
}

}  // namespace

Network::Path& Network::path(NodeId from, NodeId to, totem::LinkId link) {
    AIS_ASSERT(link < links_);
    const std::size_t wanted = std::max(from.value(), to.value()) + std::size_t{1};
    if (wanted > stride_) {
        std::vector<Path> paths(links_ * wanted * wanted);
        for (std::size_t at = 0; at < paths_.size(); ++at) {
            const std::size_t column = at % stride_;
            const std::size_t row = at / stride_ % stride_;
            paths[(at / stride_ / stride_ * wanted + row) * wanted + column] = paths_[at];
        }
        paths_ = std::move(paths);
        std::vector<Line> lines(links_ * wanted);
        for (std::size_t at = 0; at < lines_.size(); ++at) {
            lines[at / stride_ * wanted + at % stride_] = lines_[at];
        }
        lines_ = std::move(lines);
        stride_ = wanted;
    }
    return paths_[(link * stride_ + from.value()) * stride_ + to.value()];
}

void Network::cut(NodeId from, NodeId to) {
    for (std::size_t link = 0; link < links_; ++link) {
        path(from, to, static_cast<totem::LinkId>(link)).is_cut = true;
    }
}

void Network::mend(NodeId from, NodeId to) {
    for (std::size_t link = 0; link < links_; ++link) {
        path(from, to, static_cast<totem::LinkId>(link)).is_cut = false;
    }
}

void Network::heal() {
    for (Path& path : paths_) {
        path.is_cut = false;
        path.blocks = 0;
    }
}

bool Network::connects(NodeId from, NodeId to, totem::LinkId link) {
    const Path& path = this->path(from, to, link);
    return !path.is_cut && path.blocks == 0;
}

void Network::block(NodeId from, NodeId to, totem::LinkId link) {
    ++path(from, to, link).blocks;
}

void Network::unblock(NodeId from, NodeId to, totem::LinkId link) {
    Path& path = this->path(from, to, link);
    if (path.blocks > 0) {
        --path.blocks;
    }
}

void Network::partition(const std::vector<totem::Members>& groups) {
    for (Path& path : paths_) {
        path.is_cut = false;
    }
    for (const auto& group : groups) {
        for (const auto& other : groups) {
            if (&group == &other) {
                continue;
            }
            for (const NodeId from : group) {
                for (const NodeId to : other) {
                    cut(from, to);
                }
            }
        }
    }
}

bool Network::depart(Instant now, totem::LinkId link, NodeId from, std::size_t size) {
    const Conditions& conditions = conditions_[link];
    if (conditions.bandwidth == 0) {
        return true;
    }
    path(from, from, link);
    Line& line = lines_[link * stride_ + from.value()];
    const Instant begin = std::max(now, line.free);
    const auto per_second = static_cast<std::int64_t>(conditions.bandwidth);
    const std::int64_t waiting = (begin - now).count() / 1000 * per_second / 1000000;
    if (waiting > static_cast<std::int64_t>(conditions.queue_max)) {
        return false;
    }
    line.free = begin + Duration(static_cast<std::int64_t>(size) * 1000000000 / per_second);
    return true;
}

bool Network::is_lost(Path& path, NodeId from, NodeId to, Bytes datagram, totem::LinkId link) {
    const Conditions& conditions = conditions_[link];
    const Disturbance& own = of_link_[link];
    if (path.is_cut || path.blocks > 0 || (filter_ && filter_(from, to, datagram)) ||
        may_happen(prng_, conditions.loss_ppm + disturbance_.loss_ppm + own.loss_ppm)) {
        return true;
    }
    if (conditions.burst_begin_ppm > 0) {
        path.is_in_burst = path.is_in_burst ? !happens(prng_, conditions.burst_end_ppm)
                                            : happens(prng_, conditions.burst_begin_ppm);
        if (path.is_in_burst && happens(prng_, conditions.burst_loss_ppm)) {
            return true;
        }
    }
    return datagram.size() > conditions.big_size &&
           happens(prng_, conditions.big_loss_ppm + disturbance_.big_loss_ppm + own.big_loss_ppm);
}

void Network::plan(Instant now,
                   NodeId from,
                   NodeId to,
                   Bytes datagram,
                   std::vector<Instant>& arrivals,
                   totem::LinkId link) {
    Path& path = this->path(from, to, link);
    if (is_lost(path, from, to, datagram, link)) {
        return;
    }
    const Conditions& conditions = conditions_[link];
    const Disturbance& own = of_link_[link];
    Instant arrival = now;
    if (conditions.bandwidth != 0) {
        arrival = std::max(arrival, lines_[link * stride_ + from.value()].free);
    }
    arrival += conditions.delay + disturbance_.delay + own.delay + up_to(prng_, conditions.jitter);
    if (happens(prng_, conditions.tail_ppm)) {
        arrival += up_to(prng_, conditions.tail);
    }
    if (may_happen(prng_, conditions.reorder_ppm + disturbance_.reorder_ppm + own.reorder_ppm)) {
        arrival += up_to(prng_, conditions.reorder_delay);
    } else {
        arrival = std::max(arrival, path.last);
        path.last = arrival;
    }
    arrivals.push_back(arrival);
    if (may_happen(prng_,
                   conditions.duplicate_ppm + disturbance_.duplicate_ppm + own.duplicate_ppm)) {
        arrivals.push_back(arrival + up_to(prng_, conditions.reorder_delay));
    }
}

}  // namespace ais::sim
