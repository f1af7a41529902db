#include "ops/random_source.h"

#include <cmath>
#include <random>

#include "ops/onnx_dtype.h"

namespace minnow {

struct RandomSource::State {
  std::mt19937 engine;
  double spare = 0;
  bool has_spare = false;
};

namespace {

uint32_t seed_of(const EvalContext& c) {
  const Attribute& seed = c.find("seed");
  if (const int64_t* whole = seed.get<int64_t>()) return static_cast<uint32_t>(*whole);
  if (const float* real = seed.get<float>()) {
    return std::isfinite(*real) && std::fabs(*real) < 9e18f ? static_cast<uint32_t>(static_cast<int64_t>(*real)) : 0;
  }
  return static_cast<uint32_t>(c.seed ^ (c.seed >> 32));
}

}  // namespace

RandomSource::RandomSource(uint32_t seed) : state_(std::make_unique<State>()) { state_->engine.seed(seed); }
RandomSource::RandomSource(const EvalContext& c) : RandomSource(seed_of(c)) {}
RandomSource::~RandomSource() = default;

double RandomSource::uniform() {
  const uint32_t high = state_->engine() >> 5, low = state_->engine() >> 6;  // 27 and 26 bits
  return (high * 0x1p26 + low) * 0x1p-53;
}

double RandomSource::normal() {
  if (state_->has_spare) {
    state_->has_spare = false;
    return state_->spare;
  }
  double x, y, square;
  do {
    x = 2 * uniform() - 1;
    y = 2 * uniform() - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * std::log(square) / square);
  state_->spare = scale * x;
  state_->has_spare = true;
  return scale * y;
}

Status import_with_dtype(ImportContext& c) {
  Attributes attributes;
  if (c.node.attributes.find("dtype") != nullptr) {
    MN_ASSIGN(const int64_t code, c.int_attribute("dtype", 0));
    const DType dtype = onnx_dtype(code);
    MN_CHECK(dtype != DType::undefined, "attribute 'dtype': unknown element type ", code);
    attributes.set("dtype", dtype);
  }
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, attributes);
}

Status export_with_dtype(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  const DType dtype = c.dtype_attribute("dtype");
  if (dtype != DType::undefined) attributes.set("dtype", onnx_dtype_code(dtype));
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  for (size_t i = 0; i < c.node().outputs.size(); ++i) outputs.push_back(c.output_name(static_cast<int>(i)));
  c.add(c.op().exports[0].domain, c.op().exports[0].name, std::move(inputs), std::move(outputs), attributes);
  return {};
}

}  // namespace minnow
