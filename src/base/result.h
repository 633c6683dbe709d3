// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error_code.h"

namespace moldau {

/// What a peer, a disk or a user did wrong: Kafka's code for the wire, a detail for people.
/// Thread   a value.
struct [[nodiscard]] Error {
  Error(ErrorCode c, std::string d) : code(c), detail(std::move(d)) {}
  explicit Error(ErrorCode c) : code(c) {}

  ErrorCode code;
  std::string detail;
  /// errno of the system call behind it, 0 if there was none (ENOENT and ENOSPC are told apart).
  int os_error = 0;

  /// "CORRUPT_MESSAGE: crc 1 instead of 2"
  std::string text() const {
    std::string out(error_name(code));
    if (!detail.empty()) out.append(": ").append(detail);
    return out;
  }
};

/// A value or an Error. Never both, never neither.
/// Thread   a value.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(ErrorCode code, std::string detail)
      : state_(std::in_place_index<1>, code, std::move(detail)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    MOLDAU_CHECK(ok(), error_text());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    MOLDAU_CHECK(ok(), error_text());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    MOLDAU_CHECK(ok(), error_text());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    MOLDAU_CHECK(!ok(), "error() of a Result that is fine");
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    MOLDAU_CHECK(!ok(), "error() of a Result that is fine");
    return std::move(*std::get_if<1>(&state_));
  }
  ErrorCode code() const { return ok() ? ErrorCode::kNone : error().code; }

 private:
  std::string error_text() const { return ok() ? std::string() : error().text(); }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  Result(ErrorCode code, std::string detail) : error_(Error(code, std::move(detail))) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { MOLDAU_CHECK(ok(), error_->text()); }
  const Error& error() const& {
    MOLDAU_CHECK(!ok(), "error() of a Result that is fine");
    return *error_;
  }
  Error&& error() && {
    MOLDAU_CHECK(!ok(), "error() of a Result that is fine");
    return std::move(*error_);
  }
  ErrorCode code() const { return ok() ? ErrorCode::kNone : error_->code; }

 private:
  std::optional<Error> error_;
};

}  // namespace moldau

#define MOLDAU_CONCAT_INNER(a, b) a##b
#define MOLDAU_CONCAT(a, b) MOLDAU_CONCAT_INNER(a, b)

/// Returns the error of a Result<…> expression to the caller. Not in coroutines: see CO_TRY.
#define MOLDAU_TRY(expression)                     \
  do {                                             \
    auto moldau_try_result = (expression);         \
    if (!moldau_try_result.ok()) [[unlikely]]      \
      return std::move(moldau_try_result).error(); \
  } while (false)

/// MOLDAU_ASSIGN_OR_RETURN(auto file, disk.open(path));
#define MOLDAU_ASSIGN_OR_RETURN(declaration, expression) \
  MOLDAU_ASSIGN_OR_RETURN_INNER(MOLDAU_CONCAT(moldau_result_, __LINE__), declaration, expression)
#define MOLDAU_ASSIGN_OR_RETURN_INNER(name, declaration, expression) \
  auto name = (expression);                                          \
  if (!name.ok()) [[unlikely]]                                       \
    return std::move(name).error();                                  \
  declaration = std::move(name).value()
