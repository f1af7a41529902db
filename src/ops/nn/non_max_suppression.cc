// non_max_suppression: per image and class, keeps boxes by falling score that overlap no kept box by more than a
// threshold.
#include <algorithm>
#include <cmath>

#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

// boxes [N, boxes, 4], scores [N, classes, boxes] -> [selected, 3]: image, class, box.
Status suppression_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 3, "boxes"));
  MN_TRY(c.expect_rank(1, 3, "scores"));
  MN_TRY(expect_integers(c, 2, "max_output_boxes_per_class"));
  MN_TRY(expect_real(c, 3, "iou_threshold"));
  MN_TRY(expect_real(c, 4, "score_threshold"));
  const Shape &boxes = c.shape(0), &scores = c.shape(1);
  if (boxes.ranked)
    MN_CHECK(!boxes.dims[2].known() || boxes.dims[2].value == 4, "boxes: expected 4 coordinates, got ",
             boxes.dims[2].value);
  if (boxes.ranked && scores.ranked) {
    const auto fits = [](const Dim& a, const Dim& b) { return !a.known() || !b.known() || a.value == b.value; };
    MN_CHECK(fits(boxes.dims[0], scores.dims[0]) && fits(boxes.dims[1], scores.dims[2]), "boxes ", to_string(boxes),
             " and scores ", to_string(scores), " do not fit");
  }
  for (int i = 2; i < 5; ++i) {
    MN_CHECK(!c.has_input(i) || !c.shape(i).static_dims() || element_count(c.shape(i).to_dims()) <= 1, "input ", i,
             ": expected one value, got ", to_string(c.shape(i)));
  }
  c.set_output(0, DType::int64, Shape({Dim(), Dim(3)}));
  return {};
}

struct Box {
  double x_min, y_min, x_max, y_max;
  double area() const { return (x_max - x_min) * (y_max - y_min); }
};

Box box_at(const double* values, bool center) {
  if (center)
    return {values[0] - values[2] / 2, values[1] - values[3] / 2, values[0] + values[2] / 2, values[1] + values[3] / 2};
  return {std::min(values[1], values[3]), std::min(values[0], values[2]), std::max(values[1], values[3]),
          std::max(values[0], values[2])};
}

// Whether intersection over union exceeds the threshold. In float32, the type of the boxes: a ratio at the threshold
// stays.
bool overlap(const Box& a, const Box& b, float threshold) {
  const double width = std::min(a.x_max, b.x_max) - std::max(a.x_min, b.x_min),
               height = std::min(a.y_max, b.y_max) - std::max(a.y_min, b.y_min);
  if (!(width > 0 && height > 0) || !(a.area() > 0 && b.area() > 0)) return false;
  const double intersection = width * height;
  return static_cast<float>(intersection / (a.area() + b.area() - intersection)) > threshold;
}

struct Selection {
  int64_t limit = 0;
  float overlap_threshold = 0;
  std::optional<double> score_threshold;
  bool center = false;
};

// Boxes of one image and class, best first; of equal scores the first box. NaN scores are never selected.
Status select(const double* boxes, const double* scores, int64_t count, const Selection& rules, Pace& pace,
              std::vector<int64_t>& selected) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(scores[i]) || (rules.score_threshold && !(scores[i] > *rules.score_threshold))) continue;
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  for (int64_t candidate : order) {
    if (static_cast<int64_t>(selected.size()) >= rules.limit) break;
    const Box box = box_at(boxes + candidate * 4, rules.center);
    MN_TRY(pace.work(static_cast<int64_t>(selected.size()) + 1));
    const bool covered = std::any_of(selected.begin(), selected.end(), [&](int64_t kept) {
      return overlap(box, box_at(boxes + kept * 4, rules.center), rules.overlap_threshold);
    });
    if (!covered) selected.push_back(candidate);
  }
  return {};
}

