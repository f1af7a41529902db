// depth_to_space and space_to_depth: blocks of channels to blocks of pixels and back. DCR: a channel is (row, column,
// channel), CRD: (channel, row, column).
#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct Blocks {
  bool last = false, crd = false;
  int64_t size = 0;
};

Result<Blocks> blocks_of(const NodeView& node) {
  Blocks out;
  MN_ASSIGN(out.last, channels_last(node));
  const std::string& mode = node.string_attribute("mode");
  MN_CHECK(mode == "DCR" || mode == "CRD", "attribute 'mode': expected DCR or CRD, got '", printable(mode), "'");
  out.crd = mode == "CRD";
  out.size = node.int_attribute("blocksize");
  MN_CHECK(out.size >= 1 && out.size < (int64_t{1} << 20), "attribute 'blocksize' must be in [1, 2^20), got ",
           out.size);
  return out;
}

Status infer(InferContext& c, bool to_space) {
  MN_ASSIGN(const Blocks blocks, blocks_of(c));
  MN_TRY(c.expect_rank(0, 4, "input"));
  Shape shape = c.shape(0).ranked ? c.shape(0) : Shape::of_rank(4);
  const size_t channel = blocks.last ? 3 : 1, first = blocks.last ? 1 : 2;
  const auto times = [](Dim& dim, int64_t factor) -> Status {
    if (dim.known())
      MN_CHECK(checked_mul(dim.value, factor, &dim.value), "dimension ", dim.value, " times ", factor, " is too large");
    else dim = Dim();
    return {};
  };
  const auto over = [](Dim& dim, int64_t divisor) -> Status {
    MN_CHECK(!dim.known() || dim.value % divisor == 0, divisor, " does not divide dimension ", dim.value);
    dim = dim.known() ? Dim(dim.value / divisor) : Dim();
    return {};
  };
  MN_TRY(to_space ? over(shape.dims[channel], blocks.size * blocks.size)
                  : times(shape.dims[channel], blocks.size * blocks.size));
  for (size_t i = first; i < first + 2; ++i)
    MN_TRY(to_space ? times(shape.dims[i], blocks.size) : over(shape.dims[i], blocks.size));
  c.set_output(0, c.dtype(0), shape);
  return {};
}

Status to_space_infer(InferContext& c) { return infer(c, true); }
Status to_depth_infer(InferContext& c) { return infer(c, false); }

// Reshape to six dimensions, transpose, reshape back. Batch and the like may be symbolic: 0 keeps them.
Status rearrange(DecomposeContext& c, bool to_space) {
  Builder& b = c.b;
  MN_ASSIGN(const Blocks blocks, blocks_of(c));
  const Shape shape = c.type(c.input(0)).shape;
  MN_CHECK(shape.rank() == 4, "needs an input of known rank");
  const size_t channel = blocks.last ? 3 : 1, row = blocks.last ? 1 : 2;
  for (size_t i = 1; i < 4; ++i)
    MN_CHECK(shape.dims[i].known(), "needs known channels, height and width, got ", to_string(shape));
  const int64_t s = blocks.size, h = shape.dims[row].value, w = shape.dims[row + 1].value,
                depth = shape.dims[channel].value;
  Ints split, perm, joined;
  if (to_space) {
    const int64_t d = depth / (s * s);
    if (!blocks.last) {
      split = blocks.crd ? Ints{0, d, s, s, h, w} : Ints{0, s, s, d, h, w};
      perm = blocks.crd ? Ints{0, 1, 4, 2, 5, 3} : Ints{0, 3, 4, 1, 5, 2};
      joined = {0, d, h * s, w * s};
    } else {
      split = blocks.crd ? Ints{0, h, w, d, s, s} : Ints{0, h, w, s, s, d};
      perm = blocks.crd ? Ints{0, 1, 4, 2, 5, 3} : Ints{0, 1, 3, 2, 4, 5};
      joined = {0, h * s, w * s, d};
    }
  } else if (!blocks.last) {
    split = {0, depth, h / s, s, w / s, s};
    perm = blocks.crd ? Ints{0, 1, 3, 5, 2, 4} : Ints{0, 3, 5, 1, 2, 4};
    joined = {0, depth * s * s, h / s, w / s};
  } else {
    split = {0, h / s, s, w / s, s, depth};
    perm = blocks.crd ? Ints{0, 1, 3, 5, 2, 4} : Ints{0, 1, 3, 2, 4, 5};
    joined = {0, h / s, w / s, depth * s * s};
  }
  // A known batch is spelled out, since an empty one would read as "keep".
  if (shape.dims[0].known()) split[0] = joined[0] = shape.dims[0].value;
  const Attributes zero{{"allowzero", shape.dims[0].known() ? 1 : 0}};
  const ValueId parts = b.add("transpose", {b.add("reshape", {c.input(0), b.ints(split)}, zero)}, {{"perm", perm}});
  c.set_output(0, b.add("reshape", {parts, b.ints(joined)}, zero));
  return {};
}

