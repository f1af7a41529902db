#include "kernels/integer_gemm.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace minnow::kernels {
namespace {

const simd::IntegerTable& table_of(const KernelRow& row) { return *row.f32->integer; }

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Elements of A's row as the tile reads it.
int64_t row_of(const simd::IntegerTable& table, int64_t k) { return round_up(k, table.group); }
constexpr int64_t kSlack = 16;

// Bytes of A may lack the zero point, words never do.
bool has_shift(const simd::IntegerTable& table) { return table.element_bytes == 1; }

int32_t shift_of(const KernelCall& call) {
  const simd::IntegerTable& table = table_of(*call.row);
  if (!has_shift(table)) return 0;
  return (call.problem->input(kIntegerX).dtype == DType::uint8 ? 0 : -128) - table.lowest - zero_of(call, kXZero);
}

int64_t panel_bytes(const simd::IntegerTable& table, int64_t k) {
  return table.tile_cols * (row_of(table, k) + (has_shift(table) ? static_cast<int64_t>(sizeof(int32_t)) : 0));
}

// Rows of A that are widened at once: 64 KiB of them, an eighth of a level-2 cache of 512 KiB, 16 tiles at most.
int64_t strip_rows(const KernelRow& row, int64_t m, int64_t k, int threads) {
  constexpr int64_t kStripBytes = 64 << 10;
  const simd::IntegerTable& table = table_of(row);
  const int64_t height = table.tile_rows, row_bytes = std::max<int64_t>(row_of(table, k), 1) * table.element_bytes;
  const int64_t fitting = kStripBytes / row_bytes / height * height;
  const int64_t share = round_up((m + 2 * threads - 1) / (2 * threads), height);
  return std::clamp(std::min(fitting, threads > 1 ? share : fitting), height, 16 * height);
}

int64_t strip_bytes(const KernelRow& row, int64_t m, int64_t k, int threads) {
  const int64_t rows = std::min(strip_rows(row, m, k, threads), m);
  return whole_lines((rows * row_of(table_of(row), k) + kSlack) * table_of(row).element_bytes) + whole_lines(rows * 4);
}

// The tiles of a strip, columns [col, end).
void run_strip(const KernelCall& call, const IntegerProduct& p, int64_t first, int64_t rows, int64_t col, int64_t end,
               const char* a, const int32_t* sums) {
  const simd::IntegerTable& table = table_of(*call.row);
  const int64_t row = row_of(table, p.k), panel = panel_bytes(table, p.k);
  const int32_t shift = shift_of(call);
  const int64_t width = p.finish.scales != nullptr && p.finish.to_codes ? 1 : 4;
  for (; col < end; col += table.tile_cols) {
    const simd::IntegerFinish finish = from_column(p.finish, col);
    const int cols = static_cast<int>(std::min<int64_t>(table.tile_cols, p.n - col));
    for (int64_t i = 0; i < rows;) {
      const int64_t left = rows - i, height = table.tile_rows;
      // Two halves rather than a whole tile and a thin one.
      const int64_t used = left <= height ? left : left < 2 * height ? (left + 1) / 2 : height;
      const simd::IntegerTile tile{row / table.group,
                                   a + i * row * table.element_bytes,
                                   row,
                                   sums + i,
                                   p.panels + col / table.tile_cols * panel,
                                   shift,
                                   static_cast<char*>(p.c) + ((first + i) * p.c_row + col) * width,
                                   p.c_row,
                                   &finish};
      table.tile(static_cast<int>(used), cols, &tile);
      i += used;
    }
  }
}

template <class T>
void spread(const KernelCall& call, int input, int64_t channels, T* out) {
  if (!has_input(*call.problem, input)) return;
  const T* from = static_cast<const T*>(call.inputs[input]);
  const bool one = call.problem->input(input).elements() == 1;
  for (int64_t i = 0; i < channels; ++i) out[i] = from[one ? 0 : i];
}

int32_t code_at(const KernelCall& call, int input, int64_t i) {
  const void* data = call.inputs[input];
  if (call.problem->input(input).dtype == DType::int8) return static_cast<const int8_t*>(data)[i];
  return static_cast<const uint8_t*>(data)[i];
}

// Panels hold unsigned codes less 128. Whether any is not 0.
bool fill_zero_points(const KernelCall& call, int64_t channels, int32_t* out) {
  const int32_t shift = call.problem->input(kIntegerW).dtype == DType::uint8 ? 128 : 0;
  const bool given = has_input(*call.problem, kWZero);
  const bool one = given && call.problem->input(kWZero).elements() == 1;
  bool any = false;
  for (int64_t i = 0; i < channels; ++i) {
    out[i] = (given ? code_at(call, kWZero, one ? 0 : i) : 0) - shift;
    any = any || out[i] != 0;
  }
  return any;
}

}  // namespace

