// Windows for spectra: hann_window, hamming_window, blackman_window; and mel_weight_matrix, which gathers frequencies
// into mel bands.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/onnx_dtype.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

constexpr double kTwoPi = 6.283185307179586;

Result<DType> output_dtype(const InferContext& c) {
  const DType dtype = c.dtype_attribute("output_datatype");
  MN_CHECK(is_float(dtype) || is_integer(dtype), "output_datatype must be a numeric type, got '",
           printable(c.string_attribute("output_datatype")), "'");
  return dtype;
}

Status check_scalar(const InferContext& c, int i, std::string_view name) {
  if (!c.shape(i).static_dims()) return {};
  MN_CHECK(element_count(c.shape(i).to_dims()) == 1, name, " must be a scalar, got ", to_string(c.shape(i)));
  return {};
}

Status window_infer(InferContext& c) {
  MN_ASSIGN(const DType dtype, output_dtype(c));
  MN_TRY(check_scalar(c, 0, "size"));
  MN_CHECK(c.dtype(0) == DType::undefined || is_integer(c.dtype(0)), "size must be an integer, got ",
           to_string(c.dtype(0)));
  const auto size = c.ints(0);
  MN_CHECK(!size || (*size)[0] >= 0, "size must not be negative, got ", size ? (*size)[0] : 0);
  c.set_output(0, dtype, Shape{size ? Dim((*size)[0]) : Dim()});
  return {};
}

// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), N being the size, or one less for a symmetric window.
Status cosine_window(EvalContext& c, double a0, double a1, double a2) {
  const int64_t size = c.output(0).size(),
                period = std::max<int64_t>(c.int_attribute("periodic") != 0 ? size : size - 1, 1);
  MN_ASSIGN(Tensor window, c.scratch(DType::float64, {size}));
  Pace pace(c.budget());
  for (int64_t n = 0; n < size; ++n) {
    const double angle = kTwoPi * static_cast<double>(n) / static_cast<double>(period);
    window.mutable_data<double>()[n] = a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle);
    MN_TRY(pace.work(32));
  }
  MN_ASSIGN(Tensor out, convert_dtype(window, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(out)));
  return {};
}

Status hann_reference(EvalContext& c) { return cosine_window(c, 0.5, 0.5, 0); }
Status hamming_reference(EvalContext& c) { return cosine_window(c, 25.0 / 46, 21.0 / 46, 0); }
Status blackman_reference(EvalContext& c) { return cosine_window(c, 0.42, 0.5, 0.08); }

constexpr const char* kMelInputs[] = {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz",
                                      "upper_edge_hertz"};

Status mel_infer(InferContext& c) {
  MN_ASSIGN(const DType dtype, output_dtype(c));
  for (int i = 0; i < 5; ++i) {
    MN_TRY(check_scalar(c, i, kMelInputs[i]));
    MN_CHECK(i > 2 || c.dtype(i) == DType::undefined || is_integer(c.dtype(i)), kMelInputs[i],
             " must be an integer, got ", to_string(c.dtype(i)));
    MN_CHECK(c.dtype(i) == DType::undefined || is_integer(c.dtype(i)) || is_float(c.dtype(i)), kMelInputs[i],
             " must be a number");
    const auto value = c.scalar(i);
    MN_CHECK(!value || (std::isfinite(*value) && *value >= (i == 2 ? 1 : 0)), kMelInputs[i],
             " is out of range: ", value ? *value : 0);
  }
  const auto bands = c.ints(0), length = c.ints(1);
  c.set_output(0, dtype, Shape{length ? Dim((*length)[0] / 2 + 1) : Dim(), bands ? Dim((*bands)[0]) : Dim()});
  return {};
}

