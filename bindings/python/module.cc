// The extension module minnow._minnow: models and sessions over plain buffers. minnow/__init__.py gives them numpy's
// face. A tensor crosses as (buffer, dtype name, dims), a string tensor as (list of bytes, "string", dims), a sequence
// as a list, an absent value as None. Buffers are not copied: inputs are borrowed for the call, outputs are kept alive
// by their arrays.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "api/model.h"
#include "api/session.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/text.h"

namespace nb = nanobind;

namespace minnow {
namespace {

using RawArray = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Raised as (code, message); the Python layer turns it into a typed exception.
struct PythonError : std::exception {
  explicit PythonError(Error e) : error(std::move(e)) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
};

void check(const Status& status) {
  if (!status.ok()) throw PythonError(status.error());
}

template <class T>
T take(Result<T> result) {
  if (!result.ok()) throw PythonError(std::move(result.error()));
  return std::move(result).value();
}

Datum from_python(nb::handle value);

Tensor tensor_from_python(const nb::tuple& parts) {
  const auto name = nb::cast<std::string>(parts[1]);
  const auto dims = nb::cast<std::vector<int64_t>>(parts[2]);
  const DType dtype = dtype_from_name(name);
  if (dtype == DType::undefined) throw PythonError(bad_input({"unknown element type '", printable(name), "'"}));
  if (dtype == DType::string) {
    std::vector<std::string> texts;
    for (nb::handle item : nb::cast<nb::list>(parts[0])) {
      const auto bytes = nb::cast<nb::bytes>(item);
      texts.emplace_back(bytes.c_str(), bytes.size());
    }
    if (static_cast<int64_t>(texts.size()) != take(checked_element_count(dims)))
      throw PythonError(bad_input({"string count does not fit the shape"}));
    return Tensor::of_strings(std::move(texts), dims);
  }
  const auto array = nb::cast<RawArray>(parts[0]);
  const std::span<const std::byte> view(reinterpret_cast<const std::byte*>(array.data()), array.size());
  Result<Tensor> borrowed = Tensor::view(dtype, dims, Bytes::borrow(view));
  if (borrowed.ok()) return std::move(borrowed).value();
  // numpy may hand over memory that is not aligned to the element: then copy.
  Tensor copy = take(Tensor::allocate(dtype, dims));
  if (static_cast<size_t>(copy.bytes()) != view.size()) throw PythonError(std::move(borrowed.error()));
  std::copy(view.begin(), view.end(), copy.mutable_data<std::byte>());
  return copy;
}

Datum from_python(nb::handle value) {
  if (value.is_none()) return {};
  if (nb::isinstance<nb::list>(value)) {
    std::vector<Datum> elements;
    for (nb::handle item : nb::cast<nb::list>(value)) elements.push_back(from_python(item));
    return Datum(std::move(elements));
  }
  return Datum(tensor_from_python(nb::cast<nb::tuple>(value)));
}

nb::object to_python(const Datum& datum) {
  if (datum.kind == Datum::Kind::none) return nb::none();
  if (datum.kind == Datum::Kind::sequence) {
    nb::list list;
    for (const Datum& element : *datum.sequence) list.append(to_python(element));
    return list;
  }
  const Tensor& tensor = datum.tensor;
  const std::string name(to_string(tensor.dtype()));
  if (tensor.dtype() == DType::string) {
    nb::list texts;
    for (const std::string& text : tensor.strings()) texts.append(nb::bytes(text.data(), text.size()));
    return nb::make_tuple(texts, name, tensor.dims());
  }
  auto* keep = new Tensor(tensor);
  const nb::capsule owner(keep, [](void* p) noexcept { delete static_cast<Tensor*>(p); });
  const size_t bytes = static_cast<size_t>(tensor.bytes());
  return nb::make_tuple(
      nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>>(const_cast<uint8_t*>(tensor.data<uint8_t>()), {bytes}, owner), name,
      tensor.dims());
}

Limits limits_from(const std::map<std::string, double>& given) {
  Limits limits;
  for (const auto& [name, value] : given) {
    if (name == "bytes") limits.bytes = static_cast<int64_t>(value);
    else if (name == "nodes") limits.nodes = static_cast<int64_t>(value);
    else if (name == "depth") limits.depth = static_cast<int64_t>(value);
    else if (name == "steps") limits.steps = static_cast<int64_t>(value);
    else if (name == "seconds") limits.seconds = value;
    else
      throw PythonError(
          bad_input({"unknown limit '", printable(name), "'; there are bytes, nodes, depth, steps, seconds"}));
  }
  return limits;
}

using ModelPtr = std::shared_ptr<const Model>;

class PythonModel {
 public:
  explicit PythonModel(ModelPtr m) : model(std::move(m)) {}
  // [(name, type text)], dims as the file gives them: "float32[batch, 3]".
  std::vector<std::pair<std::string, std::string>> values(const std::vector<ValueId>& ids) const {
    std::vector<std::pair<std::string, std::string>> list;
    for (ValueId id : ids) list.emplace_back(model->graph().value(id).name, to_string(model->graph().value(id).type));
    return list;
  }
  ModelPtr model;
};

OpenOptions open_options(const std::map<std::string, double>& limits, bool optimize, const std::string& folder) {
  OpenOptions options;
  options.limits = limits_from(limits);
  options.optimize = optimize;
  options.folder = folder;
  return options;
}

// Collects one row a node: (name, operator, nanoseconds, output names and values when wanted).
class Recorder : public NodeObserver {
 public:
  explicit Recorder(bool keep_values) : keep_values_(keep_values) {}
  bool wants_values() const override { return keep_values_; }
  Status on_node(const Graph& graph, const Node& node, std::span<const Datum> outputs, int depth,
                 int64_t duration_ns) override {
    if (depth > 0) return {};
    rows_.push_back({node.name, node.op, duration_ns, {}});
    for (size_t i = 0; keep_values_ && i < outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) rows_.back().values.emplace_back(graph.value(node.outputs[i]).name, outputs[i]);
    }
    return {};
  }
  nb::list rows() const {
    nb::list list;
    for (const Row& row : rows_) {
      nb::list values;
      for (const auto& [name, datum] : row.values) values.append(nb::make_tuple(name, to_python(datum)));
      list.append(nb::make_tuple(row.name, row.op, row.duration_ns, values));
    }
    return list;
  }

