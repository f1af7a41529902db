#include "kit/vision/detections.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kit/vision/letterbox.h"

namespace minnow::kit {
namespace {

TEST(Anchors, CountAndOrderAreBlazeFaces) {
  const int64_t strides[] = {8, 16, 16, 16};
  const std::vector<Point> anchors = ssd_anchors(128, 128, strides, true);
  ASSERT_EQ(anchors.size(), 896u);  // 16 x 16 x 2 + 8 x 8 x 6
  EXPECT_FLOAT_EQ(anchors[0].x, 0.5f / 16);
  EXPECT_FLOAT_EQ(anchors[1].x, 0.5f / 16);
  EXPECT_FLOAT_EQ(anchors[2].x, 1.5f / 16);
  EXPECT_FLOAT_EQ(anchors[32].y, 1.5f / 16);
  EXPECT_FLOAT_EQ(anchors[512].x, 0.5f / 8);
  EXPECT_FLOAT_EQ(anchors[518].x, 1.5f / 8);
  const int64_t full[] = {4};
  EXPECT_EQ(ssd_anchors(192, 192, full, false).size(), 2304u);
}

TEST(Detections, DecodesRelativeToTheAnchor) {
  const Point anchors[] = {{0.5f, 0.25f}, {0.1f, 0.1f}};
  const float raw[] = {10, 20, 40, 80, 5, -5, 0, 0, 1, 1, 0, 0};
  const float scores[] = {0.0f, -3.0f};
  DecodeOptions options;
  options.scale = 100;
  options.points = 1;
  const std::vector<Detection> found = decode_detections(raw, scores, anchors, options);
  ASSERT_EQ(found.size(), 1u) << "the second scores 0.05";
  EXPECT_FLOAT_EQ(found[0].score, 0.5f);
  EXPECT_FLOAT_EQ(found[0].box.left, 0.6f - 0.2f);
  EXPECT_FLOAT_EQ(found[0].box.top, 0.45f - 0.4f);
  EXPECT_FLOAT_EQ(found[0].points[0].x, 0.55f);
  EXPECT_FLOAT_EQ(found[0].points[0].y, 0.2f);
}

TEST(Detections, NonsenseIsNoFace) {
  const Point anchors[] = {{0.5f, 0.5f}, {0.5f, 0.5f}, {0.5f, 0.5f}};
  const float raw[] = {NAN, 0, 1, 1, 0, 0, -1, -1, 0, 0, 1, 1};
  const float scores[] = {9, 9, NAN};
  DecodeOptions options;
  options.points = 0;
  EXPECT_TRUE(decode_detections(raw, scores, anchors, options).empty());
}

TEST(Detections, OverlappingOnesBecomeTheirWeightedMean) {
  std::vector<Detection> all = {
      {0.25f, {0.2f, 0, 1, 1}, {{0, 0}}}, {0.75f, {0, 0, 1, 1}, {{0.4f, 0}}}, {0.5f, {5, 5, 1, 1}, {{5, 5}}}};
  const std::vector<Detection> merged = merge_detections(all);
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_FLOAT_EQ(merged[0].score, 0.75f);
  EXPECT_FLOAT_EQ(merged[0].box.left, 0.05f);
  EXPECT_FLOAT_EQ(merged[0].points[0].x, 0.3f);
  EXPECT_FLOAT_EQ(merged[1].box.left, 5.0f);
  EXPECT_FLOAT_EQ(intersection_over_union({0, 0, 2, 2}, {1, 0, 2, 2}), 1.0f / 3);
  EXPECT_EQ(intersection_over_union({0, 0, 1, 1}, {2, 0, 1, 1}), 0.0f);
}

TEST(Letterbox, KeepsProportionsAndFindsTheWayBack) {
  Picture picture{4, 2, std::vector<uint8_t>(24, 255)};
  const auto boxed = letterbox(picture, 8, 8, -1, 1);
  ASSERT_TRUE(boxed.ok());
  const float* pixels = boxed->tensor.data<float>();
  EXPECT_EQ(pixels[0], -1.0f) << "black above";
  EXPECT_EQ(pixels[(3 * 8 + 3) * 3], 1.0f) << "white inside";
  const Point middle = boxed->letterbox.to_picture(Point{0.5f, 0.5f}),
              top = boxed->letterbox.to_picture(Point{0, 0.25f});
  EXPECT_FLOAT_EQ(middle.x, 0.5f);
  EXPECT_FLOAT_EQ(middle.y, 0.5f);
  EXPECT_FLOAT_EQ(top.x, 0.0f);
  EXPECT_FLOAT_EQ(top.y, 0.0f);
  EXPECT_FALSE(letterbox(Picture{}, 8, 8, 0, 1).ok());
}

}  // namespace
}  // namespace minnow::kit
