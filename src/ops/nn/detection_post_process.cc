// detection_post_process: the end of a single-shot detector. Decodes boxes relative to anchors, suppresses those that
// overlap better ones, and returns the best. TensorFlow Lite's custom operator TFLite_Detection_PostProcess
// (tensorflow/lite/kernels/detection_postprocess.cc): decoding in double, overlap in float, of equal scores the first.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

// What the format counts in 32 bits.
constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();

Status expect_count(const InferContext& c, std::string_view name, int64_t least) {
  const int64_t value = c.int_attribute(name);
  MN_CHECK(value >= least && value <= kMaxCount, "attribute '", name, "': expected ", least, " to ", kMaxCount,
           ", got ", value);
  return {};
}

Status expect_options(const InferContext& c) {
  MN_TRY(expect_count(c, "max_detections", 0));
  for (const char* name : {"max_classes_per_detection", "detections_per_class", "num_classes"})
    MN_TRY(expect_count(c, name, 1));
  const float overlap = c.float_attribute("iou_threshold");
  MN_CHECK(overlap > 0 && overlap <= 1, "attribute 'iou_threshold': expected more than 0 and at most 1, got ", overlap);
  MN_CHECK(!std::isnan(c.float_attribute("score_threshold")), "attribute 'score_threshold' is not a number");
  const Floats& scales = c.floats_attribute("scales");
  MN_CHECK(scales.size() == 4, "attribute 'scales': expected 4 values (y, x, height, width), got ", scales.size());
  for (const float scale : scales)
    MN_CHECK(std::isfinite(scale) && scale != 0, "attribute 'scales': expected finite numbers other than 0, got ",
             scale);
  return {};
}

// Boxes [1, N, 4 or more], scores [1, N, classes, or one more: the background first], anchors [N, 4].
Status detection_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 3, "boxes"));
  MN_TRY(c.expect_rank(1, 3, "scores"));
  MN_TRY(c.expect_rank(2, 2, "anchors"));
  for (int i = 0; i < 3; ++i)
    MN_CHECK(c.dtype(i) == DType::float32 || c.dtype(i) == DType::undefined, "input ", i, ": expected float32, got ",
             to_string(c.dtype(i)));
  MN_TRY(expect_options(c));
  const Shape &boxes = c.shape(0), &scores = c.shape(1), &anchors = c.shape(2);
  const auto fits = [](const Dim& a, const Dim& b) { return !a.known() || !b.known() || a.value == b.value; };
  if (boxes.ranked && scores.ranked && anchors.ranked) {
    const Dim &coordinates = boxes.dims[2], &classes = scores.dims[2];
    MN_CHECK(fits(boxes.dims[0], Dim(1)) && fits(scores.dims[0], Dim(1)), "expected one image, got boxes ",
             to_string(boxes), " and scores ", to_string(scores));
    MN_CHECK(!coordinates.known() || coordinates.value >= 4, "boxes: expected at least 4 coordinates, got ",
             coordinates.value);
    MN_CHECK(
        fits(boxes.dims[1], scores.dims[1]) && fits(boxes.dims[1], anchors.dims[0]) && fits(anchors.dims[1], Dim(4)),
        "boxes ", to_string(boxes), ", scores ", to_string(scores), " and anchors ", to_string(anchors),
        " do not fit: expected [1, N, 4], [1, N, classes] and [N, 4]");
    const int64_t stated = c.int_attribute("num_classes");
    MN_CHECK(!classes.known() || classes.value == stated || classes.value == stated + 1, "scores: expected ", stated,
             " classes, or one more for the background, got ", classes.value);
  }
  const int64_t limit = c.int_attribute("max_detections"), classes = c.int_attribute("max_classes_per_detection");
  int64_t rows = 0;
  MN_CHECK(checked_mul(limit, classes, &rows) && rows <= kMaxCount, limit, " detections of ", classes,
           " classes each are too many");
  c.set_output(0, DType::float32, Shape({Dim(1), Dim(rows), Dim(4)}));
  c.set_output(1, DType::float32, Shape({Dim(1), Dim(rows)}));
  c.set_output(2, DType::float32, Shape({Dim(1), Dim(rows)}));
  c.set_output(3, DType::float32, Shape({Dim(1)}));
  return {};
}

struct Corners {
  float y_min, x_min, y_max, x_max;
  float area() const { return (y_max - y_min) * (x_max - x_min); }
};

