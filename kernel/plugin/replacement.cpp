// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/replacement.hpp"

#include "base/assert.hpp"
#include "base/mark.hpp"
#include "ipc/session.hpp"

#include <algorithm>

namespace ais::plugin {
namespace {

ipc::Session& session_of(ais_conn* conn) {
    return *static_cast<ipc::Session*>(conn);
}

std::string called(const Manifest& manifest) {
    return manifest.name + " " + manifest.version;
}

std::vector<ais_node_id> nodes_of(const totem::Configuration& now) {
    std::vector<ais_node_id> nodes;
    for (const NodeId node : now.members) {
        nodes.push_back(node.value());
    }
    return nodes;
}

// Somebody holds pointers to what this instance offers.
Result<void> check_users(const Plugins& plugins, const Instance& old) {
    for (const auto& other : plugins.all()) {
        for (const std::string& id : other->manifest().needs) {
            if (other.get() != &old && old.manifest().offers_interface(id) &&
                plugins.offering(id).front() == &old) {
                return invalid("plugin '" + other->name() + "' uses its " + id +
                               ": restart the executive to replace it");
            }
        }
    }
    return {};
}

}  // namespace

Replacement::Replacement(Plugins& plugins,
                         Guards& guards,
                         service::Table& table,
                         const Kernel& kernel)
    : plugins_(plugins), guards_(guards), table_(table), kernel_(kernel) {}

Replacement::~Replacement() {
    if (is_merging_) {
        (void)next_->merge_end(false);
    }
}

Result<std::unique_ptr<Replacement>> Replacement::begin(const std::string& name,
                                                        const Chosen& next,
                                                        Plugins& plugins,
                                                        Guards& guards,
                                                        service::Table& table,
                                                        const Kernel& kernel) {
    Instance* old = plugins.find(name);
    if (old == nullptr) {
        return not_found("no plugin '" + name + "' is running");
    }
    const auto guard = std::find_if(
        guards.begin(), guards.end(), [&](const auto& one) { return one->name() == name; });
    if (guard == guards.end()) {
        return invalid("plugin '" + name + "' is no service; only services can be replaced");
    }
    auto manifest = read_manifest(*next.plugin);
    auto checked = manifest ? check(*manifest, {}) : Result<void>(manifest.error());
    if (checked) {
        checked = check_tables(copy_plugin(*next.plugin));
    }
    if (!checked) {
        return Error{checked.error().code, next.file + " is refused: " + checked.error().text};
    }
    if (manifest->name != name) {
        return invalid(next.file + " is the plugin '" + manifest->name + "'");
    }
    const ais_plugin copy = copy_plugin(*next.plugin);
    const auto theirs = copy_min<ais_service_v1>(offered_table(copy, AIS_SERVICE_INTERFACE));
    if (theirs.service_id != (*guard)->id()) {
        return invalid(next.file + " has service id " + std::to_string(theirs.service_id) +
                       ", the running one has " + std::to_string((*guard)->id()));
    }
    if ((theirs.save != nullptr) != (*guard)->is_synchronised()) {
        return invalid("one of the two builds has replicated state and the other has not");
    }
    if (auto users = check_users(plugins, *old); !users) {
        return users.error();
    }
    auto needed = plugins.needed_for(*manifest, kernel);
    if (!needed) {
        return needed.error();
    }

    std::unique_ptr<Replacement> made(new Replacement(plugins, guards, table, kernel));
    made->from_ = called(old->manifest());
    made->to_ = called(*manifest);
    made->old_ = guard->get();
    auto loaded = Instance::load(*next.plugin, *manifest, kernel, needed.take(), true);
    if (!loaded) {
        return loaded.error();
    }
    made->instance_ = loaded.take();
    made->next_ = std::make_unique<ServiceGuard>(*made->instance_);
    made->has_handover_ = old->manifest().offers_interface(AIS_SERVICE_HANDOVER_INTERFACE) &&
                          manifest->offers_interface(AIS_SERVICE_HANDOVER_INTERFACE);
    made->in_parts_ = made->old_->in_parts() && made->next_->in_parts();
    return made;
}

Replacement::Progress Replacement::failed(std::string why) {
    error_ = std::move(why);
    return Progress::failed;
}

Replacement::Progress Replacement::step(const totem::Configuration& now) {
    AIS_ASSERT(next_ != nullptr && error_.empty());
    if (is_configured_ && ring_ != now.ring && is_merging_) {
        // What was copied is of the old configuration, and the exchange may have
        // changed everything.
        AIS_MARK("replacement.begins_again_in_a_new_ring");
        is_merging_ = false;
        if (next_->merge_end(false) != AIS_OK) {
            return failed("the new build could not forget what it had begun");
        }
        copied_.clear();
    }
    if (!is_configured_ || ring_ != now.ring) {
        next_->configure(now);
        is_configured_ = true;
        ring_ = now.ring;
    }
    if (in_parts_) {
        bool is_over = false;
        if ((!is_merging_ && !begin_state(now)) || !copy_parts(is_over)) {
            return Progress::failed;
        }
        if (!is_over) {
            return Progress::copying;
        }
    }
    if (!has_handover_) {
        for (ais_conn* conn : old_->instance().host().clients()) {
            if (session_of(conn).outstanding() > 0) {
                return Progress::waiting;
            }
        }
    }
    if (!end_state(now) || !hand_over()) {
        return Progress::failed;
    }
    return Progress::done;
}

bool Replacement::begin_state(const totem::Configuration& now) {
    const std::vector<ais_node_id> nodes = nodes_of(now);
    const ais_component component{sizeof(ais_component),
                                  AIS_STATE_OWN,
                                  kernel_.self.value(),
                                  static_cast<std::uint32_t>(nodes.size()),
                                  nodes.data()};
    is_merging_ = true;
    if (next_->merge_begin({&component, 1}) != AIS_OK) {
        failed("the new build refused to begin a merge");
        return false;
    }
    return true;
}

bool Replacement::copy_part(const sync::Part& part) {
    std::string bytes;
    if (old_->save_part(part.name, bytes) != AIS_OK) {
        failed("the running build could not save a part of its state");
        return false;
    }
    ais_part_state state{};
    state.struct_size = sizeof state;
    state.flags = AIS_STATE_OWN;
    state.digest = part.digest;
    state.bytes = to_abi(std::string_view(bytes));
    if (next_->merge_part(part.name, {&state, 1}) != AIS_OK) {
        failed("the new build refused a part of the state");
        return false;
    }
    copied_[part.name] = part.digest;
    bytes_ += bytes.size();
    return true;
}

// Of the parts that are not copied as they are now, about copy_max bytes; over when no more than
// that are left, which is what the last step can do.
bool Replacement::copy_parts(bool& is_over) {
    std::vector<sync::Part> parts;
    if (old_->list(parts) != AIS_OK) {
        failed("the running build could not list its parts");
        return false;
    }
    std::uint64_t left = 0;
    const std::uint64_t end = bytes_ + copy_max;
    std::erase_if(parts, [this](const sync::Part& part) { return is_copied(part); });
    for (const sync::Part& part : parts) {
        left += part.size;
    }
    is_over = left <= copy_max;
    for (auto part = parts.begin(); !is_over && part != parts.end() && bytes_ < end; ++part) {
        if (!copy_part(*part)) {
            return false;
        }
    }
    return true;
}

bool Replacement::is_copied(const sync::Part& part) const {
    const auto known = copied_.find(part.name);
    return known != copied_.end() && known->second == part.digest;
}

// The rest of the state: what has changed since it was copied, or all of it.
bool Replacement::end_state(const totem::Configuration& now) {
    if (!old_->is_synchronised()) {
        return true;
    }
    if (in_parts_) {
        std::vector<sync::Part> parts;
        if (old_->list(parts) != AIS_OK) {
            failed("the running build could not list its parts");
            return false;
        }
        std::map<std::string, std::uint64_t> gone = copied_;
        for (const sync::Part& part : parts) {
            gone.erase(part.name);
            if (!is_copied(part) && !copy_part(part)) {
                return false;
            }
        }
        for (const auto& [name, digest] : gone) {
            if (next_->merge_part(name, {}) != AIS_OK) {
                failed("the new build could not forget a part that is gone");
                return false;
            }
        }
        is_merging_ = false;
        if (next_->merge_end(true) != AIS_OK) {
            failed("the new build could not take the state over");
            return false;
        }
        return true;
    }
    std::string bytes;
    if (old_->save(bytes) != AIS_OK) {
        failed("the running build could not save its state");
        return false;
    }
    const std::vector<ais_node_id> nodes = nodes_of(now);
    const ais_saved_state state{sizeof(ais_saved_state),
                                AIS_STATE_OWN,
                                kernel_.self.value(),
                                static_cast<std::uint32_t>(nodes.size()),
                                nodes.data(),
                                to_abi(std::string_view(bytes))};
    bytes_ += bytes.size();
    if (next_->merge({&state, 1}) != AIS_OK) {
        failed("the new build could not merge the state");
        return false;
    }
    return true;
}

// Clients, and with them the place in the tables.
bool Replacement::hand_over() {
    Instance& old = old_->instance();
    // In the order in which they connected.
    std::vector<ais_conn*> conns = old.host().clients();
    std::sort(conns.begin(), conns.end(), [](ais_conn* a, ais_conn* b) {
        return session_of(a).number() < session_of(b).number();
    });
    std::string local;
    if (has_handover_ && old_->save_local(conns, local) != AIS_OK) {
        failed("the running build could not save what belongs to its clients");
        return false;
    }
    std::vector<void*> contexts;
    for (ais_conn* conn : conns) {
        contexts.push_back(session_of(conn).context());
        session_of(conn).set_context(nullptr);
    }
    instance_->host().set_quiet(false);
    bool is_over = false;
    if (has_handover_) {
        is_over = next_->restore_local(conns, local, old.manifest().version) == AIS_OK;
        if (!is_over) {
            failed("the new build refused what belongs to the clients of the running one");
        }
    } else {
        is_over = open_clients(conns);
    }
    if (!is_over) {
        next_.reset();
        instance_->host().forget_clients();
        instance_.reset();
        for (std::size_t i = 0; i < conns.size(); ++i) {
            session_of(conns[i]).set_context(contexts[i]);
        }
        return false;
    }
    clients_ = conns.size();
    old.host().forget_clients();
    const service::ServiceId id = old_->id();
    table_.remove(id);
    const auto place = std::find_if(
        guards_.begin(), guards_.end(), [this](const auto& guard) { return guard.get() == old_; });
    AIS_ASSERT(place != guards_.end());
    *place = std::move(next_);
    old_ = nullptr;
    const auto added = table_.add(**place);
    AIS_ASSERT(added.ok());
    plugins_.exchange(old, std::move(instance_));  // unloads the old one
    return true;
}

bool Replacement::open_clients(const std::vector<ais_conn*>& conns) {
    for (ais_conn* conn : conns) {
        const ais_status status = next_->client_open(conn, session_of(conn).hello());
        if (status != AIS_OK) {
            failed("the new build refused a client of the running one (status " +
                   std::to_string(status) + ")");
            return false;
        }
    }
    return true;
}

}  // namespace ais::plugin
