#include "kernels/blocked_gemm.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace minnow::kernels {
namespace {

constexpr int64_t kMaxTileCols = 32;
constexpr int64_t kScratchFloats = kBlockDepth * (kBlockCols + kBlockRows) + kBlockCols;

struct Scratch {
  float* b;    // kBlockDepth x kBlockCols, in panels of tile_cols columns
  float* a;    // kBlockDepth x kBlockRows, in panels of tile_rows rows
  float* row;  // one row of B
};

Scratch scratch_of(void* memory, int thread) {
  float* base = static_cast<float*>(memory) + thread * kScratchFloats;
  return {base, base + kBlockDepth * kBlockCols, base + kBlockDepth * (kBlockCols + kBlockRows)};
}

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Panel j holds columns [j * width, (j + 1) * width) as [depth, width], zeros behind the last column.
void pack_b(const Product& p, int64_t row0, int64_t depth, int64_t col0, int64_t cols, int width,
            const Scratch& scratch) {
  for (int64_t r = 0; r < depth; ++r) {
    const float* row = p.b != nullptr ? p.b + (row0 + r) * p.b_row + col0 * p.b_col : scratch.row;
    if (p.source != nullptr) {
      p.source(p.source_context, row0 + r, col0, cols, scratch.row);
    } else if (p.b_col != 1) {
      for (int64_t j = 0; j < cols; ++j) scratch.row[j] = row[j * p.b_col];
      row = scratch.row;
    }
    float* out = scratch.b + r * width;
    int64_t j = 0;
    for (; j + width <= cols; j += width, out += depth * width)
      std::memcpy(out, row + j, static_cast<size_t>(width) * sizeof(float));
    if (j == cols) continue;
    std::memset(out, 0, static_cast<size_t>(width) * sizeof(float));
    std::memcpy(out, row + j, static_cast<size_t>(cols - j) * sizeof(float));
  }
}

// The same for B^T stored by rows: reads along its rows, which are B's columns.
void pack_b_transposed(const Product& p, int64_t row0, int64_t depth, int64_t col0, int64_t cols, int width,
                       const Scratch& scratch) {
  for (int64_t panel = 0; panel < cols; panel += width) {
    float* out = scratch.b + panel * depth;
    for (int64_t j = 0; j < width; ++j) {
      const float* column = p.b + row0 * p.b_row + (col0 + panel + j) * p.b_col;
      for (int64_t r = 0; r < depth; ++r) out[r * width + j] = panel + j < cols ? column[r * p.b_row] : 0.0f;
    }
  }
}

void pack_a(const Product& p, int64_t row0, int64_t rows, int64_t col0, int64_t depth, int height, float* out) {
  for (int64_t panel = 0; panel < rows; panel += height, out += depth * height) {
    const int64_t used = std::min<int64_t>(height, rows - panel);
    for (int64_t r = 0; r < used; ++r) {
      const float* row = p.a + (row0 + panel + r) * p.a_row + col0 * p.a_col;
      for (int64_t d = 0; d < depth; ++d) out[d * height + r] = row[d * p.a_col];
    }
  }
}

struct Range {
  int64_t begin, end;
};

// One block of C. Without reuse (few rows) B is read where it lies instead of being packed.
bool run_block(const KernelCall& call, const Product& p, Range rows, Range cols, const Scratch& scratch) {
  const simd::F32Table& f32 = *call.row->f32;
  const int width = f32.tile_cols, height = f32.tile_rows;
  const bool in_place = p.b != nullptr && p.b_col == 1 && rows.end - rows.begin <= height;
  for (int64_t d0 = 0; d0 == 0 || d0 < p.k; d0 += kBlockDepth) {
    if (call.stopped()) return false;
    const int64_t depth = std::min(kBlockDepth, p.k - d0);
    const int accumulate = p.accumulate || d0 > 0;
    const int64_t whole = in_place ? cols.begin + (cols.end - cols.begin) / width * width : cols.begin;
    if (p.b != nullptr && p.b_row == 1 && p.b_col != 1) {
      pack_b_transposed(p, d0, depth, whole, cols.end - whole, width, scratch);
    } else {
      pack_b(p, d0, depth, whole, cols.end - whole, width, scratch);
    }
    for (int64_t r0 = rows.begin; r0 < rows.end; r0 += kBlockRows) {
      const int64_t r1 = std::min(r0 + kBlockRows, rows.end);
      pack_a(p, r0, r1 - r0, d0, depth, height, scratch.a);
      for (int64_t j = cols.begin; j < cols.end; j += width) {
        const int used = static_cast<int>(std::min<int64_t>(width, cols.end - j));
        const float* b = j < whole ? p.b + d0 * p.b_row + j : scratch.b + (j - whole) * depth;
        const int64_t b_row = j < whole ? p.b_row : width;
        for (int64_t i = r0; i < r1; i += height) {
          f32.tile(static_cast<int>(std::min<int64_t>(height, r1 - i)), used, depth, scratch.a + (i - r0) * depth, b,
                   b_row, p.c + i * p.c_row + j, p.c_row, accumulate);
        }
      }
    }
  }
  return true;
}

// Products of a matrix and one column, both with unit stride along k: dot products beat tiles that are mostly empty.
bool is_matrix_vector(const Product& p) {
  return p.n == 1 && p.a_col == 1 && p.b != nullptr && (p.b_row == 1 || p.k == 1);
}
bool is_vector_matrix(const Product& p) { return p.m == 1 && p.a_col == 1 && p.b != nullptr && p.b_row == 1; }

struct Blocks {
  int64_t rows, cols;            // of one block
  int64_t row_count, col_count;  // blocks of one product
};

// Enough blocks to keep every thread busy, none smaller than what makes packing worth it.
Blocks choose_blocks(const Product& p, int64_t products, const simd::F32Table& f32, int threads) {
  Blocks blocks{std::max<int64_t>(p.m, 1), kBlockCols, 1, 1};
  const int64_t wanted = threads > 1 ? 4 * threads : 1;
  if (threads > 1) {
    const int64_t share = round_up(std::max<int64_t>(1, p.n * products / wanted), f32.tile_cols);
    blocks.cols = std::clamp<int64_t>(share, 2 * kMaxTileCols, kBlockCols);
  }
  blocks.col_count = (p.n + blocks.cols - 1) / blocks.cols;
  const int64_t have = products * blocks.col_count;
  if (have < wanted && p.m >= 2 * kBlockRows / 3) {
    blocks.rows = std::max<int64_t>(round_up((p.m * have + wanted - 1) / wanted, f32.tile_rows), 4 * f32.tile_rows);
  }
  blocks.row_count = (p.m + blocks.rows - 1) / blocks.rows;
  return blocks;
}

}  // namespace

