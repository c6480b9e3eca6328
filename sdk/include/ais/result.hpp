// SPDX-License-Identifier: BSD-3-Clause
//
// A value or the reason why there is none.
//
// For start-up, configuration and other places where a person reads the
// reason.  Hot paths use ais_status or bool.  (std::expected is C++23; Debian
// 12's libstdc++ does not have it in C++20 mode.)

#pragma once

#include <ais/abi/types.h>

#include <string>
#include <utility>
#include <variant>

namespace ais {

struct Error {
    ais_status code = AIS_ERR_FAILED;
    std::string text;  // names the place and the remedy
};

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }

    // Requires: ok().
    [[nodiscard]] T& value() { return *std::get_if<0>(&content_); }
    [[nodiscard]] const T& value() const { return *std::get_if<0>(&content_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] T take() { return std::move(value()); }

    // Requires: !ok().
    [[nodiscard]] const Error& error() const { return *std::get_if<1>(&content_); }

  private:
    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    [[nodiscard]] bool ok() const { return ok_; }
    explicit operator bool() const { return ok_; }
    [[nodiscard]] const Error& error() const { return error_; }

  private:
    Error error_;
    bool ok_ = true;
};

inline Error invalid(std::string text) {
    return {AIS_ERR_INVALID, std::move(text)};
}
inline Error failed(std::string text) {
    return {AIS_ERR_FAILED, std::move(text)};
}
inline Error not_found(std::string text) {
    return {AIS_ERR_NOT_FOUND, std::move(text)};
}

}  // namespace ais
