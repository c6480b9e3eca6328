// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl msg queues | groups | send DESTINATION [TEXT] | receive QUEUE
//
// A client of the msg service as any program is (plugins/msg/wire.hpp).

#include "commands.hpp"

#include "client/ais.hpp"
#include "client/connection.hpp"
#include "msg/wire.hpp"

#include <cmath>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

namespace ais::ctl {
namespace {

constexpr auto patience = std::chrono::seconds(10);
constexpr std::uint32_t tag = 1;

struct Answer {
    SaAisErrorT error = SA_AIS_OK;
    std::vector<std::uint8_t> body;
};

class Service {
  public:
    explicit Service(const Context& context) {
        std::uint8_t space[msg::Hello::size];
        Writer hello(space);
        msg::Hello{}.encode(hello);
        ais_status refusal = AIS_OK;
        const client::Status opened = client::Connection::open_at(
            context.run_dir.c_str(), msg::service_id, hello.written(), connection_, &refusal);
        if (opened != client::Status::ok) {
            const SaAisErrorT error = client::to_sa_error(opened, refusal);
            throw Failure(error == SA_AIS_ERR_NOT_SUPPORTED ? Exit::failed : Exit::unreachable,
                          error == SA_AIS_ERR_NOT_SUPPORTED ? "this executive does not run msg"
                          : error == SA_AIS_ERR_ACCESS
                              ? "this user may not talk to the executive"
                              : "no executive answers at " + context.run_dir +
                                    "; --run-dir or OPENAIS_RUN_DIR chooses another one");
        }
    }
    // Nothing: the time ran out.
    std::optional<Answer> ask(msg::RequestKind kind,
                              const Appender& request,
                              Bytes more = {},
                              client::Duration timeout = patience) {
        const ais_bytes parts[] = {to_abi(request.written()), to_abi(more)};
        Answer answer;
        client::Response head;
        const client::Status asked =
            connection_->call(static_cast<std::uint16_t>(kind), parts, answer.body, head, timeout);
        if (asked == client::Status::timeout) {
            return std::nullopt;
        }
        if (asked != client::Status::ok) {
            throw Failure(asked == client::Status::try_again ? Exit::try_again : Exit::unreachable,
                          asked == client::Status::try_again
                              ? "the cluster is busy; try again"
                              : "the executive closed the connection");
        }
        answer.error = static_cast<SaAisErrorT>(head.error);
        return answer;
    }
    // The answer must come.
    Answer require(msg::RequestKind kind, const Appender& request, Bytes more = {}) {
        auto answer = ask(kind, request, more);
        if (!answer) {
            throw Failure(Exit::try_again, "no answer in time");
        }
        return std::move(*answer);
    }
    void tell(msg::RequestKind kind, const Appender& request) {
        const ais_bytes parts[] = {to_abi(request.written())};
        connection_->send(static_cast<std::uint16_t>(kind), parts, patience);
    }

