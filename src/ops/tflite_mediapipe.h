// MediaPipe's custom operators, as its CPU kernels define them (mediapipe/util/tflite/operations).
#pragma once

#include "ops/op.h"

namespace minnow::tflite {

Status import_max_pool_with_argmax(ImportContext& c);
Status import_max_unpool(ImportContext& c);
Status import_transform_landmarks(ImportContext& c);
Status import_transform_tensor(ImportContext& c);
Status import_landmarks_to_matrix(ImportContext& c);

}  // namespace minnow::tflite
