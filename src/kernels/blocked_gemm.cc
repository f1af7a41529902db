#include "kernels/blocked_gemm.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace minnow::kernels {
namespace {

constexpr int64_t kMaxTileCols = 32;
constexpr int64_t kScratchFloats = kBlockDepth * kBlockCols + kBlockCols;

struct Scratch {
  float* b = nullptr;    // kBlockDepth x kBlockCols, in panels of tile_cols columns
  float* row = nullptr;  // one row of B
};

Scratch scratch_of(void* memory, int thread) {
  if (memory == nullptr) return {};  // B is packed: no scratch was asked for
  float* base = static_cast<float*>(memory) + thread * kScratchFloats;
  return {base, base + kBlockDepth * kBlockCols};
}

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// `width` floats at compile time: memcpy becomes a few moves.
template <int width>
void copy_panels(const float* row, int64_t cols, int64_t panel_step, float* out) {
  int64_t j = 0;
  for (; j + width <= cols; j += width, out += panel_step) std::memcpy(out, row + j, width * sizeof(float));
  if (j == cols) return;
  std::memset(out, 0, width * sizeof(float));
  std::memcpy(out, row + j, static_cast<size_t>(cols - j) * sizeof(float));
}

// Panel j holds columns [j * width, (j + 1) * width) as [depth, width], zeros behind the last column.
void pack_rows(const Product& p, int64_t row0, int64_t depth, int64_t col0, int64_t cols, int width, float* out,
               float* buffer) {
  const auto copy = width == 8 ? copy_panels<8> : width == 16 ? copy_panels<16> : copy_panels<32>;
  for (int64_t r = 0; r < depth; ++r) {
    const float* row = buffer;
    if (p.source != nullptr) {
      p.source(p.source_context, row0 + r, col0, cols, buffer);
    } else {
      row = p.b + (row0 + r) * p.b_row + col0;
    }
    copy(row, cols, depth * width, out + r * width);
  }
}

// The same for any strides; reads along B's columns, which are rows where B is transposed.
void pack_strided(const Product& p, int64_t row0, int64_t depth, int64_t col0, int64_t cols, int width, float* out) {
  for (int64_t panel = 0; panel < cols; panel += width) {
    float* block = out + panel * depth;
    for (int64_t j = 0; j < width; ++j) {
      if (panel + j >= cols) {
        for (int64_t r = 0; r < depth; ++r) block[r * width + j] = 0.0f;
        continue;
      }
      const float* column = p.b + row0 * p.b_row + (col0 + panel + j) * p.b_col;
      for (int64_t r = 0; r < depth; ++r) block[r * width + j] = column[r * p.b_row];
    }
  }
}

void pack_b(const Product& p, int64_t row0, int64_t depth, int64_t col0, int64_t cols, int width, float* out,
            float* buffer) {
  if (p.source != nullptr || p.b_col == 1) {
    pack_rows(p, row0, depth, col0, cols, width, out, buffer);
  } else {
    pack_strided(p, row0, depth, col0, cols, width, out);
  }
}

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

// The tiles of A's rows times one panel of B.
void run_panel(const KernelCall& call, const Product& p, simd::GemmTile tile, Range rows, int64_t col, int64_t depth0) {
  const simd::GemmTable& gemm = *call.row->f32->gemm;
  const int cols = static_cast<int>(std::min<int64_t>(gemm.tile_cols, p.n - col));
  const bool first = depth0 == 0;
  tile.col_bias = first && p.col_bias != nullptr ? p.col_bias + col : nullptr;
  const float* start = first ? p.residual : p.c;
  for (int64_t i = rows.begin; i < rows.end;) {
    const int64_t used = rows_of_tile(rows.end - i, gemm.tile_rows);
    tile.a = p.a + i * p.a_row + depth0 * p.a_col;
    tile.c = p.c + i * p.c_row + col;
    tile.start = start != nullptr ? start + i * p.c_row + col : nullptr;
    tile.row_bias = first && p.row_bias != nullptr ? p.row_bias + i : nullptr;
    gemm.tile(static_cast<int>(used), cols, &tile);
    i += used;
  }
}

// B may be read where it lies if few rows share the cost of packing, or if what is read of it stays in level 1 anyway.
bool reads_in_place(const Product& p, int64_t rows, int height) {
  constexpr int64_t kLevel1Floats = 6144;
  return p.b != nullptr && p.b_col == 1 && (rows <= 2 * height || p.k * p.n <= kLevel1Floats);
}

// One block of C, in slices of at most kBlockDepth along k, all about equally deep.
bool run_block(const KernelCall& call, const Product& p, Range rows, Range cols, const Scratch& scratch) {
  const simd::GemmTable& gemm = *call.row->f32->gemm;
  const int width = gemm.tile_cols;
  const bool in_place = reads_in_place(p, rows.size(), gemm.tile_rows);
  const int64_t slices = std::max<int64_t>(1, (p.k + kBlockDepth - 1) / kBlockDepth);
  const int64_t step = (p.k + slices - 1) / slices;
  for (int64_t slice = 0; slice < slices; ++slice) {
    if (call.stopped()) return false;
    const int64_t d0 = std::min(slice * step, p.k), depth = std::min(step, p.k - d0);
    int64_t whole = cols.begin;  // the panels before it are not packed here
    if (p.b_panels != nullptr) whole = cols.end;
    if (in_place) whole = cols.begin + cols.size() / width * width;
    if (whole < cols.end) pack_b(p, d0, depth, whole, cols.end - whole, width, scratch.b, scratch.row);
    simd::GemmTile tile{};
    tile.depth = depth;
    tile.a_row = p.a_row;
    tile.a_col = p.a_col;
    tile.c_row = p.c_row;
    tile.finish = slice + 1 == slices ? &p.finish : nullptr;
    for (int64_t r0 = rows.begin; r0 < rows.end; r0 += kBlockRows) {
      const Range block{r0, std::min(r0 + kBlockRows, rows.end)};
      for (int64_t j = cols.begin; j < cols.end; j += width) {
        tile.b_row = width;
        if (p.b_panels != nullptr) {
          tile.b = p.b_panels + j * p.k + d0 * width;
        } else if (j < whole) {
          tile.b = p.b + d0 * p.b_row + j;
          tile.b_row = p.b_row;
        } else {
          tile.b = scratch.b + (j - whole) * depth;
        }
        run_panel(call, p, tile, block, j, d0);
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

// One element of C for each row of A (or column of B).
void run_dots(const KernelCall& call, const Product& p, Range range, bool by_rows) {
  const simd::F32Table& f32 = *call.row->f32;
  for (int64_t i = range.begin; i < range.end; ++i) {
    const int64_t row = by_rows ? i : 0, col = by_rows ? 0 : i;
    float* c = p.c + row * p.c_row + col;
    float sum = f32.dot(p.k, p.a + row * p.a_row, p.b + col * p.b_col);
    if (p.row_bias != nullptr) sum += p.row_bias[row];
    if (p.col_bias != nullptr) sum += p.col_bias[col];
    if (p.residual != nullptr) sum += p.residual[row * p.c_row + col];
    f32.activations[p.finish.kind](1, &sum, nullptr, p.finish.a, p.finish.b, c);
  }
}

struct Blocks {
  int64_t rows, cols;            // of one block
  int64_t row_count, col_count;  // blocks of one product
};

// Enough blocks to keep every thread busy, none smaller than what makes packing worth it.
Blocks choose_blocks(const Product& p, int64_t products, const simd::GemmTable& gemm, int threads) {
  Blocks blocks{std::max<int64_t>(p.m, 1), kBlockCols, 1, 1};
  const int64_t wanted = threads > 1 ? 4 * threads : 1;
  if (threads > 1) {
    const int64_t share = round_up(std::max<int64_t>(1, p.n * products / wanted), gemm.tile_cols);
    blocks.cols = std::clamp<int64_t>(share, 2 * kMaxTileCols, kBlockCols);
  }
  blocks.col_count = (p.n + blocks.cols - 1) / blocks.cols;
  const int64_t have = products * blocks.col_count;
  if (have < wanted && p.m >= 2 * kBlockRows / 3) {
    blocks.rows = std::max<int64_t>(round_up((p.m * have + wanted - 1) / wanted, gemm.tile_rows), 4 * gemm.tile_rows);
  }
  blocks.row_count = (p.m + blocks.rows - 1) / blocks.rows;
  return blocks;
}

}  // namespace

int64_t panel_bytes(const KernelRow& row, int64_t k, int64_t n) {
  return round_up(n, row.f32->gemm->tile_cols) * k * static_cast<int64_t>(sizeof(float));
}

void pack_panels(const KernelRow& row, int64_t k, int64_t n, const float* b, int64_t b_row, int64_t b_col, float* out) {
  Product p;
  p.b = b;
  p.b_row = b_row;
  p.b_col = b_col;
  pack_b(p, 0, k, 0, n, row.f32->gemm->tile_cols, out, nullptr);
}

int64_t product_scratch_bytes(int threads) { return threads * kScratchFloats * static_cast<int64_t>(sizeof(float)); }

KernelStatus run_products(const KernelCall& call, int64_t count, Product (*fill)(const void* context, int64_t item),
                          const void* context) {
  if (count == 0) return kDone;
  const Product first = fill(context, 0);
  if (first.m == 0 || first.n == 0) return kDone;
  const bool by_rows = is_matrix_vector(first), by_cols = is_vector_matrix(first);
  Blocks blocks = choose_blocks(first, count, *call.row->f32->gemm, call.thread_count());
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
        if (by_rows) run_dots(call, p, rows, true);
        if (!by_rows) run_dots(call, p, cols, false);
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