Status suppression_reference(EvalContext& c) {
  const auto first = [&](int i) -> std::optional<double> {
    if (!c.has_input(i) || c.input(i).size() == 0) return std::nullopt;
    return to_doubles(c.input(i))[0];
  };
  Selection rules;
  rules.limit = c.has_input(2) && c.input(2).size() > 0 ? to_ints(c.input(2))[0] : 0;
  rules.overlap_threshold = static_cast<float>(first(3).value_or(0.0));
  rules.score_threshold = first(4);
  rules.center = c.int_attribute("center_point_box") != 0;
  MN_CHECK(rules.overlap_threshold >= 0 && rules.overlap_threshold <= 1, "iou_threshold must be in [0, 1], got ",
           rules.overlap_threshold);
  const int64_t images = c.input(1).dim(0), classes = c.input(1).dim(1), count = c.input(1).dim(2);
  MN_ASSIGN(const Tensor boxes, convert_dtype(c.input(0), DType::float64, c.budget()));
  MN_ASSIGN(const Tensor scores, convert_dtype(c.input(1), DType::float64, c.budget()));
  std::vector<int64_t> rows;
  Pace pace(c.budget());
  for (int64_t n = 0; n < images && count > 0; ++n) {
    for (int64_t k = 0; k < classes; ++k) {
      std::vector<int64_t> selected;
      MN_TRY(pace.work(count));
      MN_TRY(select(boxes.data<double>() + n * count * 4, scores.data<double>() + (n * classes + k) * count, count,
                    rules, pace, selected));
      for (int64_t box : selected) rows.insert(rows.end(), {n, k, box});
    }
  }
  MN_ASSIGN(Tensor* const out, c.allocate_output(0, {static_cast<int64_t>(rows.size()) / 3, 3}));
  std::copy(rows.begin(), rows.end(), out->mutable_data<int64_t>());
  return {};
}

std::vector<Case> suppression_cases() {
  const Tensor boxes = Tensor::of<float>({0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, -0.1f, 1, 0.9f, 0, 10, 1, 11}, {1, 4, 4});
  const Tensor centers =
      Tensor::of<float>({0.5f, 0.5f, 1, 1, 0.6f, 0.5f, 1, 1, 0.4f, 0.5f, 1, 1, 10.5f, 0.5f, 1, 1}, {1, 4, 4});
  const Tensor scores = Tensor::of<float>({0.9f, 0.75f, 0.6f, 0.95f}, {1, 1, 4});
  const Tensor many = Tensor::scalar<int64_t>(10), half = Tensor::scalar(0.5f);
  return {
      {.inputs = {boxes, scores, many, half, Tensor::scalar(0.0f)},
       .expected = {Tensor::of<int64_t>({0, 0, 3, 0, 0, 0}, {2, 3})}},
      {.inputs = {centers, scores, many, half},
       .attributes = {{"center_point_box", 1}},
       .expected = {Tensor::of<int64_t>({0, 0, 3, 0, 0, 0}, {2, 3})}},
      {.inputs = {boxes, scores, Tensor::scalar<int64_t>(1), half, Tensor::scalar(0.4f)},
       .expected = {Tensor::of<int64_t>({0, 0, 3}, {1, 3})}},
      {.inputs = {boxes, scores}, .expected = {Tensor::of<int64_t>({}, {0, 3})}, .note = "no limit given: nothing"},
      {.inputs = {boxes, Tensor::of<float>({0.5f, NAN, 0.5f, NAN}, {1, 1, 4}), many, Tensor::scalar(1.0f)},
       .expected = {Tensor::of<int64_t>({0, 0, 0, 0, 0, 2}, {2, 3})},
       .note = "ties and NaN"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> non_max_suppression() {
  return {{
      .name = "non_max_suppression",
      .doc = "Indices of boxes that overlap no better box.",
      .inputs = {2, 5},
      .attributes = {{"center_point_box", 0}},
      .infer = suppression_infer,
      .reference = suppression_reference,
      .imports = {{"ai.onnx", "NonMaxSuppression"}},
      .exports = {{"ai.onnx", "NonMaxSuppression", 11}},
      .cases = suppression_cases,
  }};
}

}  // namespace minnow::ops