// y, x, height and width of `box` are relative to those of `anchor`, in units of the scales.
Corners decode(const float* box, const float* anchor, const Floats& scales) {
  const double y = static_cast<double>(box[0]) / scales[0] * anchor[2] + anchor[0];
  const double x = static_cast<double>(box[1]) / scales[1] * anchor[3] + anchor[1];
  const double half_height = 0.5 * std::exp(static_cast<double>(box[2]) / scales[2]) * anchor[2];
  const double half_width = 0.5 * std::exp(static_cast<double>(box[3]) / scales[3]) * anchor[3];
  const auto fy = static_cast<float>(y), fx = static_cast<float>(x);
  const auto fh = static_cast<float>(half_height), fw = static_cast<float>(half_width);
  return {fy - fh, fx - fw, fy + fh, fx + fw};
}

Result<std::vector<Corners>> decode_all(const EvalContext& c) {
  const Tensor &boxes = c.input(0), &anchors = c.input(2);
  const int64_t count = boxes.dim(1), coordinates = boxes.dim(2);
  std::vector<Corners> out;
  out.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const Corners box =
        decode(boxes.data<float>() + i * coordinates, anchors.data<float>() + i * 4, c.floats_attribute("scales"));
    MN_CHECK(!(box.y_min > box.y_max) && !(box.x_min > box.x_max), "box ", i, " ends before it begins: its anchor is ",
             anchors.data<float>()[i * 4 + 2], " high and ", anchors.data<float>()[i * 4 + 3], " wide");
    out.push_back(box);
  }
  return out;
}

// Intersection over union; boxes without area overlap nothing.
float overlap(const Corners& a, const Corners& b) {
  if (a.area() <= 0 || b.area() <= 0) return 0;
  const float height = std::min(a.y_max, b.y_max) - std::max(a.y_min, b.y_min);
  const float width = std::min(a.x_max, b.x_max) - std::max(a.x_min, b.x_min);
  const float intersection = std::max(height, 0.0f) * std::max(width, 0.0f);
  return intersection / (a.area() + b.area() - intersection);
}

// A score's place in an order; one that is not a number comes last.
float rank_of(float score) { return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score; }

// Boxes whose score reaches the threshold and that overlap no better one, best first.
Status suppress(const EvalContext& c, const std::vector<Corners>& boxes, const std::vector<float>& scores,
                int64_t limit, Pace& pace, std::vector<int64_t>& selected) {
  const float least = c.float_attribute("score_threshold"), most = c.float_attribute("iou_threshold");
  std::vector<int64_t> order;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] >= least) order.push_back(static_cast<int64_t>(i));
  }
  const auto score = [&](int64_t i) { return scores[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return score(a) > score(b); });
  selected.clear();
  for (const int64_t candidate : order) {
    if (static_cast<int64_t>(selected.size()) >= limit) break;
    MN_TRY(pace.work(static_cast<int64_t>(selected.size()) + 1));
    const bool covered = std::any_of(selected.begin(), selected.end(), [&](int64_t kept) {
      return overlap(boxes[static_cast<size_t>(kept)], boxes[static_cast<size_t>(candidate)]) > most;
    });
    if (!covered) selected.push_back(candidate);
  }
  return {};
}

struct Detection {
  int64_t box = 0, label = 0;
  float score = 0;
};

void write(EvalContext& c, int64_t row, const Detection& found, const std::vector<Corners>& boxes) {
  const Corners& box = boxes[static_cast<size_t>(found.box)];
  float* corners = c.output(0).mutable_data<float>() + row * 4;
  corners[0] = box.y_min, corners[1] = box.x_min, corners[2] = box.y_max, corners[3] = box.x_max;
  c.output(1).mutable_data<float>()[row] = static_cast<float>(found.label);
  c.output(2).mutable_data<float>()[row] = found.score;
}

// The scores of a box, without the background.
const float* scores_of(const EvalContext& c, int64_t box) {
  const int64_t stored = c.input(1).dim(2);
  return c.input(1).data<float>() + box * stored + stored - c.int_attribute("num_classes");
}