double to_mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double to_hertz(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

// Frequency bins at which the band edges lie: bands + 2 points, equally spaced in mel.
Result<std::vector<int64_t>> band_edges(EvalContext& c, int64_t bands, int64_t bins) {
  const int64_t length = to_ints(c.input(1))[0];
  const double rate = to_doubles(c.input(2))[0], low = to_mel(to_doubles(c.input(3))[0]),
               high = to_mel(to_doubles(c.input(4))[0]);
  const double step = (high - low) / static_cast<double>(bands + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bands + 2; ++i) {
    const double bin =
        std::floor((static_cast<double>(length) + 1) * to_hertz(low + step * static_cast<double>(i)) / rate);
    MN_CHECK(bin >= 0 && bin < static_cast<double>(bins) + (i == bands + 1 ? 1 : 0), "band edge ", i,
             " lies at frequency bin ", bin, ", beyond the ", bins,
             " bins: lower upper_edge_hertz to half the sample rate");
    edges.push_back(static_cast<int64_t>(bin));
  }
  return edges;
}

Status mel_reference(EvalContext& c) {
  const int64_t bins = c.output(0).dim(0), bands = c.output(0).dim(1);
  MN_ASSIGN(Tensor matrix, c.scratch(DType::float64, {bins, bands}));
  MN_ASSIGN(const std::vector<int64_t> edges, band_edges(c, bands, bins));
  double* weights = matrix.mutable_data<double>();
  std::fill(weights, weights + matrix.size(), 0.0);
  Pace pace(c.budget());
  for (int64_t band = 0; band < bands; ++band) {
    const int64_t low = edges[static_cast<size_t>(band)], centre = edges[static_cast<size_t>(band) + 1],
                  high = edges[static_cast<size_t>(band) + 2];
    for (int64_t bin = low; bin <= centre; ++bin) {
      weights[bin * bands + band] =
          centre == low ? 1.0 : static_cast<double>(bin - low) / static_cast<double>(centre - low);
    }
    for (int64_t bin = centre; bin < high; ++bin) {
      weights[bin * bands + band] = static_cast<double>(high - bin) / static_cast<double>(high - centre);
    }
    MN_TRY(pace.work(high - low + 1));
  }
  MN_ASSIGN(Tensor out, convert_dtype(matrix, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(out)));
  return {};
}

Status window_import(ImportContext& c) {
  MN_ASSIGN(const int64_t code, c.int_attribute("output_datatype", 1));
  MN_CHECK(onnx_dtype(code) != DType::undefined, "attribute 'output_datatype': unknown element type ", code);
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, {{"output_datatype", onnx_dtype(code)}});
}

Status window_export(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  attributes.set("output_datatype", onnx_dtype_code(c.dtype_attribute("output_datatype")));
  std::vector<std::string> inputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  c.add("ai.onnx", c.op().exports[0].name, std::move(inputs), {c.output_name(0)}, attributes);
  return {};
}

std::vector<Case> window_cases(std::initializer_list<float> periodic, std::initializer_list<float> symmetric) {
  const Tensor four = Tensor::scalar<int32_t>(4);
  return {{.inputs = {four}, .expected = {Tensor::of<float>(periodic, {4})}},
          {.inputs = {four}, .attributes = {{"periodic", 0}}, .expected = {Tensor::of<float>(symmetric, {4})}},
          {.inputs = {Tensor::scalar<int64_t>(1)},
           .attributes = {{"periodic", 0}, {"output_datatype", DType::float64}},
           .note = "one element"},
          {.inputs = {Tensor::scalar<int64_t>(0)}, .note = "empty"}};
}
std::vector<Case> hann_cases() { return window_cases({0, 0.5f, 1, 0.5f}, {0, 0.75f, 0.75f, 0}); }
std::vector<Case> hamming_cases() {
  return window_cases({0.08695652f, 0.54347826f, 1, 0.54347826f}, {0.08695652f, 0.77173913f, 0.77173913f, 0.08695652f});
}
std::vector<Case> blackman_cases() { return window_cases({0, 0.34f, 1, 0.34f}, {0, 0.63f, 0.63f, 0}); }
std::vector<Case> mel_cases() {
  const auto inputs = [](int32_t bands, int32_t length, int32_t rate, float low, float high) {
    return std::vector<Datum>{Tensor::scalar(bands), Tensor::scalar(length), Tensor::scalar(rate), Tensor::scalar(low),
                              Tensor::scalar(high)};
  };
  return {{.inputs = inputs(8, 16, 8192, 0, 4096), .differentiable = false},
          {.inputs = inputs(0, 16, 8192, 0, 4096), .differentiable = false},
          {.inputs = inputs(1, 4, 700, 0, 0),
           .expected = {Tensor::of<float>({1, 0, 0}, {3, 1})},
           .differentiable = false,
           .note = "all at bin 0"}};
}

OpDef table(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
            Status (*reference)(EvalContext&), std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .attributes = {{"periodic", 1}, {"output_datatype", DType::float32}},
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx", onnx, 1, 1 << 20, window_import}},
          .exports = {{"ai.onnx", onnx, 17, window_export}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> windows() {
  std::vector<OpDef> ops = {
      table("mel_weight_matrix", "MelWeightMatrix", "Triangular weights that gather frequency bins into mel bands.",
            mel_infer, mel_reference, mel_cases),
      table("hann_window", "HannWindow", "Raised cosine window.", window_infer, hann_reference, hann_cases),
      table("hamming_window", "HammingWindow", "Raised cosine window on a pedestal.", window_infer, hamming_reference,
            hamming_cases),
      table("blackman_window", "BlackmanWindow", "Window of two cosines.", window_infer, blackman_reference,
            blackman_cases),
  };
  ops[0].inputs = {5, 5};
  ops[0].attributes = {{"output_datatype", DType::float32}};
  return ops;
}

}  // namespace minnow::ops
