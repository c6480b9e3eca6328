// SPDX-License-Identifier: BSD-3-Clause
//
// The executive: owns every part, wires them, and knows in which order they
// are born and die.
//
//   sockets ─ network (os/udp ─▶ links) ─▶ service/node ◀─ ipc/sessions ◀─ os/unix_server ─ clients
//                                          │
//                                       plugins (services)
//
// It is the one place where the pure parts meet the operating system: it hands
// the loop's time and datagrams to the Node and carries the Node's wishes out.
//
// Order of birth: signals, directories, crypto backend, sockets, links, node, services, clients'
// socket; then privileges are dropped; then the ring is looked for.  Death is the reverse,
// after a goodbye to the ring: clients are told first, plugins are unloaded while what stands
// behind their host tables is still there.
//
// Threads: the loop's; logging and the ring store have helper threads of their own.

#pragma once

#include "base/log.hpp"
#include "config/settings.hpp"
#include "config/tree.hpp"
#include "control.hpp"
#include "links/links.hpp"
#include "machine_facts.hpp"
#include "network.hpp"
#include "os/control_server.hpp"
#include "os/daemonize.hpp"
#include "os/loop.hpp"
#include "os/pause.hpp"
#include "os/privileges.hpp"
#include "os/ring_store.hpp"
#include "os/signals.hpp"
#include "os/trace_file.hpp"
#include "os/unix_server.hpp"
#include "plugin/guard.hpp"
#include "plugin/registry.hpp"
#include "plugin/replacement.hpp"
#include "service/node.hpp"
#include "totem/packet.hpp"
#include "totem/stats.hpp"

#include <ais/envelope.hpp>
#include <ais/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ais {

struct DaemonOptions {
    std::string run_dir;
    std::string state_dir;
    std::string key_file;
    std::vector<std::string> services;  // plugins to load
    std::string trace_file;             // empty: no trace
    // Reads the configuration again, for HUP; may be empty.
    std::function<Result<config::Settings>()> reload;
    bool embedded = false;  // one node on loopback, a key of its own, nothing kept
};

class Daemon final : private links::Receiver,
                     private service::Wire,
                     private service::RingStore,
                     private service::Observer,
                     private Control::Subject,
                     private plugin::Stopwatch {
  public:
    // All outlive it.
    Daemon(const DaemonOptions& options,
           const config::Settings& settings,
           const config::Tree& tree,
           plugin::Registry& registry,
           Log& log);
    ~Daemon();

    // Open everything and drop privileges.  The error names what was in the
    // way; what had been opened is closed by the destructor.
    Result<void> open();
    // Look for the ring and serve until a signal or a fatal fault.  Returns the
    // exit status: 0 after TERM or INT, 1 if this node had to stop itself.
    int run();

  private:
    Result<void> open_signals();
    Result<void> open_directories();
    Result<void> open_crypto();
    Result<void> open_network();
    Result<void> open_node();
    Result<void> open_services();
    Result<void> open_clients();
    Result<void> drop_privileges();
    Result<void> open_control();
    void dump();
    void log_lines(const std::string& text);
    void reload();
    bool turn();
    // After a pause of this process, one line that says why.
    void explain_pause();

    // links::Receiver
    void on_datagram(totem::LinkId link, NodeId sender, Bytes plain) override;
    [[nodiscard]] MutableBytes landing() override;
    // service::Wire
    void transmit(const totem::Transmit& what) override;
    void flush() override;
    // service::RingStore
    void store(std::uint64_t ring_seq) override;
    // service::Observer
    void on_configuration(const totem::Configuration& now) override;
    void on_gathering() override;
    void on_stop(std::string_view why) override;
    // Control::Subject (daemon_control.cpp)
    [[nodiscard]] std::string status_json() const override;
    [[nodiscard]] std::string plugins_json() const override;
    [[nodiscard]] std::string dump_text() const override;
    void replace_plugin(const std::string& name,
                        const std::string& file,
                        Control::Answer answer) override;
    void step_replacement();
    [[nodiscard]] std::optional<Instant> replacement_deadline() const;
    void end_replacement(const Result<std::string>& outcome);
    // plugin::Stopwatch
    [[nodiscard]] Duration reading() const override;

    const DaemonOptions& options_;
    const config::Settings& settings_;
    const config::Tree& tree_;
    plugin::Registry& registry_;
    Log& log_;
    int exit_status_ = 0;
    totem::Members left_since_last_ring_;
    os::PauseWatch pause_watch_;
    std::uint64_t pauses_ = 0;

    // In order of birth: destroyed from the end.
    os::Loop loop_;
    std::unique_ptr<os::Signals> signals_;
    std::optional<os::Account> account_;  // whom root becomes
    std::optional<os::PidFile> pid_file_;
    NodeId self_;
    plugin::Kernel crypto_kernel_;
    std::unique_ptr<plugin::Plugins> crypto_plugins_;
    envelope::Salt boot_salt_{};  // begins with our incarnation (links/stamp.hpp)
    std::unique_ptr<plugin::SealGuard> seal_;
    std::unique_ptr<Network> network_;
    std::unique_ptr<os::RingStore> ring_store_;
    std::unique_ptr<os::TraceFile> trace_;  // nullptr: no trace
    std::unique_ptr<service::Node> node_;
    std::unique_ptr<MachineFacts> facts_;
    plugin::Kernel service_kernel_;
    std::unique_ptr<plugin::Plugins> service_plugins_;
    std::unique_ptr<plugin::QuorumGuard> quorum_;  // nullptr: every component is primary
    std::vector<std::unique_ptr<plugin::ServiceGuard>> services_;
    std::unique_ptr<os::UnixServer> clients_;
    struct PendingReplacement;
    struct PendingDeleter {
        void operator()(PendingReplacement* pending) const;
    };
    std::map<std::string, std::string> replaced_files_;
    std::unique_ptr<PendingReplacement, PendingDeleter> pending_;
    std::unique_ptr<Control> control_;
    std::unique_ptr<os::ControlServer> control_server_;
};

}  // namespace ais
