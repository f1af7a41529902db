// Reductions over axes: sum, mean, prod, max, min; and those spelled in them: l1, l2, sum_square, log_sum, log_sum_exp.
#include <algorithm>
#include <cmath>

#include "ops/axes.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/reduce.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

// `dims` with the reduced axes as 1, or without them.
template <class D>
std::vector<D> reduced(std::vector<D> dims, const std::vector<int64_t>& axes, bool keep) {
  for (const int64_t axis : axes) dims[static_cast<size_t>(axis)] = D(1);
  if (keep) return dims;
  for (size_t i = axes.size(); i-- > 0;) dims.erase(dims.begin() + axes[i]);
  return dims;
}

// No axes mean all, or none when noop_with_empty_axes is set.
Result<std::vector<int64_t>> resolve_axes(const NodeView& c, const std::vector<int64_t>& given, int64_t rank) {
  std::vector<int64_t> axes;
  if (!given.empty()) {
    MN_ASSIGN(axes, normalize_axes(given, rank));
    std::sort(axes.begin(), axes.end());
    return axes;
  }
  if (c.int_attribute("noop_with_empty_axes") != 0) return axes;
  for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

Status reduce_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) != DType::string && !is_complex(c.dtype(0)), "cannot reduce ", to_string(c.dtype(0)));
  if (c.has_input(1)) {
    MN_TRY(c.expect_rank(1, 1, "axes"));
    MN_TRY(expect_dtype(c, 1, is_integer, "an integer type"));
  }
  const bool keep = c.int_attribute("keepdims") != 0;
  const auto axes = c.has_input(1) ? c.ints(1) : std::optional(std::vector<int64_t>());
  if (axes && axes->empty() && !c.shape(0).ranked && !keep && c.int_attribute("noop_with_empty_axes") == 0) {
    c.set_output(0, c.dtype(0), Shape(std::vector<Dim>()));
    return {};
  }
  if (!c.shape(0).ranked) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  const int64_t rank = c.shape(0).rank();
  if (!axes) {
    const Shape& count = c.shape(1);
    const bool counted = count.ranked && count.dims[0].known() && count.dims[0].value > 0;
    MN_CHECK(!counted || count.dims[0].value <= rank, "more axes than dimensions: ", counted ? count.dims[0].value : 0,
             " of ", rank);
    c.set_output(0, c.dtype(0),
                 keep      ? Shape::of_rank(rank)
                 : counted ? Shape::of_rank(rank - count.dims[0].value)
                           : Shape());
    return {};
  }
  MN_ASSIGN(const std::vector<int64_t> positions, resolve_axes(c, *axes, rank));
  c.set_output(0, c.dtype(0), Shape(reduced(c.shape(0).dims, positions, keep)));
  return {};
}

Status reduce_number_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  return reduce_infer(c);
}

// The output's dims with every reduced axis as 1.
Dims kept_dims(const EvalContext& c) {
  const std::vector<int64_t> given = c.has_input(1) ? to_ints(c.input(1)) : std::vector<int64_t>();
  auto axes = resolve_axes(c, given, c.input(0).rank());
  return reduced(c.input(0).dims(), axes.ok() ? *axes : std::vector<int64_t>(), true);
}

template <class T>
Status sum_of(EvalContext& c, const Tensor& x, Tensor& out) {
  T* sums = out.mutable_data<T>();
  std::fill(sums, sums + out.size(), T(0));
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, T>;
  return fold_into(x, kept_dims(c), sums, c.budget(), Sum(0), [](auto a, auto b) { return wrapping_add(a, b); });
}

Status sum_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return sum_of<T>(c, c.input(0), c.output(0)); });
}

Status prod_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()), [&]<class T>() {
    T* products = c.output(0).mutable_data<T>();
    std::fill(products, products + c.output(0).size(), T(1));
    return fold_into(c.input(0), kept_dims(c), products, c.budget(), T(1), wrapping_mul<T>);
  });
}

// Integers are summed in 64 bits and the mean truncates towards zero.
Status mean_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  Tensor& out = c.output(0);
  const int64_t count = out.size() != 0 ? x.size() / out.size() : 0;
  if (!is_integer(x.dtype())) {
    return dispatch<FloatTypes>(x.dtype(), [&]<class T>() -> Status {
      MN_TRY(sum_of<T>(c, x, out));
      for (int64_t i = 0; i < out.size(); ++i) out.mutable_data<T>()[i] /= static_cast<T>(count);
      return {};
    });
  }
  MN_CHECK(count != 0 || out.size() == 0, "the mean of no integers is not defined");
  MN_ASSIGN(const Tensor wide, convert_dtype(x, DType::int64, c.budget()));
  MN_ASSIGN(Tensor sums, c.scratch(DType::int64, out.dims()));
  MN_TRY(sum_of<uint64_t>(c, wide, sums));
  for (int64_t i = 0; i < out.size(); ++i) sums.mutable_data<int64_t>()[i] /= count;
  MN_ASSIGN(Tensor means, convert_dtype(sums, out.dtype(), c.budget()));
  c.set_output(0, Datum(std::move(means)));
  return {};
}

