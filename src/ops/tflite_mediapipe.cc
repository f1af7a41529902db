#include "ops/tflite_mediapipe.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

constexpr int64_t kMaxSize = std::numeric_limits<int32_t>::max();

// Dimensions of an input that has `rank` of them, all known but perhaps the first, which is -1 then.
Result<Ints> dims_of(const ImportContext& c, int i, int64_t rank) {
  const Type type = c.b.type(c.has_input(i) ? c.input(i) : kNoValue);
  MN_CHECK(type.shape.ranked && type.shape.rank() == rank, "input ", i, ": expected ", rank, " dimensions, got ",
           to_string(type));
  Ints out;
  for (const Dim& dim : type.shape.dims) {
    if (!dim.known() && !out.empty()) return unsupported({"input ", i, ": dimension ", out.size(), " must be known"});
    MN_CHECK(!dim.known() || dim.value <= kMaxSize, "input ", i, ": dimension ", dim.value, " is too large");
    out.push_back(dim.known() ? dim.value : -1);
  }
  return out;
}

// TfLitePoolParams, as it lies in the memory of a little-endian machine.
struct PoolOptions {
  bool same = false;
  int64_t stride[2] = {1, 1}, filter[2] = {1, 1};  // along the height, along the width
  int32_t activation = 0;
};

Result<PoolOptions> pool_options(const ImportContext& c) {
  const Attribute* options = c.node.attributes.find("custom_options");
  const Tensor* bytes = options == nullptr ? nullptr : options->get<Tensor>();
  int32_t fields[6];  // padding (1 same, 2 valid), stride and filter along width and height, activation
  MN_CHECK(bytes != nullptr && bytes->bytes() >= static_cast<int64_t>(sizeof(fields)), "expected ", sizeof(fields),
           " bytes of options, got ", bytes == nullptr ? 0 : bytes->bytes());
  std::memcpy(fields, bytes->raw().data(), sizeof(fields));
  MN_CHECK(fields[0] == 1 || fields[0] == 2, "padding: expected 1 (same) or 2 (valid), got ", fields[0]);
  for (int i = 1; i < 5; ++i) MN_CHECK(fields[i] >= 1, "strides and filters must be at least 1, got ", fields[i]);
  return PoolOptions{fields[0] == 1, {fields[2], fields[1]}, {fields[4], fields[3]}, fields[5]};
}

// start, start + step, ... of `count` elements along one of four axes: 64-bit integers. Computed when the model runs,
// so that a size that a file merely states costs nothing.
Expression positions(Builder& b, int64_t start, int64_t step, int64_t count, int axis) {
  const auto scalar = [&](int64_t value) { return b.constant(Tensor::scalar(value)); };
  const ValueId line = b.add("range", {scalar(start), scalar(start + step * count), scalar(step)});
  Ints dims(4, 1);
  dims[static_cast<size_t>(axis)] = -1;
  return {&b, reshaped(b, line, dims)};
}

// What lies before the input where it is padded to windows of the stride: the smaller half.
int64_t pad_before(int64_t in, int64_t filter, int64_t stride, int64_t out) {
  return std::max<int64_t>((out - 1) * stride + filter - in, 0) / 2;
}

// TfLiteFusedActivation.
Result<ValueId> pool_activation(ImportContext& c, ValueId x, int32_t activation) {
  switch (activation) {
    case 0: return x;
    case 1: return c.b.add("relu", {x});
    case 2: return c.b.add("clip", {x, c.b.scalar_like(-1, x), c.b.scalar_like(1, x)});
    case 3: return c.b.add("clip", {x, c.b.scalar_like(0, x), c.b.scalar_like(6, x)});
    default: return unsupported({"fused activation ", activation, " of a pool is not supported"});
  }
}

// A number of a [1, 4, 4] matrix, as a tensor of one element.
struct Matrix {
  Expression numbers;
  Expression at(int row, int column) const {
    return numbers.apply("gather", {numbers.b, numbers.b->ints({row * 4 + column})}, {{"axis", 0}});
  }
};

Result<Matrix> matrix_of(ImportContext& c, int i) {
  MN_ASSIGN(const Ints dims, dims_of(c, i, 3));
  MN_CHECK(dims[0] == 1 && dims[1] == 4 && dims[2] == 4, "input ", i, ": expected a matrix [1, 4, 4], got ",
           to_string(dims));
  return Matrix{{&c.b, reshaped(c.b, real(c, i), {16})}};
}

Expression slice(const Expression& x, int64_t axis, int64_t begin, int64_t end) {
  Builder& b = *x.b;
  return {&b, b.add("slice", {x.id, b.ints({begin}), b.ints({end}), b.ints({axis})})};
}

