// The C interface: errors, options, models and values.
#include "api/c_api.h"

#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "run/status_code.h"

namespace minnow::c_api {
namespace {

constexpr size_t kMaxMessage = 2048;
thread_local char last_error[kMaxMessage];

static_assert(static_cast<int>(DType::float4e2m1) == MN_FLOAT4E2M1 && static_cast<int>(DType::uint64) == MN_UINT64);
static_assert(static_cast<int>(DType::uint2) == MN_UINT2 && static_cast<int>(DType::complex128) == MN_COMPLEX128);
static_assert(MN_MAX_RANK == 8);

std::string port_names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(printable(graph.value(id).name));
  return names.empty() ? "none" : join(names, ", ");
}

}  // namespace

mn_status fail(const Error& error) noexcept {
  const size_t count = error.message.size() < kMaxMessage ? error.message.size() : kMaxMessage - 1;
  std::memcpy(last_error, error.message.data(), count);
  last_error[count] = '\0';
  return status_code(error.code);
}

Status fill_port(std::string_view name, const Type& type, mn_port* port) {
  *port = {};
  port->name = name.data();
  port->rank = -1;
  switch (type.kind) {
    case Type::Kind::unknown:
    case Type::Kind::tensor: port->kind = MN_TENSOR; break;
    case Type::Kind::sequence: port->kind = MN_SEQUENCE; break;
    case Type::Kind::optional: port->kind = MN_OPTIONAL; break;
  }
  port->dtype = static_cast<mn_dtype>(type.dtype);
  if (!type.is_tensor() || !type.shape.ranked) return {};
  if (type.shape.rank() > MN_MAX_RANK)
    return unsupported(
        {"'", printable(name), "' has ", type.shape.rank(), " dimensions, at most ", MN_MAX_RANK, " here"});
  port->rank = static_cast<int32_t>(type.shape.rank());
  for (size_t d = 0; d < type.shape.dims.size(); ++d) port->dims[d] = type.shape.dims[d].value;
  return {};
}

Status fill_view(const Tensor& tensor, std::vector<mn_string>& strings, mn_tensor* view) {
  *view = {};
  if (tensor.rank() > MN_MAX_RANK)
    return unsupported({"the tensor has ", tensor.rank(), " dimensions, at most ", MN_MAX_RANK, " here"});
  view->dtype = static_cast<mn_dtype>(tensor.dtype());
  view->rank = static_cast<int32_t>(tensor.rank());
  for (size_t d = 0; d < tensor.dims().size(); ++d) view->dims[d] = tensor.dims()[d];
  if (tensor.dtype() != DType::string) {
    view->data = const_cast<std::byte*>(tensor.raw().data());
    view->bytes = tensor.raw().size();
    return {};
  }
  strings.clear();
  for (const std::string& text : tensor.strings()) strings.push_back({text.data(), text.size()});
  view->data = strings.data();
  view->bytes = strings.size() * sizeof(mn_string);
  return {};
}

Result<DType> take_dtype(mn_dtype dtype) {
  const int code = static_cast<int>(dtype);
  MN_CHECK(code > 0 && code < kDTypeCount, "dtype: expected 1 to ", kDTypeCount - 1, ", got ", code);
  return static_cast<DType>(code);
}

Result<Dims> take_dims(int32_t rank, const int64_t* dims, bool partly) {
  MN_CHECK(rank >= 0 && rank <= MN_MAX_RANK, "rank: expected 0 to ", MN_MAX_RANK, ", got ", rank);
  MN_CHECK(rank == 0 || dims != nullptr, "dims is null");
  Dims taken(dims, dims + rank);
  for (int64_t dim : taken) MN_CHECK(dim >= (partly ? -1 : 0), "a dimension is ", dim);
  return taken;
}

