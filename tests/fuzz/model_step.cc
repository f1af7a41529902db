#include <cstring>

#include "api/session.h"
#include "fuzz.h"

namespace minnow::fuzz {
namespace {

// Zeros of the declared type; sequences are empty and optionals absent. A type that is not known is float32.
Result<Datum> zeros(const Type& type, int64_t unknown_size, const std::shared_ptr<Budget>& budget) {
  if (type.kind == Type::Kind::sequence) return Datum(std::vector<Datum>());
  if (type.kind == Type::Kind::optional) return Datum();
  Dims dims;
  for (const Dim& dim : type.shape.dims) dims.push_back(dim.known() ? dim.value : unknown_size);
  const DType dtype = type.dtype == DType::undefined ? DType::float32 : type.dtype;
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, std::move(dims), budget));
  if (dtype != DType::string && tensor.bytes() > 0) {
    std::memset(tensor.mutable_data<std::byte>(), 0, static_cast<size_t>(tensor.bytes()));
  }
  return Datum(std::move(tensor));
}

Status run_once(const std::shared_ptr<const Model>& model, int64_t unknown_size, bool kernels) {
  SessionOptions options;
  options.limits = small_limits();
  options.kernels = kernels;
  MN_ASSIGN(const std::unique_ptr<Session> session, Session::create(model, options));
  const auto budget = std::make_shared<Budget>(small_limits());
  std::vector<Datum> inputs;
  for (ValueId id : model->graph().inputs) {
    MN_ASSIGN(Datum input, zeros(model->graph().value(id).type, unknown_size, budget));
    inputs.push_back(std::move(input));
  }
  MN_ASSIGN(const std::vector<Datum> outputs, session->run(inputs));
  return {};
}

}  // namespace

void open_and_run(const Bytes& bytes, std::string_view name) {
  OpenOptions options;
  options.limits = small_limits();
  const Result<std::shared_ptr<const Model>> model = Model::open_bytes(bytes, name, options);
  if (!model.ok()) return;
  // Errors are fine here; what the sanitizers find is not.
  const Status plain = run_once(*model, 1, false);
  const Status fast = run_once(*model, 2, true);
  (void)plain;
  (void)fast;
}

}  // namespace minnow::fuzz
