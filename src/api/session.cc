#include "api/session.h"

#include <algorithm>
#include <cstring>

#include "base/guard.h"
#include "base/text.h"
#include "import/safetensors.h"
#include "lower/provider.h"

namespace minnow {
namespace {

// Marks the session busy for one call; a second thread gets an error, not a race.
class Claim {
 public:
  explicit Claim(std::atomic<bool>& busy) : busy_(busy), held_(!busy.exchange(true, std::memory_order_acquire)) {}
  ~Claim() {
    if (held_) busy_.store(false, std::memory_order_release);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  Status status() const {
    if (held_) return {};
    return bad_input(
        {"the session is in use by another thread; give each thread its own session, they share the model"});
  }

 private:
  std::atomic<bool>& busy_;
  bool held_;
};

bool fits(const Plan& plan, std::span<const Datum> inputs) {
  return std::equal(inputs.begin(), inputs.end(), plan.inputs.begin(), plan.inputs.end(),
                    [](const Datum& datum, const PlanValue& value) {
                      return datum.tensor.dtype() == value.dtype && datum.tensor.dims() == value.dims;
                    });
}

Status check_state(const State& state, const Tensor& value) {
  const Tensor& initial = state.initial;
  MN_CHECK(value.dtype() == initial.dtype() && value.dims() == initial.dims(), "state '", printable(state.name),
           "': expected ", to_string(initial.dtype()), to_string(initial.dims()), ", got ", to_string(value.dtype()),
           to_string(value.dims()));
  return {};
}

Error wrong_buffer(std::string_view name, const Type& type, int64_t needed, size_t given) {
  return bad_input(
      {"output '", printable(name), "' has ", needed, " bytes (", to_string(type), "), its buffer has ", given});
}

Status copy_to_buffers(const Graph& graph, const std::vector<Datum>& outputs, std::span<const OutputBuffer> buffers) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].data == nullptr) continue;
    const std::string& name = graph.value(graph.outputs[i]).name;
    const Datum& datum = outputs[i];
    MN_CHECK(datum.kind == Datum::Kind::tensor && datum.tensor.dtype() != DType::string, "output '", printable(name),
             "' is not a tensor of numbers: read it with mn_session_output_value");
    const auto raw = datum.tensor.raw();
    if (raw.size() != buffers[i].bytes)
      return wrong_buffer(name, Type::of(datum), static_cast<int64_t>(raw.size()), buffers[i].bytes);
    if (!raw.empty()) std::memcpy(buffers[i].data, raw.data(), raw.size());
  }
  return {};
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, const SessionOptions& options)
    : model_(std::move(model)),
      options_(options),
      budget_(std::make_shared<Budget>(options.limits)),
      runner_(std::max(options.threads, 1)),
      draws_random_(draws_random(model_->graph(), model_->registry())) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  return guarded([&]() -> Result<std::unique_ptr<Session>> {
    MN_CHECK(model != nullptr, "a session needs a model");
    MN_CHECK(options.threads >= 0 && options.threads <= kMaxThreads,
             "threads: expected 0 (one for each hardware thread) to ", kMaxThreads, ", got ", options.threads);
    std::unique_ptr<Session> session(new Session(std::move(model), options));
    const int threads = options.threads == 0 ? std::min(hardware_threads(), kMaxThreads) : options.threads;
    session->runner_ = StagedRun(threads);
    if (threads > 1) session->pool_ = std::make_unique<ThreadPool>(threads);
    if (options.kernels) session->kernels_ = make_kernel_provider();
    MN_ASSIGN(Interpreter interpreter, Interpreter::prepare(session->model_->graph(), session->model_->registry()));
    session->interpreter_ = std::make_unique<Interpreter>(std::move(interpreter));
    MN_TRY(session->reset_states());
    return session;
  });
}

Result<std::vector<Datum>> Session::run(std::span<const Datum> inputs, NodeObserver* observer, Trace* trace) {
  std::vector<Datum> outputs;
  MN_TRY(run_into(inputs, {}, outputs, observer, trace));
  return outputs;
}

Status Session::run_into(std::span<const Datum> inputs, std::span<const OutputBuffer> buffers,
                         std::vector<Datum>& outputs, NodeObserver* observer, Trace* trace) {
  Status status = guarded([&]() -> Status {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    budget_->restart();
    return run_claimed(inputs, buffers, outputs, observer, trace);
  });
  if (!status.ok()) outputs.clear();
  return status;
}

// Sets lowered_ or stages_ for these inputs; neither where the interpreter must run.
void Session::find_plan(std::span<const Datum> inputs, const NodeObserver* observer) {
  const bool values_wanted = observer != nullptr && observer->wants_values();
  const bool wanted = options_.plan && options_.kernels && !values_wanted;
  if (wanted && lowered_ != nullptr && fits(lowered_->plan, inputs)) return;
  lowered_ = nullptr;
  stages_ = nullptr;
  if (!wanted || !check_inputs(model_->graph(), inputs).ok()) return;  // the interpreter says why
  std::vector<Type> types;
  for (const Datum& input : inputs) {
    if (input.kind != Datum::Kind::tensor) return;
    types.push_back(Type::of(input));
  }
  Lowerings chosen = model_->lowering().choose(types, runner_.plan_options());
  // What cannot fit is left to the interpreter, which names the node that asks for too much.
  if (chosen.plan != nullptr && chosen.plan->plan.run_bytes() <= options_.limits.bytes)
    lowered_ = std::move(chosen.plan);
  if (chosen.stages != nullptr && chosen.stages->run_bytes() <= options_.limits.bytes)
    stages_ = std::move(chosen.stages);
}