Result<Tensor> take_tensor(const mn_tensor* tensor, bool copy) {
  MN_CHECK(tensor != nullptr, "the tensor is null");
  MN_ASSIGN(const DType dtype, take_dtype(tensor->dtype));
  MN_ASSIGN(Dims dims, take_dims(tensor->rank, tensor->dims, false));
  MN_ASSIGN(const int64_t count, checked_element_count(dims));
  const size_t element = mn_dtype_bytes(tensor->dtype);
  MN_CHECK(static_cast<uint64_t>(count) <= SIZE_MAX / element && tensor->bytes == static_cast<size_t>(count) * element,
           "a ", to_string(dtype), " tensor of shape ", to_string(dims), " has ", count, " elements of ", element,
           " bytes, data has ", tensor->bytes, " bytes");
  MN_CHECK(tensor->data != nullptr || count == 0, "data is null");
  MN_CHECK(reinterpret_cast<uintptr_t>(tensor->data) %
                   (dtype == DType::string ? alignof(mn_string) : std::min<size_t>(element, 8)) ==
               0,
           "data is not aligned to the element size of ", element, " bytes");
  if (dtype == DType::string) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < count; ++i) {
      const mn_string& text = static_cast<const mn_string*>(tensor->data)[i];
      MN_CHECK(text.data != nullptr || text.size == 0, "string ", i, " is null");
      texts.emplace_back(text.data != nullptr ? text.data : "", text.size);
    }
    return Tensor::of_strings(std::move(texts), std::move(dims));
  }
  for (int64_t i = 0; dtype == DType::boolean && i < count; ++i) {
    MN_CHECK(static_cast<const uint8_t*>(tensor->data)[i] <= 1, "bool element ", i, " is ",
             static_cast<const uint8_t*>(tensor->data)[i], ", neither 0 nor 1");
  }
  if (copy || tensor->data == nullptr) {
    MN_ASSIGN(Tensor owned, Tensor::allocate(dtype, std::move(dims)));
    if (tensor->bytes > 0) std::memcpy(owned.mutable_data<std::byte>(), tensor->data, tensor->bytes);
    return owned;
  }
  return Tensor::view(dtype, std::move(dims),
                      Bytes::borrow({static_cast<const std::byte*>(tensor->data), tensor->bytes}));
}

Limits limits_of(const mn_options& options) {
  Limits limits;
  limits.bytes = options.max_bytes;
  limits.nodes = options.max_nodes;
  limits.depth = options.max_depth;
  limits.steps = options.max_steps;
  limits.seconds = options.max_seconds;
  return limits;
}

Result<mn_options> take_options(const mn_options* options) {
  mn_options taken;
  mn_options_init(&taken);
  if (options == nullptr) return taken;
  MN_CHECK(options->struct_size >= sizeof(size_t), "options: call mn_options_init first");
  std::memcpy(&taken, options, std::min(options->struct_size, sizeof taken));
  MN_CHECK(taken.max_bytes > 0 && taken.max_nodes > 0 && taken.max_depth > 0 && taken.max_steps > 0 &&
               taken.max_seconds >= 0,
           "options: limits must be positive (seconds: 0 or more)");
  return taken;
}

}  // namespace minnow::c_api

using namespace minnow;
using namespace minnow::c_api;

const char* mn_version(void) { return "0.1.0"; }
const char* mn_last_error(void) { return last_error; }
const char* mn_dtype_name(mn_dtype dtype) {
  const int code = static_cast<int>(dtype);
  return code >= 0 && code < kDTypeCount ? to_string(static_cast<DType>(code)).data() : "unknown";
}
size_t mn_dtype_bytes(mn_dtype dtype) {
  if (dtype == MN_STRING) return sizeof(mn_string);
  const int code = static_cast<int>(dtype);
  return code > 0 && code < kDTypeCount ? element_bytes(static_cast<DType>(code)) : 0;
}

const char* mn_status_name(mn_status status) {
  switch (status) {
    case MN_OK: return "ok";
    case MN_BAD_INPUT: return "bad input";
    case MN_UNSUPPORTED: return "unsupported";
    case MN_LIMIT: return "limit exceeded";
    case MN_OUT_OF_MEMORY: return "out of memory";
    case MN_CANCELLED: return "cancelled";
    case MN_IO: return "input/output error";
    case MN_INTERNAL: return "internal error";
  }
  return "unknown";
}

namespace {
std::atomic<mn_log_callback> log_callback{nullptr};
}

