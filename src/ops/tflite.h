// What the import rows of TensorFlow Lite's operators share. Quantized operators become dequantize_linear, the operator
// in real numbers, its fused activation, and quantize_linear (design, contract 2); operators that only move or compare
// elements work on the codes where these mean the same on both sides.
#pragma once

#include "ops/builder.h"
#include "ops/op.h"

namespace minnow::tflite {

// The options must be those of this table of the schema: without them the operator has no strides, axes, and so on.
Status expect_options(const ImportContext& c, std::string_view table);
// A stated enumerator or flag; the format does not store fields that have their default.
Result<bool> flag(const ImportContext& c, std::string_view name, bool fallback = false);

bool is_quantized(const ImportContext& c, int input);
bool is_quantized_output(const ImportContext& c, int output = 0);
// Codes that stand for the same numbers: both not quantized, or by the same scales and zero points.
bool same_quantization(const Quantization& a, const Quantization& b);
// Input `i` in real numbers: dequantized where it is quantized, float16 as it is.
ValueId real(ImportContext& c, int i);
// Input `i` in the codes of output `k`: as it is, or requantized.
ValueId carried(ImportContext& c, int i, int k = 0);
// The bias of a product of `x` and `w`: int32 codes have the scale of that product.
Result<ValueId> real_bias(ImportContext& c, int bias, const Quantization& x, const Quantization& w);
ValueId dequantize(Builder& b, ValueId codes, const Quantization& quantization);
ValueId quantize(Builder& b, ValueId real, const Quantization& quantization);

// The fused activation on real numbers.
Result<ValueId> activated(ImportContext& c, ValueId x);
// The same on codes of output `k`.
Result<ValueId> activated_codes(ImportContext& c, ValueId codes, int k = 0);
// Real numbers become output `k`: activation, then quantization where the output has one.
Status finish(ImportContext& c, ValueId x, int k = 0);
// Codes become output `k`.
Status finish_codes(ImportContext& c, ValueId codes, int k = 0);

// The constant behind an input as integers; an error that names the input where it is computed.
Result<Ints> constant_ints(ImportContext& c, int i, std::string_view what);
// An input as a 1-D int64 value, constant or not.
ValueId int64_list(ImportContext& c, int i);
// `x` converted to the type that the file declares for output `k`.
ValueId as_declared(ImportContext& c, ValueId x, int k = 0);
// The constant with its axes permuted, or a transpose node where it is computed.
Result<ValueId> transposed(Builder& b, ValueId x, Ints perm);
ValueId reshaped(Builder& b, ValueId x, const Ints& dims);
Result<int64_t> rank_of(const ImportContext& c, int i);

// For families that are built by a function: the rows of `rows` appended to the operators that they name.
struct FamilyRow {
  std::string_view op, name;
  Status (*adapter)(ImportContext&);
};
std::vector<OpDef> with_rows(std::vector<OpDef> ops, std::initializer_list<FamilyRow> rows);

// Adapters. Without a node of its own an adapter stands beside the operator that it ends in.
Status compute(ImportContext& c);          // the operator on real numbers
Status move(ImportContext& c);             // the operator on the codes of its first input
Status move_or_compute(ImportContext& c);  // on codes where all inputs have those of the output
// tflite_math.cc
Status import_squared_difference(ImportContext& c);
Status import_square(ImportContext& c);
Status import_rsqrt(ImportContext& c);
Status import_floor_div(ImportContext& c);
Status import_floor_mod(ImportContext& c);
Status import_add_n(ImportContext& c);
Status import_not_equal(ImportContext& c);
Status import_clip(ImportContext& c);
Status import_gelu(ImportContext& c);
Status import_leaky_relu(ImportContext& c);
Status import_softmax(ImportContext& c);
Status import_l2_normalization(ImportContext& c);
Status import_local_response_normalization(ImportContext& c);
Status import_fully_connected(ImportContext& c);
Status import_batch_matmul(ImportContext& c);
Status import_quantize(ImportContext& c);
Status import_dequantize(ImportContext& c);
Status import_fake_quant(ImportContext& c);
Status import_cast(ImportContext& c);
// tflite_reduce.cc
Status import_reduce(ImportContext& c);
Status import_reduce_codes(ImportContext& c);
Status import_arg(ImportContext& c);
Status import_top_k(ImportContext& c);
Status import_select(ImportContext& c);
Status import_where(ImportContext& c);
Status import_one_hot(ImportContext& c);
Status import_range(ImportContext& c);
// tflite_spatial.cc
Status import_conv(ImportContext& c);
Status import_depthwise_conv(ImportContext& c);
Status import_transpose_conv(ImportContext& c);
Status import_transpose_conv_bias(ImportContext& c);
Status import_average_pool(ImportContext& c);
Status import_max_pool(ImportContext& c);
Status import_resize_bilinear(ImportContext& c);
Status import_resize_nearest(ImportContext& c);
Status import_depth_to_space(ImportContext& c);
Status import_space_to_batch(ImportContext& c);
Status import_batch_to_space(ImportContext& c);
Status import_pad(ImportContext& c);
Status import_mirror_pad(ImportContext& c);
// tflite_tensor.cc
Status import_reshape(ImportContext& c);
Status import_squeeze(ImportContext& c);
Status import_expand_dims(ImportContext& c);
Status import_concatenation(ImportContext& c);
Status import_split(ImportContext& c);
Status import_split_v(ImportContext& c);
Status import_pack(ImportContext& c);
Status import_unpack(ImportContext& c);
Status import_slice(ImportContext& c);
Status import_strided_slice(ImportContext& c);
Status import_transpose(ImportContext& c);
Status import_gather(ImportContext& c);
Status import_gather_nd(ImportContext& c);
Status import_scatter_nd(ImportContext& c);
Status import_embedding_lookup(ImportContext& c);
Status import_tile(ImportContext& c);
Status import_broadcast_to(ImportContext& c);
Status import_broadcast_args(ImportContext& c);
Status import_fill(ImportContext& c);
Status import_zeros_like(ImportContext& c);
Status import_shape(ImportContext& c);
Status import_rank(ImportContext& c);
Status import_reverse(ImportContext& c);
Status import_reverse_sequence(ImportContext& c);
// tflite_control.cc
Status import_if(ImportContext& c);
Status import_while(ImportContext& c);

}  // namespace minnow::tflite
