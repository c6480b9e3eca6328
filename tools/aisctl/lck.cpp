// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl lck list | lock NAME | unlock NAME | watch | run NAME -- COMMAND
//
// It talks to the lck service as a client of it (plugins/lck/wire.hpp).  A lock that is to stay
// when aisctl ends is an orphan; `unlock` purges it.  lck_run.cpp has `run`.

#include "lck.hpp"

#include "client/ais.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

namespace ais::ctl {

LockClient::LockClient(const Context& context, std::uint32_t watch) {
    std::uint8_t space[lck::Hello::size];
    Writer hello(space);
    lck::Hello{lck::wire_version, watch}.encode(hello);
    ais_status refusal = AIS_OK;
    const client::Status opened = client::Connection::open_at(
        context.run_dir.c_str(), lck::service_id, hello.written(), connection_, &refusal);
    if (opened != client::Status::ok) {
        const SaAisErrorT error = client::to_sa_error(opened, refusal);
        throw Failure(error == SA_AIS_ERR_NOT_SUPPORTED ? Exit::failed : Exit::unreachable,
                      error == SA_AIS_ERR_NOT_SUPPORTED ? "this executive does not run lck"
                      : error == SA_AIS_ERR_ACCESS
                          ? "this user may not talk to the executive"
                          : "no executive answers at " + context.run_dir +
                                "; --run-dir or OPENAIS_RUN_DIR chooses another one");
    }
}

SaAisErrorT LockClient::ask(lck::RequestKind kind,
                            const Appender& request,
                            std::vector<std::uint8_t>& body) const {
    const ais_bytes parts[] = {to_abi(request.written())};
    client::Response head;
    const client::Status asked =
        connection_->call(lck::number_of(kind), parts, body, head, client::forever);
    if (asked == client::Status::try_again) {
        return SA_AIS_ERR_TRY_AGAIN;
    }
    if (asked != client::Status::ok) {
        throw Failure(Exit::unreachable, "the executive closed the connection");
    }
    return static_cast<SaAisErrorT>(head.error);
}

void LockClient::open(const std::string& name, bool creates) const {
    Appender body;
    body.u64(handle);
    body.u32(creates ? lck::flag_create : 0);
    body.bytes(as_bytes(name));
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(lck::RequestKind::open, body, response);
    if (error == SA_AIS_ERR_NOT_EXIST) {
        throw Failure(Exit::failed, "there is no lock resource " + name);
    }
    check(error);
}

std::optional<lck::LockAnswer> LockClient::lock(std::uint64_t id,
                                                lck::Mode mode,
                                                std::uint32_t flags,
                                                std::int64_t timeout) const {
    lck::LockRequest wanted;
    wanted.id = id;
    wanted.handle = handle;
    wanted.mode = mode;
    wanted.flags = flags;
    wanted.timeout = timeout;
    Appender body;
    wanted.encode(false, body);
    std::vector<std::uint8_t> response;
    const SaAisErrorT error = ask(lck::RequestKind::lock, body, response);
    if (error == SA_AIS_ERR_TIMEOUT) {
        return std::nullopt;
    }
    check(error);
    lck::LockAnswer answer;
    if (!lck::LockAnswer::decode(response, answer)) {
        throw Failure(Exit::failed, "the executive's answer is not understood");
    }
    if (answer.status == lck::Status::no_more) {
        throw Failure(Exit::failed, "the cluster has as many locks as it can have");
    }
    return answer;
}

void LockClient::tell(lck::RequestKind kind, std::uint64_t target) const {
    Appender body;
    body.u64(target);
    std::vector<std::uint8_t> response;
    check(ask(kind, body, response));
}

void LockClient::check(SaAisErrorT error) {
    if (error == SA_AIS_ERR_TRY_AGAIN) {
        throw Failure(Exit::try_again, "the ring is busy, or there is none; try again");
    }
    if (error != SA_AIS_OK) {
        throw Failure(Exit::failed, "the executive answered with error " + std::to_string(error));
    }
}

std::string text_of(lck::Fence fence) {
    char text[33];
    std::snprintf(text,
                  sizeof text,
                  "%016llx%016llx",
                  static_cast<unsigned long long>(fence.high),
                  static_cast<unsigned long long>(fence.low));
    return text;
}

void add_options(CLI::App& command, const std::shared_ptr<LockOptions>& options) {
    command.add_option("NAME", options->name, "the resource")
        ->required()
        ->check([](const std::string& text) {
            return lck::is_name(as_bytes(text)) ? std::string()
                                                : std::string("a name has 1 to 256 bytes");
        });
    command.add_flag("-s,--shared", options->is_shared, "with other shared ones, not with others");
    command.add_flag("-n,--nonblock", options->must_not_wait, "do not wait");
    command.add_option("-w,--timeout", options->timeout, "wait so many seconds at most")
        ->check(CLI::NonNegativeNumber);
    command
        .add_option("-E,--conflict-exit-code",
                    options->conflict_status,
                    "exit status if it is locked by another one")
        ->check(CLI::Range(0, 255))
        ->capture_default_str();
}

namespace {

const char* text_of_kind(std::uint32_t kind) {
    static constexpr const char* words[] = {"free", "new", "waiting", "held", "orphan"};
    return kind < std::size(words) ? words[kind] : "?";
}

Json read_all(const LockClient& client, const std::string& only) {
    Json lines = Json::array();
    std::string cursor;
    std::uint32_t skip = 0;
    for (;;) {
        Appender request;
        request.u32(skip);
        request.text(cursor);
        std::vector<std::uint8_t> body;
        LockClient::check(client.ask(lck::RequestKind::list, request, body));
        Reader in(body);
        if (in.remaining() == 0) {
            return lines;
        }
        while (in.remaining() > 0) {
            lck::ListLine line;
            if (!lck::ListLine::decode(in, line)) {
                throw Failure(Exit::failed, "the executive's answer is not understood");
            }
            skip = line.name == cursor ? skip + 1 : 1;
            cursor = line.name;
            if (!only.empty() && only != line.name) {
                continue;
            }
            Json json = {{"name", line.name}, {"state", text_of_kind(line.kind)}};
            if (line.kind != 0) {
                json["mode"] = line.mode == 2 ? "exclusive" : "shared";
                json["node"] = line.node;
                json["pid"] = line.pid;
                if (line.fence != lck::Fence{}) {
                    json["fence"] = text_of(line.fence);
                }
            }
            lines.push_back(std::move(json));
        }
    }
}

std::string text_of_line(const Json& line) {
    std::ostringstream out;
    out << std::left << std::setw(9) << line["state"].get<std::string>() << std::setw(11)
        << line.value("mode", "-") << std::setw(11)
        << (line.contains("node") ? std::to_string(line["node"].get<std::uint32_t>()) : "-")
        << std::setw(9)
        << (line.value("pid", 0U) != 0 ? std::to_string(line["pid"].get<std::uint32_t>()) : "-")
        << std::setw(34) << line.value("fence", "-");
    for (const char c : line["name"].get<std::string>()) {
        out << ((c >= 0 && c < ' ') || c == 0x7f ? '?' : c);
    }
    return out.str();
}

void list(const Context& context, const std::string& only) {
    const LockClient client(context, 0);
    const Json lines = read_all(client, only);
    if (context.json) {
        std::cout << lines.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    std::cout << "STATE    MODE       NODE       PID      FENCE                             NAME\n";
    for (const Json& line : lines) {
        std::cout << text_of_line(line) << '\n';
    }
}

// Until it is interrupted: what has come (+) and gone (-).
void watch(const Context& context, const std::string& only, double interval) {
    const LockClient client(context, 0);
    std::vector<std::string> before;
    for (;;) {
        std::vector<std::string> now;
        for (const Json& line : read_all(client, only)) {
            now.push_back(text_of_line(line));
        }
        std::sort(now.begin(), now.end());
        const auto tell = [](const char* sign, const auto& from, const auto& without) {
            std::vector<std::string> rest;
            std::set_difference(
                from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(rest));
            for (const std::string& line : rest) {
                std::cout << sign << ' ' << line << '\n';
            }
        };
        tell("-", before, now);
        tell("+", now, before);
        std::cout.flush();
        if (!std::cout) {
            return;  // who read it is gone
        }
        before = std::move(now);
        std::this_thread::sleep_for(std::chrono::duration<double>(interval));
    }
}

void lock(const Context& context, const LockOptions& options) {
    const LockClient client(context, 0);
    client.open(options.name, true);
    const auto deadline = options.deadline();
    for (std::uint64_t id = 1;; id += 2) {
        // As an orphan it stays; but so asked it does not wait for another orphan.
        const auto answer = client.lock(
            id, options.mode(), lck::flag_orphan | options.flags(), options.left(deadline));
        if (answer && answer->status == lck::Status::granted) {
            std::cout << text_of(answer->fence) << '\n';
            return;
        }
        if (!answer || answer->status != lck::Status::orphaned || options.must_not_wait) {
            throw Ended{options.conflict_status, options.name + " is locked"};
        }
        const auto turn = client.lock(id + 1, options.mode(), 0, options.left(deadline));
        if (!turn) {
            throw Ended{options.conflict_status, options.name + " is locked"};
        }
        if (turn->status == lck::Status::granted) {
            client.tell(lck::RequestKind::unlock, id + 1);
        }
    }
}

void unlock(const Context& context, const std::string& name) {
    const LockClient client(context, 0);
    client.open(name, false);
    client.tell(lck::RequestKind::purge, LockClient::handle);
}

}  // namespace

void add_lck(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("lck", "locks of the cluster");
    command->require_subcommand(1);
    const auto name = std::make_shared<std::string>();
    CLI::App* show = command->add_subcommand("list", "resources, who holds and who waits");
    show->add_option("NAME", *name, "this one only");
    show->add_flag("--json", context.json, "for scripts");
    show->callback([&context, name] { list(context, *name); });

    const auto interval = std::make_shared<double>(0.5);
    CLI::App* follow = command->add_subcommand("watch", "the same, and its changes from then on");
    follow->add_option("NAME", *name, "this one only");
    follow->add_option("--interval", *interval, "look so often, in seconds")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    follow->callback([&context, name, interval] { watch(context, *name, *interval); });

    const auto options = std::make_shared<LockOptions>();
    CLI::App* take = command->add_subcommand(
        "lock", "lock a resource until somebody unlocks it; print the number");
    add_options(*take, options);
    take->callback([&context, options] { lock(context, *options); });

    CLI::App* give = command->add_subcommand("unlock", "the end of `lock`, whoever did it");
    give->add_option("NAME", *name, "the resource")->required();
    give->callback([&context, name] { unlock(context, *name); });

    add_lck_run(*command, context);
}

}  // namespace ais::ctl