void mn_set_log(mn_log_callback callback, void* user, mn_log_level level) {
  log_callback.store(callback);
  const LogSink sink = [](void* context, LogLevel severity, std::string_view message) {
    const mn_log_callback receiver = log_callback.load();
    if (receiver != nullptr) receiver(context, static_cast<mn_log_level>(severity), std::string(message).c_str());
  };
  set_log_sink(callback != nullptr ? sink : nullptr, user);
  set_log_level(static_cast<LogLevel>(level < MN_LOG_ERROR   ? MN_LOG_ERROR
                                      : level > MN_LOG_DEBUG ? MN_LOG_DEBUG
                                                             : level));
}

void mn_options_init(mn_options* options) {
  if (options == nullptr) return;
  const Limits limits;
  *options = {};
  options->struct_size = sizeof *options;
  options->max_bytes = limits.bytes;
  options->max_nodes = limits.nodes;
  options->max_depth = limits.depth;
  options->max_steps = limits.steps;
  options->max_seconds = limits.seconds;
  options->threads = 1;
}

namespace {

OpenOptions open_options(const mn_options& options) {
  OpenOptions open;
  open.limits = limits_of(options);
  open.map = options.map != 0;
  open.optimize = options.no_passes == 0;
  if (options.operators != nullptr) {
    const std::shared_ptr<OperatorSet>& set = options.operators->set;
    open.registry = std::shared_ptr<const Registry>(set, &set->registry);
  }
  return open;
}

Status give_model(std::shared_ptr<const Model> model, mn_model** out) {
  auto handle = std::make_unique<mn_model>();
  handle->model = std::move(model);
  *out = handle.release();
  return {};
}

Status port_at(const mn_model* model, const std::vector<ValueId>* ids, int32_t index, mn_port* port) {
  MN_CHECK(model != nullptr && port != nullptr, "null argument");
  MN_CHECK(index >= 0 && index < static_cast<int64_t>(ids->size()), "index: expected 0 to ",
           static_cast<int64_t>(ids->size()) - 1, ", got ", index);
  const Value& value = model->model->graph().value((*ids)[static_cast<size_t>(index)]);
  return fill_port(value.name, value.type, port);
}

int32_t find_port(const mn_model* model, const std::vector<ValueId>* ids, const char* name) {
  int32_t found = -1;
  enter([&]() -> Status {
    MN_CHECK(model != nullptr && name != nullptr, "null argument");
    const Graph& graph = model->model->graph();
    for (size_t i = 0; i < ids->size(); ++i) {
      if (graph.value((*ids)[i]).name == name) found = static_cast<int32_t>(i);
    }
    MN_CHECK(found >= 0, "no '", printable(name), "'; there are ", port_names(graph, *ids));
    return {};
  });
  return found;
}

const std::vector<ValueId>* inputs_of(const mn_model* model) {
  return model != nullptr ? &model->model->graph().inputs : nullptr;
}
const std::vector<ValueId>* outputs_of(const mn_model* model) {
  return model != nullptr ? &model->model->graph().outputs : nullptr;
}

}  // namespace

mn_status mn_model_open(const char* path, const mn_options* options, mn_model** model) {
  return enter([&]() -> Status {
    MN_CHECK(path != nullptr && model != nullptr, "null argument");
    *model = nullptr;
    MN_ASSIGN(const mn_options taken, take_options(options));
    MN_ASSIGN(auto opened, Model::open_file(path, open_options(taken)));
    return give_model(std::move(opened), model);
  });
}

mn_status mn_model_open_memory(const void* data, size_t size, const char* name, const mn_options* options,
                               mn_model** model) {
  return enter([&]() -> Status {
    MN_CHECK(model != nullptr && (data != nullptr || size == 0), "null argument");
    *model = nullptr;
    MN_ASSIGN(const mn_options taken, take_options(options));
    const std::byte* bytes = static_cast<const std::byte*>(data);
    const Bytes content =
        taken.borrow != 0 ? Bytes::borrow({bytes, size}) : Bytes::own(std::vector<std::byte>(bytes, bytes + size));
    MN_ASSIGN(auto opened, Model::open_bytes(content, name != nullptr ? name : "model", open_options(taken)));
    return give_model(std::move(opened), model);
  });
}

