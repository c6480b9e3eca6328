// SPDX-License-Identifier: BSD-3-Clause
//
// What the executive answers its operator (Control::Subject), and live
// replacement of its services from one turn of the loop to the next.

#include "daemon.hpp"

#include "totem/stats.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace ais {
namespace {

using Json = nlohmann::ordered_json;

// How long a replacement waits: for an exchange to end; for the rest while
// clients are held back; for all of a large state to be copied.
constexpr Duration synced_wait = std::chrono::seconds(10);
constexpr Duration held_wait = std::chrono::seconds(1);
constexpr Duration copy_wait = std::chrono::seconds(120);
constexpr Duration look_again = std::chrono::milliseconds(1);

}  // namespace

struct Daemon::PendingReplacement {
    std::string name;
    std::string file;
    Control::Answer answer;
    std::unique_ptr<plugin::Replacement> work;
    Instant began;
    std::optional<Instant> held_since;
};

void Daemon::PendingDeleter::operator()(PendingReplacement* pending) const {
    delete pending;
}

Result<void> Daemon::open_control() {
    control_ = std::make_unique<Control>(static_cast<Control::Subject&>(*this));
    control_server_ = std::make_unique<os::ControlServer>(
        options_.run_dir,
        loop_,
        loop_,
        log_,
        [this](os::ControlServer::ConnectionId from, std::string_view line) {
            control_->on_line(line, [this, from](const std::string& reply) {
                control_server_->reply(from, reply);
            });
        });
    return control_server_->open();
}

std::string Daemon::status_json() const {
    const totem::Engine& engine = node_->engine();
    const totem::Configuration& ring = engine.configuration();
    Json members = Json::array();
    for (const NodeId node : ring.members) {
        members.push_back({{"node", node.value()}, {"address", network_->address_of(node)}});
    }
    const totem::Stats& totem = engine.stats();
    const sync::SyncStats& sync = node_->barrier().stats();
    const auto& group = node_->groups().stats();
    const ipc::IpcStats& ipc = node_->sessions().stats();
    Json links = Json::array();
    for (const Network::LinkView& view : network_->links_now()) {
        const links::LinkStats& link = network_->links().stats(view.number);
        std::uint64_t refused = 0;
        for (const std::uint64_t count : link.faults) {
            refused += count;
        }
        links.push_back({{"link", view.number},
                         {"interface", view.interface},
                         {"address", view.address},
                         {"up", view.is_up},
                         {"cipher", std::string(seal_->cipher())},
                         {"offload", view.is_offloading},
                         {"sent_datagrams", link.sent_datagrams},
                         {"sent_bytes", link.sent_bytes},
                         {"received_datagrams", link.received_datagrams},
                         {"received_bytes", link.received_bytes},
                         {"refused", refused},
                         {"overruns", view.overruns}});
    }
    std::ostringstream ring_id;
    ring_id << ring.ring;
    return Json{{"node", self_.value()},
                {"version", AIS_VERSION},
                {"operational", engine.is_operational()},
                {"ring",
                 {{"id", ring_id.str()},
                  {"seq", ring.ring.seq},
                  {"representative", ring.ring.representative.value()},
                  {"members", members}}},
                {"sync",
                 {{"synced", node_->barrier().is_synced()},
                  {"state", node_->barrier().describe()},
                  {"exchanges", sync.exchanges},
                  {"aborted", sync.aborted},
                  {"comparisons", sync.comparisons},
                  {"bytes_sent", sync.snapshot_bytes_sent},
                  {"bytes_merged", sync.snapshot_bytes_merged}}},
                {"services", Json::parse(plugins_json())["plugins"]},
                {"links", links},
                {"clients",
                 {{"count", node_->sessions().count()},
                  {"opened", ipc.opened},
                  {"refused", ipc.refused},
                  {"requests", ipc.requests},
                  {"events", ipc.events}}},
                {"totem",
                 {{"tokens", totem.tokens},
                  {"token_losses", totem.token_losses},
                  {"rings", totem.rings},
                  {"sent", totem.sent},
                  {"received", totem.received},
                  {"requested", totem.requested},
                  {"requests_repeated", totem.requests_repeated},
                  {"requests_spurious", totem.requests_spurious},
                  {"stays", totem.stays},
                  {"sent_staying", totem.sent_staying},
                  {"retransmitted", totem.retransmitted},
                  {"retransmitted_to_one", totem.retransmitted_to_one},
                  {"duplicates", totem.duplicates},
                  {"malformed", totem.malformed},
                  {"pauses", totem.pauses}}},
                {"group",
                 {{"sent_messages", group.sent_messages},
                  {"delivered_messages", group.delivered_messages},
                  {"delivered_bytes", group.delivered_bytes},
                  {"backlog", node_->groups().backlog()}}}}
        .dump();
}

