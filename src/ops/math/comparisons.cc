// Comparisons (numbers in, boolean out), logic and bits of two broadcast operands.
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status equal_infer(InferContext& c) {
  MN_TRY(infer_broadcast(c));
  MN_CHECK(!is_complex(c.dtype(0)), "complex numbers are not compared here");
  Type type = c.outputs()[0];
  type.dtype = DType::boolean;
  c.set_output(0, std::move(type));
  return {};
}

Status equal_reference(EvalContext& c) {
  DType dtype = unsigned_twin(c.input(0).dtype());
  if (dtype == DType::string)
    return map_pairs<std::string, bool>(c, [](const std::string& a, const std::string& b) { return a == b; });
  if (element_bytes(dtype) == 1) dtype = DType::uint8;  // booleans and sub-byte integers
  return dispatch<WrappingTypes>(dtype,
                                 [&]<class T>() { return map_pairs<T, bool>(c, [](T a, T b) { return a == b; }); });
}

template <bool kOrEqual, bool kSwapped>
Status order_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_pairs<T, bool>(c, [](T a, T b) {
      const T left = kSwapped ? b : a, right = kSwapped ? a : b;
      return kOrEqual ? left <= right : left < right;
    });
  });
}

Status and_reference(EvalContext& c) {
  return map_pairs<bool, bool>(c, [](bool a, bool b) { return a && b; });
}
Status or_reference(EvalContext& c) {
  return map_pairs<bool, bool>(c, [](bool a, bool b) { return a || b; });
}
Status xor_reference(EvalContext& c) {
  return map_pairs<bool, bool>(c, [](bool a, bool b) { return a != b; });
}

using Words = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;

Status bitwise_and_reference(EvalContext& c) {
  return dispatch<Words>(unsigned_twin(c.input(0).dtype()),
                         [&]<class T>() { return map_pairs<T, T>(c, [](T a, T b) -> T { return a & b; }); });
}
Status bitwise_or_reference(EvalContext& c) {
  return dispatch<Words>(unsigned_twin(c.input(0).dtype()),
                         [&]<class T>() { return map_pairs<T, T>(c, [](T a, T b) -> T { return a | b; }); });
}
Status bitwise_xor_reference(EvalContext& c) {
  return dispatch<Words>(unsigned_twin(c.input(0).dtype()),
                         [&]<class T>() { return map_pairs<T, T>(c, [](T a, T b) -> T { return a ^ b; }); });
}

Status bit_shift_infer(InferContext& c) {
  const std::string& direction = c.string_attribute("direction");
  MN_CHECK(direction == "LEFT" || direction == "RIGHT", "direction must be LEFT or RIGHT, got '", direction, "'");
  return infer_broadcast_integer(c);
}

// A shift by a negative count or by all bits leaves only the fill: the sign on the right, 0 on the left.
template <class T>
T shifted(T x, T count, bool left) {
  constexpr int kBits = static_cast<int>(sizeof(T) * 8);
  const bool out_of_range = count < T(0) || count >= T(kBits);
  if (out_of_range) return !left && x < T(0) ? static_cast<T>(~T(0)) : T(0);
  const int bits = static_cast<int>(count);
  return left ? static_cast<T>(static_cast<uint64_t>(x) << bits)
              : static_cast<T>(x >> bits);  // arithmetic for signed types
}

Status bit_shift_reference(EvalContext& c) {
  const bool left = c.string_attribute("direction") == "LEFT";
  return dispatch<IntegerTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_pairs<T, T>(c, [left](T x, T count) { return shifted(x, count, left); });
  });
}

Case compared(std::initializer_list<bool> expected) {
  return {.inputs = {Tensor::of<float>({1, 2, 3}, {3}), Tensor::of<float>({3, 2, 1}, {3})},
          .expected = {Tensor::of<bool>(expected, {3})},
          .differentiable = false};
}
std::vector<Case> order_cases(std::initializer_list<bool> expected) {
  return {
      compared(expected),
      {.inputs = {random_tensor(DType::int32, {2, 1, 4}, 1, -3, 3), random_tensor(DType::int32, {3, 1}, 2, -3, 3)},
       .note = "broadcast"},
      {.inputs = {random_tensor(DType::uint64, {0}, 1), random_tensor(DType::uint64, {1}, 2, 0, 9)}, .note = "empty"}};
}
std::vector<Case> equal_cases() {
  std::vector<Case> cases = order_cases({false, true, false});
  cases.push_back({.inputs = {Tensor::of<bool>({true, false}, {2}), Tensor::of<bool>({true, true}, {2})},
                   .expected = {Tensor::of<bool>({true, false}, {2})}});
  cases.push_back({.inputs = {Tensor::of_strings({"a", "b"}, {2}), Tensor::of_strings({"b"}, {})},
                   .expected = {Tensor::of<bool>({false, true}, {2})}});
  return cases;
}
std::vector<Case> less_cases() { return order_cases({true, false, false}); }
std::vector<Case> less_or_equal_cases() { return order_cases({true, true, false}); }
std::vector<Case> greater_cases() { return order_cases({false, false, true}); }
std::vector<Case> greater_or_equal_cases() { return order_cases({false, true, true}); }

