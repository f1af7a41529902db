#include "kit/vision/face_detector.h"

#include "base/guard.h"
#include "base/text.h"

namespace minnow::kit {
namespace {

// MediaPipe's face_detection_short_range.pbtxt and face_detection_full_range.pbtxt.
struct Variant {
  int64_t side;
  std::vector<int64_t> strides;
  bool interpolated;
  float min_score;
};

std::vector<Variant> variants() { return {{128, {8, 16, 16, 16}, true, 0.5f}, {192, {4}, false, 0.6f}}; }

// The output whose elements are these, whatever the order and the names.
const Tensor* find_output(const std::vector<Datum>& outputs, int64_t elements) {
  for (const Datum& output : outputs) {
    if (output.tensor.dtype() == DType::float32 && output.tensor.size() == elements) return &output.tensor;
  }
  return nullptr;
}

}  // namespace

Result<FaceDetector> FaceDetector::create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  MN_CHECK(model != nullptr, "a face detector needs a model");
  const Graph& graph = model->graph();
  MN_CHECK(graph.inputs.size() == 1 && graph.outputs.size() == 2, printable(model->name()),
           ": expected a BlazeFace model with one input and two outputs, got ", graph.inputs.size(), " and ",
           graph.outputs.size());
  const Type& type = graph.value(graph.inputs[0]).type;
  FaceDetector detector;
  for (const Variant& variant : variants()) {
    if (!(type == Type::tensor(DType::float32, {1, variant.side, variant.side, 3}))) continue;
    detector.side_ = variant.side;
    detector.anchors_ = ssd_anchors(variant.side, variant.side, variant.strides, variant.interpolated);
    detector.decode_.scale = static_cast<float>(variant.side);
    detector.decode_.min_score = variant.min_score;
  }
  MN_CHECK(detector.side_ != 0, printable(model->name()),
           ": expected an input float32[1, 128, 128, 3] or float32[1, 192, 192, 3], got ", to_string(type));
  MN_ASSIGN(detector.session_, Session::create(std::move(model), options));
  return detector;
}

Result<LetterboxedTensor> FaceDetector::input(const Picture& picture) const {
  return guarded([&] { return letterbox(picture, side_, side_, -1, 1); });
}

Result<std::vector<Detection>> FaceDetector::detect(const Picture& picture) {
  return guarded([&]() -> Result<std::vector<Detection>> {
    MN_ASSIGN(const LetterboxedTensor in, input(picture));
    MN_ASSIGN(const std::vector<Datum> outputs, session_->run(std::vector<Datum>{in.tensor}));
    const auto count = static_cast<int64_t>(anchors_.size());
    const Tensor* scores = find_output(outputs, count);
    const Tensor* raw = find_output(outputs, count * (4 + 2 * decode_.points));
    MN_CHECK(scores != nullptr && raw != nullptr, printable(session_->model().name()), ": expected outputs of ", count,
             " scores and ", count, " x ", 4 + 2 * decode_.points, " box numbers");
    std::vector<Detection> faces =
        merge_detections(decode_detections(raw->values<float>(), scores->values<float>(), anchors_, decode_));
    for (Detection& face : faces) face = in.letterbox.to_picture(face);
    return faces;
  });
}

}  // namespace minnow::kit
