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

// Tells a NodeObserver about steps.
class StepsAsNodes : public StepObserver {
 public:
  StepsAsNodes(const Lowered& lowered, NodeObserver* observer) : lowered_(lowered), observer_(observer) {}
  Status on_step(const PlanStep& step, int64_t, int64_t duration_ns) override {
    return observer_->on_node(lowered_.graph, lowered_.graph.nodes[static_cast<size_t>(step.node)], {}, 0, duration_ns);
  }

 private:
  const Lowered& lowered_;
  NodeObserver* observer_;
};

Status check_state(const State& state, const Tensor& value) {
  const Tensor& initial = state.initial;
  MN_CHECK(value.dtype() == initial.dtype() && value.dims() == initial.dims(), "state '", printable(state.name),
           "': expected ", to_string(initial.dtype()), to_string(initial.dims()), ", got ", to_string(value.dtype()),
           to_string(value.dims()));
  return {};
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, const SessionOptions& options)
    : model_(std::move(model)), options_(options), budget_(std::make_shared<Budget>(options.limits)) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  return guarded([&]() -> Result<std::unique_ptr<Session>> {
    MN_CHECK(model != nullptr, "a session needs a model");
    MN_CHECK(options.threads >= 0 && options.threads <= kMaxThreads,
             "threads: expected 0 (one for each hardware thread) to ", kMaxThreads, ", got ", options.threads);
    std::unique_ptr<Session> session(new Session(std::move(model), options));
    const int threads = options.threads == 0 ? std::min(hardware_threads(), kMaxThreads) : options.threads;
    if (threads > 1) session->pool_ = std::make_unique<ThreadPool>(threads);
    if (options.kernels) session->kernels_ = make_kernel_provider();
    MN_ASSIGN(Interpreter interpreter, Interpreter::prepare(session->model_->graph(), session->model_->registry()));
    session->interpreter_ = std::make_unique<Interpreter>(std::move(interpreter));
    MN_TRY(session->reset_states());
    return session;
  });
}

Result<std::vector<Datum>> Session::run(std::span<const Datum> inputs, NodeObserver* observer, Trace* trace) {
  return guarded([&]() -> Result<std::vector<Datum>> {
    const Claim claim(busy_);
    MN_TRY(claim.status());
    budget_->restart();
    return run_claimed(inputs, observer, trace);
  });
}

// Sets lowered_ to the plan for these inputs; false where the interpreter must run.
bool Session::find_plan(std::span<const Datum> inputs, const NodeObserver* observer) {
  const bool values_wanted = observer != nullptr && observer->wants_values();
  if (!options_.plan || !options_.kernels || values_wanted) return false;
  if (!check_inputs(model_->graph(), inputs).ok()) return false;  // the interpreter says why
  if (lowered_ != nullptr && fits(lowered_->plan, inputs)) return true;
  std::vector<Type> types;
  for (const Datum& input : inputs) {
    if (input.kind != Datum::Kind::tensor) return false;
    types.push_back(Type::of(input));
  }
  PlanOptions options;
  options.threads = threads();
  lowered_ = model_->lowering().lower(types, options);
  // What cannot fit is left to the interpreter, which names the node that asks for too much.
  if (lowered_ != nullptr && lowered_->plan.run_bytes() > options_.limits.bytes) lowered_ = nullptr;
  return lowered_ != nullptr;
}

Result<std::vector<Datum>> Session::run_claimed(std::span<const Datum> inputs, NodeObserver* observer, Trace* trace) {
  RunOptions options;
  options.budget = budget_;
  options.kernels = kernels_.get();
  options.threads = pool_.get();
  options.observer = observer;
  options.trace = trace;
  options.seed = options_.seed;
  if (find_plan(inputs, observer)) {
    StepsAsNodes steps(*lowered_, observer);
    if (observer != nullptr) observer->on_start(static_cast<int64_t>(lowered_->plan.steps.size()));
    Result<std::vector<Datum>> outputs =
        planned_.run(*lowered_, inputs, states_, options, observer != nullptr ? &steps : nullptr);
    if (!outputs.ok()) return std::move(outputs.error()).in(printable(model_->name()));
    return outputs;
  }
  std::vector<Tensor> states = states_;  // a failed run leaves the states as they were
  Result<std::vector<Datum>> outputs = interpreter_->run(inputs, options, &states);
  if (!outputs.ok()) return std::move(outputs.error()).in(printable(model_->name()));
  for (size_t i = 0; i < states.size(); ++i) {
    Status fits = check_state(model_->graph().states[i], states[i]);
    if (!fits.ok()) return std::move(fits.error()).in(printable(model_->name()));
  }
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