  private:
    std::shared_ptr<client::Connection> connection_;
};

[[noreturn]] void refuse(SaAisErrorT error, const std::string& name) {
    switch (error) {
        case SA_AIS_ERR_NOT_EXIST:
            throw Failure(Exit::failed, "there is no " + name);
        case SA_AIS_ERR_BUSY:
            throw Failure(Exit::failed, name + " is open elsewhere; see aisctl msg queues");
        case SA_AIS_ERR_QUEUE_FULL:
            throw Failure(Exit::try_again, name + " is full");
        case SA_AIS_ERR_QUEUE_NOT_AVAILABLE:
            throw Failure(Exit::try_again, "group " + name + " has no members");
        case SA_AIS_ERR_NO_RESOURCES:
            throw Failure(Exit::try_again, "the queues of the cluster hold all that they may");
        case SA_AIS_ERR_TRY_AGAIN:
            throw Failure(Exit::try_again, "the cluster is busy; try again");
        case SA_AIS_ERR_TOO_BIG:
            throw Failure(Exit::failed, "the message is too big");
        default:
            throw Failure(Exit::failed,
                          "the executive answered with error " + std::to_string(error));
    }
}

Json queue_line(Reader& in) {
    const std::string name(in.text());
    const std::uint32_t node = in.u32();
    const std::uint8_t reached = in.u8();
    const msg::Status status = msg::Status::decode(in);
    Json areas = Json::array();
    std::uint64_t messages = 0;
    std::uint64_t used = 0;
    for (std::size_t i = 0; i < msg::priorities; ++i) {
        const msg::AreaStatus& area = status.areas[i];
        messages += area.messages;
        used += area.used;
        areas.push_back({{"size", area.size},
                         {"used", area.used},
                         {"messages", area.messages},
                         {"reached", (reached >> i & 1) != 0}});
    }
    return {{"name", name},
            {"node", node},
            {"persistent", (status.flags & msg::creation_persistent) != 0},
            {"retention_ns", status.retention},
            {"closed_ns", status.closed},
            {"messages", messages},
            {"used", used},
            {"areas", areas}};
}

Json group_line(Reader& in) {
    static constexpr const char* policies[] = {
        "?", "round-robin", "local-round-robin", "local-best-queue", "broadcast"};
    const std::string name(in.text());
    msg::Members members;
    if (!msg::Members::decode(in, members)) {
        in.fail();
        return {};
    }
    Json names = Json::array();
    for (const msg::Member& member : members.members) {
        names.push_back(std::string(member.name));
    }
    return {{"name", name},
            {"policy", policies[static_cast<std::uint32_t>(members.policy)]},
            {"members", names}};
}

// All of them, page by page.
Json list(const Context& context, bool wants_groups) {
    Service service(context);
    Json lines = Json::array();
    std::string after;
    for (bool has_more = true; has_more;) {
        Appender request;
        request.u8(wants_groups ? 1 : 0);
        const Answer answer = service.require(msg::RequestKind::list, request, as_bytes(after));
        if (answer.error != SA_AIS_OK) {
            refuse(answer.error, "list");
        }
        Reader in(answer.body);
        has_more = in.u8() != 0;
        const std::uint32_t count = in.u32();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
            lines.push_back(wants_groups ? group_line(in) : queue_line(in));
        }
        if (!in.finished()) {
            throw Failure(Exit::failed, "the executive's answer is not understood");
        }
        after = lines.empty() ? std::string() : lines.back()["name"].get<std::string>();
    }
    return lines;
}

void print(const Json& what) {
    std::cout << what.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void queues(const Context& context) {
    const Json lines = list(context, false);
    if (context.json) {
        return print(lines);
    }
    std::cout << std::left << std::setw(11) << "OPEN AT" << std::setw(10) << "MESSAGES"
              << std::setw(12) << "BYTES" << std::setw(12) << "PERSISTENT"
              << "NAME\n";
    for (const Json& line : lines) {
        const auto node = line["node"].get<std::uint64_t>();
        std::cout << std::setw(11) << (node != 0 ? std::to_string(node) : "-") << std::setw(10)
                  << line["messages"].get<std::uint64_t>() << std::setw(12)
                  << line["used"].get<std::uint64_t>() << std::setw(12)
                  << (line["persistent"].get<bool>() ? "yes" : "no")
                  << line["name"].get<std::string>() << '\n';
    }
}

void groups(const Context& context) {
    const Json lines = list(context, true);
    if (context.json) {
        return print(lines);
    }
    std::cout << std::left << std::setw(19) << "POLICY" << std::setw(9) << "MEMBERS"
              << "NAME\n";
    for (const Json& line : lines) {
        std::cout << std::setw(19) << line["policy"].get<std::string>() << std::setw(9)
                  << line["members"].size() << line["name"].get<std::string>() << '\n';
        for (const Json& member : line["members"]) {
            std::cout << std::setw(28) << ""
                      << "  " << member.get<std::string>() << '\n';
        }
    }
}

void send(const Context& context,
          const std::string& destination,
          std::optional<std::string> text,
          std::uint32_t priority) {
    if (!text) {
        text.emplace(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    }
    if (text->size() > msg::message_size_max) {
        throw Failure(Exit::failed, "the message is above 1 MiB");
    }
    Appender head;
    head.text(destination);
    msg::Message message;
    message.priority = static_cast<std::uint8_t>(priority);
    message.sent = client::time_of_day();
    message.sender = "aisctl";
    message.encode_head(head);
    Service service(context);
    const Answer answer = service.require(msg::RequestKind::send, head, as_bytes(*text));
    if (answer.error != SA_AIS_OK) {
        refuse(answer.error, destination);
    }
}

void open(Service& service, const std::string& queue) {
    Appender head;
    msg::OpenRequest request;
    request.tag = tag;
    request.encode_head(head, false);
    const Answer answer = service.require(msg::RequestKind::open, head, as_bytes(queue));
    if (answer.error != SA_AIS_OK) {
        refuse(answer.error, "queue " + queue);
    }
}

// Why not by the end of the process: the executive learns of that later, and the queue is still
// open elsewhere for who comes next.
void close(Service& service) {
    Appender request;
    request.u32(tag);
    service.require(msg::RequestKind::close, request);
}

void receive(const Context& context, const std::string& queue, double seconds) {
    Service service(context);
    open(service, queue);
    std::uint8_t space[msg::GetRequest::size];
    Writer get(space);
    msg::GetRequest{tag, 1, msg::any_size, seconds > 0}.encode(get);
    Appender request;
    request.bytes(get.written());
    const auto timeout =
        seconds > 0
            ? std::chrono::duration_cast<client::Duration>(std::chrono::duration<double>(seconds))
            : client::Duration(patience);
    const auto answer = service.ask(msg::RequestKind::get, request, {}, timeout);
    if (answer && answer->error == SA_AIS_ERR_TIMEOUT) {
        close(service);
    }
    // If it comes after all it is back in its place when this process ends.
    if (!answer || answer->error == SA_AIS_ERR_TIMEOUT) {
        throw Failure(Exit::try_again, "queue " + queue + " is empty");
    }
    if (answer->error != SA_AIS_OK) {
        refuse(answer->error, "queue " + queue);
    }
    Reader in(answer->body);
    const std::uint64_t sender_id = in.u64();
    msg::Message message;
    if (!in.ok() || !msg::Message::decode(in.rest(), message)) {
        throw Failure(Exit::failed, "the executive's answer is not understood");
    }
    if (context.json) {
        print({{"data", std::string(as_text(message.data))},
               {"priority", message.priority},
               {"type", message.type},
               {"version", message.version},
               {"sender", std::string(message.sender)},
               {"sent_ns", message.sent},
               {"wants_reply", sender_id != 0}});
    } else {
        std::cout << as_text(message.data);
    }
    std::cout.flush();
    if (!std::cout) {
        return;  // nobody has it: it stays in the queue
    }
    Appender got;
    got.u32(tag);
    got.u64(1);
    service.tell(msg::RequestKind::got, got);
    close(service);
}

std::string check_name(const std::string& text) {
    return msg::is_name(text) ? std::string() : std::string("a name has 1 to 256 bytes");
}

}  // namespace

void add_msg(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("msg", "message queues and groups of them");
    command->require_subcommand(1);
    CLI::App* show = command->add_subcommand("queues", "queues, who has them open, what they hold");
    show->add_flag("--json", context.json, "for scripts");
    show->callback([&context] { queues(context); });
    CLI::App* show_groups = command->add_subcommand("groups", "groups, their policies and members");
    show_groups->add_flag("--json", context.json, "for scripts");
    show_groups->callback([&context] { groups(context); });

    struct Arguments {
        std::string name;
        std::string text;
        std::uint32_t priority = 3;
        double seconds = 0;
    };
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* sending = command->add_subcommand("send", "send a message to a queue or group");
    sending->add_option("DESTINATION", arguments->name, "queue or group")
        ->required()
        ->check(check_name);
    const CLI::Option* text = sending->add_option(
        "TEXT", arguments->text, "the data; without it, standard input to its end");
    sending->add_option("--priority", arguments->priority, "0, the highest, to 3")
        ->check(CLI::Range(0, 3))
        ->capture_default_str();
    sending->callback([&context, arguments, text] {
        send(context,
             arguments->name,
             text->count() > 0 ? std::optional(arguments->text) : std::nullopt,
             arguments->priority);
    });
    CLI::App* receiving = command->add_subcommand("receive", "take one message and write its data");
    receiving->add_option("QUEUE", arguments->name)->required()->check(check_name);
    receiving->add_option("--timeout", arguments->seconds, "seconds to wait for one; 0: not at all")
        ->check(CLI::Range(0.0, 1e9));
    receiving->add_flag("--json", context.json, "for scripts");
    receiving->callback(
        [&context, arguments] { receive(context, arguments->name, arguments->seconds); });
}

}  // namespace ais::ctl