int64_t product_scratch_bytes(int threads) { return threads * kScratchFloats * static_cast<int64_t>(sizeof(float)); }

KernelStatus run_products(const KernelCall& call, int64_t count, Product (*fill)(const void* context, int64_t item),
                          const void* context) {
  if (count == 0) return kDone;
  const Product first = fill(context, 0);
  if (first.m == 0 || first.n == 0) return kDone;
  const simd::F32Table& f32 = *call.row->f32;
  const bool by_rows = is_matrix_vector(first), by_cols = is_vector_matrix(first);
  Blocks blocks = choose_blocks(first, count, f32, call.thread_count());
  if (by_rows || by_cols)
    blocks = {kBlockRows, kBlockCols, by_rows ? (first.m + kBlockRows - 1) / kBlockRows : 1,
              by_rows ? 1 : (first.n + kBlockCols - 1) / kBlockCols};
  const int64_t per_product = blocks.row_count * blocks.col_count;
  std::atomic<bool> stopped{false};
  auto body = [&](int64_t begin, int64_t end, int thread) {
    const Scratch scratch = scratch_of(call.scratch, thread);
    for (int64_t task = begin; task < end && !stopped.load(std::memory_order_relaxed); ++task) {
      const Product p = fill(context, task / per_product);
      const int64_t block = task % per_product;
      const int64_t r0 = block / blocks.col_count * blocks.rows, c0 = block % blocks.col_count * blocks.cols;
      const Range rows{r0, std::min(r0 + blocks.rows, p.m)}, cols{c0, std::min(c0 + blocks.cols, p.n)};
      if (by_rows || by_cols) {
        if (call.stopped()) stopped.store(true, std::memory_order_relaxed);
        for (int64_t i = rows.begin; by_rows && i < rows.end; ++i) {
          p.c[i * p.c_row] = (p.accumulate ? p.c[i * p.c_row] : 0.0f) + f32.dot(p.k, p.a + i * p.a_row, p.b);
        }
        for (int64_t j = cols.begin; !by_rows && j < cols.end; ++j) {
          p.c[j] = (p.accumulate ? p.c[j] : 0.0f) + f32.dot(p.k, p.a, p.b + j * p.b_col);
        }
      } else if (!run_block(call, p, rows, cols, scratch)) {
        stopped.store(true, std::memory_order_relaxed);
      }
    }
  };
  if (call.threads != nullptr) {
    call.threads->for_each(count * per_product, body);
  } else {
    body(0, count * per_product, 0);
  }
  return stopped.load() ? kStopped : kDone;
}

}  // namespace minnow::kernels
