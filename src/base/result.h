// Errors as values: no exception crosses a room. Result<T> holds a T or an Error with a code and one readable line.
#pragma once

#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace minnow {

// The command line maps these to exit codes: bad_input 2, unsupported 3, limit and out_of_memory 4, cancelled 130.
enum class ErrorCode : uint8_t { bad_input, unsupported, limit, out_of_memory, cancelled, io, internal };

std::string_view to_string(ErrorCode code);

// One piece of a message: text or a number. Keeps message building out of templates (and out of compile time).
class Piece {
 public:
  Piece(const char* text) : text_(text) {}
  Piece(std::string_view text) : text_(text) {}
  Piece(const std::string& text) : text_(text) {}
  Piece(int value) : Piece(static_cast<long long>(value)) {}
  Piece(unsigned value) : Piece(static_cast<unsigned long long>(value)) {}
  Piece(long value) : Piece(static_cast<long long>(value)) {}
  Piece(unsigned long value) : Piece(static_cast<unsigned long long>(value)) {}
  Piece(long long value);
  Piece(unsigned long long value);
  Piece(double value);
  std::string_view view() const { return size_ != 0 ? std::string_view(buffer_, size_) : text_; }

 private:
  char buffer_[32];
  size_t size_ = 0;
  std::string_view text_;
};

// Joins text and numbers: concat({"expected ", 4, "-D, got ", rank, "-D"}).
std::string concat(std::initializer_list<Piece> pieces);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  // The same error with "where: " in front; files, then nodes, are added on the way out.
  Error in(std::string_view where) &&;
};

// An error on its way out, behind one pointer: every function of this library returns Results, so that what a Result
// costs in code where nothing fails decides how large and how quickly built the library is.
class Failure {
 public:
  Failure() = default;
  Failure(Error error);
  Failure(Failure&& other) noexcept : error_(std::exchange(other.error_, nullptr)) {}
  Failure& operator=(Failure&& other) noexcept {
    std::swap(error_, other.error_);
    return *this;
  }
  Failure(const Failure& other);
  Failure& operator=(const Failure& other);
  ~Failure() {
    if (error_ != nullptr) release();
  }
  bool present() const { return error_ != nullptr; }
  Error& error() const { return *error_; }

 private:
  void release();
  Error* error_ = nullptr;
};

inline Error make_error(ErrorCode code, std::initializer_list<Piece> pieces) { return {code, concat(pieces)}; }
inline Error bad_input(std::initializer_list<Piece> pieces) { return make_error(ErrorCode::bad_input, pieces); }
inline Error unsupported(std::initializer_list<Piece> pieces) { return make_error(ErrorCode::unsupported, pieces); }
inline Error over_limit(std::initializer_list<Piece> pieces) { return make_error(ErrorCode::limit, pieces); }
inline Error internal_error(std::initializer_list<Piece> pieces) { return make_error(ErrorCode::internal, pieces); }

// What every Result is: no error, or one.
class Outcome {
 public:
  Outcome() = default;
  Outcome(Error error) : failure_(std::move(error)) {}
  Outcome(Failure failure) : failure_(std::move(failure)) {}

  bool ok() const { return !failure_.present(); }
  explicit operator bool() const { return ok(); }
  Error& error() {
    assert(!ok());
    return failure_.error();
  }
  const Error& error() const {
    assert(!ok());
    return failure_.error();
  }
  Failure failure() && { return std::move(failure_); }

 private:
  Failure failure_;
};

template <class T>
class [[nodiscard]] Result : public Outcome {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : Outcome(std::move(error)) {}
  Result(Failure failure) : Outcome(std::move(failure)) {}

  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
};

template <>
class [[nodiscard]] Result<void> : public Outcome {
 public:
  using Outcome::Outcome;
};

using Status = Result<void>;

}  // namespace minnow

#define MN_CONCAT_(a, b) a##b
#define MN_CONCAT(a, b) MN_CONCAT_(a, b)

// Returns the error of `expr` from the enclosing function, if there is one.
#define MN_TRY(expr)                                                                     \
  do {                                                                                   \
    if (auto mn_status = (expr); !mn_status.ok()) return std::move(mn_status).failure(); \
  } while (false)

// MN_ASSIGN(auto x, f()): x is f()'s value, or the enclosing function returns f()'s error.
#define MN_ASSIGN(declaration, expr) MN_ASSIGN_(MN_CONCAT(mn_result_, __LINE__), declaration, expr)
#define MN_ASSIGN_(result, declaration, expr)           \
  auto result = (expr);                                 \
  if (!result.ok()) return std::move(result).failure(); \
  declaration = std::move(result).value()

// Returns bad_input with the given pieces unless `condition` holds: MN_CHECK(rank == 4, "expected 4-D, got ", rank,
// "-D").
#define MN_CHECK(condition, ...)                                 \
  do {                                                           \
    if (!(condition)) return ::minnow::bad_input({__VA_ARGS__}); \
  } while (false)
