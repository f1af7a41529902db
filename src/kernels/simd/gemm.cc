// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/gemm.h"

#include "kernels/simd/activations.h"
#include "kernels/simd/tables.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

// A tile is kRows x 2 registers of sums. 16 registers hold 6 x 2 sums, two of B and one of A; 32 hold 14 x 2, or, where
// multiply-adds take a lane as a factor, 8 x 2 sums, two of B and eight of A.
#if defined(MN_NEON)
constexpr int kRows = 8;
#else
constexpr int kRows = MN_WIDTH == 16 ? 14 : 6;
#endif
constexpr int kCols = 2 * kWidth;

enum Access { kRowsOfA, kColumnsOfA, kOffsetsOfB };

template <int R, int V>
MN_INLINE void begin(const GemmTile& t, Vector (&sums)[R][V]) {
  for (int v = 0; v < V; ++v) {
    const Vector column = t.col_bias != nullptr ? load(t.col_bias + v * kWidth) : Vector{};
    for (int r = 0; r < R; ++r) {
      sums[r][v] = t.start != nullptr ? load(t.start + r * t.c_row + v * kWidth) + column : column;
      if (t.row_bias != nullptr) sums[r][v] += splat(t.row_bias[r]);
    }
  }
}

#if defined(MN_NEON)
// Four steps of k at once: each row's four elements of A are loaded as one register, whose lanes are the factors. Four
// multiply-adds a load; with a scalar load for each element it would be 1.6. Returns the steps done.
template <int R, int V, class Row>
MN_INLINE int64_t multiply_lanes(int64_t depth, const float* const (&rows)[R], Row row, Vector (&sums)[R][V]) {
  int64_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    Vector a[R];
    for (int r = 0; r < R; ++r) a[r] = load(rows[r] + k);
#pragma GCC unroll 4
    for (int lane = 0; lane < 4; ++lane) {
      const float* b = row(k + lane);
      Vector columns[V];
      for (int v = 0; v < V; ++v) columns[v] = load(b + v * kWidth);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) sums[r][v] += splat(a[r][lane]) * columns[v];
      }
    }
  }
  return k;
}
#else
template <int R, int V, class Row>
MN_INLINE int64_t multiply_lanes(int64_t, const float* const (&)[R], Row, Vector (&)[R][V]) {
  return 0;
}
#endif

template <int R, int V, class Element, class Row>
MN_INLINE void multiply(int64_t first, int64_t depth, Element element, Row row, Vector (&sums)[R][V]) {
  for (int64_t k = first; k < depth; ++k) {
    const float* b = row(k);
    Vector columns[V];
    for (int v = 0; v < V; ++v) columns[v] = load(b + v * kWidth);
#pragma GCC unroll 14
    for (int r = 0; r < R; ++r) {
      const Vector a = splat(element(r, k));
      for (int v = 0; v < V; ++v) sums[r][v] += a * columns[v];
    }
  }
}

template <int R, int V, Access access>
void whole_tile(const GemmTile& t) {
  Vector sums[R][V];
  begin<R, V>(t, sums);
  const float* rows[R];
  for (int r = 0; r < R; ++r) rows[r] = t.a + r * t.a_row;
  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_step = t.a_col, b_step = t.b_row;
  const int64_t* offsets = t.b_offsets;
  const auto in_rows = [&](int r, int64_t k) __attribute__((always_inline)) { return rows[r][k]; };
  const auto in_columns = [&](int r, int64_t) __attribute__((always_inline)) {
    const float value = a[r];
    if (r == R - 1) a += a_step;
    return value;
  };
  const auto next_row = [&](int64_t) __attribute__((always_inline)) {
    const float* row = b;
    b += b_step;
    return row;
  };
  const auto row_at_offset = [&](int64_t k) __attribute__((always_inline)) { return b + offsets[k]; };
  if (access == kRowsOfA) {
    const int64_t done = multiply_lanes<R, V>(t.depth, rows, next_row, sums);
    multiply<R, V>(done, t.depth, in_rows, next_row, sums);
  }
  if (access == kColumnsOfA) multiply<R, V>(0, t.depth, in_columns, next_row, sums);
  if (access == kOffsetsOfB) {
    const int64_t done = multiply_lanes<R, V>(t.depth, rows, row_at_offset, sums);
    multiply<R, V>(done, t.depth, in_rows, row_at_offset, sums);
  }
  float* const c = t.c;
  const int64_t c_row = t.c_row;
  if (t.finish != nullptr && is_clip(*t.finish)) {
    const Vector low = splat(t.finish->a), high = splat(t.finish->b);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) store(c + r * c_row + v * kWidth, at_most(at_least(sums[r][v], low), high));
    }
    return;
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) store(c + r * c_row + v * kWidth, sums[r][v]);
  }
}

template <int V, Access access>
void any_rows(int rows, const GemmTile& t) {
  switch (rows) {
    case 1: return whole_tile<1, V, access>(t);
    case 2: return whole_tile<2, V, access>(t);
    case 3: return whole_tile<3, V, access>(t);
    case 4: return whole_tile<4, V, access>(t);
    case 5: return whole_tile<5, V, access>(t);
    case 6: return whole_tile<6, V, access>(t);
#if MN_WIDTH == 16 || defined(MN_NEON)
    case 7: return whole_tile<7, V, access>(t);
    case 8: return whole_tile<8, V, access>(t);
#endif
#if MN_WIDTH == 16
    case 9: return whole_tile<9, V, access>(t);
    case 10: return whole_tile<10, V, access>(t);
    case 11: return whole_tile<11, V, access>(t);
    case 12: return whole_tile<12, V, access>(t);
    case 13: return whole_tile<13, V, access>(t);
    case 14: return whole_tile<14, V, access>(t);
#endif
    default: return;
  }
}

template <int V>
void any_access(int rows, const GemmTile& t) {
  if (t.b_offsets != nullptr) return any_rows<V, kOffsetsOfB>(rows, t);
  if (t.a_col == 1) return any_rows<V, kRowsOfA>(rows, t);
  return any_rows<V, kColumnsOfA>(rows, t);
}

void tile(int rows, int cols, const GemmTile* given) {
  const GemmTile& t = *given;
  if (cols == kCols || cols == kWidth) {
    cols == kCols ? any_access<2>(rows, t) : any_access<1>(rows, t);
  } else {  // not a whole number of registers: through memory that is
    float whole[kRows * kCols], bias[kCols];
    GemmTile inner = t;
    for (int r = 0; t.start != nullptr && r < rows; ++r) {
      for (int j = 0; j < kCols; ++j) whole[r * kCols + j] = j < cols ? t.start[r * t.c_row + j] : 0.0f;
    }
    if (t.start != nullptr) inner.start = whole;
    for (int j = 0; t.col_bias != nullptr && j < kCols; ++j) bias[j] = j < cols ? t.col_bias[j] : 0.0f;
    if (t.col_bias != nullptr) inner.col_bias = bias;
    inner.c = whole;
    inner.c_row = kCols;
    cols > kWidth ? any_access<2>(rows, inner) : any_access<1>(rows, inner);
    for (int r = 0; r < rows; ++r) {
      for (int j = 0; j < cols; ++j) t.c[r * t.c_row + j] = whole[r * kCols + j];
    }
  }
  if (t.finish != nullptr && !is_clip(*t.finish)) finish_tile(rows, cols, *t.finish, t.c, t.c_row);
}

}  // namespace

const GemmTable kGemmTable = {tile, kRows, kCols};

}  // namespace minnow::simd::MN_ISA
