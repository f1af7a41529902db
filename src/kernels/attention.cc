// attention in float32, softmax(scale Q K^T + mask) V: for some queries of one head at a time, so that of all scores
// only those queries' rows are ever in memory (Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021,
// with the rows whole).
#include <algorithm>
#include <limits>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"

namespace minnow::kernels {
namespace {

// Where element (batch, head, row) of an operand begins.
struct Rows {
  int64_t batch, head, row;
};

struct AttentionShape {
  int64_t batch, heads, shared, queries, keys, size, value_size;  // `shared`: query heads of one key head
  Rows q, k, v, out;
  // 128 queries at most, or as many as keep their scores in half a level-2 cache of 512 KiB, but a whole tile.
  int64_t rows_at_once() const { return std::min(queries, std::clamp<int64_t>(65536 / keys, 24, 128)); }
  int64_t blocks() const { return (queries + rows_at_once() - 1) / rows_at_once(); }
  int64_t score_floats() const { return (rows_at_once() * keys + 15) / 16 * 16; }
};

int64_t dim(const Operand& x, int32_t d) { return x.dims[static_cast<size_t>(d)]; }

// [batch, heads, length, size], or [batch, length, heads * size].
Rows rows_of(const Operand& x, int64_t heads) {
  if (x.rank == 4) return {dim(x, 1) * dim(x, 2) * dim(x, 3), dim(x, 2) * dim(x, 3), dim(x, 3)};
  return {dim(x, 1) * dim(x, 2), dim(x, 2) / heads, dim(x, 2)};
}

AttentionShape shape_of(const Problem& p) {
  const Operand &q = p.input(0), &k = p.input(1), &v = p.input(2), &out = p.output(0);
  const int64_t heads = p.ints[kHeads], kv_heads = p.ints[kKeyHeads];
  const bool apart = q.rank == 4;
  AttentionShape s;
  s.batch = dim(q, 0);
  s.heads = heads;
  s.shared = heads / kv_heads;
  s.queries = dim(q, apart ? 2 : 1);
  s.keys = dim(k, apart ? 2 : 1);
  s.size = apart ? dim(q, 3) : dim(q, 2) / heads;
  s.value_size = apart ? dim(v, 3) : dim(v, 2) / kv_heads;
  s.q = rows_of(q, heads);
  s.k = rows_of(k, kv_heads);
  s.v = rows_of(v, kv_heads);
  s.out = rows_of(out, heads);
  return s;
}

bool has_dims(const Operand& x, int64_t batch, int64_t heads, int64_t length, int64_t size) {
  if (dim(x, 0) != batch) return false;
  if (x.rank == 4) return dim(x, 1) == heads && dim(x, 2) == length && dim(x, 3) == size;
  return dim(x, 1) == length && dim(x, 2) % heads == 0 && dim(x, 2) / heads == size;
}

// Booleans, or numbers to add, for [batch, heads, queries, keys]; leading dimensions may be 1 or left out.
bool mask_fits(const AttentionShape& s, const Operand& mask) {
  if ((mask.dtype != DType::boolean && mask.dtype != DType::float32) || mask.rank < 1 || mask.rank > 4) return false;
  const int64_t full[4] = {s.batch, s.heads, s.queries, s.keys};
  for (int32_t d = 0; d < mask.rank; ++d) {
    const int64_t want = full[4 - mask.rank + d];
    if (dim(mask, d) != want && (dim(mask, d) != 1 || d == mask.rank - 1)) return false;
  }
  return true;
}

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count < 3 || p.input_count > 4 || p.operand_count != p.input_count + 1)
    return false;
  const Operand &q = p.input(0), &k = p.input(1), &v = p.input(2), &out = p.output(0);
  for (const Operand* x : {&q, &k, &v, &out}) {
    if (x->dtype != DType::float32 || x->rank != q.rank || x->elements() == 0) return false;
  }
  const int64_t heads = p.ints[kHeads], kv_heads = p.ints[kKeyHeads];
  if ((q.rank != 3 && q.rank != 4) || heads < 1 || kv_heads < 1 || heads % kv_heads != 0) return false;
  const AttentionShape s = shape_of(p);
  return s.size > 0 && s.value_size > 0 && has_dims(q, s.batch, heads, s.queries, s.size) &&
         has_dims(k, s.batch, kv_heads, s.keys, s.size) && has_dims(v, s.batch, kv_heads, s.keys, s.value_size) &&
         has_dims(out, s.batch, heads, s.queries, s.value_size) && (p.input_count == 3 || mask_fits(s, p.input(3)));
}

