// SPDX-License-Identifier: BSD-3-Clause
//
// aisctl evt publish CHANNEL [DATA] | subscribe CHANNEL

#include "service.hpp"

#include <openais/saEvt.h>

#include <poll.h>

#include <iostream>
#include <iterator>
#include <memory>
#include <vector>

namespace ais::ctl {
namespace {

constexpr SaTimeT timeout = 10 * SA_TIME_ONE_SECOND;

struct Wanted {
    std::string channel;
    std::string data;
    bool has_data = false;
    std::vector<std::string> patterns;
    std::string prefix;
    std::string exact;
    std::string publisher = "aisctl";
    unsigned priority = SA_EVT_LOWEST_PRIORITY;
    std::uint64_t retention_s = 0;
    bool creates = false;
    std::uint64_t count = 0;
};

// What a callback tells; there is one subscription in this program.
struct Printer {
    bool json = false;
    std::uint64_t printed = 0;
};
Printer* printer = nullptr;

void print(SaEvtSubscriptionIdT, SaEvtEventHandleT event, SaSizeT size) {
    SaEvtEventPatternArrayT patterns{};
    SaEvtEventPriorityT priority = 0;
    SaTimeT retention = 0;
    SaTimeT published = 0;
    SaEvtEventIdT id = 0;
    SaNameT publisher{};
    std::string data(size, '\0');
    if (saEvtEventAttributesGet(
            event, &patterns, &priority, &retention, &publisher, &published, &id) != SA_AIS_OK ||
        (size > 0 && saEvtEventDataGet(event, data.data(), &size) != SA_AIS_OK)) {
        return;
    }
    Json words = Json::array();
    for (SaSizeT i = 0; i < patterns.patternsNumber; ++i) {
        const SaEvtEventPatternT& one = patterns.patterns[i];
        words.push_back(std::string(reinterpret_cast<const char*>(one.pattern), one.patternSize));
    }
    if (patterns.patterns != nullptr) {
        saEvtEventPatternFree(event, patterns.patterns);
    }
    saEvtEventFree(event);
    const std::string name(reinterpret_cast<const char*>(publisher.value), publisher.length);
    if (printer->json) {
        std::cout << Json{{"id", id},
                          {"lost", id == SA_EVT_EVENTID_LOST},
                          {"publisher", name},
                          {"published_ns", published},
                          {"priority", priority},
                          {"retention_ns", retention},
                          {"patterns", words},
                          {"data", data}}
                         .dump(-1, ' ', false, Json::error_handler_t::replace)
                  << std::endl;
    } else if (id == SA_EVT_EVENTID_LOST) {
        std::cout << "events were lost here: they came faster than they were printed" << std::endl;
    } else {
        std::cout << std::hex << "0x" << id << std::dec << " " << shown(name) << " [";
        for (std::size_t i = 0; i < words.size(); ++i) {
            std::cout << (i > 0 ? ", " : "") << shown(words[i].get<std::string>());
        }
        std::cout << "] " << shown(data) << std::endl;
    }
    ++printer->printed;
}

// A channel that is open as long as this lives.
class Open {
  public:
    Open(const Context& context, const Wanted& wanted, SaEvtChannelOpenFlagsT flags)
        : context_(context), what_("channel " + wanted.channel) {
        choose_executive(context);
        // Patterns in memory of the library: since B.02.01.
        SaVersionT version{'B', 3, 1};
        const SaEvtCallbacksT callbacks{nullptr, &print};
        check(repeat([&] { return saEvtInitialize(&handle, &callbacks, &version); }));
        const SaNameT name = name_of(wanted.channel);
        flags |= wanted.creates ? SA_EVT_CHANNEL_CREATE : 0;
        check(repeat([&] { return saEvtChannelOpen(handle, &name, flags, timeout, &channel); }));
    }
    ~Open() { saEvtFinalize(handle); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

    void check(SaAisErrorT error) const { must(error, context_, what_); }

    SaEvtHandleT handle = 0;
    SaEvtChannelHandleT channel = 0;

  private:
    const Context& context_;
    std::string what_;
};

SaEvtEventPatternT pattern_of(const std::string& text) {
    return {text.size(), text.size(), reinterpret_cast<SaUint8T*>(const_cast<char*>(text.data()))};
}

void publish(const Context& context, const Wanted& wanted) {
    const std::string data =
        wanted.has_data ? wanted.data : std::string(std::istreambuf_iterator<char>(std::cin), {});
    const Open open(context, wanted, SA_EVT_CHANNEL_PUBLISHER);
    SaEvtEventHandleT event = 0;
    open.check(repeat([&] { return saEvtEventAllocate(open.channel, &event); }));
    std::vector<SaEvtEventPatternT> patterns;
    for (const std::string& text : wanted.patterns) {
        patterns.push_back(pattern_of(text));
    }
    const SaEvtEventPatternArrayT array{patterns.size(), patterns.size(), patterns.data()};
    const SaNameT publisher = name_of(wanted.publisher);
    open.check(
        saEvtEventAttributesSet(event,
                                patterns.empty() ? nullptr : &array,
                                static_cast<SaEvtEventPriorityT>(wanted.priority),
                                static_cast<SaTimeT>(wanted.retention_s) * SA_TIME_ONE_SECOND,
                                &publisher));
    SaEvtEventIdT id = 0;
    open.check(repeat([&] { return saEvtEventPublish(event, data.data(), data.size(), &id); }));
    if (context.json) {
        std::cout << Json{{"id", id}}.dump() << '\n';
    } else {
        std::cout << std::hex << "0x" << id << std::dec << '\n';
    }
}

void subscribe(const Context& context, const Wanted& wanted) {
    Printer told{context.json, 0};
    printer = &told;
    const Open open(context, wanted, SA_EVT_CHANNEL_SUBSCRIBER);
    SaEvtEventFilterT filter{};
    const std::string& text = wanted.exact.empty() ? wanted.prefix : wanted.exact;
    filter.filterType = !wanted.exact.empty()    ? SA_EVT_EXACT_FILTER
                        : !wanted.prefix.empty() ? SA_EVT_PREFIX_FILTER
                                                 : SA_EVT_PASS_ALL_FILTER;
    filter.filter = pattern_of(text);
    SaEvtEventFilterArrayT filters{1, &filter};
    open.check(repeat([&] { return saEvtEventSubscribe(open.channel, &filters, 1); }));
    SaSelectionObjectT selection = 0;
    open.check(saEvtSelectionObjectGet(open.handle, &selection));
    while ((wanted.count == 0 || told.printed < wanted.count) && std::cout) {
        pollfd in{static_cast<int>(selection), POLLIN, 0};
        ::poll(&in, 1, -1);
        open.check(repeat([&] { return saEvtDispatch(open.handle, SA_DISPATCH_ONE); }));
    }
}

}  // namespace

void add_evt(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("evt", "events on named channels");
    command->require_subcommand(1);
    const auto wanted = std::make_shared<Wanted>();
    const auto add = [&](const char* name, const char* what, auto run) {
        CLI::App* one = command->add_subcommand(name, what);
        one->add_option("CHANNEL", wanted->channel, "its name")->required()->check(check_name);
        one->add_flag("--create", wanted->creates, "the channel, if it is not there");
        one->callback([&context, wanted, run] { run(context, *wanted); });
        return one;
    };
    CLI::App* say = add("publish", "one event; its id is printed", &publish);
    say->add_option_function<std::string>(
        "DATA",
        [wanted](const std::string& text) {
            wanted->data = text;
            wanted->has_data = true;
        },
        "without it: the standard input");
    say->add_option("--pattern", wanted->patterns, "may be repeated")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1);
    say->add_option("--priority", wanted->priority, "0 (highest) to 3")
        ->check(CLI::Range(SA_EVT_HIGHEST_PRIORITY, SA_EVT_LOWEST_PRIORITY))
        ->capture_default_str();
    say->add_option("--retention", wanted->retention_s, "seconds that it is kept for those to come")
        ->capture_default_str();
    say->add_option("--publisher", wanted->publisher, "its name")
        ->check(check_name)
        ->capture_default_str();
    say->add_flag("--json", context.json, "the id as JSON");
    CLI::App* hear = add("subscribe", "a line for each event, until ^C", &subscribe);
    CLI::Option* prefix =
        hear->add_option("--prefix", wanted->prefix, "only if the first pattern begins so");
    hear->add_option("--exact", wanted->exact, "only if the first pattern is this")
        ->excludes(prefix);
    hear->add_option("--count", wanted->count, "end after so many events");
    hear->add_flag("--json", context.json, "a line of JSON for each event");
}

}  // namespace ais::ctl
