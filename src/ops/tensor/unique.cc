// unique: the distinct elements, or the distinct slices along an axis, with where they occur first, how often, and
// which of them every input element is.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Status unique_infer(InferContext& c) {
  Shape out = Shape::of_rank(1);
  if (c.has_attribute("axis")) {
    out = c.shape(0);
    if (out.ranked) {
      MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), out.rank()));
      out.dims[static_cast<size_t>(axis)] = Dim();
    }
  }
  MN_CHECK(!is_complex(c.dtype(0)), "complex numbers have no order");
  c.set_output(0, c.dtype(0), out);
  for (int i = 1; i < c.output_count(); ++i) c.set_output(i, DType::int64, Shape::of_rank(1));
  return {};
}

// A float's bits as an integer of the same order; all NaNs are equal and last, both zeros are equal.
int64_t ordered(double value) {
  if (std::isnan(value)) return std::numeric_limits<int64_t>::max();
  if (value == 0) return 0;
  const int64_t bits = std::bit_cast<int64_t>(value);
  return bits < 0 ? static_cast<int64_t>(uint64_t{1} << 63) - bits : bits;
}

// Integers that are ordered, and equal, as the elements are.
std::vector<int64_t> order_keys(const Tensor& tensor) {
  if (is_float(tensor.dtype())) {
    std::vector<int64_t> keys;
    for (double value : to_doubles(tensor)) keys.push_back(ordered(value));
    return keys;
  }
  if (tensor.dtype() == DType::string) {
    std::vector<std::string_view> sorted(tensor.strings().begin(), tensor.strings().end());
    std::sort(sorted.begin(), sorted.end());
    std::vector<int64_t> keys;
    for (const std::string& text : tensor.strings()) {
      keys.push_back(std::lower_bound(sorted.begin(), sorted.end(), std::string_view(text)) - sorted.begin());
    }
    return keys;
  }
  std::vector<int64_t> keys = to_ints(tensor);
  if (tensor.dtype() == DType::uint64) {
    for (int64_t& key : keys) key ^= std::numeric_limits<int64_t>::min();
  }
  return keys;
}

struct Groups {
  Ints first, counts, inverse;  // per group: first occurrence and size; per slice: its group
};

// Groups equal slices; keys are [outer, extent, inner].
Groups group(std::span<const int64_t> keys, const AxisSplit& split, bool sorted) {
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < split.outer; ++o) {
      const int64_t* block = keys.data() + o * split.extent * split.inner;
      for (int64_t i = 0; i < split.inner; ++i) {
        const int64_t x = block[a * split.inner + i], y = block[b * split.inner + i];
        if (x != y) return x < y ? -1 : 1;
      }
    }
    return 0;
  };
  Ints order(static_cast<size_t>(split.extent));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  Groups groups;
  groups.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      groups.first.push_back(order[i]);
      groups.counts.push_back(0);
    }
    ++groups.counts.back();
    groups.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(groups.first.size()) - 1;
  }
  if (sorted) return groups;
  Ints by_occurrence(groups.first.size()), rank(groups.first.size());
  std::iota(by_occurrence.begin(), by_occurrence.end(), 0);
  const auto first_of = [&](int64_t g) { return groups.first[static_cast<size_t>(g)]; };
  std::sort(by_occurrence.begin(), by_occurrence.end(),
            [&](int64_t a, int64_t b) { return first_of(a) < first_of(b); });
  Groups reordered;
  for (size_t i = 0; i < by_occurrence.size(); ++i) {
    const size_t from = static_cast<size_t>(by_occurrence[i]);
    rank[from] = static_cast<int64_t>(i);
    reordered.first.push_back(groups.first[from]);
    reordered.counts.push_back(groups.counts[from]);
  }
  for (int64_t g : groups.inverse) reordered.inverse.push_back(rank[static_cast<size_t>(g)]);
  return reordered;
}

Status unique_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  Dims dims = {in.size()};
  int64_t axis = 0;
  if (c.has_attribute("axis")) {
    dims = in.dims();
    MN_ASSIGN(axis, normalize_axis(c.int_attribute("axis"), in.rank()));
  }
  const AxisSplit split = split_at_axis(dims, axis);
  // Keys and orders take several times the input's bytes.
  MN_ASSIGN(const Tensor reserved, c.scratch(DType::int64, {3, in.size()}));
  // Slices without elements are all equal, however many.
  MN_CHECK(in.size() != 0 || split.extent <= (int64_t{1} << 24), "too many empty slices along axis ", axis);
  const Groups groups = group(order_keys(in), split, c.int_attribute("sorted") != 0);
  dims[static_cast<size_t>(axis)] = static_cast<int64_t>(groups.first.size());
  MN_ASSIGN(Tensor * out, c.allocate_output(0, dims, in.dtype()));
  MN_TRY(take(in, split, groups.first, *out, *c.budget()));
  const Ints* lists[] = {&groups.first, &groups.inverse, &groups.counts};
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i)) c.set_output(i, Tensor::of_ints(*lists[i - 1]));
  }
  return {};
}

std::vector<Case> unique_cases() {
  const auto ints = [](std::vector<int64_t> values) { return Tensor::of_ints(values); };
  const Tensor x = Tensor::of<float>({2, 1, 1, 3, 4, 3}, {6});
  return {
      {.inputs = {x},
       .attributes = {{"sorted", 0}},
       .outputs = 4,
       .expected = {Tensor::of<float>({2, 1, 3, 4}, {4}), ints({0, 1, 3, 4}), ints({0, 1, 1, 2, 3, 2}),
                    ints({1, 2, 2, 1})},
       .differentiable = false},
      {.inputs = {x},
       .outputs = 4,
       .expected = {Tensor::of<float>({1, 2, 3, 4}, {4}), ints({1, 0, 3, 4}), ints({1, 0, 0, 2, 3, 2}),
                    ints({2, 1, 2, 1})},
       .differentiable = false},
      {.inputs = {Tensor::of<int32_t>({1, 0, 0, 1, 0, 0, 2, 3, 4}, {3, 3})},
       .attributes = {{"axis", 0}},
       .outputs = 4,
       .expected = {Tensor::of<int32_t>({1, 0, 0, 2, 3, 4}, {2, 3}), ints({0, 2}), ints({0, 0, 1}), ints({2, 1})}},
      {.inputs = {Tensor::of_strings({"b", "a", "b"}, {3})}, .expected = {Tensor::of_strings({"a", "b"}, {2})}},
      {.inputs = {Tensor::of<int64_t>({}, {0})}, .outputs = 4, .note = "no elements"},
      {.inputs = {Tensor::of<float>({0, -2, -0.0f, -1}, {2, 2})},
       .expected = {Tensor::of<float>({-2, -1, 0}, {3})},
       .differentiable = false},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> unique() {
  return {{
      .name = "unique",
      .doc = "Distinct elements or slices, with first occurrence, inverse and counts.",
      .outputs = {1, 4},
      .attributes = {{"axis", AttributeKind::integer}, {"sorted", 1}},
      .narrow_floats = NarrowFloats::native,
      .infer = unique_infer,
      .reference = unique_reference,
      .imports = {{"ai.onnx", "Unique"}},
      .exports = {{"ai.onnx", "Unique", 11}},
      .cases = unique_cases,
  }};
}

}  // namespace minnow::ops