 private:
  struct Row {
    std::string name, op;
    int64_t duration_ns;
    std::vector<std::pair<std::string, Datum>> values;
  };
  bool keep_values_;
  std::vector<Row> rows_;
};

class PythonSession {
 public:
  PythonSession(const PythonModel& model, int threads, uint64_t seed, const std::map<std::string, double>& limits) {
    SessionOptions options;
    options.threads = threads;
    options.seed = seed;
    options.limits = limits_from(limits);
    session_ = take(Session::create(model.model, options));
  }

  nb::tuple run(const nb::list& inputs, bool profile, bool keep_values) {
    std::vector<Datum> data;
    for (nb::handle item : inputs) data.push_back(from_python(item));
    Recorder recorder(keep_values);
    Result<std::vector<Datum>> outputs = [&] {
      nb::gil_scoped_release unlocked;
      return session_->run(data, profile ? &recorder : nullptr);
    }();
    nb::list list;
    for (const Datum& datum : take(std::move(outputs))) list.append(to_python(datum));
    return nb::make_tuple(list, recorder.rows());
  }
  void cancel() { session_->cancel(); }
  int64_t peak_bytes() const { return session_->budget().peak_bytes(); }
  nb::object state(const std::string& name) const { return to_python(Datum(take(session_->state(name)))); }
  void set_state(const std::string& name, const nb::tuple& value) {
    const Tensor borrowed = tensor_from_python(value);
    Tensor own = take(Tensor::allocate(borrowed.dtype(), borrowed.dims()));
    const auto raw = borrowed.raw();
    std::copy(raw.begin(), raw.end(), own.mutable_data<std::byte>());
    check(session_->set_state(name, std::move(own)));
  }
  void reset_states() { check(session_->reset_states()); }

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace
}  // namespace minnow

NB_MODULE(_minnow, m) {
  using namespace minnow;
  m.doc() = "minnow's engine over plain buffers; use the package minnow";
  static nb::object error_type = nb::none();
  m.def("set_error_type", [](nb::object type) { error_type = std::move(type); });
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const PythonError& e) {
      PyErr_SetObject(error_type.ptr(), nb::make_tuple(std::string(to_string(e.error.code)), e.error.message).ptr());
    }
  });
  nb::class_<PythonModel>(m, "Model")
      .def_prop_ro("inputs", [](const PythonModel& self) { return self.values(self.model->graph().inputs); })
      .def_prop_ro("outputs", [](const PythonModel& self) { return self.values(self.model->graph().outputs); })
      .def_prop_ro("states",
                   [](const PythonModel& self) {
                     std::vector<std::string> names;
                     for (const State& state : self.model->graph().states) names.push_back(state.name);
                     return names;
                   })
      .def_prop_ro("metadata", [](const PythonModel& self) { return self.model->graph().metadata; })
      .def_prop_ro("node_count", [](const PythonModel& self) { return node_count(self.model->graph()); })
      .def_prop_ro("format", [](const PythonModel& self) { return self.model->format(); });
  nb::class_<PythonSession>(m, "Session")
      .def(nb::init<const PythonModel&, int, uint64_t, const std::map<std::string, double>&>())
      .def("run", &PythonSession::run)
      .def("cancel", &PythonSession::cancel)
      .def_prop_ro("peak_bytes", &PythonSession::peak_bytes)
      .def("state", &PythonSession::state)
      .def("set_state", &PythonSession::set_state)
      .def("reset_states", &PythonSession::reset_states);
  m.def("open_file", [](const std::string& path, const std::map<std::string, double>& limits, bool optimize) {
    nb::gil_scoped_release unlocked;
    return PythonModel(take(Model::open_file(path, open_options(limits, optimize, ""))));
  });
  m.def("open_bytes", [](const nb::bytes& data, const std::string& name, const std::map<std::string, double>& limits,
                         bool optimize, const std::string& folder) {
    const Bytes bytes = Bytes::own(std::string(data.c_str(), data.size()));
    nb::gil_scoped_release unlocked;
    return PythonModel(take(Model::open_bytes(bytes, name, open_options(limits, optimize, folder))));
  });
  m.def("isa", [] { return isa_names(cpu_features()); });
  m.attr("version") = MINNOW_VERSION;
}
