// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl clm list | lock NODE | unlock NODE | shutdown NODE
//
// It talks to the clm service as a client of it, with the two requests that are for
// operators (plugins/clm/wire.hpp).

#include "commands.hpp"

#include "client/ais.hpp"
#include "client/connection.hpp"
#include "clm/wire.hpp"

#include <algorithm>
#include <charconv>
#include <iomanip>
#include <iostream>
#include <memory>
#include <vector>

namespace ais::ctl {
namespace {

constexpr auto list_timeout = std::chrono::seconds(10);

struct Answer {
    SaAisErrorT error = SA_AIS_OK;
    std::vector<std::uint8_t> body;
};

Answer ask(const Context& context,
           clm::RequestKind kind,
           const Appender& request,
           client::Duration timeout) {
    Appender hello;
    clm::Hello{clm::wire_version, clm::Role::operators_tool}.encode(hello);
    std::shared_ptr<client::Connection> connection;
    ais_status refusal = AIS_OK;
    const client::Status opened = client::Connection::open_at(
        context.run_dir.c_str(), clm::service_id, hello.written(), connection, &refusal);
    if (opened != client::Status::ok) {
        const SaAisErrorT error = client::to_sa_error(opened, refusal);
        throw Failure(error == SA_AIS_ERR_NOT_SUPPORTED ? Exit::failed : Exit::unreachable,
                      error == SA_AIS_ERR_NOT_SUPPORTED ? "this executive does not run clm"
                      : error == SA_AIS_ERR_ACCESS
                          ? "this user may not talk to the executive"
                          : "no executive answers at " + context.run_dir +
                                "; --run-dir or OPENAIS_RUN_DIR chooses another one");
    }
    const ais_bytes parts[] = {to_abi(request.written())};
    Answer answer;
    client::Response head;
    const client::Status asked =
        connection->call(static_cast<std::uint16_t>(kind), parts, answer.body, head, timeout);
    if (asked != client::Status::ok) {
        throw Failure(Exit::unreachable,
                      asked == client::Status::timeout ? "no answer in time"
                                                       : "the executive closed the connection");
    }
    answer.error = static_cast<SaAisErrorT>(head.error);
    return answer;
}

const char* text_of(clm::AdminState state) {
    switch (state) {
        case clm::AdminState::unlocked:
            return "unlocked";
        case clm::AdminState::locked:
            return "locked";
        case clm::AdminState::shutting_down:
            return "shutting down";
    }
    return "?";
}

void list(const Context& context) {
    const Answer answer = ask(context, clm::RequestKind::nodes, Appender(), list_timeout);
    Reader in(answer.body);
    const std::uint32_t count = in.u32();
    Json nodes = Json::array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        clm::NodeLine line;
        if (!clm::NodeLine::decode(in, line)) {
            in.fail();
            break;
        }
        const bool is_member = line.is_up && line.state != clm::AdminState::locked;
        nodes.push_back({{"node", line.member.facts.node},
                         {"name", line.member.facts.name},
                         {"state", text_of(line.state)},
                         {"up", line.is_up},
                         {"member", is_member}});
    }
    if (answer.error != SA_AIS_OK || !in.finished()) {
        throw Failure(Exit::failed, "the executive's answer is not understood");
    }
    if (context.json) {
        std::cout << nodes.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    std::cout << std::left << std::setw(11) << "NODE" << std::setw(14) << "STATE" << std::setw(8)
              << "MEMBER"
              << "NAME\n";
    for (const Json& node : nodes) {
        std::cout << std::setw(11) << node["node"].get<std::uint64_t>() << std::setw(14)
                  << node["state"].get<std::string>() << std::setw(8)
                  << (node["member"].get<bool>() ? "yes"
                      : node["up"].get<bool>()   ? "no"
                                                 : "down")
                  << node["name"].get<std::string>() << '\n';
    }
}

void administer(const Context& context, clm::Operation operation, const std::string& node) {
    clm::AdminRequest request;
    request.operation = operation;
    const auto parsed = std::from_chars(node.data(), node.data() + node.size(), request.node);
    if (parsed.ec != std::errc() || parsed.ptr != node.data() + node.size()) {
        request.node = 0;
        request.name = node;
    }
    Appender body;
    request.encode(body);
    // Bounded by the service: each step of a change has a time.
    const Answer answer = ask(context, clm::RequestKind::administer, body, client::forever);
    switch (answer.error) {
        case SA_AIS_OK:
            return;
        case SA_AIS_ERR_NO_OP:
            throw Failure(Exit::failed,
                          "node " + node + " is " +
                              (operation == clm::Operation::unlock ? "not locked" : "locked") +
                              " already");
        case SA_AIS_ERR_NOT_EXIST:
            throw Failure(Exit::failed, "there is no node " + node + "; see aisctl clm list");
        case SA_AIS_ERR_FAILED_OPERATION:
            throw Failure(Exit::failed, "a program objected; node " + node + " stays as it is");
        case SA_AIS_ERR_ACCESS:
            throw Failure(Exit::unreachable, "only root and the executive's user may do that");
        case SA_AIS_ERR_BUSY:
            throw Failure(Exit::try_again, "another lock or shutdown is on its way; try again");
        case SA_AIS_ERR_TRY_AGAIN:
            throw Failure(Exit::try_again,
                          "nodes have come meanwhile, or the ring is busy; try again");
        default:
            throw Failure(Exit::failed,
                          "the executive answered with error " + std::to_string(answer.error));
    }
}

}  // namespace

void add_clm(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("clm", "which nodes may be members of the cluster");
    command->require_subcommand(1);
    CLI::App* show = command->add_subcommand("list", "nodes, and whether they are locked");
    show->add_flag("--json", context.json, "for scripts");
    show->callback([&context] { list(context); });
    const auto add = [&](const char* name, const char* what, clm::Operation operation) {
        CLI::App* one = command->add_subcommand(name, what);
        const auto node = std::make_shared<std::string>();
        one->add_option("NODE", *node, "number or name")
            ->required()
            ->check([](const std::string& text) {
                return text.empty() || text == "0" || text.size() > clm::name_max
                           ? std::string("no node is called so")
                           : std::string();
            });
        one->callback([&context, node, operation] { administer(context, operation, *node); });
    };
    add("lock", "take a node out of the membership, though it is up", clm::Operation::lock);
    add("unlock", "let a node be a member again", clm::Operation::unlock);
    add("shutdown",
        "the same as lock, and programs are told that it is for good",
        clm::Operation::shutdown);
}

}  // namespace ais::ctl
