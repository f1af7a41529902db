// A picture inside a tensor of another shape, its proportions kept, and the way back.
#pragma once

#include "api/picture.h"
#include "kit/vision/detections.h"

namespace minnow::kit {

struct Letterbox {
  // The picture in the tensor, in fractions of the tensor.
  Box inside{0, 0, 1, 1};
  // A point of the tensor as one of the picture, both in fractions.
  Point to_picture(Point p) const { return {(p.x - inside.left) / inside.width, (p.y - inside.top) / inside.height}; }
  Detection to_picture(const Detection& detection) const;
};

struct LetterboxedTensor {
  Tensor tensor;  // float32 [1, height, width, 3], RGB
  Letterbox letterbox;
};

// The whole picture, scaled bilinearly to fit, centred; 0…255 becomes low…high, and so does black for what lies
// outside.
Result<LetterboxedTensor> letterbox(const Picture& picture, int64_t width, int64_t height, float low, float high);

}  // namespace minnow::kit
