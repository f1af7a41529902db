#include "base/result.h"

#include <charconv>
#include <cstdio>

namespace minnow {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_input: return "bad input";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::limit: return "limit exceeded";
    case ErrorCode::out_of_memory: return "out of memory";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::io: return "input/output error";
    case ErrorCode::internal: return "internal error";
  }
  return "unknown";
}

Piece::Piece(long long value) {
  size_ = static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof buffer_, value).ptr - buffer_);
}

Piece::Piece(unsigned long long value) {
  size_ = static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof buffer_, value).ptr - buffer_);
}

Piece::Piece(double value) { size_ = static_cast<size_t>(std::snprintf(buffer_, sizeof buffer_, "%.9g", value)); }

std::string concat(std::initializer_list<Piece> pieces) {
  std::string text;
  for (const Piece& piece : pieces) text += piece.view();
  return text;
}

Failure::Failure(Error error) : error_(new Error(std::move(error))) {}
Failure::Failure(const Failure& other) : error_(other.error_ == nullptr ? nullptr : new Error(*other.error_)) {}
Failure& Failure::operator=(const Failure& other) {
  Failure copy(other);
  std::swap(error_, copy.error_);
  return *this;
}
void Failure::release() { delete error_; }

Error Error::in(std::string_view where) && { return {code, concat({where, ": ", message})}; }

}  // namespace minnow