bool has_input(const Problem& p, int i) { return i < p.own_input_count() && p.input(i).dtype != DType::undefined; }
bool is_byte(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

bool accepts_integer_product(const Problem& p, int64_t channels) {
  if (p.input_count < 2 || p.input_count > kIntegerInputs || p.operand_count != p.input_count + 1) return false;
  if (p.epilogue.residual || !is_byte(p.input(kIntegerX).dtype) || !is_byte(p.input(kIntegerW).dtype)) return false;
  const auto one_or_all = [&](int i) { return p.input(i).elements() == 1 || p.input(i).elements() == channels; };
  for (int i : {kXZero, kWZero}) {
    if (!has_input(p, i)) continue;
    if (p.input(i).dtype != p.input(i - 2).dtype) return false;
    if (i == kXZero ? p.input(i).elements() != 1 : !one_or_all(i)) return false;
  }
  const bool scaled = has_input(p, kIntegerScale), codes = has_input(p, kYZero);
  if (scaled && (p.input(kIntegerScale).dtype != DType::float32 || !one_or_all(kIntegerScale))) return false;
  if (has_input(p, kIntegerBias)) {
    const DType bias = p.input(kIntegerBias).dtype;
    if ((bias != DType::int32 && (bias != DType::float32 || !scaled)) || !one_or_all(kIntegerBias)) return false;
  }
  const DType y = p.output(0).dtype;
  if (!codes) return p.epilogue.none() && y == (scaled ? DType::float32 : DType::int32);
  const bool limits = p.epilogue.none() || p.epilogue.activation == Activation::clip;
  return scaled && limits && is_byte(y) && p.input(kYZero).dtype == y && p.input(kYZero).elements() == 1;
}

int32_t zero_of(const KernelCall& call, int input) {
  return has_input(*call.problem, input) ? code_at(call, input, 0) : 0;
}

int64_t finish_bytes(const KernelRow& row, int64_t channels) {
  return 4 * whole_lines((channels + table_of(row).tile_cols) * 4);
}

simd::IntegerFinish make_finish(const KernelCall& call, int64_t channels, void* memory) {
  const Problem& p = *call.problem;
  const int64_t bytes = finish_bytes(*call.row, channels), part = bytes / 4;
  std::memset(memory, 0, static_cast<size_t>(bytes));
  char* base = static_cast<char*>(memory);
  auto* offsets = reinterpret_cast<int32_t*>(base);
  auto* zero_points = reinterpret_cast<int32_t*>(base + part);
  auto* scales = reinterpret_cast<float*>(base + 2 * part);
  auto* shifts = reinterpret_cast<float*>(base + 3 * part);
  const bool scaled = has_input(p, kIntegerScale);
  const bool late = has_input(p, kIntegerBias) && p.input(kIntegerBias).dtype == DType::float32;
  if (late) spread(call, kIntegerBias, channels, shifts);
  if (!late) spread(call, kIntegerBias, channels, offsets);
  spread(call, kIntegerScale, channels, scales);
  const bool any = fill_zero_points(call, channels, zero_points);
  simd::IntegerFinish finish{.offsets = offsets,
                             .zero_points = any ? zero_points : nullptr,
                             .scales = scaled ? scales : nullptr,
                             .shifts = late ? shifts : nullptr,
                             .to_codes = has_input(p, kYZero)};
  if (!finish.to_codes) return finish;
  finish.zero = zero_of(call, kYZero);
  finish.is_signed = p.output(0).dtype == DType::int8;
  finish.low = finish.is_signed ? -128 : 0;
  finish.high = finish.is_signed ? 127 : 255;
  if (p.epilogue.activation != Activation::clip) return finish;
  const auto code = [least = finish.low, most = finish.high](float limit) {
    if (!(limit > static_cast<float>(least))) return least;
    return limit < static_cast<float>(most) ? static_cast<int32_t>(limit) : most;
  };
  finish.low = code(p.epilogue.parameters[0]);
  finish.high = code(p.epilogue.parameters[1]);
  return finish;
}

simd::IntegerFinish from_column(const simd::IntegerFinish& finish, int64_t first) {
  simd::IntegerFinish rest = finish;
  rest.offsets += first;
  if (rest.zero_points != nullptr) rest.zero_points += first;
  if (rest.scales != nullptr) rest.scales += first;
  if (rest.shifts != nullptr) rest.shifts += first;
  return rest;
}

int64_t integer_panel_bytes(const KernelRow& row, int64_t depth, int64_t columns) {
  return (columns + table_of(row).tile_cols - 1) / table_of(row).tile_cols * panel_bytes(table_of(row), depth);
}

void pack_integer_panels(const KernelRow& row, const IntegerMatrix& m, const uint8_t* from, int8_t* to) {
  const simd::IntegerTable& table = table_of(row);
  const int64_t width = table.tile_cols, group = table.group, depth = m.depth(), panel = panel_bytes(table, depth);
  std::memset(to, 0, static_cast<size_t>(integer_panel_bytes(row, depth, m.columns)));
  const uint8_t flip = m.is_signed ? 0 : 128;
  for (int64_t j = 0; j < m.columns; ++j) {
    const uint8_t* column = from + j * m.column_step;
    int8_t* first = to + j / width * panel;
    int8_t* out = first + j % width * group;
    int64_t k = 0;
    uint32_t sum = 0;
    for (int64_t o = 0; o < m.outer_count; ++o) {
      for (int64_t i = 0; i < m.inner_count; ++i, ++k) {
        const auto element = static_cast<int8_t>(column[o * m.outer_step + i * m.inner_step] ^ flip);
        out[k / group * group * width + k % group] = element;
        sum += static_cast<uint32_t>(element);
      }
    }
    if (has_shift(table)) std::memcpy(first + width * row_of(table, depth) + j % width * 4, &sum, sizeof sum);
  }
}

int64_t integer_product_scratch_bytes(const KernelRow& row, int64_t m, int64_t k, int threads) {
  return threads * strip_bytes(row, m, k, threads);
}

KernelStatus run_integer_product(const KernelCall& call, const IntegerProduct& p, void* scratch) {
  if (p.m == 0 || p.n == 0) return kDone;
  const simd::IntegerTable& table = table_of(*call.row);
  const int threads = call.thread_count();
  const int64_t height = strip_rows(*call.row, p.m, p.k, threads), strips = (p.m + height - 1) / height;
  // Few rows: threads share the columns, and each widens the rows again.
  const int64_t wanted = threads > 1 && strips < 2 * threads ? (2 * threads + strips - 1) / strips : 1;
  const int64_t cols = round_up((p.n + wanted - 1) / wanted, table.tile_cols), parts = (p.n + cols - 1) / cols;
  const int64_t bytes = strip_bytes(*call.row, p.m, p.k, threads), row = row_of(table, p.k);
  return for_each_item(call, strips * parts, [&](int64_t item, int thread) {
    const int64_t first = item / parts * height, rows = std::min(height, p.m - first), col = item % parts * cols;
    char* memory = static_cast<char*>(scratch) + thread * bytes;
    auto* sums = reinterpret_cast<int32_t*>(memory + bytes - whole_lines(std::min(height, p.m) * 4));
    p.fill(p.context, first, rows, row, memory);
    const uint32_t missing = static_cast<uint32_t>(p.k) * static_cast<uint32_t>(shift_of(call));  // sums wrap
    for (int64_t i = 0; p.finish.zero_points != nullptr && i < rows; ++i) {
      const auto sum = static_cast<uint32_t>(table.sum(row, memory + i * row * table.element_bytes));
      sums[i] = static_cast<int32_t>(sum + missing);
    }
    run_strip(call, p, first, rows, col, std::min(col + cols, p.n), memory, sums);
  });
}

}  // namespace minnow::kernels
