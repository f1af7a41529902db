// TensorFlow Lite's operators that move elements: on codes, unless the scales of input and output differ.
#include <algorithm>
#include <limits>

#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();

Result<int64_t> constant_int(ImportContext& c, int i, std::string_view what) {
  MN_ASSIGN(const Ints values, constant_ints(c, i, what));
  MN_CHECK(values.size() == 1, what, ": expected one value, got ", values.size());
  return values[0];
}

std::vector<ValueId> all_carried(ImportContext& c) {
  std::vector<ValueId> inputs;
  for (int i = 0; i < c.input_count(); ++i) inputs.push_back(carried(c, i));
  return inputs;
}

// The outputs of a split or unpack.
Status finish_all(ImportContext& c, std::span<const ValueId> parts) {
  MN_TRY(c.b.status());
  for (size_t i = 0; i < parts.size(); ++i) MN_TRY(finish_codes(c, parts[i], static_cast<int>(i)));
  return {};
}

Status expect_outputs(const ImportContext& c, std::string_view attribute) {
  MN_ASSIGN(const int64_t count, c.int_attribute(attribute, c.output_count()));
  MN_CHECK(count == c.output_count(), "attribute '", attribute, "' is ", count, " for ", c.output_count(), " outputs");
  return {};
}

}  // namespace

// The new shape is an input or, in old files, an option. A single 0 stands for a scalar.
Status import_reshape(ImportContext& c) {
  ValueId shape = kNoValue;
  if (c.input_count() > 1 && c.has_input(1) && c.b.constant_value(c.input(1)) == nullptr) {
    shape = int64_list(c, 1);
  } else {
    Ints dims;
    if (c.has_input(1)) {
      MN_ASSIGN(dims, constant_ints(c, 1, "the shape"));
    } else {
      MN_ASSIGN(dims, c.ints_attribute("new_shape"));
    }
    if (dims.size() == 1 && dims[0] == 0) dims.clear();
    shape = c.b.ints(dims);
  }
  return finish_codes(c, c.b.add("reshape", {carried(c, 0), shape}, {{"allowzero", 1}}));
}

Status import_squeeze(ImportContext& c) {
  MN_ASSIGN(const Ints axes, c.ints_attribute("squeeze_dims"));
  const ValueId x = carried(c, 0);
  return finish_codes(c, axes.empty() ? c.b.add("squeeze", {x}) : c.b.add("squeeze", {x, c.b.ints(axes)}));
}

Status import_expand_dims(ImportContext& c) {
  return finish_codes(c, c.b.add("unsqueeze", {carried(c, 0), int64_list(c, 1)}));
}

Status import_concatenation(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 0));
  return finish_codes(c, c.b.add("concat", all_carried(c), {{"axis", axis}}));
}

// Inputs: axis, x.
Status import_split(ImportContext& c) {
  MN_TRY(expect_outputs(c, "num_splits"));
  MN_ASSIGN(const int64_t axis, constant_int(c, 0, "the axis"));
  const ValueId x = carried(c, 1);
  return finish_all(c, c.b.add_many("split", {&x, 1}, c.output_count(),
                                    {{"axis", axis}, {"num_outputs", int64_t{c.output_count()}}}));
}

// Inputs: x, lengths (one of them may be -1: the rest), axis.
Status import_split_v(ImportContext& c) {
  MN_TRY(expect_outputs(c, "num_splits"));
  MN_ASSIGN(const int64_t given, constant_int(c, 2, "the axis"));
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  MN_ASSIGN(const int64_t axis, normalize_axis(given, rank));
  MN_ASSIGN(Ints lengths, constant_ints(c, 1, "the lengths"));
  const auto rest = std::find(lengths.begin(), lengths.end(), -1);
  if (rest != lengths.end()) {
    const Dim dim = c.b.type(c.input(0)).shape.dims[static_cast<size_t>(axis)];
    if (!dim.known()) return unsupported({"dimension ", axis, " must be known"});
    *rest = 0;
    int64_t sum = 0;
    for (const int64_t length : lengths) {
      MN_CHECK(length >= 0 && length <= dim.value, "length ", length, " of a dimension of ", dim.value);
      sum += length;
    }
    *rest = dim.value - sum;
  }
  const ValueId inputs[] = {carried(c, 0), c.b.ints(lengths)};
  return finish_all(c, c.b.add_many("split", inputs, c.output_count(), {{"axis", axis}}));
}

