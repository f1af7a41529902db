// Text graphs: parse, print and parse again to the same text, passes, one run.
#include <cstdlib>

#include "fuzz.h"
#include "graph/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Bytes bytes = fuzz::bytes_of(data, size);
  const Result<Graph> graph = parse_graph(bytes.text(), "fuzz.mng", fuzz::small_limits());
  if (!graph.ok()) return 0;
  const std::string printed = print_graph(*graph);
  const Result<Graph> again = parse_graph(printed, "printed.mng", fuzz::small_limits());
  // What parses must survive printing: the text form is lossless.
  if (!again.ok() ? again.error().code == ErrorCode::bad_input : print_graph(*again) != printed) std::abort();
  fuzz::open_and_run(bytes, "fuzz.mng");
  return 0;
}