// NaN wins, as in NumPy. No elements give the type's lowest (highest) value.
template <bool kMax>
Status extreme_reference(EvalContext& c) {
  const bool boolean = c.input(0).dtype() == DType::boolean;
  return dispatch<NumericTypes>(boolean ? DType::uint8 : c.input(0).dtype(), [&]<class T>() {
    using Limits = std::numeric_limits<T>;
    T first = kMax ? Limits::lowest() : boolean ? T(1) : Limits::max();
    if (Limits::has_infinity) first = kMax ? -Limits::infinity() : Limits::infinity();
    T* out = c.output(0).mutable_data<T>();
    std::fill(out, out + c.output(0).size(), first);
    return fold_into(c.input(0), kept_dims(c), out, c.budget(), first,
                     [](T a, T b) { return (kMax ? a > b : a < b) || a != a ? a : b; });
  });
}

// What a gradient needs of its reduction.
struct Reduction {
  Expression x, y, g;  // y and g with the reduced axes as 1 (or scalars, which broadcast as well)
  ValueId axes = kNoValue;
  int64_t noop = 0;
  // The same axes reduced by another operator, kept as 1.
  Expression reduce(std::string_view op, const Expression& value) const {
    return {x.b, x.b->add(op, {value.id, axes}, {{"keepdims", 1}, {"noop_with_empty_axes", noop}})};
  }
};

Reduction reduction_of(GradientContext& c) {
  const auto expression = [&](ValueId id) { return Expression{&c.b, id}; };
  Reduction r{expression(c.input(0)), expression(c.output(0)), expression(c.output_gradient(0))};
  r.noop = c.int_attribute("noop_with_empty_axes");
  if (c.has_input(1)) {
    const Tensor* constant = c.b.constant_value(c.input(1));
    if (constant == nullptr || constant->size() != 0) r.axes = c.input(1);
  }
  if (c.int_attribute("keepdims") == 0 && r.axes != kNoValue) {
    r.y = {&c.b, c.b.add("unsqueeze", {r.y.id, r.axes})};
    r.g = {&c.b, c.b.add("unsqueeze", {r.g.id, r.axes})};
  }
  return r;
}

Status sum_gradient(GradientContext& c) {
  const Reduction r = reduction_of(c);
  c.set_input_gradient(0, r.g.apply("expand", r.x.apply("shape")).id);
  return {};
}

Status mean_gradient(GradientContext& c) {
  const Reduction r = reduction_of(c);
  const Expression count = r.x.apply("size").cast_like(r.g) / r.y.apply("size").cast_like(r.g);
  c.set_input_gradient(0, (r.g / count).apply("expand", r.x.apply("shape")).id);
  return {};
}

Status extreme_gradient(GradientContext& c) {
  const Reduction r = reduction_of(c);
  const Expression chosen = r.x.apply("equal", r.y).cast_like(r.g);
  c.set_input_gradient(0, (r.g * chosen / r.reduce("reduce_sum", chosen)).id);
  return {};
}

// The product of the others: of all non-zero elements over this one, unless another element is 0.
Status prod_gradient(GradientContext& c) {
  const Reduction r = reduction_of(c);
  const Expression is_zero = r.x.apply("equal", r.x.number(0)), zero = is_zero.cast_like(r.g);
  const Expression filled = select(is_zero, r.x.number(1), r.x);
  const Expression other_zeros = r.reduce("reduce_sum", zero) - zero;
  const Expression alone = other_zeros.apply("equal", other_zeros.number(0)).cast_like(r.g);
  c.set_input_gradient(0, (r.g * r.reduce("reduce_prod", filled) / filled * alone).id);
  return {};
}

// f after sum of `of` over the axes. Functions that leave the integers are computed in float64 there.
enum class Composition { l1, l2, sum_square, log_sum, log_sum_exp };

