// TensorFlow Lite models: import, passes, one run.
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  minnow::fuzz::open_and_run(minnow::fuzz::bytes_of(data, size), "fuzz.tflite");
  return 0;
}