// Before a planned run: whether the outputs will fit.
Status Session::check_buffers(std::span<const OutputBuffer> buffers) const {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const PlanValue& value = lowered_->plan.outputs[i];
    if (buffers[i].data != nullptr && static_cast<int64_t>(buffers[i].bytes) != value.bytes())
      return wrong_buffer(value.name, Type::tensor(value.dtype, value.dims), value.bytes(), buffers[i].bytes);
  }
  return {};
}

Status Session::run_claimed(std::span<const Datum> inputs, std::span<const OutputBuffer> buffers,
                            std::vector<Datum>& outputs, NodeObserver* observer, Trace* trace) {
  RunOptions options;
  options.budget = budget_;
  options.kernels = kernels_.get();
  options.threads = pool_.get();
  options.observer = observer;
  options.trace = trace;
  options.seed = options_.seed;
  if (trace == nullptr) runner_.forget_traced();
  find_plan(inputs, observer);
  if (lowered_ != nullptr) {
    MN_TRY(check_buffers(buffers));
    if (observer != nullptr) observer->on_start(static_cast<int64_t>(lowered_->plan.steps.size()));
    Status status = runner_.run(*lowered_, inputs, states_, options, buffers, outputs);
    if (!status.ok()) return std::move(status.error()).in(printable(model_->name()));
    return {};
  }
  outputs.clear();  // their memory is of use again
  Result<std::vector<Datum>> made = run_unplanned(inputs, options);
  if (!made.ok()) return std::move(made.error()).in(printable(model_->name()));
  outputs = std::move(*made);
  return copy_to_buffers(model_->graph(), outputs, buffers);
}

Result<std::vector<Datum>> Session::run_unplanned(std::span<const Datum> inputs, const RunOptions& options) {
  const Graph& graph = model_->graph();
  std::vector<Datum> outputs;
  std::vector<Tensor> states = states_;  // a failed run leaves the states as they were
  if (stages_ != nullptr) {
    std::vector<Datum> sources(inputs.begin(), inputs.end());
    for (const Tensor& state : states) sources.emplace_back(state);
    if (options.observer != nullptr) options.observer->on_start(static_cast<int64_t>(graph.nodes.size()));
    MN_ASSIGN(outputs, runner_.run(*stages_, sources, options));
    for (size_t i = states.size(); i-- > 0; outputs.pop_back()) states[i] = outputs.back().tensor;
  } else {
    const bool values_wanted = options.observer != nullptr && options.observer->wants_values();
    const bool plans = options_.plan && options_.kernels && !values_wanted && !draws_random_;
    if (plans) {
      MN_ASSIGN(outputs, runner_.walk(*interpreter_, model_->lowering().bodies(), inputs, options, &states));
    } else {
      MN_ASSIGN(outputs, interpreter_->run(inputs, options, &states));
    }
  }
  for (size_t i = 0; i < states.size(); ++i) MN_TRY(check_state(graph.states[i], states[i]));
  states_ = std::move(states);
  return outputs;
}

Result<size_t> Session::state_index(std::string_view name) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < model_->graph().states.size(); ++i) {
    const State& state = model_->graph().states[i];
    if (state.name == name) return i;
    names.push_back(printable(state.name));
  }
  return bad_input({"no state '", printable(name), "'; the model has ", names.empty() ? "none" : join(names, ", ")});
}

Result<Tensor> Session::state(std::string_view name) const {
  return guarded([&]() -> Result<Tensor> {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    MN_ASSIGN(const size_t index, state_index(name));
    return states_[index];
  });
}

Status Session::set_state(std::string_view name, Tensor value) {
  return guarded([&]() -> Status {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    MN_ASSIGN(const size_t index, state_index(name));
    MN_TRY(check_state(model_->graph().states[index], value));
    states_[index] = std::move(value);
    return {};
  });
}

Status Session::reset_states() {
  return guarded([&]() -> Status {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    std::vector<Tensor> initial;
    for (const State& state : model_->graph().states) initial.push_back(state.initial);
    states_ = std::move(initial);
    return {};
  });
}

Result<std::string> Session::save_states() const {
  return guarded([&]() -> Result<std::string> {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    NamedTensors tensors;
    for (size_t i = 0; i < states_.size(); ++i) tensors.emplace_back(model_->graph().states[i].name, states_[i]);
    return safetensors_bytes(tensors);
  });
}

Status Session::load_states(const Bytes& bytes, std::string_view name) {
  return guarded([&]() -> Status {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    MN_ASSIGN(NamedTensors tensors, read_safetensors(bytes, name, options_.limits));
    std::vector<Tensor> loaded(states_.size());
    for (auto& [state, tensor] : tensors) {
      MN_ASSIGN(const size_t index, state_index(state));
      MN_TRY(check_state(model_->graph().states[index], tensor));
      // The bytes may be the caller's or mapped: states outlive them.
      MN_ASSIGN(loaded[index], Tensor::allocate(tensor.dtype(), tensor.dims()));
      if (tensor.bytes() > 0)
        std::memcpy(loaded[index].mutable_data<std::byte>(), tensor.raw().data(), tensor.raw().size());
    }
    for (size_t i = 0; i < loaded.size(); ++i) {
      MN_CHECK(loaded[i].valid(), printable(name), ": holds no state '", printable(model_->graph().states[i].name),
               "'");
    }
    states_ = std::move(loaded);
    return {};
  });
}

}  // namespace minnow