template <Composition kKind>
Status composed(DecomposeContext& c) {
  const Expression input{&c.b, c.input(0)};
  const DType dtype = c.type(c.input(0)).dtype;
  MN_CHECK(is_real_number(dtype), "expected a numeric type, got ", to_string(dtype));
  const bool leaves_integers = kKind != Composition::l1 && kKind != Composition::sum_square && is_integer(dtype);
  const Expression x = leaves_integers ? input.apply("cast", {{"to", DType::float64}}) : input;
  const ValueId axes = c.has_input(1) ? c.input(1) : kNoValue;
  const auto reduce = [&](std::string_view op, const Expression& value, int64_t keep) {
    return Expression{&c.b,
                      c.b.add(op, {value.id, axes},
                              {{"keepdims", keep}, {"noop_with_empty_axes", c.int_attribute("noop_with_empty_axes")}})};
  };
  const int64_t keep = c.int_attribute("keepdims");
  Expression y;
  if constexpr (kKind == Composition::l1) y = reduce("reduce_sum", x.apply("abs"), keep);
  if constexpr (kKind == Composition::l2) y = sqrt(reduce("reduce_sum", x * x, keep));
  if constexpr (kKind == Composition::sum_square) y = reduce("reduce_sum", x * x, keep);
  if constexpr (kKind == Composition::log_sum) y = log(reduce("reduce_sum", x, keep));
  if constexpr (kKind == Composition::log_sum_exp) {
    // Relative to the largest, so that no exponential overflows; an infinite largest value must not give inf - inf.
    const auto finite = [](const Expression& v) { return select(v.apply("is_inf"), v.number(0), v); };
    const Expression shift = finite(reduce("reduce_max", x, 1));
    y = log(reduce("reduce_sum", exp(x - shift), keep)) + finite(reduce("reduce_max", x, keep));
  }
  c.set_output(0, leaves_integers ? y.cast_like(input).id : y.id);
  return {};
}

// Axes were an attribute once.
Status axes_import(ImportContext& c) {
  MN_ASSIGN(const Ints axes, c.ints_attribute("axes"));
  return c.take_over({c.input(0), axes.empty() ? kNoValue : c.b.ints(axes)});
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, 0.3, 2); }
Tensor axes(std::initializer_list<int64_t> values) {
  return Tensor::of<int64_t>(values, {static_cast<int64_t>(values.size())});
}

// [[1, 2], [3, 4]] reduced over axis 1, then shapes.
std::vector<Case> reduce_cases(float first, float second) {
  const Tensor x = Tensor::of<float>({1, 2, 3, 4}, {2, 2});
  return {{.inputs = {x, axes({1})}, .expected = {Tensor::of<float>({first, second}, {2, 1})}},
          {.inputs = {x, axes({-1})},
           .attributes = {{"keepdims", 0}},
           .expected = {Tensor::of<float>({first, second}, {2})}},
          {.inputs = {f({2, 3, 4}, 1), axes({0, 2})}, .note = "outer and inner"},
          {.inputs = {f({2, 3, 4}, 2), axes({1})}, .attributes = {{"keepdims", 0}}, .note = "middle"},
          {.inputs = {f({2, 3}, 3)}, .attributes = {{"keepdims", 0}}, .note = "all"},
          {.inputs = {f({2, 3}, 4), axes({})}, .attributes = {{"noop_with_empty_axes", 1}}, .note = "none"},
          {.inputs = {f({}, 5)}, .note = "scalar"},
          {.inputs = {f({3, 0}, 6), axes({0})}, .note = "empty"}};
}
std::vector<Case> plus(std::vector<Case> cases, Case more) {
  cases.push_back(std::move(more));
  return cases;
}
Case empty_set(float value) {
  return {.inputs = {f({2, 0}, 7), axes({1})},
          .expected = {Tensor::of<float>({value, value}, {2, 1})},
          .note = "empty set"};
}
std::vector<Case> sum_cases() {
  return plus(plus(reduce_cases(3, 7), empty_set(0)),
              {.inputs = {Tensor::of<int32_t>({1, -2, 3}, {3})}, .expected = {Tensor::of<int32_t>({2}, {1})}});
}
std::vector<Case> mean_cases() {
  return plus(reduce_cases(1.5f, 3.5f), {.inputs = {Tensor::of<int32_t>({2147483647, 2147483645}, {2})},
                                         .expected = {Tensor::of<int32_t>({2147483646}, {1})}});
}
std::vector<Case> prod_cases() {
  return plus(plus(reduce_cases(2, 12), empty_set(1)),
              {.inputs = {Tensor::of<float>({0, 2, 3, 0, 0, 5, 2, 3, 4}, {3, 3}), axes({1})},
               .expected = {Tensor::of<float>({0, 0, 24}, {3, 1})}});
}
std::vector<Case> max_cases() {
  return plus(plus(reduce_cases(2, 4), empty_set(-HUGE_VALF)),
              {.inputs = {Tensor::of<bool>({true, false, false, false}, {2, 2}), axes({1})},
               .expected = {Tensor::of<bool>({true, false}, {2, 1})}});
}
std::vector<Case> min_cases() {
  return plus(plus(reduce_cases(1, 3), empty_set(HUGE_VALF)),
              {.inputs = {Tensor::of<int8_t>({5, -128}, {2})}, .expected = {Tensor::of<int8_t>({-128}, {1})}});
}
std::vector<Case> l1_cases() { return plus(reduce_cases(3, 7), empty_set(0)); }
std::vector<Case> l2_cases() {
  return plus(reduce_cases(2.236068f, 5),
              {.inputs = {Tensor::of<int32_t>({3, 4}, {2})}, .expected = {Tensor::of<int32_t>({5}, {1})}});
}
std::vector<Case> sum_square_cases() { return plus(reduce_cases(5, 25), empty_set(0)); }
std::vector<Case> log_sum_cases() { return plus(reduce_cases(1.0986123f, 1.9459101f), empty_set(-HUGE_VALF)); }
std::vector<Case> log_sum_exp_cases() {
  return plus(plus(reduce_cases(2.3132617f, 4.3132617f), empty_set(-HUGE_VALF)),
              {.inputs = {Tensor::of<float>({1000, 1000}, {2})},
               .expected = {Tensor::of<float>({1000.6931f}, {1})},
               .differentiable = false});
}

