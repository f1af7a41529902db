// The door between the library and its callers: exceptions of the standard library and of parsers end here as errors.
#pragma once

#include <exception>
#include <new>

#include "base/result.h"

namespace minnow {

// The error of the exception being handled. Allocates nothing large: it may run when memory is short.
Error error_of_current_exception() noexcept;

// body() returns a Result or a Status; what it throws becomes its error.
template <class F>
auto guarded(F&& body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return error_of_current_exception();
  }
}

}  // namespace minnow
