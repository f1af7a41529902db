#include "base/guard.h"

namespace minnow {

Error error_of_current_exception() noexcept {
  Error error;  // moved from nothing: the texts below fit a string's own storage or are lost with the memory
  try {
    throw;
  } catch (const std::bad_alloc&) {
    error.code = ErrorCode::out_of_memory;
    error.message = "out of memory";
  } catch (const std::exception& exception) {
    error.code = ErrorCode::internal;
    try {
      error.message = exception.what();
    } catch (...) {
      error.code = ErrorCode::out_of_memory;
    }
  } catch (...) {
    error.code = ErrorCode::internal;
  }
  return error;
}

}  // namespace minnow
