// dft: the discrete Fourier transform along an axis, forward or inverse, of real or complex signals; stft: of windowed
// frames.
#include <algorithm>
#include <cmath>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/fourier.h"
#include "ops/indexing.h"

namespace minnow::ops {
namespace {

using Complex = Fourier::Complex;

// Input `i` as one integer, where its value is known.
Result<std::optional<int64_t>> scalar_input(const InferContext& c, int i, std::string_view name) {
  if (!c.has_input(i)) return std::optional<int64_t>();
  MN_CHECK(c.dtype(i) == DType::undefined || is_integer(c.dtype(i)), name, " must be an integer, got ",
           to_string(c.dtype(i)));
  MN_CHECK(!c.shape(i).static_dims() || element_count(c.shape(i).to_dims()) == 1, name, " must be a scalar, got ",
           to_string(c.shape(i)));
  const auto values = c.ints(i);
  return values ? std::optional<int64_t>((*values)[0]) : std::nullopt;
}

Status check_parts(const InferContext& c, bool want_complex, bool want_real) {
  if (!c.shape(0).ranked) return {};
  const Dim& parts = c.shape(0).dims.back();
  MN_CHECK(!parts.known() || parts.value == 1 || parts.value == 2,
           "the last dimension must be 1 (real) or 2 (complex), got ", parts.value);
  MN_CHECK(!want_complex || parts.value != 1,
           "the inverse of a one-sided spectrum needs complex input, the last dimension is 1");
  MN_CHECK(!want_real || parts.value != 2, "a one-sided spectrum needs real input, the last dimension is 2");
  return {};
}

Result<int64_t> signal_axis(int64_t axis, int64_t rank) {
  MN_ASSIGN(const int64_t position, normalize_axis(axis, rank));
  MN_CHECK(position != rank - 1, "axis ", axis, " is the one of real and imaginary parts");
  return position;
}

Status dft_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  const bool one_sided = c.int_attribute("onesided") != 0, inverse = c.int_attribute("inverse") != 0;
  MN_ASSIGN(const std::optional<int64_t> length, scalar_input(c, 1, "dft_length"));
  MN_CHECK(!length || *length > 0, "dft_length must be positive, got ", length ? *length : 0);
  MN_ASSIGN(std::optional<int64_t> axis, scalar_input(c, 2, "axis"));
  if (!c.has_input(2)) axis = -2;
  Shape shape = c.shape(0);
  if (!shape.ranked) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  MN_CHECK(shape.rank() >= 2, "expected a signal of at least 2 dimensions, got ", to_string(shape));
  MN_TRY(check_parts(c, one_sided && inverse, one_sided && !inverse));
  shape.dims.back() = Dim(one_sided && inverse ? 1 : 2);
  if (!axis) {
    for (size_t d = 0; d + 1 < shape.dims.size(); ++d) shape.dims[d] = Dim();
    c.set_output(0, c.dtype(0), std::move(shape));
    return {};
  }
  MN_ASSIGN(const int64_t position, signal_axis(*axis, shape.rank()));
  Dim& extent = shape.dims[static_cast<size_t>(position)];
  if (length) extent = Dim(*length);
  else if (c.has_input(1)) extent = Dim();
  else if (extent.known() && one_sided && inverse) extent = Dim(2 * (extent.value - 1));
  else if (one_sided && inverse) extent = Dim();
  MN_CHECK(extent.value != 0, "the transform has no elements along axis ", *axis);
  if (one_sided && !inverse) extent = extent.known() ? Dim(extent.value / 2 + 1) : Dim();
  c.set_output(0, c.dtype(0), std::move(shape));
  return {};
}

// The other half of a real signal's spectrum is the conjugate of the first.
void mirror(std::vector<Complex>& spectrum) {
  const size_t n = spectrum.size();
  spectrum[0] = spectrum[0].real();
  if (n % 2 == 0) spectrum[n / 2] = spectrum[n / 2].real();
  for (size_t k = n / 2 + 1; k < n; ++k) spectrum[k] = std::conj(spectrum[n - k]);
}

Status dft_reference(EvalContext& c) {
  const bool one_sided = c.int_attribute("onesided") != 0, inverse = c.int_attribute("inverse") != 0;
  Tensor& out = c.output(0);
  if (out.size() == 0) return {};
  MN_ASSIGN(const Tensor x, convert_dtype(c.input(0), DType::float64, c.budget()));
  MN_ASSIGN(const int64_t axis, signal_axis(c.has_input(2) ? to_ints(c.input(2))[0] : -2, x.rank()));
  const int64_t parts = x.dim(x.rank() - 1), out_parts = out.dim(out.rank() - 1);
  const AxisSplit from = split_at_axis(x.dims(), axis), to = split_at_axis(out.dims(), axis);
  int64_t length = to.extent;
  if (one_sided && !inverse) length = c.has_input(1) ? to_ints(c.input(1))[0] : from.extent;
  MN_ASSIGN(Tensor result, c.scratch(DType::float64, out.dims()));
  MN_ASSIGN(const Tensor reserved, c.scratch(DType::float64, {length, 6}));  // what the three vectors below take
  Fourier fourier(length);
  std::vector<Complex> signal(static_cast<size_t>(length)), spectrum(static_cast<size_t>(length));
  const int64_t used = std::min(length, from.extent), lines = from.inner / parts;
  const double scale = inverse ? 1.0 / static_cast<double>(length) : 1.0;
  Pace pace(c.budget());
  for (int64_t o = 0; o < from.outer; ++o) {
    for (int64_t line = 0; line < lines; ++line) {
      std::fill(signal.begin(), signal.end(), Complex());
      for (int64_t n = 0; n < used; ++n) {
        const double* value = x.data<double>() + (o * from.extent + n) * from.inner + line * parts;
        signal[static_cast<size_t>(n)] = {value[0], parts == 2 ? value[1] : 0.0};
      }
      if (one_sided && inverse) mirror(signal);
      MN_TRY(fourier.transform(signal.data(), spectrum.data(), inverse, pace));
      for (int64_t k = 0; k < to.extent; ++k) {
        double* value = result.mutable_data<double>() + (o * to.extent + k) * to.inner + line * out_parts;
        value[0] = spectrum[static_cast<size_t>(k)].real() * scale;
        if (out_parts == 2) value[1] = spectrum[static_cast<size_t>(k)].imag() * scale;
      }
    }
  }
  MN_ASSIGN(Tensor rounded, convert_dtype(result, out.dtype(), c.budget()));
  c.set_output(0, Datum(std::move(rounded)));
  return {};
}

// The axis was an attribute in version 17, 1 by default.
Status dft_import_17(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 1));
  return c.take_over({c.input(0), c.has_input(1) ? c.input(1) : kNoValue, c.b.constant(Tensor::scalar(axis))});
}

