// Values in .pb files. The first byte says which message is expected.
#include "import/onnx/value.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  if (size == 0) return 0;
  const Type tensor = Type::tensor(DType::undefined);
  const Type types[] = {tensor, Type::sequence(tensor), Type::optional(tensor), Type::optional(Type::sequence(tensor))};
  const Type& type = types[data[0] % 4];
  const Result<Datum> value =
      read_onnx_value(fuzz::bytes_of(data + 1, size - 1), "fuzz.pb", type, fuzz::small_limits());
  if (value.ok()) (void)write_onnx_value(*value, "again", type).ok();
  return 0;
}
