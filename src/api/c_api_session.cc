// The C interface: sessions.
#include <optional>

#include "api/c_api.h"
#include "base/text.h"

using namespace minnow;
using namespace minnow::c_api;

struct mn_session : Counted {
  std::unique_ptr<Session> session;
  std::vector<Datum> inputs, outputs;
  std::vector<bool> bound;
  std::vector<OutputBuffer> buffers;            // one an output
  std::vector<std::vector<mn_string>> strings;  // views of the outputs' strings
  mn_progress_callback progress = nullptr;
  void* progress_user = nullptr;
  std::atomic<bool> busy{false};

  const Graph& graph() const { return session->model().graph(); }
};

namespace {

// One call at a time: a second thread is told so instead of racing. Keeps the handle alive until the call returns.
class Use {
 public:
  explicit Use(mn_session* handle) : handle_(handle), held_(!handle->busy.exchange(true, std::memory_order_acquire)) {
    retain(handle_);
  }
  ~Use() {
    if (held_) handle_->busy.store(false, std::memory_order_release);
    release(handle_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Status status() const {
    if (held_) return {};
    return bad_input(
        {"the session is in use by another thread; give each thread its own session, they share the model"});
  }

 private:
  mn_session* handle_;
  bool held_;
};

// body(session) under the claim.
template <class F>
mn_status with_session(mn_session* handle, F&& body) {
  return enter([&]() -> Status {
    MN_CHECK(handle != nullptr, "the session is null");
    const Use use(handle);
    MN_TRY(use.status());
    return body(*handle);
  });
}

class ProgressObserver : public NodeObserver {
 public:
  explicit ProgressObserver(const mn_session& handle) : callback_(handle.progress), user_(handle.progress_user) {}
  bool wants_values() const override { return false; }
  void on_start(int64_t nodes) override { total_ = static_cast<double>(nodes); }
  Status on_node(const Graph&, const Node& node, std::span<const Datum>, int depth, int64_t) override {
    if (depth > 0) return {};
    if (callback_(user_, ++done_ / total_, node.name.c_str()) == 0) return {};
    return make_error(ErrorCode::cancelled, {"cancelled by the progress callback"});
  }

 private:
  mn_progress_callback callback_;
  void* user_;
  double total_ = 1;
  double done_ = 0;
};

Status check_index(int32_t index, size_t count, std::string_view what) {
  MN_CHECK(index >= 0 && static_cast<size_t>(index) < count, what, " index: the model has ", count, ", got ", index);
  return {};
}

Status bind_input(mn_session& s, int32_t index, Datum datum) {
  MN_TRY(check_index(index, s.inputs.size(), "input"));
  const size_t i = static_cast<size_t>(index);
  MN_TRY(check_input(s.graph().value(s.graph().inputs[i]), datum));
  s.inputs[i] = std::move(datum);
  s.bound[i] = true;
  return {};
}

Status run_bound(mn_session& s) {
  std::vector<std::string> missing;
  for (size_t i = 0; i < s.inputs.size(); ++i) {
    const Value& value = s.graph().value(s.graph().inputs[i]);
    if (!s.bound[i] && value.type.kind != Type::Kind::optional) missing.push_back(printable(value.name));
  }
  MN_CHECK(missing.empty(), "no data bound to input ", join(missing, ", "));
  std::optional<ProgressObserver> observer;
  if (s.progress != nullptr) observer.emplace(s);
  return s.session->run_into(s.inputs, s.buffers, s.outputs, observer.has_value() ? &*observer : nullptr);
}

Result<const Datum*> output_at(const mn_session& s, int32_t index) {
  MN_TRY(check_index(index, s.buffers.size(), "output"));
  MN_CHECK(static_cast<size_t>(index) < s.outputs.size(), "the session has not run yet");
  return &s.outputs[static_cast<size_t>(index)];
}

}  // namespace

mn_status mn_session_create(const mn_model* model, const mn_options* options, mn_session** session) {
  return enter([&]() -> Status {
    MN_CHECK(model != nullptr && session != nullptr, "null argument");
    *session = nullptr;
    MN_ASSIGN(const mn_options taken, take_options(options));
    SessionOptions wanted;
    wanted.limits = limits_of(taken);
    wanted.threads = taken.threads;
    wanted.seed = taken.seed;
    auto handle = std::make_unique<mn_session>();
    MN_ASSIGN(handle->session, Session::create(model->model, wanted));
    handle->inputs.resize(handle->graph().inputs.size());
    handle->bound.resize(handle->inputs.size());
    handle->buffers.resize(handle->graph().outputs.size());
    handle->strings.resize(handle->buffers.size());
    handle->progress = taken.progress;
    handle->progress_user = taken.progress_user;
    *session = handle.release();
    return {};
  });
}

void mn_session_release(mn_session* session) {
  mn_session_cancel(session);
  release(session);
}

mn_status mn_session_set_input(mn_session* session, int32_t index, const mn_tensor* tensor) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_ASSIGN(Tensor taken, take_tensor(tensor, false));
    return bind_input(s, index, Datum(std::move(taken)));
  });
}

