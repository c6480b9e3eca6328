// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl ckpt list [NAME] | read NAME [SECTION] | write NAME [SECTION] | watch NAME
//
// A client of libSaCkpt; only the list of all checkpoints is asked of the service itself
// (plugins/ckpt/wire.hpp), since the standard has no call for it.

#include "progress.hpp"
#include "service.hpp"

#include "ckpt/wire.hpp"
#include "client/ais.hpp"
#include "client/connection.hpp"

#include <openais/saCkpt.h>

#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

namespace ais::ctl {
namespace {

constexpr SaTimeT timeout = 10 * SA_TIME_ONE_SECOND;
constexpr std::size_t piece = 1U << 20;
constexpr auto watch_pace = std::chrono::milliseconds(200);

struct Wanted {
    std::string name;
    std::string section;
    std::string file;
    bool creates = false;
    std::uint64_t retention_s = 600;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
};

// A checkpoint that is open as long as this lives.
class Open {
  public:
    Open(const Context& context,
         const Wanted& wanted,
         SaCkptCheckpointOpenFlagsT flags,
         const SaCkptCheckpointCreationAttributesT* attributes = nullptr)
        : context_(context), what_("checkpoint " + wanted.name) {
        choose_executive(context);
        SaVersionT version{'B', 1, 1};
        check(repeat([&] { return saCkptInitialize(&handle_, nullptr, &version); }));
        const SaNameT name = name_of(wanted.name);
        check(repeat([&] {
            return saCkptCheckpointOpen(handle_, &name, attributes, flags, timeout, &checkpoint);
        }));
    }
    ~Open() { saCkptFinalize(handle_); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

    void check(SaAisErrorT error) const { must(error, context_, what_); }
    void check(SaAisErrorT error, const std::string& section) const {
        must(error, context_, section.empty() ? what_ : "section " + section + " of " + what_);
    }
    [[nodiscard]] std::vector<ckpt::Descriptor> sections() const {
        std::vector<ckpt::Descriptor> all;
        SaCkptSectionIterationHandleT iteration = 0;
        const SaAisErrorT begun = repeat([&] {
            return saCkptSectionIterationInitialize(
                checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration);
        });
        check(begun);
        SaCkptSectionDescriptorT one{};
        while (repeat([&] { return saCkptSectionIterationNext(iteration, &one); }) == SA_AIS_OK) {
            all.push_back(
                {std::string(reinterpret_cast<const char*>(one.sectionId.id), one.sectionId.idLen),
                 one.expirationTime,
                 one.sectionSize,
                 static_cast<ckpt::SectionState>(one.sectionState),
                 one.lastUpdate});
        }
        saCkptSectionIterationFinalize(iteration);
        return all;
    }
    [[nodiscard]] SaCkptCheckpointDescriptorT status() const {
        SaCkptCheckpointDescriptorT status{};
        check(repeat([&] { return saCkptCheckpointStatusGet(checkpoint, &status); }));
        return status;
    }

    SaCkptCheckpointHandleT checkpoint = 0;

  private:
    const Context& context_;
    std::string what_;
    SaCkptHandleT handle_ = 0;
};

SaCkptSectionIdT id_of(const std::string& section) {
    return {
        static_cast<SaUint16T>(section.size()),
        section.empty() ? nullptr : reinterpret_cast<SaUint8T*>(const_cast<char*>(section.data()))};
}

std::vector<ckpt::NameList::Line> all_checkpoints(const Context& context) {
    std::uint8_t space[ckpt::Hello::size];
    Writer hello(space);
    ckpt::Hello{}.encode(hello);
    std::shared_ptr<client::Connection> connection;
    ais_status refusal = AIS_OK;
    const client::Status opened = client::Connection::open_at(
        context.run_dir.c_str(), ckpt::service_id, hello.written(), connection, &refusal);
    if (opened != client::Status::ok) {
        must(client::to_sa_error(opened, refusal) == SA_AIS_ERR_TRY_AGAIN
                 ? SA_AIS_ERR_LIBRARY
                 : client::to_sa_error(opened, refusal),
             context,
             "checkpoints");
    }
    std::vector<ckpt::NameList::Line> lines;
    ckpt::NameList page;
    do {
        const std::string after = lines.empty() ? std::string() : lines.back().name;
        const ais_bytes parts[] = {to_abi(std::string_view(after))};
        std::vector<std::uint8_t> body;
        client::Response head;
        const SaAisErrorT error = repeat([&] {
            const client::Status asked =
                connection->call(static_cast<std::uint16_t>(ckpt::Kind::list),
                                 parts,
                                 body,
                                 head,
                                 std::chrono::seconds(10));
            return asked != client::Status::ok ? SA_AIS_ERR_TIMEOUT
                                               : static_cast<SaAisErrorT>(head.error);
        });
        must(error, context, "checkpoints");
        if (!ckpt::NameList::decode(body, page)) {
            throw Failure(Exit::failed, "the executive's answer is not understood");
        }
        lines.insert(lines.end(), page.lines.begin(), page.lines.end());
    } while (page.more);
    return lines;
}

const char* way_of(std::uint32_t flags) {
    return (flags & SA_CKPT_WR_ACTIVE_REPLICA) != 0        ? "active"
           : (flags & SA_CKPT_WR_ACTIVE_REPLICA_WEAK) != 0 ? "weak"
                                                           : "all";
}

void list_all(const Context& context) {
    Json all = Json::array();
    for (const ckpt::NameList::Line& line : all_checkpoints(context)) {
        const ckpt::Attributes& how = line.status.attributes;
        all.push_back({{"name", line.name},
                       {"writes", way_of(how.creation_flags)},
                       {"collocated", (how.creation_flags & SA_CKPT_CHECKPOINT_COLLOCATED) != 0},
                       {"sections", line.status.sections},
                       {"max_sections", how.max_sections},
                       {"bytes", line.status.used},
                       {"max_bytes", how.size},
                       {"retention_ns", how.retention},
                       {"handles", line.openers}});
    }
    if (context.json) {
        std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    std::cout << std::left << std::setw(40) << "NAME" << std::setw(8) << "WRITES" << std::right
              << std::setw(9) << "SECTIONS" << std::setw(13) << "BYTES" << std::setw(9) << "HANDLES"
              << '\n';
    for (const Json& one : all) {
        std::cout << std::left << std::setw(39) << shown(one["name"].get<std::string>()) << ' '
                  << std::setw(8) << one["writes"].get<std::string>() << std::right << std::setw(9)
                  << one["sections"].get<std::uint64_t>() << std::setw(13)
                  << one["bytes"].get<std::uint64_t>() << std::setw(9)
                  << one["handles"].get<std::uint64_t>() << '\n';
    }
}

Json json_of(const ckpt::Descriptor& section) {
    return {{"section", section.id},
            {"bytes", section.size},
            {"valid", section.state == ckpt::SectionState::valid},
            {"expires_ns", section.expiration},
            {"updated_ns", section.last_update}};
}

void list_sections(const Context& context, const Wanted& wanted) {
    const Open open(context, wanted, SA_CKPT_CHECKPOINT_READ);
    const auto sections = open.sections();
    if (context.json) {
        Json all = Json::array();
        for (const auto& section : sections) {
            all.push_back(json_of(section));
        }
        std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    std::cout << std::left << std::setw(40) << "SECTION" << std::right << std::setw(13) << "BYTES"
              << "  STATE\n";
    for (const auto& section : sections) {
        std::cout << std::left << std::setw(39)
                  << (section.id.empty() ? "(default)" : shown(section.id)) << ' ' << std::right
                  << std::setw(13) << section.size
                  << (section.state == ckpt::SectionState::valid ? "  valid\n" : "  corrupted\n");
    }
}

void read(const Context& context, const Wanted& wanted) {
    const Open open(context, wanted, SA_CKPT_CHECKPOINT_READ);
    std::uint64_t total = 0;
    for (const auto& section : open.sections()) {
        total = section.id == wanted.section ? section.size : total;
    }
    std::ofstream file;
    if (!wanted.file.empty()) {
        file.open(wanted.file, std::ios::binary | std::ios::trunc);
        if (!file) {
            throw Failure(Exit::failed, wanted.file + " cannot be written");
        }
    }
    std::ostream& out = wanted.file.empty() ? std::cout : file;
    Progress progress("reading", total);
    // Why one request for what is not large: it is one version of the section.
    std::vector<char> room(std::max<std::size_t>(1, std::min<std::size_t>(total, piece)));
    std::uint64_t done = 0;
    do {
        SaCkptIOVectorElementT element{};
        element.sectionId = id_of(wanted.section);
        element.dataBuffer = room.data();
        element.dataSize = room.size();
        element.dataOffset = done;
        open.check(
            repeat([&] { return saCkptCheckpointRead(open.checkpoint, &element, 1, nullptr); }),
            wanted.section);
        out.write(room.data(), static_cast<std::streamsize>(element.readSize));
        done += element.readSize;
        progress.update(done);
        if (element.readSize == 0) {
            break;
        }
    } while (done < total);
    if (!out.flush()) {
        throw Failure(Exit::failed, "the output cannot be written");
    }
}

std::string input_of(const Wanted& wanted) {
    std::ifstream file;
    if (!wanted.file.empty()) {
        file.open(wanted.file, std::ios::binary);
        if (!file) {
            throw Failure(Exit::failed, wanted.file + " cannot be read");
        }
    }
    std::istream& in = wanted.file.empty() ? std::cin : file;
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const Context& context, const Wanted& wanted) {
    const std::string data = input_of(wanted);
    SaCkptCheckpointCreationAttributesT attributes{};
    attributes.creationFlags = SA_CKPT_WR_ALL_REPLICAS;
    attributes.maxSections = wanted.section.empty() ? 1 : 1024;
    attributes.maxSectionSize = std::max<SaSizeT>(wanted.size, std::max<SaSizeT>(data.size(), 1));
    attributes.checkpointSize = wanted.section.empty() || attributes.maxSectionSize > (16U << 20)
                                    ? attributes.maxSectionSize
                                    : attributes.maxSectionSize * attributes.maxSections;
    attributes.maxSectionIdSize = 256;
    attributes.retentionDuration = static_cast<SaTimeT>(wanted.retention_s) * SA_TIME_ONE_SECOND;
    // Who creates it says how; who finds it takes it as it is.
    std::unique_ptr<Open> open;
    const auto flags = SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE;
    try {
        open = std::make_unique<Open>(context, wanted, flags);
    } catch (const Failure&) {
        if (!wanted.creates) {
            throw;
        }
        open =
            std::make_unique<Open>(context, wanted, flags | SA_CKPT_CHECKPOINT_CREATE, &attributes);
    }
    const Progress progress("writing " + std::to_string(data.size()) + " bytes");
    SaCkptSectionIdT id = id_of(wanted.section);
    SaAisErrorT error = repeat(
        [&] { return saCkptSectionOverwrite(open->checkpoint, &id, data.data(), data.size()); });
    if (error == SA_AIS_ERR_NOT_EXIST && wanted.creates && !wanted.section.empty()) {
        SaCkptSectionCreationAttributesT section{&id, SA_TIME_END};
        error = repeat([&] {
            return saCkptSectionCreate(open->checkpoint, &section, data.data(), data.size());
        });
    }
    open->check(error, wanted.section);
}

// Compares what is there with what was there a moment ago.
void watch(const Context& context, const Wanted& wanted) {
    const Open open(context, wanted, SA_CKPT_CHECKPOINT_READ);
    std::map<std::string, ckpt::Descriptor> known;
    std::uint64_t told = 0;
    const auto tell = [&](const char* what, const ckpt::Descriptor& section) {
        if (context.json) {
            Json line = json_of(section);
            line["change"] = what;
            std::cout << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
        } else {
            std::cout << std::left << std::setw(8) << what << ' '
                      << (section.id.empty() ? "(default)" : shown(section.id)) << ' '
                      << section.size << " bytes" << std::endl;
        }
        ++told;
    };
    for (;;) {
        auto gone = known;
        for (const ckpt::Descriptor& section : open.sections()) {
            const auto before = known.find(section.id);
            if (before == known.end()) {
                tell("there", section);
            } else if (before->second.last_update != section.last_update ||
                       before->second.size != section.size ||
                       before->second.state != section.state) {
                tell("changed", section);
            }
            gone.erase(section.id);
            known[section.id] = section;
        }
        for (const auto& [id, section] : gone) {
            tell("gone", section);
            known.erase(id);
        }
        if ((wanted.count != 0 && told >= wanted.count) || !std::cout) {
            return;
        }
        std::this_thread::sleep_for(watch_pace);
    }
}

std::string check_section(const std::string& text) {
    return text.size() > 256 ? "a section id has at most 256 bytes" : std::string();
}

}  // namespace

void add_ckpt(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("ckpt", "checkpoints");
    command->require_subcommand(1);
    const auto wanted = std::make_shared<Wanted>();
    const auto add = [&](const char* name, const char* what, auto run) {
        CLI::App* one = command->add_subcommand(name, what);
        one->callback([&context, wanted, run] { run(context, *wanted); });
        return one;
    };
    const auto with_name = [&](CLI::App* one, bool is_required) {
        one->add_option("NAME", wanted->name, "the checkpoint")
            ->required(is_required)
            ->check(check_name);
        return one;
    };
    const auto with_section = [&](CLI::App* one) {
        one->add_option("SECTION", wanted->section, "without it: the default section")
            ->check(check_section);
    };
    CLI::App* list = add(
        "list", "all checkpoints, or the sections of one", [](const Context& of, const Wanted& w) {
            w.name.empty() ? list_all(of) : list_sections(of, w);
        });
    with_name(list, false)->add_flag("--json", context.json, "for scripts");
    CLI::App* get = with_name(add("read", "print the bytes of a section", &read), true);
    with_section(get);
    get->add_option("--file", wanted->file, "instead of the standard output");
    CLI::App* put = with_name(add("write", "overwrite a section, all or nothing", &write), true);
    with_section(put);
    put->add_option("--file", wanted->file, "instead of the standard input");
    put->add_flag("--create", wanted->creates, "checkpoint and section, if they are not there");
    put->add_option("--size", wanted->size, "of sections at most, when it is created (the data's)");
    put->add_option("--retention", wanted->retention_s, "seconds that nobody has it open")
        ->capture_default_str();
    CLI::App* look = with_name(add("watch", "a line for each change, until ^C", &watch), true);
    look->add_option("--count", wanted->count, "end after so many lines");
    look->add_flag("--json", context.json, "a line of JSON for each change");
}

}  // namespace ais::ctl
