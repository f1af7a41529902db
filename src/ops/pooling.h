// What the pools share: attributes, shapes, and the walk over windows.
#pragma once

#include "ops/broadcast.h"
#include "ops/op.h"
#include "ops/spatial.h"

namespace minnow {

std::vector<AttributeSpec> pool_attributes();
struct PoolShapes {
  bool last = false;
  ImageShape x, y;
  std::vector<WindowAxis> axes;
};
// Checks x (ranked) and the attributes.
Result<PoolShapes> pool_shapes(const NodeView& node, const Shape& x);
// Sets output `i` to the pooled shape of input 0 with this dtype.
Status set_pool_output(InferContext& c, int i, DType dtype);
Cost pool_cost(const InferContext& c);

struct Pool {
  Window window;
  Planes x, y;
};
Result<Pool> concrete_pool(const NodeView& node, const Dims& x, const Dims& y);

// Taps of one window that lie inside the input, along depth, height and width.
struct WindowTaps {
  std::array<int64_t, kMaxSpatialRank> first, last;
};

// Calls body(n, c, o, y_offset, taps) for every output element; o: its position.
template <class Body>
Status for_each_window(const Pool& pool, const std::shared_ptr<Budget>& budget, Body body) {
  const auto& [depth, height, width] = pool.window;
  Pace pace(budget);
  WindowTaps taps;
  for (int64_t n = 0; n < pool.y.batch; ++n) {
    for (int64_t c = 0; c < pool.y.channels; ++c) {
      const int64_t base = pool.y.offset(n, c);
      for (int64_t od = 0; od < depth.out; ++od) {
        taps.first[0] = depth.first_tap(od), taps.last[0] = depth.last_tap(od);
        for (int64_t oh = 0; oh < height.out; ++oh) {
          taps.first[1] = height.first_tap(oh), taps.last[1] = height.last_tap(oh);
          for (int64_t ow = 0; ow < width.out; ++ow) {
            taps.first[2] = width.first_tap(ow), taps.last[2] = width.last_tap(ow);
            const int64_t work =
                (taps.last[0] - taps.first[0]) * (taps.last[1] - taps.first[1]) * (taps.last[2] - taps.first[2]);
            MN_TRY(pace.work(std::max<int64_t>(work, 1)));
            body(n, c, std::array<int64_t, kMaxSpatialRank>{od, oh, ow}, base + pool.y.at(od, oh, ow), taps);
          }
        }
      }
    }
  }
  return {};
}

// Calls body(x_offset, x_position) for the taps of one window, in row-major order.
template <class Body>
void for_each_tap(const Pool& pool, int64_t n, int64_t c, const std::array<int64_t, kMaxSpatialRank>& o,
                  const WindowTaps& taps, Body body) {
  const int64_t base = pool.x.offset(n, c);
  for (int64_t kd = taps.first[0]; kd < taps.last[0]; ++kd) {
    const int64_t d = pool.window[0].position(o[0], kd);
    for (int64_t kh = taps.first[1]; kh < taps.last[1]; ++kh) {
      const int64_t h = pool.window[1].position(o[1], kh);
      for (int64_t kw = taps.first[2]; kw < taps.last[2]; ++kw) {
        const int64_t w = pool.window[2].position(o[2], kw);
        body(base + pool.x.at(d, h, w), std::array<int64_t, kMaxSpatialRank>{d, h, w});
      }
    }
  }
}

}  // namespace minnow