Result<int64_t> option(const ImportContext& c, std::string_view name, int64_t least) {
  MN_ASSIGN(const int64_t value, c.int_attribute(name, least - 1));
  MN_CHECK(value >= least && value <= kMaxSize, "option '", name, "': expected ", least, " to ", kMaxSize,
           value < least ? ", or it is missing; got " : ", got ", value);
  return value;
}

Result<float> real_option(const ImportContext& c, std::string_view name) {
  const Attribute* value = c.node.attributes.find(name);
  MN_CHECK(value != nullptr && value->present(), "option '", name, "' is missing");
  const int64_t* whole = value->get<int64_t>();
  MN_ASSIGN(const float number, whole != nullptr ? static_cast<float>(*whole) : c.float_attribute(name, 0));
  MN_CHECK(std::isfinite(number), "option '", name, "': expected a finite number, got ", number);
  return number;
}

// Coordinates along one axis, 0 where they lie outside the tensor; their floors; and the rest.
struct Coordinate {
  Expression low, high, fraction;
};

Coordinate split(const Expression& x, int64_t size) {
  const Expression low = x.apply("floor");
  const Expression index = low.apply("cast", {{"to", DType::int64}});
  const Expression next = index + 1;
  return {index, next.apply("min", next.number(static_cast<double>(size - 1))), x - low};
}

}  // namespace

// x [N, H, W, C] -> maxima, and the position of each in its window, row by row, as a real number a little above it.
Status import_max_pool_with_argmax(ImportContext& c) {
  MN_CHECK(c.input_count() == 1 && c.output_count() == 2, "expected 1 input and 2 outputs, got ", c.input_count(),
           " and ", c.output_count());
  MN_ASSIGN(const PoolOptions options, pool_options(c));
  MN_ASSIGN(const Ints dims, dims_of(c, 0, 4));
  const Attributes attributes{{"kernel_shape", Ints{options.filter[0], options.filter[1]}},
                              {"strides", Ints{options.stride[0], options.stride[1]}},
                              {"auto_pad", options.same ? "SAME_UPPER" : "VALID"},
                              {"data_layout", "NHWC"}};
  const ValueId x = real(c, 0);
  const std::vector<ValueId> pooled = c.b.add_many("max_pool", std::span<const ValueId>(&x, 1), 2, attributes);
  MN_TRY(c.b.status());
  const Shape out = c.b.type(pooled[0]).shape;
  // Flat indices count all elements of x.
  const Expression pixel = Expression{&c.b, pooled[1]} / static_cast<double>(std::max<int64_t>(dims[3], 1));
  Expression at[2];
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t size = dims[static_cast<size_t>(axis) + 1], count = out.dims[static_cast<size_t>(axis) + 1].value;
    const Expression line = axis == 0 ? pixel / static_cast<double>(std::max<int64_t>(dims[2], 1)) : pixel;
    const int64_t pad = options.same ? pad_before(size, options.filter[axis], options.stride[axis], count) : 0;
    at[axis] = line.apply("mod", line.number(static_cast<double>(std::max<int64_t>(size, 1)))) -
               positions(c.b, -pad, options.stride[axis], count, axis + 1);
  }
  const Expression index = at[0] * static_cast<double>(options.filter[1]) + at[1];
  MN_ASSIGN(const ValueId maxima, pool_activation(c, pooled[0], options.activation));
  c.set_output(0, maxima);
  c.set_output(1, (index.apply("cast", {{"to", DType::float32}}) + 0.1).id);
  return c.b.status();
}

