// SPDX-License-Identifier: BSD-3-Clause

#include "control.hpp"

#include <nlohmann/json.hpp>

namespace ais {
namespace {

using Json = nlohmann::ordered_json;

constexpr int protocol_version = 1;

const char* word_of(ais_status status) {
    switch (status) {
        case AIS_ERR_INVALID:
            return "invalid";
        case AIS_ERR_AGAIN:
            return "try_again";
        case AIS_ERR_NOT_FOUND:
            return "not_found";
        case AIS_ERR_EXISTS:
            return "exists";
        case AIS_ERR_CORRUPT:
            return "malformed";
        case AIS_ERR_UNSUPPORTED:
            return "unsupported";
        default:
            return "failed";
    }
}

// Text that came from outside may be no UTF-8.
std::string line_of(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string success(const Json& result) {
    return line_of(Json{{"version", protocol_version}, {"ok", true}, {"result", result}});
}

std::string failure(ais_status status, const std::string& text) {
    return line_of(Json{{"version", protocol_version},
                        {"ok", false},
                        {"status", word_of(status)},
                        {"error", text}});
}

}  // namespace

void Control::on_line(std::string_view line, const std::function<void(std::string)>& reply) {
    const auto request = nlohmann::json::parse(line, nullptr, false);
    const auto text = [&](const char* key) -> std::string {
        const auto at = request.find(key);
        return at != request.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    if (!request.is_object() || text("do").empty()) {
        reply(
            failure(AIS_ERR_CORRUPT, "a request is a JSON object with a text \"do\", in one line"));
        return;
    }
    const std::string what = text("do");
    if (what == "status") {
        reply(success(Json::parse(subject_.status_json())));
    } else if (what == "plugin.list") {
        reply(success(Json::parse(subject_.plugins_json())));
    } else if (what == "dump") {
        reply(success(subject_.dump_text()));
    } else if (what == "plugin.replace") {
        if (text("name").empty() || text("file").empty()) {
            reply(failure(AIS_ERR_INVALID, "plugin.replace needs the texts \"name\" and \"file\""));
            return;
        }
        subject_.replace_plugin(
            text("name"), text("file"), [reply](const Result<std::string>& json) {
                reply(json ? success(Json::parse(*json))
                           : failure(json.error().code, json.error().text));
            });
    } else {
        reply(failure(AIS_ERR_UNSUPPORTED, "this executive does not know \"" + what + "\""));
    }
}

}  // namespace ais
