// Hostile attributes and data of the spatial operators: every one must end in an error that says why, or in a defined
// result.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/cases.h"
#include "ops/expect_error_test_util.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

Tensor image() { return random_tensor(DType::float32, {1, 4, 6, 6}, 1); }
Tensor kernel() { return random_tensor(DType::float32, {4, 4, 3, 3}, 2); }
Tensor ints(Dims values) { return Tensor::of_ints(values); }

TEST(NnRobustness, ConvolutionAttributes) {
  const Ints square{1, 1};
  expect_error("conv", {image(), kernel()}, {{"strides", Ints{0, 1}}}, "strides must be in [1");
  expect_error("conv", {image(), kernel()}, {{"strides", Ints{1, -1}}}, "strides must be in [1");
  expect_error("conv", {image(), kernel()}, {{"strides", Ints{1}}}, "'strides': expected 2 values, got 1");
  expect_error("conv", {image(), kernel()}, {{"dilations", Ints{0, 1}}}, "dilations must be in [1");
  expect_error("conv", {image(), kernel()}, {{"dilations", Ints{1 << 30, 1 << 30}}}, "does not fit into an input of 6");
  expect_error("conv", {image(), kernel()}, {{"dilations", Ints{int64_t{1} << 62, 1}}}, "dilations must be in [1");
  expect_error("conv", {image(), kernel()}, {{"group", 0}}, "'group' must be at least 1");
  expect_error("conv", {image(), kernel()}, {{"group", 3}}, "group 3 does not divide the 4 input channels");
  expect_error("conv", {image(), kernel()}, {{"group", 2}}, "takes 4 x 2");
  expect_error("conv", {image(), kernel()}, {{"pads", Ints{-100, 0, 0, 0}}}, "does not fit");
  expect_error("conv", {image(), kernel()}, {{"pads", Ints{0, std::numeric_limits<int64_t>::max(), 0, 0}}},
               "pads must be in");
  expect_error("conv", {image(), kernel()}, {{"auto_pad", "SAME"}}, "expected NOTSET, VALID");
  expect_error("conv", {image(), kernel()}, {{"kernel_shape", Ints{3, 4}}}, "does not fit weight");
  expect_error("conv", {image(), kernel()}, {{"data_layout", "HWCN"}}, "expected NCHW or NHWC");
  expect_error("conv", {image(), kernel(), random_tensor(DType::float32, {3}, 1)}, {}, "bias has 3 values");
  expect_error("conv", {image(), random_tensor(DType::float32, {4, 4, 0, 3}, 1)}, {}, "kernel sizes must be in [1");
  expect_error("conv", {random_tensor(DType::float32, {4, 6}, 1), random_tensor(DType::float32, {4, 6}, 1)}, {},
               "expected 3-D to 5-D");
  expect_error("conv", {image(), random_tensor(DType::float64, {4, 4, 3, 3}, 1)}, {}, "float64");
  // A padding bomb ends at the memory limit before anything is computed.
  EXPECT_FALSE(evaluate("conv", std::vector<Datum>{image(), kernel()}, {{"pads", Ints{1 << 28, 1 << 28, 0, 0}}}).ok());
  expect_error("conv_transpose", {image(), kernel()}, {{"output_padding", Ints{5, 5}}}, "must be less than stride");
  expect_error("conv_transpose", {image(), kernel()}, {{"strides", Ints{0, 1}}}, "strides must be in [1");
  expect_error("conv_transpose", {image(), kernel()}, {{"output_shape", Ints{-1, 4}}}, "must not be negative");
  EXPECT_FALSE(
      evaluate("conv_transpose", std::vector<Datum>{image(), kernel()}, {{"strides", Ints{1 << 30, 1 << 30}}}).ok());
}

TEST(NnRobustness, PoolAttributes) {
  for (const char* op : {"max_pool", "average_pool", "lp_pool"}) {
    expect_error(op, {image()}, {{"kernel_shape", Ints{0, 2}}}, "sizes must be at least 1");
    expect_error(op, {image()}, {{"kernel_shape", Ints{2}}}, "expected 2 values");
    expect_error(op, {image()}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{0, 1}}}, "strides must be in [1");
    expect_error(op, {image()}, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{-100, 0, 0, 0}}}, "pads must be in [0");
    expect_error(op, {image()}, {{"kernel_shape", Ints{1 << 30, 1 << 30}}}, "does not fit");
  }
  // A window that lies in the padding altogether has the lowest value.
  const auto outside = evaluate("max_pool", std::vector<Datum>{Tensor::of<float>({1}, {1, 1, 1})},
                                {{"kernel_shape", Ints{1}}, {"pads", Ints{2, 0}}}, 2);
  ASSERT_TRUE(outside.ok());
  EXPECT_EQ((*outside)[0].tensor.data<float>()[0], -std::numeric_limits<float>::infinity());
  EXPECT_EQ((*outside)[0].tensor.data<float>()[2], 1.0f);
  const auto nan =
      evaluate("max_pool", std::vector<Datum>{Tensor::of<float>({NAN, 1, 2}, {1, 1, 3})}, {{"kernel_shape", Ints{2}}});
  ASSERT_TRUE(nan.ok());
  EXPECT_TRUE(std::isnan((*nan)[0].tensor.data<float>()[0]));
  EXPECT_EQ((*nan)[0].tensor.data<float>()[1], 2.0f);
  const Tensor values = Tensor::of<float>({1, 2}, {1, 1, 2});
  const Attributes two{{"kernel_shape", Ints{2}}, {"strides", Ints{2}}};
  EXPECT_FALSE(evaluate("max_unpool", std::vector<Datum>{values, Tensor::of<int64_t>({0, 99}, {1, 1, 2})}, two).ok());
  EXPECT_FALSE(evaluate("max_unpool", std::vector<Datum>{values, Tensor::of<int64_t>({0, -99}, {1, 1, 2})}, two).ok());
}

