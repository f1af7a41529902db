// Faces in photographs: BlazeFace (Bazarevsky et al., 2019), MediaPipe's short- and full-range models.
#pragma once

#include <memory>

#include "api/session.h"
#include "kit/vision/letterbox.h"

namespace minnow::kit {

// What the six points of a face are, in order.
inline constexpr std::string_view kFacePoints[] = {"right eye",    "left eye",          "nose tip",
                                                   "mouth centre", "right ear tragion", "left ear tragion"};

class FaceDetector {
 public:
  // A model with one picture input [1, 128, 128, 3] (short range, up to about 2 m) or [1, 192, 192, 3] (full range).
  static Result<FaceDetector> create(std::shared_ptr<const Model> model, const SessionOptions& options = {});

  // The best first, in fractions of the picture.
  Result<std::vector<Detection>> detect(const Picture& picture);

  Session& session() { return *session_; }
  // The tensor that the network sees.
  Result<LetterboxedTensor> input(const Picture& picture) const;

 private:
  FaceDetector() = default;
  std::unique_ptr<Session> session_;
  std::vector<Point> anchors_;
  DecodeOptions decode_;
  int64_t side_ = 0;
};

}  // namespace minnow::kit
