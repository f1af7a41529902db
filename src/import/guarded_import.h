// The door of every model importer: its errors name the file, and memory that runs out inside it is an error.
#pragma once

#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "graph/graph.h"

namespace minnow {

template <class Import>
Result<Graph> guarded_import(const Bytes& file, std::string_view name, Import import) {
  const auto fail = [&](Error error) -> Result<Graph> { return std::move(error).in(printable(name)); };
  try {
    Result<Graph> graph = import();
    if (!graph.ok()) return fail(std::move(graph.error()));
    return graph;
  } catch (const std::bad_alloc&) {
    return fail(make_error(ErrorCode::out_of_memory, {"out of memory while importing ", file.size(), " bytes"}));
  } catch (const std::length_error&) {
    return fail(make_error(ErrorCode::out_of_memory, {"a size in the file is too large for this machine"}));
  }
}

}  // namespace minnow
