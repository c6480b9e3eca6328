// SPDX-License-Identifier: BSD-3-Clause
//
// libSaEvt: events, publication, subscriptions.

#include "client_session.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ais::evt {

SaEvtEventHandleT insert_event(std::shared_ptr<EventObject> event) {
    const auto channel = event->channel;
    const SaEvtEventHandleT handle = events().insert(std::move(event));
    const std::lock_guard lock(channel->events_mutex);
    channel->events.insert(handle);
    return handle;
}

namespace {

bool is_range(const SaUint8T* bytes, SaSizeT size) {
    return bytes != nullptr || size == 0;
}
std::string text_of(const SaUint8T* bytes, SaSizeT size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

SaAisErrorT set_attributes(EventObject& event,
                           const SaEvtEventPatternArrayT* array,
                           SaEvtEventPriorityT priority,
                           SaTimeT retention,
                           const SaNameT* publisher) {
    if (event.is_received) {
        return SA_AIS_ERR_ACCESS;
    }
    if (priority > SA_EVT_LOWEST_PRIORITY || retention < 0 ||
        (publisher != nullptr && publisher->length > SA_MAX_NAME_LENGTH) ||
        (array != nullptr && array->patterns == nullptr && array->patternsNumber > 0)) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    std::vector<std::string> patterns;
    if (array != nullptr) {
        if (array->patternsNumber > patterns_max) {
            return SA_AIS_ERR_TOO_BIG;
        }
        for (SaSizeT i = 0; i < array->patternsNumber; ++i) {
            const SaEvtEventPatternT& pattern = array->patterns[i];
            if (!is_range(pattern.pattern, pattern.patternSize)) {
                return SA_AIS_ERR_INVALID_PARAM;
            }
            if (pattern.patternSize > pattern_size_max) {
                return SA_AIS_ERR_TOO_BIG;
            }
            patterns.push_back(text_of(pattern.pattern, pattern.patternSize));
        }
        event.patterns = std::move(patterns);
    }
    event.priority = priority;
    event.retention = retention;
    if (publisher != nullptr) {
        event.publisher = client::name_text(*publisher);
    }
    return SA_AIS_OK;
}

// Arrays that the application frees with free() or saEvtEventPatternFree.
SaAisErrorT allocate_patterns(const EventObject& event, SaEvtEventPatternArrayT& array) {
    const std::size_t count = event.patterns.size();
    auto* patterns = static_cast<SaEvtEventPatternT*>(
        std::calloc(std::max<std::size_t>(count, 1) + 1, sizeof(SaEvtEventPatternT)));
    if (patterns == nullptr) {
        return SA_AIS_ERR_NO_MEMORY;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& from = event.patterns[i];
        // A NUL behind it, so that the pattern of a lost event is a string of C.
        auto* bytes = static_cast<SaUint8T*>(std::malloc(from.size() + 1));
        if (bytes == nullptr) {
            for (std::size_t j = 0; j < i; ++j) {
                std::free(patterns[j].pattern);
            }
            std::free(patterns);
            return SA_AIS_ERR_NO_MEMORY;
        }
        std::memcpy(bytes, from.c_str(), from.size() + 1);
        patterns[i] = {from.size(), from.size(), bytes};
    }
    array = {count, count, patterns};
    return SA_AIS_OK;
}

// What fits; the sizes are the real ones.
SaAisErrorT copy_patterns(const EventObject& event, SaEvtEventPatternArrayT& array) {
    SaAisErrorT error = SA_AIS_OK;
    const SaSizeT count = event.patterns.size();
    if (array.allocatedNumber < count) {
        error = SA_AIS_ERR_NO_SPACE;
    }
    array.patternsNumber = count;
    for (SaSizeT i = 0; i < std::min(count, array.allocatedNumber); ++i) {
        const std::string& from = event.patterns[i];
        SaEvtEventPatternT& to = array.patterns[i];
        to.patternSize = from.size();
        const SaSizeT room = to.pattern != nullptr ? to.allocatedSize : 0;
        if (room < from.size()) {
            error = SA_AIS_ERR_NO_SPACE;
        }
        copy_bytes(to.pattern, as_bytes(from).first(std::min<std::size_t>(room, from.size())));
        if (room > from.size()) {
            to.pattern[from.size()] = 0;
        }
    }
    return error;
}

// The next event id of this association.
SaAisErrorT take_id(Session& session, SaEvtEventIdT& id) {
    const std::lock_guard lock(session.ids_mutex);
    if (session.ids.count == 0) {
        std::vector<std::uint8_t> response;
        const SaAisErrorT error = ask(session, RequestKind::ids, response, client::forever);
        if (error != SA_AIS_OK) {
            return error;
        }
        if (!IdBlock::decode(response, session.ids)) {
            return SA_AIS_ERR_LIBRARY;
        }
    }
    id = session.ids.first++;
    --session.ids.count;
    return SA_AIS_OK;
}

SaAisErrorT publish(EventObject& event, Session& session, Bytes data, SaEvtEventIdT& id) {
    Event message;
    const SaAisErrorT error = take_id(session, message.id);
    if (error != SA_AIS_OK) {
        return error;
    }
    message.publish_time = client::time_of_day();
    message.retention = event.retention;
    message.priority = event.priority;
    message.publisher = event.publisher;
    message.patterns.assign(event.patterns.begin(), event.patterns.end());
    Appender head;
    head.u32(event.channel->tag);
    message.encode_head(head);
    SaAisErrorT result = SA_AIS_OK;
    if (message.retention > 0) {
        result = ask(session, RequestKind::retain, head.written(), data);
    } else {
        // Nobody answers: it goes as fast as the ring takes it.
        const ais_bytes list[] = {part(head.written()), part(data)};
        const auto status =
            session.connection->send(static_cast<std::uint16_t>(RequestKind::publish), list);
        result =
            status == client::Status::too_big ? SA_AIS_ERR_TOO_BIG : client::to_sa_error(status);
    }
    if (result == SA_AIS_OK) {
        event.id = message.id;
        event.publish_time = message.publish_time;
        id = message.id;
    }
    return result;
}

SaAisErrorT encode_filters(const SaEvtEventFilterArrayT& filters, Appender& out) {
    if (filters.filters == nullptr && filters.filtersNumber > 0) {
        return SA_AIS_ERR_INVALID_PARAM;
    }
    if (filters.filtersNumber > patterns_max) {
        return SA_AIS_ERR_TOO_BIG;
    }
    out.u32(static_cast<std::uint32_t>(filters.filtersNumber));
    for (SaSizeT i = 0; i < filters.filtersNumber; ++i) {
        const SaEvtEventFilterT& filter = filters.filters[i];
        const bool passes_all = filter.filterType == SA_EVT_PASS_ALL_FILTER;
        if (filter.filterType < SA_EVT_PREFIX_FILTER ||
            filter.filterType > SA_EVT_PASS_ALL_FILTER ||
            (!passes_all && !is_range(filter.filter.pattern, filter.filter.patternSize))) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (!passes_all && filter.filter.patternSize > pattern_size_max) {
            return SA_AIS_ERR_TOO_BIG;
        }
        out.u32(static_cast<std::uint32_t>(filter.filterType));
        out.text(passes_all ? std::string()
                            : text_of(filter.filter.pattern, filter.filter.patternSize));
    }
    return SA_AIS_OK;
}

// Requires: events_mutex.  0: there is none.
std::uint32_t number_of(const Channel& channel, SaEvtSubscriptionIdT id) {
    for (const auto& [number, of] : channel.subscriptions) {
        if (of == id) {
            return number;
        }
    }
    return 0;
}

SaAisErrorT subscribe(Channel& channel,
                      Session& session,
                      const SaEvtEventFilterArrayT& filters,
                      SaEvtSubscriptionIdT id) {
    Appender encoded;
    const SaAisErrorT error = encode_filters(filters, encoded);
    const SaAisErrorT alive = client::check_alive(session);
    if (error != SA_AIS_OK || alive != SA_AIS_OK) {
        return error != SA_AIS_OK ? error : alive;
    }
    std::uint32_t number = 0;
    {
        const std::lock_guard lock(channel.events_mutex);
        if (number_of(channel, id) != 0) {
            return SA_AIS_ERR_EXIST;
        }
        number = ++channel.last_subscription;
        channel.subscriptions.emplace(number, id);
    }
    const SaAisErrorT result = ask(session,
                                   RequestKind::subscribe,
                                   bytes_of(channel.tag),
                                   bytes_of(number),
                                   encoded.written());
    if (result != SA_AIS_OK) {
        const std::lock_guard lock(channel.events_mutex);
        channel.subscriptions.erase(number);
    }
    return result;
}

SaAisErrorT unsubscribe(Channel& channel, Session& session, SaEvtSubscriptionIdT id) {
    const SaAisErrorT alive = client::check_alive(session);
    if (alive != SA_AIS_OK) {
        return alive;
    }
    std::uint32_t number = 0;
    {
        const std::lock_guard lock(channel.events_mutex);
        number = number_of(channel, id);
    }
    if (number == 0) {
        return SA_AIS_ERR_NOT_EXIST;
    }
    const SaAisErrorT result =
        ask(session, RequestKind::unsubscribe, bytes_of(channel.tag), bytes_of(number));
    // Why not before: with TRY_AGAIN it goes on, and nothing of it may be lost.
    if (result == SA_AIS_OK) {
        const std::lock_guard lock(channel.events_mutex);
        channel.subscriptions.erase(number);
    }
    return result;
}

}  // namespace
}  // namespace ais::evt