Result<Dim> frame_length(const InferContext& c) {
  MN_ASSIGN(const std::optional<int64_t> length, scalar_input(c, 3, "frame_length"));
  MN_CHECK(!length || *length > 0, "frame_length must be positive, got ", length ? *length : 0);
  const Dim window = c.has_input(2) && c.shape(2).ranked ? c.shape(2).dims[0] : Dim();
  MN_CHECK(!length || !window.known() || *length == window.value, "frame_length is ", length ? *length : 0,
           ", but the window has ", window.value, " elements");
  if (length) return Dim(*length);
  if (c.has_input(2) && window.known()) return Dim(window.value);
  if (!c.has_input(2) && !c.has_input(3) && c.shape(0).ranked) return c.shape(0).dims[1];
  return Dim();
}

Status stft_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  MN_TRY(c.expect_rank(0, 3, "signal"));
  MN_TRY(c.expect_rank(2, 1, "window"));
  MN_TRY(c.expect_same_dtype(0, 2));
  const bool one_sided = c.int_attribute("onesided") != 0;
  MN_TRY(check_parts(c, false, one_sided));
  MN_ASSIGN(const std::optional<int64_t> step, scalar_input(c, 1, "frame_step"));
  MN_CHECK(!step || *step > 0, "frame_step must be positive, got ", step ? *step : 0);
  MN_ASSIGN(const Dim length, frame_length(c));
  MN_CHECK(!length.known() || length.value > 0, "frames must not be empty");
  Dim frames, batch;
  if (c.shape(0).ranked) {
    const Dim& samples = c.shape(0).dims[1];
    batch = c.shape(0).dims[0];
    if (samples.known() && length.known()) {
      MN_CHECK(samples.value >= length.value, "the signal has ", samples.value, " samples, fewer than one frame of ",
               length.value);
      if (step) frames = Dim((samples.value - length.value) / *step + 1);
    }
  }
  const Dim bins = length.known() ? Dim(one_sided ? length.value / 2 + 1 : length.value) : Dim();
  c.set_output(0, c.dtype(0), Shape{batch, frames, bins, Dim(2)});
  return {};
}