Status to_space_decompose(DecomposeContext& c) { return rearrange(c, true); }
Status to_depth_decompose(DecomposeContext& c) { return rearrange(c, false); }

std::vector<Case> cases(bool to_space) {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  // Eight channels of one pixel against two channels of 2 x 2 pixels.
  const Tensor depth = Tensor::of<float>({0, 1, 2, 3, 4, 5, 6, 7}, {1, 8, 1, 1});
  const Tensor dcr = Tensor::of<float>({0, 2, 4, 6, 1, 3, 5, 7}, {1, 2, 2, 2}),
               crd = Tensor::of<float>({0, 1, 2, 3, 4, 5, 6, 7}, {1, 2, 2, 2});
  const Attributes dcr_attributes{{"blocksize", 2}}, crd_attributes{{"blocksize", 2}, {"mode", "CRD"}};
  const Attributes nhwc{{"blocksize", 2}, {"data_layout", "NHWC"}},
      nhwc_crd{{"blocksize", 2}, {"data_layout", "NHWC"}, {"mode", "CRD"}};
  return {
      {.inputs = {to_space ? depth : dcr}, .attributes = dcr_attributes, .expected = {to_space ? dcr : depth}},
      {.inputs = {to_space ? depth : crd}, .attributes = crd_attributes, .expected = {to_space ? crd : depth}},
      {.inputs = {f(to_space ? Dims{2, 8, 2, 3} : Dims{2, 2, 4, 6}, 1)}, .attributes = dcr_attributes},
      {.inputs = {f(to_space ? Dims{2, 2, 3, 8} : Dims{2, 4, 6, 2}, 2)}, .attributes = nhwc, .note = "channels last"},
      {.inputs = {f(to_space ? Dims{1, 2, 3, 8} : Dims{1, 4, 6, 2}, 3)},
       .attributes = nhwc_crd,
       .note = "channels last, CRD"},
      {.inputs = {f(to_space ? Dims{0, 8, 2, 3} : Dims{0, 2, 4, 6}, 4)},
       .attributes = dcr_attributes,
       .note = "no images"},
  };
}

std::vector<Case> to_space_cases() { return cases(true); }
std::vector<Case> to_depth_cases() { return cases(false); }

}  // namespace

[[gnu::cold]] std::vector<OpDef> depth_to_space() {
  const std::vector<AttributeSpec> attributes{
      required("blocksize", AttributeKind::integer), {"mode", "DCR"}, {"data_layout", "NCHW"}};
  return {{.name = "depth_to_space",
           .doc = "Moves blocks of channels into blocks of pixels.",
           .attributes = attributes,
           .narrow_floats = NarrowFloats::native,
           .infer = to_space_infer,
           .decompose = to_space_decompose,
           .imports = {{"ai.onnx", "DepthToSpace"},
                       {"tflite", "DEPTH_TO_SPACE", 1, 1 << 20, tflite::import_depth_to_space}},
           .exports = {{"ai.onnx", "DepthToSpace", 11}},
           .cases = to_space_cases},
          {.name = "space_to_depth",
           .doc = "Moves blocks of pixels into channels.",
           .attributes = attributes,
           .narrow_floats = NarrowFloats::native,
           .infer = to_depth_infer,
           .decompose = to_depth_decompose,
           .imports = {{"ai.onnx", "SpaceToDepth"},
                       {"tflite", "SPACE_TO_DEPTH", 1, 1 << 20, tflite::import_depth_to_space}},
           .exports = {{"ai.onnx", "SpaceToDepth", 28}},
           .cases = to_depth_cases}};
}

}  // namespace minnow::ops
