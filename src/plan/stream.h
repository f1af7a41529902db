// Writing and reading the same fields with one function: `fields(io, x)` works with a Writer and with a Reader. Integers
// are variable-length (zigzag, then seven bits a byte, the lowest first), floats four bytes, texts and lists a count and
// then their parts. A Reader never trusts: the first thing that does not fit makes it fail, and it stays so.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace minnow::stream {

class Writer {
 public:
  static constexpr bool kReading = false;
  bool ok() const { return true; }
  void integer(int64_t& value) {
    auto bits = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
    for (; bits >= 0x80; bits >>= 7) out_.push_back(static_cast<char>(bits | 0x80));
    out_.push_back(static_cast<char>(bits));
  }
  void real(float& value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void text(std::string& value) {
    auto size = static_cast<int64_t>(value.size());
    integer(size);
    out_ += value;
  }
  std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  static constexpr bool kReading = true;
  explicit Reader(std::string_view data) : data_(data) {}
  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  size_t remaining() const { return data_.size(); }
  void integer(int64_t& value) {
    uint64_t bits = 0;
    for (int shift = 0; ok_; shift += 7) {
      if (data_.empty() || shift > 63) return fail();
      const auto byte = static_cast<uint8_t>(data_[0]);
      data_.remove_prefix(1);
      bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    value = static_cast<int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
  }
  void real(float& value) {
    if (!ok_ || data_.size() < sizeof value) return fail();
    std::memcpy(&value, data_.data(), sizeof value);
    data_.remove_prefix(sizeof value);
  }
  void text(std::string& value) {
    int64_t size = 0;
    integer(size);
    if (!ok_ || size < 0 || static_cast<uint64_t>(size) > data_.size()) return fail();
    value.assign(data_.substr(0, static_cast<size_t>(size)));
    data_.remove_prefix(static_cast<size_t>(size));
  }

 private:
  std::string_view data_;
  bool ok_ = true;
};

// Any integer or enumeration; a Reader fails where the value does not fit the type.
template <class Io, class T>
void number(Io& io, T& value) {
  auto wide = static_cast<int64_t>(value);
  io.integer(wide);
  if constexpr (Io::kReading) {
    value = static_cast<T>(wide);
    if (static_cast<int64_t>(value) != wide) io.fail();
  }
}

// A list of at most `most` elements, each of which takes a byte or more.
template <class Io, class List, class Each>
void list(Io& io, List& values, int64_t most, Each each) {
  auto count = static_cast<int64_t>(values.size());
  io.integer(count);
  if constexpr (Io::kReading) {
    if (!io.ok() || count < 0 || count > most || static_cast<uint64_t>(count) > io.remaining()) return io.fail();
    values.clear();
    for (int64_t i = 0; i < count && io.ok(); ++i) {
      values.emplace_back();
      each(values.back());
    }
  } else {
    for (auto& value : values) each(value);
  }
}

}  // namespace minnow::stream
