// Tensor: dtype x dims x bytes, row-major and contiguous. Copies share the bytes; whoever allocates may write until it
// hands the tensor on. Datum: what a graph value holds at run time, a tensor, a sequence or an optional.
#pragma once

#include <cassert>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/dtype.h"
#include "base/limits.h"
#include "base/shape.h"

namespace minnow {

class Tensor {
 public:
  // Copies and destructors stand in the .cc file: inline, they would be built again in every file.
  Tensor();
  ~Tensor();
  Tensor(const Tensor&);
  Tensor(Tensor&&) noexcept;
  Tensor& operator=(const Tensor&);
  Tensor& operator=(Tensor&&) noexcept;

  // Uninitialised storage (strings: empty strings), 64-byte aligned, counted against the budget when one is given.
  static Result<Tensor> allocate(DType dtype, Dims dims, const std::shared_ptr<Budget>& budget = nullptr);
  // Views `data`, kept alive by its owner. Fails when the size differs from dims x element size or the address is not
  // aligned to the element (callers then copy).
  static Result<Tensor> view(DType dtype, Dims dims, Bytes data);
  template <class T>
  static Tensor of(std::span<const T> values, Dims dims);
  template <class T>
  static Tensor of(std::initializer_list<T> values, Dims dims) {
    return of(std::span<const T>(values.begin(), values.size()), std::move(dims));
  }
  // 1-D int64, the type of shapes and axes.
  static Tensor of_ints(std::span<const int64_t> values);
  template <class T>
  static Tensor scalar(T value) {
    return of<T>({value}, {});
  }
  static Tensor of_strings(std::vector<std::string> values, Dims dims);

  bool valid() const { return dtype_ != DType::undefined; }
  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  int64_t rank() const { return static_cast<int64_t>(dims_.size()); }
  int64_t dim(int64_t i) const { return dims_[static_cast<size_t>(i)]; }
  int64_t size() const { return size_; }  // elements
  int64_t bytes() const { return size_ * static_cast<int64_t>(element_bytes(dtype_)); }

  // T must be the native type of dtype() (uint16_t bits for float16, uint8_t or int8_t for 8-bit and smaller ones).
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    return reinterpret_cast<T*>(const_cast<std::byte*>(data_));
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(size_)};
  }
  std::span<const std::byte> raw() const { return {data_, static_cast<size_t>(bytes())}; }
  std::span<const std::string> strings() const;
  std::span<std::string> mutable_strings();

  // The same bytes under other dims with the same element count.
  Tensor reshaped(Dims dims) const;
  // The same bytes as another dtype of the same element size (float32 <-> int32).
  Tensor bit_cast(DType dtype) const;
  // Rows [begin, begin + count) along axis 0, sharing storage.
  Tensor rows(int64_t begin, int64_t count) const;
  // True when nobody else holds these bytes, so they may be overwritten in place. Never true of a view: its bytes may
  // be borrowed, or mapped read-only.
  bool unique() const { return writable_ && storage_.use_count() == 1; }

 private:
  DType dtype_ = DType::undefined;
  Dims dims_;
  int64_t size_ = 0;
  bool writable_ = false;            // allocated here, not viewed
  const std::byte* data_ = nullptr;  // for strings: std::string objects
  std::shared_ptr<const void> storage_;
};

// Values as int64 / double, whatever the (non-string, real) dtype.
std::vector<int64_t> to_ints(const Tensor& tensor);
std::vector<double> to_doubles(const Tensor& tensor);
// Conversion between real dtypes (boolean included): every conversion rounds once, to nearest even; floats to integers
// truncate towards zero and saturate (NaN becomes 0); integers wrap, as in ONNX's Cast and NumPy. `saturate` and `mode`
// are Cast's attributes for float8 targets.
Result<Tensor> convert_dtype(const Tensor& tensor, DType dtype, const std::shared_ptr<Budget>& budget = nullptr,
                             bool saturate = true, RoundMode mode = RoundMode::up);

struct Datum {
  enum class Kind : uint8_t { none, tensor, sequence };  // none: an absent input, or an empty optional
  Kind kind = Kind::none;
  Tensor tensor;
  std::shared_ptr<const std::vector<Datum>> sequence;
  Datum();
  ~Datum();
  Datum(const Datum&);
  Datum(Datum&&) noexcept;
  Datum& operator=(const Datum&);
  Datum& operator=(Datum&&) noexcept;
  Datum(Tensor t);
  Datum(std::vector<Datum> elements);
  bool present() const { return kind != Kind::none; }
};

template <class T>
Tensor Tensor::of(std::span<const T> values, Dims dims) {
  auto result = allocate(dtype_of<T>(), std::move(dims));
  assert(result.ok() && result->size() == static_cast<int64_t>(values.size()));
  T* out = result->template mutable_data<T>();
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return std::move(result).value();
}

}  // namespace minnow
