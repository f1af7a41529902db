// What the sources of the C interface share: handles, errors, views. The contract is include/minnow/minnow.h.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/guard.h"
#include "api/model.h"
#include "api/session.h"
#include "minnow/minnow.h"

namespace minnow::c_api {

// A count of owners; the last one deletes.
struct Counted {
  std::atomic<int32_t> references{1};
};
template <class Handle>
void retain(Handle* handle) {
  handle->references.fetch_add(1, std::memory_order_relaxed);
}
template <class Handle>
void release(Handle* handle) {
  if (handle != nullptr && handle->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete handle;
}

// Remembers the error for mn_last_error and gives its code.
mn_status fail(const Error& error) noexcept;

// body() returns Status. Nothing is thrown out of here.
template <class F>
mn_status enter(F&& body) noexcept {
  const Status status = guarded(body);
  return status.ok() ? MN_OK : fail(status.error());
}

// The registry of own operators and the texts that its definitions refer to.
struct OperatorSet {
  std::deque<std::string> texts;
  Registry registry{&Registry::builtin()};
};

Status fill_port(std::string_view name, const Type& type, mn_port* port);
// A view of a tensor; `strings` receives the views of its strings.
Status fill_view(const Tensor& tensor, std::vector<mn_string>& strings, mn_tensor* view);
// The caller's data as a tensor: borrowed where `copy` is false and they are not strings.
Result<Tensor> take_tensor(const mn_tensor* tensor, bool copy);
// Checks rank and dims (negative ones only where `partly` allows).
Result<Dims> take_dims(int32_t rank, const int64_t* dims, bool partly);
Result<DType> take_dtype(mn_dtype dtype);
// The datum as a value of its own.
Status give_datum(Datum datum, mn_value** out);
Limits limits_of(const mn_options& options);
// The caller's options, or the defaults.
Result<mn_options> take_options(const mn_options* options);

}  // namespace minnow::c_api

struct mn_model : minnow::c_api::Counted {
  std::shared_ptr<const minnow::Model> model;
};

struct mn_value : minnow::c_api::Counted {
  minnow::Datum datum;
  std::vector<mn_string> strings;
};

struct mn_operators : minnow::c_api::Counted {
  std::shared_ptr<minnow::c_api::OperatorSet> set = std::make_shared<minnow::c_api::OperatorSet>();
};