int64_t thread_bytes(const AttentionShape& s) {
  return s.score_floats() * static_cast<int64_t>(sizeof(float)) + product_scratch_bytes(1);
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return threads * thread_bytes(shape_of(p));
}

// Some queries of one head.
struct Block {
  const KernelCall* call;
  AttentionShape s;
  int64_t batch, head, first, count;
  float* scores;  // [count, keys]
};

Product scores_of(const void* context, int64_t) {
  const Block& b = *static_cast<const Block*>(context);
  Product product{.m = b.count, .n = b.s.keys, .k = b.s.size};
  product.a = b.call->input(0) + b.batch * b.s.q.batch + b.head * b.s.q.head + b.first * b.s.q.row;
  product.a_row = b.s.q.row;
  product.b = b.call->input(1) + b.batch * b.s.k.batch + b.head / b.s.shared * b.s.k.head;
  product.b_row = 1;
  product.b_col = b.s.k.row;
  product.c = b.scores;
  product.c_row = b.s.keys;
  return product;
}

Product values_of(const void* context, int64_t) {
  const Block& b = *static_cast<const Block*>(context);
  Product product{.m = b.count, .n = b.s.value_size, .k = b.s.keys};
  product.a = b.scores;
  product.a_row = b.s.keys;
  product.b = b.call->input(2) + b.batch * b.s.v.batch + b.head / b.s.shared * b.s.v.head;
  product.b_row = b.s.v.row;
  product.c = b.call->output(0) + b.batch * b.s.out.batch + b.head * b.s.out.head + b.first * b.s.out.row;
  product.c_row = b.s.out.row;
  return product;
}

// The mask's row for a query, in elements.
int64_t mask_offset(const Block& b, const Operand& mask, int64_t query) {
  const int64_t at[3] = {query, b.head, b.batch};
  int64_t offset = 0, stride = dim(mask, mask.rank - 1);
  for (int32_t i = 0, d = mask.rank - 2; d >= 0; --d, ++i) {
    if (dim(mask, d) != 1) offset += at[i] * stride;
    stride *= dim(mask, d);
  }
  return offset;
}

void add_mask(const Block& b, int64_t query, float* row) {
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  const Problem& p = *b.call->problem;
  if (p.input_count == 4) {
    const int64_t offset = mask_offset(b, p.input(3), query);
    if (p.input(3).dtype == DType::boolean) {
      const uint8_t* allowed = static_cast<const uint8_t*>(b.call->inputs[3]) + offset;
      for (int64_t i = 0; i < b.s.keys; ++i) row[i] = allowed[i] != 0 ? row[i] : kForbidden;
    } else {
      b.call->row->f32->rows->add_to(b.s.keys, b.call->input(3) + offset, row);
    }
  }
  if (p.ints[kCausal] != 0) std::fill(row + std::min(query + 1, b.s.keys), row + b.s.keys, kForbidden);
}

KernelStatus run(const KernelCall& call) {
  const AttentionShape s = shape_of(*call.problem);
  const simd::RowTable& rows = *call.row->f32->rows;
  const float scale = call.problem->floats[0];
  const bool masked = call.problem->input_count == 4 || call.problem->ints[kCausal] != 0;
  return for_each_item(call, s.batch * s.heads * s.blocks(), [&](int64_t item, int thread) {
    Block b{&call, s, item / s.blocks() / s.heads, item / s.blocks() % s.heads};
    b.first = item % s.blocks() * s.rows_at_once();
    b.count = std::min(s.rows_at_once(), s.queries - b.first);
    char* memory = static_cast<char*>(call.scratch) + thread * thread_bytes(s);
    b.scores = reinterpret_cast<float*>(memory);
    KernelCall inner = call;
    inner.threads = nullptr;
    inner.scratch = b.scores + s.score_floats();
    if (run_products(inner, 1, scores_of, &b) == kStopped) return;
    for (int64_t i = 0; i < b.count; ++i) {
      float* row = b.scores + i * s.keys;
      rows.scale(s.keys, row, scale, row);
      if (masked) add_mask(b, b.first + i, row);
      // Where every key is forbidden there is nothing to attend to.
      if (masked && rows.max(s.keys, row) == -std::numeric_limits<float>::infinity()) {
        std::fill(row, row + s.keys, 0.0f);
      } else {
        rows.softmax(s.keys, row, row);
      }
    }
    run_products(inner, 1, values_of, &b);
  });
}

}  // namespace

const std::array<KernelRow, 1> kAttentionRows = {{
    {.op = "attention", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
}};

}  // namespace minnow::kernels