namespace evt = ais::evt;

extern "C" {

AIS_EXPORT SaAisErrorT saEvtEventAllocate(SaEvtChannelHandleT channelHandle,
                                          SaEvtEventHandleT* eventHandle) {
    return evt::with_channel(channelHandle, [=](const auto& channel, const auto& session) {
        if (eventHandle == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if ((channel->flags & SA_EVT_CHANNEL_PUBLISHER) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        const SaAisErrorT alive = ais::client::to_sa_error(session->connection->state());
        if (alive != SA_AIS_OK) {
            return alive;
        }
        auto event = std::make_shared<evt::EventObject>();
        event->owner = session;
        event->channel = channel;
        *eventHandle = evt::insert_event(std::move(event));
        return SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT saEvtEventFree(SaEvtEventHandleT eventHandle) {
    const auto freed = [=](const auto& event, const auto&) {
        {
            const std::lock_guard lock(event->channel->events_mutex);
            event->channel->events.erase(eventHandle);
        }
        return evt::events().take(eventHandle) != nullptr ? SA_AIS_OK : SA_AIS_ERR_BAD_HANDLE;
    };
    return ais::client::with_object(evt::events(), eventHandle, freed);
}

AIS_EXPORT SaAisErrorT saEvtEventAttributesSet(SaEvtEventHandleT eventHandle,
                                               const SaEvtEventPatternArrayT* patternArray,
                                               SaEvtEventPriorityT priority,
                                               SaTimeT retentionTime,
                                               const SaNameT* publisherName) {
    return evt::with_event(eventHandle, [=](evt::EventObject& event, evt::Session&) {
        return evt::set_attributes(event, patternArray, priority, retentionTime, publisherName);
    });
}

AIS_EXPORT SaAisErrorT saEvtEventAttributesGet(SaEvtEventHandleT eventHandle,
                                               SaEvtEventPatternArrayT* patternArray,
                                               SaEvtEventPriorityT* priority,
                                               SaTimeT* retentionTime,
                                               SaNameT* publisherName,
                                               SaTimeT* publishTime,
                                               SaEvtEventIdT* eventId) {
    return evt::with_event(eventHandle, [=](evt::EventObject& event, evt::Session&) {
        const auto set = [](auto* to, const auto& value) {
            if (to != nullptr) {
                *to = value;
            }
        };
        set(priority, event.priority);
        set(retentionTime, event.retention);
        set(publisherName, ais::client::to_name(event.publisher));
        set(publishTime, event.publish_time);
        set(eventId, event.id);
        if (patternArray == nullptr) {
            return SA_AIS_OK;
        }
        return patternArray->patterns == nullptr ? evt::allocate_patterns(event, *patternArray)
                                                 : evt::copy_patterns(event, *patternArray);
    });
}

AIS_EXPORT SaAisErrorT saEvtEventPatternFree(SaEvtEventHandleT eventHandle,
                                             SaEvtEventPatternT* patterns) {
    return evt::with_event(eventHandle, [=](evt::EventObject&, evt::Session&) {
        if (patterns == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        // allocate_patterns() has put an empty one at the end.
        for (SaEvtEventPatternT* one = patterns; one->pattern != nullptr; ++one) {
            std::free(one->pattern);
        }
        std::free(patterns);
        return SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT saEvtEventDataGet(SaEvtEventHandleT eventHandle,
                                         void* eventData,
                                         SaSizeT* eventDataSize) {
    return evt::with_event(eventHandle, [=](evt::EventObject& event, evt::Session&) {
        if (!event.is_received) {
            return SA_AIS_ERR_BAD_HANDLE;
        }
        if (eventDataSize == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        const SaSizeT room = eventData != nullptr ? *eventDataSize : 0;
        const SaSizeT size = event.data.size();
        *eventDataSize = size;
        ais::copy_bytes(
            static_cast<std::uint8_t*>(eventData),
            ais::as_bytes(event.data).first(static_cast<std::size_t>(std::min(room, size))));
        return room < size ? SA_AIS_ERR_NO_SPACE : SA_AIS_OK;
    });
}

AIS_EXPORT SaAisErrorT saEvtEventPublish(SaEvtEventHandleT eventHandle,
                                         const void* eventData,
                                         SaSizeT eventDataSize,
                                         SaEvtEventIdT* eventId) {
    return evt::with_event(eventHandle, [=](evt::EventObject& event, evt::Session& session) {
        if (eventId == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (event.is_received || (event.channel->flags & SA_EVT_CHANNEL_PUBLISHER) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        if (eventDataSize > evt::event_size_max) {
            return SA_AIS_ERR_TOO_BIG;
        }
        const auto size = eventData != nullptr ? static_cast<std::size_t>(eventDataSize) : 0;
        return evt::publish(
            event, session, {static_cast<const std::uint8_t*>(eventData), size}, *eventId);
    });
}

AIS_EXPORT SaAisErrorT saEvtEventSubscribe(SaEvtChannelHandleT channelHandle,
                                           const SaEvtEventFilterArrayT* filters,
                                           SaEvtSubscriptionIdT subscriptionId) {
    return evt::with_channel(channelHandle, [=](const auto& channel, const auto& session) {
        if (filters == nullptr) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        if (session->callbacks.saEvtEventDeliverCallback == nullptr) {
            return SA_AIS_ERR_INIT;
        }
        if ((channel->flags & SA_EVT_CHANNEL_SUBSCRIBER) == 0) {
            return SA_AIS_ERR_ACCESS;
        }
        return evt::subscribe(*channel, *session, *filters, subscriptionId);
    });
}

AIS_EXPORT SaAisErrorT saEvtEventUnsubscribe(SaEvtChannelHandleT channelHandle,
                                             SaEvtSubscriptionIdT subscriptionId) {
    return evt::with_channel(channelHandle, [=](const auto& channel, const auto& session) {
        return evt::unsubscribe(*channel, *session, subscriptionId);
    });
}

AIS_EXPORT SaAisErrorT saEvtEventRetentionTimeClear(SaEvtChannelHandleT channelHandle,
                                                    SaEvtEventIdT eventId) {
    return evt::with_channel(channelHandle, [=](const auto& channel, const auto& session) {
        if (eventId <= evt::reserved_ids) {
            return SA_AIS_ERR_INVALID_PARAM;
        }
        std::uint8_t space[12];
        ais::Writer body(space);
        body.u32(channel->tag);
        body.u64(eventId);
        return evt::ask(*session, evt::RequestKind::clear, body.written());
    });
}

}  // extern "C"
