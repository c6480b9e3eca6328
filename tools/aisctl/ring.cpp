// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl members: who is in the ring.  aisctl rings: the networks below it.

#include "commands.hpp"

#include <iomanip>
#include <iostream>

namespace ais::ctl {
namespace {

void members(const Context& context) {
    const Json status = context.connection().ask({{"do", "status"}});
    const Json& ring = status["ring"];
    if (context.json) {
        std::cout << ring["members"].dump(2) << '\n';
        return;
    }
    std::cout << std::left << std::setw(11) << "NODE"
              << "ADDRESS\n";
    for (const Json& member : ring["members"]) {
        std::cout << std::setw(11) << member["node"].get<std::uint64_t>()
                  << member["address"].get<std::string>()
                  << (member["node"] == status["node"] ? "  (this node)" : "") << '\n';
    }
}

void rings(const Context& context) {
    const Json status = context.connection().ask({{"do", "status"}});
    if (context.json) {
        std::cout << Json{{"ring", status["ring"]["id"]},
                          {"operational", status["operational"]},
                          {"links", status["links"]}}
                         .dump(2)
                  << '\n';
        return;
    }
    std::cout << "ring " << status["ring"]["id"].get<std::string>()
              << (status["operational"].get<bool>() ? "" : " (looking for a new one)") << '\n';
    std::cout << std::left << std::setw(6) << "LINK" << std::setw(12) << "INTERFACE"
              << std::setw(40) << "ADDRESS" << std::setw(6) << "STATE" << std::right
              << std::setw(12) << "SENT" << std::setw(12) << "RECEIVED" << std::setw(10)
              << "REFUSED" << std::setw(8) << "LOST" << '\n';
    for (const Json& link : status["links"]) {
        std::cout << std::left << std::setw(6) << link["link"].get<std::uint64_t>() << std::setw(12)
                  << link["interface"].get<std::string>() << std::setw(40)
                  << link["address"].get<std::string>() << std::setw(6)
                  << (link["up"].get<bool>() ? "up" : "down") << std::right << std::setw(12)
                  << link["sent_datagrams"].get<std::uint64_t>() << std::setw(12)
                  << link["received_datagrams"].get<std::uint64_t>() << std::setw(10)
                  << link["refused"].get<std::uint64_t>() << std::setw(8)
                  << link["overruns"].get<std::uint64_t>() << '\n';
    }
}

}  // namespace

void add_ring(CLI::App& app, Context& context) {
    CLI::App* who = app.add_subcommand("members", "the nodes of the ring and their addresses");
    who->add_flag("--json", context.json, "for scripts");
    who->callback([&context] { members(context); });
    CLI::App* below =
        app.add_subcommand("rings", "the networks below, whether they work, and traffic");
    below->add_flag("--json", context.json, "for scripts");
    below->callback([&context] { rings(context); });
}

}  // namespace ais::ctl