Status import_pack(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 0));
  std::vector<ValueId> inputs = all_carried(c);
  for (ValueId& id : inputs) id = c.b.add("unsqueeze", {id, c.b.ints({axis})});
  return finish_codes(c, c.b.add("concat", inputs, {{"axis", axis}}));
}

Status import_unpack(ImportContext& c) {
  MN_TRY(expect_outputs(c, "num"));
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 0));
  const ValueId x = carried(c, 0);
  std::vector<ValueId> parts =
      c.b.add_many("split", {&x, 1}, c.output_count(), {{"axis", axis}, {"num_outputs", int64_t{c.output_count()}}});
  for (ValueId& part : parts) part = c.b.add("squeeze", {part, c.b.ints({axis})});
  return finish_all(c, parts);
}

// Inputs: x, begin, size (-1: to the end).
Status import_slice(ImportContext& c) {
  const Tensor* begin = c.b.constant_value(c.input(1));
  const Tensor* size = c.b.constant_value(c.input(2));
  const ValueId starts = int64_list(c, 1);
  if (begin != nullptr && size != nullptr) {
    MN_CHECK(begin->size() == size->size(), "begin has ", begin->size(), " values, size ", size->size());
    Ints ends = to_ints(*size);
    const Ints from = to_ints(*begin);
    for (size_t i = 0; i < ends.size(); ++i) {
      MN_CHECK(from[i] >= 0 && ends[i] >= -1 && from[i] <= kEnd / 2 && ends[i] <= kEnd / 2, "begin ", from[i],
               " and size ", ends[i]);
      ends[i] = ends[i] < 0 ? kEnd : from[i] + ends[i];
    }
    return finish_codes(c, c.b.add("slice", {carried(c, 0), starts, c.b.ints(ends)}));
  }
  const Expression sizes{&c.b, int64_list(c, 2)}, first{&c.b, starts};
  MN_TRY(c.b.status());
  const Expression end{&c.b, c.b.constant(Tensor::scalar<int64_t>(kEnd))};
  const Expression ends = select(sizes.apply("less", sizes.number(0)), end, first + sizes);
  return finish_codes(c, c.b.add("slice", {carried(c, 0), starts, ends.id}));
}

