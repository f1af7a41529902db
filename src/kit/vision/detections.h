// From a detector's raw outputs to boxes with key points.
#pragma once

#include <span>
#include <vector>

#include "kit/vision/anchors.h"

namespace minnow::kit {

// In fractions of the picture, y down.
struct Box {
  float left = 0, top = 0, width = 0, height = 0;
};

struct Detection {
  float score = 0;  // in [0, 1]
  Box box;
  std::vector<Point> points;
};

struct DecodeOptions {
  float scale = 128;  // raw numbers are in pixels of the input: its side
  int64_t points = 6;
  float min_score = 0.5f;
};

// raw: [anchors, 4 + 2 points] (x, y, width, height, then x, y of each point, relative to the anchor), scores:
// [anchors] before the sigmoid. Those with at least min_score.
std::vector<Detection> decode_detections(std::span<const float> raw, std::span<const float> scores,
                                         std::span<const Point> anchors, const DecodeOptions& options);

float intersection_over_union(const Box& a, const Box& b);

// Non-maximum suppression that keeps of each group of boxes (overlap with the best above `overlap`) the mean weighted
// by score, with the best score (MediaPipe's WEIGHTED mode). The best first.
std::vector<Detection> merge_detections(std::vector<Detection> detections, float overlap = 0.3f);

}  // namespace minnow::kit