void mn_model_retain(mn_model* model) {
  if (model != nullptr) retain(model);
}
void mn_model_release(mn_model* model) { release(model); }
int32_t mn_model_input_count(const mn_model* model) {
  return model != nullptr ? static_cast<int32_t>(inputs_of(model)->size()) : 0;
}
int32_t mn_model_output_count(const mn_model* model) {
  return model != nullptr ? static_cast<int32_t>(outputs_of(model)->size()) : 0;
}
mn_status mn_model_input(const mn_model* model, int32_t index, mn_port* port) {
  return enter([&] { return port_at(model, inputs_of(model), index, port); });
}
mn_status mn_model_output(const mn_model* model, int32_t index, mn_port* port) {
  return enter([&] { return port_at(model, outputs_of(model), index, port); });
}
int32_t mn_model_find_input(const mn_model* model, const char* name) {
  return find_port(model, inputs_of(model), name);
}
int32_t mn_model_find_output(const mn_model* model, const char* name) {
  return find_port(model, outputs_of(model), name);
}
int32_t mn_model_state_count(const mn_model* model) {
  return model != nullptr ? static_cast<int32_t>(model->model->graph().states.size()) : 0;
}
const char* mn_model_state_name(const mn_model* model, int32_t index) {
  if (index < 0 || index >= mn_model_state_count(model)) return nullptr;
  return model->model->graph().states[static_cast<size_t>(index)].name.c_str();
}

Status minnow::c_api::give_datum(Datum datum, mn_value** out) {
  auto handle = std::make_unique<mn_value>();
  handle->datum = std::move(datum);
  if (handle->datum.kind == Datum::Kind::tensor) {
    mn_tensor view;
    MN_TRY(fill_view(handle->datum.tensor, handle->strings, &view));
  }
  *out = handle.release();
  return {};
}

mn_status mn_value_from_tensor(const mn_tensor* tensor, mn_value** value) {
  return enter([&]() -> Status {
    MN_CHECK(value != nullptr, "null argument");
    *value = nullptr;
    MN_ASSIGN(Tensor copy, take_tensor(tensor, true));
    return give_datum(Datum(std::move(copy)), value);
  });
}

mn_status mn_value_from_sequence(const mn_value* const* elements, size_t count, mn_value** value) {
  return enter([&]() -> Status {
    MN_CHECK(value != nullptr && (elements != nullptr || count == 0), "null argument");
    *value = nullptr;
    std::vector<Datum> data;
    for (size_t i = 0; i < count; ++i) {
      MN_CHECK(elements[i] != nullptr, "element ", i, " is null");
      data.push_back(elements[i]->datum);
    }
    return give_datum(Datum(std::move(data)), value);
  });
}

mn_status mn_value_none(mn_value** value) {
  return enter([&]() -> Status {
    MN_CHECK(value != nullptr, "null argument");
    return give_datum(Datum(), value);
  });
}

void mn_value_release(mn_value* value) { release(value); }

mn_kind mn_value_kind(const mn_value* value) {
  if (value == nullptr || value->datum.kind == Datum::Kind::none) return MN_NONE;
  return value->datum.kind == Datum::Kind::tensor ? MN_TENSOR : MN_SEQUENCE;
}

size_t mn_value_count(const mn_value* value) {
  return mn_value_kind(value) == MN_SEQUENCE ? value->datum.sequence->size() : 0;
}

mn_status mn_value_element(const mn_value* value, size_t index, mn_value** element) {
  return enter([&]() -> Status {
    MN_CHECK(value != nullptr && element != nullptr, "null argument");
    *element = nullptr;
    MN_CHECK(index < mn_value_count(value), "index: the value has ", mn_value_count(value), " elements, got ", index);
    return give_datum((*value->datum.sequence)[index], element);
  });
}

mn_status mn_value_tensor(const mn_value* value, mn_tensor* view) {
  return enter([&]() -> Status {
    MN_CHECK(value != nullptr && view != nullptr, "null argument");
    MN_CHECK(mn_value_kind(value) == MN_TENSOR, "the value is not a tensor");
    std::vector<mn_string> unused;
    MN_TRY(fill_view(value->datum.tensor, unused, view));
    if (value->datum.tensor.dtype() == DType::string) view->data = const_cast<mn_string*>(value->strings.data());
    return {};
  });
}
