// SPDX-License-Identifier: BSD-3-Clause
//
// Who waits for messages: from a Get of the library to its receipt.
//
// Invariant, for each open: a message is in at most one of taking, in_hand and handed, and
// whoever waits is looked at again whenever one of them, the queue, or the room to multicast
// has changed: no wake-up is lost.

#include "service.hpp"

#include <algorithm>
#include <utility>

namespace ais::msg {

void MsgService::get(Client& client, std::uint64_t serial, Bytes body) {
    GetRequest wanted;
    if (!GetRequest::decode(body, wanted)) {
        return complaints_.broken_request(client.conn, "get");
    }
    Open* open = find_open(client, wanted.tag);
    if (open == nullptr) {
        ipc_.respond(client.conn, serial, SA_AIS_ERR_BAD_HANDLE);
        return;
    }
    open->waiting.push_back({wanted.get, serial, wanted.capacity, wanted.waits});
    serve(client.opens.at(wanted.tag), *open);
}

// The first message of the highest priority that nobody has been promised.
const Stored* MsgService::next_message(const Queue& queue, const Open& open) const {
    for (const Queue::Area& area : queue.areas()) {
        for (const auto& [place, message] : area) {
            const auto taking = open.taking.find(message.id);
            const bool is_promised = message.is_taken
                                         ? !open.in_hand.contains(message.id)
                                         : taking != open.taking.end() && taking->second;
            if (!is_promised) {
                return &message;
            }
        }
    }
    return nullptr;
}

void MsgService::serve(std::uint64_t number, Open& open) {
    const Queue* queue = state_.queue_of({state_.self(), number});
    auto nothing = SA_AIS_ERR_TIMEOUT;
    while (queue != nullptr && !open.waiting.empty()) {
        const Stored* message = next_message(*queue, open);
        if (message == nullptr) {
            break;
        }
        const Get get = open.waiting.front();
        if (message->size > get.capacity) {
            open.waiting.pop_front();
            std::uint8_t space[8];
            Writer needed(space);
            needed.u64(message->size);
            ipc_.respond(open.client->conn, get.serial, SA_AIS_ERR_NO_SPACE, needed.written());
            continue;
        }
        if (message->is_taken) {
            open.waiting.pop_front();
            open.in_hand.erase(message->id);
            hand(open, get, *message);
            continue;
        }
        const auto taking = open.taking.find(message->id);
        if (taking != open.taking.end()) {
            // Why not the next one: whoever it was taken for has given up, and it comes first.
            open.waiting.pop_front();
            taking->second = get;
            continue;
        }
        std::uint8_t space[TakeMessage::size];
        Writer take(space);
        TakeMessage{number, message->id}.encode(take);
        if (group_.multicast(number_of(MessageKind::take), take.written()) != AIS_OK) {
            unserved_.insert(number);
            nothing = SA_AIS_ERR_TRY_AGAIN;
            rearm();
            break;
        }
        open.waiting.pop_front();
        open.taking.emplace(message->id, get);
    }
    std::erase_if(open.waiting, [&](const Get& get) {
        if (!get.waits) {
            refuse(open, get, nothing);
        }
        return !get.waits;
    });
}

void MsgService::serve_all() {
    for (auto& [number, open] : opens_) {
        serve(number, open);
    }
}

void MsgService::hand(Open& open, const Get& get, const Stored& message) {
    std::uint8_t space[8];
    Writer head(space);
    head.u64(message.sender_id);
    ipc_.respond(
        open.client->conn, get.serial, SA_AIS_OK, head.written(), std::string_view(*message.bytes));
    open.handed[get.id] = message.id;
    ++counters_.handed;
}

void MsgService::refuse(const Open& open, const Get& get, SaAisErrorT error) {
    ipc_.respond(open.client->conn, get.serial, error);
}

void MsgService::refuse_all(Open& open, SaAisErrorT error) {
    for (const Get& get : open.waiting) {
        refuse(open, get, error);
    }
    open.waiting.clear();
    for (auto& [id, get] : open.taking) {
        if (get) {
            refuse(open, *get, error);
            get.reset();
        }
    }
}

SaAisErrorT MsgService::cancel(Client& client, std::uint32_t tag) {
    Open* open = find_open(client, tag);
    if (open == nullptr) {
        return SA_AIS_ERR_BAD_HANDLE;
    }
    const bool anyone_waits = !open->waiting.empty() ||
                              std::any_of(open->taking.begin(),
                                          open->taking.end(),
                                          [](const auto& one) { return one.second.has_value(); });
    refuse_all(*open, SA_AIS_ERR_INTERRUPT);
    return anyone_waits ? SA_AIS_OK : SA_AIS_ERR_NOT_EXIST;
}

// What has become of a Get in the library: it has the message, or it has given up.
void MsgService::got(Client& client, bool is_got, Bytes body) {
    Reader in(body);
    const std::uint32_t tag = in.u32();
    const std::uint64_t id = in.u64();
    if (!in.finished()) {
        return complaints_.broken_request(client.conn, "receipt");
    }
    const auto tagged = client.opens.find(tag);
    if (tagged == client.opens.end()) {
        return;
    }
    const std::uint64_t number = tagged->second;
    Open* open = &opens_.at(number);
    const auto handed = open->handed.find(id);
    if (handed != open->handed.end()) {
        const MessageId message = handed->second;
        open->handed.erase(handed);
        if (is_got) {
            Appender receipt;
            GotMessage{number, message, open->queue}.encode(receipt);
            post(MessageKind::got, receipt.written());
        } else {
            open->in_hand.insert(message);
            serve(number, *open);
        }
        return try_finish_close(number);
    }
    if (is_got) {
        return;
    }
    const auto give_up = [&](const Get& get) {
        refuse(*open, get, SA_AIS_ERR_TIMEOUT);  // nobody reads it
    };
    const auto waiting = std::find_if(
        open->waiting.begin(), open->waiting.end(), [=](const Get& get) { return get.id == id; });
    if (waiting != open->waiting.end()) {
        give_up(*waiting);
        open->waiting.erase(waiting);
        return;
    }
    for (auto& [message, get] : open->taking) {
        if (get && get->id == id) {
            give_up(*get);
            get.reset();
            return;
        }
    }
}

}  // namespace ais::msg
