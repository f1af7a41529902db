// minnow for C++17 and later: values that release themselves, errors as exceptions, over the C interface in minnow.h.
//
//   minnow::Model model("net.onnx");
//   minnow::Session session(model);
//   session.set_input("x", x.data(), {1, 3, 224, 224});
//   session.run();
//   minnow::View y = session.output("y");          // y.data<float>(), y.dims()
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "minnow/minnow.h"

// The inline namespace keeps these classes apart from the library's own of the same names at link time.
namespace minnow {
inline namespace v0 {

class Exception : public std::runtime_error {
 public:
  Exception(mn_status status, const char* message) : std::runtime_error(message), status_(status) {}
  mn_status status() const { return status_; }

 private:
  mn_status status_;
};

inline void check(mn_status status) {
  if (status != MN_OK) throw Exception(status, mn_last_error());
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr mn_dtype value = MN_FLOAT32;
};
template <>
struct DTypeOf<double> {
  static constexpr mn_dtype value = MN_FLOAT64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr mn_dtype value = MN_INT8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr mn_dtype value = MN_INT16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr mn_dtype value = MN_INT32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr mn_dtype value = MN_INT64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr mn_dtype value = MN_UINT8;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr mn_dtype value = MN_UINT16;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr mn_dtype value = MN_UINT32;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr mn_dtype value = MN_UINT64;
};
template <>
struct DTypeOf<bool> {
  static constexpr mn_dtype value = MN_BOOL;
};

// mn_options with their defaults.
struct Options : mn_options {
  Options() { mn_options_init(this); }
};

// What a model declares about an input or output; -1 stands for a dimension known only when the model runs.
struct Port {
  std::string name;
  mn_kind kind = MN_NONE;
  mn_dtype dtype = MN_UNDEFINED;
  bool ranked = false;
  std::vector<int64_t> dims;
};

// A tensor that somebody else owns.
class View {
 public:
  explicit View(const mn_tensor& tensor) : tensor_(tensor) {}
  mn_dtype dtype() const { return tensor_.dtype; }
  std::vector<int64_t> dims() const { return {tensor_.dims, tensor_.dims + tensor_.rank}; }
  size_t bytes() const { return tensor_.bytes; }
  size_t size() const {
    size_t count = 1;
    for (int32_t i = 0; i < tensor_.rank; ++i) count *= static_cast<size_t>(tensor_.dims[i]);
    return count;
  }
  const void* raw() const { return tensor_.data; }
  template <class T>
  const T* data() const {
    if (tensor_.dtype != DTypeOf<T>::value)
      throw Exception(MN_BAD_INPUT, (std::string("the tensor holds ") + mn_dtype_name(tensor_.dtype)).c_str());
    return static_cast<const T*>(tensor_.data);
  }
  std::vector<std::string> strings() const {
    if (tensor_.dtype != MN_STRING) throw Exception(MN_BAD_INPUT, "the tensor does not hold strings");
    std::vector<std::string> texts;
    for (size_t i = 0; i < size(); ++i)
      texts.emplace_back(static_cast<const mn_string*>(tensor_.data)[i].data,
                         static_cast<const mn_string*>(tensor_.data)[i].size);
    return texts;
  }

 private:
  mn_tensor tensor_;
};

inline mn_tensor make_tensor(mn_dtype dtype, const void* data, size_t bytes, const std::vector<int64_t>& dims) {
  if (dims.size() > MN_MAX_RANK) throw Exception(MN_BAD_INPUT, "more than 8 dimensions");
  mn_tensor tensor{};
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) tensor.dims[i] = dims[i];
  tensor.data = const_cast<void*>(data);
  tensor.bytes = bytes;
  return tensor;
}

// Owns one handle of the C interface; moves, does not copy.
template <class Handle, void (*Release)(Handle*)>
class Owner {
 public:
  Owner() = default;
  explicit Owner(Handle* handle) : handle_(handle) {}
  ~Owner() { Release(handle_); }
  Owner(Owner&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owner& operator=(Owner&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Handle* get() const { return handle_; }
  Handle** out() { return &handle_; }

 private:
  Handle* handle_ = nullptr;
};

class Value {
 public:
  explicit Value(mn_value* handle) : owner_(handle) {}
  static Value none() {
    mn_value* handle = nullptr;
    check(mn_value_none(&handle));
    return Value(handle);
  }
  template <class T>
  static Value tensor(const T* data, const std::vector<int64_t>& dims) {
    size_t count = 1;
    for (int64_t dim : dims) count *= static_cast<size_t>(dim);
    const mn_tensor view = make_tensor(DTypeOf<T>::value, data, count * sizeof(T), dims);
    mn_value* handle = nullptr;
    check(mn_value_from_tensor(&view, &handle));
    return Value(handle);
  }
  mn_kind kind() const { return mn_value_kind(get()); }
  size_t count() const { return mn_value_count(get()); }
  Value element(size_t index) const {
    mn_value* handle = nullptr;
    check(mn_value_element(get(), index, &handle));
    return Value(handle);
  }
  View view() const {
    mn_tensor tensor;
    check(mn_value_tensor(get(), &tensor));
    return View(tensor);
  }
  mn_value* get() const { return owner_.get(); }

 private:
  Owner<mn_value, mn_value_release> owner_;
};

class Operators {
 public:
  Operators() { check(mn_operators_create(owner_.out())); }
  void add(const mn_operator& definition) { check(mn_operators_add(get(), &definition)); }
  mn_operators* get() const { return owner_.get(); }

 private:
  Owner<mn_operators, mn_operators_release> owner_;
};

class Model {
 public:
  explicit Model(const std::string& path, const Options& options = {}) {
    check(mn_model_open(path.c_str(), &options, owner_.out()));
  }
  Model(const void* data, size_t size, const std::string& name, const Options& options = {}) {
    check(mn_model_open_memory(data, size, name.c_str(), &options, owner_.out()));
  }
  std::vector<Port> inputs() const { return ports(mn_model_input_count(get()), mn_model_input); }
  std::vector<Port> outputs() const { return ports(mn_model_output_count(get()), mn_model_output); }
  int32_t input_index(const std::string& name) const { return found(mn_model_find_input(get(), name.c_str())); }
  int32_t output_index(const std::string& name) const { return found(mn_model_find_output(get(), name.c_str())); }
  std::vector<std::string> states() const {
    std::vector<std::string> names;
    for (int32_t i = 0; i < mn_model_state_count(get()); ++i) names.emplace_back(mn_model_state_name(get(), i));
    return names;
  }
  // Another owner of the same model.
  Model share() const {
    mn_model_retain(get());
    return Model(get());
  }
  mn_model* get() const { return owner_.get(); }

 private:
  explicit Model(mn_model* handle) : owner_(handle) {}
  static int32_t found(int32_t index) {
    if (index < 0) throw Exception(MN_BAD_INPUT, mn_last_error());
    return index;
  }
  std::vector<Port> ports(int32_t count, mn_status (*at)(const mn_model*, int32_t, mn_port*)) const {
    std::vector<Port> list;
    for (int32_t i = 0; i < count; ++i) {
      mn_port port;
      check(at(get(), i, &port));
      list.push_back(
          {port.name, port.kind, port.dtype, port.rank >= 0, {port.dims, port.dims + (port.rank > 0 ? port.rank : 0)}});
    }
    return list;
  }
  Owner<mn_model, mn_model_release> owner_;
};

class Session {
 public:
  explicit Session(const Model& model, const Options& options = {}) : model_(model.share()) {
    check(mn_session_create(model.get(), &options, owner_.out()));
  }

  // The data are borrowed until the input is set again or the session ends.
  template <class T>
  void set_input(const std::string& name, const T* data, const std::vector<int64_t>& dims) {
    size_t count = 1;
    for (int64_t dim : dims) count *= static_cast<size_t>(dim);
    set_input(name, make_tensor(DTypeOf<T>::value, data, count * sizeof(T), dims));
  }
  void set_input(const std::string& name, const mn_tensor& tensor) {
    check(mn_session_set_input(get(), model_.input_index(name), &tensor));
  }
  void set_input(const std::string& name, const Value& value) {
    check(mn_session_set_input_value(get(), model_.input_index(name), value.get()));
  }
  void set_output(const std::string& name, void* buffer, size_t bytes) {
    check(mn_session_set_output(get(), model_.output_index(name), buffer, bytes));
  }
  void run() { check(mn_session_run(get())); }
  void cancel() { mn_session_cancel(get()); }
  // Valid until the next run.
  View output(const std::string& name) const {
    mn_tensor tensor;
    check(mn_session_output(get(), model_.output_index(name), &tensor));
    return View(tensor);
  }
  Value output_value(const std::string& name) const {
    mn_value* handle = nullptr;
    check(mn_session_output_value(get(), model_.output_index(name), &handle));
    return Value(handle);
  }
  Value state(const std::string& name) const {
    mn_value* handle = nullptr;
    check(mn_session_get_state(get(), name.c_str(), &handle));
    return Value(handle);
  }
  void set_state(const std::string& name, const mn_tensor& tensor) {
    check(mn_session_set_state(get(), name.c_str(), &tensor));
  }
  void reset_states() { check(mn_session_reset_states(get())); }
  void save_states(const std::string& path) { check(mn_session_save_states(get(), path.c_str())); }
  void load_states(const std::string& path) { check(mn_session_load_states(get(), path.c_str())); }
  mn_session* get() const { return owner_.get(); }

 private:
  Model model_;
  Owner<mn_session, mn_session_release> owner_;
};

}  // namespace v0
}  // namespace minnow