TEST(NnRobustness, BlocksAndPads) {
  expect_error("depth_to_space", {image()}, {{"blocksize", 0}}, "'blocksize' must be in [1");
  expect_error("depth_to_space", {image()}, {{"blocksize", 3}}, "9 does not divide dimension 4");
  expect_error("space_to_depth", {image()}, {{"blocksize", -2}}, "'blocksize' must be in [1");
  expect_error("space_to_depth", {image()}, {{"blocksize", 4}}, "4 does not divide dimension 6");
  const Tensor row = Tensor::of<float>({1, 2, 3}, {3}), empty = Tensor::of<float>({}, {0});
  const int64_t huge = std::numeric_limits<int64_t>::max();
  expect_error("pad", {row, ints({1})}, {}, "expected 2 values");
  expect_error("pad", {row, ints({-2, -2})}, {}, "do not fit a dimension of 3");
  expect_error("pad", {row, ints({huge, huge})}, {}, "do not fit a dimension of 3");
  expect_error("pad", {row, ints({1, 1}), {}, ints({7})}, {}, "axis 7 is outside");
  expect_error("pad", {row, ints({1, 1, 1, 1}), {}, ints({0, -1})}, {}, "padded twice");
  expect_error("pad", {empty, ints({1, 1})}, {{"mode", "reflect"}}, "nothing to repeat");
  expect_error("pad", {row, ints({std::numeric_limits<int64_t>::min(), huge})}, {{"mode", "wrap"}},
               "nothing to repeat");
  expect_error("pad", {row, ints({1, 1})}, {{"mode", "mirror"}}, "expected constant, reflect");
  EXPECT_FALSE(evaluate("pad", std::vector<Datum>{row, ints({int64_t{1} << 40, 0})}).ok());
  expect_error("center_crop_pad", {row, ints({-1})}, {}, "must not be negative");
}

TEST(NnRobustness, Sampling) {
  const Tensor row = Tensor::of<float>({1, 2, 3}, {3});
  const auto scale = [](float value) { return Tensor::of<float>({value}, {1}); };
  for (float bad : {0.0f, -1.0f, std::nanf(""), HUGE_VALF})
    expect_error("resize", {row, {}, scale(bad)}, {}, "finite and positive");
  EXPECT_FALSE(evaluate("resize", std::vector<Datum>{image(), {}, Tensor::of<float>({1, 1, 1e9f, 1e9f}, {4})}).ok());
  EXPECT_FALSE(evaluate("resize", std::vector<Datum>{row, {}, scale(1e30f)}).ok());
  expect_error("resize", {row, {}, scale(2), ints({6})}, {}, "exactly one of scales and sizes");
  expect_error("resize", {row}, {}, "exactly one of scales and sizes");
  expect_error("resize", {row, {}, {}, ints({-3})}, {}, "must not be negative");
  expect_error("resize", {Tensor::of<float>({}, {0}), {}, {}, ints({3})}, {}, "empty dimension");
  expect_error("resize", {row, {}, scale(2)}, {{"coordinate_transformation_mode", "tf_crop_and_resize"}},
               "needs 2 values");
  const Tensor wild = Tensor::of<float>({std::nanf(""), HUGE_VALF}, {2});
  const auto cropped = evaluate(
      "resize", std::vector<Datum>{row, wild, scale(2)},
      {{"coordinate_transformation_mode", "tf_crop_and_resize"}, {"extrapolation_value", 7.0f}, {"mode", "cubic"}});
  ASSERT_TRUE(cropped.ok());
  for (float value : (*cropped)[0].tensor.values<float>()) EXPECT_EQ(value, 7.0f);
  const Tensor points = Tensor::of<float>({HUGE_VALF, -HUGE_VALF, std::nanf(""), 1e30f}, {1, 4, 1});
  for (const char* padding : {"zeros", "border", "reflection"}) {
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      const auto sampled = evaluate("grid_sample", std::vector<Datum>{row.reshaped({1, 1, 3}), points},
                                    {{"padding_mode", padding}, {"mode", mode}});
      ASSERT_TRUE(sampled.ok()) << sampled.error().message;
      for (float value : (*sampled)[0].tensor.values<float>()) EXPECT_TRUE(std::isfinite(value));
    }
  }
}