std::vector<Case> logic_cases(std::initializer_list<bool> expected) {
  return {
      {.inputs = {Tensor::of<bool>({false, false, true, true}, {4}), Tensor::of<bool>({false, true, false, true}, {4})},
       .expected = {Tensor::of<bool>(expected, {4})}},
      {.inputs = {random_tensor(DType::boolean, {2, 3}, 1), random_tensor(DType::boolean, {}, 2)},
       .note = "broadcast"}};
}
std::vector<Case> and_cases() { return logic_cases({false, false, false, true}); }
std::vector<Case> or_cases() { return logic_cases({false, true, true, true}); }
std::vector<Case> xor_cases() { return logic_cases({false, true, true, false}); }

std::vector<Case> bit_cases(std::initializer_list<int32_t> expected) {
  return {{.inputs = {Tensor::of<int32_t>({12, -1}, {2}), Tensor::of<int32_t>({10, 6}, {2})},
           .expected = {Tensor::of<int32_t>(expected, {2})}},
          {.inputs = {random_tensor(DType::uint8, {2, 3}, 1, 0, 255), random_tensor(DType::uint8, {3}, 2, 0, 255)},
           .note = "broadcast"}};
}
std::vector<Case> bitwise_and_cases() { return bit_cases({8, 6}); }
std::vector<Case> bitwise_or_cases() { return bit_cases({14, -1}); }
std::vector<Case> bitwise_xor_cases() { return bit_cases({6, -7}); }
std::vector<Case> bit_shift_cases() {
  const auto item = [](std::initializer_list<int32_t> x, std::initializer_list<int32_t> n, const char* direction,
                       std::initializer_list<int32_t> y) {
    return Case{.inputs = {Tensor::of<int32_t>(x, {3}), Tensor::of<int32_t>(n, {3})},
                .attributes = {{"direction", direction}},
                .expected = {Tensor::of<int32_t>(y, {3})}};
  };
  return {{.inputs = {Tensor::of<uint8_t>({16, 4, 255}, {3}), Tensor::of<uint8_t>({1, 8, 200}, {3})},
           .attributes = {{"direction", "RIGHT"}},
           .expected = {Tensor::of<uint8_t>({8, 0, 0}, {3})}},
          item({1, 2, 3}, {1, 2, 33}, "LEFT", {2, 8, 0}),
          item({-8, 7, -1}, {1, -1, 64}, "RIGHT", {-4, 0, -1})};
}

OpDef comparison(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
                 Status (*reference)(EvalContext&), std::vector<Case> (*cases)(), int first) {
  return {.name = name,
          .doc = doc,
          .inputs = {2, 2},
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx", onnx, 1, 6, import_legacy_broadcast}, {"ai.onnx", onnx, 7}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> comparisons() {
  std::vector<OpDef> ops = {
      comparison("bit_shift", "BitShift", "a shifted by b bits to the LEFT or RIGHT.", bit_shift_infer,
                 bit_shift_reference, bit_shift_cases, 11),
      comparison("equal", "Equal", "a = b.", equal_infer, equal_reference, equal_cases, 7),
      comparison("less", "Less", "a < b.", infer_broadcast_compare, order_reference<false, false>, less_cases, 7),
      comparison("less_or_equal", "LessOrEqual", "a <= b.", infer_broadcast_compare, order_reference<true, false>,
                 less_or_equal_cases, 12),
      comparison("greater", "Greater", "a > b.", infer_broadcast_compare, order_reference<false, true>, greater_cases,
                 7),
      comparison("greater_or_equal", "GreaterOrEqual", "a >= b.", infer_broadcast_compare, order_reference<true, true>,
                 greater_or_equal_cases, 12),
      comparison("and", "And", "a and b.", infer_broadcast_boolean, and_reference, and_cases, 7),
      comparison("or", "Or", "a or b.", infer_broadcast_boolean, or_reference, or_cases, 7),
      comparison("xor", "Xor", "a or b but not both.", infer_broadcast_boolean, xor_reference, xor_cases, 7),
      comparison("bitwise_and", "BitwiseAnd", "Bits set in both.", infer_broadcast_integer, bitwise_and_reference,
                 bitwise_and_cases, 18),
      comparison("bitwise_or", "BitwiseOr", "Bits set in either.", infer_broadcast_integer, bitwise_or_reference,
                 bitwise_or_cases, 18),
      comparison("bitwise_xor", "BitwiseXor", "Bits set in one.", infer_broadcast_integer, bitwise_xor_reference,
                 bitwise_xor_cases, 18),
  };
  ops[0].attributes = {required("direction", AttributeKind::text)};
  return tflite::with_rows(std::move(ops), {{"equal", "EQUAL", tflite::compute},
                                            {"less", "LESS", tflite::compute},
                                            {"less_or_equal", "LESS_EQUAL", tflite::compute},
                                            {"greater", "GREATER", tflite::compute},
                                            {"greater_or_equal", "GREATER_EQUAL", tflite::compute},
                                            {"and", "LOGICAL_AND", tflite::compute},
                                            {"or", "LOGICAL_OR", tflite::compute},
                                            {"bitwise_xor", "BITWISE_XOR", tflite::move}});
}

}  // namespace minnow::ops
