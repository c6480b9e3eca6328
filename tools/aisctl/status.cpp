// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl status: the ring, its members, services, links and counters.

#include "commands.hpp"

#include <iomanip>
#include <iostream>

namespace ais::ctl {
namespace {

void print(const Json& status) {
    std::cout << "node        " << status["node"] << ", aisexec "
              << status["version"].get<std::string>() << '\n';
    const Json& ring = status["ring"];
    std::cout << "ring        " << ring["id"].get<std::string>()
              << (status["operational"].get<bool>() ? "" : " (looking for a new one)") << ", "
              << ring["members"].size() << " members\n";
    for (const Json& member : ring["members"]) {
        std::cout << "  node " << std::setw(5) << std::left << member["node"].get<std::uint64_t>()
                  << ' ' << member["address"].get<std::string>() << '\n';
    }
    const Json& sync = status["sync"];
    std::cout << "replicas    " << sync["state"].get<std::string>() << '\n';
    std::cout << "services\n";
    for (const Json& service : status["services"]) {
        if (service.contains("service")) {
            std::cout << "  " << std::setw(12) << std::left << service["name"].get<std::string>()
                      << ' ' << std::setw(10) << service["version"].get<std::string>() << " id "
                      << std::setw(5) << service["service"].get<std::uint64_t>() << ' '
                      << service["clients"] << " clients\n";
        }
    }
    std::cout << "links\n";
    for (const Json& link : status["links"]) {
        std::cout << "  " << link["link"] << ' ' << link["interface"].get<std::string>() << ' '
                  << link["address"].get<std::string>()
                  << (link["up"].get<bool>() ? ", " : ", down, ")
                  << link["cipher"].get<std::string>() << ": sent " << link["sent_datagrams"]
                  << ", received " << link["received_datagrams"] << ", refused " << link["refused"]
                  << ", lost " << link["overruns"] << '\n';
    }
    const Json& clients = status["clients"];
    std::cout << "clients     " << clients["count"] << " now, " << clients["opened"] << " in all, "
              << clients["requests"] << " requests, " << clients["events"] << " events\n";
    const Json& totem = status["totem"];
    std::cout << "totem       " << totem["rings"] << " rings, " << totem["tokens"] << " tokens, "
              << totem["token_losses"] << " lost, sent " << totem["sent"] << ", received "
              << totem["received"] << ", retransmitted " << totem["retransmitted"] << " ("
              << totem["retransmitted_to_one"] << " to one node), requested " << totem["requested"]
              << " (" << totem["requests_repeated"] << " again, " << totem["requests_spurious"]
              << " needlessly)\n";
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("status", "ring, members, services, links, counters");
    command->add_flag("--json", context.json, "for scripts");
    command->callback([&context] {
        const Json status = context.connection().ask({{"do", "status"}});
        if (context.json) {
            std::cout << status.dump(2) << '\n';
        } else {
            print(status);
        }
    });
}

}  // namespace ais::ctl