Status stft_reference(EvalContext& c) {
  Tensor& out = c.output(0);
  MN_ASSIGN(const Tensor x, convert_dtype(c.input(0), DType::float64, c.budget()));
  Tensor window;
  if (c.has_input(2)) {
    MN_ASSIGN(window, convert_dtype(c.input(2), DType::float64, c.budget()));
  }
  const int64_t step = to_ints(c.input(1))[0], samples = x.dim(1), parts = x.dim(2), frames = out.dim(1),
                bins = out.dim(2);
  const int64_t length = c.has_input(3) ? to_ints(c.input(3))[0] : window.valid() ? window.size() : samples;
  MN_ASSIGN(Tensor result, c.scratch(DType::float64, out.dims()));
  MN_ASSIGN(const Tensor reserved, c.scratch(DType::float64, {length, 6}));  // what the three vectors below take
  Fourier fourier(length);
  std::vector<Complex> frame(static_cast<size_t>(length)), spectrum(static_cast<size_t>(length));
  Pace pace(c.budget());
  for (int64_t b = 0; b < out.dim(0); ++b) {
    for (int64_t f = 0; f < frames; ++f) {
      for (int64_t n = 0; n < length; ++n) {
        const double* value = x.data<double>() + (b * samples + f * step + n) * parts;
        const double weight = window.valid() ? window.data<double>()[n] : 1.0;
        frame[static_cast<size_t>(n)] = {value[0] * weight, parts == 2 ? value[1] * weight : 0.0};
      }
      MN_TRY(fourier.transform(frame.data(), spectrum.data(), false, pace));
      double* to = result.mutable_data<double>() + (b * frames + f) * bins * 2;
      for (int64_t k = 0; k < bins; ++k) {
        to[2 * k] = spectrum[static_cast<size_t>(k)].real();
        to[2 * k + 1] = spectrum[static_cast<size_t>(k)].imag();
      }
    }
  }
  MN_ASSIGN(Tensor rounded, convert_dtype(result, out.dtype(), c.budget()));
  c.set_output(0, Datum(std::move(rounded)));
  return {};
}

std::vector<Case> dft_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const auto n = [](int64_t value) { return Tensor::scalar(value); };
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1})},
           .expected = {Tensor::of<float>({10, 0, -2, 2, -2, 0, -2, -2}, {1, 4, 2})}},
          {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1})},
           .attributes = {{"onesided", 1}},
           .expected = {Tensor::of<float>({10, 0, -2, 2, -2, 0}, {1, 3, 2})}},
          {.inputs = {Tensor::of<float>({10, 0, -2, 2, -2, 0}, {1, 3, 2})},
           .attributes = {{"onesided", 1}, {"inverse", 1}},
           .expected = {Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1})}},
          {.inputs = {f({2, 15, 3, 2}, 1), n(12), n(1)}, .attributes = {{"inverse", 1}}, .note = "cut"},
          {.inputs = {f({5, 2}, 2), n(7), n(0)}, .note = "padded"}};
}

std::vector<Case> stft_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const auto n = [](int64_t value) { return Tensor::scalar(value); };
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1}), n(2), Datum(), n(2)},
           .expected = {Tensor::of<float>({3, 0, -1, 0, 7, 0, -1, 0}, {1, 2, 2, 2})}},
          {.inputs = {f({2, 20, 1}, 1), n(3), f({8}, 2)}, .note = "window"},
          {.inputs = {f({1, 12, 2}, 3), n(4), f({6}, 4), n(6)}, .attributes = {{"onesided", 0}}, .note = "complex"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> dft() {
  return {
      {.name = "dft",
       .doc = "Discrete Fourier transform along an axis.",
       .inputs = {1, 3},
       .attributes = {{"onesided", 0}, {"inverse", 0}},
       .infer = dft_infer,
       .reference = dft_reference,
       .imports = {{"ai.onnx", "DFT", 1, 19, dft_import_17}, {"ai.onnx", "DFT", 20}},
       .exports = {{"ai.onnx", "DFT", 20}},
       .tolerance = {1e-5, 1e-5},
       .cases = dft_cases},
      {.name = "stft",
       .doc = "Discrete Fourier transforms of windowed frames of a signal.",
       .inputs = {2, 4},
       .attributes = {{"onesided", 1}},
       .infer = stft_infer,
       .reference = stft_reference,
       .imports = {{"ai.onnx", "STFT"}},
       .exports = {{"ai.onnx", "STFT", 17}},
       .tolerance = {1e-5, 1e-5},
       .cases = stft_cases},
  };
}

}  // namespace minnow::ops