// x and indices [N, h, w, C] -> [N, h * filter, w * filter, C]: zeros, and each number where its index says. Indices
// that lead outside are skipped; of several numbers in one place the last stays.
Status import_max_unpool(ImportContext& c) {
  MN_CHECK(c.input_count() == 2 && c.output_count() == 1, "expected 2 inputs and 1 output, got ", c.input_count(),
           " and ", c.output_count());
  MN_ASSIGN(const PoolOptions options, pool_options(c));
  MN_ASSIGN(Ints dims, dims_of(c, 0, 4));
  MN_ASSIGN(const Ints index_dims, dims_of(c, 1, 4));
  if (dims[0] < 0) return unsupported({"the batch must be known"});
  MN_CHECK(dims == index_dims, "values ", to_string(dims), " and indices ", to_string(index_dims), " differ in shape");
  Builder& b = c.b;
  const Expression given{&b, real(c, 1)};
  // Further than any tensor reaches; casts to integers need a bound.
  const Expression bounded{
      &b, b.add("clip", {given.id, given.number(-0x1p31).id, given.number(static_cast<double>(0x1p30)).id})};
  const Expression index = bounded.apply("cast", {{"to", DType::int64}});
  const Expression width = index.number(static_cast<double>(options.filter[1]));
  const Expression inside[2] = {index.apply("div", width), index.apply("mod", width, {{"fmod", 1}})};
  Expression flat = positions(b, 0, 1, dims[0], 0), valid;
  for (int axis = 0; axis < 2; ++axis) {
    int64_t& size = dims[static_cast<size_t>(axis) + 1];
    const int64_t in = size;
    size *= options.filter[axis];
    MN_CHECK(size <= kMaxSize, in, " windows of ", options.filter[axis], " are too many");
    const int64_t pad = pad_before(size, options.filter[axis], options.stride[axis], in);
    const Expression at = inside[axis] + positions(b, -pad, options.stride[axis], in, axis + 1);
    const Expression fits =
        at.apply("greater_or_equal", at.number(0)).apply("and", at.apply("less", at.number(static_cast<double>(size))));
    valid = axis == 0 ? fits : valid.apply("and", fits);
    flat = flat * static_cast<double>(size) + at;
  }
  flat = flat * static_cast<double>(dims[3]) + positions(b, 0, 1, dims[3], 3);
  MN_ASSIGN(const int64_t count, checked_element_count(dims));
  // One place behind the tensor takes what is skipped.
  const ValueId places = reshaped(b, select(valid, flat, flat.number(static_cast<double>(count))).id, {-1});
  const ValueId x = real(c, 0);
  const ValueId zeros = b.add("expand", {b.scalar_like(0, x), b.ints({count + 1})});
  const Expression all{&b, b.add("scatter_elements", {zeros, places, reshaped(b, x, {-1})}, {{"axis", 0}})};
  return finish(c, reshaped(b, slice(all, 0, 0, count).id, dims));
}

// Landmarks [1, N, 2 or 3] mapped by the first two rows of a matrix; the third number stays.
Status import_transform_landmarks(ImportContext& c) {
  MN_ASSIGN(const Ints dims, dims_of(c, 0, 3));
  MN_CHECK(dims[0] == 1 && (dims[2] == 2 || dims[2] == 3), "landmarks: expected [1, N, 2] or [1, N, 3], got ",
           to_string(dims));
  MN_ASSIGN(const Matrix m, matrix_of(c, 1));
  const Expression landmarks{&c.b, real(c, 0)};
  const Expression x = slice(landmarks, 2, 0, 1), y = slice(landmarks, 2, 1, 2);
  std::vector<ValueId> parts;
  for (int row = 0; row < 2; ++row) parts.push_back((x * m.at(row, 0) + y * m.at(row, 1) + m.at(row, 3)).id);
  if (dims[2] == 3) parts.push_back(slice(landmarks, 2, 2, 3).id);
  return finish(c, c.b.add("concat", parts, {{"axis", 2}}));
}

// x [1, H, W, C] at the places that a matrix maps the output's pixels to, between four pixels; zeros outside.
Status import_transform_tensor(ImportContext& c) {
  MN_ASSIGN(const Ints dims, dims_of(c, 0, 4));
  MN_CHECK(dims[0] == 1 && dims[1] >= 1 && dims[2] >= 1, "expected one image that is not empty, got ", to_string(dims));
  MN_ASSIGN(const Matrix m, matrix_of(c, 1));
  MN_ASSIGN(const int64_t height, option(c, "output_height", 1));
  MN_ASSIGN(const int64_t width, option(c, "output_width", 1));
  Builder& b = c.b;
  const Attributes as_real{{"to", DType::float32}};
  const Expression columns = positions(b, 0, 1, width, 1).apply("cast", as_real);
  const Expression rows = positions(b, 0, 1, height, 0).apply("cast", as_real);
  Expression at[2], inside;
  for (int axis = 0; axis < 2; ++axis) {
    const Expression across = m.at(axis, 0), down = m.at(axis, 1);
    // Pixels lie half a step from the corner on both sides of the map.
    const Expression shift = m.at(axis, 3) + (across * 0.5 + down * 0.5 - 0.5);
    const Expression place{&b, reshaped(b, (across * columns + down * rows + shift).id, {-1, 1})};
    const double last = static_cast<double>(dims[axis == 0 ? 2 : 1] - 1);
    const Expression fits =
        place.apply("greater_or_equal", place.number(0)).apply("and", place.apply("less_or_equal", place.number(last)));
    inside = axis == 0 ? fits : inside.apply("and", fits);
    at[axis] = place;
  }
  for (Expression& place : at) place = select(inside, place, place.number(0));
  const Coordinate x = split(at[0], dims[2]), y = split(at[1], dims[1]);
  const ValueId pixels = reshaped(b, real(c, 0), {dims[1] * dims[2], dims[3]});
  const auto read = [&](const Expression& row, const Expression& column) -> Expression {
    const Expression place = row * static_cast<double>(dims[2]) + column;
    return {&b, b.add("gather", {pixels, reshaped(b, place.id, {-1})}, {{"axis", 0}})};
  };
  const auto between = [](const Expression& a, const Expression& z, const Expression& part) {
    return (1.0 - part) * a + part * z;
  };
  const Expression upper = between(read(y.low, x.low), read(y.low, x.high), x.fraction);
  const Expression lower = between(read(y.high, x.low), read(y.high, x.high), x.fraction);
  const Expression mixed = between(upper, lower, y.fraction);
  return finish(c, reshaped(b, select(inside, mixed, mixed.number(0)).id, {1, height, width, dims[3]}));
}

