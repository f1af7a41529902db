// ONNX Runtime's attention operators (domain com.microsoft), spelled with `attention`: projections, masks given as
// lengths or integers, and caches in their own layouts.
#pragma once

#include "ops/builder.h"

namespace minnow::ops {

Status import_microsoft_attention(ImportContext& c);    // Attention: projects, then attends
Status import_quantized_attention(ImportContext& c);    // QAttention: the same from quantized operands
Status import_multi_head_attention(ImportContext& c);   // MultiHeadAttention
Status import_group_query_attention(ImportContext& c);  // GroupQueryAttention

}  // namespace minnow::ops
