// Marks on pictures.
#pragma once

#include "api/picture.h"
#include "kit/vision/detections.h"

namespace minnow::kit {

// Boxes as outlines and points as dots, sized to the picture.
void draw_detections(Picture& picture, const std::vector<Detection>& detections);

}  // namespace minnow::kit