std::string Daemon::plugins_json() const {
    Json list = Json::array();
    for (const auto& instance : service_plugins_->all()) {
        Json one{{"name", instance->name()}, {"version", instance->manifest().version}};
        for (const auto& guard : services_) {
            if (guard->name() == instance->name()) {
                one["service"] = guard->id();
                one["in_parts"] = guard->in_parts();
                one["hands_over"] =
                    instance->manifest().offers_interface(AIS_SERVICE_HANDOVER_INTERFACE);
            }
        }
        one["clients"] = instance->host().clients().size();
        one["timers"] = instance->host().timers();
        std::string file;
        for (const plugin::Candidate& candidate : registry_.candidates()) {
            if (candidate.name == instance->name() && candidate.refused.empty()) {
                file = candidate.file;
            }
        }
        const auto replaced = replaced_files_.find(instance->name());
        one["file"] = replaced == replaced_files_.end() ? file : replaced->second;
        list.push_back(std::move(one));
    }
    return Json{{"plugins", list}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Daemon::dump_text() const {
    std::string text = node_->describe() + network_->describe();
    for (const auto& instance : service_plugins_->all()) {
        text += instance->describe();
    }
    return text;
}

void Daemon::replace_plugin(const std::string& name,
                            const std::string& file,
                            Control::Answer answer) {
    if (pending_ != nullptr) {
        answer(Error{AIS_ERR_AGAIN, "plugin '" + pending_->name + "' is being replaced"});
        return;
    }
    pending_.reset(
        new PendingReplacement{name, file, std::move(answer), nullptr, loop_.now(), std::nullopt});
    auto mapped = registry_.map(file);
    auto begun =
        mapped ? plugin::Replacement::begin(
                     name, *mapped, *service_plugins_, services_, node_->table(), service_kernel_)
               : Result<std::unique_ptr<plugin::Replacement>>(mapped.error());
    if (!begun) {
        end_replacement(begun.error());
        return;
    }
    pending_->work = begun.take();
    loop_.wake_at(loop_.now());
}

void Daemon::end_replacement(const Result<std::string>& outcome) {
    const std::unique_ptr<PendingReplacement, PendingDeleter> ended = std::move(pending_);
    node_->hold_requests(false);
    if (!outcome) {
        AIS_LOG(log_,
                warning,
                "plugin",
                "PLUGIN-014",
                "plugin '",
                ended->name,
                "' is not replaced by ",
                ended->file,
                ": ",
                outcome.error().text,
                "; the running build goes on");
    }
    ended->work.reset();
    ended->answer(outcome);
}

// Before the node's own turn, so no call into a plugin is going on.
void Daemon::step_replacement() {
    if (pending_ == nullptr) {
        return;
    }
    PendingReplacement& now = *pending_;
    const Duration waited = loop_.now() - now.began;
    if (node_->is_stopped()) {
        end_replacement(failed("this node stops"));
        return;
    }
    if (!node_->engine().is_operational() || !node_->barrier().is_synced()) {
        node_->hold_requests(false);
        now.held_since.reset();
        if (waited > synced_wait) {
            end_replacement(
                Error{AIS_ERR_AGAIN, "replicas are still being made equal: try again later"});
        }
        return;
    }
    switch (now.work->step(node_->engine().configuration())) {
        case plugin::Replacement::Progress::copying:
            if (waited > copy_wait) {
                end_replacement(
                    failed("the state changes faster than it is copied, or is too large"));
            }
            return;
        case plugin::Replacement::Progress::waiting:
            if (!now.held_since) {
                now.held_since = loop_.now();
                node_->hold_requests(true);
            } else if (loop_.now() - *now.held_since > held_wait) {
                end_replacement(Error{AIS_ERR_AGAIN,
                                      "clients wait for responses that take long, and one of the "
                                      "two builds cannot hand them over"});
            }
            return;
        case plugin::Replacement::Progress::failed:
            end_replacement(failed(now.work->error()));
            return;
        case plugin::Replacement::Progress::done:
            break;
    }
    replaced_files_[now.name] = now.file;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(waited).count();
    AIS_LOG(log_,
            notice,
            "plugin",
            "PLUGIN-013",
            now.work->from(),
            " is replaced by ",
            now.work->to(),
            " (",
            now.file,
            "): ",
            now.work->clients(),
            " clients and ",
            now.work->bytes(),
            " bytes of state taken over");
    end_replacement(Json{
        {"from", now.work->from()},
        {"to", now.work->to()},
        {"clients", now.work->clients()},
        {"bytes", now.work->bytes()},
        {"microseconds",
         took}}.dump());
}

std::optional<Instant> Daemon::replacement_deadline() const {
    return pending_ == nullptr ? std::optional<Instant>() : loop_.now() + look_again;
}

}  // namespace ais