namespace {

// One STRIDED_SLICE as starts, ends and steps for some axes, and axes to drop and to add afterwards.
struct StridedSlice {
  Ints axes, sources, steps;  // sources: entry of begin and end that speaks of the axis
  Ints dropped, added;        // dropped: of the input; added: of the result
  int64_t begin_mask = 0, end_mask = 0, shrink_mask = 0;
};

Result<StridedSlice> strided_slice_of(ImportContext& c, const Ints& strides, int64_t rank) {
  StridedSlice out;
  MN_ASSIGN(out.begin_mask, c.int_attribute("begin_mask", 0));
  MN_ASSIGN(out.end_mask, c.int_attribute("end_mask", 0));
  MN_ASSIGN(out.shrink_mask, c.int_attribute("shrink_axis_mask", 0));
  MN_ASSIGN(const int64_t ellipsis_mask, c.int_attribute("ellipsis_mask", 0));
  MN_ASSIGN(const int64_t new_axis_mask, c.int_attribute("new_axis_mask", 0));
  const auto count = static_cast<int64_t>(strides.size());
  MN_CHECK(count <= 31, "expected at most 31 strides, got ", count);
  const auto has = [](int64_t mask, int64_t i) { return (mask >> i & 1) != 0; };
  int64_t spoken_of = 0;
  for (int64_t i = 0; i < count; ++i) spoken_of += !has(ellipsis_mask, i) && !has(new_axis_mask, i) ? 1 : 0;
  MN_CHECK(spoken_of <= rank, "begin speaks of ", spoken_of, " axes, the input has ", rank);
  int64_t axis = 0, place = 0;  // in the input, and in the result
  for (int64_t i = 0; i < count; ++i) {
    if (has(ellipsis_mask, i)) {
      axis += rank - spoken_of;
      place += rank - spoken_of;
    } else if (has(new_axis_mask, i)) {
      out.added.push_back(place++);
    } else {
      MN_CHECK(axis < rank, "begin speaks of more axes than the input has");
      out.axes.push_back(axis);
      out.sources.push_back(i);
      out.steps.push_back(has(out.shrink_mask, i) ? 1 : strides[static_cast<size_t>(i)]);
      if (has(out.shrink_mask, i)) out.dropped.push_back(axis);
      else ++place;
      ++axis;
    }
  }
  return out;
}

// Entries of begin and end as constants; nothing where one of them is computed.
Status constant_bounds(ImportContext& c, const StridedSlice& slice, bool offset, Ints* starts, Ints* ends) {
  MN_ASSIGN(const Ints begin, constant_ints(c, 1, "begin"));
  MN_ASSIGN(const Ints end, constant_ints(c, 2, "end"));
  for (size_t k = 0; k < slice.axes.size(); ++k) {
    const auto i = static_cast<size_t>(slice.sources[k]);
    MN_CHECK(i < begin.size() && i < end.size(), "begin and end are shorter than strides");
    const bool forward = slice.steps[k] > 0;
    int64_t start = begin[i], stop = offset ? begin[i] + end[i] : end[i];
    if ((slice.shrink_mask >> i & 1) != 0) {
      stop = start == -1 ? kEnd : start + 1;
    } else {
      if ((slice.begin_mask >> i & 1) != 0) start = forward ? 0 : kEnd;
      if ((slice.end_mask >> i & 1) != 0) stop = forward ? kEnd : kBegin;
    }
    starts->push_back(start);
    ends->push_back(stop);
  }
  return {};
}

// The same as values of the graph.
Status computed_bounds(ImportContext& c, const StridedSlice& slice, bool offset, ValueId* starts, ValueId* ends) {
  const Expression begin{&c.b, c.b.add("gather", {int64_list(c, 1), c.b.ints(slice.sources)})};
  const Expression end{&c.b, c.b.add("gather", {int64_list(c, 2), c.b.ints(slice.sources)})};
  MN_TRY(c.b.status());
  const Dims count{static_cast<int64_t>(slice.axes.size())};
  Tensor open_begin = *Tensor::allocate(DType::boolean, count), open_end = *Tensor::allocate(DType::boolean, count),
         shrink = *Tensor::allocate(DType::boolean, count);
  Ints first, last;
  for (size_t k = 0; k < slice.axes.size(); ++k) {
    const int64_t i = slice.sources[k];
    shrink.mutable_data<bool>()[k] = (slice.shrink_mask >> i & 1) != 0;
    open_begin.mutable_data<bool>()[k] = (slice.begin_mask >> i & 1) != 0 && !shrink.data<bool>()[k];
    open_end.mutable_data<bool>()[k] = (slice.end_mask >> i & 1) != 0;
    first.push_back(slice.steps[k] > 0 ? 0 : kEnd);
    last.push_back(slice.steps[k] > 0 ? kEnd : kBegin);
  }
  const auto value = [&](Tensor tensor) { return Expression{&c.b, c.b.constant(std::move(tensor))}; };
  const Expression one_on = select(begin.apply("equal", begin.number(-1)), begin.number(kEnd), begin + 1.0);
  const Expression stated = offset ? begin + end : end;
  const Expression open = select(value(open_end), {&c.b, c.b.ints(last)}, stated);
  *starts = select(value(open_begin), {&c.b, c.b.ints(first)}, begin).id;
  *ends = select(value(shrink), one_on, open).id;
  return c.b.status();
}

}  // namespace

Status import_strided_slice(ImportContext& c) {
  MN_TRY(expect_options(c, "StridedSliceOptions"));
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  MN_ASSIGN(const Ints strides, constant_ints(c, 3, "strides"));
  MN_ASSIGN(const StridedSlice slice, strided_slice_of(c, strides, rank));
  MN_ASSIGN(const bool offset, flag(c, "offset"));
  ValueId starts = kNoValue, ends = kNoValue;
  if (c.b.constant_value(c.input(1)) != nullptr && c.b.constant_value(c.input(2)) != nullptr) {
    Ints first, last;
    MN_TRY(constant_bounds(c, slice, offset, &first, &last));
    starts = c.b.ints(first);
    ends = c.b.ints(last);
  } else {
    MN_TRY(computed_bounds(c, slice, offset, &starts, &ends));
  }
  ValueId x = carried(c, 0);
  x = c.b.add("slice", {x, starts, ends, c.b.ints(slice.axes), c.b.ints(slice.steps)});
  if (!slice.dropped.empty()) x = c.b.add("squeeze", {x, c.b.ints(slice.dropped)});
  if (!slice.added.empty()) x = c.b.add("unsqueeze", {x, c.b.ints(slice.added)});
  return finish_codes(c, x);
}

Status import_transpose(ImportContext& c) {
  MN_ASSIGN(const Ints perm, constant_ints(c, 1, "the permutation"));
  return finish_codes(c, c.b.add("transpose", {carried(c, 0)}, {{"perm", perm}}));
}