// Suppression within each class, then the best of all. The number of detections.
Result<int64_t> detect_by_class(EvalContext& c, const std::vector<Corners>& boxes, Pace& pace) {
  const auto limit = static_cast<size_t>(c.int_attribute("max_detections"));
  std::vector<Detection> best;
  std::vector<float> scores(boxes.size());
  std::vector<int64_t> selected;
  for (int64_t label = 0; label < c.int_attribute("num_classes") && !boxes.empty(); ++label) {
    MN_TRY(pace.work(static_cast<int64_t>(boxes.size())));
    for (size_t i = 0; i < boxes.size(); ++i) scores[i] = scores_of(c, static_cast<int64_t>(i))[label];
    MN_TRY(suppress(c, boxes, scores, c.int_attribute("detections_per_class"), pace, selected));
    for (const int64_t box : selected) best.push_back({box, label, scores[static_cast<size_t>(box)]});
    std::stable_sort(best.begin(), best.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    best.resize(std::min(best.size(), limit));
  }
  for (size_t i = 0; i < best.size(); ++i) write(c, static_cast<int64_t>(i), best[i], boxes);
  return static_cast<int64_t>(best.size());
}

// Suppression by each box's best score, then the best classes of each box that is left. The number of boxes.
Result<int64_t> detect_by_box(EvalContext& c, const std::vector<Corners>& boxes, Pace& pace) {
  const int64_t classes = c.int_attribute("num_classes"), rows = c.int_attribute("max_classes_per_detection");
  std::vector<float> scores(boxes.size());
  for (size_t i = 0; i < boxes.size(); ++i) {
    const float* all = scores_of(c, static_cast<int64_t>(i));
    MN_TRY(pace.work(classes));
    scores[i] = *std::max_element(all, all + classes, [](float a, float b) { return rank_of(a) < rank_of(b); });
  }
  std::vector<int64_t> selected, labels(boxes.empty() ? 0 : static_cast<size_t>(classes));
  MN_TRY(suppress(c, boxes, scores, c.int_attribute("max_detections"), pace, selected));
  for (size_t k = 0; k < selected.size(); ++k) {
    const float* all = scores_of(c, selected[k]);
    MN_TRY(pace.work(classes));
    std::iota(labels.begin(), labels.end(), 0);
    const int64_t taken = std::min(rows, classes);
    std::partial_sort(labels.begin(), labels.begin() + taken, labels.end(), [&](int64_t a, int64_t b) {
      const float x = rank_of(all[a]), y = rank_of(all[b]);
      return x > y || (x == y && a < b);
    });
    for (int64_t i = 0; i < taken; ++i) {
      const int64_t label = labels[static_cast<size_t>(i)];
      write(c, static_cast<int64_t>(k) * rows + i, {selected[k], label, all[label]}, boxes);
    }
  }
  return static_cast<int64_t>(selected.size());
}

// Rows that no detection takes are zero.
Status detection_reference(EvalContext& c) {
  for (int i = 0; i < 3; ++i) {
    Tensor& out = c.output(i);
    std::fill_n(out.mutable_data<float>(), out.size(), 0.0f);
  }
  MN_ASSIGN(const std::vector<Corners> boxes, decode_all(c));
  Pace pace(c.budget());
  MN_ASSIGN(const int64_t found,
            c.int_attribute("use_regular_nms") != 0 ? detect_by_class(c, boxes, pace) : detect_by_box(c, boxes, pace));
  c.output(3).mutable_data<float>()[0] = static_cast<float>(found);
  return {};
}

// Options are a flexbuffers map, where a whole number may stand for a real one.
Result<float> number(const ImportContext& c, std::string_view name) {
  const Attribute* value = c.node.attributes.find(name);
  MN_CHECK(value != nullptr && value->present(), "option '", name, "' is missing");
  if (const int64_t* whole = value->get<int64_t>()) return static_cast<float>(*whole);
  return c.float_attribute(name, 0);
}

Status import_detection(ImportContext& c) {
  MN_CHECK(c.input_count() == 3 && c.output_count() == 4, "expected 3 inputs and 4 outputs, got ", c.input_count(),
           " and ", c.output_count());
  Attributes attributes;
  for (const char* name : {"max_detections", "max_classes_per_detection", "num_classes"}) {
    MN_CHECK(c.node.attributes.find(name) != nullptr, "option '", name, "' is missing");
    MN_ASSIGN(const int64_t value, c.int_attribute(name, 0));
    attributes.set(name, value);
  }
  MN_ASSIGN(const int64_t per_class, c.int_attribute("detections_per_class", 100));
  MN_ASSIGN(const int64_t regular, c.int_attribute("use_regular_nms", 0));
  MN_ASSIGN(const float score, number(c, "nms_score_threshold"));
  MN_ASSIGN(const float most, number(c, "nms_iou_threshold"));
  Floats scales;
  for (const char* name : {"y_scale", "x_scale", "h_scale", "w_scale"}) {
    MN_ASSIGN(const float scale, number(c, name));
    scales.push_back(scale);
  }
  attributes.set("detections_per_class", per_class);
  attributes.set("use_regular_nms", regular);
  attributes.set("score_threshold", score);
  attributes.set("iou_threshold", most);
  attributes.set("scales", std::move(scales));
  const ValueId inputs[] = {tflite::real(c, 0), tflite::real(c, 1), tflite::real(c, 2)};
  const std::vector<ValueId> out = c.b.add_many(c.op.name, inputs, 4, attributes);
  MN_TRY(c.b.status());
  for (int i = 0; i < 4; ++i) c.set_output(i, out[static_cast<size_t>(i)]);
  return {};
}

// Three boxes of 2 x 2: the second overlaps the first by 3/5 of their union, the third stands apart.
std::vector<Case> detection_cases() {
  const Tensor boxes = Tensor::of<float>({0, 0, 0, 0, 0, 2.5f, 0, 0, 0, 0, 0, 0}, {1, 3, 4});
  const Tensor anchors = Tensor::of<float>({1, 1, 2, 2, 1, 1, 2, 2, 1, 9, 2, 2}, {3, 4});
  const Tensor scores = Tensor::of<float>({0, 0.5f, 0.25f, 0, 0.75f, 0, 0, 0.125f, NAN}, {1, 3, 3});
  const Attributes fast{{"max_detections", 3},     {"max_classes_per_detection", 1}, {"num_classes", 2},
                        {"score_threshold", 0.1f}, {"iou_threshold", 0.5f},          {"scales", Floats{10, 10, 5, 5}}};
  Attributes regular = fast, pairs = fast;
  regular.set("use_regular_nms", 1);
  pairs.set("max_classes_per_detection", 2);
  pairs.set("max_detections", 1);
  const Tensor two = Tensor::of<float>({2}, {1}), one = Tensor::of<float>({1}, {1});
  return {
      {.inputs = {boxes, scores, anchors},
       .attributes = fast,
       .outputs = 4,
       .expected = {Tensor::of<float>({0, 0.5f, 2, 2.5f, 0, 8, 2, 10, 0, 0, 0, 0}, {1, 3, 4}),
                    Tensor::of<float>({0, 0, 0}, {1, 3}), Tensor::of<float>({0.75f, 0.125f, 0}, {1, 3}), two},
       .differentiable = false},
      {.inputs = {boxes, scores, anchors},
       .attributes = regular,
       .outputs = 4,
       .expected = {Tensor::of<float>({0, 0.5f, 2, 2.5f, 0, 0, 2, 2, 0, 8, 2, 10}, {1, 3, 4}),
                    Tensor::of<float>({0, 1, 0}, {1, 3}), Tensor::of<float>({0.75f, 0.25f, 0.125f}, {1, 3}),
                    Tensor::of<float>({3}, {1})},
       .differentiable = false,
       .note = "each class by itself"},
      {.inputs = {boxes, scores, anchors},
       .attributes = pairs,
       .outputs = 4,
       .expected = {Tensor::of<float>({0, 0.5f, 2, 2.5f, 0, 0.5f, 2, 2.5f}, {1, 2, 4}),
                    Tensor::of<float>({0, 1}, {1, 2}), Tensor::of<float>({0.75f, 0}, {1, 2}), one},
       .differentiable = false,
       .note = "two classes of each box"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> detection_post_process() {
  return {{
      .name = "detection_post_process",
      .doc = "Boxes, classes, scores and number of detections from encoded boxes, scores and anchors.",
      .inputs = {3, 3},
      .outputs = {4, 4},
      .attributes = {required("max_detections", AttributeKind::integer),
                     required("num_classes", AttributeKind::integer),
                     required("score_threshold", AttributeKind::real),
                     required("iou_threshold", AttributeKind::real),
                     required("scales", AttributeKind::reals),
                     {"max_classes_per_detection", 1},
                     {"detections_per_class", 100},
                     {"use_regular_nms", 0}},
      .narrow_floats = NarrowFloats::native,
      .infer = detection_infer,
      .reference = detection_reference,
      .imports = {{"tflite.custom", "TFLite_Detection_PostProcess", 1, 1 << 20, import_detection}},
      .cases = detection_cases,
  }};
}

}  // namespace minnow::ops
