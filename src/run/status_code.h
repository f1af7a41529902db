// Errors as the C interfaces name them.
#pragma once

#include "base/result.h"
#include "minnow/minnow.h"

namespace minnow {

inline mn_status status_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_input: return MN_BAD_INPUT;
    case ErrorCode::unsupported: return MN_UNSUPPORTED;
    case ErrorCode::limit: return MN_LIMIT;
    case ErrorCode::out_of_memory: return MN_OUT_OF_MEMORY;
    case ErrorCode::cancelled: return MN_CANCELLED;
    case ErrorCode::io: return MN_IO;
    case ErrorCode::internal: return MN_INTERNAL;
  }
  return MN_INTERNAL;
}

}  // namespace minnow
