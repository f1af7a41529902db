#include <cstring>
#include <memory>

#include "base/guard.h"
#include "minnow/runtime.h"
#include "plan/mnw.h"
#include "run/executor.h"
#include "run/status_code.h"

// The C interface of libminnow_rt (include/minnow/runtime.h).
struct mn_runtime {
  minnow::CompiledModel model;
  minnow::Tensor arena;
  std::vector<minnow::Tensor> states;
  std::vector<void*> state_data;
  std::unique_ptr<minnow::ThreadPool> threads;
  const minnow::Plan& plan() const { return model.plans.front(); }
};

namespace minnow {
namespace {

thread_local std::string last_error;

mn_status finish(const Status& status) {
  if (status.ok()) {
    last_error.clear();
    return MN_OK;
  }
  last_error = status.error().message;
  return status_code(status.error().code);
}

template <class F>
mn_status enter(F&& body) {
  return finish(guarded(body));
}

void reset(mn_runtime& runtime) {
  for (size_t i = 0; i < runtime.states.size(); ++i) {
    const auto initial = runtime.model.states[i].raw();
    if (!initial.empty()) std::memcpy(runtime.state_data[i], initial.data(), initial.size());
  }
}

Status open(const Bytes& bytes, std::string_view name, mn_runtime** out) {
  auto runtime = std::make_unique<mn_runtime>();
  MN_ASSIGN(runtime->model, read_mnw(bytes, name));
  if (runtime->model.plans.empty()) {
    const auto& skipped = runtime->model.skipped;
    return unsupported({name, ": no plan for this machine: ",
                        skipped.empty() ? "the file holds none; compile it for some sizes" : skipped.front()});
  }
  const Plan& plan = runtime->plan();
  MN_ASSIGN(runtime->arena, Tensor::allocate(DType::uint8, {plan.arena_bytes}));
  for (const Tensor& initial : runtime->model.states) {
    MN_ASSIGN(Tensor state, Tensor::allocate(initial.dtype(), initial.dims()));
    runtime->state_data.push_back(state.mutable_data<std::byte>());
    runtime->states.push_back(std::move(state));
  }
  reset(*runtime);
  if (plan.threads > 1) runtime->threads = std::make_unique<ThreadPool>(plan.threads);
  *out = runtime.release();
  return {};
}

Status describe(const std::vector<PlanValue>& values, int32_t index, mn_runtime_value* out) {
  MN_CHECK(out != nullptr, "the result is null");
  MN_CHECK(index >= 0 && static_cast<size_t>(index) < values.size(), "index: there are ", values.size(), ", got ",
           index);
  const PlanValue& value = values[static_cast<size_t>(index)];
  MN_CHECK(value.dims.size() <= MN_MAX_RANK, "'", value.name, "' has ", value.dims.size(), " dims");
  *out = {};
  out->name = value.name.c_str();
  out->dtype = static_cast<mn_dtype>(value.dtype);
  out->rank = static_cast<int32_t>(value.dims.size());
  std::copy(value.dims.begin(), value.dims.end(), out->dims);
  out->bytes = static_cast<size_t>(value.bytes());
  return {};
}

Status run(mn_runtime& runtime, const void* const* inputs, void* const* outputs) {
  const Plan& plan = runtime.plan();
  for (size_t i = 0; i < plan.inputs.size(); ++i)
    MN_CHECK(inputs[i] != nullptr || plan.inputs[i].bytes() == 0, "input ", i, " is null");
  for (size_t i = 0; i < plan.outputs.size(); ++i)
    MN_CHECK(outputs[i] != nullptr || plan.outputs[i].bytes() == 0, "output ", i, " is null");
  const PlanBuffers buffers{runtime.arena.mutable_data<std::byte>(),
                            {inputs, plan.inputs.size()},
                            {outputs, plan.outputs.size()},
                            runtime.state_data};
  PlanRun options;
  options.threads = runtime.threads.get();
  return run_plan(plan, buffers, options);
}

}  // namespace
}  // namespace minnow

using minnow::Status;

extern "C" {

mn_status mn_runtime_open(const char* path, mn_runtime** out) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(path != nullptr && out != nullptr, "path or result is null");
    *out = nullptr;
    MN_ASSIGN(const minnow::Bytes bytes, minnow::read_file(path));
    return minnow::open(bytes, path, out);
  });
}

mn_status mn_runtime_open_memory(const void* data, size_t bytes, mn_runtime** out) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(data != nullptr && out != nullptr, "data or result is null");
    *out = nullptr;
    return minnow::open(minnow::Bytes::borrow({static_cast<const std::byte*>(data), bytes}), "memory", out);
  });
}

void mn_runtime_release(mn_runtime* runtime) { delete runtime; }

int32_t mn_runtime_input_count(const mn_runtime* runtime) {
  return runtime != nullptr ? static_cast<int32_t>(runtime->plan().inputs.size()) : 0;
}

int32_t mn_runtime_output_count(const mn_runtime* runtime) {
  return runtime != nullptr ? static_cast<int32_t>(runtime->plan().outputs.size()) : 0;
}

mn_status mn_runtime_input(const mn_runtime* runtime, int32_t index, mn_runtime_value* out) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(runtime != nullptr, "the runtime is null");
    return minnow::describe(runtime->plan().inputs, index, out);
  });
}

mn_status mn_runtime_output(const mn_runtime* runtime, int32_t index, mn_runtime_value* out) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(runtime != nullptr, "the runtime is null");
    return minnow::describe(runtime->plan().outputs, index, out);
  });
}

size_t mn_runtime_memory_bytes(const mn_runtime* runtime) {
  return runtime != nullptr ? static_cast<size_t>(runtime->plan().arena_bytes) : 0;
}

mn_status mn_runtime_run(mn_runtime* runtime, const void* const* inputs, void* const* outputs) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(runtime != nullptr && inputs != nullptr && outputs != nullptr, "runtime, inputs or outputs are null");
    return minnow::run(*runtime, inputs, outputs);
  });
}

mn_status mn_runtime_reset(mn_runtime* runtime) {
  return minnow::enter([&]() -> Status {
    MN_CHECK(runtime != nullptr, "the runtime is null");
    minnow::reset(*runtime);
    return {};
  });
}

const char* mn_runtime_error(void) { return minnow::last_error.c_str(); }

}  // extern "C"