OpDef reduction(std::string_view name, std::string_view onnx, std::string_view doc, Status (*reference)(EvalContext&),
                Status (*gradient)(GradientContext&), Status (*decompose)(DecomposeContext&),
                std::vector<Case> (*cases)()) {
  const int first = name == "reduce_sum" ? 13 : 18;  // the version since which the axes are an input
  return {.name = name,
          .doc = doc,
          .inputs = {1, 2},
          .attributes = {{"keepdims", 1}, {"noop_with_empty_axes", 0}},
          .infer = reference == sum_reference || decompose != nullptr ? reduce_number_infer : reduce_infer,
          .reference = reference,
          .gradient = gradient,
          .decompose = decompose,
          .imports = {{"ai.onnx", onnx, 1, first - 1, axes_import}, {"ai.onnx", onnx, first}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> reductions() {
  return tflite::with_rows(
      {
          reduction("reduce_sum", "ReduceSum", "Sum over axes.", sum_reference, sum_gradient, nullptr, sum_cases),
          reduction("reduce_mean", "ReduceMean", "Mean over axes.", mean_reference, mean_gradient, nullptr, mean_cases),
          reduction("reduce_prod", "ReduceProd", "Product over axes.", prod_reference, prod_gradient, nullptr,
                    prod_cases),
          reduction("reduce_max", "ReduceMax", "Largest over axes.", extreme_reference<true>, extreme_gradient, nullptr,
                    max_cases),
          reduction("reduce_min", "ReduceMin", "Smallest over axes.", extreme_reference<false>, extreme_gradient,
                    nullptr, min_cases),
          reduction("reduce_l1", "ReduceL1", "Sum of absolute values over axes.", nullptr, nullptr,
                    composed<Composition::l1>, l1_cases),
          reduction("reduce_l2", "ReduceL2", "Square root of the sum of squares over axes.", nullptr, nullptr,
                    composed<Composition::l2>, l2_cases),
          reduction("reduce_sum_square", "ReduceSumSquare", "Sum of squares over axes.", nullptr, nullptr,
                    composed<Composition::sum_square>, sum_square_cases),
          reduction("reduce_log_sum", "ReduceLogSum", "Logarithm of the sum over axes.", nullptr, nullptr,
                    composed<Composition::log_sum>, log_sum_cases),
          reduction("reduce_log_sum_exp", "ReduceLogSumExp", "Logarithm of the sum of exponentials over axes.", nullptr,
                    nullptr, composed<Composition::log_sum_exp>, log_sum_exp_cases),
      },
      {{"reduce_mean", "MEAN", tflite::import_reduce},
       {"reduce_sum", "SUM", tflite::import_reduce},
       {"reduce_prod", "REDUCE_PROD", tflite::import_reduce},
       {"reduce_max", "REDUCE_MAX", tflite::import_reduce_codes},
       {"reduce_min", "REDUCE_MIN", tflite::import_reduce_codes},
       {"reduce_max", "REDUCE_ANY", tflite::import_reduce_codes},
       {"reduce_min", "REDUCE_ALL", tflite::import_reduce_codes}});
}

}  // namespace minnow::ops