mn_status mn_session_set_input_value(mn_session* session, int32_t index, const mn_value* value) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(value != nullptr, "the value is null");
    return bind_input(s, index, value->datum);
  });
}

mn_status mn_session_set_output(mn_session* session, int32_t index, void* buffer, size_t bytes) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_TRY(check_index(index, s.buffers.size(), "output"));
    s.buffers[static_cast<size_t>(index)] = {buffer, bytes};
    return {};
  });
}

mn_status mn_session_run(mn_session* session) {
  return with_session(session, [](mn_session& s) { return run_bound(s); });
}

mn_status mn_session_output(mn_session* session, int32_t index, mn_tensor* view) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(view != nullptr, "null argument");
    MN_ASSIGN(const Datum* datum, output_at(s, index));
    MN_CHECK(datum->kind == Datum::Kind::tensor, "output ", index,
             " is not a tensor: read it with mn_session_output_value");
    return fill_view(datum->tensor, s.strings[static_cast<size_t>(index)], view);
  });
}

mn_status mn_session_output_value(mn_session* session, int32_t index, mn_value** value) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(value != nullptr, "null argument");
    *value = nullptr;
    MN_ASSIGN(const Datum* datum, output_at(s, index));
    return give_datum(*datum, value);
  });
}

void mn_session_cancel(mn_session* session) {
  if (session != nullptr) session->session->cancel();
}

mn_status mn_session_get_state(mn_session* session, const char* name, mn_value** value) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(name != nullptr && value != nullptr, "null argument");
    *value = nullptr;
    MN_ASSIGN(Tensor state, s.session->state(name));
    return give_datum(Datum(std::move(state)), value);
  });
}

mn_status mn_session_set_state(mn_session* session, const char* name, const mn_tensor* tensor) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(name != nullptr, "null argument");
    MN_ASSIGN(Tensor copy, take_tensor(tensor, true));
    return s.session->set_state(name, std::move(copy));
  });
}

mn_status mn_session_reset_states(mn_session* session) {
  return with_session(session, [](mn_session& s) { return s.session->reset_states(); });
}

mn_status mn_session_save_states(mn_session* session, const char* path) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(path != nullptr, "null argument");
    MN_ASSIGN(const std::string bytes, s.session->save_states());
    return write_file_atomically(path, bytes);
  });
}

mn_status mn_session_load_states(mn_session* session, const char* path) {
  return with_session(session, [&](mn_session& s) -> Status {
    MN_CHECK(path != nullptr, "null argument");
    MN_ASSIGN(const Bytes bytes, read_file(path, s.session->budget().limits().bytes));
    return s.session->load_states(bytes, path);
  });
}