Status import_gather(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 0));
  MN_ASSIGN(const int64_t batch, c.int_attribute("batch_dims", 0));
  if (batch != 0) return unsupported({"batch_dims ", batch, " is not supported"});
  const ValueId indices = c.b.add("cast", {c.input(1)}, {{"to", DType::int64}});
  return finish_codes(c, c.b.add("gather", {carried(c, 0), indices}, {{"axis", axis}}));
}

Status import_gather_nd(ImportContext& c) {
  const ValueId indices = c.b.add("cast", {c.input(1)}, {{"to", DType::int64}});
  return finish_codes(c, c.b.add("gather_nd", {carried(c, 0), indices}));
}

// Inputs: indices, updates, shape; updates of the same place add up.
Status import_scatter_nd(ImportContext& c) {
  const ValueId indices = c.b.add("cast", {c.input(0)}, {{"to", DType::int64}}), updates = carried(c, 1);
  MN_TRY(c.b.status());
  const ValueId zeros = c.b.add("expand", {c.b.scalar_like(0, updates), int64_list(c, 2)});
  return finish_codes(c, c.b.add("scatter_nd", {zeros, indices, updates}, {{"reduction", "add"}}));
}

// Inputs: ids, table.
Status import_embedding_lookup(ImportContext& c) {
  const ValueId indices = c.b.add("cast", {c.input(0)}, {{"to", DType::int64}});
  return finish_codes(c, c.b.add("gather", {carried(c, 1), indices}));
}

Status import_tile(ImportContext& c) { return finish_codes(c, c.b.add("tile", {carried(c, 0), int64_list(c, 1)})); }

Status import_broadcast_to(ImportContext& c) {
  return finish_codes(c, c.b.add("expand", {carried(c, 0), int64_list(c, 1)}));
}

// The shape that two shapes broadcast to.
Status import_broadcast_args(ImportContext& c) {
  ValueId shapes[2];
  int64_t length[2];
  for (int i = 0; i < 2; ++i) {
    shapes[i] = int64_list(c, i);
    const Type type = c.b.type(c.input(i));
    if (!type.shape.static_dims() || type.shape.rank() != 1)
      return unsupported({"the number of dimensions must be known"});
    length[i] = type.shape.dims[0].value;
  }
  const int shorter = length[0] < length[1] ? 0 : 1;
  const Ints ones(static_cast<size_t>(std::min<int64_t>(64, length[1 - shorter] - length[shorter])), 1);
  if (!ones.empty()) shapes[shorter] = c.b.add("concat", {c.b.ints(ones), shapes[shorter]}, {{"axis", 0}});
  const Expression a{&c.b, shapes[0]}, b{&c.b, shapes[1]};
  MN_TRY(c.b.status());
  c.set_output(0, as_declared(c, select(a.apply("equal", a.number(1)), b, a).id));
  return c.b.status();
}

// Inputs: dims, value.
Status import_fill(ImportContext& c) { return finish_codes(c, c.b.add("expand", {carried(c, 1), int64_list(c, 0)})); }

Status import_zeros_like(ImportContext& c) {
  const ValueId x = c.input(0);
  c.set_output(0, c.b.add("expand", {c.b.scalar_like(0, x), c.b.add("shape", {x})}));
  return c.b.status();
}

Status import_shape(ImportContext& c) {
  c.set_output(0, as_declared(c, c.b.add("shape", {c.input(0)})));
  return c.b.status();
}

Status import_rank(ImportContext& c) {
  c.set_output(0, as_declared(c, c.b.add("size", {c.b.add("shape", {c.input(0)})})));
  return c.b.status();
}

Status import_reverse(ImportContext& c) {
  MN_ASSIGN(const Ints axes, constant_ints(c, 1, "the axes"));
  const Ints from(axes.size(), -1), to(axes.size(), kBegin), steps(axes.size(), -1);
  return finish_codes(c,
                      c.b.add("slice", {carried(c, 0), c.b.ints(from), c.b.ints(to), c.b.ints(axes), c.b.ints(steps)}));
}

Status import_reverse_sequence(ImportContext& c) {
  MN_ASSIGN(const int64_t time, c.int_attribute("seq_dim", 0));
  MN_ASSIGN(const int64_t batch, c.int_attribute("batch_dim", 0));
  return finish_codes(
      c, c.b.add("reverse_sequence", {carried(c, 0), int64_list(c, 1)}, {{"time_axis", time}, {"batch_axis", batch}}));
}

}  // namespace minnow::tflite
