#include "kit/vision/detections.h"

#include <algorithm>
#include <cmath>

namespace minnow::kit {
namespace {

float sigmoid(float x) { return 1 / (1 + std::exp(-std::clamp(x, -100.0f, 100.0f))); }

// The mean of boxes and points, weighted by score.
Detection weighted_mean(const std::vector<Detection>& group) {
  Detection mean = group.front();
  mean.box = {};
  std::fill(mean.points.begin(), mean.points.end(), Point{});
  float total = 0;
  for (const Detection& one : group) total += one.score;
  for (const Detection& one : group) {
    const float share = one.score / total;
    mean.box.left += share * one.box.left;
    mean.box.top += share * one.box.top;
    mean.box.width += share * one.box.width;
    mean.box.height += share * one.box.height;
    for (size_t p = 0; p < mean.points.size(); ++p) {
      mean.points[p].x += share * one.points[p].x;
      mean.points[p].y += share * one.points[p].y;
    }
  }
  return mean;
}

}  // namespace

std::vector<Detection> decode_detections(std::span<const float> raw, std::span<const float> scores,
                                         std::span<const Point> anchors, const DecodeOptions& options) {
  const auto width = static_cast<size_t>(4 + 2 * options.points);
  std::vector<Detection> detections;
  for (size_t i = 0; i < anchors.size(); ++i) {
    const float score = sigmoid(scores[i]);
    if (!(score >= options.min_score)) continue;
    const float* numbers = raw.data() + i * width;
    const auto at = [&](size_t n) {
      return Point{numbers[n] / options.scale + anchors[i].x, numbers[n + 1] / options.scale + anchors[i].y};
    };
    const Point center = at(0);
    Detection one;
    one.score = score;
    one.box.width = numbers[2] / options.scale;
    one.box.height = numbers[3] / options.scale;
    one.box.left = center.x - one.box.width / 2;
    one.box.top = center.y - one.box.height / 2;
    for (size_t p = 0; p < static_cast<size_t>(options.points); ++p) one.points.push_back(at(4 + 2 * p));
    // A network can say anything; a box without size or position is none.
    if (one.box.width > 0 && one.box.height > 0 && std::isfinite(one.box.left + one.box.top)) detections.push_back(one);
  }
  return detections;
}

float intersection_over_union(const Box& a, const Box& b) {
  const float width = std::min(a.left + a.width, b.left + b.width) - std::max(a.left, b.left);
  const float height = std::min(a.top + a.height, b.top + b.height) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const float shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}

std::vector<Detection> merge_detections(std::vector<Detection> detections, float overlap) {
  std::stable_sort(detections.begin(), detections.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  std::vector<Detection> merged;
  while (!detections.empty()) {
    const Box best = detections.front().box;
    std::vector<Detection> group, rest;
    for (Detection& one : detections) {
      const bool near = &one == &detections.front() || intersection_over_union(best, one.box) > overlap;
      (near ? group : rest).push_back(std::move(one));
    }
    merged.push_back(weighted_mean(group));
    detections = std::move(rest);
  }
  return merged;
}

}  // namespace minnow::kit