TEST(NnRobustness, Regions) {
  const Tensor roi = Tensor::of<float>({0, 0, 2, 2}, {1, 4});
  expect_error("roi_align", {image(), roi, ints({1})}, {}, "1 is outside [0, 1)");
  expect_error("roi_align", {image(), roi, ints({-1})}, {}, "-1 is outside [0, 1)");
  expect_error("roi_align", {image(), roi, ints({0})}, {{"sampling_ratio", int64_t{1} << 40}},
               "'sampling_ratio' must be in");
  expect_error("roi_align", {image(), Tensor::of<float>({0, 0, 1e30f, 1}, {1, 4}), ints({0})}, {}, "too large");
  expect_error("roi_align", {image(), Tensor::of<float>({0, 0, std::nanf(""), 1}, {1, 4}), ints({0})}, {},
               "not finite");
  expect_error("max_roi_pool", {image(), Tensor::of<float>({2, 0, 0, 1, 1}, {1, 5})}, {{"pooled_shape", Ints{1, 1}}},
               "batch index 2");
  expect_error("max_roi_pool", {image(), Tensor::of<float>({0, 0, 0, HUGE_VALF, 1}, {1, 5})},
               {{"pooled_shape", Ints{1, 1}}}, "not finite");
  const Tensor boxes = Tensor::of<float>({0, 0, std::nanf(""), 1, 0, 0, 1, 1}, {1, 2, 4}),
               scores = Tensor::of<float>({0.5f, 0.4f}, {1, 1, 2});
  const auto kept =
      evaluate("non_max_suppression", std::vector<Datum>{boxes, scores, Tensor::scalar(int64_t{1} << 40)});
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ((*kept)[0].tensor.dims(), (Dims{2, 3}));
  expect_error("non_max_suppression", {boxes, scores, Tensor::scalar<int64_t>(1), Tensor::scalar(2.0f)}, {},
               "iou_threshold must be in [0, 1]");
  expect_error("col2im", {Tensor::of<float>({1, 2}, {1, 1, 2}), ints({4}), ints({0})}, {}, "must be positive");
  expect_error("col2im", {Tensor::of<float>({1, 2}, {1, 1, 2}), ints({4}), ints({int64_t{1} << 40})}, {},
               "kernel sizes must be in");
}

// Inputs that carry sizes and indices must not be text or fractions.
TEST(NnRobustness, ArgumentTypes) {
  const Tensor text = Tensor::of_strings({"1", "2"}, {2}), row = Tensor::of<float>({1, 2}, {2});
  expect_error("pad", {row, row}, {}, "pads: expected integers, got float32");
  expect_error("pad", {row, text}, {}, "pads: expected integers, got string");
  expect_error("pad", {row, ints({1, 1}), {}, text}, {}, "axes: expected integers");
  expect_error("center_crop_pad", {row, row}, {}, "shape: expected integers");
  expect_error("resize", {row, {}, text}, {}, "scales: expected real numbers");
  expect_error("resize", {row, {}, {}, row}, {}, "sizes: expected integers");
  expect_error("affine_grid", {random_tensor(DType::float32, {1, 2, 3}, 1), text}, {}, "size: expected integers");
  expect_error("roi_align", {image(), random_tensor(DType::float32, {1, 4}, 1), Tensor::of<float>({0}, {1})}, {},
               "batch_indices: expected integers");
  expect_error("col2im", {random_tensor(DType::float32, {1, 1, 2}, 1), row, ints({1})}, {}, "image_shape: expected");
  const Tensor boxes = random_tensor(DType::float32, {1, 2, 4}, 1),
               scores = random_tensor(DType::float32, {1, 1, 2}, 2);
  expect_error("non_max_suppression", {boxes, scores, ints({1}), row}, {}, "expected one value");
  expect_error("non_max_suppression", {boxes, scores, Tensor::of_strings({"1"}, {})}, {}, "expected integers");
}

TEST(NnRobustness, LossTargets) {
  const Tensor scores = random_tensor(DType::float32, {2, 3}, 1);
  EXPECT_FALSE(
      evaluate("softmax_cross_entropy_loss", std::vector<Datum>{scores, Tensor::of<int64_t>({0, 3}, {2})}).ok());
  expect_error("softmax_cross_entropy_loss", {scores, Tensor::of<int64_t>({0, 1, 2}, {3})}, {}, "does not fit scores");
  expect_error("softmax_cross_entropy_loss", {scores, Tensor::of<int64_t>({0, 1}, {2})}, {{"reduction", "max"}},
               "expected none, sum or mean");
  expect_error("group_normalization", {image(), scores, scores}, {{"num_groups", 3}}, "does not divide the 4 channels");
  expect_error("group_normalization", {image(), scores, scores}, {{"num_groups", 0}},
               "'num_groups' must be at least 1");
  expect_error("lrn", {image()}, {{"size", 0}}, "'size' must be in [1");
  expect_error("layer_normalization", {image(), Tensor::of<float>({1}, {1})}, {{"axis", 77}}, "axis 77 is outside");
}

}  // namespace
}  // namespace minnow