// Landmarks [1, N, 3] -> the matrix [1, 4, 4] that maps pixels of a crop to the image: the crop is the box around the
// landmarks `subset_idxs`, enlarged, and turned so that the line between two landmarks has the target angle.
Status import_landmarks_to_matrix(ImportContext& c) {
  MN_ASSIGN(const Ints dims, dims_of(c, 0, 3));
  MN_CHECK(dims[0] == 1 && dims[2] == 3, "landmarks: expected [1, N, 3], got ", to_string(dims));
  MN_ASSIGN(const int64_t left, option(c, "left_rotation_idx", 0));
  MN_ASSIGN(const int64_t right, option(c, "right_rotation_idx", 0));
  MN_ASSIGN(const int64_t height, option(c, "output_height", 1));
  MN_ASSIGN(const int64_t width, option(c, "output_width", 1));
  MN_ASSIGN(const float scale_x, real_option(c, "scale_x"));
  MN_ASSIGN(const float scale_y, real_option(c, "scale_y"));
  MN_ASSIGN(const float target, real_option(c, "target_rotation_radians"));
  MN_ASSIGN(const Ints subset, c.ints_attribute("subset_idxs"));
  MN_CHECK(scale_x > 0 && scale_y > 0, "scales must be positive, got ", scale_x, " and ", scale_y);
  MN_CHECK(!subset.empty(), "option 'subset_idxs' is empty or missing");
  for (const int64_t i :
       {left, right, *std::min_element(subset.begin(), subset.end()), *std::max_element(subset.begin(), subset.end())})
    MN_CHECK(i >= 0 && i < dims[1], "landmark ", i, " of ", dims[1]);

  Builder& b = c.b;
  const Expression landmarks{&b, reshaped(b, real(c, 0), {-1, 3})};
  const auto chosen = [&](const Ints& which) { return landmarks.apply("gather", {&b, b.ints(which)}, {{"axis", 0}}); };
  const Expression line = chosen({right}) - chosen({left});
  const Expression dx = slice(line, 1, 0, 1), dy = slice(line, 1, 1, 2), length = sqrt(dx * dx + dy * dy);
  // Two landmarks in one place make no angle: 0 counts.
  const Expression any = length.apply("greater", length.number(0));
  const Expression cosine = select(any, dx / length, dx.number(1)), sine = select(any, dy / length, dx.number(0));
  const double turn_cosine = std::cos(target), turn_sine = std::sin(target);
  const Expression cos_r = cosine * turn_cosine + sine * turn_sine, sin_r = cosine * turn_sine - sine * turn_cosine;

  const Expression points = chosen(subset), x = slice(points, 1, 0, 1), y = slice(points, 1, 1, 2);
  const Expression turned[2] = {x * cos_r - y * sin_r, x * sin_r + y * cos_r};
  Expression size[2], middle[2];
  for (int axis = 0; axis < 2; ++axis) {
    const Expression first{&b, b.ints({0})};
    const Expression high = turned[axis].apply("reduce_max", first), low = turned[axis].apply("reduce_min", first);
    size[axis] = high - low;
    middle[axis] = (high + low) / 2.0;
  }
  const Expression across = size[0] * scale_x / static_cast<double>(width);
  const Expression down = size[1] * scale_y / static_cast<double>(height);
  const Expression m[2][2] = {{cos_r * across, sin_r * down}, {-(sin_r * across), cos_r * down}};
  const Expression center[2] = {cos_r * middle[0] + sin_r * middle[1], cos_r * middle[1] - sin_r * middle[0]};
  const ValueId zero = reshaped(b, cos_r.number(0).id, {1, 1}), one = reshaped(b, cos_r.number(1).id, {1, 1});
  std::vector<ValueId> numbers;
  for (int row = 0; row < 2; ++row) {
    const Expression shift =
        m[row][0] * (-0.5 * static_cast<double>(width)) + m[row][1] * (-0.5 * static_cast<double>(height));
    numbers.insert(numbers.end(), {m[row][0].id, m[row][1].id, zero, (shift + center[row]).id});
  }
  numbers.insert(numbers.end(), {zero, zero, one, zero, zero, zero, zero, one});
  return finish(c, reshaped(b, b.add("concat", numbers, {{"axis", 1}}), {1, 4, 4}));
}

}  // namespace minnow::tflite
