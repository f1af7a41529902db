// Pictures: decode, resize to a network's input.
#include "api/picture.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  PictureLimits limits;
  limits.pixels = 1 << 18;
  const Result<Picture> picture = decode_picture(fuzz::bytes_of(data, size), "fuzz", limits);
  if (!picture.ok()) return 0;
  InputContract contract;
  contract.kind = InputContract::Kind::picture;
  contract.height = 9;
  contract.width = 7;
  (void)picture_tensor(*picture, contract).ok();
  return 0;
}
